"""Soft deletes: the source keeps a deleted row and marks it (``deletes = "soft:<column>"``).

Marked is what has a number other than 0 there, or any other value but NULL. In raw such a row
gets its ``_deleted_at``; it leaves curated and quarantine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from etl_lib.contract import Table
from etl_lib.identifiers import mysql, redshift

NUMBERS = ("SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "REAL", "DOUBLE PRECISION")


def in_redshift(table: Table, columns: Sequence[Mapping[str, str]], side: str) -> str:
    """SQL: whether the row ``side`` is marked. ``columns`` are a plan's."""
    return _marked(table, columns, lambda each: f"{side}.{redshift(each['name'])}", "FALSE")


def in_spark(table: Table, columns: Sequence[Mapping[str, str]]) -> str:
    """SQL: whether a row of a frame is marked."""
    return _marked(table, columns, lambda each: f"`{each['name']}`", "FALSE")


def in_mysql(table: Table, columns: Sequence[Mapping[str, str]]) -> str:
    """SQL: whether a row of the source is marked."""
    return _marked(table, columns, lambda each: mysql(each["source"]), "0")


def _marked(
    table: Table,
    columns: Sequence[Mapping[str, str]],
    name: Callable[[Mapping[str, str]], str],
    no: str,
) -> str:
    if table.soft is None:
        return "FALSE"
    column = next(each for each in columns if each["source"] == table.soft)
    if column["type"] == "BOOLEAN":
        return f"(COALESCE({name(column)}, {no}) <> {no})"
    if column["type"].startswith(NUMBERS):
        return f"(COALESCE({name(column)}, 0) <> 0)"
    return f"({name(column)} IS NOT NULL)"
