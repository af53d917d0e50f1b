"""What the local AWS keeps, and does not emulate: named, so that nobody takes it for tried."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from workbench.aws.cloudformation.kinds.kind import Clients, Given, Kind, Made

Attributes = Callable[[Clients, Given, str], dict[str, Any]]


def _kept(attributes: Attributes, name: str | None = None, prefix: str = "") -> Kind:
    """``prefix`` begins the made-up identifier of what has no name."""

    def make(clients: Clients, given: Given) -> Made:
        made_up = f"{prefix}{uuid.uuid4().hex[:17]}" if prefix else given.name
        physical = given.physical or made_up
        return Made(physical, {**given.attributes, **attributes(clients, given, physical)})

    return Kind(make, make, _delete, frozenset(), name)


def _delete(clients: Clients, physical: str, _: Mapping[str, Any]) -> None:
    """Nothing was made."""


def _none(clients: Clients, given: Given, physical: str) -> dict[str, Any]:
    return {}


def _arn(service: str, resource: str) -> Attributes:
    return lambda clients, given, physical: {"Arn": clients.arn(service, f"{resource}{physical}")}


def _workgroup(clients: Clients, given: Given, physical: str) -> dict[str, Any]:
    found = given.attributes.get("Workgroup.WorkgroupId", str(uuid.uuid4()))
    context = clients.context
    return {
        "Workgroup.WorkgroupName": physical,
        "Workgroup.WorkgroupId": found,
        "Workgroup.WorkgroupArn": clients.arn("redshift-serverless", f"workgroup/{found}"),
        "Workgroup.Endpoint.Address": f"{physical}.{context.account}.{context.region}"
        ".redshift-serverless.amazonaws.com",
        "Workgroup.Endpoint.Port": "5439",
    }


def _namespace(clients: Clients, given: Given, physical: str) -> dict[str, Any]:
    found = given.attributes.get("Namespace.NamespaceId", str(uuid.uuid4()))
    return {
        "Namespace.NamespaceName": physical,
        "Namespace.NamespaceId": found,
        "Namespace.NamespaceArn": clients.arn("redshift-serverless", f"namespace/{found}"),
        "Namespace.AdminPasswordSecretArn": clients.arn(
            "secretsmanager", f"secret:redshift!{physical}-admin-{found[:6]}"
        ),
    }


def _group(clients: Clients, given: Given, physical: str) -> dict[str, Any]:
    return {"GroupId": physical, "Id": physical, "VpcId": given.properties.get("VpcId", "")}


def _id(clients: Clients, given: Given, physical: str) -> dict[str, Any]:
    return {"Id": physical}


KINDS = {
    "AWS::S3::BucketPolicy": _kept(_none),
    "AWS::RedshiftServerless::Namespace": _kept(_namespace, "NamespaceName"),
    "AWS::RedshiftServerless::Workgroup": _kept(_workgroup, "WorkgroupName"),
    "AWS::EC2::SecurityGroup": _kept(_group, "GroupName", "sg-"),
    "AWS::EC2::SecurityGroupIngress": _kept(_id, None, "sgr-"),
    "AWS::EC2::SecurityGroupEgress": _kept(_id, None, "sgr-"),
    "AWS::EC2::VPCEndpoint": _kept(_id, None, "vpce-"),
    "AWS::Glue::Connection": _kept(_none, "ConnectionInput.Name"),
    "AWS::Glue::SecurityConfiguration": _kept(_none, "Name"),
    "AWS::CloudWatch::Alarm": _kept(_arn("cloudwatch", "alarm:"), "AlarmName"),
    "AWS::CloudWatch::CompositeAlarm": _kept(_arn("cloudwatch", "alarm:"), "AlarmName"),
    "AWS::CloudWatch::Dashboard": _kept(_none, "DashboardName"),
    "AWS::Logs::MetricFilter": _kept(_none, "FilterName"),
    "AWS::Logs::QueryDefinition": _kept(_none),
    "AWS::Events::Rule": _kept(_arn("events", "rule/"), "Name"),
    "AWS::Scheduler::ScheduleGroup": _kept(_arn("scheduler", "schedule-group/"), "Name"),
    "AWS::SecretsManager::ResourcePolicy": _kept(_none),
    "AWS::Budgets::Budget": _kept(_none),
}
