"""Small state machines, each for one behaviour that AWS documents; tests/stepfunctions has them.

A case is a definition with the input and status of its execution, and its output, or its error
and a part of its cause. ``history`` lists the types of all events. A text "re:…" is a pattern.
``${Name}`` in a definition stands for what ``names`` below makes.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from workbench.endpoint import Endpoint

CASES = sorted((Path(__file__).parent / "stepfunctions").glob("*.json"))
ROLE = "arn:aws:iam::123456789012:role/StatesLocal"
PATIENCE = 40.0


@pytest.fixture(scope="module")
def names(endpoint: Endpoint) -> dict[str, str]:
    """What definitions may use: a table, a topic, objects, jobs, a machine to call."""
    endpoint.client("dynamodb").create_table(
        TableName="cases",
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="cases")
    s3.put_object(Bucket="cases", Key="list.json", Body=b'["a","b"]')
    scripts = {
        "ok": "print('done')",
        "fails": "raise ValueError('no good')",
        "slow": "import time; time.sleep(60)",
        "single1": "import time; time.sleep(1)",
        "single2": "import time; time.sleep(1)",
    }
    for name, script in scripts.items():
        s3.put_object(Bucket="cases", Key=f"{name}.py", Body=script.encode())
        endpoint.client("glue").create_job(
            Name=f"case-{name}",
            Role="arn:aws:iam::123456789012:role/GlueLocal",
            Command={
                "Name": "pythonshell",
                "PythonVersion": "3.9",
                "ScriptLocation": f"s3://cases/{name}.py",
            },
            MaxCapacity=0.0625,
            ExecutionProperty={"MaxConcurrentRuns": 1 if name.startswith("single") else 10},
        )
    return {
        "Topic": endpoint.client("sns").create_topic(Name="cases")["TopicArn"],
        "Child": _machine(endpoint, "child", CHILD),
    }


CHILD = {
    "QueryLanguage": "JSONata",
    "StartAt": "Fail?",
    "States": {
        "Fail?": {
            "Type": "Choice",
            "Choices": [{"Condition": "{% $exists($states.input.fail) %}", "Next": "No"}],
            "Default": "Double",
        },
        "Double": {"Type": "Pass", "Output": "{% $states.input.n * 2 %}", "End": True},
        "No": {"Type": "Fail", "Error": "Child.No", "Cause": "as told"},
    },
}


@pytest.fixture(scope="module")
def executions(endpoint: Endpoint, names: dict[str, str]) -> Iterator[dict[str, str]]:
    """Case -> its execution; all of them run at once."""
    client = endpoint.client("stepfunctions")
    started = {}
    for path in CASES:
        case = json.loads(path.read_text(encoding="utf-8"))
        text = json.dumps(case["definition"])
        for name, value in names.items():
            text = text.replace(f"${{{name}}}", value)
        machine = _machine(endpoint, f"case-{path.stem}", json.loads(text))
        started[path.stem] = client.start_execution(
            stateMachineArn=machine, name="one", input=json.dumps(case.get("input", {}))
        )["executionArn"]
    yield started


def _machine(endpoint: Endpoint, name: str, definition: Mapping[str, Any]) -> str:
    made = endpoint.client("stepfunctions").create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )
    return str(made["stateMachineArn"])


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(endpoint: Endpoint, executions: dict[str, str], path: Path) -> None:
    case = json.loads(path.read_text(encoding="utf-8"))
    client = endpoint.client("stepfunctions")
    arn = executions[path.stem]
    found = _wait(client, arn)
    told = {key: found.get(key) for key in ("status", "output", "error", "cause")}
    assert found["status"] == case["status"], told
    if "output" in case:
        assert _like(json.loads(found["output"]), case["output"]), told
    if "error" in case:
        assert found.get("error") == case["error"], told
    if "cause" in case:
        assert case["cause"] in found.get("cause", ""), told
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    events = [event for page in pages for event in page["events"]]
    assert [event["id"] for event in events] == list(range(1, len(events) + 1))
    if "history" in case:
        assert [event["type"] for event in events] == case["history"]
    if "seconds" in case:
        least, most = case["seconds"]
        took = (found["stopDate"] - found["startDate"]).total_seconds()
        assert least <= took <= most, told


def _wait(client: Any, arn: str) -> Any:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        found = client.describe_execution(executionArn=arn)
        if found["status"] != "RUNNING":
            return found
        time.sleep(0.1)
    raise AssertionError(f"{arn} is still RUNNING after {PATIENCE} s")


def _like(found: Any, wanted: Any) -> bool:
    """Equal, where "re:…" equals what matches it."""
    if isinstance(wanted, str) and wanted.startswith("re:"):
        return isinstance(found, str) and re.fullmatch(wanted[3:], found) is not None
    if isinstance(wanted, dict) and isinstance(found, dict):
        return wanted.keys() == found.keys() and all(_like(found[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list) and isinstance(found, list):
        return len(wanted) == len(found) and all(map(_like, found, wanted))
    return type(found) is type(wanted) and bool(found == wanted)
