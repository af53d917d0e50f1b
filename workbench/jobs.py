"""Single Glue jobs of the pipeline, without the state machine: start one, wait for its end."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from etl_lib.errors import RunFailed
from workbench.clients import Aws
from workbench.deployment import PREFIX

POLL = 0.2  # seconds
PATIENCE = 900.0  # seconds to wait for other runs of the same job
OVER = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR", "EXPIRED")


def run(
    endpoint: Aws,
    stage: str,
    arguments: Mapping[str, str],
    poll: float = POLL,
    prefix: str = PREFIX,
) -> None:
    """Run the job of ``stage`` to its end. Raises RunFailed with what the job said.

    Interrupted, it stops the job run.
    """
    glue = endpoint.client("glue")
    run_id = start(glue, stage, arguments, prefix)
    try:
        wait(glue, stage, run_id, poll, prefix)
    except RunFailed:
        raise
    except BaseException:
        glue.batch_stop_job_run(JobName=prefix + stage, JobRunIds=[run_id])
        raise


def start(glue: Any, stage: str, arguments: Mapping[str, str], prefix: str = PREFIX) -> str:
    """Start it, as soon as other runs of this job leave room; the job run's id."""
    given = {f"--{key}": value for key, value in arguments.items()}
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            return str(glue.start_job_run(JobName=prefix + stage, Arguments=given)["JobRunId"])
        except ClientError as error:
            busy = error.response["Error"]["Code"] == "ConcurrentRunsExceededException"
            if not busy or time.monotonic() > deadline:
                raise
        time.sleep(5 * POLL)


def wait(glue: Any, stage: str, run_id: str, poll: float = POLL, prefix: str = PREFIX) -> None:
    """Wait for its end. Raises RunFailed with what the job said."""
    while (found := state(glue, stage, run_id, prefix))["JobRunState"] not in OVER:
        time.sleep(poll)
    if found["JobRunState"] != "SUCCEEDED":
        said = found.get("ErrorMessage") or f"run {run_id} was stopped from outside"
        raise RunFailed(f"job {prefix}{stage} {found['JobRunState']}: {said}")


def state(glue: Any, stage: str, run_id: str, prefix: str = PREFIX) -> dict[str, Any]:
    """The job run as GetJobRun tells of it."""
    found: dict[str, Any] = glue.get_job_run(JobName=prefix + stage, RunId=run_id)["JobRun"]
    return found
