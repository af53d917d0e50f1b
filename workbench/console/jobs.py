"""Glue job runs and what they printed."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import ClientError
from flask import Blueprint, abort, render_template, request

from workbench.console import machines
from workbench.console.local import Local
from workbench.jobs import OVER
from workbench.wording import lasted

NEWEST = 200
LINES = 1_000  # of a log, its last ones
STREAMS = ("output", "error")


def pages(local: Local) -> Blueprint:
    """/jobs: the runs of all jobs, of one run of the pipeline, and one with its logs."""
    made = Blueprint("jobs", __name__, url_prefix="/jobs")

    @made.get("/")
    def index() -> str:
        run_id, machine = request.args.get("run", ""), request.args.get("machine", "")
        known = machines.targets(local)
        found = [
            each
            for each in runs(local, run_id)
            if not machine or machines.of_job(each["JobName"], known) == machine
        ]
        busy = any(each["JobRunState"] not in OVER for each in found)
        return render_template(
            "jobs.html",
            runs=[(each, run_of(each), _seconds(each)) for each in found[:NEWEST]],
            machine_of=lambda each: machines.of_job(each["JobName"], known),
            machine=machine,
            tables=tables,
            more=len(found) > NEWEST,
            run_id=run_id,
            poll=1 if busy else 5,
        )

    @made.get("/run")
    def one() -> str:
        job, run_id = request.args.get("job", ""), request.args.get("id", "")
        try:
            found = local.client("glue").get_job_run(JobName=job, RunId=run_id)["JobRun"]
        except ClientError as error:
            abort(404, error.response["Error"]["Message"])
        logs = local.client("logs")
        return render_template(
            "job_run.html",
            run=found,
            of=run_of(found),
            machine=machines.of_job(job, machines.targets(local)),
            seconds=_seconds(found),
            logs=[
                (name, *tail(logs, f"{found['LogGroupName']}/{name}", run_id)) for name in STREAMS
            ],
            lines=LINES,
            poll=5 if found["JobRunState"] in OVER else 1,
        )

    return made


def runs(local: Local, run_id: str) -> list[dict[str, Any]]:
    """Those of every job, or of one run of the pipeline; the newest first."""
    glue = local.client("glue")
    pages = glue.get_paginator("get_jobs").paginate()
    names = [job["Name"] for page in pages for job in page["Jobs"]]
    with ThreadPoolExecutor(6) as several:
        found = several.map(lambda name: _runs_of(glue, name, run_id), names)
        of_all = (run for of_one in found for run in of_one)
        return sorted(of_all, key=lambda run: run["StartedOn"], reverse=True)


def _runs_of(glue: Any, job: str, run_id: str) -> list[dict[str, Any]]:
    """Without a ``run_id`` as many as a page shows, and one: it tells that there are more."""
    most = {} if run_id else {"MaxItems": NEWEST + 1}
    pages = glue.get_paginator("get_job_runs").paginate(JobName=job, PaginationConfig=most)
    found = [run for page in pages for run in page["JobRuns"]]
    return [run for run in found if not run_id or run_of(run) == run_id]


def run_of(run: dict[str, Any]) -> str:
    """The pipeline's run that it belongs to, or nothing."""
    return str(run.get("Arguments", {}).get("--run_id", ""))


def tables(run: dict[str, Any]) -> str:
    """The table that it was started for, or how many."""
    names = str(run.get("Arguments", {}).get("--tables", "")).split(",")
    return names[0] or "—" if len(names) == 1 else f"{len(names)} tables"


def tail(logs: Any, group: str, stream: str) -> tuple[Sequence[str], bool]:
    """The last lines of a log stream, and whether there are more before them."""
    try:
        found = logs.get_log_events(
            logGroupName=group, logStreamName=stream, startFromHead=False, limit=LINES
        )
    except logs.exceptions.ResourceNotFoundException:
        return (), False  # it has printed nothing
    lines = [event["message"] for event in found["events"]]
    return lines, len(lines) == LINES


def _seconds(run: dict[str, Any]) -> float:
    return lasted(run["StartedOn"], run.get("CompletedOn"))
