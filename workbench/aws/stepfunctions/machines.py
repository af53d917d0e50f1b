"""State machines: made, changed and kept on disk."""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from workbench.aws.files import write
from workbench.aws.protocol import AwsError, Context, not_supported
from workbench.aws.stepfunctions import logs, requests, validation
from workbench.aws.stepfunctions.history import now

Answer = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass
class Machine:
    """A state machine as it is now. Times are epoch seconds."""

    name: str
    arn: str
    definition: str
    role_arn: str
    created: float
    updated: float
    revision_id: str | None = None
    logging: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


class Machines:
    """All state machines of one local AWS."""

    def __init__(self, folder: Path, context: Context) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._prefix = f"arn:aws:states:{context.region}:{context.account}:stateMachine:"
        self._lock = threading.RLock()
        self._all: dict[str, Machine] = {}
        for path in folder.glob("*.json"):
            machine = Machine(**json.loads(path.read_text(encoding="utf-8")))
            self._all[machine.arn] = machine
        self.operations: dict[str, Answer] = {
            "CreateStateMachine": self._create,
            "UpdateStateMachine": self._update,
            "DeleteStateMachine": self._delete,
            "DescribeStateMachine": self._describe,
            "ListStateMachines": self._list,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    def find(self, arn: str) -> Machine:
        """Raises AwsError if there is no such state machine."""
        with self._lock:
            if arn not in self._all:
                raise AwsError("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{arn}'")
            return self._all[arn]

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = requests.name(request)
        _refuse(request)
        wanted = Machine(
            name=name,
            arn=self._prefix + name,
            definition=validation.definition(requests.text(request, "definition")),
            role_arn=_role(request),
            created=now(),
            updated=now(),
            logging=logs.checked(request.get("loggingConfiguration")),
            tags=_tags(request.get("tags") or []),
        )
        with self._lock:
            found = self._all.get(wanted.arn)
            if found is None:
                found = wanted
                self._write(found)
            elif (found.definition, found.logging) != (wanted.definition, wanted.logging):
                raise AwsError(
                    "StateMachineAlreadyExists", f"State Machine Already Exists: '{wanted.arn}'"
                )
        return {"stateMachineArn": found.arn, "creationDate": found.created}

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        _refuse(request)
        changes: dict[str, Any] = {}
        if request.get("definition") is not None:
            changes["definition"] = validation.definition(requests.text(request, "definition"))
        if request.get("roleArn") is not None:
            changes["role_arn"] = _role(request)
        if request.get("loggingConfiguration") is not None:
            changes["logging"] = logs.checked(request["loggingConfiguration"])
        if not changes:
            raise AwsError(
                "MissingRequiredParameter",
                "Either the definition, the role ARN, the LoggingConfiguration, or the "
                "TracingConfiguration must be specified",
            )
        with self._lock:
            machine = self._asked(request)
            for field_name, value in changes.items():
                setattr(machine, field_name, value)
            machine.updated, machine.revision_id = now(), str(uuid.uuid4())
            self._write(machine)
        return {"updateDate": machine.updated, "revisionId": machine.revision_id}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            machine = self._all.pop(requests.arn(request, "stateMachineArn", "stateMachine"), None)
            if machine:
                self._path(machine).unlink()
        return {}

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._asked(request)
        revision = {"revisionId": machine.revision_id} if machine.revision_id else {}
        return {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "status": "ACTIVE",
            "definition": machine.definition,
            "roleArn": machine.role_arn,
            "type": "STANDARD",
            "creationDate": machine.created,
            "loggingConfiguration": machine.logging,
            **revision,
        }

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            machines = sorted(self._all.values(), key=lambda machine: machine.name)
        shown, more = requests.page(machines, request)
        return {
            "stateMachines": [
                {
                    "stateMachineArn": machine.arn,
                    "name": machine.name,
                    "type": "STANDARD",
                    "creationDate": machine.created,
                }
                for machine in shown
            ],
            **more,
        }

    def _tag(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            machine = self._tagged(request)
            machine.tags |= _tags(request.get("tags") or [])
            self._write(machine)
        return {}

    def _untag(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            machine = self._tagged(request)
            for key in request.get("tagKeys") or []:
                machine.tags.pop(key, None)
            self._write(machine)
        return {}

    def _list_tags(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = self._tagged(request).tags
        return {"tags": [{"key": key, "value": value} for key, value in tags.items()]}

    def _asked(self, request: dict[str, Any]) -> Machine:
        return self.find(requests.arn(request, "stateMachineArn", "stateMachine"))

    def _tagged(self, request: dict[str, Any]) -> Machine:
        arn = requests.text(request, "resourceArn")
        if arn not in self._all:
            raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")
        return self._all[arn]

    def _write(self, machine: Machine) -> None:
        write(self._path(machine), asdict(machine))
        self._all[machine.arn] = machine

    def _path(self, machine: Machine) -> Path:
        return self._folder / f"{quote(machine.name, safe='')}.json"


def _refuse(request: dict[str, Any]) -> None:
    """Settings that nobody here would carry out."""
    if request.get("type", "STANDARD") != "STANDARD":
        raise not_supported("stepfunctions", f"state machines of type {request['type']}")
    if (request.get("tracingConfiguration") or {}).get("enabled"):
        raise not_supported("stepfunctions", "tracingConfiguration (X-Ray)")
    if request.get("publish"):
        raise not_supported("stepfunctions", "publish (versions of state machines)")
    if (request.get("encryptionConfiguration") or {}).get("type", "AWS_OWNED_KEY") != (
        "AWS_OWNED_KEY"
    ):
        raise not_supported("stepfunctions", "encryptionConfiguration")


def _role(request: dict[str, Any]) -> str:
    role = requests.text(request, "roleArn")
    if not role.startswith("arn:aws:iam::") or ":role/" not in role:
        raise AwsError("InvalidArn", f"Invalid Role Arn: '{role}'")
    return role


def _tags(tags: list[dict[str, str]]) -> dict[str, str]:
    if not all(tag.get("key") for tag in tags):
        raise AwsError("ValidationException", "Each of the tags must have a key.")
    return {tag["key"]: tag.get("value", "") for tag in tags}
