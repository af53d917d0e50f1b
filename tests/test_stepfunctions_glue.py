"""A state machine and the job runs that it waits for: neither outlives the other."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

from workbench.endpoint import Endpoint

from .states import until

ROLE = "arn:aws:iam::123456789012:role/StatesLocal"


@pytest.fixture(scope="module")
def client(endpoint: Endpoint) -> Any:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="stopped")
    s3.put_object(Bucket="stopped", Key="slow.py", Body=b"import time; time.sleep(60)")
    return endpoint.client("stepfunctions")


def job(endpoint: Endpoint, name: str) -> dict[str, Any]:
    """A task that runs a new job which sleeps for a minute."""
    endpoint.client("glue").create_job(
        Name=name,
        Role="arn:aws:iam::123456789012:role/GlueLocal",
        Command={
            "Name": "pythonshell",
            "PythonVersion": "3.9",
            "ScriptLocation": "s3://stopped/slow.py",
        },
        MaxCapacity=0.0625,
    )
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::glue:startJobRun.sync",
        "Arguments": {"JobName": name},
        "End": True,
    }


def start(client: Any, name: str, state: Mapping[str, Any]) -> str:
    definition = {"QueryLanguage": "JSONata", "StartAt": "A", "States": {"A": state}}
    machine = client.create_state_machine(
        name=name, definition=json.dumps(definition), roleArn=ROLE
    )
    return str(client.start_execution(stateMachineArn=machine["stateMachineArn"])["executionArn"])


def run_of(endpoint: Endpoint, name: str) -> Any:
    """The one run of a job, once it runs."""

    def look() -> Any:
        runs = endpoint.client("glue").get_job_runs(JobName=name)["JobRuns"]
        return runs[0] if runs and runs[0]["JobRunState"] == "RUNNING" else None

    return until(look)


def becomes(endpoint: Endpoint, name: str, state: str, seconds: float) -> None:
    def look() -> bool:
        runs = endpoint.client("glue").get_job_runs(JobName=name)["JobRuns"]
        return bool(runs[0]["JobRunState"] == state)

    until(look, seconds)


def over(client: Any, arn: str) -> Any:
    def look() -> Any:
        found = client.describe_execution(executionArn=arn)
        return found if found["status"] != "RUNNING" else None

    return until(look)


def test_stopping_the_execution_stops_its_job_run(client: Any, endpoint: Endpoint) -> None:
    arn = start(client, "glue-stop", job(endpoint, "stop-execution"))
    run_of(endpoint, "stop-execution")
    began = time.monotonic()
    client.stop_execution(executionArn=arn)
    assert client.describe_execution(executionArn=arn)["status"] == "ABORTED"
    becomes(endpoint, "stop-execution", "STOPPED", 2)
    assert time.monotonic() - began < 2


def test_a_task_that_runs_out_of_time_stops_its_job_run(client: Any, endpoint: Endpoint) -> None:
    arn = start(client, "glue-time", {**job(endpoint, "stop-timeout"), "TimeoutSeconds": 5})
    assert over(client, arn)["error"] == "States.Timeout"
    becomes(endpoint, "stop-timeout", "STOPPED", 2)


@pytest.mark.parametrize("kind", ["Map", "Parallel"])
def test_a_failure_beside_it_stops_a_job_run(client: Any, endpoint: Endpoint, kind: str) -> None:
    name = f"stop-beside-{kind}"
    slow = {"StartAt": "Job", "States": {"Job": job(endpoint, name)}}
    wait = {"Type": "Wait", "Seconds": 5, "Next": "No"}
    no = {"Type": "Fail", "Error": "Beside"}
    choice = {
        "Type": "Choice",
        "Choices": [{"Condition": "{% $states.input = 1 %}", "Next": "Job"}],
        "Default": "Wait",
    }
    both = {**slow["States"], "Choice": choice, "Wait": wait, "No": no}
    state = {
        "Map": {"Items": [1, 2], "ItemProcessor": {"StartAt": "Choice", "States": both}},
        "Parallel": {"Branches": [slow, {"StartAt": "Wait", "States": {"Wait": wait, "No": no}}]},
    }[kind]
    arn = start(client, f"glue-beside-{kind}", {"Type": kind, **state, "End": True})
    run_of(endpoint, name)
    assert over(client, arn)["error"] == "Beside"
    becomes(endpoint, name, "STOPPED", 2)


def test_a_job_run_that_is_stopped_fails_its_task(client: Any, endpoint: Endpoint) -> None:
    arn = start(client, "glue-by-hand", job(endpoint, "stop-by-hand"))
    run = run_of(endpoint, "stop-by-hand")
    endpoint.client("glue").batch_stop_job_run(JobName="stop-by-hand", JobRunIds=[run["Id"]])
    found = over(client, arn)
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert json.loads(found["cause"])["JobRunState"] == "STOPPED"
