"""The state machine's definition, held against what Step Functions and the services know."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest
from botocore.model import ServiceModel, Shape, StructureShape

from workbench import chart, drawing, graph
from workbench.deployment import FOLDER, definition
from workbench.execution import newer
from workbench.history import Visit, visits
from workbench.preparation import STAGES

FILE = FOLDER / "pipeline.asl.json"
DEFINITION: dict[str, Any] = json.loads(FILE.read_text())
OPTIMIZED = {"glue": "glue", "dynamodb": "dynamodb", "sns": "sns"}
SDK = {"s3": "s3", "sfn": "stepfunctions"}  # Step Functions' names of services -> botocore's


def states(machine: dict[str, Any] = DEFINITION) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, state in machine["States"].items():
        yield name, state
        if state["Type"] == "Map":
            yield from states(state["ItemProcessor"])


TASKS = [(name, state) for name, state in states() if state["Type"] == "Task"]
JOBS = [(name, state) for name, state in TASKS if ":glue:" in state["Resource"]]


def operation(resource: str) -> tuple[str, str]:
    """botocore's service and operation of an integration's ARN."""
    parts = resource.removeprefix("arn:aws:states:::").split(":")
    if parts[0] == "aws-sdk":
        return SDK[parts[1]], parts[2]
    return OPTIMIZED[parts[0]], parts[1].partition(".")[0]


def pascal(name: str) -> str:
    return name[0].upper() + name[1:]


def unknown(given: Any, shape: Shape, where: str) -> Iterator[str]:
    """Names in ``given`` that the service's model does not have; JSONata is left alone."""
    if isinstance(given, dict) and isinstance(shape, StructureShape):
        members = {pascal(name): member for name, member in shape.members.items()}
        for name, value in given.items():
            if name not in members:
                yield f"{where}.{name}"
            else:
                yield from unknown(value, members[name], f"{where}.{name}")


@pytest.mark.parametrize(("name", "task"), TASKS, ids=[name for name, _ in TASKS])
def test_every_integration_is_an_operation_of_its_service(name: str, task: dict[str, Any]) -> None:
    service, called = operation(task["Resource"])
    loader = botocore.session.Session().get_component("data_loader")
    model = ServiceModel(loader.load_service_model(service, "service-2"), service)
    shape = model.operation_model(pascal(called)).input_shape
    assert shape is not None
    assert list(unknown(task["Arguments"], shape, name)) == []
    given = set(task["Arguments"])
    assert {pascal(member) for member in shape.required_members} <= given


def test_every_stage_is_a_state_that_waits_for_its_job() -> None:
    assert [name for name, _ in JOBS] == list(STAGES)
    for name, task in JOBS:
        assert task["Resource"] == "arn:aws:states:::glue:startJobRun.sync"
        assert task["Arguments"]["JobName"] == f"${{JobPrefix}}{name}"


@pytest.mark.parametrize(("name", "task"), JOBS, ids=[name for name, _ in JOBS])
def test_a_job_is_tried_again_only_where_it_could_not_be_started(
    name: str, task: dict[str, Any]
) -> None:
    assert task["TimeoutSeconds"] <= DEFINITION["TimeoutSeconds"]
    (retry,) = task["Retry"]
    assert all(error.startswith("Glue.") for error in retry["ErrorEquals"])
    assert retry["JitterStrategy"] == "FULL" and retry["MaxDelaySeconds"] <= 300


def test_every_task_has_a_timeout_and_every_failure_leads_to_the_failure_path() -> None:
    assert all("TimeoutSeconds" in task for _, task in TASKS)
    top = DEFINITION["States"]
    for name in ("Move each wave", "04_load", "05_bookmark", "06_finalize"):
        (catch,) = top[name]["Catch"]
        assert catch["ErrorEquals"] == ["States.ALL"]
        assert catch["Next"] == "Release the lease of a failed run"


def test_every_name_to_fill_in_is_filled_in_and_jsonata_is_left_alone() -> None:
    filled = definition("arn:aws:sns:us-east-1:123456789012:topic")
    assert not re.search(r"\$\{", filled)
    assert filled.count("{% ") == FILE.read_text().count("{% ")
    json.loads(filled)


@pytest.mark.skipif(shutil.which("npx") is None, reason="npx is not installed")
def test_asl_validator_finds_nothing(tmp_path: Path) -> None:
    """asl-validator 4.0.0 of npm; skipped where npm cannot fetch it."""
    done = subprocess.run(
        ["npx", "--yes", "asl-validator@4.0.0", "--json-path", str(FILE)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )
    if "npm error" in done.stderr:
        pytest.skip(f"npm: {done.stderr.strip().splitlines()[0]}")
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_graph_has_every_state_and_marks_what_failed() -> None:
    made = graph.of(DEFINITION)
    assert set(made.states) == {name for name, _ in states()}
    assert made.main[0] == "Check the input" and made.main[-1] == "Done"
    assert [name for name in made.main if name in STAGES] == list(STAGES)
    drawn = chart.draw(made)
    assert {box.name for box in drawn.boxes} == set(made.states)
    assert drawing.png(drawn).startswith(b"\x89PNG")
    assert chart.marks([_failed("04_load")]) == {"04_load": chart.Mark("FAILED", "")}


def _failed(state: str) -> Visit:
    from datetime import UTC, datetime

    now = datetime.now(UTC)
    return Visit(state, now, exited=now, status="FAILED", error="Glue.Error")


class Growing:
    """A history that is read from its end, page by page, and has more events at every page."""

    def __init__(self, events: int, more: int) -> None:
        self.events, self.more = events, more

    def get_paginator(self, name: str) -> Growing:
        return self

    def paginate(self, PaginationConfig: dict[str, int], **_: Any) -> Iterator[dict[str, Any]]:
        read, size = 0, PaginationConfig["PageSize"]
        while read < self.events:
            newest = self.events - read
            yield {"events": [{"id": at} for at in range(newest, max(0, newest - size), -1)]}
            read, self.events = read + size, self.events + self.more


@pytest.mark.parametrize("more", [0, 1, 7, 19])
def test_a_history_that_grows_while_it_is_read_has_each_event_once(more: int) -> None:
    history, known = Growing(50, more), [0]
    for _ in range(3):
        known += [event["id"] for event in newer(history, "arn", known[-1])]
    assert known == list(range(known[-1] + 1)) and known[-1] >= 50


def test_a_history_becomes_visits() -> None:
    from datetime import UTC, datetime, timedelta

    start = datetime(2026, 1, 1, tzinfo=UTC)

    def event(number: int, before: int, kind: str, **details: Any) -> dict[str, Any]:
        return {
            "id": number,
            "previousEventId": before,
            "type": kind,
            "timestamp": start + timedelta(seconds=number),
            **details,
        }

    def entered(name: str, given: str = "{}") -> dict[str, Any]:
        return {"stateEnteredEventDetails": {"name": name, "input": given}}

    def exited(name: str) -> dict[str, Any]:
        return {"stateExitedEventDetails": {"name": name}}

    found = visits(
        [
            event(1, 0, "ExecutionStarted"),
            event(2, 0, "MapStateEntered", **entered("Move each table")),
            event(3, 2, "MapStateStarted"),
            event(4, 3, "TaskStateEntered", **entered("01_extract", '"bookings"')),
            event(5, 3, "TaskStateEntered", **entered("01_extract", '"apartments"')),
            event(6, 4, "TaskFailed", taskFailedEventDetails={"error": "States.TaskFailed"}),
            event(7, 5, "TaskSucceeded"),
            event(8, 7, "TaskStateExited", **exited("01_extract")),
            event(9, 6, "MapStateFailed"),
            event(10, 9, "ExecutionFailed"),
        ]
    )
    assert [(visit.state, visit.table, visit.status, visit.seconds) for visit in found] == [
        ("Move each table", "", "FAILED", 8),
        ("01_extract", "bookings", "FAILED", 6),
        ("01_extract", "apartments", "SUCCEEDED", 3),
    ]
