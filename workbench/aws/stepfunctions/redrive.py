"""Where an execution that did not succeed goes on: read from its history."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from workbench.aws.stepfunctions.store import Record

REDRIVABLE = ("FAILED", "ABORTED", "TIMED_OUT")
FORTNIGHT = 14 * 24 * 3600
LONGEST = 24_999  # events


@dataclass(frozen=True)
class Resumption:
    """The top-level state to go on with, and what it gets."""

    state: str
    input: Any
    variables: dict[str, Any] = field(default_factory=dict)
    entered: int | None = None  # the event of entering it, if that has happened
    done: dict[int, Any] = field(default_factory=dict)  # of a Map: index -> output


def refusal(record: Record, events: int, moment: float) -> str | None:
    """Why ``record`` cannot be redriven, in AWS's words where it has some; None if it can."""
    if record.status not in REDRIVABLE:
        return f"Execution is {record.status} and cannot be redriven"
    if moment - (record.stopped or moment) > FORTNIGHT:
        return "Execution has exceeded the redrivable period of 14 days"
    if events > LONGEST:
        return "Execution has exceeded the maximum number of events in its history"
    return None


def resumption(record: Record, events: Sequence[Mapping[str, Any]]) -> Resumption:
    """The failed top-level state, with the input and the variables that it had.

    Names of states are unique in a definition, so those of a Map's or Parallel's inner states
    are not taken for top-level ones.
    """
    definition = json.loads(record.definition)
    at = Resumption(definition["StartAt"], json.loads(record.input))
    variables: dict[str, Any] = {}
    for event in events:
        if entered := event.get("stateEnteredEventDetails"):
            if entered["name"] in definition["States"]:
                given = json.loads(entered["input"])
                at = Resumption(entered["name"], given, dict(variables), event["id"])
        elif exited := event.get("stateExitedEventDetails"):
            if exited["name"] in definition["States"]:
                assigned = exited.get("assignedVariables", {})
                variables |= {name: json.loads(text) for name, text in assigned.items()}
                at = _after(definition["States"][exited["name"]], exited, variables, at)
    return replace(at, done=_done(at, events))


def _after(
    state: Mapping[str, Any], exited: Mapping[str, Any], variables: dict[str, Any], at: Resumption
) -> Resumption:
    """Between two states: the next one, where there is no choice; else the last one again."""
    if "Next" not in state or "Catch" in state or state["Type"] == "Choice":
        return at
    return Resumption(state["Next"], json.loads(exited["output"]), dict(variables))


def _done(at: Resumption, events: Sequence[Mapping[str, Any]]) -> dict[int, Any]:
    """What the iterations of a Map have put out that succeeded, in this attempt of the Map."""
    done: dict[int, Any] = {}
    redriven = False
    for event in events[at.entered or len(events) :]:
        if event["type"] == "ExecutionRedriven":
            redriven = True
        elif event["type"] == "MapStateStarted" and event["previousEventId"] == at.entered:
            done = done if redriven else {}  # else the Map was retried: all of it began again
            redriven = False
        elif ended := event.get("mapIterationSucceededEventDetails"):
            if ended["name"] == at.state:
                last = events[event["previousEventId"] - 1]
                done[ended["index"]] = json.loads(last["stateExitedEventDetails"]["output"])
    return done
