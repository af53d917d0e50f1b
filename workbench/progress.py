"""How far a run is: the extract's newest line in the log of each of its job runs; of the stages
after it the tables, and their rows where all of them are known."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rich.console import Console

from workbench.history import Visit
from workbench.stack import Stack

STAGE = "01_extract"
LINE = re.compile(r".+: [\d,]+ (of [\d,]+ )?rows, [\d,]+ rows/s.*")  # as etl_lib/progress writes it
THROUGH = ("03_transform", "Nothing to move")  # what ends the way of a table by itself
WHOLE = ("04_load", "05_bookmark", "06_finalize")  # stages that have all tables in one job
LOOK = 2.0  # seconds between two looks; the jobs need the machine more than we do
PLAIN = 10.0  # seconds between two lines where nothing can be written over


def far(stage: str, done: Collection[str], rows: Mapping[str, int | None]) -> str:
    """``rows`` has each table of the run, with what was extracted of it where that is known."""
    told = f"{stage}  {len(done)} of {len(rows)} tables"
    known = [count for count in rows.values() if count is not None]
    if len(known) < len(rows) or not sum(known):
        return told
    return f"{told}, {sum(rows[name] or 0 for name in done):,} of {sum(known):,} rows"


def through(visits: Sequence[Visit], tables: Collection[str]) -> str:
    """How many tables are through the stages that each of them has for itself."""
    done = {visit.table for visit in visits if visit.state in THROUGH and visit.exited}
    return f"{len(done & set(tables))} of {len(tables)} tables are through 03_transform"


class Watch:
    """Of one run, on ``console``."""

    def __init__(
        self, stack: Stack, run_id: str, console: Console, tables: Sequence[str] = ()
    ) -> None:
        self._glue, self._logs = stack.endpoint.client("glue"), stack.endpoint.client("logs")
        self._s3, self._bucket = stack.endpoint.client("s3"), stack.target.bucket
        self._run_id, self._console, self._tables = run_id, console, tables
        self._job = stack.target.prefix + STAGE
        self._lines: list[tuple[str, str]] = []  # (stage, what is told of it)
        self._rows: dict[str, int | None] = {}
        self._looked = self._told = time.monotonic()

    def lines(self, running: Collection[str] = (STAGE,)) -> list[str]:
        """For a place that is written over. In a plain log they are told, now and then."""
        now = time.monotonic()
        if now - self._looked >= LOOK:
            self._looked = now
            self._lines = [(STAGE, line) for line in self._look()] if STAGE in running else []
            self._lines += [(stage, self._far(stage)) for stage in WHOLE if stage in running]
            if self._lines and not self._console.is_terminal and now - self._told >= PLAIN:
                self._told = now
                for stage, line in self._lines:
                    told = line if stage in WHOLE else f"{stage}  {line}"
                    self._console.print(f"  {told}", highlight=False, soft_wrap=True)
        # What ended since the last look is not told of any more.
        return [line for stage, line in self._lines if stage in running]

    def _far(self, stage: str) -> str:
        done = self._done(stage) & set(self._tables)
        if not self._rows:  # the extract is over: they do not change any more
            extracted = self._done(STAGE)
            self._rows = {name: self._extracted(name, extracted) for name in self._tables}
        return far(stage, done, self._rows)

    def _done(self, stage: str) -> set[str]:
        """The tables of which a stage has published what it did."""
        prefix = f"runs/{self._run_id}/results/{stage}/"
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        keys = (each["Key"] for page in pages for each in page.get("Contents", ()))
        return {key.removeprefix(prefix).removesuffix(".json") for key in keys}

    def _extracted(self, table: str, known: Collection[str]) -> int | None:
        if table not in known:
            return None
        key = f"runs/{self._run_id}/results/{STAGE}/{table}.json"
        body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
        return int(json.loads(body)["rows"])

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
