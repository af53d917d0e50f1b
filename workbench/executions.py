"""The executions of the state machine, each as a part of the run that it is of."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from workbench.preparation import RUN_ID
from workbench.stack import Stack

MOST = 100  # executions that are looked at for one run that has no execution of its name


@dataclass(frozen=True)
class Found:
    """The newest execution of a run."""

    arn: str
    status: str
    started: datetime
    stopped: datetime | None


def of_runs(stack: Stack, most: int, known: Collection[str]) -> dict[str, Found]:
    """Run -> its newest execution, of the ``most`` newest that there are. Runs that are ``known``
    have an execution of their name, which is not asked what it was given."""
    client = stack.endpoint.client("stepfunctions")
    found: dict[str, Found] = {}
    for each in _listed(stack, client, most):
        name = each["name"]
        if name in (".", ".."):  # no stage takes it for a run, and no folder can have it
            continue
        run_id = name if name in known else _run_of(client, each)
        found.setdefault(run_id, _found(each))
    return found


def newest(stack: Stack, run_id: str) -> Found | None:
    """The newest execution of one run: of its name, or one that goes on with it."""
    client = stack.endpoint.client("stepfunctions")
    for each in _listed(stack, client, MOST):
        if each["name"] == run_id or _run_of(client, each) == run_id:
            return _found(each)
    try:
        return _found(client.describe_execution(executionArn=stack.target.execution(run_id)))
    except (client.exceptions.ExecutionDoesNotExist, client.exceptions.InvalidArn):
        return None


def given(described: Mapping[str, Any]) -> dict[str, Any]:
    """The input of an execution. It may be anything: then it has failed, and names nothing."""
    found = json.loads(described["input"])
    return found if isinstance(found, dict) else {}


def moment(when: datetime) -> str:
    """As a summary has it."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def _listed(stack: Stack, client: Any, most: int) -> list[Mapping[str, Any]]:
    """The newest first; none before the state machine was deployed."""
    pages = client.get_paginator("list_executions").paginate(
        stateMachineArn=stack.target.machine, PaginationConfig={"MaxItems": most}
    )
    try:
        return [each for page in pages for each in page["executions"]]
    except client.exceptions.StateMachineDoesNotExist:
        return []


def _run_of(client: Any, execution: Mapping[str, Any]) -> str:
    """Its name, unless its input says another."""
    run_id = given(client.describe_execution(executionArn=execution["executionArn"])).get("run_id")
    named = isinstance(run_id, str) and RUN_ID.fullmatch(run_id)
    return str(run_id if named else execution["name"])


def _found(each: Mapping[str, Any]) -> Found:
    begun = each.get("redriveDate") or each["startDate"]
    return Found(each["executionArn"], each["status"], begun, each.get("stopDate"))
