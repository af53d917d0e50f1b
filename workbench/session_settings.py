"""What interactive sessions of a deployed stack are started with: what its jobs are.

Names are those of environment variables that the Glue kernel reads.
https://docs.aws.amazon.com/glue/latest/dg/interactive-sessions-magics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etl_lib.errors import BadInput
from workbench.plan.cost import DPUS
from workbench.plan.prices import PRICES
from workbench.preparation import STAGES
from workbench.stack import Stack

IDLE_MINUTES = 30  # the kernel's own are 48 hours
# For notebooks that have no session cell: the kernel's own are Glue 4.0 and 5 workers.
LOCAL = {
    "glue_version": "5.1",
    "glue_worker_type": "G.1X",
    "glue_number_of_workers": "2",
    "glue_idle_timeout": str(IDLE_MINUTES),
}


# Those that a notebook's session cell has, as magics.
MAGICS = {
    "glue_version": "glue_version",
    "glue_worker_type": "worker_type",
    "glue_number_of_workers": "number_of_workers",
    "glue_idle_timeout": "idle_timeout",
    "glue_additional_python_modules": "additional_python_modules",
}


def of_stack(stack: Stack) -> dict[str, str]:
    """As the stack's job of the first stage: it reads the source, so it has the way to it.

    Raises BadInput for a stack that has no role for sessions.
    """
    if not stack.target.session_role:
        raise BadInput(
            f"stack {stack.target.stack} has no role for sessions: it is older than they are. "
            "Deploy it once more"
        )
    job = job_of(stack, STAGES[0])
    arguments = job["DefaultArguments"]
    found = {
        "glue_role_arn": stack.target.session_role,
        "glue_version": job["GlueVersion"],
        "glue_worker_type": job["WorkerType"],
        "glue_number_of_workers": str(job["NumberOfWorkers"]),
        "glue_idle_timeout": str(IDLE_MINUTES),
        "glue_security_config": job.get("SecurityConfiguration", ""),
        "glue_connections": ",".join(job.get("Connections", {}).get("Connections", ())),
        "glue_extra_py_files": arguments["--extra-py-files"],
        "glue_additional_python_modules": arguments.get("--additional-python-modules", ""),
    }
    return {name: value for name, value in found.items() if value}


def magics(settings: Mapping[str, str]) -> str:
    """The session cell that says the same: what stands in it is what a session gets."""
    return "\n".join(f"%{MAGICS[name]} {settings[name]}" for name in MAGICS if name in settings)


def job_of(stack: Stack, stage: str) -> dict[str, Any]:
    """The job that a stage's notebook has become."""
    name = f"{stack.target.prefix}{stage}"
    found: dict[str, Any] = stack.endpoint.client("glue").get_job(JobName=name)["Job"]
    return found


def hourly(settings: Mapping[str, str]) -> float:
    """Dollars of one session, by the list price of us-east-1."""
    dpus = DPUS[settings["glue_worker_type"]] * int(settings["glue_number_of_workers"])
    return dpus * PRICES["glue"].dollars
