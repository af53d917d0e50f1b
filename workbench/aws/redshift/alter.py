"""ALTER TABLE: what Redshift changes in a table, one thing at a time."""

from __future__ import annotations

from sqlglot import exp

from workbench.aws.redshift import tables
from workbench.aws.redshift.plan import Translated, duckdb_sql, targets
from workbench.aws.redshift.refusals import SqlError, refused

Type = exp.DataType.Type
PAGE = "r_ALTER_TABLE.html"


def altered(tree: exp.Alter) -> Translated:
    """ALTER TABLE: one change a statement; keys are not kept; lengths need the table rebuilt."""
    actions = tree.args["actions"]
    if not isinstance(tree.this, exp.Table):
        raise SqlError('syntax error at or near "ALTER"')
    if len(actions) != 1:
        raise refused("More than one change in ALTER TABLE", PAGE)
    action, alone = actions[0], ""
    if isinstance(action, (exp.ColumnDef, exp.Drop)) and action.args.get("exists"):
        raise refused("IF EXISTS and IF NOT EXISTS in ALTER TABLE", PAGE)
    if isinstance(action, exp.AddConstraint):
        return Translated("nothing")
    if isinstance(action, exp.AlterColumn):
        kind = action.args.get("dtype")
        if kind is None or not kind.is_type(Type.VARCHAR, Type.TEXT):
            raise refused("ALTER COLUMN other than TYPE VARCHAR", PAGE)
        action, alone = exp.ColumnDef(this=action.this, kind=kind), "ALTER TABLE ALTER COLUMN"
    if isinstance(action, exp.ColumnDef):
        column = tables.column(action)
        if alone or column.find(exp.CheckColumnConstraint):
            held = exp.Alter(this=tree.this, actions=[column])
            return Translated("rebuild", tables=targets(tree), tree=held, alone=alone)
    return Translated("write", duckdb_sql(tree), targets(tree))
