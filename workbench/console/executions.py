"""The executions of the local state machines, and one of them as it runs."""

from __future__ import annotations

import json
import re
import threading
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from flask import Blueprint, Response, abort, redirect, render_template, request, send_file, url_for
from werkzeug.wrappers import Response as BaseResponse

from workbench import chart, execution, graph, history
from workbench.cells import cells
from workbench.chart import Chart
from workbench.console import machines
from workbench.console.access import POLICY
from workbench.console.local import Local
from workbench.console.progress import far, of_tables, total
from workbench.deployment import MACHINE
from workbench.history import Visit
from workbench.preparation import STAGES
from workbench.summary import checks_of, failed, remarks, tables_of
from workbench.target import LOCAL, Target

NEWEST = 100
KEPT = 32  # histories
NAME = re.compile(r"[0-9A-Za-z_-]{1,80}")
# A report's own styles and pictures stand in the file; nothing in it may run or be sent.
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox"


class Histories:
    """What is known of each execution: a page that is read every second asks for newer events only,
    as the jobs need the machine more."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: OrderedDict[str, list[dict[str, Any]]] = OrderedDict()

    def visits(self, client: Any, arn: str) -> list[Visit]:
        return history.visits(self._events(client, arn))

    def seconds(self, client: Any, execution: Mapping[str, Any]) -> float:
        """How long it ran, without the time that it stood still between an end and its redrive."""
        now = execution.get("stopDate") or datetime.now(UTC)
        if not execution.get("redriveCount"):
            return float((now - execution["startDate"]).total_seconds())
        return history.seconds(self._events(client, execution["executionArn"]), now)

    def _events(self, client: Any, arn: str) -> list[dict[str, Any]]:
        with self._lock:
            known = self._known.setdefault(arn, [])
            self._known.move_to_end(arn)
            if known:
                known += execution.newer(client, arn, known[-1]["id"])
            else:
                known += execution.events(client, arn)
            while len(self._known) > KEPT:
                self._known.popitem(last=False)
            return list(known)


def pages(local: Local) -> Blueprint:
    """/executions: the list, one of them, and its report."""
    made = Blueprint("executions", __name__, url_prefix="/executions")
    histories = Histories()

    @made.get("/")
    def index() -> str:
        found = machines.executions(local, NEWEST)
        client = local.client("stepfunctions")
        for each in found:
            each["seconds"] = histories.seconds(client, each)
        running = any(each["status"] == "RUNNING" for each in found)
        return render_template(
            "executions.html", executions=found, newest=NEWEST, poll=1 if running else 5
        )

    @made.get("/<name>")
    def one(name: str) -> str | BaseResponse:
        machine = request.args.get("machine", MACHINE)
        found = shown(local, histories, machine, name)
        if found:
            return render_template("execution.html", **found)
        if machine == MACHINE and _report(local, name):  # a run by notebooks
            return redirect(url_for("executions.report", name=name))
        abort(
            404,
            f"No execution of {machine} is named {name}. Backfills, replays and repairs have none: "
            "their job runs tell what they did.",
        )

    @made.get("/<name>/report")
    def report(name: str) -> Response:
        path = _report(local, name)
        if path is None:
            abort(404, f"Run {name} has left no report.")
        reply = send_file(path, mimetype="text/html")
        reply.headers[POLICY] = REPORT_POLICY
        return reply

    return made


def address(name: str, machine: str | None = None) -> str:
    """Of the page of an execution; of ours, if the machine is not known."""
    return url_for("executions.one", name=name, machine=None if machine == MACHINE else machine)


def _report(local: Local, name: str) -> Path | None:
    path = local.home.runs / name / "report.html"
    return path if NAME.fullmatch(name) and path.is_file() else None


def shown(local: Local, histories: Histories, machine: str, name: str) -> dict[str, Any] | None:
    """All that the page of one execution tells; None if there is none of that name."""
    client = local.client("stepfunctions")
    arn = f"{machines.arn(machine).replace(':stateMachine:', ':execution:')}:{name}"
    try:
        described = client.describe_execution(executionArn=arn)
    except (client.exceptions.ExecutionDoesNotExist, client.exceptions.InvalidArn):
        return None
    definition = client.describe_state_machine_for_execution(executionArn=arn)["definition"]
    visits = histories.visits(client, arn)
    run_id = str(_given(described).get("run_id") or name)
    target = machines.targets(local).get(machine)
    running = described["status"] == "RUNNING"
    return {
        "execution": described,
        "seconds": histories.seconds(client, described),
        "machine": machine,
        "target": target,
        "run_id": run_id,
        "error": _error(described),
        **_states(definition, visits),
        "visits": _durations(visits, described),
        **(_moved(local, target, run_id, described, visits) if target else {}),
        "report": target == LOCAL and _report(local, run_id) is not None and not running,
        "poll": 1 if running else 5,
    }


def _moved(
    local: Local, target: Target, run_id: str, described: Mapping[str, Any], visits: Sequence[Visit]
) -> dict[str, Any]:
    """How far the tables of a pipeline's run are, and what is to be said of them."""
    zone = local.zone(target.bucket)
    moved = tables_of(zone, run_id, STAGES)
    running = described["status"] == "RUNNING"
    tables = of_tables(moved, visits, _wanted(_given(described)), running)
    told = [line for table, each in moved.items() for line in remarks(table, each)]
    return {
        "tables": tables,
        "far": far(tables, visits) if running else [],
        "total": total,
        "stages": STAGES,
        "remarks": told + failed(checks_of(zone, run_id)),
    }


def _states(definition: str, visits: Sequence[Visit]) -> dict[str, Any]:
    """What is off the way to success on its left, as all that decides about a lease that another
    run holds, is drawn only once the run has come to it."""
    drawn, left_out = _drawn(definition, frozenset(visit.state for visit in visits))
    return {"chart": drawn, "marks": chart.marks(visits), "left_out": left_out}


@lru_cache(maxsize=32)
def _drawn(definition: str, entered: Collection[str]) -> tuple[Chart, bool]:
    whole = graph.of(json.loads(definition))
    beside = {name for name, (column, _) in cells(whole).items() if column >= 0}
    kept = graph.part(whole, {*entered, *beside, *whole.inner})
    return chart.draw(kept), len(kept.states) < len(whole.states)


def _given(described: Mapping[str, Any]) -> dict[str, Any]:
    """Its input; an execution may have been given anything, and the first state refuses it."""
    given = json.loads(described["input"])
    return given if isinstance(given, dict) else {}


def _wanted(given: Mapping[str, Any]) -> list[str]:
    tables = given.get("tables")
    return [each for each in tables if isinstance(each, str)] if isinstance(tables, list) else []


def _error(described: Mapping[str, Any]) -> str:
    if described["status"] in ("RUNNING", "SUCCEEDED"):
        return ""
    return execution.explained(described)


def _durations(visits: Sequence[Visit], described: Mapping[str, Any]) -> list[tuple[Visit, float]]:
    """The newest first: what runs stands on top."""
    now: datetime = described.get("stopDate") or datetime.now(UTC)
    return [
        (visit, ((visit.exited or now) - visit.entered).total_seconds())
        for visit in reversed(visits)
    ]
