"""The sample's database: its tables, and how many rows each has."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from workbench.home import REPOSITORY
from workbench.mysql.server import Server, quoted

DATABASE = "rental_apartments"
SCHEMA = REPOSITORY / "sql" / "mysql" / "schema.sql"
MIN_ROWS = 100  # apartments
# Rows for each apartment.
PER_APARTMENT = {"apartments": 1, "apartment_attributes": 1, "apartment_viewings": 3, "bookings": 2}
TABLES = (*PER_APARTMENT, "fx_rates")

Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def create_tables(server: Server, database: str = DATABASE, replace: bool = False) -> None:
    """Make ``database`` and those of its tables that are missing, or all of them anew."""
    with server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(database)} CHARACTER SET utf8mb4")
    with server.cursor(database) as cursor:
        if replace:
            cursor.execute("DROP TABLE IF EXISTS " + ", ".join(TABLES))
        for statement in _statements(SCHEMA):
            cursor.execute(statement)


def _statements(file: Path) -> list[str]:
    """The statements of a file that has no semicolon anywhere else."""
    return [text for text in file.read_text(encoding="utf-8").split(";") if text.strip()]
