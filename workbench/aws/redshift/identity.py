"""IDENTITY columns: a sequence of the warehouse's own gives their values."""

from __future__ import annotations

import re
import uuid

import duckdb
from sqlglot import exp

from workbench.aws.redshift.refusals import SqlError, not_here, refused

PAGE = "r_CREATE_TABLE_NEW.html"
ALWAYS, BY_DEFAULT = "rs_identity_", "rs_by_default_"  # names of sequences, in the schema main
TARGET = re.compile(r'\s*COPY\s+(?:("[^"]+"|\w+)\.)?("[^"]+"|\w+)', re.I)
SET = "cannot set an identity column to a value"
Generated = exp.GeneratedAsIdentityColumnConstraint


def check(tree: exp.Create | exp.Alter) -> None:
    """SqlError for an IDENTITY that Redshift does not take, or that nobody here keeps."""
    found = list(tree.find_all(Generated))
    if found and isinstance(tree, exp.Alter):
        raise refused("IDENTITY in ALTER TABLE", "r_ALTER_TABLE.html")
    for each in found:
        column = each.find_ancestor(exp.ColumnDef)
        if each.this:
            raise refused("GENERATED ALWAYS AS IDENTITY", PAGE)
        if column is None or not column.kind or not column.kind.is_type("int", "bigint"):
            raise refused("IDENTITY of a type other than INT and BIGINT", PAGE)
        if column.find(exp.DefaultColumnConstraint):
            raise refused("IDENTITY with DEFAULT", PAGE)
        if not each.args.get("start") or not each.args.get("increment"):
            raise SqlError('syntax error at or near "IDENTITY": a seed and a step are needed')
        if not _number(each.args["increment"]):
            raise SqlError("the step of IDENTITY must not be zero")
    if len(found) > 1:
        raise not_here("More than one IDENTITY column in a table")
    if found and tree.find(exp.TemporaryProperty):
        raise not_here("IDENTITY in a temporary table")


def create(cursor: duckdb.DuckDBPyConnection, tree: exp.Expression | None) -> None:
    """CREATE TABLE with an IDENTITY column."""
    assert isinstance(tree, exp.Create)
    table = tree.find(exp.Table)
    assert table is not None
    if tree.args.get("exists") and _exists(cursor, table):
        return
    for each in list(tree.find_all(Generated)):
        seed, step = _number(each.args["start"]), _number(each.args["increment"])
        name = (BY_DEFAULT if "on_null" in each.args else ALWAYS) + uuid.uuid4().hex
        bounds = f"MINVALUE {-(2**63)} MAXVALUE {2**63 - 1}"
        cursor.execute(f"CREATE SEQUENCE main.{name} START {seed} INCREMENT {step} {bounds}")
        value = exp.Anonymous(this="nextval", expressions=[exp.Literal.string(f"main.{name}")])
        column = each.find_ancestor(exp.ColumnDef)
        assert column is not None
        if not column.find(exp.NotNullColumnConstraint):
            column.append("constraints", exp.ColumnConstraint(kind=exp.NotNullColumnConstraint()))
        each.replace(exp.DefaultColumnConstraint(this=value))
    cursor.execute(tree.sql("duckdb"))


def columns(cursor: duckdb.DuckDBPyConnection, schema: str, table: str) -> dict[str, str]:
    """The IDENTITY columns of a table, each with its kind: ALWAYS or BY_DEFAULT."""
    found = cursor.execute(
        "SELECT column_name, column_default FROM duckdb_columns() WHERE schema_name = ? "
        "AND table_name = ? AND column_default LIKE 'nextval(%main.rs_%'",
        [schema or "public", table],
    ).fetchall()
    return {name: ALWAYS if ALWAYS in default else BY_DEFAULT for name, default in found}


def check_write(cursor: duckdb.DuckDBPyConnection, tree: exp.Expression | None) -> None:
    """SqlError if a statement gives a value to an IDENTITY column."""
    table = tree.find(exp.Table) if isinstance(tree, (exp.Insert, exp.Update, exp.Merge)) else None
    if tree is None or table is None:
        return
    kept = columns(cursor, table.db, table.name)
    fixed = {name for name, kind in kept.items() if kind == ALWAYS}
    if kept and isinstance(tree, exp.Merge) and tree.args.get("whens") is None:
        raise not_here("REMOVE DUPLICATES of a table with an IDENTITY column")
    for insert in tree.find_all(exp.Insert) if fixed else ():
        listed = insert.this.expressions if isinstance(insert.this, exp.Expression) else []
        if not listed:
            raise not_here("INSERT without columns into a table with an IDENTITY column")
        if fixed & {each.name for each in listed}:
            raise SqlError(SET)
    for update in tree.find_all(exp.Update) if fixed else ():
        if fixed & {each.this.name for each in update.expressions}:
            raise SqlError(SET)


def check_copy(cursor: duckdb.DuckDBPyConnection, sql: str) -> None:
    """COPY here fills columns by their place; Redshift's makes the values of IDENTITY."""
    match = TARGET.match(sql)
    schema, table = (
        ((part or "").strip('"').lower() for part in match.groups()) if match else ("", "")
    )
    if columns(cursor, schema, table):
        raise not_here("COPY into a table with an IDENTITY column")


def check_like(definition: exp.Expression) -> None:
    """AWS does not say whether LIKE takes an IDENTITY along, so nobody here guesses."""
    for each in definition.find_all(exp.Literal):
        if each.name.startswith((f"main.{ALWAYS}", f"main.{BY_DEFAULT}")):
            raise not_here("LIKE of a table with an IDENTITY column")


def _exists(cursor: duckdb.DuckDBPyConnection, table: exp.Table) -> bool:
    found = cursor.execute(
        "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
        [table.db or "public", table.name],
    )
    return found.fetchone() is not None


def _number(value: exp.Expr) -> int:
    text = value.sql().replace(" ", "")
    if not re.fullmatch(r"-?\d{1,18}", text):
        raise SqlError(f'syntax error at or near "{text}": IDENTITY takes whole numbers')
    return int(text)
