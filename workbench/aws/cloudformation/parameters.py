"""The values of a template's parameters: given, kept or by default, and checked as it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from workbench.aws.cloudformation.problem import invalid

HIDDEN = "****"


def values(
    declared: Mapping[str, Any], given: Iterable[Mapping[str, Any]], kept: Mapping[str, str]
) -> dict[str, str]:
    """Name -> text. ``kept`` are those of the stack as it is. Raises AwsError."""
    asked = {each["ParameterKey"]: each for each in given}
    unknown = sorted(asked.keys() - declared.keys())
    if unknown:
        raise invalid(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    found = {}
    for name, parameter in declared.items():
        value = _value(name, parameter, asked.get(name), kept)
        _check(name, parameter, value)
        found[name] = value
    return found


def typed(parameter: Mapping[str, Any], text: str) -> str | list[str]:
    """What ``Ref`` gives."""
    kind = parameter.get("Type", "String")
    if kind == "CommaDelimitedList" or kind.startswith("List<"):
        return [each.strip() for each in text.split(",")] if text else []
    return text


def shown(declared: Mapping[str, Any], found: Mapping[str, str]) -> list[dict[str, str]]:
    """As DescribeStacks shows them: without what must not be echoed."""
    return [
        {"ParameterKey": name, "ParameterValue": HIDDEN if hidden(declared.get(name, {})) else text}
        for name, text in found.items()
    ]


def hidden(parameter: Mapping[str, Any]) -> bool:
    return str(parameter.get("NoEcho", "")).lower() == "true"


def _value(
    name: str,
    parameter: Mapping[str, Any],
    given: Mapping[str, Any] | None,
    kept: Mapping[str, str],
) -> str:
    if given and given.get("UsePreviousValue"):
        if name not in kept:
            raise invalid(f"Invalid input for parameter key {name}. There is no previous value.")
        return kept[name]
    if given and "ParameterValue" in given:
        return str(given["ParameterValue"])
    if "Default" not in parameter:
        raise invalid(f"Parameters: [{name}] must have values")
    default = parameter["Default"]
    return str(default).lower() if isinstance(default, bool) else str(default)


def _check(name: str, parameter: Mapping[str, Any], text: str) -> None:
    why = parameter.get("ConstraintDescription")
    wrong = _wrong(parameter, text)
    if wrong:
        raise invalid(f"Parameter '{name}' {why or wrong}")


def _wrong(parameter: Mapping[str, Any], text: str) -> str | None:
    allowed = [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in parameter.get("AllowedValues", ())
    ]
    kind = parameter.get("Type", "String")
    if kind.startswith("AWS::SSM"):
        return f"has type {kind}, which the local AWS does not support"
    several = typed(parameter, text)
    for each in several if isinstance(several, list) else [several]:
        if allowed and each not in allowed:
            return f"must be one of AllowedValues {', '.join(allowed)}, not {each!r}"
    if "Number" in kind:
        return _number(parameter, text)
    if "AllowedPattern" in parameter and not re.fullmatch(parameter["AllowedPattern"], text):
        return f"must match pattern {parameter['AllowedPattern']}"
    if len(text) < int(parameter.get("MinLength", 0)):
        return f"must contain at least {parameter['MinLength']} characters"
    if len(text) > int(parameter.get("MaxLength", len(text))):
        return f"must contain at most {parameter['MaxLength']} characters"
    return None


def _number(parameter: Mapping[str, Any], text: str) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return f"must be a number, not {text!r}"
    if number < float(parameter.get("MinValue", number)):
        return f"must be a number not less than {parameter['MinValue']}"
    if number > float(parameter.get("MaxValue", number)):
        return f"must be a number not greater than {parameter['MaxValue']}"
    return None
