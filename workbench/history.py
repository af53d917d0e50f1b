"""The history of an execution, read as visits: which state ran when, for which table, and how."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FAILURES = ("Failed", "TimedOut", "Aborted")


@dataclass
class Visit:
    """One visit to one state. ``status`` is RUNNING, SUCCEEDED or FAILED."""

    state: str
    entered: datetime
    table: str = ""  # of the Map iteration it belongs to
    exited: datetime | None = None
    status: str = "RUNNING"
    error: str = ""

    @property
    def seconds(self) -> float:
        return (self.exited - self.entered).total_seconds() if self.exited else 0.0


def visits(events: Iterable[Mapping[str, Any]]) -> list[Visit]:
    """Every visit, in the order of entering. ``events`` as GetExecutionHistory gives them."""
    found: list[Visit] = []
    owner: dict[int, Visit | None] = {}
    failed_maps: set[int] = set()
    for event in events:
        visit = owner.get(event["previousEventId"])
        kind = event["type"]
        if kind.endswith("StateEntered"):
            details = event["stateEnteredEventDetails"]
            table = _table(details.get("input", ""), visit)
            visit = Visit(details["name"], event["timestamp"], table)
            found.append(visit)
        elif kind.endswith("StateExited"):
            visit = _exit(found, visit, event)
            if visit is not None and event["previousEventId"] in failed_maps:
                visit.status = "FAILED"  # a Catch leads on from here
        elif visit is not None:
            _note(visit, event)
        owner[event["id"]] = visit
        if kind == "MapStateFailed":
            failed_maps.add(event["id"])
        if kind.startswith("Execution") and kind[len("Execution") :] in FAILURES:
            _close(found, event["timestamp"])
    return found


def _table(given: str, parent: Visit | None) -> str:
    """The table of an iteration: a state within the Map gets its name as input."""
    try:
        parsed = json.loads(given)
    except ValueError:
        return ""
    return parsed if isinstance(parsed, str) else ""


def _exit(found: list[Visit], visit: Visit | None, event: Mapping[str, Any]) -> Visit | None:
    """The visit that ends: the event's own, or that of the Map around the event's own."""
    name = event["stateExitedEventDetails"]["name"]
    if visit is None or visit.state != name:
        running = [each for each in found if each.state == name and each.exited is None]
        visit = running[-1] if running else None
    if visit is not None:
        visit.exited = event["timestamp"]
        visit.status = "FAILED" if visit.error else "SUCCEEDED"
    return visit


def _note(visit: Visit, event: Mapping[str, Any]) -> None:
    kind = event["type"]
    if kind in ("TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed"):
        details = event.get(f"{kind[0].lower()}{kind[1:]}EventDetails", {})
        visit.error = details.get("error", kind)
    elif kind == "TaskScheduled":
        visit.error = ""  # a retry
    elif kind == "MapStateFailed":
        visit.error = "States.TaskFailed"


def _close(found: Iterable[Visit], when: datetime) -> None:
    """An execution that failed leaves no state running."""
    for visit in found:
        if visit.status == "RUNNING":
            visit.exited, visit.status = when, "FAILED"
