"""Scheduler speaks REST: which operation a method and a path ask for."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

from werkzeug.wrappers import Request

from workbench.aws.protocol import AwsError, not_supported

BY_METHOD = {
    "POST": "CreateSchedule",
    "GET": "GetSchedule",
    "PUT": "UpdateSchedule",
    "DELETE": "DeleteSchedule",
}
# Of the query string -> of the API.
QUERY = {
    "groupName": "GroupName",
    "ScheduleGroup": "GroupName",
    "NamePrefix": "NamePrefix",
    "State": "State",
    "MaxResults": "MaxResults",
    "NextToken": "NextToken",
}


def read(request: Request, body: str) -> tuple[str, dict[str, Any]]:
    """The operation and its parameters. Raises AwsError."""
    given: dict[str, Any] = {
        QUERY[key]: value for key, value in request.args.items() if key in QUERY
    }
    if "MaxResults" in given:
        given["MaxResults"] = _number(given["MaxResults"])
    parts = request.path.strip("/").split("/")
    if parts == ["schedules"] and request.method == "GET":
        return "ListSchedules", given
    if len(parts) != 2 or parts[0] != "schedules" or request.method not in BY_METHOD:
        raise not_supported("scheduler", f"{request.method} {request.path}")
    try:
        parsed = json.loads(body or "{}")
    except (ValueError, RecursionError) as error:
        raise AwsError("ValidationException", f"The body is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise AwsError("ValidationException", "The body is JSON, but not an object.")
    return BY_METHOD[request.method], {**given, **parsed, "Name": unquote(parts[1])}


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise AwsError("ValidationException", f"MaxResults must be a number, not {text!r}")
    return int(text)
