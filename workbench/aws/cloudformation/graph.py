"""In which order resources are made: after all that they ask, or are told to wait for."""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import Any

from workbench.aws.cloudformation.functions import VARIABLE, Resolver
from workbench.aws.cloudformation.problem import invalid, malformed
from workbench.aws.cloudformation.template import Template


def order(resolver: Resolver) -> list[str]:
    """The resources that are a part of the stack. Raises AwsError for a circle, or a stranger."""
    template = resolver.template
    needs = {
        logical: needed(template, logical)
        for logical in template.resources
        if resolver.exists(logical)
    }
    try:
        found = TopologicalSorter(needs).static_order()
        return [logical for logical in found if logical in needs]
    except CycleError as error:
        circle = ", ".join(error.args[1][:-1])
        raise invalid(f"Circular dependency between resources: [{circle}]") from None


def needed(template: Template, logical: str) -> set[str]:
    """The resources that ``logical`` asks, or waits for."""
    resource = template.resources[logical]
    waits = resource.get("DependsOn", [])
    names = {waits} if isinstance(waits, str) else set(waits)
    names |= set(asked(template, resource.get("Properties", {})))
    strangers = sorted(names - template.resources.keys())
    if strangers:
        raise malformed(
            f"Unresolved resource dependencies [{', '.join(strangers)}] in the Resources block of "
            "the template"
        )
    return names


def asked(template: Template, raw: Any) -> Iterator[str]:
    """The names within ``raw`` that are neither parameters nor AWS's own."""
    if isinstance(raw, list):
        for each in raw:
            yield from asked(template, each)
    elif isinstance(raw, dict):
        for name, each in raw.items():
            if name == "Ref" and isinstance(each, str):
                yield from _resource(template, each)
            elif name == "Fn::GetAtt":
                yield each.split(".")[0] if isinstance(each, str) else each[0]
            elif name == "Fn::Sub":
                text, own = each if isinstance(each, list) else (each, {})
                yield from asked(template, own)
                for found in VARIABLE.finditer(text):
                    if not found[1] and found[2].strip() not in own:
                        yield from _resource(template, found[2].strip().split(".")[0])
            else:
                yield from asked(template, each)


def _resource(template: Template, name: str) -> Iterator[str]:
    if name not in template.parameters and not name.startswith("AWS::"):
        yield name
