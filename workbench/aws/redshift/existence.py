"""COMMENT, GRANT, REVOKE, ANALYZE and VACUUM: nothing to do, but what they name must be there."""

from __future__ import annotations

import re

import duckdb
from sqlglot import exp

from workbench.aws.redshift.catalog import DEFAULT_SCHEMA
from workbench.aws.redshift.refusals import SYSTEM_TABLES, SqlError

# https://docs.aws.amazon.com/redshift/latest/dg/r_GRANT.html
PRIVILEGES = frozenset(
    "SELECT INSERT UPDATE DELETE DROP REFERENCES ALTER TRUNCATE CREATE USAGE TEMP TEMPORARY "
    "EXECUTE ALL".split()
)
Named = tuple[tuple[str, str, str], ...]  # schema, table, column; empty where none is named
# A table without a schema is a temporary one, or stands in public.
WHERE = (
    f"(table_schema = ? OR (? = '' AND (table_schema = '{DEFAULT_SCHEMA}' "
    "OR table_catalog = 'temp')))"
)


def of_text(table: str | None, columns: str | None = None) -> Named:
    """The names of a VACUUM or ANALYZE."""
    if not table:
        return ()
    parts = [each.strip('"').lower() for each in re.findall(r'"[^"]+"|\w+', table)]
    schema, name = parts[-2] if len(parts) > 1 else "", parts[-1]
    listed = [each.strip().strip('"').lower() for each in (columns or "").split(",")]
    return tuple((schema, name, column) for column in listed)


def of_tree(tree: exp.Comment | exp.Grant | exp.Revoke) -> Named:
    """The names of a COMMENT, GRANT or REVOKE."""
    for each in tree.args.get("privileges") or []:
        if each.name.upper().removesuffix(" PRIVILEGES") not in PRIVILEGES:
            raise SqlError(f'unrecognized privilege type "{each.name.lower()}"')
    kind = str(tree.args.get("kind") or "TABLE").upper()
    what = tree.args.get("securable") or tree.this
    name = what.name.lower()
    if kind == "SCHEMA":
        return ((name, "", ""),)
    if kind == "COLUMN" and isinstance(what, exp.Column):
        return ((what.db.lower(), what.table.lower(), name),)
    if kind in ("TABLE", "VIEW") and isinstance(what, exp.Table):
        return ((what.db.lower(), name, ""),)
    return ()


def check(cursor: duckdb.DuckDBPyConnection, named: Named) -> None:
    for schema, table, column in named:
        _check(cursor, schema, table, column)


def _check(cursor: duckdb.DuckDBPyConnection, schema: str, table: str, column: str) -> None:
    where = "SELECT 1 FROM information_schema.schemata WHERE schema_name = ?"
    if schema and not cursor.execute(where, [schema]).fetchall():
        raise SqlError(f'schema "{schema}" does not exist')
    if not table or table in SYSTEM_TABLES:
        return
    where = f"SELECT 1 FROM information_schema.tables WHERE {WHERE} AND table_name = ?"
    if not cursor.execute(where, [schema, schema, table]).fetchall():
        raise SqlError(f'relation "{table}" does not exist')
    where = f"SELECT 1 FROM information_schema.columns WHERE {WHERE} AND table_name = ?"
    where += " AND column_name = ?"
    if column and not cursor.execute(where, [schema, schema, table, column]).fetchall():
        raise SqlError(f'column "{column}" of relation "{table}" does not exist')
