"""No history of real concurrent writers loses, doubles or keeps a stale row; weaker windows do."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from etl_lib import window
from etl_lib.contract import Table
from etl_lib.source import Source
from etl_lib.types import Column
from workbench.mysql.server import Server

from .histories import Planned, Planner, live, planner

HISTORIES = 16  # in the default tests; the drill lives 2,000


def test_no_history_loses_doubles_or_keeps_a_stale_row(mysql_server: Server) -> None:
    found = live(mysql_server, range(HISTORIES))
    assert (found.histories, found.wrong, found.restless) == (HISTORIES, {}, {})


@pytest.mark.drill
@pytest.mark.parametrize("begin", range(1000, 3000, 100))
def test_two_thousand_histories_lose_nothing(mysql_server: Server, begin: int) -> None:
    found = live(mysql_server, range(begin, begin + 100))
    assert (found.histories, found.wrong, found.restless) == (100, {}, {})


def max_seen(operator: str) -> Planner:
    """No upper bound: the next run begins at the largest stamp that was seen."""

    def plan(source: Source, table: Table, columns: Sequence[Column], low: str | None) -> Planned:
        where = f"at {operator} %s" if low else "TRUE"
        parameters = [low] if low else []
        found = source.rows(f"SELECT MAX(at) AS at FROM {table.name} WHERE {where}", parameters)
        seen = found[0]["at"]
        if seen is None:
            return "FALSE", [], low
        bounded = f"{where} AND at <= '{seen.isoformat(sep=' ', timespec='microseconds')}'"
        return bounded, parameters, seen.isoformat(sep=" ", timespec="microseconds")

    return plan


def up_to(
    source: Source, table: Table, columns: Sequence[Column], low: str | None, end: datetime
) -> Planned:
    """[low, end), whatever is still uncommitted below it."""
    cursor = next(column for column in columns if column.name == "at")
    high = end.replace(microsecond=0) if not cursor.fraction else end
    if low is not None:
        high = max(high, datetime.fromisoformat(low))
    text = high.isoformat(sep=" ", timespec="microseconds")
    where = "at >= %s AND at < %s" if low else "at < %s"
    return where, [low, text] if low else [text], text


def now_minus_lag(
    source: Source, table: Table, columns: Sequence[Column], low: str | None
) -> Planned:
    now = source.rows("SELECT NOW(6) AS now")[0]["now"]
    return up_to(source, table, columns, low, now - timedelta(seconds=0.05))


def open_transactions_only(
    source: Source, table: Table, columns: Sequence[Column], low: str | None
) -> Planned:
    row = source.rows(
        "SELECT NOW(6) AS now, (SELECT MIN(trx_started) FROM information_schema.innodb_trx "
        "WHERE trx_mysql_thread_id <> CONNECTION_ID()) AS begun"
    )[0]
    end = min(row["now"], row["begun"]) if row["begun"] else row["now"]
    return up_to(source, table, columns, low, end)


def statements_after_the_check(
    source: Source, table: Table, columns: Sequence[Column], low: str | None
) -> Planned:
    now = source.rows("SELECT NOW(6) AS now")[0]["now"]
    cursor = next(column for column in columns if column.name == "at")
    start = None if low is None else datetime.fromisoformat(low)
    high = window._floor(now, cursor)
    high = window._below_uncommitted(source, table, columns, start, high)
    time.sleep(0.02)
    _, settled, _ = window._clock(source, table)
    return up_to(source, table, columns, low, min(high, settled))


@pytest.fixture
def by_stamp(monkeypatch: pytest.MonkeyPatch) -> Iterator[Planner]:
    """The real planner, but versions of a row are told apart by their stamps alone."""
    hashed = window._hash_sum
    monkeypatch.setattr(window, "_hash_sum", lambda names: hashed(["id", "at"]))
    yield planner


def caught(server: Server, plan: Planner) -> None:
    begun = time.monotonic()
    seed = 5000
    while time.monotonic() - begun < 60:
        found = live(server, range(seed, seed + 24), plan, stop_at_first=True)
        if found.wrong:
            return
        seed += 24
    raise AssertionError(f"{seed - 5000} histories, and not one was lost")


@pytest.mark.parametrize("plan", [max_seen(">"), now_minus_lag], ids=["greater", "now minus a lag"])
def test_a_weaker_window_is_caught(mysql_server: Server, plan: Planner) -> None:
    caught(mysql_server, plan)


@pytest.mark.drill
@pytest.mark.parametrize(
    "plan",
    [max_seen(">="), open_transactions_only, statements_after_the_check],
    ids=["greater or equal", "open transactions only", "statements listed after the check"],
)
def test_a_window_that_is_nearly_right_is_caught(mysql_server: Server, plan: Planner) -> None:
    caught(mysql_server, plan)


@pytest.mark.drill
def test_versions_told_apart_by_their_stamp_are_caught(mysql_server: Server, by_stamp: Any) -> None:
    caught(mysql_server, by_stamp)
