"""What a change set would do to a stack: resource by resource, and what of it needs a new one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.aws.cloudformation import graph, schemas
from workbench.aws.cloudformation.functions import Known, NotYet, Resolver
from workbench.aws.cloudformation.problem import invalid
from workbench.aws.cloudformation.stack import Resource, Stack

Change = dict[str, Any]
There = Callable[[Resolver, str], bool]


@dataclass(frozen=True)
class Difference:
    """Names of properties: those whose new value is known, and those that wait for a resource."""

    static: frozenset[str]
    dynamic: frozenset[str]
    replaced_by: frozenset[str]

    @property
    def replacement(self) -> str:
        if self.replaced_by & self.static:
            return "True"
        return "Conditional" if self.replaced_by else "False"


def changes(stack: Stack, resolver: Resolver, there: There) -> list[Change]:
    """As DescribeChangeSet shows them, in the order in which they would be made.

    ``there`` tells what is not made, but taken over.
    """
    found: list[Change] = []
    order = graph.order(resolver)
    for logical in order:
        raw = resolver.template.resources[logical]
        old = stack.resources.get(logical)
        if old is None:
            action = "Import" if there(resolver, logical) else "Add"
            found.append(_change(action, logical, raw["Type"]))
            continue
        if old.kind != raw["Type"]:
            raise invalid(f"Update of resource type is not permitted: {logical}")
        different = _difference(resolver, raw.get("Properties", {}), old)
        if different.replacement == "False":
            resolver.known[logical] = Known(old.ref, old.attributes)
        if different.static or different.dynamic:
            found.append(_modified(old, different))
    for logical, old in stack.resources.items():
        if logical not in order:
            kept = "Retain" if old.deletion.startswith("Retain") else "Delete"
            found.append(_change("Remove", logical, old.kind, old.physical, PolicyAction=kept))
    return found


def changed(new: Mapping[str, Any], old: Mapping[str, Any]) -> set[str]:
    return {name for name in new.keys() | old.keys() if new.get(name) != old.get(name)}


def _difference(resolver: Resolver, raw: Mapping[str, Any], old: Resource) -> Difference:
    known: dict[str, Any] = {}
    dynamic = set()
    for name, each in raw.items():
        try:
            known |= resolver.value({name: each, "": None})
        except NotYet:
            dynamic.add(name)
    known.pop("", None)
    before = {name: value for name, value in old.properties.items() if name not in dynamic}
    static = changed(known, before)
    fixed = schemas.replaced_by(old.kind, dict.fromkeys(static | dynamic))
    return Difference(frozenset(static), frozenset(dynamic), frozenset(fixed))


def _modified(old: Resource, different: Difference) -> Change:
    change = _change("Modify", old.logical, old.kind, old.physical)
    change["ResourceChange"] |= {
        "Replacement": different.replacement,
        "Scope": ["Properties"],
        "Details": list(_details(different)),
    }
    return change


def _details(different: Difference) -> Iterator[dict[str, Any]]:
    for name in sorted(different.static | different.dynamic):
        recreated = name in different.replaced_by
        yield {
            "Target": {
                "Attribute": "Properties",
                "Name": name,
                "RequiresRecreation": "Always" if recreated else "Never",
            },
            "Evaluation": "Static" if name in different.static else "Dynamic",
            "ChangeSource": "DirectModification",
        }


def _change(action: str, logical: str, kind: str, physical: str = "", **more: str) -> Change:
    found = {"Action": action, "LogicalResourceId": logical, "ResourceType": kind, **more}
    if physical:
        found["PhysicalResourceId"] = physical
    return {"Type": "Resource", "ResourceChange": found}
