"""A long read says how far it is, a short one nothing; who watches the run is told."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from etl_lib.progress import Progress
from tests.states import until
from workbench import progress
from workbench.endpoint import ROLE, Endpoint

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
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    job = f"progress-{terminal}"
    endpoint.client("s3").create_bucket(Bucket=job.lower())
    endpoint.client("s3").put_object(Bucket=job.lower(), Key="job.py", Body=SCRIPT.encode())
    command = {"Name": "pythonshell", "ScriptLocation": f"s3://{job.lower()}/job.py"}
    glue = endpoint.client("glue")
    glue.create_job(Name=job, Role=ROLE, Command=command, MaxCapacity=0.0625)
    started = glue.start_job_run(JobName=job, Arguments={"--run_id": "long"})["JobRunId"]
    monkeypatch.setattr(progress, "PLAIN", 0.0)
    written = io.StringIO()
    console = Console(file=written, force_terminal=terminal, width=40)
    other = progress.Watch(endpoint, "other", console, job)
    watch = progress.Watch(endpoint, "long", console, job)
    line = "orders: 1,500,000 of 5,000,000 rows, 600,000 rows/s, 6 s left"
    try:
        assert until(watch.lines, 30) == [line]
        assert other.lines() == []
        assert written.getvalue() == ("" if terminal else f"  01_extract  {line}\n")
    finally:
        glue.batch_stop_job_run(JobName=job, JobRunIds=[started])
