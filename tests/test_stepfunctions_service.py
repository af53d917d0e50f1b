"""The Step Functions API around executions: kept on disk, stopped, redriven, validated."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from workbench import endpoint as local_aws
from workbench.daemon import Daemon
from workbench.endpoint import Endpoint

ROLE = "arn:aws:iam::123456789012:role/StatesLocal"
PASS = {"Type": "Pass", "End": True}


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Any:
    return endpoint.client("stepfunctions")


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


def over(client: Any, arn: str) -> Any:
    def look() -> Any:
        found = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return until(look)


def types(client: Any, arn: str) -> list[str]:
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event["type"] for page in pages for event in page["events"]]


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# -- state machines


def test_a_state_machine_is_described_changed_listed_tagged_and_deleted(client: Any) -> None:
    first, second = chain(A=PASS), chain(B=PASS)
    arn = create(client, "life", first)
    assert create(client, "life", first) == arn
    with pytest.raises(ClientError) as error:
        create(client, "life", second)
    assert code(error) == "StateMachineAlreadyExists"
    changed = client.update_state_machine(stateMachineArn=arn, definition=second)
    found = client.describe_state_machine(stateMachineArn=arn)
    assert (found["definition"], found["status"], found["type"], found["revisionId"]) == (
        second,
        "ACTIVE",
        "STANDARD",
        changed["revisionId"],
    )
    client.tag_resource(resourceArn=arn, tags=[{"key": "a", "value": "b"}])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == [{"key": "a", "value": "b"}]
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == []
    pages = client.get_paginator("list_state_machines").paginate(PaginationConfig={"PageSize": 1})
    assert arn in [each["stateMachineArn"] for page in pages for each in page["stateMachines"]]
    client.delete_state_machine(stateMachineArn=arn)
    with pytest.raises(ClientError) as error:
        client.describe_state_machine(stateMachineArn=arn)
    assert code(error) == "StateMachineDoesNotExist"


@pytest.mark.parametrize("name", ["a b", "a/b", "a*", "x" * 81])
def test_names_that_aws_refuses_are_refused(client: Any, name: str) -> None:
    with pytest.raises(ClientError) as error:
        create(client, name, chain(A=PASS))
    assert code(error) == "InvalidName"


def test_what_nobody_carries_out_is_refused_by_name(client: Any) -> None:
    for settings in ({"type": "EXPRESS"}, {"publish": True}):
        with pytest.raises(ClientError, match="not supported by the local AWS yet"):
            client.create_state_machine(
                name="no", definition=chain(A=PASS), roleArn=ROLE, **settings
            )
    with pytest.raises(ClientError, match="stepfunctions:CreateActivity"):
        client.create_activity(name="no")
    lambda_task = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
    with pytest.raises(ClientError, match="arn:aws:states:::lambda:invoke"):
        create(client, "no", chain(A=lambda_task))


# -- executions


def test_the_name_of_an_execution_is_used_once(client: Any) -> None:
    machine = create(client, "names", chain(W={"Type": "Wait", "Seconds": 2, "Next": "A"}, A=PASS))
    arn = start(client, machine, {"a": 1})
    assert start(client, machine, {"a": 1}) == arn  # it runs, with the same input
    with pytest.raises(ClientError) as error:
        start(client, machine, {"a": 2})
    assert code(error) == "ExecutionAlreadyExists"
    assert over(client, arn)["status"] == "SUCCEEDED"
    with pytest.raises(ClientError) as error:
        start(client, machine, {"a": 1})
    assert code(error) == "ExecutionAlreadyExists"


def test_inputs_are_json_of_at_most_256_kib(client: Any) -> None:
    machine = create(client, "inputs", chain(A={"Type": "Pass", "Output": 1, "End": True}))
    largest = json.dumps("x" * (256 * 1024 - 2))
    arn = client.start_execution(stateMachineArn=machine, input=largest)["executionArn"]
    assert over(client, arn)["status"] == "SUCCEEDED"
    with pytest.raises(ClientError) as error:
        client.start_execution(stateMachineArn=machine, input=largest + " ")
    assert code(error) == "ValidationException"
    with pytest.raises(ClientError) as error:
        client.start_execution(stateMachineArn=machine, input="{")
    assert code(error) == "InvalidExecutionInput"


def test_an_execution_keeps_the_definition_it_started_with(client: Any) -> None:
    old = chain(W={"Type": "Wait", "Seconds": 1, "Next": "A"}, A={**PASS, "Output": "old"})
    machine = create(client, "changed", old)
    arn = start(client, machine)
    client.update_state_machine(stateMachineArn=machine, definition=chain(A=PASS))
    assert json.loads(over(client, arn)["output"]) == "old"
    assert client.describe_state_machine_for_execution(executionArn=arn)["definition"] == old


def test_executions_are_listed_by_status_newest_first_in_pages(client: Any) -> None:
    machine = create(client, "listed", chain(A=PASS))
    arns = [start(client, machine, name=f"e{number}") for number in range(3)]
    for arn in arns:
        over(client, arn)
    pages = client.get_paginator("list_executions").paginate(
        stateMachineArn=machine, statusFilter="SUCCEEDED", PaginationConfig={"PageSize": 2}
    )
    assert [e["executionArn"] for page in pages for e in page["executions"]] == arns[::-1]
    found = client.list_executions(stateMachineArn=machine, statusFilter="FAILED")
    assert found["executions"] == []


def test_the_history_is_paged_and_can_be_read_backwards(client: Any) -> None:
    machine = create(client, "paged", chain(A={"Type": "Pass", "Next": "B"}, B=PASS))
    arn = start(client, machine)
    over(client, arn)
    first = client.get_execution_history(executionArn=arn, maxResults=4)
    rest = client.get_execution_history(
        executionArn=arn, maxResults=4, nextToken=first["nextToken"]
    )
    assert [e["id"] for e in first["events"] + rest["events"]] == [1, 2, 3, 4, 5, 6]
    assert "nextToken" not in rest
    last = client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)
    assert last["events"][0]["executionSucceededEventDetails"]["output"] == "{}"
    bare = client.get_execution_history(executionArn=arn, includeExecutionData=False)
    assert bare["events"][1]["stateEnteredEventDetails"] == {"name": "A"}
    with pytest.raises(ClientError) as error:
        client.get_execution_history(executionArn=arn, nextToken="x")
    assert code(error) == "InvalidToken"


def test_a_history_ends_with_its_25000th_event(client: Any) -> None:
    choice = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% false %}", "Next": "Never"}],
        "Default": "Again",
    }
    definition = chain(Again={"Type": "Pass", "Next": "C"}, C=choice, Never=PASS)
    arn = start(client, create(client, "endless", definition))
    found = over(client, arn)
    assert (found["status"], found["error"]) == ("FAILED", "States.Runtime")
    assert "maximum number of history events (25000)" in found["cause"]
    last = client.get_execution_history(executionArn=arn, reverseOrder=True, maxResults=1)
    assert (last["events"][0]["id"], last["events"][0]["type"]) == (25000, "ExecutionFailed")


def test_twenty_executions_of_a_map_run_side_by_side(client: Any) -> None:
    inner = {"StartAt": "B", "States": {"B": {**PASS, "Output": "{% $states.input + 1 %}"}}}
    map_state = {
        "Type": "Map",
        "Items": "{% [1..20] %}",
        "ItemProcessor": inner,
        "Output": "{% $sum($states.result) %}",
        "End": True,
    }
    machine = create(client, "crowd", chain(M=map_state))
    arns = [start(client, machine, name=f"e{number}") for number in range(20)]
    assert {over(client, arn).get("output") for arn in arns} == {"230"}


def test_a_machine_that_logs_writes_its_events_to_cloudwatch_logs(
    client: Any, endpoint: Endpoint
) -> None:
    group = "arn:aws:logs:us-east-1:123456789012:log-group:states:*"
    settings = {
        "level": "ALL",
        "includeExecutionData": True,
        "destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}],
    }
    given = {"definition": chain(A=PASS), "roleArn": ROLE, "loggingConfiguration": settings}
    with pytest.raises(ClientError) as error:
        client.create_state_machine(name="logged", **given)
    assert code(error) == "InvalidLoggingConfiguration"
    endpoint.client("logs").create_log_group(logGroupName="states")
    machine = client.create_state_machine(name="logged", **given)["stateMachineArn"]
    arn = start(client, machine)
    over(client, arn)
    told = endpoint.client("logs").filter_log_events(logGroupName="states")["events"]
    assert [json.loads(event["message"])["type"] for event in told] == types(client, arn)


# -- stopping


def test_stop_ends_a_wait_and_a_retry_at_once(client: Any) -> None:
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:describeTable",
        "Arguments": {"TableName": "none"},
        "Retry": [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 60}],
        "End": True,
    }
    for name, state in {
        "wait": {"Type": "Wait", "Seconds": 60, "End": True},
        "retry": task,
    }.items():
        arn = start(client, create(client, f"stop-{name}", chain(A=state)))
        until(lambda arn=arn: len(types(client, arn)) > 1)
        began = time.monotonic()
        client.stop_execution(executionArn=arn, error="Enough", cause="of it")
        found = client.describe_execution(executionArn=arn)
        assert (found["status"], found["error"], found["cause"]) == ("ABORTED", "Enough", "of it")
        assert time.monotonic() - began < 2
        assert types(client, arn)[-1] == "ExecutionAborted"


def test_stopping_an_execution_stops_the_nested_one(client: Any) -> None:
    child = create(client, "stopped-child", chain(W={"Type": "Wait", "Seconds": 60, "End": True}))
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::states:startExecution.sync:2",
        "Arguments": {"StateMachineArn": child, "Name": "nested", "Input": {}},
        "End": True,
    }
    arn = start(client, create(client, "stopped-parent", chain(A=task)))
    until(lambda: "TaskSubmitted" in types(client, arn))
    client.stop_execution(executionArn=arn)
    nested = child.replace(":stateMachine:", ":execution:") + ":nested"
    assert client.describe_execution(executionArn=nested)["status"] == "ABORTED"


def test_a_branch_that_is_given_up_begins_nothing_more(client: Any) -> None:
    inner = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 30, "End": True}}}
    slow = {
        "Type": "Map",
        "Items": [1, 2, 3],
        "MaxConcurrency": 1,
        "ItemProcessor": inner,
        "End": True,
    }
    soon = {"Type": "Wait", "Seconds": 1, "Next": "F"}
    state = {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": "M", "States": {"M": slow}},
            {"StartAt": "S", "States": {"S": soon, "F": {"Type": "Fail", "Error": "E"}}},
        ],
        "Catch": [{"ErrorEquals": ["E"], "Next": "After"}],
        "End": True,
    }
    after = {"Type": "Wait", "Seconds": 1, "End": True}
    arn = start(client, create(client, "given-up", chain(P=state, After=after)))
    assert over(client, arn)["status"] == "SUCCEEDED"
    told = types(client, arn)
    assert told.count("MapIterationStarted") == 1
    assert (
        told[-5:]
        == (
            "ParallelStateFailed ParallelStateExited WaitStateEntered WaitStateExited "
            "ExecutionSucceeded"
        ).split()
    )


# -- task tokens


@pytest.fixture
def waiting(client: Any, endpoint: Endpoint) -> Iterator[tuple[str, str]]:
    """An execution that waits for a token, and the token, which it leaves in a table."""
    table = f"tokens-{time.time_ns()}"
    endpoint.client("dynamodb").create_table(
        TableName=table,
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    token = "{% $states.context.Task.Token %}"
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:dynamodb:putItem.waitForTaskToken",
        "Arguments": {"TableName": table, "Item": {"id": {"S": "t"}, "token": {"S": token}}},
        "HeartbeatSeconds": 5,
        "End": True,
    }
    arn = start(client, create(client, table, chain(A=task)))
    key = {"id": {"S": "t"}}

    def item() -> Any:
        return endpoint.client("dynamodb").get_item(TableName=table, Key=key).get("Item")

    yield arn, until(item)["token"]["S"]


def test_a_token_ends_its_task_with_success(client: Any, waiting: tuple[str, str]) -> None:
    arn, token = waiting
    client.send_task_heartbeat(taskToken=token)
    client.send_task_success(taskToken=token, output='{"done": true}')
    assert json.loads(over(client, arn)["output"]) == {"done": True}
    with pytest.raises(ClientError):
        client.send_task_success(taskToken=token, output="{}")


def test_a_token_ends_its_task_with_failure(client: Any, waiting: tuple[str, str]) -> None:
    arn, token = waiting
    client.send_task_failure(taskToken=token, error="Worker.No", cause="why")
    found = over(client, arn)
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "Worker.No", "why")


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


# -- validation


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
