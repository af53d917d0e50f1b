"""The lease: one run at a time, a clear error for the other, and no dead holder blocks for long."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from rich.console import Console

from etl_lib.errors import LeaseHeld, LeaseLost
from etl_lib.lease import BEAT, SECONDS, Lease, held
from workbench import deployment, pipeline, runner
from workbench.deployment import definition
from workbench.mysql import seed
from workbench.pipeline import BOOKMARKS
from workbench.preparation import prepare
from workbench.stack import DATABASE, Stack

from .states import over

NAME = "rental_apartments"


@pytest.fixture
def leases(stack: Stack) -> Iterator[Any]:
    """The DynamoDB table, with nobody's lease before and after."""
    with stack.active():
        table = boto3.resource("dynamodb").Table(BOOKMARKS)
        table.delete_item(Key={"table": f"lease/{NAME}"})
        yield table
        assert "Item" not in table.get_item(Key={"table": f"lease/{NAME}"})


def left(leases: Any, **more: Any) -> None:
    """What a holder that was killed has left."""
    leases.put_item(Item={"table": f"lease/{NAME}", "run_id": "dead", **more})


def test_a_living_holder_is_told_of_and_a_released_lease_is_free(leases: Any) -> None:
    told: list[str] = []
    with held(BOOKMARKS, NAME, "first", seconds=3, beat=0.5):
        with pytest.raises(LeaseHeld, match="Run first of rental_apartments is still running"):
            with held(BOOKMARKS, NAME, "second", told.append):
                pass
    assert "waiting up to " in told[0] and "run first holds" in told[0]
    with held(BOOKMARKS, NAME, "third", told.append) as third:
        third.check()
    assert len(told) == 1


def test_a_killed_holder_blocks_the_next_until_its_lease_expires(leases: Any) -> None:
    assert BEAT < 6 <= SECONDS <= 30  # the state machine waits 6 s between two looks
    left(leases, owner="gone", expires=int(time.time()) + 1)
    clock = time.monotonic()
    with held(BOOKMARKS, NAME, "next"):
        assert leases.get_item(Key={"table": f"lease/{NAME}"})["Item"]["run_id"] == "next"
    assert time.monotonic() - clock < 5


def test_a_heartbeat_keeps_it_and_a_holder_that_slept_too_long_is_told(leases: Any) -> None:
    with held(BOOKMARKS, NAME, "awake", seconds=2, beat=0.3) as lease:
        time.sleep(2.5)
        lease.check()
    sleeper = Lease(BOOKMARKS, NAME, "asleep", seconds=1)
    sleeper.take()
    time.sleep(2.1)
    with pytest.raises(LeaseLost, match="run asleep could not renew its lease"):
        sleeper.check()
    with held(BOOKMARKS, NAME, "next"):
        with pytest.raises(LeaseLost):
            sleeper.renew()
        sleeper.release()  # not its own any more: it stays
        assert leases.get_item(Key={"table": f"lease/{NAME}"})["Item"]["run_id"] == "next"


def test_a_run_by_notebooks_stops_before_it_touches_anything(stack: Stack, leases: Any) -> None:
    seed.seed(stack.server, DATABASE, rows=100)
    given = prepare(stack, pipeline.CONTRACT, stack.server.secret(DATABASE), "", "")
    with held(BOOKMARKS, NAME, "busy", seconds=3, beat=0.5):
        summary = runner.run(stack, given, Console(quiet=True))
    assert (summary.status, summary.stages, summary.exit_code) == ("FAILED", [], 1)
    assert summary.error is not None and summary.error.startswith("LeaseHeld: Run busy of ")
    assert "Nothing was touched" in summary.error


def reachable(definition: dict[str, Any]) -> dict[str, Any]:
    """Its states less those that no other leads to."""
    found, ahead = {}, [definition["StartAt"]]
    while ahead:
        name = ahead.pop()
        if name not in found:
            state = found[name] = definition["States"][name]
            ways = [state, *state.get("Choices", ()), *state.get("Catch", ())]
            ahead += [way[key] for way in ways for key in ("Next", "Default") if key in way]
    return found


@pytest.fixture
def machine(stack: Stack) -> Iterator[str]:
    """The real state machine, which has no more to do than to take the lease and release it."""
    client = stack.endpoint.client("stepfunctions")
    shortened = json.loads(definition("arn:aws:sns:us-east-1:123456789012:topic"))
    shortened["States"]["Move each wave"] = {"Type": "Pass", "Next": "Release the lease"}
    shortened["States"] = reachable(shortened)
    made = client.create_state_machine(
        name="leases", definition=json.dumps(shortened), roleArn=deployment.STATES_ROLE
    )["stateMachineArn"]
    yield made
    client.delete_state_machine(stateMachineArn=made)


def run(stack: Stack, machine: str) -> dict[str, Any]:
    client = stack.endpoint.client("stepfunctions")
    arn = client.start_execution(stateMachineArn=machine)["executionArn"]
    found: dict[str, Any] = over(client, arn, 60)
    return found


def test_the_state_machine_stops_clearly_before_a_holder_that_lives(
    stack: Stack, leases: Any, machine: str
) -> None:
    with held(BOOKMARKS, NAME, "notebooks", beat=1):
        done = run(stack, machine)
    assert (done["status"], done["error"]) == ("FAILED", "LeaseHeld")
    assert "Run notebooks of rental_apartments is still running" in done["cause"]


@pytest.mark.parametrize(
    "item",
    [
        {"owner": "gone", "expires": 1},
        {"owner": "gone", "expires": "soon"},
        {"execution": "arn:aws:states:us-east-1:123456789012:execution:leases:never"},
    ],
)
def test_both_take_over_what_a_dead_holder_has_left(
    stack: Stack, leases: Any, machine: str, item: dict[str, Any]
) -> None:
    soon = {"expires": int(time.time()) + 3} if item.get("expires") == "soon" else {}
    left(leases, **{**item, **soon})
    assert run(stack, machine)["status"] == "SUCCEEDED"
    left(leases, **{**item, **soon})
    with held(BOOKMARKS, NAME, "next"):
        pass


def test_an_execution_that_runs_is_respected_and_one_that_was_stopped_is_not(
    stack: Stack, leases: Any, machine: str
) -> None:
    client = stack.endpoint.client("stepfunctions")
    waiting = json.dumps(
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 60, "End": True}}}
    )
    made = client.create_state_machine(
        name="waits", definition=waiting, roleArn=deployment.STATES_ROLE
    )["stateMachineArn"]
    execution = client.start_execution(stateMachineArn=made)["executionArn"]
    left(leases, execution=execution)
    with pytest.raises(LeaseHeld, match=f"execution {execution}"):
        with held(BOOKMARKS, NAME, "next"):
            pass
    client.stop_execution(executionArn=execution)
    with held(BOOKMARKS, NAME, "next"):
        pass
    client.delete_state_machine(stateMachineArn=made)
