"""Fill a server with the sample."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa

from workbench.home import REPOSITORY
from workbench.mysql.load import Load, lines
from workbench.mysql.sample import PER_APARTMENT, SEED, Sample
from workbench.mysql.server import Server, quoted

DATABASE = "rental_apartments"
SCHEMA = REPOSITORY / "sql" / "mysql" / "schema.sql"
TABLES = (*PER_APARTMENT, "fx_rates")

Progress = Callable[[str, int, int], None]


def silent(what: str, done: int, total: int) -> None:
    """Progress that nobody looks at."""


def seed(
    server: Server,
    database: str = DATABASE,
    rows: int = 10_000,
    seed: int = SEED,
    progress: Progress = silent,
) -> dict[str, int]:
    """Make the five tables of ``database`` anew and fill them; returns the rows of each.

    ``rows`` is the number of apartments; the other tables grow with it. What was in those tables
    is gone. Raises ValueError if ``rows`` is too small.
    """
    sample = Sample(rows, seed)
    create_tables(server, database, replace=True)
    for table in TABLES:
        _fill(server, database, table, sample, progress)
    return {table: sample.count(table) for table in TABLES}


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


def _fill(server: Server, database: str, table: str, sample: Sample, progress: Progress) -> None:
    """Slice by slice, the next one being made while the server takes the last."""
    total, done = sample.count(table), 0
    progress(table, done, total)
    slices = sample.slices(table)
    with (
        ThreadPoolExecutor(1) as ahead,
        server.cursor(database) as cursor,
        Load(server, cursor, table) as load,
    ):
        coming = ahead.submit(_next, slices)
        while (made := coming.result()) is not None:
            coming = ahead.submit(_next, slices)
            rows, columns, text = made
            load.lines(columns, text)
            done += rows
            progress(table, done, total)


def _next(slices: object) -> tuple[int, list[str], pa.Buffer] | None:
    slice_ = next(slices, None)  # type: ignore[call-overload]
    return None if slice_ is None else (slice_.num_rows, slice_.column_names, lines(slice_))
