"""What a resource type is here: calls of its service that make, change and delete one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import boto3
import botocore.session
from botocore.config import Config
from botocore.exceptions import ClientError

from workbench.aws.cloudformation.problem import Failed
from workbench.aws.protocol import Context

# Parameters are checked by the service, as everywhere.
CONFIG = Config(
    parameter_validation=False,
    retries={"total_max_attempts": 1},
    proxies={},
    s3={"addressing_style": "path"},
    inject_host_prefix=False,
)
GONE = frozenset(
    "NoSuchBucket 404 EntityNotFoundException ResourceNotFoundException StateMachineDoesNotExist "
    "NoSuchEntity NotFound NotFoundException AWS.SimpleQueueService.NonExistentQueue "
    "QueueDoesNotExist".split()
)


class Clients:
    """boto3 clients of this very endpoint, made when they are first asked for."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._session = boto3.Session(
            aws_access_key_id=context.access_key,
            aws_secret_access_key=context.secret_key,
            region_name=context.region,
        )
        self._made: dict[str, Any] = {}

    def __getitem__(self, service: str) -> Any:
        if service not in self._made:
            self._made[service] = self._session.client(
                service, endpoint_url=self.context.url, config=CONFIG
            )
        return self._made[service]

    def arn(self, service: str, resource: str) -> str:
        return f"arn:aws:{service}:{self.context.region}:{self.context.account}:{resource}"


@dataclass(frozen=True)
class Given:
    """What a resource is to be made of. ``name`` is its own, or made up of the stack's."""

    logical: str
    name: str
    properties: Mapping[str, Any]
    before: Mapping[str, Any] = field(default_factory=dict)  # as it was, for an update
    physical: str = ""  # for an update
    attributes: Mapping[str, Any] = field(default_factory=dict)  # for an update


@dataclass(frozen=True)
class Made:
    """A resource that is there. ``ref`` is what ``Ref`` gives."""

    physical: str
    attributes: dict[str, Any] = field(default_factory=dict)
    ref: str = ""


Create = Callable[[Clients, Given], Made]
Delete = Callable[[Clients, str, Mapping[str, Any]], object]


@dataclass(frozen=True)
class Kind:
    """``name`` is the property that names it; ``emulated`` are those that have an effect here.

    ``exists`` tells whether one of that name is there, where it can be taken over.
    """

    create: Create
    update: Create
    delete: Delete
    emulated: frozenset[str]
    name: str | None = None
    longest: int = 63  # of a name that is made up
    lower: bool = False
    exists: Callable[[Clients, str], bool] | None = None
    nested: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def declared(self, properties: Mapping[str, Any]) -> list[str]:
        """The properties that are kept, and have no effect here."""
        found = properties.keys() - self.emulated - {"Tags", self.name}
        for name, emulated in self.nested.items():
            found |= {f"{name}.{each}" for each in properties.get(name, {}).keys() - emulated}
        return sorted(found)


def fitted(service: str, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    """A request to ``operation``: what it knows of ``properties``, spelled and typed as it is."""
    model = botocore.session.get_session().get_service_model(service)
    made: dict[str, Any] = _fit(model.operation_model(operation).input_shape, properties)
    return made


def _fit(shape: Any, value: Any) -> Any:
    if shape.type_name == "structure" and isinstance(value, Mapping):
        spelled = {name.lower(): name for name in shape.members}
        known = {
            spelled[key.lower()]: each for key, each in value.items() if key.lower() in spelled
        }
        return {name: _fit(shape.members[name], each) for name, each in known.items()}
    if shape.type_name == "list" and isinstance(value, list):
        return [_fit(shape.member, each) for each in value]
    if shape.type_name == "map" and isinstance(value, Mapping):
        return {key: _fit(shape.value, each) for key, each in value.items()}
    return _scalar(shape.type_name, value)


def _scalar(kind: str, value: Any) -> Any:
    """CloudFormation takes numbers and truths as texts, and the other way round."""
    if kind == "string" and isinstance(value, bool | int | float):
        return str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(value, str):
        try:
            if kind in ("integer", "long"):
                return int(value)
            if kind in ("float", "double"):
                return float(value)
        except ValueError:
            return value  # the service says what is wrong with it
        if kind == "boolean" and value in ("true", "false"):
            return value == "true"
    return value


def gone(error: ClientError) -> bool:
    return error.response["Error"]["Code"] in GONE


def there(ask: Callable[..., Any], **given: Any) -> bool:
    """Whether what ``ask`` asks for is there."""
    try:
        ask(**given)
    except ClientError as error:
        if not gone(error):
            raise
        return False
    return True


def absent(ask: Callable[..., Any], name: str, **given: Any) -> None:
    """Raises Failed if what ``ask`` asks for is there: some services would take it for ours."""
    if there(ask, **given):
        raise Failed(f"{name} already exists")
