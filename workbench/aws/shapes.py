"""Requests for moto, held against AWS's own description of the service first.

moto trusts its callers: what an SDK would never send ends in an error of its own, or is taken.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any

from workbench.aws.protocol import AwsError

DIGITS = 38  # of a DynamoDB number: Service, account and table quotas in DynamoDB's guide
_READING = threading.Lock()


def check(service: str, operation: str, request: dict[str, Any]) -> None:
    """Raise AwsError (400) for a missing, unknown or wrongly typed parameter."""
    from botocore.validate import ParamValidator

    shape = _model(service).operation_model(operation).input_shape
    if shape is not None:
        report = ParamValidator().validate(request, shape)
        if report.has_errors():
            raise AwsError("ValidationException", report.generate_report())
    if service == "dynamodb":
        for number in _numbers(request):
            _check_number(number)


@cache
def _model(service: str) -> Any:
    import botocore.session

    with _READING:
        return botocore.session.get_session().get_service_model(service)


def _numbers(value: Any) -> Iterator[str]:
    """Every DynamoDB number in a request: {"N": digits}, and the members of {"NS": […]}."""
    if isinstance(value, list):
        for each in value:
            yield from _numbers(each)
    elif isinstance(value, dict):
        for name, each in value.items():
            if name == "N" and isinstance(each, str):
                yield each
            elif name == "NS" and isinstance(each, list):
                yield from each
            else:
                yield from _numbers(each)


def _check_number(text: str) -> None:
    try:
        digits = "".join(map(str, Decimal(text).as_tuple().digits)).strip("0")
    except InvalidOperation:
        raise AwsError(
            "ValidationException",
            f"The parameter cannot be converted to a numeric value: {text[:80]}",
        ) from None
    if len(digits) > DIGITS:
        raise AwsError(
            "ValidationException",
            f"Attempting to store more than {DIGITS} significant digits in a Number",
        )
