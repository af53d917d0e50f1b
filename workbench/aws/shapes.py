"""Requests against the service's own model: what has the wrong type never reaches a service."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import botocore.session
from botocore.validate import ParamValidator

from workbench.aws.protocol import AwsError

# How each service calls a parameter that is missing or out of its range.
CODES = {
    "glue": "InvalidInputException",
    "logs": "InvalidParameterException",
    "secretsmanager": "InvalidParameterException",
}
STRICTER = ("redshift-data",)  # checks by its model itself, and members it does not know
LONGEST = 1000  # of a message: a value may be as large as the request


def check(service: str, operation: str, request: dict[str, Any]) -> None:
    """Raises AwsError unless each member that the model knows has the type it asks for.

    Members that the model does not know are left to the service, as AWS does.
    """
    if service in STRICTER:
        return
    try:
        known = _without_nulls(request)
        report = ParamValidator().validate(known, _shape(service, operation))
    except RecursionError:
        raise AwsError("SerializationException", "The request is nested too deeply.") from None
    except (ValueError, OverflowError, RuntimeError) as error:  # of a timestamp that is none
        raise AwsError("SerializationException", str(error)) from None
    lines = report.generate_report().splitlines() if report.has_errors() else []
    wrong = [line for line in lines if not line.startswith("Unknown parameter in ")]
    if not wrong:
        return
    typed = any(line.startswith("Invalid type for parameter ") for line in wrong)
    code = "SerializationException" if typed else CODES.get(service, "ValidationException")
    raise AwsError(code, "\n".join(wrong)[:LONGEST])


def form(service: str, operation: str, fields: Mapping[str, str]) -> None:
    """The same for a request of the query protocol: what must be there is, and policies are JSON.

    Raises AwsError.
    """
    shape = _shape(service, operation)
    for name in shape.required_members if shape else ():
        if not any(field.partition(".")[0] == name for field in fields):
            code = "InvalidParameter" if service == "sns" else "ValidationError"
            raise AwsError(code, f"{operation} needs {name}")
    for name, value in fields.items():
        member = shape.members.get(name) if shape else None
        text = member is not None and member.type_name == "string"
        wrong = next(_beyond(value, member, name), None) if text else None
        if wrong:
            raise AwsError("ValidationError", wrong[:LONGEST])
        if name.endswith("PolicyDocument") and not _is_object(value):
            raise AwsError("MalformedPolicyDocument", f"{name} is not a JSON object")


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except (ValueError, RecursionError):
        return False


def _without_nulls(value: Any) -> Any:
    """A member that is null is one that was not given."""
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    return [_without_nulls(each) for each in value] if isinstance(value, list) else value


def limits(service: str, operation: str, request: dict[str, Any]) -> None:
    """Raises AwsError for a value beyond its largest size, or not one of those allowed.

    For moto, which looks at few of them; our own services say themselves what they take.
    """
    wrong = next(_beyond(_without_nulls(request), _shape(service, operation), operation), None)
    if wrong is None and service == "secretsmanager" and operation == "CreateSecret":
        if not re.fullmatch(r"[A-Za-z0-9/_+=.@-]+", request["Name"]):
            wrong = "Name: a secret's name has ASCII letters, digits, and /_+=.@- only"
    if wrong:
        raise AwsError(CODES.get(service, "ValidationException"), wrong[:LONGEST])


def _beyond(value: Any, shape: Any, at: str) -> Iterator[str]:
    size = value if isinstance(value, int | float) else len(value)
    most = shape.metadata.get("max")
    if most is not None and size > most:
        yield f"{at}: {size} is more than {most}"
    if size < shape.metadata.get("min", size):  # botocore leaves maps out
        yield f"{at}: {size} is less than {shape.metadata['min']}"
    if shape.metadata.get("enum") and value not in shape.metadata["enum"]:
        yield f"{at}: {value!r} is not one of {', '.join(shape.metadata['enum'])}"
    if shape.type_name == "structure" and shape.name != "AttributeValue":  # may be deep
        for name in value.keys() & shape.members.keys():
            yield from _beyond(value[name], shape.members[name], f"{at}.{name}")
    elif shape.type_name == "list":
        for number, each in enumerate(value):
            yield from _beyond(each, shape.member, f"{at}[{number}]")
    elif shape.type_name == "map":
        for key, each in value.items():
            yield from _beyond(each, shape.value, f"{at}.{key}")


@functools.cache
def _shape(service: str, operation: str) -> Any:
    return _model(service).operation_model(operation).input_shape


@functools.cache
def _model(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)
