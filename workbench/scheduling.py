"""A schedule that starts the state machine: EventBridge Scheduler, here and on AWS."""

from __future__ import annotations

from etl_lib.errors import BadInput
from workbench.deployment import MACHINE, STATES_ROLE, Deployment, Say
from workbench.executions import moment
from workbench.stack import Stack

NAME = MACHINE
LATER = 'To wait for the full hour: "cron(0 * * * ? *)"'


def put(stack: Stack, expression: str, say: Say) -> str:
    """Deploy, then start the machine whenever ``expression`` says; returns in words when that is.

    A rate begins as the schedule is made, and an update of it goes on counting from there.
    """
    machine = Deployment(stack.endpoint).apply(say)
    client = stack.endpoint.client("scheduler")
    target = {"Arn": machine, "RoleArn": STATES_ROLE, "Input": "{}"}
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
    told = f"runs {expression} while the local AWS is up"
    return f"{told};\n{first}\n{LATER}" if is_rate(expression) else told


def is_rate(expression: str) -> bool:
    return expression.startswith("rate(")


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
