"""Rows that do not come: a read that ends early is an error, and never a shorter table."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from etl_lib import extract, planning, reading, window
from etl_lib.errors import SourceError
from etl_lib.ranges import Index
from etl_lib.run import Plan, Run, open_run
from etl_lib.source import Source, checked_columns
from tests.wire import CUT, NOTHING, Accident, wire
from workbench.pipeline import BOOKMARKS, BUCKET
from workbench.stack import Stack

DATABASE = "lost"
CONTRACT = 'name = "lost"\n[tables.things]\nkeys = ["id"]\ncursor = "at"\n'
WIDE, WIDTH, NARROW = 2_000, 20_000, 5_000  # 40 MB: far more than the buffers of a connection
LOW = "2025-06-01 00:00:00"  # from here on rows are wide


@pytest.fixture(scope="module")
def source(stack: Stack) -> Iterator[Source]:
    with stack.server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    with stack.server.cursor(DATABASE) as cursor:
        cursor.execute(
            "CREATE TABLE things (id INT PRIMARY KEY, note VARCHAR(20000) CHARACTER SET latin1, "
            "at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6), KEY (at))"
        )
        for first, rows, note, day in (
            (1, NARROW, "''", "2025-01-01"),
            (NARROW + 1, WIDE, f"REPEAT('x', {WIDTH})", LOW),
        ):
            cursor.execute(
                f"INSERT INTO things SELECT seq, {note}, '{day}' + INTERVAL seq SECOND "
                f"FROM seq_{first}_to_{first + rows - 1}"
            )
        cursor.execute("ANALYZE TABLE things")
    yield Source.of(stack.server.secret(DATABASE))
    with stack.server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {DATABASE}")


@pytest.fixture
def run(stack: Stack, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run that reads its window in two ranges, and hands it on in batches of a few rows."""
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(window, "FEW", WIDE // 2)
    monkeypatch.setattr(reading, "BATCH_ROWS", 50)
    (tmp_path / "tables.toml").write_text(CONTRACT)
    url = stack.pipeline.publish(tmp_path / "tables.toml")
    run_id = f"lost-{uuid.uuid4().hex}"
    return open_run(run_id, BUCKET, url, "", "rental-apartments", "dev", "", BOOKMARKS)


@pytest.fixture
def plan(run: Run, source: Source) -> Plan:
    (table,) = run.tables
    columns = checked_columns(source, table)
    found = window.incremental(source, table, columns, LOW, None)
    assert (found.rows, found.tier) == (WIDE, "proven")
    return Plan(found, planning.described(columns, table), sequence=1, sweep=False)


def moved(run: Run, source: Source, plan: Plan) -> Any:
    return extract._move(run, source, "", run.tables[0], plan)


def manifest(run: Run) -> Any:
    return run.zone.get_json(run.raw_key("things", "manifest.json"))


ACCIDENTS = [
    Accident(1, "KILL CONNECTION"),
    Accident(1, "KILL QUERY"),
    Accident(1, CUT),
    Accident(2, "KILL CONNECTION", [0]),
    Accident(2, "KILL CONNECTION", [1]),
    Accident(2, "KILL CONNECTION"),
    Accident(2, "KILL QUERY", [0]),
    Accident(2, "KILL QUERY", [1]),
    Accident(2, CUT),
]


@pytest.mark.parametrize("accident", ACCIDENTS, ids=str)
def test_a_connection_that_is_lost_while_it_is_read_moves_nothing(
    stack: Stack,
    run: Run,
    source: Source,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
    accident: Accident,
) -> None:
    """Files that were written by then are in no manifest."""
    monkeypatch.setattr(window, "FEW", WIDE // accident.ranges)
    with wire(stack.server, DATABASE, accident) as between:
        with pytest.raises(SourceError) as caught:
            moved(run, replace(source, port=between.port), plan)
        before, lost = between.told()
    assert before == accident.ranges, "the server had sent all: make the rows wider"
    assert lost == min(accident.ranges, len(accident.lost))
    assert str(caught.value).startswith("table things: ") and "still has" not in str(caught.value)
    assert manifest(run) is None


@pytest.mark.parametrize("ranges", [1, 2])
def test_a_connection_that_only_waits_loses_nothing(
    stack: Stack,
    run: Run,
    source: Source,
    plan: Plan,
    monkeypatch: pytest.MonkeyPatch,
    ranges: int,
) -> None:
    """So it was the loss that the test above tells, and not the wire."""
    monkeypatch.setattr(window, "FEW", WIDE // ranges)
    with wire(stack.server, DATABASE, Accident(ranges, NOTHING)) as between:
        assert moved(run, replace(source, port=between.port), plan)["rows"] == WIDE
        assert between.told() == (ranges, 0)
    assert manifest(run)["meta"]["record_count"] == WIDE


def test_a_range_that_is_left_out_is_missed(
    run: Run, source: Source, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However it came about: the server is asked how many rows the window still has."""
    cut = Index.cut
    monkeypatch.setattr(Index, "cut", lambda *given: cut(*given)[:1])
    with pytest.raises(SourceError, match="rows came of a window that still has 2,000"):
        moved(run, source, plan)
    assert manifest(run) is None


def test_rows_that_left_the_window_are_not_missed(
    stack: Stack, run: Run, source: Source, plan: Plan
) -> None:
    with stack.server.cursor(DATABASE) as cursor:
        cursor.execute("DELETE FROM things WHERE id = %s", [NARROW + WIDE])
        cursor.execute("UPDATE things SET note = '' WHERE id = %s", [NARROW + WIDE - 1])
    assert moved(run, source, plan)["rows"] == WIDE - 2
