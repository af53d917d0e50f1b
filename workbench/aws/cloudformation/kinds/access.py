"""IAM roles and policies: kept as they are given; nothing here decides by them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from workbench.aws.cloudformation.kinds.kind import Clients, Given, Kind, Made


def _role(clients: Clients, given: Given) -> Made:
    client, properties = clients["iam"], given.properties
    name, trust = given.physical or given.name, json.dumps(properties["AssumeRolePolicyDocument"])
    if given.physical:
        client.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
    else:
        told = {key: properties[key] for key in ("Path", "Description") if key in properties}
        client.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **told)
    try:
        _inline(client, name, properties, given.before)
        _attach(client, name, properties, given.before)
    except ClientError:
        if not given.physical:  # nobody knows of it yet
            _delete_role(clients, name, {})
        raise
    found = client.get_role(RoleName=name)["Role"]
    return Made(name, {"Arn": found["Arn"], "RoleId": found["RoleId"]})


def _inline(client: Any, role: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    wanted = {each["PolicyName"]: each["PolicyDocument"] for each in new.get("Policies", ())}
    for each in old.get("Policies", ()):
        if each["PolicyName"] not in wanted:
            client.delete_role_policy(RoleName=role, PolicyName=each["PolicyName"])
    for name, document in wanted.items():
        client.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))


def _attach(client: Any, role: str, new: Mapping[str, Any], old: Mapping[str, Any]) -> None:
    before, after = set(old.get("ManagedPolicyArns", ())), set(new.get("ManagedPolicyArns", ()))
    for arn in sorted(before - after):
        client.detach_role_policy(RoleName=role, PolicyArn=arn)
    for arn in sorted(after - before):
        client.attach_role_policy(RoleName=role, PolicyArn=arn)


def _delete_role(clients: Clients, name: str, properties: Mapping[str, Any]) -> None:
    client = clients["iam"]
    for policy in client.list_role_policies(RoleName=name)["PolicyNames"]:
        client.delete_role_policy(RoleName=name, PolicyName=policy)
    for each in client.list_attached_role_policies(RoleName=name)["AttachedPolicies"]:
        client.detach_role_policy(RoleName=name, PolicyArn=each["PolicyArn"])
    client.delete_role(RoleName=name)


def _policy(clients: Clients, given: Given) -> Made:
    properties, name = given.properties, given.properties["PolicyName"]
    document = json.dumps(properties["PolicyDocument"])
    for role in properties.get("Roles", ()):
        clients["iam"].put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=document)
    left = set(given.before.get("Roles", ())) - set(properties.get("Roles", ()))
    for role in sorted(left):
        clients["iam"].delete_role_policy(RoleName=role, PolicyName=given.before["PolicyName"])
    return Made(given.physical or given.logical, ref=name)


def _delete_policy(clients: Clients, _: str, properties: Mapping[str, Any]) -> None:
    for role in properties.get("Roles", ()):
        clients["iam"].delete_role_policy(RoleName=role, PolicyName=properties["PolicyName"])


def _managed(clients: Clients, given: Given) -> Made:
    client, document = clients["iam"], json.dumps(given.properties["PolicyDocument"])
    arn, before = given.physical, set(given.before.get("Roles", ()))
    if arn:
        for each in client.list_policy_versions(PolicyArn=arn)["Versions"]:
            if not each["IsDefaultVersion"]:
                client.delete_policy_version(PolicyArn=arn, VersionId=each["VersionId"])
        client.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
    else:
        made = client.create_policy(
            PolicyName=given.name,
            PolicyDocument=document,
            Description=given.properties.get("Description", ""),
        )
        arn = made["Policy"]["Arn"]
    for role in sorted(set(given.properties.get("Roles", ())) - before):
        client.attach_role_policy(RoleName=role, PolicyArn=arn)
    for role in sorted(before - set(given.properties.get("Roles", ()))):
        client.detach_role_policy(RoleName=role, PolicyArn=arn)
    return Made(arn, {"PolicyArn": arn})


def _delete_managed(clients: Clients, arn: str, properties: Mapping[str, Any]) -> None:
    client = clients["iam"]
    for role in properties.get("Roles", ()):
        client.detach_role_policy(RoleName=role, PolicyArn=arn)
    for each in client.list_policy_versions(PolicyArn=arn)["Versions"]:
        if not each["IsDefaultVersion"]:
            client.delete_policy_version(PolicyArn=arn, VersionId=each["VersionId"])
    client.delete_policy(PolicyArn=arn)


KINDS = {
    "AWS::IAM::Role": Kind(
        _role,
        _role,
        _delete_role,
        frozenset("AssumeRolePolicyDocument Policies ManagedPolicyArns Path Description".split()),
        "RoleName",
        64,
    ),
    "AWS::IAM::Policy": Kind(
        _policy, _policy, _delete_policy, frozenset(["PolicyName", "PolicyDocument", "Roles"])
    ),
    "AWS::IAM::ManagedPolicy": Kind(
        _managed,
        _managed,
        _delete_managed,
        frozenset(["PolicyDocument", "Roles", "Description"]),
        "ManagedPolicyName",
        128,
    ),
}
