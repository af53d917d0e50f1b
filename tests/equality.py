"""Whether a table of the warehouse equals its source, row by row."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from etl_lib.warehouse import Warehouse
from workbench.mysql.server import Server
from workbench.stack import DATABASE, Stack

TABLES = ("apartments", "apartment_attributes", "apartment_viewings", "bookings", "fx_rates")


def assert_raw_equals_source(stack: Stack) -> None:
    """Every table of the sample, every row, every column."""
    with stack.active():
        for table in TABLES:
            columns = columns_of(stack.server, DATABASE, table)
            assert of_raw(table, columns) == of_source(stack.server, DATABASE, table, columns), (
                table
            )


def checksum(rows: Iterable[tuple[Any, ...]]) -> tuple[int, str]:
    """(rows, hash over the sorted rows as text)."""
    lines = sorted(repr(tuple(map(_text, row))) for row in rows)
    return len(lines), hashlib.sha256("\n".join(lines).encode()).hexdigest()


def of_source(server: Server, database: str, table: str, columns: list[str]) -> tuple[int, str]:
    items = ", ".join(f"CAST(`{column}` AS CHAR)" for column in columns)
    with server.cursor(database) as cursor:
        cursor.execute(f"SELECT {items} FROM `{table}`")
        return checksum(cursor.fetchall())


def of_raw(table: str, columns: list[str]) -> tuple[int, str]:
    items = ", ".join(f'CAST("{column}" AS VARCHAR(65535)) AS "{column}"' for column in columns)
    rows = Warehouse("rental-apartments", "dev", "").rows(
        f'SELECT {items} FROM "raw"."{table}" WHERE _deleted_at IS NULL'
    )
    return checksum(tuple(row.values()) for row in rows)


def columns_of(server: Server, database: str, table: str, skip: Iterable[str] = ()) -> list[str]:
    with server.cursor() as cursor:
        cursor.execute(
            "SELECT column_name FROM information_schema.columns WHERE table_schema = %s "
            "AND table_name = %s ORDER BY ordinal_position",
            [database, table],
        )
        return [name for (name,) in cursor.fetchall() if name not in skip]


def _text(value: Any) -> Any:
    """One spelling for a value: fractions of a second without trailing zeros."""
    text = value if isinstance(value, str) else None if value is None else str(value)
    if text and len(text) > 19 and text[4] == "-" and text[19] == ".":
        return text.rstrip("0").rstrip(".")
    return text
