"""Stacks, change sets and resources as the API shows them."""

from __future__ import annotations

from typing import Any

from workbench.aws.cloudformation import parameters, proposal, template
from workbench.aws.cloudformation.stack import ChangeSet, Resource, Stack
from workbench.aws.cloudformation.template import Template


def stack(found: Stack) -> dict[str, Any]:
    declared = template.load(found.template).parameters if found.template else {}
    return {
        "StackId": found.id,
        "StackName": found.name,
        "Parameters": parameters.shown(declared, found.parameters),
        "CreationTime": found.created,
        "LastUpdatedTime": found.updated,
        "DeletionTime": found.deleted,
        "StackStatus": found.status,
        "StackStatusReason": found.reason or None,
        "DisableRollback": False,
        "NotificationARNs": [],
        "Capabilities": found.capabilities,
        "Outputs": found.outputs,
        "Tags": found.tags,
        "EnableTerminationProtection": False,
        "DriftInformation": {"StackDriftStatus": "NOT_CHECKED"},
    }


def stack_summary(found: Stack) -> dict[str, Any]:
    names = (
        "StackId",
        "StackName",
        "CreationTime",
        "LastUpdatedTime",
        "DeletionTime",
        "StackStatus",
        "StackStatusReason",
    )
    shown = stack(found)
    return {name: shown[name] for name in names}


def change_set(found: Stack, one: ChangeSet) -> dict[str, Any]:
    declared = template.load(one.template).parameters
    return {
        **change_set_summary(found, one),
        "Parameters": parameters.shown(declared, one.parameters),
        "Capabilities": one.capabilities,
        "Tags": one.tags,
        "NotificationARNs": [],
        "Changes": one.changes,
        "IncludeNestedStacks": False,
    }


def change_set_summary(found: Stack, one: ChangeSet) -> dict[str, Any]:
    return {
        "ChangeSetName": one.name,
        "ChangeSetId": one.id,
        "StackId": found.id,
        "StackName": found.name,
        "Description": one.description or None,
        "CreationTime": one.created,
        "ExecutionStatus": one.execution,
        "Status": one.status,
        "StatusReason": one.reason or None,
    }


def resource(found: Stack, one: Resource) -> dict[str, Any]:
    return {
        "StackName": found.name,
        "StackId": found.id,
        **resource_summary(one),
        "Timestamp": one.updated,
    }


def resource_summary(one: Resource) -> dict[str, Any]:
    return {
        "LogicalResourceId": one.logical,
        "PhysicalResourceId": one.physical or None,
        "ResourceType": one.kind,
        "LastUpdatedTimestamp": one.updated,
        "ResourceStatus": one.status,
        "ResourceStatusReason": one.reason or None,
        "DriftInformation": {"StackResourceDriftStatus": "NOT_CHECKED"},
    }


def validated(found: Template) -> dict[str, Any]:
    needed = proposal.capabilities(found)
    named = sorted(
        {each["Type"] for each in found.resources.values() if each["Type"] in proposal.NAMES}
    )
    return {
        "Description": found.description or None,
        "Parameters": [
            {
                "ParameterKey": name,
                "DefaultValue": None if "Default" not in each else str(each["Default"]),
                "NoEcho": parameters.hidden(each),
                "Description": each.get("Description"),
            }
            for name, each in found.parameters.items()
        ],
        "Capabilities": needed,
        "CapabilitiesReason": (
            f"The following resource(s) require capabilities: [{', '.join(named)}]"
            if needed
            else None
        ),
    }
