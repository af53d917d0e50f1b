"""What the tests of Step Functions share: small machines, and waiting for executions."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::123456789012:role/StatesLocal"
PASS = {"Type": "Pass", "End": True}


def chain(**states: Mapping[str, Any]) -> str:
    """A JSONata machine that starts at the first of ``states``."""
    return json.dumps({"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states})


def create(client: Any, name: str, definition: str) -> str:
    made = client.create_state_machine(name=name, definition=definition, roleArn=ROLE)
    return str(made["stateMachineArn"])


def start(client: Any, machine: str, given: object = None, name: str = "one") -> str:
    text = json.dumps({} if given is None else given)
    started = client.start_execution(stateMachineArn=machine, name=name, input=text)
    return str(started["executionArn"])


def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """What ``condition`` returns, once that is true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.05)
    return found


def over(client: Any, arn: str, seconds: float = 15.0) -> Any:
    def look() -> Any:
        found = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return until(look, seconds)


def types(client: Any, arn: str) -> list[str]:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event["type"] for page in pages for event in page["events"]]


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])
