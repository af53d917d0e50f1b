"""Planners as other tools have them. Each loses rows, and the histories must find it out."""

from __future__ import annotations

import operator
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from etl_lib import window
from etl_lib.contract import Table
from etl_lib.identifiers import mysql
from etl_lib.source import Source
from etl_lib.types import Column
from tests.histories import play
from tests.histories.writers import BURSTS, MICROSECONDS, MIXED, QUEUE, TENTHS, Kind, Temper

LAG = 0.05  # seconds: about the share of a history that a minute is of a day

# What is replaced in etl_lib.window.
Parts = dict[str, Callable[..., Any]]


@contextmanager
def planning_by(parts: Parts) -> Iterator[None]:
    """Plan windows with ``parts`` of etl_lib.window replaced."""
    with ExitStack() as stack:
        for name, part in parts.items():
            stack.enter_context(patch.object(window, name, part))
        if "_between" in parts:  # its windows are closed at their end
            stack.enter_context(patch.object(play, "passes", operator.ge))
        yield


def _unlowered(
    source: Source,
    table: Table,
    columns: Sequence[Column],
    start: datetime | None,
    high: datetime,
) -> datetime:
    """No uncommitted read."""
    return high


def _to_what_was_seen(operator: str) -> Parts:
    """The bookmark is the largest stamp seen; the next window begins there, with or without it."""

    def below(
        source: Source, table: Table, columns: Any, start: datetime | None, high: datetime
    ) -> datetime:
        name = mysql(table.cursor or "")
        top = source.rows(f"SELECT MAX({name}) AS top FROM {mysql(table.name)}")[0]["top"]
        return top or high

    def between(table: Table, start: datetime | None, high: datetime) -> tuple[str, Sequence[str]]:
        stamp = mysql(table.cursor or "")
        if start is None:
            return f"{stamp} <= %s", [str(high)]
        return f"{stamp} {operator} %s AND {stamp} <= %s", [str(start), str(high)]

    return {"below_uncommitted": below, "_between": between}


def _lagging(source: Source, table: Table) -> tuple[datetime, datetime, str]:
    """The clock, less a lag."""
    now = source.rows("SELECT NOW(6) AS now")[0]["now"]
    return now, now - timedelta(seconds=LAG), "proven"


def _oldest_transaction(source: Source, table: Table) -> tuple[datetime, datetime, str]:
    """The clock, or the begin of the oldest open transaction: what most people think of."""
    row = source.rows(
        "SELECT NOW(6) AS now, LEAST(NOW(6), COALESCE(MIN(trx_started), NOW(6))) AS settled "
        "FROM information_schema.innodb_trx"
    )[0]
    settled = row["settled"]
    if isinstance(settled, str):
        settled = datetime.fromisoformat(settled)
    return row["now"], settled, "proven"


def _clock_only(source: Source, table: Table) -> tuple[datetime, datetime, str]:
    now = source.rows("SELECT NOW(6) AS now")[0]["now"]
    return now, now, "proven"


def _check_then_list(
    source: Source,
    table: Table,
    columns: Sequence[Column],
    start: datetime | None,
    high: datetime,
) -> datetime:
    """The uncommitted read first, the running statements after it."""
    checked = _below_uncommitted(source, table, columns, start, high)
    time.sleep(0.08)  # of a larger table the two reads take seconds
    _, settled, _ = _clock(source, table)
    cursor = next(column for column in columns if column.name == table.cursor)
    return min(checked, window._floor(settled, cursor))


def _never(source: Source, patience: float = 0.0) -> bool:
    """The rows are always read."""
    return False


def _none_listed(source: Source, patience: float = 0.0) -> bool:
    """The list of transactions as it is, be it old."""
    query = "SELECT COUNT(*) AS n FROM information_schema.innodb_trx WHERE trx_rows_modified > 0"
    return source.rows(query)[0]["n"] == 0


def _stamps_only(names: Sequence[str]) -> str:
    """A hash of keys and stamps instead of whole rows."""
    return _hash_sum([name for name in names if name not in ("`value`", "`note`", "`n`")])


_below_uncommitted, _clock, _hash_sum = (
    window.below_uncommitted,
    window.clock,
    window._hash_sum,
)


@dataclass(frozen=True)
class Mutant:
    """What is replaced in etl_lib.window, and the histories that are aimed at it."""

    parts: Parts
    kind: Kind = MICROSECONDS
    temper: Temper = MIXED
    lanes: int = 6


MUTANTS = {
    "greater": Mutant(_to_what_was_seen(">")),
    "greater-or-equal": Mutant(_to_what_was_seen(">=")),
    "now-minus-lag": Mutant({"clock": _lagging, "below_uncommitted": _unlowered}),
    # One history at a time: InnoDB's list stands still while anybody keeps looking at it.
    "innodb-trx-only": Mutant(
        {"clock": _oldest_transaction, "below_uncommitted": _unlowered}, temper=QUEUE, lanes=1
    ),
    "list-after-check": Mutant(
        {"clock": _clock_only, "below_uncommitted": _check_then_list}, temper=QUEUE, lanes=4
    ),
    "compare-by-timestamp": Mutant(
        {"_hash_sum": _stamps_only, "all_ended": _never}, TENTHS, BURSTS
    ),
    "statements-only": Mutant({"below_uncommitted": _unlowered}),
    "unproven-list": Mutant({"all_ended": _none_listed}),
    "uncommitted-read-only": Mutant({"clock": _clock_only}, temper=QUEUE, lanes=4),
}
