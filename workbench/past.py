"""Runs as they really ended: by their summary, and by the execution of whoever started them.

A schedule, the Step Functions API or a `workbook run` that was killed leaves an execution without a
summary, or one that says RUNNING for ever. The first who asks writes it, from the execution's
history and the results in S3.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ParamValidationError

from etl_lib.errors import BadInput
from workbench import (
    endpoint,
    execution,
    executions,
    history,
    outcome,
    pipeline,
    published,
    source_address,
)
from workbench.clients import Aws
from workbench.executions import Found
from workbench.history import Visit
from workbench.home import Home
from workbench.mysql import server as mysql
from workbench.preparation import RUN_ID
from workbench.stack import Stack
from workbench.summary import StageResult, Summary

Run = Mapping[str, Any]  # a summary.json, or what would stand in it
STATES = "state machine"
LOOKED_AT = 5  # runs, for one that goes on
ENDED_UNSEEN = "the local AWS stopped meanwhile. Go on with it: workbook redrive {}"


def runs(home: Home, stack: Stack | None, last: int) -> list[Run]:
    """The newest runs, the newest first, whoever started them. ``stack``: where their executions
    are, if that can be reached."""
    summaries = {path.parent.name: _read(path) for path in home.runs.glob("*/summary.json")}
    found = executions.of_runs(stack, 5 * last, set(summaries)) if stack else {}
    begun = {run_id: executions.moment(each.started) for run_id, each in found.items()}
    begun |= {run_id: str(each["started"]) for run_id, each in summaries.items()}
    newest = sorted(begun, key=lambda name: (begun[name], name), reverse=True)[:last]
    return [_now(home, stack, name, summaries.get(name), found.get(name)) for name in newest]


def last(home: Home) -> str | None:
    """One line about the newest run of the local AWS: about one that goes on, if any does. A second
    run of the same tables is refused meanwhile, and is not what somebody asks for."""
    found = runs(home, running(home), LOOKED_AT)
    if not found:
        return None
    going_on = [each for each in found if each["status"] == "RUNNING"]  # the oldest has the lease
    accepted = [each for each in found if not (each["error"] or "").startswith("LeaseHeld: ")]
    run = [*going_on[-1:], *accepted, *found][0]
    took = "" if run["status"] == "RUNNING" else f" in {run['seconds']:.1f} s"
    return f"{run['run_id']} {run['status']}{took}, begun {run['started']} UTC"


def one(home: Home, stack: Stack | None, run_id: str) -> Run:
    """One run. Raises BadInput."""
    path = home.runs / run_id / "summary.json"
    known = RUN_ID.fullmatch(run_id) is not None
    kept = _read(path) if known and path.exists() else None
    found = executions.newest(stack, run_id) if known and stack else None
    if kept is None and found is None:
        raise BadInput(f"no run is named {run_id!r}: `workbook runs` lists them")
    return _now(home, stack, run_id, kept, found)


def report_again(stack: Stack, run_id: str) -> Path:
    """Make the page of a run that is over, be it a scheduled one. Raises BadInput."""
    from workbench import panels, report

    run = one(stack.home, stack, run_id)
    if run["status"] == "RUNNING":
        raise BadInput(
            f"run {run_id} is RUNNING: its report comes with its end. To watch it: workbook console"
        )
    folder = stack.home.runs / run_id
    summary = _summary(run)
    found = executions.newest(stack, run_id) if run["via"] == STATES else None
    visits = visited(stack.endpoint, found.arn) if found else []
    shown = report.Shown(
        visits,
        execution.drawn() if visits else None,
        sorted(folder.glob("0*.ipynb")),
        panels.after(summary, stack),
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
    )
    return report.write(folder, run, shown)


def visited(aws: Aws, arn: str) -> list[Visit]:
    return history.visits(execution.events(aws.client("stepfunctions"), arn))


@contextmanager
def alive(folder: Path) -> Iterator[None]:
    """While a run without an execution goes on: the lock ends with its process."""
    with open(folder / "alive", "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _lives(folder: Path) -> bool:
    try:
        with open(folder / "alive") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except FileNotFoundError:
        pass
    return False


def _now(
    home: Home, stack: Stack | None, run_id: str, kept: Run | None, found: Found | None
) -> Run:
    """What the run is now. What has ended unseen is written down."""
    if kept is not None and kept["via"] != STATES:
        lives = kept["status"] != "RUNNING" or _lives(home.runs / run_id)
        return kept if lives else {**kept, "status": "ABORTED", "error": "it was killed"}
    if stack is not None and found is None:
        found = executions.newest(stack, run_id)
    if kept is not None and (stack is None or found is None):
        told = {"status": "FAILED", "error": ENDED_UNSEEN.format(run_id)}
        return {**kept, **told} if kept["status"] == "RUNNING" else kept
    assert stack is not None and found is not None
    if found.status == "RUNNING":
        return {**(kept or _begun(stack, run_id, found).as_dict()), "status": "RUNNING"}
    if kept is None or kept["status"] == "RUNNING" or _ended_since(home, run_id, found):
        return _seen(stack, run_id, kept, found).as_dict()
    return kept


def _ended_since(home: Home, run_id: str, found: Found) -> bool:
    """Whether its execution ended after its summary was written: somebody has taken it up again."""
    written = (home.runs / run_id / "summary.json").stat().st_mtime
    return found.stopped is not None and found.stopped.timestamp() > written


def _seen(stack: Stack, run_id: str, kept: Run | None, found: Found) -> Summary:
    """Write the summary of a run whose execution has ended."""
    summary = _summary(kept) if kept else _begun(stack, run_id, found)
    client = stack.endpoint.client("stepfunctions")
    told = execution.events(client, found.arn)
    summary.seconds = round(history.seconds(told), 3)
    execution.end(summary, client.describe_execution(executionArn=found.arn))
    summary.status = found.status
    given = executions.given(client.describe_execution(executionArn=found.arn))
    parsed = published.parsed(stack, published.address(stack, given))
    with stack.active():
        final = outcome.gather(summary, stack, parsed, patience=0)
    execution.judge(summary, history.visits(told))
    if final:  # else whoever asks next looks again
        (stack.home.runs / run_id).mkdir(parents=True, exist_ok=True)
        summary.write(stack.home.runs / run_id)
    return summary


def _begun(stack: Stack, run_id: str, found: Found) -> Summary:
    """What is known of an execution that `workbook run` did not start."""
    client = stack.endpoint.client("stepfunctions")
    given = executions.given(client.describe_execution(executionArn=found.arn))
    summary = Summary(run_id, str(pipeline.CONTRACT), executions.moment(found.started), STATES)
    summary.contract = str(published.file(stack, run_id, published.address(stack, given)))
    secret = stack.endpoint.client("secretsmanager")
    name = given.get("source_secret", stack.target.secret)
    try:
        source = json.loads(secret.get_secret_value(SecretId=str(name))["SecretString"])
        summary.source = source_address.address(source)
        summary.asked = stack.target.options or source_address.asked(source, stack.maria)
    except (secret.exceptions.ClientError, ParamValidationError, KeyError, TypeError, ValueError):
        pass  # it is gone, or was none: the run itself has told so
    return summary


def _summary(run: Run) -> Summary:
    own = {each.name for each in fields(Summary)}
    stages = [StageResult(**each) for each in run["stages"]]
    return Summary(**{**{k: v for k, v in run.items() if k in own}, "stages": stages})


def running(home: Home) -> Stack | None:
    """The local AWS, if it runs, be its MariaDB down: a look starts nothing."""
    local = endpoint.load(home.aws) if endpoint.running(home.aws) else None
    return Stack(home, local, mysql.load(home.mysql)) if local else None


def _read(path: Path) -> Run:
    found: Run = json.loads(path.read_text(encoding="utf-8"))
    return found
