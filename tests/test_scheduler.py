"""EventBridge Scheduler: schedules fire, are kept, and refuse what nobody carries out."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from workbench import endpoint as local_aws
from workbench.aws.scheduler import cron, expressions
from workbench.daemon import Daemon
from workbench.endpoint import Endpoint

ROLE = "arn:aws:iam::123456789012:role/SchedulerLocal"
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)  # a Monday
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def machine(endpoint: Endpoint) -> str:
    return make_machine(endpoint)


def make_machine(endpoint: Endpoint) -> str:
    definition = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}
    made = endpoint.client("stepfunctions").create_state_machine(
        name="scheduled", definition=json.dumps(definition), roleArn=ROLE
    )
    return str(made["stateMachineArn"])


def create(endpoint: Endpoint, name: str, expression: str, machine: str, **more: Any) -> None:
    target = {"Arn": machine, "RoleArn": ROLE, "Input": more.pop("Input", "{}")}
    endpoint.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
        **more,
    )


def started(endpoint: Endpoint, machine: str, by: str, seconds: float = 15) -> dict[str, Any]:
    """The input of the execution that schedule ``by`` has started."""
    client = endpoint.client("stepfunctions")
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for item in client.list_executions(stateMachineArn=machine)["executions"]:
            found = client.describe_execution(executionArn=item["executionArn"])
            given: dict[str, Any] = json.loads(found["input"])
            if given.get("by") == by:
                return given
        time.sleep(0.1)
    raise AssertionError(f"schedule {by} has started nothing within {seconds} s")


def soon(seconds: float, zone: Any = UTC) -> str:
    moment = datetime.now(zone) + timedelta(seconds=seconds)
    return f"at({moment:%Y-%m-%dT%H:%M:%S})"


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


# -- firing


def test_at_fires_once_in_its_time_zone_with_its_input(endpoint: Endpoint, machine: str) -> None:
    create(
        endpoint,
        "once",
        soon(4, BERLIN),
        machine,
        ScheduleExpressionTimezone="Europe/Berlin",
        Input='{"by": "once", "time": "<aws.scheduler.scheduled-time>"}',
    )
    given = started(endpoint, machine, "once")
    planned = datetime.strptime(given["time"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    assert abs((planned - datetime.now(UTC)).total_seconds()) < 10


def test_a_rate_fires_when_it_is_created_and_deleted_schedules_do_not(
    endpoint: Endpoint, machine: str
) -> None:
    create(endpoint, "deleted", soon(3), machine, Input='{"by": "deleted"}')
    endpoint.client("scheduler").delete_schedule(Name="deleted")
    create(endpoint, "disabled", soon(3), machine, Input='{"by": "disabled"}', State="DISABLED")
    create(endpoint, "rate", "rate(1 hour)", machine, Input='{"by": "rate"}')
    started(endpoint, machine, "rate")
    with pytest.raises(AssertionError):
        started(endpoint, machine, "deleted", seconds=4)
    with pytest.raises(AssertionError):
        started(endpoint, machine, "disabled", seconds=0.5)


def test_a_completed_schedule_can_delete_itself(endpoint: Endpoint, machine: str) -> None:
    given = '{"by": "gone"}'
    create(endpoint, "gone", soon(4), machine, Input=given, ActionAfterCompletion="DELETE")
    started(endpoint, machine, "gone")
    with pytest.raises(ClientError) as error:
        endpoint.client("scheduler").get_schedule(Name="gone")
    assert code(error) == "ResourceNotFoundException"


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "aws"
    local_aws.stop(tmp_path / "aws")


def test_schedules_outlive_a_kill_and_fire_without_being_asked(state: Path) -> None:
    aws = local_aws.start(state)
    machine = make_machine(aws)
    create(aws, "kept", "cron(0 3 * * ? *)", machine)
    create(aws, "missed", soon(4), machine, Input='{"by": "missed"}')
    before = aws.client("scheduler").get_schedule(Name="kept")
    pid = Daemon("aws", state).pid()
    assert pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    time.sleep(4)
    local_aws.start(state)
    started(aws, machine, "missed")
    after = aws.client("scheduler").get_schedule(Name="kept")
    before.pop("ResponseMetadata")
    after.pop("ResponseMetadata")
    assert after == before


# -- the API


def test_schedules_are_described_changed_listed_and_deleted(
    endpoint: Endpoint, machine: str
) -> None:
    client = endpoint.client("scheduler")
    create(endpoint, "life", "cron(0 3 * * ? *)", machine, Description="nightly")
    with pytest.raises(ClientError) as error:
        create(endpoint, "life", "cron(0 3 * * ? *)", machine)
    assert code(error) == "ConflictException"
    found = client.get_schedule(Name="life")
    assert found["Arn"] == "arn:aws:scheduler:us-east-1:123456789012:schedule/default/life"
    assert (found["Description"], found["State"]) == ("nightly", "ENABLED")
    client.update_schedule(
        Name="life",
        ScheduleExpression="rate(1 day)",
        StartDate=datetime(2100, 1, 1, tzinfo=UTC),
        FlexibleTimeWindow={"Mode": "OFF"},
        Target={"Arn": machine, "RoleArn": ROLE},
    )
    changed = client.get_schedule(Name="life")
    assert changed["ScheduleExpression"] == "rate(1 day)"
    assert "Description" not in changed  # an update replaces all
    assert changed["CreationDate"] == found["CreationDate"]
    listed = client.list_schedules(NamePrefix="li")["Schedules"]
    assert [(each["Name"], each["Target"]["Arn"]) for each in listed] == [("life", machine)]
    client.delete_schedule(Name="life")
    assert client.list_schedules(NamePrefix="li")["Schedules"] == []


@pytest.mark.parametrize(
    "expression", ["cron(* * * * * *)", "rate(0 minutes)", "at(tomorrow)", "every day"]
)
def test_expressions_that_aws_refuses_are_refused(
    endpoint: Endpoint, machine: str, expression: str
) -> None:
    with pytest.raises(ClientError) as error:
        create(endpoint, "bad", expression, machine)
    assert code(error) == "ValidationException"


def test_other_targets_are_refused_by_name(endpoint: Endpoint) -> None:
    function = "arn:aws:lambda:us-east-1:123456789012:function:f"
    with pytest.raises(ClientError, match="not supported by the local AWS yet: .*function:f"):
        create(endpoint, "no", "rate(1 hour)", function)
    with pytest.raises(ClientError, match="scheduler:GET /schedule-groups"):
        endpoint.client("scheduler").list_schedule_groups()


# -- expressions


@pytest.mark.parametrize(
    ("fields", "local"),
    [
        ("* * * * ? *", "2026-11-23 13:01"),
        ("0 3 * * ? *", "2026-11-24 03:00"),
        ("0/15 8-17 ? * MON-FRI *", "2026-11-23 13:15"),
        ("0 12 L * ? *", "2026-11-30 12:00"),
        ("0 12 LW 1 ? *", "2027-01-29 12:00"),
        ("0 12 1W 5 ? 2027", "2027-05-03 12:00"),  # 1 May is a Saturday
        ("0 0 ? * 6L *", "2026-11-27 00:00"),
        ("0 0 ? * MON#2 *", "2026-12-14 00:00"),
        ("0 0 ? * 1 *", "2026-11-29 00:00"),  # 1 is Sunday
        ("0 0 29 2 ? *", "2028-02-29 00:00"),
        ("5,10 1 1 JAN,MAR ? 2028-2030", "2028-01-01 01:05"),
    ],
)
def test_cron_fires_next_as_documented(fields: str, local: str) -> None:
    found = cron.parse(fields).after(NOON, BERLIN)
    assert found is not None
    assert f"{found.astimezone(BERLIN):%Y-%m-%d %H:%M}" == local


def test_a_skipped_hour_is_skipped_and_a_repeated_one_fires_once() -> None:
    skipped = cron.parse("30 2 28 3 ? 2027")  # clocks go from 2:00 to 3:00
    assert skipped.after(NOON, BERLIN) is None
    repeated = cron.parse("30 2 31 10 ? 2027")  # clocks go from 3:00 to 2:00
    first = repeated.after(NOON, BERLIN)
    assert first == datetime(2027, 10, 31, 0, 30, tzinfo=UTC)
    assert repeated.after(first, BERLIN) is None


def test_a_rate_counts_from_its_start() -> None:
    rate = expressions.parse("rate(5 minutes)", "UTC", NOON)
    assert rate.after(NOON - timedelta(days=1)) == NOON
    assert rate.after(NOON) == NOON + timedelta(minutes=5)
    assert rate.after(NOON + timedelta(minutes=7)) == NOON + timedelta(minutes=10)
