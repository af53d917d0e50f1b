"""Job definitions: checked as Glue does, kept on disk."""

from __future__ import annotations

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

from workbench.aws import files
from workbench.aws.protocol import AwsError

GLUE_VERSION = "5.1"
SPARK, SHELL = "glueetl", "pythonshell"
WORKER_TYPES = "G.1X G.2X G.4X G.8X G.12X G.16X R.1X R.2X R.4X R.8X".split()
SHELL_CAPACITIES = (0.0625, 1.0)
FIELDS = frozenset(
    "Description LogUri Role ExecutionProperty Command DefaultArguments NonOverridableArguments "
    "Connections MaxRetries Timeout MaxCapacity NumberOfWorkers WorkerType GlueVersion "
    "ExecutionClass JobMode SecurityConfiguration Tags".split()
)
# Consumed by Glue, or of no use to a script that nobody asks for them by name.
RESERVED = ("--JOB_NAME", "--conf", "--debug", "--mode")
SPARK_TIMEOUT, MOST_MINUTES = 480, 10_080


class Definitions:
    """The jobs of one local AWS, each a JSON file."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        folder.mkdir(parents=True, exist_ok=True)

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request.get("Name")
        if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_.-]{1,255}", name):
            raise invalid(f"Name {name!r} is not 1 to 255 letters, digits, ., - or _")
        with self._lock:
            if self._path(name).exists():
                raise AwsError("AlreadyExistsException", f"Job {name} already exists")
            self._write(name, checked({k: v for k, v in request.items() if k != "Name"}))
        return {"Name": name}

    def update(self, request: dict[str, Any]) -> dict[str, Any]:
        """Replaces the whole definition, as Glue does."""
        name, new = str(request.get("JobName")), request.get("JobUpdate")
        if not isinstance(new, dict):
            raise invalid("JobUpdate must be a structure")
        with self._lock:
            self.get(name)
            self._write(name, checked(new))
        return {"JobName": name}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        name = str(request.get("JobName"))
        with self._lock:
            if re.fullmatch(r"[A-Za-z0-9_.-]+", name):
                self._path(name).unlink(missing_ok=True)
        return {"JobName": name}

    def get(self, name: str) -> dict[str, Any]:
        """The definition. Raises EntityNotFoundException."""
        try:
            if not re.fullmatch(r"[A-Za-z0-9_.-]+", name):
                raise FileNotFoundError
            found: dict[str, Any] = json.loads(self._path(name).read_text())
        except FileNotFoundError:
            raise AwsError(
                "EntityNotFoundException", f"Failed to find job {name}: create it first"
            ) from None
        return found

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(path.read_text()) for path in sorted(self._folder.glob("*.json"))]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    def _write(self, name: str, definition: dict[str, Any]) -> None:
        now = time.time()
        path = self._path(name)
        created = json.loads(path.read_text())["CreatedOn"] if path.exists() else now
        files.write(path, {"Name": name, **definition, "CreatedOn": created, "LastModifiedOn": now})


def checked(request: dict[str, Any]) -> dict[str, Any]:
    """A definition, complete with defaults. Raises InvalidInputException."""
    unknown = sorted(set(request) - FIELDS)
    if unknown:
        raise invalid(f"{', '.join(unknown)}: not supported by the local AWS")
    made = {name: value for name, value in request.items() if value is not None}
    _command(made)
    _capacity(made)
    for name in ("DefaultArguments", "NonOverridableArguments"):
        made[name] = arguments(made.get(name), name)
    if made.get("MaxRetries"):
        raise invalid("MaxRetries: not supported by the local AWS; let Step Functions retry")
    if made.get("ExecutionClass", "STANDARD") != "STANDARD":
        raise invalid("ExecutionClass: only STANDARD is supported by the local AWS")
    if made.get("JobMode", "SCRIPT") != "SCRIPT":
        raise invalid("JobMode: only SCRIPT is supported by the local AWS")
    made["Timeout"] = whole(made.get("Timeout", SPARK_TIMEOUT), "Timeout", MOST_MINUTES)
    runs = made.get("ExecutionProperty", {}).get("MaxConcurrentRuns", 1)
    made["ExecutionProperty"] = {"MaxConcurrentRuns": whole(runs, "MaxConcurrentRuns", 1000)}
    return {**made, "MaxRetries": 0}


def arguments(value: object, name: str) -> dict[str, str]:
    """Job arguments. Raises InvalidInputException."""
    given = value or {}
    if not isinstance(given, dict) or not all(isinstance(each, str) for each in given.values()):
        raise invalid(f"{name} must map strings to strings")
    for key in given:
        if not key.startswith("--"):
            raise invalid(f"{name}: {key!r} does not begin with --")
        if key in RESERVED and key != "--conf":
            raise invalid(f"{name}: {key} is reserved by Glue")
    return dict(given)


def whole(value: object, name: str, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= most:
        raise invalid(f"{name} {value!r} is not a whole number from 1 to {most}")
    return value


def invalid(message: str) -> AwsError:
    return AwsError("InvalidInputException", message)


def _command(made: dict[str, Any]) -> None:
    if not isinstance(made.get("Role"), str) or not made["Role"]:
        raise invalid("Role is missing")
    command = made.get("Command")
    if not isinstance(command, dict) or command.get("Name") not in (SPARK, SHELL):
        name = command.get("Name") if isinstance(command, dict) else None
        raise invalid(f"Command.Name {name!r}: the local AWS runs {SPARK} and {SHELL}")
    location = command.get("ScriptLocation")
    if not isinstance(location, str) or not re.fullmatch(r"s3://[^/]+/.+", location):
        raise invalid(f"Command.ScriptLocation {location!r} is not s3://bucket/key")
    versions = ("3",) if command["Name"] == SPARK else ("3", "3.9")
    if command.setdefault("PythonVersion", versions[-1]) not in versions:
        raise invalid(f"Command.PythonVersion must be {' or '.join(versions)}")


def _capacity(made: dict[str, Any]) -> None:
    workers = "WorkerType" in made or "NumberOfWorkers" in made
    if made["Command"]["Name"] == SHELL:
        if workers:
            raise invalid("a pythonshell job has MaxCapacity, not WorkerType or NumberOfWorkers")
        if made.setdefault("MaxCapacity", SHELL_CAPACITIES[0]) not in SHELL_CAPACITIES:
            raise invalid("MaxCapacity of a pythonshell job is 0.0625 or 1")
        return
    version = made.setdefault("GlueVersion", GLUE_VERSION)
    if version != GLUE_VERSION:
        raise invalid(f"GlueVersion {version!r}: the local AWS runs {GLUE_VERSION} (Spark 3.5.6)")
    if "MaxCapacity" in made:
        raise invalid("MaxCapacity cannot be set for Glue 2.0 and later: use WorkerType")
    if made.setdefault("WorkerType", "G.1X") not in WORKER_TYPES:
        raise invalid(f"WorkerType {made['WorkerType']!r}: use one of {', '.join(WORKER_TYPES)}")
    made["NumberOfWorkers"] = whole(made.get("NumberOfWorkers", 10), "NumberOfWorkers", 299)
