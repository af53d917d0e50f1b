"""What was answered is there again after the process was killed."""

from __future__ import annotations

import json
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError

from tests.states import until
from workbench import endpoint as local_aws
from workbench.aws import compaction
from workbench.aws.journal import Call
from workbench.daemon import Daemon, DaemonError
from workbench.endpoint import Endpoint

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


@pytest.fixture
def restarted(tmp_path: Path) -> Any:
    """Starts the local AWS in a state of its own; called again, it kills it first."""

    def start() -> Endpoint:
        kill(tmp_path)
        return local_aws.start(tmp_path)

    yield start
    local_aws.stop(tmp_path)


def kill(state: Path) -> None:
    pid = Daemon("aws", state).pid()
    if pid:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def create_table(dynamodb: Any, name: str) -> None:
    dynamodb.create_table(
        TableName=name,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def everything(endpoint: Endpoint) -> dict[str, Any]:
    """What a user can read back."""
    dynamodb, secrets = endpoint.client("dynamodb"), endpoint.client("secretsmanager")
    s3, logs, iam = endpoint.client("s3"), endpoint.client("logs"), endpoint.client("iam")
    head = s3.head_object(Bucket="kept", Key="a/b.txt")
    described = secrets.describe_secret(SecretId="db/source")
    told: dict[str, Any] = {
        "tables": dynamodb.list_tables()["TableNames"],
        "table": dynamodb.describe_table(TableName="bookmarks")["Table"],
        "items": sorted(
            dynamodb.scan(TableName="bookmarks")["Items"], key=lambda item: str(item["k"])
        ),
        "secret": secrets.get_secret_value(SecretId=described["ARN"])["SecretString"],
        "described": {n: described[n] for n in ("ARN", "VersionIdsToStages", "CreatedDate")},
        "secrets": [one["Name"] for one in secrets.list_secrets()["SecretList"]],
        "object": s3.get_object(Bucket="kept", Key="a/b.txt")["Body"].read(),
        "head": {n: head[n] for n in ("ETag", "Metadata", "ContentType", "LastModified")},
        "groups": logs.describe_log_groups()["logGroups"],
        "events": logs.get_log_events(logGroupName="/g", logStreamName="s")["events"],
        "role": iam.get_role(RoleName="reader")["Role"],
        "topics": endpoint.client("sns").list_topics()["Topics"],
    }
    return told


def test_everything_is_back_after_a_kill(restarted: Callable[[], Endpoint]) -> None:
    endpoint = restarted()
    dynamodb, secrets = endpoint.client("dynamodb"), endpoint.client("secretsmanager")
    create_table(dynamodb, "bookmarks")
    create_table(dynamodb, "gone")
    dynamodb.delete_table(TableName="gone")
    for key in "abc":
        dynamodb.put_item(TableName="bookmarks", Item={"k": {"S": key}, "n": {"N": "1"}})
    dynamodb.update_item(
        TableName="bookmarks",
        Key={"k": {"S": "a"}},
        UpdateExpression="ADD n :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    dynamodb.delete_item(TableName="bookmarks", Key={"k": {"S": "b"}})
    secrets.create_secret(Name="db/source", SecretString="first")
    secrets.put_secret_value(SecretId="db/source", SecretString="second ☃")
    secrets.create_secret(Name="gone", SecretString="x")
    secrets.delete_secret(SecretId="gone", ForceDeleteWithoutRecovery=True)
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="kept")
    s3.put_object(Bucket="kept", Key="a/b.txt", Body=b"x", ContentType="a/b", Metadata={"m_n": "o"})
    logs = endpoint.client("logs")
    logs.create_log_group(logGroupName="/g")
    logs.create_log_stream(logGroupName="/g", logStreamName="s")
    now = int(time.time() * 1000)
    logs.put_log_events(
        logGroupName="/g", logStreamName="s", logEvents=[{"timestamp": now, "message": "m"}]
    )
    endpoint.client("iam").create_role(RoleName="reader", AssumeRolePolicyDocument=TRUST)
    sns = endpoint.client("sns")
    sns.create_topic(Name="failures")
    sns.delete_topic(TopicArn=sns.create_topic(Name="gone")["TopicArn"])

    before = everything(endpoint)
    assert before["items"][0]["n"] == {"N": "2"} and len(before["items"]) == 2
    assert len(before["topics"]) == 1
    again = everything(restarted())
    assert again == before
    assert everything(restarted()) == before  # from the compacted journal


def test_writes_that_were_answered_survive_a_kill_in_the_midst(
    restarted: Callable[[], Endpoint], tmp_path: Path
) -> None:
    endpoint = restarted()
    create_table(endpoint.client("dynamodb"), "t")
    endpoint.client("s3").create_bucket(Bucket="bucket")
    answered: set[str] = set()

    def write(worker: int) -> None:
        dynamodb, s3 = endpoint.client("dynamodb"), endpoint.client("s3")
        for number in range(10_000):
            key = f"{worker}-{number}"
            try:
                s3.put_object(Bucket="bucket", Key=key, Body=key.encode())
                dynamodb.put_item(TableName="t", Item={"k": {"S": key}})
            except (BotoCoreError, ClientError):
                return
            answered.add(key)

    writers = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
    for writer in writers:
        writer.start()
    until(lambda: len(answered) >= 100, 60)
    kill(tmp_path)
    for writer in writers:
        writer.join()
    endpoint = restarted()
    s3 = endpoint.client("s3")
    pages = endpoint.client("dynamodb").get_paginator("scan").paginate(TableName="t")
    assert answered <= {item["k"]["S"] for page in pages for item in page["Items"]}
    for key in answered:
        assert s3.get_object(Bucket="bucket", Key=key)["Body"].read() == key.encode()


def test_a_torn_last_line_is_dropped_with_a_message(
    restarted: Callable[[], Endpoint], tmp_path: Path
) -> None:
    create_table(restarted().client("dynamodb"), "t")
    kill(tmp_path)
    with open(tmp_path / "journal.jsonl", "ab") as journal:
        journal.write(b'{"service": "dynamodb", "opera')
    dynamodb = restarted().client("dynamodb")
    assert dynamodb.list_tables()["TableNames"] == ["t"]
    assert "dropped a torn last line of 30 bytes" in (tmp_path / "aws.log").read_text()
    create_table(dynamodb, "u")
    assert restarted().client("dynamodb").list_tables()["TableNames"] == ["t", "u"]


def test_a_journal_that_cannot_be_read_stops_the_start(
    restarted: Callable[[], Endpoint], tmp_path: Path
) -> None:
    restarted()
    kill(tmp_path)
    (tmp_path / "journal.jsonl").write_text("nonsense\n")
    with pytest.raises(DaemonError, match="journal.jsonl, line 1, cannot be read"):
        restarted()


def test_a_full_disk_is_told_and_nothing_unwritten_is_answered(
    restarted: Callable[[], Endpoint], tmp_path: Path
) -> None:
    endpoint = restarted()
    secrets = endpoint.client("secretsmanager")
    secrets.create_secret(Name="first", SecretString="x")
    pid = Daemon("aws", tmp_path).pid()
    assert pid
    room = (tmp_path / "journal.jsonl").stat().st_size + 50
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (room, room))
    for name in ("second", "third"):
        with pytest.raises(ClientError, match="journal.jsonl cannot be written"):
            secrets.create_secret(Name=name, SecretString="x")
    secrets = restarted().client("secretsmanager")
    assert [one["Name"] for one in secrets.list_secrets()["SecretList"]] == ["first"]


def test_reads_and_failed_writes_are_not_journaled(
    restarted: Callable[[], Endpoint], tmp_path: Path
) -> None:
    endpoint = restarted()
    endpoint.client("secretsmanager").list_secrets()
    endpoint.client("sts").get_caller_identity()
    with pytest.raises(ClientError):
        endpoint.client("dynamodb").put_item(TableName="none", Item={"k": {"S": "x"}})
    assert (tmp_path / "journal.jsonl").read_text() == ""


def test_conditional_writes_let_one_of_many_win(endpoint: Endpoint) -> None:
    dynamodb = endpoint.client("dynamodb")
    create_table(dynamodb, "leases")
    won = []

    def take(worker: int) -> None:
        try:
            dynamodb.put_item(
                TableName="leases",
                Item={"k": {"S": "lease"}, "owner": {"N": str(worker)}},
                ConditionExpression="attribute_not_exists(k)",
            )
            won.append(worker)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "ConditionalCheckFailedException"

    workers = [threading.Thread(target=take, args=(worker,)) for worker in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    item = dynamodb.get_item(TableName="leases", Key={"k": {"S": "lease"}})
    assert [item["Item"]["owner"]["N"]] == [str(worker) for worker in won]


def call(service: str, operation: str, **request: Any) -> Call:
    return Call(service, operation, "application/x-amz-json-1.1", json.dumps(request), 0, 0.0)


def test_compaction_drops_what_was_deleted_and_keeps_what_came_after() -> None:
    arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a-AbCdEf"
    dropped = [
        call("dynamodb", "CreateTable", TableName="a"),
        call("dynamodb", "PutItem", TableName="a", Item={}),
        call("dynamodb", "DeleteTable", TableName="a"),
        call("secretsmanager", "CreateSecret", Name="a"),
        call("secretsmanager", "DeleteSecret", SecretId=arn, ForceDeleteWithoutRecovery=True),
    ]
    kept = [
        call("dynamodb", "CreateTable", TableName="a"),
        call("secretsmanager", "CreateSecret", Name="a"),
        call("secretsmanager", "DeleteSecret", SecretId="a"),
    ]
    item = call("dynamodb", "PutItem", TableName="a", Item={"k": {"S": "1"}})
    assert compaction.compact(dropped + kept, [item]) == [*kept, item]


def test_compaction_keeps_a_secret_that_a_partial_arn_could_mean() -> None:
    partial = "arn:aws:secretsmanager:us-east-1:123456789012:secret:a"
    calls = [
        call("secretsmanager", "CreateSecret", Name="a"),
        call("secretsmanager", "DeleteSecret", SecretId=partial, ForceDeleteWithoutRecovery=True),
    ]
    assert compaction.compact(calls, []) == calls


def test_compaction_bounds_the_versions_of_a_secret() -> None:
    puts = [call("secretsmanager", "PutSecretValue", SecretId="a", N=n) for n in range(1000)]
    created = call("secretsmanager", "CreateSecret", Name="a")
    assert compaction.compact([created, *puts], []) == [created, *puts[-10:]]
