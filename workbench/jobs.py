"""Single Glue jobs of the pipeline, without the state machine: start one, wait for its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from etl_lib.errors import RunFailed
from workbench.deployment import PREFIX
from workbench.endpoint import Endpoint

POLL = 0.2  # seconds
PATIENCE = 900.0  # seconds to wait for other runs of the same job
OVER = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")


def run(endpoint: Endpoint, stage: str, arguments: Mapping[str, str]) -> None:
    """Run the job of ``stage`` to its end. Raises RunFailed with what the job said.

    Interrupted, it stops the job run.
    """
    glue, name = endpoint.client("glue"), f"{PREFIX}{stage}"
    run_id = _start(glue, name, arguments)
    try:
        found = _wait(glue, name, run_id)
    except BaseException:
        glue.batch_stop_job_run(JobName=name, JobRunIds=[run_id])
        raise
    if found["JobRunState"] != "SUCCEEDED":
        said = found.get("ErrorMessage") or f"run {run_id} was stopped from outside"
        raise RunFailed(f"job {name} {found['JobRunState']}: {said}")


def _start(glue: Any, name: str, arguments: Mapping[str, str]) -> str:
    """Start it, as soon as other runs of this job leave room."""
    given = {f"--{key}": value for key, value in arguments.items()}
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return str(glue.start_job_run(JobName=name, Arguments=given)["JobRunId"])
        except ClientError as error:
            busy = error.response["Error"]["Code"] == "ConcurrentRunsExceededException"
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(5 * POLL)


def _wait(glue: Any, name: str, run_id: str) -> dict[str, Any]:
    while True:
        found: dict[str, Any] = glue.get_job_run(JobName=name, RunId=run_id)["JobRun"]
        if found["JobRunState"] in OVER:
            return found
        time.sleep(POLL)
