"""What Redshift refuses, or what nobody here executes: by name, with the page that says so."""

from __future__ import annotations

from sqlglot import exp

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
    exp.Pivot: "PIVOT",
    exp.Collate: "COLLATE",
    exp.TableSample: "TABLESAMPLE",
    exp.Into: "SELECT INTO",
    exp.GeneratedAsIdentityColumnConstraint: "IDENTITY",
}
# Functions that sqlglot has no class of; the rest of DuckDB's must not be reached.
FUNCTIONS = frozenset(
    "btrim convert_timezone strtol len md5 getdate sysdate nvl2 version "
    "current_schema current_database trunc crc32 func_sha1 bpcharcmp octet_length".split()
)


def check(tree: exp.Expression) -> None:
    """Raise SqlError unless Redshift takes the statement and we can run it."""
    if not isinstance(tree, STATEMENTS):
        raise not_here(f"the statement {tree.sql('redshift')[:60]!r}")
    if isinstance(tree, (exp.Create, exp.Drop)) and tree.args.get("kind") not in OBJECTS:
        raise refused(f"{tree.key.upper()} {tree.args.get('kind')}")
    for node in tree.walk():
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
        if isinstance(node, exp.Anonymous) and node.name.lower() not in FUNCTIONS:
            raise SqlError(f"function {node.name.lower()}() does not exist")
        if isinstance(node, exp.Identifier) and len(node.name.encode()) > 127:
            raise SqlError(f'identifier "{node.name[:40]}…" is longer than 127 bytes')
    if isinstance(tree, exp.Merge):
        _merge(tree)


def _table(table: exp.Table) -> None:
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


def _type(kind: exp.DataType) -> None:
    numbers = [int(each.name) for each in kind.expressions if each.name.isdigit()]
    if kind.is_type(exp.DataType.Type.ARRAY, exp.DataType.Type.STRUCT, exp.DataType.Type.MAP):
        raise refused(f"The type {kind.sql('redshift')}")
    if kind.is_type("decimal") and numbers and (numbers[0] > 38 or sum(numbers[1:]) > 37):
        raise SqlError("DECIMAL precision must be between 1 and 38, its scale at most 37")
    if kind.is_type("varchar", "text") and numbers and numbers[0] > 65535:
        raise SqlError("length for type character varying cannot exceed 65535")


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
