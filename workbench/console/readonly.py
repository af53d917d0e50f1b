"""What may be asked in the query box: one statement, and one that only reads."""

from __future__ import annotations

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

WRITES = (
    exp.Into,
    exp.DML,
    exp.DDL,
    exp.Lock,
    exp.Drop,
    exp.Alter,
    exp.Command,
    exp.Set,
    exp.Transaction,
)
# Functions that do something to other sessions or to one's own.
FUNCTIONS = ("pg_terminate_backend", "pg_cancel_backend", "set_config")


class NotAQuery(Exception):
    """The text is not one statement that only reads."""


def check(sql: str) -> None:
    """Raises NotAQuery, saying why."""
    try:
        found = [each for each in sqlglot.parse(sql, read="redshift") if each is not None]
    except SqlglotError as error:
        raise NotAQuery(f"This does not read as Redshift SQL: {_plain(error)}") from None
    except RecursionError:
        raise NotAQuery("This is nested too deeply to be checked.") from None
    if len(found) != 1:
        raise NotAQuery(f"One query at a time: these are {len(found)} statements.")
    query = found[0]
    if not isinstance(query, exp.Query):
        raise NotAQuery("Only a query: SELECT …, or WITH … SELECT …")
    for part in query.walk():
        if isinstance(part, WRITES):
            raise NotAQuery(f"Only a query that reads: {part.key.upper()} would change something.")
        if isinstance(part, exp.Anonymous) and part.name.lower() in FUNCTIONS:
            raise NotAQuery(f"Only a query that reads: {part.name} would change something.")


def _plain(error: SqlglotError) -> str:
    """Without the escapes that underline a place on a terminal."""
    return str(error).replace("\x1b[4m", "").replace("\x1b[0m", "")
