"""How far the extract of a run is: the newest line about it in the log of each of its job runs."""

from __future__ import annotations

import re
import time
from typing import Any

from rich.console import Console

from workbench.deployment import PREFIX
from workbench.endpoint import Endpoint

STAGE = "01_extract"
LINE = re.compile(r".+: [\d,]+ (of [\d,]+ )?rows, [\d,]+ rows/s.*")  # as etl_lib/progress writes it
LOOK = 2.0  # seconds between two looks; the jobs need the machine more than we do
PLAIN = 10.0  # seconds between two lines where nothing can be written over


class Watch:
    """Of one run, on ``console``."""

    def __init__(
        self, endpoint: Endpoint, run_id: str, console: Console, job: str = PREFIX + STAGE
    ) -> None:
        self._glue, self._logs = endpoint.client("glue"), endpoint.client("logs")
        self._run_id, self._console, self._job = run_id, console, job
        self._lines: list[str] = []
        self._looked = self._told = time.monotonic()

    def lines(self) -> list[str]:
        """For a place that is written over. In a plain log they are told, now and then."""
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked, self._lines = now, self._look()
            if self._lines and not self._console.is_terminal and now - self._told >= PLAIN:
                self._told = now
                for line in self._lines:
                    self._console.print(f"  {STAGE}  {line}", highlight=False, soft_wrap=True)
        return self._lines

    def _look(self) -> list[str]:
        try:
            runs = self._glue.get_job_runs(JobName=self._job, MaxResults=20)["JobRuns"]
        except self._glue.exceptions.EntityNotFoundException:
            return []  # the run fails by it, and says so
        mine = [
            run
            for run in runs
            if run["JobRunState"] == "RUNNING"
            and run.get("Arguments", {}).get("--run_id") == self._run_id
        ]
        return [line for run in mine if (line := self._last(run))]

    def _last(self, run: dict[str, Any]) -> str:
        group = f"{run['LogGroupName']}/output"
        try:
            found = self._logs.get_log_events(
                logGroupName=group, logStreamName=run["Id"], startFromHead=False, limit=20
            )
        except self._logs.exceptions.ResourceNotFoundException:
            return ""  # it has printed nothing
        lines = [event["message"] for event in found["events"]]
        return next((line for line in reversed(lines) if LINE.fullmatch(line)), "")
