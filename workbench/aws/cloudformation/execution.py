"""A change set that is carried out: one resource after the other, and back if one fails."""

from __future__ import annotations

import logging
import secrets
import string
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from workbench.aws.cloudformation import graph, proposal, schemas, template
from workbench.aws.cloudformation.changes import changed
from workbench.aws.cloudformation.functions import Known, NotYet, Resolver
from workbench.aws.cloudformation.kinds import KINDS, declared
from workbench.aws.cloudformation.kinds.kind import Clients, Given, Kind, Made, gone
from workbench.aws.cloudformation.problem import Failed
from workbench.aws.cloudformation.stack import ChangeSet, Resource, Stack
from workbench.aws.cloudformation.store import Store
from workbench.aws.protocol import AwsError, Context

log = logging.getLogger(__name__)

KEPT = ("template", "parameters", "tags", "capabilities", "outputs")  # for the way back
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


class Execution:
    """One stack on its way; ``closed`` is set when the local AWS stops."""

    def __init__(
        self, context: Context, store: Store, stack: Stack, closed: threading.Event
    ) -> None:
        self._context = context
        self._store = store
        self._stack = stack
        self._closed = closed
        self._clients = Clients(context)
        self._imports = False

    # -- whole operations

    def apply(self, change_set: ChangeSet) -> None:
        """Carry it out, to the end or back again."""
        stack, create = self._stack, change_set.kind == "CREATE"
        self._imports = change_set.imports
        try:
            self._make()
        except Failed as error:
            self.roll_back(str(error))
            return
        stack.before = None
        if create:
            self._tell("CREATE_COMPLETE")
            return
        self._tell("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self.clean_up()

    def clean_up(self) -> None:
        """What was replaced, or is no longer in the template, goes last."""
        for resource in sorted(self._stack.leaving, key=lambda each: -each.serial):
            self._remove(resource, resource.replacement)
            self._stack.leaving.remove(resource)
            self._save()
        self._tell("UPDATE_COMPLETE")

    def roll_back(self, reason: str) -> None:
        """Back to what there was: before the update, or nothing."""
        stack = self._stack
        words = "ROLLBACK" if stack.before is None else "UPDATE_ROLLBACK"
        self._tell(f"{words}_IN_PROGRESS", reason)
        before = stack.before
        old = {
            name: Resource(**each)
            for name, each in (before or {"resources": {}})["resources"].items()
        }
        failures = [
            name
            for name in sorted(stack.resources, key=lambda name: -stack.resources[name].serial)
            if not self._undo(stack.resources[name], old.get(name))
        ]
        if failures:
            self._tell(
                f"{words}_FAILED", f"The following resource(s) failed to go back: {failures}"
            )
            return
        stack.leaving = []
        if before is not None:
            stack.resources = old
            for name in KEPT:
                setattr(stack, name, before[name])
        stack.before = None
        self._tell(f"{words}_COMPLETE")

    def delete(self, retained: Sequence[str] = ()) -> None:
        stack = self._stack
        failures = []
        for resource in self._last_first():
            if resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                continue
            policy = "Retain" if resource.logical in retained else resource.deletion
            if not self._remove(resource, policy):
                failures.append(resource.logical)
        if failures:
            self._tell(
                "DELETE_FAILED",
                f"The following resource(s) failed to delete: [{', '.join(failures)}].",
            )
            return
        stack.deleted = time.time()
        self._tell("DELETE_COMPLETE")

    # -- one resource

    def _make(self) -> None:
        """All that the template has. Raises Failed."""
        stack = self._stack
        parsed = template.load(stack.template)
        resolver = proposal.resolver(parsed, stack.parameters, stack, self._context)
        order = graph.order(resolver)
        for logical in order:
            self._put(logical, parsed.resources[logical], resolver)
            found = stack.resources[logical]
            resolver.known[logical] = Known(found.ref, found.attributes)
        for logical in [name for name in stack.resources if name not in order]:
            gone_one = stack.resources.pop(logical)
            gone_one.replacement = gone_one.deletion
            stack.leaving.append(gone_one)
        try:
            stack.outputs = outputs(resolver)
        except TROUBLE as error:
            raise Failed(f"Outputs: {_said(error)}") from None

    def _put(self, logical: str, raw: Mapping[str, Any], resolver: Resolver) -> None:
        """Make it, change it, make it anew, or leave it as it is. Raises Failed."""
        old = self._stack.resources.get(logical)
        kind, verb = KINDS[raw["Type"]], "CREATE" if old is None else "UPDATE"
        new = old or Resource(logical, raw["Type"])
        try:
            properties = resolver.value(raw.get("Properties", {}))
            different = changed(properties, old.properties) if old else set()
            if old is None or schemas.replaced_by(old.kind, dict.fromkeys(different)):
                taken = not old and self._imports and takes(self._clients, resolver, logical)
                new = self._create(old, logical, raw["Type"], kind, properties, taken)
            elif different:
                self._update(old, kind, properties)
        except (*TROUBLE, Failed) as error:
            self._stop_if_closing()
            self._stack.resources.setdefault(logical, new)
            self._stack.told(self._stack.resources[logical], f"{verb}_FAILED", _said(error))
            self._save()
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

    def _undo(self, new: Resource, old: Resource | None) -> bool:
        """False if it cannot be had back."""
        if old is None:
            policy = "Retain" if new.imported or new.deletion == "Retain" else "Delete"
            return self._remove(new, policy)
        if new.physical != old.physical:
            return self._remove(new, "Delete")
        if new.properties == old.properties:
            return True
        try:
            self._update(new, KINDS[new.kind], old.properties)
        except (*TROUBLE, Failed) as error:
            self._stop_if_closing()
            self._told(new, "UPDATE_FAILED", _said(error))
            return False
        return True

    def _remove(self, resource: Resource, policy: str) -> bool:
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
                self._told(resource, "DELETE_FAILED", _said(error))
                return False
        self._told(resource, "DELETE_COMPLETE")
        return True

    def _last_first(self) -> list[Resource]:
        """What asks others goes before them."""
        stack = self._stack
        parsed = template.load(stack.template)
        resolver = proposal.resolver(parsed, stack.parameters, stack, self._context)
        order = {name: number for number, name in enumerate(graph.order(resolver))}
        return sorted(stack.resources.values(), key=lambda each: -order.get(each.logical, -1))

    def _name(self, logical: str, kind: Kind) -> str:
        """``stack-Logical-1A2B3C4D5E6F``, cut to what the service takes."""
        end = "".join(secrets.choice(string.ascii_uppercase + string.digits) for _ in range(12))
        room = kind.longest - len(end) - 2
        half = max(room - len(self._stack.name), room // 2)
        cut = logical[:half]
        made = f"{self._stack.name[: room - len(cut)]}-{cut}-{end}"
        return made.lower() if kind.lower else made

    # -- notes

    def _tell(self, status: str, reason: str = "") -> None:
        self._stack.tell(status, reason)
        self._save()

    def _told(self, resource: Resource, status: str, reason: str = "") -> None:
        self._stack.told(resource, status, reason)
        self._save()

    def _save(self) -> None:
        self._stop_if_closing()
        self._store.save(self._stack)

    def _stop_if_closing(self) -> None:
        if self._closed.is_set():
            raise Closing


def begin(stack: Stack, change_set: ChangeSet) -> None:
    """The stack has what the change set says, and knows the way back."""
    create = change_set.kind == "CREATE"
    if not create:
        kept = {name: getattr(stack, name) for name in KEPT}
        stack.before = {**kept, "resources": {k: asdict(v) for k, v in stack.resources.items()}}
        stack.updated = time.time()
    stack.template, stack.parameters = change_set.template, change_set.parameters
    stack.tags, stack.capabilities = change_set.tags, change_set.capabilities
    stack.tell("CREATE_IN_PROGRESS" if create else "UPDATE_IN_PROGRESS", "User Initiated")


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


def outputs(resolver: Resolver) -> list[dict[str, str]]:
    found = []
    for name, output in resolver.template.outputs.items():
        if resolver.condition(output.get("Condition")):
            one = {"OutputKey": name, "OutputValue": str(resolver.value(output["Value"]))}
            if "Description" in output:
                one["Description"] = str(output["Description"])
            found.append(one)
    return found


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


def _said(error: BaseException) -> str:
    if isinstance(error, KeyError):
        return f"property {error} is missing"
    if isinstance(error, AwsError):
        return error.message
    if isinstance(error, ClientError):
        told = error.response["Error"]
        return f"{told.get('Message')} (Service: {error.operation_name}, {told.get('Code')})"
    return str(error) or type(error).__name__
