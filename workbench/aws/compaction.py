"""What of a journal is still needed: the same state from fewer calls."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from urllib.parse import parse_qs

from workbench.aws.journal import Call

ITEM_WRITES = {"PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems"}
# A call that ends its subject makes all earlier calls about the subject needless, and itself.
ENDS = {
    ("dynamodb", "DeleteTable"),
    ("secretsmanager", "DeleteSecret"),
    ("logs", "DeleteLogGroup"),
    ("iam", "DeleteRole"),
    ("sns", "DeleteTopic"),
}
ARN = re.compile(r"arn:aws:secretsmanager:[^:]*:\d*:secret:(.+)-[A-Za-z0-9]{6}")
KEPT_VERSIONS = 10


def compact(calls: Sequence[Call], items: Iterable[Call]) -> list[Call]:
    """``calls`` without what was deleted since or replaced, then ``items``, the items of today.

    Item writes are dropped: ``items`` holds their outcome.
    """
    kept = [call for call in calls if call.operation not in ITEM_WRITES]
    return [*_without_old_versions(_without_ended(kept)), *items]


def subject(call: Call) -> str | None:
    """The table, secret, log group, role or topic a call is about; None if it is unclear."""
    if call.service == "iam":
        return parse_qs(call.body).get("RoleName", [None])[0]
    if call.service == "sns":
        given = parse_qs(call.body)
        name = (given.get("Name") or given.get("TopicArn") or given.get("ResourceArn") or [""])[0]
        return name.rpartition(":")[2] or None
    request = json.loads(call.body)
    if call.service == "secretsmanager":
        return _secret(request.get("Name") or request.get("SecretId", ""))
    name = request.get("logGroupName") or request.get("TableName") or request.get("ResourceArn")
    return str(name).rpartition("table/")[2] if name else None


def _secret(identifier: str) -> str | None:
    found = ARN.fullmatch(identifier)
    if found:
        return found[1]
    return None if identifier.startswith("arn:") else identifier  # a partial ARN: could be several


def _without_ended(calls: Sequence[Call]) -> list[Call]:
    unclear = {call.service for call in calls if subject(call) is None}
    last_end = {
        (call.service, subject(call)): position
        for position, call in enumerate(calls)
        if _ends(call) and call.service not in unclear
    }
    return [
        call
        for position, call in enumerate(calls)
        if position > last_end.get((call.service, subject(call)), -1)
    ]


def _ends(call: Call) -> bool:
    if call.operation == "DeleteSecret":  # else it can still be restored
        return bool(json.loads(call.body).get("ForceDeleteWithoutRecovery"))
    return (call.service, call.operation) in ENDS


def _without_old_versions(calls: Sequence[Call]) -> list[Call]:
    """Secrets lose the versions that no staging label holds, as they do in AWS."""
    staged = {subject(call) for call in calls if _stages(call)}
    seen: dict[str | None, int] = {}
    kept: list[Call] = []
    for call in reversed(calls):
        name = subject(call)
        if call.operation == "PutSecretValue" and name is not None and name not in staged:
            seen[name] = seen.get(name, 0) + 1
            if seen[name] > KEPT_VERSIONS:
                continue
        kept.append(call)
    return kept[::-1]


def _stages(call: Call) -> bool:
    return call.operation == "UpdateSecretVersionStage" or (
        call.operation == "PutSecretValue" and "VersionStages" in json.loads(call.body)
    )
