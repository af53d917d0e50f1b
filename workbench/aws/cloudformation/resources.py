"""One resource of a stack: made, changed, made anew, taken back, removed; each step is noted."""

from __future__ import annotations

import secrets
import string
import threading
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from workbench.aws.cloudformation import schemas
from workbench.aws.cloudformation.changes import changed
from workbench.aws.cloudformation.functions import NotYet, Resolver
from workbench.aws.cloudformation.kinds import KINDS, declared
from workbench.aws.cloudformation.kinds.kind import Clients, Given, Kind, Made, gone
from workbench.aws.cloudformation.problem import Failed
from workbench.aws.cloudformation.stack import Resource, Stack
from workbench.aws.cloudformation.store import Store
from workbench.aws.protocol import AwsError, Context

# What a service, or a property of an unexpected shape, can make of a call.
TROUBLE = (
    ClientError,
    BotoCoreError,
    AwsError,
    NotYet,
    KeyError,
    TypeError,
    AttributeError,
    ValueError,
)


class Closing(BaseException):
    """The local AWS stops: nothing more is noted, and the next start goes back."""


class Resources:
    """The resources of one stack on its way; ``closed`` is set when the local AWS stops."""

    def __init__(
        self, context: Context, store: Store, stack: Stack, closed: threading.Event
    ) -> None:
        self._store = store
        self._stack = stack
        self._closed = closed
        self._clients = Clients(context)
        self.imports = False  # what is there already may be taken over

    def put(self, logical: str, raw: Mapping[str, Any], resolver: Resolver) -> None:
        """Make it, change it, make it anew, or leave it as it is. Raises Failed."""
        old = self._stack.resources.get(logical)
        kind, verb = KINDS[raw["Type"]], "CREATE" if old is None else "UPDATE"
        new = old or Resource(logical, raw["Type"])
        try:
            properties = resolver.value(raw.get("Properties", {}))
            different = changed(properties, old.properties) if old else set()
            if old is None or schemas.replaced_by(old.kind, dict.fromkeys(different)):
                taken = not old and self.imports and takes(self._clients, resolver, logical)
                new = self._create(old, logical, raw["Type"], kind, properties, taken)
            elif different:
                self._update(old, kind, properties)
        except (*TROUBLE, Failed) as error:
            self._stop_if_closing()
            self._stack.resources.setdefault(logical, new)
            self._stack.told(self._stack.resources[logical], f"{verb}_FAILED", said(error))
            self.save()
            doing = "create" if old is None else "update"
            raise Failed(f"The following resource(s) failed to {doing}: [{logical}].") from None
        new = self._stack.resources[logical]
        new.deletion = str(raw.get("DeletionPolicy", "Delete"))
        new.replacement = str(raw.get("UpdateReplacePolicy", "Delete"))

    def _create(
        self,
        old: Resource | None,
        logical: str,
        name: str,
        kind: Kind,
        properties: dict[str, Any],
        taken: bool,
    ) -> Resource:
        """A new one; an old one of the same name in the template leaves at the end."""
        own = named(kind, properties)
        if old and own and own == named(kind, old.properties):
            raise Failed(
                "CloudFormation cannot update a stack when a custom-named resource requires "
                f"replacing. Rename {own} and update the stack again."
            )
        verb = "UPDATE" if old else "IMPORT" if taken else "CREATE"
        new = Resource(logical, name, properties=properties, imported=taken)
        self._told(new, f"{verb}_IN_PROGRESS")
        given = Given(logical, own or self._name(logical, kind), properties)
        if taken:
            made = kind.update(self._clients, replace(given, physical=given.name))
        else:
            made = kind.create(self._clients, given)
        if old:
            self._stack.leaving.append(old)
        self._stack.serial += 1
        new.serial = self._stack.serial
        self._finish(new, kind, made, verb)
        return new

    def _update(self, old: Resource, kind: Kind, properties: dict[str, Any]) -> None:
        before, old.properties = old.properties, properties  # it may be changed from now on
        self._told(old, "UPDATE_IN_PROGRESS")
        given = Given(
            old.logical,
            named(kind, properties) or old.physical,
            properties,
            before,
            old.physical,
            old.attributes,
        )
        self._finish(old, kind, kind.update(self._clients, given), "UPDATE")

    def _finish(self, resource: Resource, kind: Kind, made: Made, verb: str) -> None:
        resource.physical, resource.ref = made.physical, made.ref or made.physical
        resource.attributes = made.attributes
        resource.declared = kind.declared(resource.properties)
        self._stack.resources[resource.logical] = resource
        self._told(resource, f"{verb}_COMPLETE", remark(resource))

    def undo(self, new: Resource, old: Resource | None) -> bool:
        """False if it cannot be had back."""
        if old is None:
            policy = "Retain" if new.imported or new.deletion == "Retain" else "Delete"
            return self.remove(new, policy)
        if new.physical != old.physical:
            return self.remove(new, "Delete")
        if new.properties == old.properties:
            return True
        try:
            self._update(new, KINDS[new.kind], old.properties)
        except (*TROUBLE, Failed) as error:
            self._stop_if_closing()
            self._told(new, "UPDATE_FAILED", said(error))
            return False
        return True

    def remove(self, resource: Resource, policy: str) -> bool:
        if policy.startswith("Retain"):
            self._told(resource, "DELETE_SKIPPED", f"policy {policy}")
            return True
        if not resource.physical:  # it never was
            self._told(resource, "DELETE_COMPLETE")
            return True
        self._told(resource, "DELETE_IN_PROGRESS")
        try:
            KINDS[resource.kind].delete(self._clients, resource.physical, resource.properties)
        except TROUBLE as error:
            self._stop_if_closing()
            if not (isinstance(error, ClientError) and gone(error)):
                self._told(resource, "DELETE_FAILED", said(error))
                return False
        self._told(resource, "DELETE_COMPLETE")
        return True

    def _name(self, logical: str, kind: Kind) -> str:
        """``stack-Logical-1A2B3C4D5E6F``, cut to what the service takes."""
        end = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
        room = kind.longest - len(end) - 2
        half = max(room - len(self._stack.name), room // 2)
        cut = logical[:half]
        made = f"{self._stack.name[: room - len(cut)]}-{cut}-{end}"
        return made.lower() if kind.lower else made

    def tell(self, status: str, reason: str = "") -> None:
        self._stack.tell(status, reason)
        self.save()

    def _told(self, resource: Resource, status: str, reason: str = "") -> None:
        self._stack.told(resource, status, reason)
        self.save()

    def save(self) -> None:
        self._stop_if_closing()
        self._store.save(self._stack)

    def _stop_if_closing(self) -> None:
        if self._closed.is_set():
            raise Closing


def takes(clients: Clients, resolver: Resolver, logical: str) -> bool:
    """Whether there is one of that name already, which may be taken over as it is to be kept."""
    raw = resolver.template.resources[logical]
    kind = KINDS[raw["Type"]]
    if kind.exists is None or not str(raw.get("DeletionPolicy", "")).startswith("Retain"):
        return False
    try:
        own = named(kind, resolver.value(raw.get("Properties", {})))
    except NotYet:  # of another property than the name
        name = kind.name or ""
        own = named(kind, {name: resolver.value(raw["Properties"].get(name))})
    return bool(own) and kind.exists(clients, str(own))


def remark(resource: Resource) -> str:
    """What of it has no effect here."""
    if resource.kind in declared.KINDS:
        return f"declared, not emulated here: {resource.kind}"
    names = ", ".join(resource.declared)
    return f"declared, not emulated here: {names}" if names else ""


def named(kind: Kind, properties: Mapping[str, Any]) -> str | None:
    """The name that the template gives it."""
    found: Any = properties
    for part in (kind.name or "").split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return str(found) if found else None


def said(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"property {error} is missing"
    if isinstance(error, AwsError):
        return error.message
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{told.get('Message')} (Service: {error.operation_name}, {told.get('Code')})"
    return str(error) or type(error).__name__
