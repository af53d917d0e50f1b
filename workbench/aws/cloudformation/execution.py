"""A change set that is carried out: one resource after the other, and back if one fails."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict

from workbench.aws.cloudformation import graph, proposal, template
from workbench.aws.cloudformation.functions import Known, Resolver
from workbench.aws.cloudformation.problem import Failed
from workbench.aws.cloudformation.resources import TROUBLE, Resources, said
from workbench.aws.cloudformation.stack import ChangeSet, Resource, Stack
from workbench.aws.cloudformation.store import Store
from workbench.aws.protocol import Context

log = logging.getLogger(__name__)

KEPT = ("template", "parameters", "tags", "capabilities", "outputs")  # for the way back


class Execution:
    """One stack on its way; ``closed`` is set when the local AWS stops."""

    def __init__(
        self, context: Context, store: Store, stack: Stack, closed: threading.Event
    ) -> None:
        self._context = context
        self._stack = stack
        self._resources = Resources(context, store, stack, closed)

    def apply(self, change_set: ChangeSet) -> None:
        """Carry it out, to the end or back again."""
        stack, create = self._stack, change_set.kind == "CREATE"
        self._resources.imports = change_set.imports
        try:
            self._make()
        except Failed as error:
            self.roll_back(str(error))
            return
        stack.before = None
        if create:
            self._resources.tell("CREATE_COMPLETE")
            return
        self._resources.tell("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
        self.clean_up()

    def clean_up(self) -> None:
        """What was replaced, or is no longer in the template, goes last."""
        for resource in sorted(self._stack.leaving, key=lambda each: -each.serial):
            self._resources.remove(resource, resource.replacement)
            self._stack.leaving.remove(resource)
            self._resources.save()
        self._resources.tell("UPDATE_COMPLETE")

    def roll_back(self, reason: str) -> None:
        """Back to what there was: before the update, or nothing."""
        stack = self._stack
        words = "ROLLBACK" if stack.before is None else "UPDATE_ROLLBACK"
        self._resources.tell(f"{words}_IN_PROGRESS", reason)
        before = stack.before
        old = {
            name: Resource(**each)
            for name, each in (before or {"resources": {}})["resources"].items()
        }
        failures = [
            name
            for name in sorted(stack.resources, key=lambda name: -stack.resources[name].serial)
            if not self._resources.undo(stack.resources[name], old.get(name))
        ]
        if failures:
            self._resources.tell(
                f"{words}_FAILED", f"The following resource(s) failed to go back: {failures}"
            )
            return
        stack.leaving = []
        if before is not None:
            stack.resources = old
            for name in KEPT:
                setattr(stack, name, before[name])
        stack.before = None
        self._resources.tell(f"{words}_COMPLETE")

    def delete(self, retained: Sequence[str] = ()) -> None:
        stack = self._stack
        failures = []
        for resource in self._last_first():
            if resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
                continue
            policy = "Retain" if resource.logical in retained else resource.deletion
            if not self._resources.remove(resource, policy):
                failures.append(resource.logical)
        if failures:
            self._resources.tell(
                "DELETE_FAILED",
                f"The following resource(s) failed to delete: [{', '.join(failures)}].",
            )
            return
        stack.deleted = time.time()
        self._resources.tell("DELETE_COMPLETE")

    def _make(self) -> None:
        """All that the template has. Raises Failed."""
        stack = self._stack
        parsed = template.load(stack.template)
        resolver = proposal.resolver(parsed, stack.parameters, stack, self._context)
        order = graph.order(resolver)
        for logical in order:
            self._resources.put(logical, parsed.resources[logical], resolver)
            found = stack.resources[logical]
            resolver.known[logical] = Known(found.ref, found.attributes)
        for logical in [name for name in stack.resources if name not in order]:
            gone_one = stack.resources.pop(logical)
            gone_one.replacement = gone_one.deletion
            stack.leaving.append(gone_one)
        try:
            stack.outputs = outputs(resolver)
        except TROUBLE as error:
            raise Failed(f"Outputs: {said(error)}") from None

    def _last_first(self) -> list[Resource]:
        """What asks others goes before them."""
        stack = self._stack
        parsed = template.load(stack.template)
        resolver = proposal.resolver(parsed, stack.parameters, stack, self._context)
        order = {name: number for number, name in enumerate(graph.order(resolver))}
        return sorted(stack.resources.values(), key=lambda each: -order.get(each.logical, -1))


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


def outputs(resolver: Resolver) -> list[dict[str, str]]:
    found = []
    for name, output in resolver.template.outputs.items():
        if resolver.condition(output.get("Condition")):
            one = {"OutputKey": name, "OutputValue": str(resolver.value(output["Value"]))}
            if "Description" in output:
                one["Description"] = str(output["Description"])
            found.append(one)
    return found
