"""A stack, as it is kept: its resources, events and change sets."""

from __future__ import annotations

import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

ENDED = ("COMPLETE", "FAILED")
MOST_EVENTS = 2000


@dataclass
class Resource:
    """One resource of a stack. ``properties`` are those it was made of, without functions."""

    logical: str
    kind: str
    physical: str = ""
    properties: dict[str, Any] = field(default_factory=dict)
    attributes: dict[str, Any] = field(default_factory=dict)
    declared: list[str] = field(default_factory=list)  # properties that nothing here emulates
    deletion: str = "Delete"
    replacement: str = "Delete"
    status: str = ""
    reason: str = ""
    updated: float = 0.0
    ref: str = ""
    serial: int = 0  # in the order of their making
    imported: bool = False  # it was there before: the way back leaves it


@dataclass
class ChangeSet:
    """What a stack would become. ``changes`` as DescribeChangeSet shows them."""

    name: str
    id: str
    kind: str  # CREATE or UPDATE
    template: str
    parameters: dict[str, str]
    tags: list[dict[str, str]]
    capabilities: list[str]
    created: float
    changes: list[dict[str, Any]]
    description: str = ""
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    imports: bool = False  # takes over what is there under its name, and is to be retained


@dataclass
class Stack:
    """``before`` is what an update that is under way goes back to."""

    name: str
    id: str
    created: float
    status: str = "REVIEW_IN_PROGRESS"
    reason: str = "User Initiated"
    template: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    tags: list[dict[str, str]] = field(default_factory=list)
    capabilities: list[str] = field(default_factory=list)
    resources: dict[str, Resource] = field(default_factory=dict)
    leaving: list[Resource] = field(default_factory=list)  # replaced, or no longer in the template
    outputs: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, Any]] = field(default_factory=list)
    change_sets: dict[str, ChangeSet] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    serial: int = 0
    updated: float | None = None
    deleted: float | None = None

    @property
    def busy(self) -> bool:
        return not self.status.endswith(ENDED) and self.status != "REVIEW_IN_PROGRESS"

    def tell(self, status: str, reason: str = "") -> None:
        """The stack itself is in another state."""
        self.status, self.reason = status, reason
        self._event(self.name, self.id, "AWS::CloudFormation::Stack", status, reason)

    def told(self, resource: Resource, status: str, reason: str = "") -> None:
        """One of its resources is."""
        resource.status, resource.reason, resource.updated = status, reason, time.time()
        self._event(resource.logical, resource.physical, resource.kind, status, reason)

    def _event(self, logical: str, physical: str, kind: str, status: str, reason: str) -> None:
        self.events.append(
            {
                "StackId": self.id,
                "StackName": self.name,
                "EventId": str(uuid.uuid4()),
                "LogicalResourceId": logical,
                "PhysicalResourceId": physical,
                "ResourceType": kind,
                "ResourceStatus": status,
                "ResourceStatusReason": reason or None,
                "Timestamp": time.time(),
            }
        )
        del self.events[:-MOST_EVENTS]

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def read(cls, kept: dict[str, Any]) -> Stack:
        made = cls(**kept)
        made.resources = {name: Resource(**each) for name, each in kept["resources"].items()}
        made.leaving = [Resource(**each) for each in kept["leaving"]]
        made.change_sets = {name: ChangeSet(**each) for name, each in kept["change_sets"].items()}
        return made
