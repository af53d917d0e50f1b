"""Windows of append-only tables: the span [low, high) of an AUTO_INCREMENT column.

A statement draws its number while it runs, and may commit it after larger ones. So the order is:
``high``, one above the largest number there is, uncommitted rows included; then every statement
that was running by then is waited for; then what is still uncommitted lowers ``high``. Whatever is
drawn later is larger. Changes of old rows are not seen: that there are none, the contract says.
https://dev.mysql.com/doc/refman/8.0/en/innodb-auto-increment-handling.html
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from etl_lib import window
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.identifiers import mysql
from etl_lib.privileges import grant
from etl_lib.source import Source
from etl_lib.types import Column
from etl_lib.window import Window

PATIENCE = 10.0  # seconds to wait for statements that run
POLL = 0.05


def incremental(source: Source, table: Table, columns: Sequence[Column], low: str | None) -> Window:
    """Plan the next window. Reads only; an empty one, if a statement outlives our patience."""
    assert table.cursor is not None
    now, _, tier = window.clock(source, table)
    if tier != "proven":
        raise SourceError(
            f"table {table.name}: append_only needs to see the statements that run on the source. "
            f"As its administrator: {grant(source)}"
        )
    start = None if low is None else int(low)
    high = _next_number(source, table)
    planned = Window(
        table=table.name,
        mode="incremental",
        low=low,
        high=low or "0",
        tier="append-only",
        rows=0,
        keys_digest=window.keys_digest(source, table) if table.deletes == "sweep" else None,
        planned_at=str(now),
        why="a statement does not end: what it adds is left to the next run",
    )
    if not _settled(source, table, now):
        return planned
    high = window.below_uncommitted(source, table, columns, start, high)
    return replace(
        planned,
        high=str(max(high, start or 0)),
        rows=window.count(source, table, columns, start, high),
        why="rows are only added, says the contract",
    )


def _next_number(source: Source, table: Table) -> int:
    number = mysql(table.cursor or "")
    with source.connect("READ UNCOMMITTED") as cursor:
        cursor.execute(f"SELECT COALESCE(MAX({number}), -1) + 1 AS n FROM {mysql(table.name)}")
        row = cursor.fetchone()
    assert row is not None
    return int(row["n"])


def _settled(source: Source, table: Table, moment: datetime) -> bool:
    """Wait until no statement runs that ran at ``moment``; False if that takes too long."""
    end = time.monotonic() + PATIENCE
    while window.clock(source, table)[1] < moment:
        if time.monotonic() > end:
            return False
        time.sleep(POLL)
    return True
