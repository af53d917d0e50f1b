"""What is wrong with a definition, found before it runs."""

from __future__ import annotations

import functools
import json
from typing import Any

from workbench.aws.protocol import AwsError
from workbench.aws.stepfunctions import integrations, requests, structure
from workbench.aws.stepfunctions.parsing import parse
from workbench.aws.stepfunctions.problem import Problem

LARGEST = 1024 * 1024
# How AWS bounds a list of diagnostics.
MOST = 100


def definition(text: str) -> str:
    """``text`` itself. Raises AwsError InvalidDefinition."""
    found = problems(text)
    if found:
        told = ", ".join(str(problem) for problem in found)
        raise AwsError("InvalidDefinition", f"Invalid State Machine Definition: '{told}'")
    return text


def validate(request: dict[str, Any]) -> dict[str, Any]:
    """ValidateStateMachineDefinition."""
    found = problems(requests.text(request, "definition"))
    most = request.get("maxResults") or MOST
    return {
        "result": "FAIL" if found else "OK",
        "diagnostics": [
            {
                "severity": "ERROR",
                "code": problem.code,
                "message": problem.message,
                "location": problem.location,
            }
            for problem in found[:most]
        ],
        "truncated": len(found) > most,
    }


@functools.lru_cache(maxsize=32)
def problems(text: str) -> list[Problem]:
    """Everything that is found wrong with a definition."""
    if not 0 < len(text.encode()) <= LARGEST:
        return [Problem("INVALID_JSON_DESCRIPTION", f"A definition has 1 to {LARGEST} bytes", "/")]
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        return [Problem("INVALID_JSON_DESCRIPTION", f"The definition is not JSON: {error}", "/")]
    if not isinstance(parsed, dict):
        return [Problem("SCHEMA_VALIDATION_FAILED", "A definition is a JSON object", "/")]
    found = [*structure.problems(parsed), *integrations.problems(parsed)]
    return found or list(_syntax(text))


def _syntax(text: str) -> list[Problem]:
    """What the interpreter finds when it reads the definition."""
    try:
        parse(text)
    except Exception as error:  # the library raises what it happens to run into
        return [Problem("SCHEMA_VALIDATION_FAILED", str(error), "/")]
    return []
