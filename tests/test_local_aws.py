"""The local AWS as a process, and what it refuses by name."""

from __future__ import annotations

import dataclasses
import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, EndpointConnectionError

from workbench import endpoint as local_aws
from workbench.daemon import DaemonError
from workbench.endpoint import Endpoint


def test_it_listens_on_loopback_only(endpoint: Endpoint) -> None:
    port = int(endpoint.url.rpartition(":")[2])
    listening = [
        line.split()[1]
        for table in ("/proc/net/tcp", "/proc/net/tcp6")
        for line in Path(table).read_text().splitlines()[1:]
        if line.split()[3] == "0A" and line.split()[1].endswith(f":{port:04X}")
    ]
    assert listening == [f"0100007F:{port:04X}"]


def test_its_files_are_readable_by_their_owner_only(endpoint: Endpoint) -> None:
    endpoint.client("secretsmanager").create_secret(Name="files", SecretString="x")
    names = ("endpoint.json", "journal.jsonl", "aws-config", "aws-credentials")
    modes = {name: stat.S_IMODE((endpoint.state / name).stat().st_mode) for name in names}
    assert modes == dict.fromkeys(names, 0o600)


def test_starting_twice_is_starting_once(endpoint: Endpoint) -> None:
    assert local_aws.start(endpoint.state) == endpoint
    assert local_aws.load(endpoint.state) == endpoint


def test_it_is_ready_within_three_seconds_and_keeps_port_and_keys(tmp_path: Path) -> None:
    begin = time.monotonic()
    first = local_aws.start(tmp_path)
    ready = time.monotonic() - begin
    assert local_aws.stop(tmp_path) and not local_aws.running(tmp_path)
    second = local_aws.start(tmp_path)
    local_aws.stop(tmp_path)
    assert ready < 3
    assert first == second


def test_a_kept_port_that_is_taken_is_a_clear_error(tmp_path: Path) -> None:
    local_aws.start(tmp_path)
    local_aws.stop(tmp_path)
    port = json.loads((tmp_path / "endpoint.json").read_text())["port"]
    with socket.create_server(("127.0.0.1", port)):
        with pytest.raises(DaemonError, match=f"port {port}, kept in .*endpoint.json"):
            local_aws.start(tmp_path)


def test_two_servers_never_share_a_state(endpoint: Endpoint) -> None:
    second = subprocess.run(
        [sys.executable, "-m", "workbench.aws", "--state", str(endpoint.state)],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert second.returncode == 1
    assert second.stderr.strip() == f"local AWS: another local AWS already serves {endpoint.state}"


def test_one_whose_pid_file_was_lost_is_not_taken_for_the_one_that_was_started(
    tmp_path: Path,
) -> None:
    local_aws.start(tmp_path)
    kept = (tmp_path / "aws.pid").read_text()
    (tmp_path / "aws.pid").unlink()
    with pytest.raises(DaemonError, match="another local AWS already serves"):
        local_aws.start(tmp_path)
    (tmp_path / "aws.pid").write_text(kept)
    assert local_aws.stop(tmp_path)


def listening(port: int) -> socket.socket:
    """A listener on a port whose last one is about to close."""
    while True:
        try:
            return socket.create_server(("127.0.0.1", port))
        except OSError:
            time.sleep(0.01)


def test_what_was_killed_is_started_anew_at_once(tmp_path: Path) -> None:
    first = local_aws.start(tmp_path)
    for _ in range(5):
        os.kill(int((tmp_path / "aws.pid").read_text().split()[0]), signal.SIGKILL)
        assert local_aws.start(tmp_path) == first
        assert first.client("sts").get_caller_identity()["Account"] == "123456789012"
    local_aws.stop(tmp_path)


def test_what_was_killed_and_still_writes_to_a_slow_disk_is_waited_for(tmp_path: Path) -> None:
    """Its lock and its port stay with the process until the write has ended."""
    first = local_aws.start(tmp_path)
    lock = os.open(tmp_path / "server.lock", os.O_RDWR)
    os.kill(int((tmp_path / "aws.pid").read_text().split()[0]), signal.SIGKILL)
    fcntl.flock(lock, fcntl.LOCK_EX)  # as soon as it is free
    with listening(json.loads((tmp_path / "endpoint.json").read_text())["port"]) as listener:

        def end() -> None:
            os.close(lock)
            time.sleep(0.1)
            listener.close()

        ended = threading.Timer(1.5, end)
        ended.start()
        assert local_aws.start(tmp_path) == first
        ended.join()
    assert first.client("sts").get_caller_identity()["Account"] == "123456789012"
    local_aws.stop(tmp_path)


def test_a_dead_server_is_reported_within_five_seconds(tmp_path: Path) -> None:
    endpoint = local_aws.start(tmp_path)
    local_aws.stop(tmp_path)
    begin = time.monotonic()
    with pytest.raises(EndpointConnectionError):
        endpoint.client("s3").list_buckets()
    assert time.monotonic() - begin < 5


def test_its_environment_points_any_sdk_at_it(endpoint: Endpoint) -> None:
    code = "import boto3; print(boto3.client('sts').get_caller_identity()['Account'])"
    environment = {**os.environ, **endpoint.environment(), "HTTP_PROXY": "http://127.0.0.1:9"}
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60
    )
    assert answer.stdout.strip() == "123456789012", answer.stderr


def test_a_client_ignores_settings_for_another_aws(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "of-somebody-else")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert endpoint.client("sts").get_caller_identity()["Account"] == "123456789012"


REFUSED = [
    ("glue", "start_crawler", {"Name": "x"}, "glue:StartCrawler"),
    ("glue", "get_databases", {}, "glue:GetDatabases"),
    ("stepfunctions", "create_activity", {"name": "x"}, "stepfunctions:CreateActivity"),
    ("scheduler", "list_schedule_groups", {}, "scheduler:GET /schedule-groups"),
    ("sns", "list_phone_numbers_opted_out", {}, "sns:ListPhoneNumbersOptedOut"),
    ("dynamodb", "execute_statement", {"Statement": "SELECT 1"}, "dynamodb:ExecuteStatement"),
    ("secretsmanager", "rotate_secret", {"SecretId": "x"}, "secretsmanager:RotateSecret"),
    ("iam", "create_user", {"UserName": "x"}, "iam:CreateUser"),
    ("sts", "get_session_token", {}, "sts:GetSessionToken"),
    ("logs", "start_query", {"startTime": 0, "endTime": 1, "queryString": "x"}, "logs:StartQuery"),
    ("ec2", "describe_instances", {}, "ec2:DescribeInstances"),
    ("lambda", "list_functions", {}, "lambda:GET /2015-03-31/functions"),
    ("cloudwatch", "list_metrics", {}, "monitoring:ListMetrics"),
    ("s3", "get_bucket_acl", {"Bucket": "x"}, "s3:GET bucket ?acl"),
    (
        "s3",
        "put_object_tagging",
        {"Bucket": "x", "Key": "k", "Tagging": {"TagSet": []}},
        "?tagging",
    ),
    ("s3", "put_object", {"Bucket": "x", "Key": "k", "SSEKMSKeyId": "k"}, "server-side-encryption"),
]


@pytest.mark.parametrize(("service", "operation", "request_", "name"), REFUSED)
def test_what_it_does_not_execute_is_refused_by_name(
    endpoint: Endpoint, service: str, operation: str, request_: dict[str, Any], name: str
) -> None:
    with pytest.raises(ClientError) as refusal:
        getattr(endpoint.client(service), operation)(**request_)
    assert refusal.value.response["Error"]["Code"] in ("NotImplementedException", "NotImplemented")
    assert name in refusal.value.response["Error"]["Message"]


def ask(endpoint: Endpoint, body: bytes, **headers: str) -> tuple[int, dict[str, Any]]:
    """A request that no SDK would make, with a valid key."""
    credential = f"{endpoint.access_key}/20000101/us-east-1/glue/aws4_request"
    sent = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, Signature=0",
        "Content-Type": "application/x-amz-json-1.1",
        **{name.replace("_", "-"): value for name, value in headers.items()},
    }
    request = urllib.request.Request(endpoint.url + "/", body, sent)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.loads(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


DYNAMODB = "DynamoDB_20120810.ListTables"
MALFORMED = [
    (b"{", {"X_Amz_Target": DYNAMODB}, 400, "SerializationException"),
    (b"\xff", {"X_Amz_Target": DYNAMODB}, 400, "SerializationException"),
    (b"[1]", {"X_Amz_Target": DYNAMODB}, 400, "SerializationException"),
    (b"[" * 100_000, {"X_Amz_Target": DYNAMODB}, 400, "SerializationException"),
    (b" " * (16 * 1024**2 + 1), {"X_Amz_Target": DYNAMODB}, 413, "RequestEntityTooLargeException"),
    (b"{}", {"X_Amz_Target": DYNAMODB, "Content_Type": "text/plain"}, 404, "UnknownOperation"),
    (b"{}", {"X_Amz_Target": "DynamoDB_20120810"}, 400, "NotImplementedException"),
    (b"{}", {"X_Amz_Target": "AWSGlue.Nothing"}, 400, "NotImplementedException"),
    (b"{}", {"X_Amz_Target": "RedshiftData.Nothing"}, 400, "NotImplementedException"),
    (b"{}", {"X_Amz_Target": ""}, 400, "NotImplementedException"),
    (b"{}", {}, 400, "NotImplementedException"),
]


@pytest.mark.parametrize(("body", "headers", "status", "code"), MALFORMED)
def test_a_malformed_request_is_an_aws_shaped_error_and_the_server_lives(
    endpoint: Endpoint, body: bytes, headers: dict[str, str], status: int, code: str
) -> None:
    answered, answer = ask(endpoint, body, **headers)
    assert (answered, answer["__type"].startswith(code)) == (status, True), answer
    assert endpoint.client("sts").get_caller_identity()["Account"] == "123456789012"


def test_a_reply_that_is_cut_off_anywhere_is_an_error(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that dies in the middle: boto3 takes some of the heads it leaves for a success."""
    once = Config(retries={"mode": "standard", "total_max_attempts": 1})
    monkeypatch.setattr(local_aws, "_configuration", lambda service: once)
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 13\r\n"
    whole = (head + 'Connection: close\r\n\r\n{"events":[]}').encode()
    lengths = range(len(whole) + 1)
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        sent = (whole[:length] for length in lengths)
        threading.Thread(target=_answer, args=(server, sent), daemon=True).start()
        client = dataclasses.replace(endpoint, url=url).client("stepfunctions")
        taken = [length for length in lengths if _answers(client)]
    assert taken == [len(whole)], whole[: taken[0]]


def _answer(server: socket.socket, sent: Iterator[bytes]) -> None:
    for part in sent:
        connection, _ = server.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(part)


def _answers(client: Any) -> bool:
    try:
        client.list_state_machines()
    except BotoCoreError:
        return False
    return True
