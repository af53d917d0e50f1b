"""DynamoDB's values: what moto would take, and DynamoDB does not.

Rules: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html and
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

from workbench.aws.protocol import AwsError

KINDS = frozenset("S N B SS NS BS M L NULL BOOL".split())
DEEPEST = 32
# Where a request has values: by name, or a list of them.
MAPS = ("Item", "Key", "ExpressionAttributeValues", "ExclusiveStartKey")
# Members that hold further requests.
NESTED = "PutRequest DeleteRequest Put Update Delete ConditionCheck Get".split()


def check(request: dict[str, Any]) -> None:
    """Raises AwsError for a value, or an expression, that cannot be one."""
    for name, member in request.items():
        if name in MAPS:
            for value in member.values():
                _value(value, 1)
        elif name.endswith("Expression") and not str(member).strip():
            raise _invalid(f"Invalid {name}: The expression can not be empty;")
        elif name == "RequestItems":
            for batch in member.values():
                _batch(batch)
        elif name == "TransactItems" or name in NESTED:
            for each in member if isinstance(member, list) else [member]:
                check(each)


def _batch(batch: Any) -> None:
    if isinstance(batch, dict):  # of BatchGetItem: keys
        for key in batch.get("Keys", []):
            check({"Key": key})
        return
    for write in batch:
        if len(write) != 1:
            raise _invalid("A write request is one PutRequest or one DeleteRequest")
        check(write)


def _value(value: dict[str, Any], depth: int) -> None:
    if depth > DEEPEST:
        raise _invalid(f"Nesting Levels have exceeded supported limits: {DEEPEST}")
    if len(value) != 1 or not value.keys() <= KINDS:
        raise _invalid(
            "Supplied AttributeValue must contain exactly one of the supported datatypes, "
            f"not {sorted(value)}"
        )
    (kind, content) = next(iter(value.items()))
    for each in content if kind == "BS" else [content] if kind == "B" else []:
        _base64(each)
    if kind in ("SS", "NS", "BS") and len(set(content)) < max(1, len(content)):
        raise _invalid(f"A set ({kind}) may not be empty, nor contain duplicates")
    for member in content.values() if kind == "M" else content if kind == "L" else []:
        _value(member, depth + 1)


def _base64(text: Any) -> None:
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError, TypeError):
        raise AwsError("SerializationException", "A B value must be Base64") from None


def _invalid(message: str) -> AwsError:
    return AwsError("ValidationException", f"One or more parameter values were invalid: {message}")
