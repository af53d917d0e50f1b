"""What requests must be like: names, ARNs, sizes, pages."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from typing import Any, TypeVar

from workbench.aws.protocol import AwsError

# Control characters, white space and what AWS lists: <>{}[]?*"#%\^|~`$&,;:/
ILLEGAL = re.compile(r"[\x00-\x20\x7f-\xa0<>{}\[\]?*\"#%\\^|~`$&,;:/]")
LARGEST = 256 * 1024
PAGE = 100
LARGEST_PAGE = 1000

Item = TypeVar("Item")


def name(request: dict[str, Any], field: str = "name") -> str:
    """A valid name of a state machine or execution. Raises AwsError."""
    value = text(request, field)
    if not 1 <= len(value) <= 80 or ILLEGAL.search(value):
        raise AwsError("InvalidName", f"Invalid Name: '{value}'")
    return value


def arn(request: dict[str, Any], field: str, kind: str) -> str:
    """The value of ``field``, which must look like the ARN of a ``kind``. Raises AwsError."""
    value = text(request, field)
    parts = value.split(":")
    whole = len(parts) >= 7 and parts[:3] == ["arn", "aws", "states"] and all(parts)
    if not whole or parts[5] != kind:
        raise AwsError("InvalidArn", f"Invalid Arn: '{value}'")
    return value


def text(request: dict[str, Any], field: str) -> str:
    value = request.get(field)
    if not isinstance(value, str):
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value at '{field}' failed to satisfy constraint: "
            "Member must not be null",
        )
    return value


def payload(request: dict[str, Any], field: str = "input") -> str:
    """A JSON document of at most 256 KiB; {} if there is none. Raises AwsError."""
    value = request.get(field)
    if value is None:
        return "{}"
    given = text(request, field)
    if len(given.encode()) > LARGEST:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value at '{field}' failed to satisfy constraint: "
            f"Member must have length less than or equal to {LARGEST}",
        )
    try:
        json.loads(given)
    except (ValueError, RecursionError) as error:
        raise AwsError(
            "InvalidExecutionInput", f"Invalid State Machine Execution Input: '{error}'"
        ) from None
    return given


def page(
    items: Sequence[Item], request: dict[str, Any], default: int = PAGE
) -> tuple[Sequence[Item], dict[str, str]]:
    """The page of ``items`` that is asked for, and the reply's nextToken if there is more."""
    size = request.get("maxResults") or default
    if not isinstance(size, int) or not 0 < size <= LARGEST_PAGE:
        raise AwsError(
            "ValidationException",
            f"1 validation error detected: Value '{size}' at 'maxResults' failed to satisfy "
            f"constraint: Member must have value less than or equal to {LARGEST_PAGE}",
        )
    start = _position(request.get("nextToken"))
    end = start + size
    more = {"nextToken": _token(end)} if end < len(items) else {}
    return items[start:end], more


def _token(position: int) -> str:
    return base64.urlsafe_b64encode(f"position {position}".encode()).decode()


def _position(token: object) -> int:
    if token is None:
        return 0
    try:
        word, position = base64.urlsafe_b64decode(str(token)).decode().split()
        if word != "position":
            raise ValueError
        return int(position)
    except ValueError:
        raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'") from None
