"""What Redshift refuses, or what nobody here executes: by name, with the page that says so."""

from __future__ import annotations

from sqlglot import exp
from sqlglot.dialects.redshift import Redshift

# https://docs.aws.amazon.com/redshift/latest/dg/r_pg_keywords.html, as the library lists them.
RESERVED = frozenset(word.strip() for word in Redshift.Generator.RESERVED_KEYWORDS)
GUIDE = "https://docs.aws.amazon.com/redshift/latest/dg"
UNSUPPORTED = "c_unsupported-postgresql-features.html"


class SqlError(Exception):
    """A statement's failure, as Redshift prints it in DescribeStatement.Error."""

    def __init__(self, message: str, prefix: str = "ERROR: ") -> None:
        super().__init__(prefix + message)


def refused(what: str, page: str = UNSUPPORTED) -> SqlError:
    return SqlError(f"{what} is not supported by Amazon Redshift. See {GUIDE}/{page}")


def not_here(what: str) -> SqlError:
    return SqlError(f"{what} is not supported by the local Redshift")


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
    exp.Array: "An array",
    exp.ArrayAgg: "ARRAY_AGG",
    exp.List: "A list",
    exp.Map: "A map",
    exp.Struct: "A struct",
    exp.Lambda: "A lambda",
    exp.Lateral: "LATERAL",
    exp.GenerateSeries: "generate_series",
    exp.ExplodingGenerateSeries: "generate_series",
    exp.Unnest: "unnest",
    exp.Explode: "unnest",
    exp.ReadCSV: "read_csv",
    exp.ReadParquet: "read_parquet",
    exp.Collate: "COLLATE",
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
    exp.Pivot: "PIVOT",
    exp.Into: "SELECT INTO",
    exp.GeneratedAsIdentityColumnConstraint: "IDENTITY",
    exp.MaterializedProperty: "A materialized view",
    exp.Bracket: "Navigation into SUPER",
    exp.CurrentVersion: "VERSION()",
}
Type = exp.DataType.Type
TYPES = {
    Type.BOOLEAN, Type.SMALLINT, Type.INT, Type.BIGINT, Type.DECIMAL, Type.FLOAT, Type.DOUBLE,
    Type.CHAR, Type.NCHAR, Type.BPCHAR, Type.VARCHAR, Type.NVARCHAR, Type.TEXT, Type.DATE,
    Type.TIME, Type.TIMETZ, Type.TIMESTAMP, Type.TIMESTAMPTZ, Type.VARBINARY, Type.INTERVAL,
}  # fmt: skip
TYPES_NOT_HERE = {Type.SUPER, Type.GEOMETRY, Type.GEOGRAPHY, Type.HLLSKETCH}
LENGTHS = ("varchar", "text", "nvarchar", "char", "nchar", "bpchar", "varbinary")
MAX_COLUMNS = 1600
SYSTEM_COLUMNS = {"oid", "tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"}
SYSTEM_TABLES = {  # those that we have, and where
    "svv_tables": "rs_svv_tables",
    "svv_columns": "rs_svv_columns",
    "svv_table_info": "rs_svv_table_info",
    "pg_table_def": "rs_pg_table_def",
    "information_schema.tables": "rs_svv_tables",
    "information_schema.columns": "rs_svv_columns",
}
SYSTEM_PREFIXES = ("pg_", "stl_", "stv_", "svl_", "svv_", "svcs_", "sys_")
# Functions that sqlglot has no class of; the rest of DuckDB's must not be reached.
FUNCTIONS = frozenset(
    "btrim convert_timezone strtol len md5 getdate sysdate nvl2 trunc octet_length "
    "func_sha1 pg_last_copy_count from_hex is_valid_json".split()
)


def check(tree: exp.Expression) -> None:
    """Raise SqlError unless Redshift takes the statement and we can run it."""
    if not isinstance(tree, STATEMENTS):
        raise not_here(f"the statement {tree.sql('redshift')[:60]!r}")
    if isinstance(tree, (exp.Create, exp.Drop)) and tree.args.get("kind") not in OBJECTS:
        what = f"{tree.key.upper()} {tree.args.get('kind')}"
        if tree.args.get("kind") in ("PROCEDURE", "FUNCTION", "DATABASE"):
            raise not_here(what)
        raise refused(what)
    _create(tree)
    for node in tree.walk():
        for kind, name in NOT_HERE.items():
            if isinstance(node, kind):
                raise not_here(name)
        for kind, name in NODES.items():
            if isinstance(node, kind):
                raise refused(name)
        if isinstance(node, exp.Command):
            raise not_here(f"{node.this} {node.expression}")
        if isinstance(node, exp.Values) and not isinstance(node.parent, exp.Insert):
            raise refused("VALUES used as a table")
        if isinstance(node, exp.DataType):
            _type(node)
        if isinstance(node, exp.Table):
            _table(node)
        if isinstance(node, exp.ColumnDef):
            _name(node.this)
        if isinstance(node, exp.Anonymous) and node.name.lower() not in FUNCTIONS:
            raise SqlError(f"function {node.name.lower()}() does not exist")
        if isinstance(node, exp.Identifier) and len(node.name.encode()) > 127:
            raise SqlError(f'identifier "{node.name[:40]}…" is longer than 127 bytes')
        _duckdb_only(node)
    if isinstance(tree, exp.Merge):
        _merge(tree)


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


STAR = ("except_", "except", "replace", "rename")


def _duckdb_only(node: exp.Expr) -> None:
    """What sqlglot reads in every dialect and DuckDB would run."""
    if isinstance(node, exp.Insert) and (node.args.get("alternative") or node.args.get("by_name")):
        raise refused("INSERT OR … and INSERT BY NAME", "r_INSERT_30.html")
    if isinstance(node, exp.Star) and any(node.args.get(name) for name in STAR):
        raise refused("* EXCEPT, * REPLACE and * RENAME", "r_SELECT_list.html")
    if isinstance(node, exp.Join) and node.args.get("method") not in (None, "", "NATURAL"):
        raise refused(f"{node.args['method']} JOIN", "r_FROM_clause30.html")
    unit = node.args.get("unit") if isinstance(node, (exp.DateDiff, exp.TsOrDsDiff)) else None
    if unit is not None and unit.name.upper() in ("WEEK", "W", "WEEKS"):
        # DuckDB counts whole weeks, Redshift their boundaries; AWS does not say at which day.
        raise not_here("DATEDIFF of weeks (use days between DATE_TRUNC('week', …), divided by 7)")


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
        if table.db.lower() in ("main", "system", "temp", "information_schema", "pg_catalog"):
            raise SqlError(f'unacceptable schema name "{table.db.lower()}"')
        return
    if not isinstance(table.this, exp.Identifier):
        call = table.this
        name = call.sql_name() if isinstance(call, exp.Func) else call.key
        name = call.name if isinstance(call, exp.Anonymous) else NODES.get(type(call), name)
        raise refused(f"The table function {name.lower()}")
    name = table.name.lower()
    if table.db.lower() in ("main", "system", "temp"):  # DuckDB's own, and our macros
        raise SqlError(f'schema "{table.db.lower()}" does not exist')
    if name.startswith(("duckdb_", "sqlite_", "pragma_", "__copy")):
        raise SqlError(f'relation "{name}" does not exist')
    schema = table.db.lower()
    path = f"{schema}.{name}" if schema == "information_schema" else name
    system = schema in ("information_schema", "pg_catalog") or (
        not schema and name.startswith(SYSTEM_PREFIXES)
    )
    if system and path not in SYSTEM_TABLES:
        raise not_here(f"The system table {path}")


def _type(kind: exp.DataType) -> None:
    numbers = [int(each.name) for each in kind.expressions if each.name.isdigit()]
    if kind.this in TYPES_NOT_HERE:
        raise not_here(f"The type {kind.this.value}")
    if kind.this not in TYPES:
        raise refused(f"The type {kind.this.value}", "c_unsupported-postgresql-datatypes.html")
    if kind.is_type("decimal") and numbers and (numbers[0] > 38 or sum(numbers[1:]) > 37):
        raise SqlError("DECIMAL precision must be between 1 and 38, its scale at most 37")
    if kind.is_type(*LENGTHS) and numbers and numbers[0] < 1:
        raise SqlError(f"length for type {kind.sql('redshift')} must be at least 1")
    if kind.is_type("varchar", "text") and numbers and numbers[0] > 65535:
        raise SqlError("length for type character varying cannot exceed 65535")
    if kind.is_type("char", "nchar", "bpchar") and numbers and numbers[0] > 4096:
        raise SqlError("length for type character cannot exceed 4096")


def _merge(merge: exp.Merge) -> None:
    page = "r_MERGE.html"
    if merge.args.get("with_") or merge.args.get("with"):
        raise refused("MERGE with WITH", page)
    if merge.this.alias:
        raise refused("An alias of the target of MERGE", page)
    using = merge.args["using"]
    if not isinstance(using, exp.Table):
        raise refused("A source of MERGE that is no table", page)
    if using.name.lower() == merge.this.name.lower() and using.db == merge.this.db:
        raise refused("A target of MERGE that is its source", page)
    _equalities(merge.args["on"], page)
    whens = merge.args["whens"].expressions
    if sorted(bool(when.args.get("matched")) for when in whens) != [False, True]:
        raise refused("MERGE without one WHEN MATCHED and one WHEN NOT MATCHED", page)
    for when in whens:
        if when.args.get("condition") or when.args.get("source"):
            raise refused("WHEN … AND or BY SOURCE in MERGE", page)
        then = when.args["then"]
        if isinstance(then, exp.Var) and then.name.upper() != "DELETE":
            raise refused(f"WHEN … THEN {then.name} in MERGE", page)
        sets = then.expressions if isinstance(then, exp.Update) else []
        if any(isinstance(each.this, exp.Column) and each.this.table for each in sets):
            raise refused("A qualified column in SET of MERGE", page)


def _equalities(condition: exp.Expr, page: str) -> None:
    condition = condition.unnest()
    if isinstance(condition, exp.And):
        _equalities(condition.left, page)
        _equalities(condition.right, page)
    elif not isinstance(condition, exp.EQ):
        raise refused("A condition of MERGE other than equality", page)
