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
MATCHED = "temp.rs_matched"  # the places of rows that a MERGE replaces
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


def run(cursor: duckdb.DuckDBPyConnection, merge: exp.Merge, sql: str) -> int:
    """Run a MERGE, ``sql`` as DuckDB has it, by the cheapest way to the same rows; returns how many
    were inserted or changed.

    Into an empty table it is an INSERT: DuckDB writes what it inserts as it comes. Where whole rows
    are replaced, as Redshift does with each row that it updates, the old ones are deleted and all
    are inserted: an UPDATE makes DuckDB write every block anew in which it changed one row.
    """
    target = merge.this.sql("duckdb")
    if not cursor.execute(f"SELECT 1 FROM {target} LIMIT 1").fetchone():
        return _count(cursor, _insertion(merge))
    if not (_replaces_rows(cursor, merge) and _delete_matches(cursor, merge)):
        return _count(cursor, sql)
    return _count(cursor, _insertion(merge))


def _count(cursor: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row else 0


def _then(merge: exp.Merge, matched: bool) -> exp.Expression:
    whens = merge.args["whens"].expressions
    then: exp.Expression = next(
        each.args["then"] for each in whens if bool(each.args.get("matched")) == matched
    )
    return then


def _insertion(merge: exp.Merge) -> str:
    """All rows of the source, as WHEN NOT MATCHED inserts them."""
    insert, columns = _then(merge, False), ""
    if insert.this is not None:
        columns = f" ({', '.join(each.sql('duckdb') for each in insert.this.expressions)})"
    values = ", ".join(each.sql("duckdb") for each in insert.expression.expressions)
    source = merge.args["using"].sql("duckdb")
    return f"INSERT INTO {merge.this.sql('duckdb')}{columns} SELECT {values} FROM {source}"


def _replaces_rows(cursor: duckdb.DuckDBPyConnection, merge: exp.Merge) -> bool:
    """Does WHEN MATCHED set each column to what WHEN NOT MATCHED inserts?"""
    update, insert = _then(merge, True), _then(merge, False)
    if not isinstance(update, exp.Update) or insert.this is None:
        return False
    pairs = zip(insert.this.expressions, insert.expression.expressions, strict=False)
    inserted = {column.name: value.sql("duckdb") for column, value in pairs}
    updated = {each.this.name: each.expression.sql("duckdb") for each in update.expressions}
    described = cursor.execute(f"DESCRIBE FROM {merge.this.sql('duckdb')}").fetchall()
    return inserted == updated and set(updated) == {str(each[0]) for each in described}


def _delete_matches(cursor: duckdb.DuckDBPyConnection, merge: exp.Merge) -> bool:
    """Delete each row of the target that a row of the source matches; not where several of them
    match the same one, since each would be updated. SqlError where it is the other way round."""
    target, source = merge.this.sql("duckdb"), merge.args["using"].sql("duckdb")
    condition = merge.args["on"].sql("duckdb")
    keys = ", ".join(each.left.sql("duckdb") for each in merge.args["on"].find_all(exp.EQ))
    cursor.execute(
        f"CREATE OR REPLACE TEMP TABLE {MATCHED} AS SELECT {_table(merge.this)}.rowid AS place, "
        f"ROW({keys}) AS key FROM {target} JOIN {source} ON {condition}"
    )
    pairs, places, found = cursor.execute(
        f"SELECT COUNT(*), COUNT(DISTINCT place), COUNT(DISTINCT key) FROM {MATCHED}"
    ).fetchall()[0]
    if pairs > places:
        raise SqlError("Found multiple matches to update the same tuple.")
    if alone := pairs == found:
        cursor.execute(f"DELETE FROM {target} WHERE rowid IN (SELECT place FROM {MATCHED})")
    cursor.execute(f"DROP TABLE {MATCHED}")
    return bool(alone)


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
