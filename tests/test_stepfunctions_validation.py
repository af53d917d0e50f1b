"""Definitions that are refused when the machine is made, and states tested alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.states import PASS, ROLE, chain, code, create
from workbench.endpoint import Endpoint


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Any:
    return endpoint.client("stepfunctions")


BROKEN: dict[str, tuple[str, str]] = {
    "no JSON": ("{", "INVALID_JSON_DESCRIPTION"),
    "no such start": (chain(A=PASS).replace('"A", "S', '"X", "S'), "MISSING_TRANSITION_TARGET"),
    "no such next": (chain(A={"Type": "Pass", "Next": "X"}), "MISSING_TRANSITION_TARGET"),
    "unreachable": (chain(A=PASS, B=PASS), "MISSING_TRANSITION_TARGET"),
    "no such field": (chain(A={**PASS, "Foo": 1}), "SCHEMA_VALIDATION_FAILED"),
    "field of another type": (chain(A={**PASS, "Seconds": 1}), "SCHEMA_VALIDATION_FAILED"),
    "JSONPath in JSONata": (chain(A={**PASS, "ResultPath": "$"}), "SCHEMA_VALIDATION_FAILED"),
    "broken JSONata": (chain(A={**PASS, "Output": "{% 1 + %}"}), "SCHEMA_VALIDATION_FAILED"),
    "newer JSONata": (chain(A={**PASS, "Output": "{% 1 ?? 2 %}"}), "SCHEMA_VALIDATION_FAILED"),
    "open JSONata": (chain(A={**PASS, "Output": "{% 1"}), "SCHEMA_VALIDATION_FAILED"),
    "no end": (chain(A={"Type": "Pass"}), "SCHEMA_VALIDATION_FAILED"),
    "name twice": (
        chain(
            A={
                "Type": "Map",
                "Items": [1],
                "ItemProcessor": {"StartAt": "A", "States": {"A": PASS}},
                "End": True,
            }
        ),
        "DUPLICATE_STATE_NAME",
    ),
    "no such call": (
        chain(A={"Type": "Task", "Resource": "arn:aws:states:::aws-sdk:s3:nothing", "End": True}),
        "SCHEMA_VALIDATION_FAILED",
    ),
    "no such parameter": (
        chain(
            A={
                "Type": "Task",
                "Resource": "arn:aws:states:::glue:startJobRun.sync",
                "Arguments": {"JobName": "j", "jobName": "j"},
                "End": True,
            }
        ),
        "SCHEMA_VALIDATION_FAILED",
    ),
    "backoff below 1": (
        chain(
            A={
                "Type": "Task",
                "Resource": "arn:aws:states:::glue:startJobRun",
                "Arguments": {"JobName": "j"},
                "Retry": [{"ErrorEquals": ["States.ALL"], "BackoffRate": 0.5}],
                "End": True,
            }
        ),
        "SCHEMA_VALIDATION_FAILED",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_definition_is_refused_with_its_fault(client: Any, name: str) -> None:
    definition, fault = BROKEN[name]
    with pytest.raises(ClientError) as error:
        create(client, "broken", definition)
    assert code(error) == "InvalidDefinition"
    assert fault in str(error.value)
    found = client.validate_state_machine_definition(definition=definition)
    assert (found["result"], found["diagnostics"][0]["code"]) == ("FAIL", fault)


def test_a_sound_definition_is_valid(client: Any) -> None:
    found = client.validate_state_machine_definition(definition=chain(A=PASS))
    assert (found["result"], found["diagnostics"]) == ("OK", [])


def test_one_state_is_tested_by_itself(client: Any) -> None:
    state = {"QueryLanguage": "JSONata", **PASS, "Output": "{% $states.input.a * 2 %}"}
    found = client.test_state(definition=json.dumps(state), roleArn=ROLE, input='{"a": 4}')
    assert (found["status"], found["output"]) == ("SUCCEEDED", "8")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:describeTable",
        "Parameters": {"TableName": "none"},
        "Retry": [{"ErrorEquals": ["States.ALL"]}],
        "End": True,
    }
    found = client.test_state(definition=json.dumps(task), roleArn=ROLE)
    assert (found["status"], found["error"]) == (
        "RETRIABLE",
        "DynamoDb.ResourceNotFoundException",
    )
