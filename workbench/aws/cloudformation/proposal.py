"""A proposed template and its parameters, checked before a change set is made of them."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Mapping

from workbench.aws.cloudformation import graph, schemas
from workbench.aws.cloudformation.functions import NotYet, Resolver
from workbench.aws.cloudformation.kinds import KINDS
from workbench.aws.cloudformation.problem import invalid, malformed
from workbench.aws.cloudformation.stack import Stack
from workbench.aws.cloudformation.template import Template
from workbench.aws.protocol import AwsError, Context

NAMES = {
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::IAM::Policy": "",
}


def resolver(
    template: Template, values: Mapping[str, str], stack: Stack, context: Context
) -> Resolver:
    pseudo = {
        "AWS::AccountId": context.account,
        "AWS::Region": context.region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack.name,
        "AWS::StackId": stack.id,
        "AWS::NotificationARNs": [],
    }
    return Resolver(template, values, pseudo)


# What a function makes of arguments that are not its own.
ODD = (ValueError, IndexError, TypeError, KeyError, AttributeError, RecursionError)


def check(template: Template, found: Resolver) -> None:
    """Raises AwsError for what could never be made, by the name of the resource."""
    try:
        _check(template, found)
    except NotYet as error:
        raise malformed(
            f"Unresolved dependencies [{error.logical}]. Cannot reference resources in the "
            "Conditions block of the template"
        ) from None
    except ODD as error:
        raise malformed(f"a function is not given what it takes: {error}") from None


def _check(template: Template, found: Resolver) -> None:
    types(template)
    for name in template.conditions:
        found.condition(name)
    for logical, resource in template.resources.items():
        graph.needed(template, logical)
        if found.exists(logical):
            schemas.check(logical, resource["Type"], resource.get("Properties", {}))
    graph.order(found)
    for name, output in template.outputs.items():
        if "Value" not in output:
            raise malformed(f"Every Outputs member must contain a Value object: {name}")
        if "Export" in output:
            raise invalid(f"not supported by the local AWS: Export of the output {name}")
        strangers = set(graph.asked(template, output["Value"])) - template.resources.keys()
        if strangers:
            raise malformed(
                f"Unresolved resource dependencies [{', '.join(sorted(strangers))}] in the Outputs "
                "block of the template"
            )
        if found.condition(output.get("Condition")):
            with contextlib.suppress(NotYet):
                found.value(output["Value"])
    _functions(template, found)


def types(template: Template) -> None:
    """Raises AwsError for a resource type that nobody knows, or nobody here."""
    kinds = {resource["Type"] for resource in template.resources.values()}
    unknown = sorted(kind for kind in kinds if not schemas.exists(kind))
    if unknown:
        raise malformed(f"Unrecognized resource types: [{', '.join(unknown)}]")
    others = sorted(kinds - KINDS.keys())
    if others:
        raise invalid(f"not supported by the local AWS yet: resources of type {', '.join(others)}")


def capabilities(template: Template) -> list[str]:
    """What somebody has to agree to: roles, by name or not."""
    ours = [each for each in template.resources.values() if each["Type"] in NAMES]
    if any(NAMES[each["Type"]] in each.get("Properties", {}) for each in ours):
        return ["CAPABILITY_NAMED_IAM"]
    return ["CAPABILITY_IAM"] if ours else []


def agreed(template: Template, given: Collection[str]) -> None:
    needed = capabilities(template)
    if needed and not {*needed, "CAPABILITY_NAMED_IAM"} & set(given):
        raise AwsError(
            "InsufficientCapabilitiesException", f"Requires capabilities : [{needed[0]}]"
        )


def _functions(template: Template, found: Resolver) -> None:
    """Each function that can be told by now is tried, so that a typing error stops nothing half
    way."""
    for logical, resource in template.resources.items():
        if found.exists(logical):
            for raw in resource.get("Properties", {}).values():
                with contextlib.suppress(NotYet):
                    found.value(raw)
