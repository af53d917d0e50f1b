"""The Step Functions API: state machines, executions, stopping them, task tokens."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.states import PASS, ROLE, chain, code, create, over, start, types, until
from workbench.endpoint import Endpoint


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Any:
    return endpoint.client("stepfunctions")


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
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    for state, last in ((wait, "WaitStateEntered"), (task, "TaskFailed")):
        arn = start(client, create(client, f"stop-{last}", chain(A=state)))
        until(lambda arn=arn, last=last: types(client, arn)[-1] == last)
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


def test_nothing_is_told_after_the_end_by_branches_that_were_given_up(client: Any) -> None:
    busy = {f"P{number}": {"Type": "Pass", "Next": f"P{number + 1}"} for number in range(30)}
    state = {
        "Type": "Parallel",
        "Branches": [
            {"StartAt": "F", "States": {"F": {"Type": "Fail", "Error": "E"}}},
            {"StartAt": "P0", "States": {**busy, "P30": PASS}},
        ],
        "Catch": [{"ErrorEquals": ["E"], "Next": "End"}],
        "End": True,
    }
    machine = create(client, "given-up-busy", chain(P=state, End={"Type": "Succeed"}))
    arns = [start(client, machine, name=f"e{number}") for number in range(50)]
    for arn in arns:
        assert over(client, arn)["status"] == "SUCCEEDED"
        assert types(client, arn)[-1] == "ExecutionSucceeded"


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


def test_a_heartbeat_alone_sets_no_timeout() -> None:
    from workbench.aws.stepfunctions import adaptations, parsing  # slow to import

    adaptations.apply()
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sns:publish.waitForTaskToken",
        "Arguments": {"TopicArn": "t", "Message": "{% $states.context.Task.Token %}"},
        "HeartbeatSeconds": 5,
        "End": True,
    }
    state = parsing.parse(chain(A=task)).states.states["A"]
    assert state.timeout.timeout_seconds == 99999999


@pytest.mark.parametrize("size", [2, 200_000])
def test_what_is_stopped_before_it_has_begun_is_over(client: Any, size: int) -> None:
    """It once ran for ever, or to its end: the interpreter forgets a stop that comes so early."""
    wait = {"Type": "Wait", "Seconds": 60, "End": True}
    arn = create(client, f"stopped-at-once-{size}", chain(A=wait))

    def stopped(number: int) -> tuple[str, str, str, str]:
        started = start(client, arn, "x" * size, name=f"at-once-{size}-{number}")
        client.stop_execution(executionArn=started, error="Enough", cause="of it")
        found = over(client, started)
        return found["status"], found["error"], found["cause"], types(client, started)[-1]

    with ThreadPoolExecutor(8) as pool:
        ends = set(pool.map(stopped, range(64)))
    assert ends == {("ABORTED", "Enough", "of it", "ExecutionAborted")}
