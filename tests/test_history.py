"""What the history of an execution tells of its states: how long, for which table, and how."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from workbench import history
from workbench.execution import stages
from workbench.history import Visit

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)


def moment(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def visit(state: str, table: str, entered: float, exited: float, status: str) -> Visit:
    return Visit(state, moment(entered), table, moment(exited), status)


def event(number: int, before: int, kind: str, second: float, **details: Any) -> dict[str, Any]:
    common = {"id": number, "previousEventId": before, "timestamp": moment(second)}
    return {**common, "type": kind, **details}


def test_seconds_in_which_several_tables_were_moved_count_once_and_a_pause_not_at_all() -> None:
    found = [
        visit("01_extract", "a", 0, 4, "SUCCEEDED"),
        visit("01_extract", "b", 1, 3, "FAILED"),
        visit("01_extract", "c", 2, 5, "SUCCEEDED"),
        visit("01_extract", "b", 3600, 3602, "SUCCEEDED"),  # after a redrive, an hour later
        visit("04_load", "", 3602, 3603, "FAILED"),
    ]
    told = [(stage.stage, stage.status, stage.seconds) for stage in stages(found)]
    assert told == [("01_extract", "SUCCEEDED", 7.0), ("04_load", "FAILED", 1.0)]


def test_a_state_that_a_redrive_takes_up_again_begins_anew() -> None:
    name = {"stateEnteredEventDetails": {"name": "04_load", "input": "{}"}}
    left = {"stateExitedEventDetails": {"name": "04_load"}}
    events = [
        event(1, 0, "ExecutionStarted", 0),
        event(2, 0, "TaskStateEntered", 1, **name),
        event(3, 2, "TaskScheduled", 1),
        event(4, 3, "ExecutionAborted", 5),
        event(5, 0, "ExecutionRedriven", 1000),
        event(6, 2, "TaskScheduled", 1001),
        event(7, 6, "TaskStateExited", 1004, **left),
        event(8, 7, "ExecutionSucceeded", 1005),
    ]
    stopped, running, done = (history.visits(events[:end]) for end in (4, 6, 8))
    assert [(each.status, each.seconds) for each in stopped] == [("STOPPED", 4.0)]
    assert [(each.status, each.exited) for each in running] == [("RUNNING", None)]
    assert [(each.status, each.seconds) for each in done] == [("SUCCEEDED", 3.0)]
    assert history.seconds(events) == 10.0
    going = [*events[:6]]  # redriven, and not at its end yet
    assert history.seconds(going, event(0, 0, "", 1003)["timestamp"]) == 5.0 + 3.0


@pytest.mark.parametrize("told", [True, False])  # AWS writes an event of what it stops
def test_what_another_failure_has_stopped_did_not_fail(told: bool) -> None:
    def entered(name: str, given: str = "{}") -> dict[str, Any]:
        return {"stateEnteredEventDetails": {"name": name, "input": given}}

    left = {"stateExitedEventDetails": {"name": "Move each wave"}}
    aborted = [event(9, 5, "TaskStateAborted", 4), event(10, 9, "MapIterationAborted", 4)]
    events = [
        event(1, 0, "ExecutionStarted", 0),
        event(2, 1, "MapStateEntered", 1, **entered("Move each wave")),
        event(3, 2, "MapStateEntered", 1, **entered("Move each table")),
        event(4, 3, "TaskStateEntered", 2, **entered("01_extract", '"a"')),
        event(5, 3, "TaskStateEntered", 2, **entered("03_transform", '"b"')),
        event(6, 4, "TaskFailed", 3, taskFailedEventDetails={"error": "States.TaskFailed"}),
        event(7, 6, "MapIterationFailed", 3),
        event(8, 6, "MapStateFailed", 3),
        *(aborted if told else []),
        event(11, 8, "MapStateFailed", 4),
        event(12, 11, "MapStateExited", 4, **left),
        event(13, 12, "FailStateEntered", 5, **entered("Failed")),
        event(14, 13, "ExecutionFailed", 5),
    ]
    found = history.visits(events)
    assert [(each.state, each.table, each.status) for each in found] == [
        ("Move each wave", "", "FAILED"),
        ("Move each table", "", "FAILED"),
        ("01_extract", "a", "FAILED"),
        ("03_transform", "b", "STOPPED"),
        ("Failed", "", "FAILED"),
    ]
    ended = [(stage.stage, stage.status) for stage in stages(found)]
    assert ended == [("01_extract", "FAILED"), ("03_transform", "STOPPED")]
