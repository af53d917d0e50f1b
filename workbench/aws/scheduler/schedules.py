"""One schedule: what a request makes of it, and when it fires."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from workbench.aws.protocol import AwsError, Context, not_supported
from workbench.aws.scheduler import expressions
from workbench.aws.scheduler.target import supported

NAME = re.compile(r"[0-9a-zA-Z_.-]{1,64}")
FIELDS = frozenset(
    "Name GroupName Description ScheduleExpression ScheduleExpressionTimezone FlexibleTimeWindow "
    "Target State StartDate EndDate ActionAfterCompletion ClientToken".split()
)
RETRY = {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
# A schedule that is due while the server is down is made up for if it fires only once.
OLDEST = timedelta(days=1)


def checked(request: dict[str, Any], context: Context) -> dict[str, Any]:
    """A request to create or update, complete with defaults. Raises AwsError."""
    for field in sorted(request.keys() - FIELDS):
        raise not_supported("scheduler", f"a schedule with {field}")
    if not NAME.fullmatch(str(request.get("Name"))):
        raise _invalid(f"Name {request.get('Name')!r} does not match {NAME.pattern}")
    if (request.get("FlexibleTimeWindow") or {}).get("Mode") not in ("OFF", "FLEXIBLE"):
        raise _invalid("FlexibleTimeWindow must have the Mode OFF or FLEXIBLE")
    prefix = f"arn:aws:scheduler:{context.region}:{context.account}"
    schedule = {
        "GroupName": "default",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
        **{key: value for key, value in request.items() if value is not None},
        "Arn": f"{prefix}:schedule/default/{request['Name']}",
        "LastModificationDate": now().timestamp(),
        "Target": {"RetryPolicy": RETRY, **supported(request.get("Target") or {})},
    }
    schedule.pop("ClientToken", None)
    if schedule["State"] not in ("ENABLED", "DISABLED"):
        raise _invalid(f"State {schedule['State']!r} is not ENABLED or DISABLED")
    try:
        _expression({**schedule, "CreationDate": 0})
    except ValueError as error:
        raise _invalid(f"Invalid Schedule Expression: {error}") from None
    return schedule


def _expression(schedule: dict[str, Any]) -> expressions.Expression:
    start = datetime.fromtimestamp(schedule.get("StartDate", schedule["CreationDate"]), UTC)
    return expressions.parse(
        schedule["ScheduleExpression"], schedule["ScheduleExpressionTimezone"], start
    )


def following(schedule: dict[str, Any], moment: datetime, late: bool = False) -> datetime | None:
    """When ``schedule`` fires after ``moment``; None if it does not any more."""
    if schedule["State"] == "DISABLED" or schedule.get("Fired"):
        return None
    if schedule["ScheduleExpression"].startswith("at("):
        return _expression(schedule).after(moment - OLDEST if late else moment)
    if "StartDate" in schedule:
        start = datetime.fromtimestamp(schedule["StartDate"], UTC)
        moment = max(moment, start - timedelta(microseconds=1))
    found = _expression(schedule).after(moment)
    if found and found.timestamp() > schedule.get("EndDate", float("inf")):
        return None
    return found


def now() -> datetime:
    return datetime.now(UTC)


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", message)
