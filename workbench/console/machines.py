"""The state machines of the local AWS: ours, those of stacks deployed there, and others."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from workbench.console.local import Local
from workbench.preparation import STAGES
from workbench.target import LOCAL, Target


def arn(name: str) -> str:
    """Of a state machine of the local AWS."""
    return f"{LOCAL.machine.rpartition(':')[0]}:{name}"


def name_of(machine: str) -> str:
    """Of its ARN, or of that of one of its executions."""
    return machine.split(":")[6]


def targets(local: Local) -> dict[str, Target]:
    """State machine -> what its pipeline's things are called; ours first."""
    found = {name_of(LOCAL.machine): LOCAL}
    pages = local.client("cloudformation").get_paginator("describe_stacks").paginate()
    for stack in (stack for page in pages for stack in page["Stacks"]):
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", ())}
        with suppress(KeyError):  # another stack, or one that is not made yet
            target = Target.deployed(stack["StackName"], outputs)
            found[name_of(target.machine)] = target
    return found


def of_job(job: str, known: Mapping[str, Target]) -> str:
    """The state machine that starts a job, or nothing."""
    jobs = {f"{each.prefix}{stage}": name for name, each in known.items() for stage in STAGES}
    return jobs.get(job, "")


def executions(local: Local, most: int) -> list[dict[str, Any]]:
    """The newest of every state machine, each with the ``machine``'s name; the newest first."""
    client = local.client("stepfunctions")
    none = client.exceptions.StateMachineDoesNotExist  # it was deleted just now
    express = client.exceptions.StateMachineTypeNotSupported  # that keeps no list
    pages = client.get_paginator("list_state_machines").paginate()
    found: list[dict[str, Any]] = []
    for machine in (machine for page in pages for machine in page["stateMachines"]):
        with suppress(none, express):
            arn = machine["stateMachineArn"]
            own = client.list_executions(stateMachineArn=arn, maxResults=most)["executions"]
            found += [{**each, "machine": machine["name"]} for each in own]
    return sorted(found, key=lambda each: each["startDate"], reverse=True)[:most]
