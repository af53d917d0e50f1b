"""The warehouse: its tables with counts, and a box to ask it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template, request

from etl_lib.identifiers import redshift
from workbench.console import readonly
from workbench.console.local import Local
from workbench.console.statement import ROWS, Answer, ask

TABLES = """SELECT table_schema, table_name, table_type FROM svv_tables
WHERE table_schema NOT IN ('pg_catalog', 'information_schema', 'pg_internal')
ORDER BY table_schema, table_name"""
MOST = 2_000  # tables


def pages(local: Local) -> Blueprint:
    """/warehouse: what it holds, and the answer to ?sql=…

    A query is asked for by GET, as it changes nothing: it can be gone back to and reloaded.
    """
    made = Blueprint("warehouse", __name__, url_prefix="/warehouse")

    @made.get("/")
    def index() -> tuple[str, int]:
        client, sql = local.client("redshift-data"), request.args.get("sql", "")
        answer, refusal = _answer(client, sql)
        found, problem = tables(client)
        page = render_template(
            "warehouse.html",
            sql=sql,
            answer=answer,
            refusal=refusal,
            tables=found,
            problem=problem,
            most=ROWS,
        )
        return page, 400 if refusal else 200

    return made


def _answer(client: Any, sql: str) -> tuple[Answer | None, str]:
    if not sql.strip():
        return None, ""
    try:
        readonly.check(sql)
    except readonly.NotAQuery as error:
        return None, str(error)
    return ask(client, sql), ""


def tables(client: Any) -> tuple[list[dict[str, Any]], str]:
    """Every table and view, each with a query to look into it; tables with their counts."""
    listed = ask(client, TABLES, MOST)
    found = [
        {
            "schema": schema,
            "name": name,
            "view": kind == "VIEW",
            "rows": None,
            "look": f"SELECT * FROM {redshift(schema)}.{redshift(name)} LIMIT 50",
        }
        for schema, name, kind in listed.rows
    ]
    # A run makes and drops those in tmp meanwhile; to count a view is to compute it.
    counted = [each for each in found if not each["view"] and each["schema"] != "tmp"]
    answer = _counts(client, counted)
    for number, count in answer.rows:
        counted[int(number)]["rows"] = count
    return found, listed.error or answer.error


def _counts(client: Any, counted: Sequence[dict[str, Any]]) -> Answer:
    if not counted:
        return Answer()
    parts = [
        f"SELECT {number} AS number, COUNT(*) AS count "
        f"FROM {redshift(each['schema'])}.{redshift(each['name'])}"
        for number, each in enumerate(counted)
    ]
    return ask(client, " UNION ALL ".join(parts), MOST)
