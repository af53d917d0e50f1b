"""``workbook destroy``: the stack, and only if it is asked for, what it keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from etl_lib.errors import BadInput
from workbench.clients import Aws
from workbench.deploy.formation import Formation

Say = Callable[[str], None]
Remove = Callable[[Aws, str], None]
WAITING = 30  # days until a key is gone, the most that AWS takes: until then it can be had back


def kept(formation: Formation) -> list[Mapping[str, Any]]:
    """The resources that hold data, and outlive the stack."""
    return [each for each in formation.resources() if each["ResourceType"] in REMOVERS]


def protected(aws: Aws, resources: Sequence[Mapping[str, Any]]) -> None:
    """Raises BadInput before anything is changed, if a table is protected."""
    client = aws.client("dynamodb")
    for each in resources:
        if each["ResourceType"] == "AWS::DynamoDB::Table":
            name = each["PhysicalResourceId"]
            if client.describe_table(TableName=name)["Table"].get("DeletionProtectionEnabled"):
                raise BadInput(
                    f"table {name} is protected against deletion, as in prod. Nothing was changed. "
                    "Take the protection off in DynamoDB first, if you mean it"
                )


def remove(aws: Aws, resources: Sequence[Mapping[str, Any]], say: Say) -> list[str]:
    """Delete what the stack has left; returns what could not be deleted, and why."""
    failed = []
    for each in sorted(resources, key=lambda one: ORDER.index(one["ResourceType"])):
        name, kind = each["PhysicalResourceId"], each["ResourceType"]
        try:
            REMOVERS[kind](aws, name)
        except (BotoCoreError, ClientError) as error:
            failed.append(f"{kind} {name}: {error}")
        else:
            done = f"is deleted{how(kind)}" if how(kind) else "deleted"
            say(f"{kind.removeprefix('AWS::')} {name} {done}")
    return failed


def how(kind: str) -> str:
    """When a resource of this type is gone."""
    return f" in {WAITING} days" if kind == "AWS::KMS::Key" else ""


def _bucket(aws: Aws, name: str) -> None:
    """With every version of every object."""
    s3 = aws.client("s3")
    for versions in _versions(s3, name):
        s3.delete_objects(Bucket=name, Delete={"Objects": versions, "Quiet": True})
    s3.delete_bucket(Bucket=name)


def _versions(s3: Any, bucket: str) -> Iterator[list[dict[str, str]]]:
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        found = [*page.get("Versions", ()), *page.get("DeleteMarkers", ())]
        if found:
            yield [{"Key": each["Key"], "VersionId": each["VersionId"]} for each in found]


def _table(aws: Aws, name: str) -> None:
    aws.client("dynamodb").delete_table(TableName=name)


def _namespace(aws: Aws, name: str) -> None:
    aws.client("redshift-serverless").delete_namespace(namespaceName=name)


def _key(aws: Aws, name: str) -> None:
    """What it has encrypted is unreadable from then on."""
    aws.client("kms").schedule_key_deletion(KeyId=name, PendingWindowInDays=WAITING)


REMOVERS: Mapping[str, Remove] = {
    "AWS::S3::Bucket": _bucket,
    "AWS::DynamoDB::Table": _table,
    "AWS::RedshiftServerless::Namespace": _namespace,
    "AWS::KMS::Key": _key,
}
ORDER = list(REMOVERS)
