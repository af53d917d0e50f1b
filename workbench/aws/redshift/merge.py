"""MERGE: its rules, and REMOVE DUPLICATES, which DuckDB has not."""

from __future__ import annotations

import re
from typing import Any

import duckdb
from sqlglot import exp

from workbench.aws.redshift.refusals import SqlError, refused

PAGE = "r_MERGE.html"
SIMPLIFIED = re.compile(r"\bREMOVE\s+DUPLICATES(\s*;?\s*)$", re.I)
# Stands for REMOVE DUPLICATES while sqlglot reads the rest.
MARK = "rs_remove_duplicates"
FAMILIES = (
    {"SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "FLOAT", "DOUBLE"},
    {"DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE"},
)


def readable(sql: str) -> str:
    """REMOVE DUPLICATES as a WHEN clause, which sqlglot demands of a MERGE."""
    return SIMPLIFIED.sub(rf" WHEN MATCHED AND '{MARK}' = '' THEN DELETE\1", sql)


def simplify(merge: exp.Merge) -> None:
    """Take out the clause that ``readable`` has put in, and remember it."""
    whens = merge.args["whens"].expressions
    condition = whens[-1].args.get("condition")
    if not isinstance(condition, exp.EQ) or condition.this.name != MARK:
        return  # the words stood in a comment
    if len(whens) > 1:
        raise refused("WHEN beside REMOVE DUPLICATES in MERGE", PAGE)
    merge.set("whens", None)


def read_values(insert: exp.Insert) -> None:
    """MERGE … INSERT VALUES (…) without columns, which sqlglot reads as a function's call."""
    columns = insert.this.expressions if isinstance(insert.this, exp.Tuple) else []
    if len(columns) == 1 and isinstance(columns[0], exp.Anonymous):
        insert.set("expression", exp.Tuple(expressions=columns[0].expressions))
        insert.set("this", None)


def is_simplified(tree: exp.Expression) -> bool:
    return isinstance(tree, exp.Merge) and tree.args.get("whens") is None


def check(merge: exp.Merge) -> None:
    """SqlError for what Redshift's MERGE does not take."""
    if merge.args.get("with_") or merge.args.get("with"):
        raise refused("MERGE with WITH", PAGE)
    if merge.this.alias:
        raise refused("An alias of the target of MERGE", PAGE)
    using = merge.args["using"]
    if not isinstance(using, (exp.Table, exp.Subquery)) or not using.alias_or_name:
        raise refused("A source of MERGE without a name", PAGE)
    if any(_same_table(each, merge.this) for each in using.find_all(exp.Table)):
        raise refused("A target of MERGE that is in its source", PAGE)
    _equalities(merge.args["on"])
    if not is_simplified(merge):
        _whens(merge.args["whens"].expressions)


def _same_table(one: exp.Table, other: exp.Table) -> bool:
    same_schema = (one.db or "public").lower() == (other.db or "public").lower()
    return one.name.lower() == other.name.lower() and same_schema


def _whens(whens: list[exp.When]) -> None:
    if sorted(bool(when.args.get("matched")) for when in whens) != [False, True]:
        raise refused("MERGE without one WHEN MATCHED and one WHEN NOT MATCHED", PAGE)
    for when in whens:
        if when.args.get("condition") or when.args.get("source"):
            raise refused("WHEN … AND or BY SOURCE in MERGE", PAGE)
        then = when.args["then"]
        if isinstance(then, exp.Update) and not then.expressions:
            raise SqlError("syntax error: SET is expected after UPDATE in MERGE")
        if isinstance(then, exp.Insert) and not then.expression:
            raise refused("INSERT * and INSERT without VALUES in MERGE", PAGE)
        if isinstance(then, exp.Var) and then.name.upper() != "DELETE":
            raise refused(f"WHEN … THEN {then.name} in MERGE", PAGE)
        sets = then.expressions if isinstance(then, exp.Update) else []
        if any(isinstance(each, exp.Star) for each in sets):
            raise refused("UPDATE SET * in MERGE", PAGE)
        if any(isinstance(each.this, exp.Column) and each.this.table for each in sets):
            raise refused("A qualified column in SET of MERGE", PAGE)


def _equalities(condition: exp.Expr) -> None:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        _equalities(condition.left)
        _equalities(condition.right)
    elif not isinstance(condition, exp.EQ):
        raise refused("A condition of MERGE other than equality", PAGE)


def remove_duplicates(cursor: duckdb.DuckDBPyConnection, merge: exp.Expression | None) -> int:
    """MERGE … REMOVE DUPLICATES; returns the rows of the source, all of which are now there.

    Every row of the target that has a match makes room for it: one row stays of several that
    match the same row of the source.
    """
    assert isinstance(merge, exp.Merge)
    target, using = merge.this.sql("duckdb"), merge.args["using"]
    source, condition = using.sql("duckdb"), merge.args["on"].sql("duckdb")
    name = exp.to_identifier(using.alias_or_name, quoted=True).sql("duckdb")
    _same_columns(_columns(cursor, target), _columns(cursor, source))
    twice = f"SELECT 1 FROM {target} JOIN {source} ON {condition} "
    twice += f"GROUP BY {_table(merge.this)}.rowid HAVING COUNT(*) > 1 LIMIT 1"
    if cursor.execute(twice).fetchone():
        raise SqlError("Found multiple matches to update the same tuple.")
    cursor.execute(f"DELETE FROM {target} USING {source} WHERE {condition}")
    row = cursor.execute(f"INSERT INTO {target} SELECT {name}.* FROM {source}").fetchone()
    return int(row[0]) if row else 0


def _table(table: exp.Table) -> str:
    return exp.to_identifier(table.name, quoted=True).sql("duckdb")


def _columns(cursor: duckdb.DuckDBPyConnection, table: str) -> list[str]:
    """The types of a table's columns; a view or a missing table fails as it would anywhere."""
    described: list[tuple[Any, ...]] = cursor.execute(f"DESCRIBE FROM {table}").fetchall()
    return [str(each[1]).partition("(")[0] for each in described]


def _same_columns(target: list[str], source: list[str]) -> None:
    if len(target) != len(source):
        raise refused("REMOVE DUPLICATES of tables with different numbers of columns", PAGE)
    for ours, theirs in zip(target, source, strict=True):
        if ours != theirs and not any({ours, theirs} <= each for each in FAMILIES):
            raise refused(f"REMOVE DUPLICATES of columns of {theirs} into {ours}", PAGE)
