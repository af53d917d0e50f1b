"""Executions and their histories on disk: they outlive the process, however it ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.aws.files import write

RUNNING = "RUNNING"
ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionTimedOut": "TIMED_OUT",
    "ExecutionAborted": "ABORTED",
}
SERVER_STOPPED = "LocalAws.ServerStopped"


@dataclass
class Record:
    """One execution, with the definition that it started with. Times are epoch seconds."""

    arn: str
    name: str
    machine_arn: str
    machine_name: str
    definition: str
    role_arn: str
    revision_id: str | None
    updated: float  # when the state machine got this definition
    logging: dict[str, Any]
    input: str = field(repr=False)
    started: float
    trace_header: str | None = None
    status: str = RUNNING
    stopped: float | None = None
    output: str | None = field(default=None, repr=False)
    error: str | None = None
    cause: str | None = None
    redrives: int = 0
    redriven: float | None = None
    map_runs: list[dict[str, Any]] = field(default_factory=list)

    def end(self, event: Mapping[str, Any]) -> None:
        """Take over what the last event of the history says."""
        details: dict[str, Any] = next(
            (event[key] for key in event if key.endswith("EventDetails")), {}
        )
        self.status, self.stopped = ENDS[event["type"]], event["timestamp"]
        self.output = details.get("output")
        self.error, self.cause = details.get("error"), details.get("cause")


class Store:
    """A folder with two files per execution: its record, and its history line by line."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def records(self) -> Iterator[Record]:
        for path in sorted(self._folder.glob("*.json")):
            yield Record(**json.loads(path.read_text(encoding="utf-8")))

    def write(self, record: Record) -> None:
        write(self._path(record, "json"), asdict(record))

    def history(self, record: Record) -> list[dict[str, Any]]:
        """Every event; a last line that a kill has torn is left out."""
        try:
            lines = self._path(record, "history").read_bytes().split(b"\n")
        except FileNotFoundError:
            return []
        return [json.loads(line) for line in lines[:-1]]

    def append(self, record: Record) -> int:
        """The open file that takes the history's next lines."""
        path = self._path(record, "history")
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        os.ftruncate(file, _whole_lines(path))
        return file

    def _path(self, record: Record, suffix: str) -> Path:
        # No name has a colon. quote() keeps slashes out of the file's name.
        name = f"{quote(record.machine_name, safe='')}:{quote(record.name, safe='')}"
        return self._folder / f"{name}.{suffix}"


def _whole_lines(path: Path) -> int:
    return path.read_bytes().rfind(b"\n") + 1
