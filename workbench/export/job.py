"""The settings of a job: what session magics and the notebook's metadata make of it."""

from __future__ import annotations

from typing import Any

from workbench.export import magics
from workbench.export.magics import ARGUMENTS, GLUE_VERSION
from workbench.export.notebook import Notebook
from workbench.export.parameters import parameters

SPARK, SHELL = "glueetl", "pythonshell"
SHELL_CAPACITY = 0.0625  # DPU: the smallest, and enough for a client of other services
TIMEOUT = 60  # minutes

# A Python shell is Python 3.9. Its "analytics" libraries have boto3 1.21 and PyMySQL 1.0.2, "none"
# has neither, and tomllib is Python 3.11: so it is given all that etl_lib imports, in versions that
# run on 3.9. (https://docs.aws.amazon.com/glue/latest/dg/add-job-python.html)
SHELL_MODULES = {"boto3": "1.40.76", "PyMySQL": "1.1.2", "tomli": "2.3.0"}
# Settings of a session that a Python shell has no use for.
SPARK_MODULES = ("connectorx",)
SPARK_ARGUMENTS = ("--extra-jars", "--conf")


def definition(notebook: Notebook) -> dict[str, Any]:
    """A CreateJob request, but for what the deployment knows: name, role, script location."""
    kind, settings = notebook.job["job"], magics.settings(notebook)
    made: dict[str, Any] = {
        "Description": notebook.title,
        "Command": {"Name": kind, "PythonVersion": "3" if kind == SPARK else "3.9"},
        "Timeout": notebook.job.get("timeout", TIMEOUT),
        "ExecutionProperty": {"MaxConcurrentRuns": notebook.job.get("max_concurrent_runs", 1)},
        "DefaultArguments": _arguments(notebook, settings),
    }
    if "connections" in settings:
        made["Connections"] = {"Connections": settings["connections"].split(",")}
    if "security_config" in settings:
        made["SecurityConfiguration"] = settings["security_config"]
    return made | (_spark(settings) if kind == SPARK else {"MaxCapacity": SHELL_CAPACITY})


def _arguments(notebook: Notebook, settings: dict[str, str]) -> dict[str, str]:
    """What Glue is told, and the parameters' defaults.

    An empty default is left out: Glue hands on its name without a value, which the script's
    getResolvedOptions() refuses ("expected one argument").
    """
    found = {ARGUMENTS[name]: value for name, value in settings.items() if name in ARGUMENTS}
    found |= {name: value for name, value in settings.items() if name.startswith("--")}
    if notebook.job["job"] == SHELL:
        found = {name: value for name, value in found.items() if name not in SPARK_ARGUMENTS}
        modules = found.get("--additional-python-modules", "")
        found["--additional-python-modules"] = _shell_modules(modules)
    (cell,) = notebook.tagged("parameters")
    found |= {f"--{each.name}": each.text for each in parameters(cell) if not each.optional}
    return dict(sorted(found.items()))


def _spark(settings: dict[str, str]) -> dict[str, Any]:
    return {
        "GlueVersion": settings.get("glue_version", GLUE_VERSION),
        "WorkerType": settings.get("worker_type", "G.1X"),
        "NumberOfWorkers": int(settings.get("number_of_workers", 2)),
    }


def _shell_modules(asked: str) -> str:
    """What the session asks for, in versions for Python 3.9 and without what only Spark needs."""
    wanted = {each.partition("==")[0]: each for each in asked.split(",") if each}
    kept = {
        name: each
        for name, each in wanted.items()
        if name.lower() not in {known.lower() for known in (*SHELL_MODULES, *SPARK_MODULES)}
    }
    given = {name: f"{name}=={version}" for name, version in SHELL_MODULES.items()}
    return ",".join({**given, **kept}.values())
