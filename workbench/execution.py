"""``workbook run``: the state machine runs the exported jobs; we watch, and tell how it ended."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from rich.console import Console
from rich.markup import escape

from etl_lib.bookmarks import BookmarkStore
from etl_lib.errors import BadInput
from etl_lib.run import Plan
from etl_lib.zone import Zone
from workbench import (
    executions,
    graph,
    history,
    outcome,
    panels,
    pipeline,
    preparation,
    progress,
    published,
    report,
    screen,
)
from workbench.deployment import FOLDER, Deployment
from workbench.history import Visit
from workbench.preparation import STAGES, Prepared
from workbench.stack import Stack
from workbench.summary import StageResult, Summary
from workbench.target import LOCAL, OF_STACK
from workbench.verdict import ANEW, OVERTAKEN, THE_SAME_AGAIN, failed_place, run_again

AS_BEGUN = "By the contract that it began with; after a change of that: "
POLL = (0.1, 0.5)  # seconds between two looks at an execution, at least and at most
SHARE = 0.1  # and this share of the time since something happened: the jobs need the machine more


def run(stack: Stack, prepared: Prepared, console: Console) -> Summary:
    """Deploy what changed, start an execution named by the run, follow it to its end."""
    machine = stack.target.machine
    if not stack.target.stack:  # what a stack has made is changed by `workbook deploy` alone
        Deployment(stack.endpoint).apply(
            lambda text: console.print(f"[dim]· {text}[/]", highlight=False)
        )
    client = stack.endpoint.client("stepfunctions")
    given = {
        "tables": list(prepared.tables),
        "contract": prepared.contract_url,
        "source_secret": prepared.source_secret,
    }
    try:
        started = client.start_execution(
            stateMachineArn=machine, name=prepared.run_id, input=json.dumps(given)
        )
    except client.exceptions.ExecutionAlreadyExists:
        raise BadInput(
            f"run {prepared.run_id} has been started before. Go on with it: "
            f"workbook redrive {prepared.run_id}"
        ) from None
    return _follow(stack, started["executionArn"], prepared, console, [])


def redrive(stack: Stack, prepared: Prepared, console: Console) -> Summary:
    """Go on with a run that did not end well, under its own run_id.

    An execution that was stopped goes on where it stood (RedriveExecution). One that handled its
    failure has nothing left to redrive but its Fail state: a new one is started, and every stage
    takes up what the run has done. No two executions may have one name: its own begins with the
    run's, and its input names the run.
    """
    client = stack.endpoint.client("stepfunctions")
    arn = stack.target.execution(prepared.run_id)
    found = client.describe_execution(executionArn=arn)
    newest = executions.newest(stack, prepared.run_id)  # it may have been taken up already
    status = newest.status if newest else found["status"]
    if status in ("SUCCEEDED", "RUNNING"):
        raise BadInput(f"run {prepared.run_id} is {status}: nothing to redrive")
    _refuse_overtaken(stack, prepared)
    if _handled(client, arn):
        given = {**executions.given(found), "run_id": prepared.run_id}
        name = f"{prepared.run_id[:57]}-again-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
        console.print(f"[dim]· its first execution is over: it goes on as[/] {name}")
        arn = client.start_execution(
            stateMachineArn=found["stateMachineArn"], name=name, input=json.dumps(given)
        )["executionArn"]
        before = []
    else:
        before = events(client, arn)
        client.redrive_execution(executionArn=arn)
    return _follow(stack, arn, prepared, console, before)


def _refuse_overtaken(stack: Stack, prepared: Prepared) -> None:
    """Every stage would do its work again, until the bookmarks fence it: they are a newer run's."""
    if prepared.parsed is None:
        return
    zone = Zone(stack.target.bucket)
    bookmarks = BookmarkStore(stack.target.bookmarks, prepared.parsed.name)
    with stack.active():
        for name in prepared.tables:
            plan = zone.get_json(f"runs/{prepared.run_id}/plans/{name}.json")
            mark = bookmarks.get(name)
            own = prepared.run_id in (mark.open_run, mark.run_id)
            if plan and Plan.from_dict(plan).in_turn and not own:
                again = run_again(prepared.summary("state machine").as_dict())
                raise BadInput(
                    f"run {prepared.run_id} was overtaken: table {name} is run "
                    f"{mark.open_run or mark.run_id}'s by now. Nothing is lost, and there is "
                    f"nothing to redrive. Type `{again}`: it moves what is new"
                )


def known(stack: Stack, run_id: str) -> Prepared:
    """What an earlier run was given, as its summary and its execution tell."""
    folder = stack.home.runs / run_id
    client = stack.endpoint.client("stepfunctions")
    try:
        found = client.describe_execution(executionArn=stack.target.execution(run_id))
    except (client.exceptions.ExecutionDoesNotExist, client.exceptions.InvalidArn):
        kept = _kept(folder)
        if kept.get("via") == "notebooks":
            raise BadInput(
                f"run {run_id} was one of notebooks, which has nothing to redrive: type "
                f"`{run_again(kept)}` again, the same windows are taken up"
            ) from None
        raise BadInput(f"no execution is named {run_id!r}: `workbook runs` lists them") from None
    given = executions.given(found)
    kept = _kept(folder)
    url = str(published.address(stack, given))
    folder.mkdir(parents=True, exist_ok=True)
    contract = Path(kept.get("contract") or published.file(stack, run_id, url))
    parsed = published.parsed(stack, url)
    return Prepared(
        run_id=run_id,
        folder=folder,
        contract=contract,
        parsed=parsed,
        contract_url=url,
        tables=tuple(given.get("tables") or pipeline.read_contract(contract).tables),
        source_secret=given.get("source_secret", stack.target.secret),
        started=datetime.now(UTC),
        source=kept.get("source", ""),
        asked=kept.get("asked", ""),
        stale=preparation.stale(stack, parsed) if parsed else (),
    )


def _kept(folder: Path) -> Mapping[str, Any]:
    """The summary of a run; of one that nobody here started or asked for, nothing."""
    try:
        found: Mapping[str, Any] = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def execution_arn(run_id: str) -> str:
    """Of the local AWS."""
    return LOCAL.execution(run_id)


def events(client: Any, arn: str) -> list[dict[str, Any]]:
    """The whole history of an execution."""
    pages = client.get_paginator("get_execution_history").paginate(executionArn=arn)
    return [event for page in pages for event in page["events"]]


def _follow(
    stack: Stack, arn: str, prepared: Prepared, console: Console, known: list[dict[str, Any]]
) -> Summary:
    """``known`` are the events of an earlier attempt, which has told of them."""
    summary = prepared.summary("state machine")
    summary.write(prepared.folder)  # RUNNING, should we not live to write its end
    visits: list[Visit] = []
    with stack.active():
        zone = Zone(stack.target.bucket)
        try:
            _watch(stack, arn, zone, prepared, console, visits, known)
            end(
                summary, stack.endpoint.client("stepfunctions").describe_execution(executionArn=arn)
            )
            outcome.gather(summary, stack, prepared.parsed)
        except KeyboardInterrupt:
            stack.endpoint.client("stepfunctions").stop_execution(
                executionArn=arn, error="Interrupted", cause="workbook run was interrupted"
            )
            summary.status = "FAILED"
            summary.error = f"interrupted, and stopped: {_redrive(summary)} goes on"
        except BotoCoreError as error:
            summary.status = "FAILED"
            summary.error = (
                f"{type(error).__name__}: {error}. The local AWS is gone; start it again with "
                f"`workbook up`, then `{_redrive(summary)}`"
            )
    judge(summary, visits)
    summary.seconds = round(history.seconds(known, datetime.now(UTC)), 3)
    summary.write(prepared.folder)
    shown = report.Shown(visits, drawn(), panels=panels.after(summary, stack))
    report.write(prepared.folder, summary.as_dict(), shown)
    return summary


def drawn() -> graph.Graph:
    """The state machine as it is in this repository."""
    return graph.of(json.loads((FOLDER / "pipeline.asl.json").read_text(encoding="utf-8")))


def _watch(
    stack: Stack,
    arn: str,
    zone: Zone,
    prepared: Prepared,
    console: Console,
    seen: list[Visit],
    known: list[dict[str, Any]],
) -> None:
    """Tell of every state that ends, until the execution is over; ``seen`` holds all visits."""
    client = stack.endpoint.client("stepfunctions")
    changed = time.monotonic()
    told: set[tuple[int, datetime]] = set()
    _news(history.visits(known), told)
    watch = progress.Watch(stack, prepared.run_id, console, prepared.tables)
    with console.status("starting") as line:  # on a terminal: what runs right now
        while True:
            new = newer(client, arn, known[-1]["id"] if known else 0)
            known += new
            over = known and known[-1]["type"] in history.ENDS and not _running_again(client, arn)
            seen[:] = history.visits(known)
            for visit in _news(seen, told):
                _tell(zone, visit, prepared, console)
            if over:
                return
            line.update("\n".join([_running(seen), *_far(seen, watch, prepared.tables)]))
            changed = time.monotonic() if new else changed
            least, most = POLL
            time.sleep(min(max(least, SHARE * (time.monotonic() - changed)), most))


def _news(visits: Sequence[Visit], told: set[tuple[int, datetime]]) -> list[Visit]:
    """Visits that have ended and were not told of: what failed before what was stopped by it."""
    new = []
    for number, visit in enumerate(visits):
        if visit.exited and (number, visit.exited) not in told:
            told.add((number, visit.exited))
            new.append(visit)
    return sorted(new, key=lambda visit: visit.status == "STOPPED")


def _running_again(client: Any, arn: str) -> bool:
    """After an end in the history: is it that of before a redrive?"""
    return bool(client.describe_execution(executionArn=arn)["status"] == "RUNNING")


def newer(client: Any, arn: str, last: int) -> list[dict[str, Any]]:
    """The events after the one numbered ``last``. Read from the end: the jobs need the machine more
    than a reader of the same history again and again."""
    found: list[dict[str, Any]] = []
    pages = client.get_paginator("get_execution_history").paginate(
        executionArn=arn, reverseOrder=True, PaginationConfig={"PageSize": 20}
    )
    for event in (event for page in pages for event in page["events"]):
        if event["id"] <= last:
            break
        # Events that came between two pages push what was read into the next one.
        if not found or event["id"] < found[-1]["id"]:
            found.append(event)
    return found[::-1]


def _running(visits: Sequence[Visit]) -> str:
    """The states that have begun and not ended, the innermost: a Map's own visit tells nothing."""
    names = [
        f"{visit.state} {visit.table}".strip()
        for visit in visits
        if not visit.exited and not visit.state.startswith("Move each")
    ]
    return " · ".join(names) or "between two states"


def _far(visits: Sequence[Visit], watch: progress.Watch, tables: Sequence[str]) -> list[str]:
    """How far what runs is."""
    running = {visit.state for visit in visits if not visit.exited}
    lines = [progress.through(visits, tables)] if running & {*STAGES[:3]} else []
    return [f"[dim]{escape(line)}[/]" for line in [*lines, *watch.lines(running)]]


def _tell(zone: Zone, visit: Visit, prepared: Prepared, console: Console) -> None:
    if visit.state not in STAGES:
        return
    for table in [visit.table] if visit.table else prepared.tables:
        result = zone.get_json(f"runs/{prepared.run_id}/results/{visit.state}/{table}.json")
        if result:
            screen.tell(result, visit.state, console)
    console.print(
        f"{visit.state:<15} {visit.table:<22} {visit.status:<9} {visit.seconds:6.1f} s",
        highlight=False,
    )


def end(summary: Summary, execution: Mapping[str, Any]) -> None:
    """How the run ended, and of one that failed, why and what to type."""
    summary.status = "SUCCEEDED" if execution["status"] == "SUCCEEDED" else "FAILED"
    if summary.status == "FAILED":
        summary.error = explained(execution)
        done_with = execution.get("error") in ("BadInput", "LeaseHeld")  # those began nothing
        if any(kind in summary.error for kind in THE_SAME_AGAIN):
            summary.error += f"\n{ANEW.format(run_again(summary.as_dict()))}"
        elif not done_with and OVERTAKEN not in summary.error:
            summary.error += f"\nGo on with it: {_redrive(summary)}"
            summary.error += f"\n{AS_BEGUN}{run_again(summary.as_dict())}"


def _redrive(summary: Summary) -> str:
    there = f" {summary.asked}" if summary.asked.startswith(OF_STACK) else ""
    return f"workbook redrive {summary.run_id}{there}"


def judge(summary: Summary, visits: Sequence[Visit]) -> None:
    """What came of each stage, and in which of them the run failed."""
    summary.stages = list(stages(visits))
    failed = summary.status != "SUCCEEDED"
    summary.failed_in = failed_place(summary.as_dict(), visits) if failed else ""


def explained(execution: Mapping[str, Any]) -> str:
    """The error of a failed execution in words: of a failed job run, what the job itself said."""
    error, cause = execution.get("error", execution["status"]), execution.get("cause", "")
    with suppress(ValueError, AttributeError):
        job = json.loads(cause)
        if "JobRunState" in job:
            said = job.get("ErrorMessage") or f"run {job['Id']} was stopped from outside"
            return f"job {job['JobName']} {job['JobRunState']}: {said}"
    return f"{error}: {cause}" if cause else str(error)


def _handled(client: Any, arn: str) -> bool:
    """Whether the execution ended in a Fail state, which a redrive would only enter again."""
    return any(event["type"] == "FailStateEntered" for event in events(client, arn))


def stages(visits: Sequence[Visit]) -> Iterator[StageResult]:
    """Each stage over all tables: the seconds in which it ran, and what came of it in the end."""
    for stage in STAGES:
        own = [visit for visit in visits if visit.state == stage]
        if own:
            yield StageResult(stage, _status(history.latest(own)), round(history.busy(own), 3))


def _status(visits: Sequence[Visit]) -> str:
    """FAILED if any did. One that still ran as the run ended was stopped with it."""
    found = {visit.status for visit in visits}
    if "FAILED" in found:
        return "FAILED"
    return "SUCCEEDED" if found == {"SUCCEEDED"} else "STOPPED"
