"""Fill a server with the sample."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pyarrow as pa

from workbench.mysql.load import Load, lines
from workbench.mysql.sample import SEED, Sample
from workbench.mysql.schema import DATABASE, TABLES, Progress, create_tables, silent
from workbench.mysql.server import Server


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
