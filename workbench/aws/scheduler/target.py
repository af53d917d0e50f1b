"""What a schedule does when it fires: StartExecution, on this very endpoint."""

from __future__ import annotations

import logging
import time
import uuid
from datetime import datetime
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workbench.aws.protocol import AwsError, Context, not_supported

log = logging.getLogger(__name__)

FIELDS = frozenset("Arn RoleArn Input RetryPolicy".split())
# Errors that another attempt may not meet.
PASSING = ("ThrottlingException", "InternalFailure", "ServiceUnavailable")


def supported(target: dict[str, Any]) -> dict[str, Any]:
    """``target`` itself, if this endpoint can carry it out. Raises AwsError."""
    arn = target.get("Arn")
    if not isinstance(arn, str) or not isinstance(target.get("RoleArn"), str):
        raise AwsError("ValidationException", "Target must have an Arn and a RoleArn")
    if not arn.startswith("arn:aws:states:") or ":stateMachine:" not in arn:
        raise not_supported("scheduler", f"a schedule with the target {arn}")
    for field in sorted(target.keys() - FIELDS):
        raise not_supported("scheduler", f"a schedule with Target.{field}")
    return target


def invoke(context: Context, schedule: dict[str, Any], due: datetime) -> None:
    """Start the execution; again for as long as the target's RetryPolicy says."""
    target = schedule["Target"]
    policy = target["RetryPolicy"]
    identifier, began = str(uuid.uuid4()), time.monotonic()
    for attempt in range(1, policy.get("MaximumRetryAttempts", 185) + 2):
        given = _filled(target.get("Input", "{}"), schedule, due, identifier, attempt)
        try:
            started = _client(context).start_execution(stateMachineArn=target["Arn"], input=given)
            log.info("schedule %s started %s", schedule["Name"], started["executionArn"])
            return
        except (BotoCoreError, ClientError) as error:
            log.warning("schedule %s, attempt %d: %s", schedule["Name"], attempt, error)
            code = getattr(error, "response", {}).get("Error", {}).get("Code")
            if code is not None and code not in PASSING:
                return
        time.sleep(min(2**attempt, 60))
        if time.monotonic() - began > policy.get("MaximumEventAgeInSeconds", 86400):
            return


def _client(context: Context) -> Any:
    session = boto3.Session(
        aws_access_key_id=context.access_key,
        aws_secret_access_key=context.secret_key,
        region_name=context.region,
    )
    return session.client("stepfunctions", endpoint_url=context.url)


def _filled(
    given: str, schedule: dict[str, Any], due: datetime, identifier: str, attempt: int
) -> str:
    """The input with the context attributes that Scheduler fills in."""
    for name, value in {
        "schedule-arn": schedule["Arn"],
        "scheduled-time": due.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "execution-id": identifier,
        "attempt-number": str(attempt),
    }.items():
        given = given.replace(f"<aws.scheduler.{name}>", value)
    return given
