"""The history of an execution, read as visits: which state ran when, for which table, and how."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

FAILURES = ("Failed", "TimedOut", "Aborted")
BEGINNINGS = ("ExecutionStarted", "ExecutionRedriven")
ENDS = tuple(f"Execution{how}" for how in ("Succeeded", *FAILURES))


@dataclass
class Visit:
    """One visit to one state. ``status`` is RUNNING, SUCCEEDED, FAILED, or STOPPED: it did nothing
    wrong, but something else ended the execution or the Map around it."""

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
    maps: list[Visit] = []
    failed_maps: set[int] = set()
    closed: set[int] = set()  # those that something else has ended
    again: set[int] = set()  # of these, what a redrive may go on with
    for event in events:
        visit = owner.get(event["previousEventId"])
        kind = event["type"]
        if kind.endswith("StateEntered"):
            details = event["stateEnteredEventDetails"]
            table = _table(details.get("input", ""), visit)
            visit = Visit(details["name"], event["timestamp"], table)
            found.append(visit)
            if kind == "MapStateEntered":
                maps.append(visit)
        elif kind.endswith("StateExited"):
            visit = _exit(found, visit, event)
            if visit is not None and event["previousEventId"] in failed_maps:
                visit.status = "FAILED"  # a Catch leads on from here
        elif visit is not None:
            _note(visit, event)
            if id(visit) in again:
                again.remove(id(visit))
                visit.entered, visit.exited = event["timestamp"], None
                visit.status, visit.error = "RUNNING", ""
        owner[event["id"]] = visit
        if kind == "MapStateFailed":
            failed_maps.add(event["id"])
            _fail_innermost(maps)
        elif kind.endswith("StateAborted") and visit is not None:
            closed |= _close([visit], event["timestamp"])
        elif kind == "ExecutionRedriven":
            again, closed = again | closed, set()
        elif kind.startswith("Execution") and kind[len("Execution") :] in FAILURES:
            cause = visit if kind == "ExecutionFailed" else None  # e.g. a Fail state
            closed |= _close(found, event["timestamp"], cause)
    return found


def latest(found: Iterable[Visit]) -> list[Visit]:
    """The last visit to each state for each table: what came of it in the end."""
    return list({(visit.state, visit.table): visit for visit in found}.values())


def busy(found: Iterable[Visit]) -> float:
    """The seconds in which at least one of these visits went on: visits for several tables overlap,
    and between a failure and its redrive nothing runs."""
    seconds, upto = 0.0, None
    for visit in sorted(found, key=lambda visit: visit.entered):
        if visit.exited is not None and (upto is None or visit.exited > upto):
            begun = visit.entered if upto is None else max(visit.entered, upto)
            seconds += (visit.exited - begun).total_seconds()
            upto = visit.exited
    return seconds


def seconds(events: Iterable[Mapping[str, Any]], now: datetime | None = None) -> float:
    """How long an execution ran, until ``now`` if it runs, without the time between an end and its
    redrive."""
    total, begun = 0.0, None
    for event in events:
        kind = event["type"]
        if kind in BEGINNINGS:
            begun = event["timestamp"]
        elif kind in ENDS and begun is not None:
            total, begun = total + (event["timestamp"] - begun).total_seconds(), None
    return total + ((now - begun).total_seconds() if now and begun else 0.0)


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


def _fail_innermost(maps: Iterable[Visit]) -> None:
    """The event does not name the Map that failed. Those around it fail after it."""
    running = [each for each in maps if each.status == "RUNNING" and not each.error]
    if running:
        running[-1].error = "States.TaskFailed"


def _close(found: Iterable[Visit], when: datetime, cause: Visit | None = None) -> set[int]:
    """An execution that failed leaves no state running; returns the ids of those that ran. What
    has no error of its own, and is not the cause, was stopped."""
    running = [visit for visit in found if visit.status == "RUNNING"]
    for visit in running:
        failed = visit.error or visit is cause
        visit.exited, visit.status = when, "FAILED" if failed else "STOPPED"
    return {id(visit) for visit in running}
