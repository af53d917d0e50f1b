"""CREATE TABLE AS with sums: DuckDB adds integers up to 128 bits, which Redshift has not.

SUM of SMALLINT and INTEGER is a BIGINT, of BIGINT a NUMERIC(38,0); AVG of integers is a BIGINT.
https://docs.aws.amazon.com/redshift/latest/dg/r_SUM.html
"""

from __future__ import annotations

import duckdb
from sqlglot import exp

from workbench.aws.redshift.plan import duckdb_sql

AVERAGE = "redshift_average"  # of a node's meta: it stands for AVG


def typed(cursor: duckdb.DuckDBPyConnection, create: exp.Create) -> str:
    """The statement with its columns in Redshift's types."""
    query = create.args["expression"]
    types = _types(cursor, query)
    if "HUGEINT" not in types.values():
        return duckdb_sql(create)
    smaller = _types(cursor, _without_sums(query))
    columns = ", ".join(
        _column(name, kind, small)
        for (name, kind), small in zip(types.items(), smaller.values(), strict=True)
    )
    wrapped = create.copy()
    wrapped.set("expression", exp.select("*"))  # its place is taken by the text below
    head = duckdb_sql(wrapped).rpartition("SELECT *")[0]
    return f"{head}SELECT {columns} FROM ({duckdb_sql(query)}) AS rs_summed"


def _types(cursor: duckdb.DuckDBPyConnection, query: exp.Expression) -> dict[str, str]:
    described = cursor.execute(f"DESCRIBE SELECT * FROM ({duckdb_sql(query)}) AS q").fetchall()
    return {str(name): str(kind) for name, kind, *_ in described}


def _column(name: str, kind: str, small: str) -> str:
    column = exp.to_identifier(name, quoted=True).sql("duckdb")
    if kind != "HUGEINT":
        return column
    integer = small in ("TINYINT", "SMALLINT", "INTEGER")
    return f"CAST({column} AS {'BIGINT' if integer else 'DECIMAL(38,0)'}) AS {column}"


def _without_sums(query: exp.Expression) -> exp.Expression:
    """The query with a value of the type that is added up in the place of each sum."""
    copied = query.copy()
    for node in list(copied.find_all(exp.Paren)):
        if node.meta.get(AVERAGE):
            node.replace(exp.cast(exp.Max(this=exp.Literal.number(1)), "integer"))
    for total in list(copied.find_all(exp.Sum)):
        total.replace(exp.Max(this=total.this.copy()))
    return copied
