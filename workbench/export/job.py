"""The settings of a job: what session magics and the notebook's metadata make of it."""

from __future__ import annotations

import json
from typing import Any

from workbench.export.notebook import Notebook
from workbench.export.parameters import parameters

SPARK, SHELL = "glueetl", "pythonshell"
GLUE_VERSION = "5.1"
SHELL_CAPACITY = 0.0625  # DPU: the smallest, and enough for a client of other services
TIMEOUT = 60  # minutes
# A Python shell has an old boto3 and no tomllib; these are the last or first that fit 3.9.
SHELL_MODULES = "boto3==1.40.76,PyMySQL==1.1.2,tomli==2.3.0"

# Session magics with a meaning for a job. What else the kernel knows is refused by lint.
ARGUMENTS = {
    "additional_python_modules": "--additional-python-modules",
    "extra_py_files": "--extra-py-files",
    "extra_jars": "--extra-jars",
}
FIELDS = ("glue_version", "worker_type", "number_of_workers", "connections")
SESSION_ONLY = ("idle_timeout", "timeout")  # a job has a Timeout of its own, in the metadata
KNOWN = (*ARGUMENTS, *FIELDS, *SESSION_ONLY)


def definition(notebook: Notebook) -> dict[str, Any]:
    """A CreateJob request, but for what the deployment knows: name, role, script location."""
    kind = notebook.job["job"]
    magics = _magics(notebook)
    arguments = {
        ARGUMENTS[name]: value.replace(" ", "")
        for name, value in magics.items()
        if name in ARGUMENTS
    }
    if kind == SHELL:  # Python 3.9: its own versions of what the session is given
        arguments["--additional-python-modules"] = SHELL_MODULES
    arguments |= _configured(notebook)
    (cell,) = notebook.tagged("parameters")
    arguments |= {f"--{each.name}": each.text for each in parameters(cell)}
    made: dict[str, Any] = {
        "Description": notebook.title,
        "Command": {"Name": kind, "PythonVersion": "3" if kind == SPARK else "3.9"},
        "Timeout": notebook.job.get("timeout", TIMEOUT),
        "ExecutionProperty": {"MaxConcurrentRuns": notebook.job.get("max_concurrent_runs", 1)},
        "DefaultArguments": dict(sorted(arguments.items())),
    }
    if "connections" in magics:
        names = [name.strip() for name in magics["connections"].split(",")]
        made["Connections"] = {"Connections": names}
    return made | (_spark(magics) if kind == SPARK else _shell())


def _spark(magics: dict[str, str]) -> dict[str, Any]:
    return {
        "GlueVersion": magics.get("glue_version", GLUE_VERSION),
        "WorkerType": magics.get("worker_type", "G.1X"),
        "NumberOfWorkers": int(magics.get("number_of_workers", 2)),
    }


def _shell() -> dict[str, Any]:
    """Workers and versions of a session mean nothing to a Python shell."""
    return {"MaxCapacity": SHELL_CAPACITY}


def _magics(notebook: Notebook) -> dict[str, str]:
    return {
        name: value
        for cell in notebook.code()
        for prefix, name, value in cell.magics
        if prefix == "%" and name in KNOWN
    }


def _configured(notebook: Notebook) -> dict[str, str]:
    """The job arguments among a ``%%configure`` cell's settings."""
    found: dict[str, str] = {}
    for cell in notebook.code():
        if cell.source.lstrip().startswith("%%configure"):
            found |= json.loads(cell.source.lstrip().partition("\n")[2])
    return {name: str(value) for name, value in found.items() if name.startswith("--")}
