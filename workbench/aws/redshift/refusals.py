"""What Redshift refuses, or what nobody here executes: by name, with the page that says so."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift

from workbench.aws.redshift import functions

# https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html, as the library lists them.
RESERVED = frozenset(word.strip() for word in Redshift.Generator.RESERVED_KEYWORDS)
GUIDE = "https://docs.aws.amazon.com/redshift/latest/dg"
UNSUPPORTED = "c_unsupported-postgresql-features.html"


class SqlError(Exception):
    """A statement's failure, as Redshift prints it in DescribeStatement.Error."""

    def __init__(self, message: str, prefix: str = "ERROR: ") -> None:
        super().__init__(prefix + message)


class NotHere(SqlError):
    """What Redshift has, and nobody here executes."""


def refused(what: str, page: str = UNSUPPORTED) -> SqlError:
    return SqlError(f"{what} is not supported by Amazon Redshift. See {GUIDE}/{page}")


def not_here(what: str) -> NotHere:
    return NotHere(f"{what} is not supported by the local Redshift")


# Whole statements; everything else does not run at all.
STATEMENTS = (
    exp.Query,
    exp.Insert,
    exp.Update,
    exp.Delete,
    exp.Merge,
    exp.Create,
    exp.Drop,
    exp.Alter,
    exp.TruncateTable,
    exp.Comment,
    exp.Grant,
    exp.Analyze,
)
OBJECTS = {"TABLE", "VIEW", "SCHEMA"}

NODES: dict[type[exp.Expression], str] = {
    exp.OnConflict: "ON CONFLICT",
    exp.Returning: "RETURNING",
    exp.CheckColumnConstraint: "CHECK",
    exp.ArrayAgg: "ARRAY_AGG",
    exp.List: "A list",
    exp.Map: "A map",
    exp.Struct: "A struct",
    exp.Lambda: "A lambda",
    exp.Lateral: "LATERAL",
    exp.GenerateSeries: "generate_series",
    exp.ExplodingGenerateSeries: "generate_series",
    exp.Explode: "unnest",
    exp.ReadCSV: "read_csv",
    exp.ReadParquet: "read_parquet",
    exp.TableSample: "TABLESAMPLE",
    exp.Columns: "COLUMNS",
    exp.Filter: "FILTER",
    exp.Lock: "FOR UPDATE",
    exp.Uuid: "gen_random_uuid",
    exp.Format: "format",
    exp.InheritsProperty: "INHERITS",
    exp.UnloggedProperty: "UNLOGGED",
}
# Redshift has these; nobody here executes them.
NOT_HERE: dict[type[exp.Expression], str] = {
    exp.Into: "SELECT INTO",
    exp.MaterializedProperty: "A materialized view",
    exp.CurrentUserId: "CURRENT_USER_ID",
}
Type = exp.DataType.Type
TYPES = {
    Type.BOOLEAN, Type.SMALLINT, Type.INT, Type.BIGINT, Type.DECIMAL, Type.FLOAT, Type.DOUBLE,
    Type.CHAR, Type.NCHAR, Type.BPCHAR, Type.VARCHAR, Type.NVARCHAR, Type.TEXT, Type.DATE,
    Type.TIME, Type.TIMETZ, Type.TIMESTAMP, Type.TIMESTAMPTZ, Type.DATETIME, Type.VARBINARY,
    Type.INTERVAL, Type.SUPER,
}  # fmt: skip
TYPES_NOT_HERE = {Type.GEOMETRY, Type.GEOGRAPHY, Type.HLLSKETCH}
LENGTHS = (
    Type.VARCHAR, Type.TEXT, Type.NVARCHAR, Type.CHAR, Type.NCHAR, Type.BPCHAR, Type.VARBINARY,
)  # fmt: skip
TEXTS = (Type.VARCHAR, Type.TEXT, Type.NVARCHAR)
MAX_COLUMNS = 1600
SYSTEM_COLUMNS = {"oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}
SYSTEM_TABLES = {  # those that we have, and where
    "svv_tables": "rs_svv_tables",
    "svv_columns": "rs_svv_columns",
    "svv_table_info": "rs_svv_table_info",
    "pg_table_def": "rs_pg_table_def",
    "svv_all_tables": "rs_svv_all_tables",
    "svv_all_columns": "rs_svv_all_columns",
    "svv_all_schemas": "rs_svv_all_schemas",
    "svv_redshift_tables": "rs_svv_all_tables",
    "svv_redshift_columns": "rs_svv_redshift_columns",
    "svv_redshift_schemas": "rs_svv_all_schemas",
    "pg_tables": "rs_pg_tables",
    "stl_load_errors": "rs_stl_load_errors",
    "sys_load_error_detail": "rs_sys_load_error_detail",
    "sys_load_history": "rs_sys_load_history",
    "information_schema.tables": "rs_svv_tables",
    "information_schema.columns": "rs_svv_columns",
}
# What the views stand on: nobody's to read or to drop by name.
OURS = {*SYSTEM_TABLES.values(), "rs_lengths", "rs_loads", "rs_rejected"}
SYSTEM_PREFIXES = ("pg_", "stl_", "stv_", "svl_", "svv_", "svcs_", "sys_")
SUPER_NODES = (
    exp.Bracket, exp.Array, exp.AtIndex, exp.Unnest, exp.ParseJSON, exp.IsArray,
    exp.JSONExtractScalar,
)  # fmt: skip


def check(tree: exp.Expression) -> bool:
    """Raise SqlError unless Redshift takes the statement and we can run it.

    Returns whether there may be SUPER in it, as far as one can tell without a table's columns.
    """
    if not isinstance(tree, STATEMENTS):
        raise not_here(f"the statement {tree.sql('redshift')[:60]!r}")
    if isinstance(tree, (exp.Create, exp.Drop)) and tree.args.get("kind") not in OBJECTS:
        what = f"{tree.key.upper()} {tree.args.get('kind')}"
        if tree.args.get("kind") in ("PROCEDURE", "FUNCTION", "DATABASE"):
            raise not_here(what)
        raise refused(what)
    _create(tree)
    semistructured, relations, qualifiers = False, set(), set()
    for node in tree.walk():
        if name := _named(type(node), NOT_HERE):
            raise not_here(name)
        if name := _named(type(node), NODES):
            raise refused(name)
        if isinstance(node, exp.Command):
            raise not_here(f"{node.this} {node.expression}")
        if isinstance(node, exp.DML) and node is not tree and not isinstance(node.parent, exp.When):
            # Whole statements only; PostgreSQL and DuckDB take them inside of WITH.
            raise SqlError(f'syntax error at or near "{node.key.upper()}"')
        if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
            raise refused("VALUES used as a table")
        if isinstance(node, exp.DataType):
            _type(node)
        if isinstance(node, (exp.Table, exp.Subquery)):
            relations.add(node.alias_or_name.lower())
        if isinstance(node, exp.Table):
            _table(node)
        if isinstance(node, exp.Column) and node.table:
            qualifiers.add(node.parts[0].name.lower())
        if isinstance(node, exp.ColumnDef):
            _name(node.this)
        if isinstance(node, exp.Identifier) and len(node.name.encode()) > 127:
            raise SqlError(f'identifier "{node.name[:40]}…" is longer than 127 bytes')
        semistructured = _semistructured(node) or semistructured
        if isinstance(node, exp.Func):
            _function(node)
    return semistructured or not qualifiers <= relations


def _semistructured(node: exp.Expr) -> bool:
    """Whether a node is of SUPER. What only looks like it is refused."""
    if isinstance(node, exp.Array) and node.args.get("bracket_notation"):
        raise refused("An array")
    if isinstance(node, exp.Unnest) and not isinstance(node.parent, (exp.Join, exp.From)):
        raise refused("unnest")
    if isinstance(node, exp.Pivot):
        if not isinstance(node.this, (exp.AtIndex, exp.Alias)):
            raise not_here("PIVOT")
        return True
    if isinstance(node, exp.Dot):
        return isinstance(node.expression, exp.Identifier)
    if isinstance(node, exp.DataType):
        return node.is_type(Type.SUPER)
    if isinstance(node, exp.Anonymous):
        return node.name.lower() in functions.OF_SUPER
    return isinstance(node, SUPER_NODES)


def _function(call: exp.Func) -> None:
    """Refuse a function that Redshift has not, and one that nobody here executes."""
    written = call.name if isinstance(call, exp.Anonymous) else call.meta.get(functions.NAME)
    name = str(written or "").lower()  # empty where it is no call: CASE, CAST, CURRENT_DATE
    if name in functions.NOT_HERE or name.startswith(functions.SPATIAL):
        raise not_here(name.upper())
    if name and name not in functions.HERE:
        raise SqlError(f"function {name}() does not exist")


def _create(tree: exp.Expression) -> None:
    if not isinstance(tree, exp.Create) or tree.args.get("kind") != "TABLE":
        return
    query = tree.args.get("expression")
    if isinstance(query, exp.Query):
        named = [each.alias_or_name.lower() for each in query.selects if each.alias_or_name != "*"]
        for name in named:
            if named.count(name) > 1:
                raise SqlError(f'column "{name}" specified more than once')
    if tree.args.get("replace"):
        raise refused("CREATE OR REPLACE TABLE", "r_CREATE_TABLE_NEW.html")
    columns = [each.name.lower() for each in tree.find_all(exp.ColumnDef)]
    if len(columns) > MAX_COLUMNS:
        raise SqlError(f"tables can have at most {MAX_COLUMNS} columns")
    for name in columns:
        if name in SYSTEM_COLUMNS:
            raise SqlError(f'column name "{name}" conflicts with a system column name')
        if columns.count(name) > 1:
            raise SqlError(f'column "{name}" specified more than once')


def _named(kind: type, names: dict[type[exp.Expression], str]) -> str | None:
    """What ``names`` has of a node's class or of what it is derived from."""
    return next((names[each] for each in kind.__mro__ if each in names), None)


def _name(name: object) -> None:
    """A reserved word is no name, unless it is quoted."""
    if isinstance(name, exp.Identifier) and not name.quoted and name.name.lower() in RESERVED:
        raise SqlError(
            f'syntax error at or near "{name.name}": a reserved word must be quoted as a name. '
            f"See {GUIDE}/r_pg_keywords.html"
        )


def _table(table: exp.Table) -> None:
    for part in (table.args.get("db"), table.this):
        _name(part)
    if not table.this:  # CREATE SCHEMA and DROP SCHEMA name only a schema
        if table.db.lower() == "public" and isinstance(table.parent, exp.Drop):
            raise not_here("DROP SCHEMA public")  # every session begins in it
        if table.db.lower() in ("main", "system", "temp", "information_schema", "pg_catalog"):
            raise SqlError(f'unacceptable schema name "{table.db.lower()}"')
        return
    if not isinstance(table.this, exp.Identifier):
        call = table.this
        name = call.sql_name() if isinstance(call, exp.Func) else call.key
        name = call.name if isinstance(call, exp.Anonymous) else NODES.get(type(call), name)
        raise refused(f"The table function {name.lower()}")
    name, schema = table.name.lower(), table.db.lower()
    relation(schema, name)
    path = f"{schema}.{name}" if schema == "information_schema" else name
    system = schema in ("information_schema", "pg_catalog") or (
        not schema and name.startswith(SYSTEM_PREFIXES)
    )
    if system and path not in SYSTEM_TABLES:
        raise not_here(f"The system table {path}")


def relation(schema: str, name: str) -> None:
    """Refuse what is DuckDB's own, or what stands behind the system views."""
    if schema in ("main", "system", "temp"):
        raise SqlError(f'schema "{schema}" does not exist')
    if name in OURS or name.startswith(("duckdb_", "sqlite_", "pragma_", "__copy")):
        raise SqlError(f'relation "{name}" does not exist')


def _type(kind: exp.DataType) -> None:
    numbers = [int(each.name) for each in kind.expressions if each.name.isdigit()]
    if kind.this in TYPES_NOT_HERE:
        raise not_here(f"The type {kind.this.value}")
    if kind.this not in TYPES:
        name = getattr(kind.this, "value", kind.this)  # OID and its like are no enumeration
        raise refused(f"The type {name}", "c_unsupported-postgresql-datatypes.html")
    if kind.is_type(Type.DECIMAL) and numbers and (numbers[0] > 38 or sum(numbers[1:]) > 37):
        raise SqlError("DECIMAL precision must be between 1 and 38, its scale at most 37")
    if kind.is_type(*LENGTHS) and numbers and numbers[0] < 1:
        raise SqlError(f"length for type {kind.sql('redshift')} must be at least 1")
    if kind.is_type(*TEXTS) and numbers and numbers[0] > 65535:
        raise SqlError("length for type character varying cannot exceed 65535")
    if kind.is_type(Type.VARBINARY) and numbers and numbers[0] > 16_777_216:
        raise SqlError("length for type binary varying cannot exceed 16777216")
    if kind.is_type(Type.CHAR, Type.NCHAR, Type.BPCHAR) and numbers and numbers[0] > 4096:
        raise SqlError("length for type character cannot exceed 4096")
