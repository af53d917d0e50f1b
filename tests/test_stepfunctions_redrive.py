"""Executions go on after a failure, and outlive the server."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.states import PASS, chain, code, create, over, start, types, until
from workbench import endpoint as local_aws
from workbench.daemon import Daemon
from workbench.endpoint import Endpoint


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Any:
    return endpoint.client("stepfunctions")


# -- redrive


def test_redrive_goes_on_from_the_failed_state_with_its_input_and_variables(
    client: Any, endpoint: Endpoint
) -> None:
    definition = chain(
        First={"Type": "Pass", "Assign": {"kept": 'a "b"'}, "Output": {"n": 1}, "Next": "Second"},
        Second={
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Arguments": {"Bucket": "redrive", "Key": "k"},
            "Output": {
                "kept": "{% $kept %}",
                "in": "{% $states.input %}",
                "redrives": "{% $states.context.Execution.RedriveCount %}",
            },
            "End": True,
        },
    )
    arn = start(client, create(client, "redrive", definition))
    failed = over(client, arn)
    assert (failed["error"], failed["redriveStatus"]) == ("S3.NoSuchBucketException", "REDRIVABLE")
    endpoint.client("s3").create_bucket(Bucket="redrive")
    endpoint.client("s3").put_object(Bucket="redrive", Key="k", Body=b"x")
    client.redrive_execution(executionArn=arn)
    found = over(client, arn)
    assert json.loads(found["output"]) == {"kept": 'a "b"', "in": {"n": 1}, "redrives": 1}
    assert (found["redriveCount"], found["redriveStatus"]) == (1, "NOT_REDRIVABLE")
    assert (
        types(client, arn)
        == (
            "ExecutionStarted PassStateEntered PassStateExited TaskStateEntered TaskScheduled "
            "TaskStarted TaskFailed ExecutionFailed ExecutionRedriven TaskScheduled TaskStarted "
            "TaskSucceeded TaskStateExited ExecutionSucceeded"
        ).split()
    )
    with pytest.raises(ClientError) as error:
        client.redrive_execution(executionArn=arn)
    assert code(error) == "ExecutionNotRedrivable"


def test_redrive_of_a_map_runs_only_what_has_not_succeeded(client: Any, endpoint: Endpoint) -> None:
    get = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
        "Arguments": {"Bucket": "maps", "Key": "{% $states.input %}"},
        "Output": "{% $states.result.Body %}",
        "End": True,
    }
    tables = {
        "Type": "Map",
        "Items": ["a", "b", "c"],
        "MaxConcurrency": 1,
        "ItemProcessor": {"StartAt": "Get", "States": {"Get": get}},
        "End": True,
    }
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="maps")
    s3.put_object(Bucket="maps", Key="a", Body=b"first")
    arn = start(client, create(client, "redrive-map", chain(M=tables)))
    assert over(client, arn)["error"] == "S3.NoSuchKeyException"
    for key in ("a", "b", "c"):
        s3.put_object(Bucket="maps", Key=key, Body=b"second")
    client.redrive_execution(executionArn=arn)
    assert json.loads(over(client, arn)["output"]) == ["first", "second", "second"]
    assert types(client, arn).count("MapIterationSucceeded") == 3


# -- kept on disk


Restart = Callable[[signal.Signals], None]


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[tuple[Endpoint, Restart]]:
    """A local AWS of its own, and how to end it by a signal and start it again."""
    state = tmp_path / "aws"

    def restart(by: signal.Signals) -> None:
        pid = Daemon("aws", state).pid()
        assert pid
        os.kill(pid, by)
        os.waitpid(pid, 0)
        local_aws.start(state)

    yield local_aws.start(state), restart
    local_aws.stop(state)


def test_machines_executions_and_histories_outlive_a_kill(
    mortal: tuple[Endpoint, Restart],
) -> None:
    aws, restart = mortal
    client = aws.client("stepfunctions")
    machine = create(client, "kept", chain(A={**PASS, "Assign": {"x": 1}}))
    arn = start(client, machine, {"a": 1}, name="done")
    before = over(client, arn)
    events = client.get_execution_history(executionArn=arn)["events"]
    described = client.describe_state_machine(stateMachineArn=machine)
    restart(signal.SIGKILL)
    for reply in (before, described):
        reply.pop("ResponseMetadata")
    after = client.describe_execution(executionArn=arn)
    after.pop("ResponseMetadata")
    assert after == before
    assert client.get_execution_history(executionArn=arn)["events"] == events
    again = client.describe_state_machine(stateMachineArn=machine)
    again.pop("ResponseMetadata")
    assert again == described
    with pytest.raises(ClientError) as error:
        start(client, machine, {"a": 1}, name="done")
    assert code(error) == "ExecutionAlreadyExists"


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGTERM])
def test_an_execution_that_the_server_left_behind_has_failed_and_can_be_redriven(
    mortal: tuple[Endpoint, Restart], by: signal.Signals
) -> None:
    aws, restart = mortal
    client = aws.client("stepfunctions")
    definition = chain(
        First={"Type": "Pass", "Assign": {"n": 41}, "Next": "Rest"},
        Rest={"Type": "Wait", "Seconds": "{% $states.input.seconds %}", "Next": "Last"},
        Last={**PASS, "Output": "{% $n + 1 %}"},
    )
    arn = start(client, create(client, "left", definition), {"seconds": 2})
    until(lambda: "WaitStateEntered" in types(client, arn))
    restart(by)
    found = client.describe_execution(executionArn=arn)
    assert (found["status"], found["error"]) == ("FAILED", "LocalAws.ServerStopped")
    assert "can be redriven" in found["cause"]
    assert types(client, arn)[-1] == "ExecutionFailed"
    client.redrive_execution(executionArn=arn)
    assert over(client, arn)["output"] == "42"
    ids = [e["id"] for e in client.get_execution_history(executionArn=arn)["events"]]
    assert ids == list(range(1, len(ids) + 1))
