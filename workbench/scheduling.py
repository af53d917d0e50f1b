"""A schedule that starts the state machine: EventBridge Scheduler, here and on AWS."""

from __future__ import annotations

import json
from collections.abc import Mapping

from etl_lib.errors import BadInput
from workbench.deployment import MACHINE, STATES_ROLE, Deployment, Say
from workbench.executions import moment
from workbench.stack import Stack

NAME = MACHINE
# What an execution without input takes.
SAMPLE = "the sample's contract, on its database"
OWN = "this contract as it is now: after a change of it, type this again"
LATER = {
    "rate(1 hour)": 'To wait for the full hour: "cron(0 * * * ? *)"',
    "rate(1 day)": 'To wait for midnight: "cron(0 0 * * ? *)"',
}


def put(stack: Stack, expression: str, say: Say, given: Mapping[str, str] | None = None) -> str:
    """Deploy, then start the machine whenever ``expression`` says; returns in words when that is.
    ``given`` is the input of each run, as ``preparation.standing`` makes it.

    A rate begins as the schedule is made, and an update of it goes on counting from there.
    """
    machine = Deployment(stack.endpoint).apply(say)
    client = stack.endpoint.client("scheduler")
    target = {"Arn": machine, "RoleArn": STATES_ROLE, "Input": json.dumps(given or {})}
    request = {
        "Name": NAME,
        "ScheduleExpression": expression,
        "ScheduleExpressionTimezone": "UTC",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": target,
    }
    first = "the first begins now"
    try:
        client.create_schedule(**request)
    except client.exceptions.ConflictException:
        client.update_schedule(**request)
        made = client.get_schedule(Name=NAME)["CreationDate"]
        first = f"counted from {moment(made)} UTC, when the schedule was made"
    except client.exceptions.ValidationException as error:
        said = error.response["Error"]["Message"]
        raise BadInput(f'{said}, as "rate(1 hour)" or "cron(0 5 * * ? *)" are') from None
    what = OWN if given else SAMPLE
    told = f"runs {expression} while the local AWS is up, by {what}"
    return with_first(told, expression, first)


def with_first(told: str, expression: str, first: str) -> str:
    """``told``; of a rate also when its ``first`` run begins, and what begins at full hours."""
    if not expression.startswith("rate("):
        return told
    return "\n".join([f"{told};", first, *([LATER[expression]] if expression in LATER else [])])


def current(stack: Stack) -> str | None:
    """The expression, or None."""
    client = stack.endpoint.client("scheduler")
    try:
        return str(client.get_schedule(Name=NAME)["ScheduleExpression"])
    except client.exceptions.ResourceNotFoundException:
        return None


def remove(stack: Stack) -> bool:
    """False if there was none."""
    client = stack.endpoint.client("scheduler")
    try:
        client.delete_schedule(Name=NAME)
    except client.exceptions.ResourceNotFoundException:
        return False
    return True
