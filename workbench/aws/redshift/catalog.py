"""What the warehouse knows of its own tables: system views, and definitions to copy or change."""

from __future__ import annotations

import re
import uuid
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp

from workbench.aws.redshift import identity, macros
from workbench.aws.redshift.refusals import SqlError

DEFAULT_SCHEMA = "public"
# Types as PG_TABLE_DEF and SVV_COLUMNS spell them; the length stands in a CHECK of the table.
KIND = """CASE WHEN data_type = 'VARCHAR' AND is_char THEN 'character'
    WHEN data_type = 'VARCHAR' THEN 'character varying'
    WHEN data_type = 'TIMESTAMP' THEN 'timestamp without time zone'
    WHEN data_type = 'DOUBLE' THEN 'double precision'
    WHEN data_type = 'FLOAT' THEN 'real'
    WHEN data_type = 'BLOB' THEN 'binary varying'
    WHEN data_type LIKE 'DECIMAL%' THEN 'numeric'
    WHEN data_type LIKE 'STRUCT(rank %' THEN 'super'
    ELSE lower(data_type) END"""
PREPARE = (
    f"CREATE SCHEMA IF NOT EXISTS {DEFAULT_SCHEMA}",
    *macros.PREPARE,
    """CREATE OR REPLACE VIEW main.rs_lengths AS
        SELECT schema_name, table_name, constraint_column_names[1] AS column_name,
            MAX(TRY_CAST(regexp_extract(constraint_text, '<= (\\d+)', 1) AS INTEGER)) AS length,
            BOOL_OR(constraint_text LIKE '%= length(%') AS is_char
        FROM duckdb_constraints()
        WHERE database_name = 'warehouse' AND constraint_type = 'CHECK' GROUP BY ALL""",
    f"""CREATE OR REPLACE VIEW main.rs_svv_columns AS
        SELECT 'dev' AS table_catalog, schema_name AS table_schema, table_name, column_name,
            column_index AS ordinal_position, column_default,
            CASE WHEN is_nullable THEN 'YES' ELSE 'NO' END AS is_nullable, {KIND} AS data_type,
            length AS character_maximum_length, numeric_precision, numeric_scale
        FROM duckdb_columns() LEFT JOIN main.rs_lengths USING (schema_name, table_name, column_name)
        WHERE database_name = 'warehouse' AND schema_name <> 'main'""",
    """CREATE OR REPLACE VIEW main.rs_svv_tables AS
        SELECT 'dev' AS table_catalog, table_schema, table_name, table_type, NULL AS remarks
        FROM information_schema.tables
        WHERE table_catalog = 'warehouse' AND table_schema <> 'main'""",
    """CREATE OR REPLACE VIEW main.rs_svv_table_info AS
        SELECT 'dev' AS "database", schema_name AS "schema", table_oid AS table_id,
            table_name AS "table", estimated_size AS tbl_rows
        FROM duckdb_tables() WHERE database_name = 'warehouse' AND schema_name <> 'main'""",
    """CREATE OR REPLACE VIEW main.rs_svv_all_tables AS
        SELECT table_catalog AS database_name, table_schema AS schema_name, table_name,
            CASE table_type WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END AS table_type, remarks
        FROM main.rs_svv_tables""",
    """CREATE OR REPLACE VIEW main.rs_svv_all_columns AS
        SELECT table_catalog AS database_name, table_schema AS schema_name, table_name,
            column_name, ordinal_position, column_default, is_nullable, data_type,
            character_maximum_length, numeric_precision, numeric_scale
        FROM main.rs_svv_columns""",
    """CREATE OR REPLACE VIEW main.rs_svv_redshift_columns AS
        SELECT database_name, schema_name, table_name, column_name, ordinal_position, data_type,
            column_default, is_nullable
        FROM main.rs_svv_all_columns""",
    """CREATE OR REPLACE VIEW main.rs_svv_all_schemas AS
        SELECT DISTINCT 'dev' AS database_name, schema_name, 'local' AS schema_type
        FROM duckdb_schemas() WHERE database_name = 'warehouse'
            AND schema_name NOT IN ('main', 'information_schema', 'pg_catalog')""",
    """CREATE OR REPLACE VIEW main.rs_pg_tables AS
        SELECT table_schema AS schemaname, table_name AS tablename, 'awsuser' AS tableowner
        FROM main.rs_svv_tables WHERE table_type = 'BASE TABLE'""",
    """CREATE OR REPLACE VIEW main.rs_pg_table_def AS
        SELECT table_schema AS schemaname, table_name AS tablename, column_name AS "column",
            CASE WHEN character_maximum_length IS NOT NULL
                THEN format('{}({})', data_type, character_maximum_length)
                WHEN data_type = 'numeric'
                THEN format('numeric({},{})', numeric_precision, numeric_scale)
                ELSE data_type END AS type,
            is_nullable = 'NO' AS "notnull"
        FROM main.rs_svv_columns""",
)


def definition(cursor: duckdb.DuckDBPyConnection, schema: str, table: str) -> exp.Create:
    """The CREATE TABLE of a table as DuckDB keeps it; SqlError if there is none."""
    row = cursor.execute(
        "SELECT sql FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
        [schema or DEFAULT_SCHEMA, table],
    ).fetchone()
    if row is None:
        raise SqlError(f'relation "{table}" does not exist')
    tree = sqlglot.parse_one(row[0], read="duckdb")
    assert isinstance(tree, exp.Create)
    return tree


def define(cursor: duckdb.DuckDBPyConnection, tree: exp.Expression | None) -> None:
    """CREATE TABLE … (LIKE …), or the one change of an ALTER TABLE that needs a rebuild."""
    if isinstance(tree, exp.Alter):
        rebuild(cursor, tree.this, tree.args["actions"][0])
    elif isinstance(tree, exp.Create):
        like = tree.this.expressions[0]
        defaults = any(
            each.name.upper() == "INCLUDING" and each.args["value"].name.upper() == "DEFAULTS"
            for each in like.expressions
        )
        create_like(cursor, tree, like.this, defaults)


def create_like(
    cursor: duckdb.DuckDBPyConnection, create: exp.Create, source: exp.Table, defaults: bool
) -> None:
    """CREATE TABLE … (LIKE …): columns, NOT NULL and lengths; defaults if they are asked for."""
    copied = definition(cursor, source.db, source.name)
    identity.check_like(copied)
    for each in [] if defaults else list(copied.find_all(exp.ColumnConstraint)):
        if isinstance(each.args.get("kind"), exp.DefaultColumnConstraint):
            each.pop()
    create.set("this", exp.Schema(this=create.this.this, expressions=copied.this.expressions))
    cursor.execute(create.sql("duckdb"))


def rebuild(cursor: duckdb.DuckDBPyConnection, table: exp.Table, column: exp.ColumnDef) -> None:
    """Add ``column``, or give it the new type, by a copy of the table.

    DuckDB can neither add a column with a CHECK nor change one that has it, and the CHECK is
    what holds a VARCHAR's length.
    """
    old = definition(cursor, table.db, table.name)
    parts = old.this.expressions
    names = [each.name for each in parts if isinstance(each, exp.ColumnDef)]
    if column.name in names:
        _retype(old.this, column)
    else:
        old.this.append("expressions", column)
    new = f"rs_rebuilt_{uuid.uuid4().hex}"
    path = exp.table_(new, db=table.db or DEFAULT_SCHEMA, quoted=True)
    old.set("this", exp.Schema(this=path, expressions=old.this.expressions))
    listed = ", ".join(exp.to_identifier(name, quoted=True).sql("duckdb") for name in names)
    source = table.sql("duckdb")
    cursor.execute(old.sql("duckdb"))
    cursor.execute(f"INSERT INTO {path.sql('duckdb')} ({listed}) SELECT {listed} FROM {source}")
    cursor.execute(f"DROP TABLE {source}")
    name = exp.to_identifier(table.name, quoted=True).sql("duckdb")
    cursor.execute(f"ALTER TABLE {path.sql('duckdb')} RENAME TO {name}")


def _retype(schema: Any, column: exp.ColumnDef) -> None:
    """Put the new length's CHECK in the place of the old one."""
    pattern = re.compile(rf'(?i)strlen\("?{re.escape(column.name)}"?\)')
    kept = [
        each
        for each in schema.expressions
        if isinstance(each, exp.ColumnDef) or not pattern.search(each.sql("duckdb"))
    ]
    checks = [
        each.args["kind"]
        for each in column.args.get("constraints") or []
        if isinstance(each.args.get("kind"), exp.CheckColumnConstraint)
    ]
    schema.set("expressions", [*kept, *checks])
