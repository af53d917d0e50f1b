"""Buckets, tables, keys and secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from workbench.aws.cloudformation.kinds.kind import (
    Clients,
    Given,
    Kind,
    Made,
    absent,
    fitted,
    there,
)

TABLE_CHANGES = ("BillingMode", "ProvisionedThroughput", "DeletionProtectionEnabled")


def _bucket(clients: Clients, given: Given) -> Made:
    if not given.physical:
        absent(clients["s3"].head_bucket, given.name, Bucket=given.name)
        clients["s3"].create_bucket(Bucket=given.name)
    name, region = given.physical or given.name, clients.context.region
    return Made(
        name,
        {
            "Arn": f"arn:aws:s3:::{name}",
            "DomainName": f"{name}.s3.amazonaws.com",
            "RegionalDomainName": f"{name}.s3.{region}.amazonaws.com",
        },
    )


def _is_bucket(clients: Clients, name: str) -> bool:
    return there(clients["s3"].head_bucket, Bucket=name)


def _is_table(clients: Clients, name: str) -> bool:
    return there(clients["dynamodb"].describe_table, TableName=name)


def _delete_bucket(clients: Clients, name: str, _: Mapping[str, Any]) -> None:
    clients["s3"].delete_bucket(Bucket=name)


def _table(clients: Clients, given: Given) -> Made:
    client, name = clients["dynamodb"], given.physical or given.name
    if given.physical:
        changed = {
            key: value
            for key, value in given.properties.items()
            if key in TABLE_CHANGES and given.before.get(key) != value
        }
        if changed:
            wanted = fitted("dynamodb", "UpdateTable", changed)
            client.update_table(TableName=name, **wanted)
    else:
        client.create_table(
            **fitted("dynamodb", "CreateTable", {**given.properties, "TableName": name})
        )
    live = given.properties.get("TimeToLiveSpecification")
    if live and live != given.before.get("TimeToLiveSpecification"):
        wanted = fitted("dynamodb", "UpdateTimeToLive", {"TimeToLiveSpecification": live})
        client.update_time_to_live(TableName=name, **wanted)
    return Made(name, {"Arn": clients.arn("dynamodb", f"table/{name}")})


def _delete_table(clients: Clients, name: str, _: Mapping[str, Any]) -> None:
    clients["dynamodb"].delete_table(TableName=name)


def _key(clients: Clients, given: Given) -> Made:
    client = clients["kms"]
    wanted = {**given.properties, "Policy": json.dumps(given.properties.get("KeyPolicy", {}))}
    if given.physical:
        key = given.physical
        if given.properties.get("KeyPolicy") != given.before.get("KeyPolicy"):
            client.put_key_policy(KeyId=key, PolicyName="default", Policy=wanted["Policy"])
    else:
        made = client.create_key(
            **{k: v for k, v in fitted("kms", "CreateKey", wanted).items() if k != "Tags"}
        )
        key = made["KeyMetadata"]["KeyId"]
    if str(given.properties.get("EnableKeyRotation")).lower() == "true":
        client.enable_key_rotation(KeyId=key)
    return Made(key, {"Arn": clients.arn("kms", f"key/{key}"), "KeyId": key})


def _delete_key(clients: Clients, key: str, properties: Mapping[str, Any]) -> None:
    days = int(properties.get("PendingWindowInDays", 30))
    clients["kms"].schedule_key_deletion(KeyId=key, PendingWindowInDays=days)


def _alias(clients: Clients, given: Given) -> Made:
    target = given.properties["TargetKeyId"]
    if given.physical:
        clients["kms"].update_alias(AliasName=given.physical, TargetKeyId=target)
    else:
        clients["kms"].create_alias(AliasName=given.properties["AliasName"], TargetKeyId=target)
    return Made(str(given.properties["AliasName"]))


def _delete_alias(clients: Clients, name: str, _: Mapping[str, Any]) -> None:
    clients["kms"].delete_alias(AliasName=name)


def _secret(clients: Clients, given: Given) -> Made:
    client, properties = clients["secretsmanager"], given.properties
    wanted = fitted("secretsmanager", "CreateSecret", {**properties, "Name": given.name})
    if given.physical:
        if properties.get("SecretString") != given.before.get("SecretString"):
            client.put_secret_value(
                SecretId=given.physical, SecretString=properties["SecretString"]
            )
        return Made(given.physical, {"Id": given.physical})
    generate = properties.get("GenerateSecretString")
    if generate is not None:
        wanted["SecretString"] = _generated(client, generate)
    arn = client.create_secret(**{k: v for k, v in wanted.items() if k != "Tags"})["ARN"]
    return Made(arn, {"Id": arn})


def _generated(client: Any, rules: Mapping[str, Any]) -> str:
    found = client.get_random_password(**fitted("secretsmanager", "GetRandomPassword", rules))
    if "GenerateStringKey" not in rules:
        return str(found["RandomPassword"])
    template = json.loads(rules.get("SecretStringTemplate", "{}"))
    return json.dumps({**template, rules["GenerateStringKey"]: found["RandomPassword"]})


def _delete_secret(clients: Clients, arn: str, _: Mapping[str, Any]) -> None:
    clients["secretsmanager"].delete_secret(SecretId=arn, ForceDeleteWithoutRecovery=True)


KINDS = {
    "AWS::S3::Bucket": Kind(
        _bucket, _bucket, _delete_bucket, frozenset(), "BucketName", lower=True, exists=_is_bucket
    ),
    "AWS::DynamoDB::Table": Kind(
        _table,
        _table,
        _delete_table,
        frozenset(
            "KeySchema AttributeDefinitions BillingMode ProvisionedThroughput "
            "DeletionProtectionEnabled TimeToLiveSpecification GlobalSecondaryIndexes "
            "LocalSecondaryIndexes".split()
        ),
        "TableName",
        exists=_is_table,
    ),
    "AWS::KMS::Key": Kind(
        _key,
        _key,
        _delete_key,
        frozenset("KeyPolicy Description EnableKeyRotation PendingWindowInDays".split()),
    ),
    "AWS::KMS::Alias": Kind(_alias, _alias, _delete_alias, frozenset(["AliasName", "TargetKeyId"])),
    "AWS::SecretsManager::Secret": Kind(
        _secret,
        _secret,
        _delete_secret,
        frozenset(["SecretString", "GenerateSecretString", "Description"]),
        "Name",
    ),
}
