"""A long read says how far it is, a short one nothing; who watches the run is told."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from rich.console import Console

from etl_lib.progress import Progress, Tables
from tests.states import until
from workbench import progress, screen
from workbench.console.progress import far, of_tables
from workbench.endpoint import ROLE, Endpoint
from workbench.history import Visit
from workbench.home import Home
from workbench.pipeline import BUCKET
from workbench.stack import Stack
from workbench.target import LOCAL

SCRIPT = """
import time
print("orders: 1 of 9 rows, 1 rows/s, 8 s left")
print("orders: 1,500,000 of 5,000,000 rows, 600,000 rows/s, 6 s left")
print("something else", flush=True)
time.sleep(60)
"""


class Reading:
    """A read on a clock that we move; ``lines`` is what it said."""

    def __init__(self, total: int) -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.progress = Progress("orders", total, self.lines.append, lambda: self.now)

    def read(self, rows: int, seconds: float) -> None:
        self.now += seconds
        self.progress.add(rows)


def test_it_tells_rows_rate_and_what_is_left() -> None:
    reading = Reading(5_000_000)
    reading.read(1_500_000, 2.5)
    assert reading.lines == ["orders: 1,500,000 of 5,000,000 rows, 600,000 rows/s, 6 s left"]


def test_a_short_read_says_nothing_and_a_long_one_a_line_every_two_seconds() -> None:
    reading = Reading(1_000)
    for _ in range(19):
        reading.read(1, 0.1)
    assert reading.lines == []
    for _ in range(100):
        reading.read(1, 0.1)
    assert 5 <= len(reading.lines) <= 6


@pytest.mark.parametrize(
    ("total", "line"),
    [
        (0, "orders: 50 rows, 10 rows/s"),
        (40, "orders: 50 rows, 10 rows/s"),
        (50, "orders: 50 of 50 rows, 10 rows/s, 0 s left"),
        (6_050, "orders: 50 of 6,050 rows, 10 rows/s, 10 min left"),
    ],
    ids=["not counted", "more than planned", "done", "minutes"],
)
def test_what_is_left_is_told_only_where_it_is_known(total: int, line: str) -> None:
    reading = Reading(total)
    reading.read(50, 5)
    assert reading.lines == [line]


def test_a_line_is_printed_in_one_piece(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([0.0, 4.0])
    Progress("orders", 8, clock=lambda: next(times)).add(4)
    assert capsys.readouterr().out == "orders: 4 of 8 rows, 1 rows/s, 4 s left\n"


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "plain log"])
def test_who_watches_a_run_is_told_the_newest_line_of_its_job(
    endpoint: Endpoint, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    prefix = f"progress-{terminal}-"
    job = prefix + progress.STAGE
    bucket = f"progress-{terminal}".lower()
    endpoint.client("s3").create_bucket(Bucket=bucket)
    endpoint.client("s3").put_object(Bucket=bucket, Key="job.py", Body=SCRIPT.encode())
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{bucket}/job.py"}
    glue = endpoint.client("glue")
    glue.create_job(Name=job, Role=ROLE, Command=command, MaxCapacity=0.0625)
    started = glue.start_job_run(JobName=job, Arguments={"--run_id": "long"})["JobRunId"]
    monkeypatch.setattr(progress, "PLAIN", 0.0)
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=40)
    place = Stack(Home(tmp_path), endpoint, None, replace(LOCAL, prefix=prefix))
    other = progress.Watch(place, "other", console)
    watch = progress.Watch(place, "long", console)
    line = "orders: 1,500,000 of 5,000,000 rows, 600,000 rows/s, 6 s left"
    try:
        assert until(watch.lines, 30) == [line]
        assert other.lines() == []
        assert written.getvalue() == ("" if terminal else f"  01_extract  {line}\n")
    finally:
        glue.batch_stop_job_run(JobName=job, JobRunIds=[started])


def test_a_stage_of_several_tables_tells_how_many_are_done_unless_it_is_quick() -> None:
    lines: list[str] = []
    moments = iter([0.0, 1.0, 2.5, 3.0, 9.0])
    tables = Tables("04_load", 4, lines.append, lambda: next(moments))
    for _ in range(4):
        tables.add()
    assert lines == ["04_load: 2 of 4 tables"]  # of the last one its result tells


@pytest.mark.parametrize("terminal", [True, False], ids=["terminal", "plain log"])
def test_who_watches_a_later_stage_is_told_its_tables_and_their_rows(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    s3, run_id = stack.endpoint.client("s3"), f"watched-{terminal}"

    def publish(stage: str, table: str, rows: int) -> None:
        key = f"runs/{run_id}/results/{stage}/{table}.json"
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps({"rows": rows}).encode())

    monkeypatch.setattr(progress, "LOOK", 0.0)
    monkeypatch.setattr(progress, "PLAIN", 0.0)
    for table, rows in (("a", 1_000), ("b", 200), ("c", 30)):
        publish("01_extract", table, rows)
    publish("04_load", "a", 1_000)
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=40)
    watch = progress.Watch(stack, run_id, console, ("a", "b", "c"))
    assert watch.lines(["04_load"]) == ["04_load  1 of 3 tables, 1,000 of 1,230 rows"]
    publish("04_load", "c", 30)
    line = "04_load  2 of 3 tables, 1,030 of 1,230 rows"
    assert watch.lines(["04_load"]) == [line]
    assert written.getvalue().endswith("" if terminal else f"  {line}\n")
    monkeypatch.setattr(progress, "LOOK", 60.0)  # before it looks again, the next stage has begun
    assert watch.lines(["05_bookmark"]) == []
    assert watch.lines(["Release the lease"]) == []


def test_what_a_stage_did_with_a_table_fits_the_terminal_and_no_count_is_broken() -> None:
    written = io.StringIO()
    counts = {"source": 5_000_000, "raw": 5_000_000, "curated": 4_999_928, "in_quarantine": 72}
    result = {"table": "apartment_attributes", **counts}
    screen.tell(result, "06_finalize", Console(file=written, width=80))
    lines = written.getvalue().splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("  06_finalize   apartment_attributes   source 5,000,000")
    told = " ".join(lines)
    assert all(f"{name} {count:,}" in told for name, count in counts.items())


@pytest.mark.parametrize(("width", "digits"), [(80, ""), (120, ".069051")])
def test_where_a_bookmark_moved_fits_the_terminal_to_the_second_at_least(
    width: int, digits: str
) -> None:
    written = io.StringIO()
    before, after = f"2026-11-29 17:17:39{digits or '.5'}", "2026-11-29 17:18:12.000001"
    result = {"table": "apartment_attributes", "before": before, "after": after}
    screen.tell(result, "05_bookmark", Console(file=written, width=width))
    (line,) = written.getvalue().splitlines()
    assert len(line) <= width
    assert f"2026-11-29 17:17:39{digits} → 2026-11-29 17:18:12" in line


def test_how_far_a_run_is_needs_no_rows_where_a_table_was_not_extracted() -> None:
    assert progress.far("04_load", ["a"], {"a": 7, "b": None}) == "04_load  1 of 2 tables"
    assert progress.far("05_bookmark", [], {"a": 0, "b": 0}) == "05_bookmark  0 of 2 tables"


def visit(state: str, table: str = "", over: bool = True) -> Visit:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    status = "SUCCEEDED" if over else "RUNNING"
    return Visit(state, now, table, now if over else None, status)


def test_tables_are_through_their_own_stages_one_by_one() -> None:
    visits = [visit("03_transform", "a"), visit("Nothing to move", "b")]
    visits.append(visit("03_transform", "c", over=False))
    told = progress.through(visits, ["a", "b", "c"])
    assert told == "2 of 3 tables are through 03_transform"


def test_the_page_shows_the_tables_of_a_running_stage_that_are_done() -> None:
    visits = [*(visit("01_extract", name) for name in "ab"), visit("04_load", over=False)]
    moved = {
        "a": {"extracted": 70, "stages": {"01_extract": {}, "04_load": {}}},
        "b": {"extracted": 30, "stages": {"01_extract": {}}},
    }
    tables = of_tables(moved, visits, [], running=True)
    assert [each.stages[3] for each in tables] == ["done", "running"]
    assert far(tables, visits) == ["04_load  1 of 2 tables, 70 of 100 rows"]
