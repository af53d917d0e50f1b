"""Malformed calls, contracts and data files: a clear error, nothing written, the server lives."""

from __future__ import annotations

import hashlib
import http.client
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl_lib.contract import parse
from etl_lib.errors import ContractError
from tests.test_redshift_data import rows, run
from workbench import endpoint as local_aws
from workbench.endpoint import Endpoint

BUCKET, TABLE = "malformed", "kept"
GLUE, REDSHIFT, DYNAMO = "AWSGlue.", "RedshiftData.", "DynamoDB_20120810."
STATES, SECRETS = "AWSStepFunctions.", "secretsmanager."
ARN = "arn:aws:states:us-east-1:123456789012:stateMachine:none"
ROLE = "arn:aws:iam::123456789012:role/x"
WHERE = {"WorkgroupName": "w", "Database": "dev"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """With one bucket, one table of each kind, and a job."""
    made = local_aws.start(tmp_path_factory.mktemp("malformed") / "aws")
    s3 = made.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    s3.put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    made.client("dynamodb").create_table(
        TableName=TABLE,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
    )
    assert run(made.client("redshift-data"), f"CREATE TABLE {TABLE} (id INTEGER, s VARCHAR(3))")
    yield made
    local_aws.stop(made.state)


@pytest.fixture
def unchanged(aws: Endpoint) -> Iterator[None]:
    """Afterwards all is as it was, and the server answers."""
    before = _all(aws)
    yield
    assert _all(aws) == before


def _all(aws: Endpoint) -> dict[str, Any]:
    """Objects, items, jobs, machines and tables of the warehouse, with their contents."""
    s3 = aws.client("s3")
    objects = s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])
    data = aws.client("redshift-data")
    return {
        "objects": [(each["Key"], each["Size"], each["ETag"]) for each in objects],
        "buckets": [each["Name"] for each in s3.list_buckets()["Buckets"]],
        "uploads": s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads", []),
        "items": aws.client("dynamodb").scan(TableName=TABLE)["Items"],
        "tables": aws.client("dynamodb").list_tables()["TableNames"],
        "jobs": [each["Name"] for each in aws.client("glue").get_jobs()["Jobs"]],
        "sessions": aws.client("glue").list_sessions()["Ids"],
        "machines": aws.client("stepfunctions").list_state_machines()["stateMachines"],
        "schedules": aws.client("scheduler").list_schedules()["Schedules"],
        "columns": rows(
            data, "SELECT table_name, column_name FROM svv_columns WHERE table_schema = 'public'"
        ),
        "rows": rows(data, f"SELECT COUNT(*) FROM {TABLE}"),
    }


# -- requests as they are

TYPE = "application/x-amz-json-1.1"


def _post(target: str, body: bytes | str = b"{}", **headers: str) -> tuple[Any, ...]:
    raw = body if isinstance(body, bytes) else body.encode()
    more = {"X-Amz-Target": target, "Content-Type": TYPE, **headers}
    return "POST", "/", {name.replace("_", "-"): value for name, value in more.items()}, raw


REQUESTS: dict[str, tuple[Any, ...]] = {
    "a body that is no JSON": _post(GLUE + "GetJobs", "{not json"),
    "a body that ends early": _post(GLUE + "GetJobs", '{"a": '),
    "a list": _post(GLUE + "GetJobs", "[]"),
    "a string": _post(GLUE + "GetJobs", '"x"'),
    "a number": _post(GLUE + "GetJobs", "1"),
    "null": _post(GLUE + "GetJobs", "null"),
    "bytes that are no UTF-8": _post(GLUE + "GetJobs", b'{"a": "\xff\xfe"}'),
    "a hundred thousand brackets": _post(GLUE + "GetJobs", "[" * 100_000),
    "a hundred thousand objects": _post(GLUE + "GetJobs", '{"a":' * 100_000),
    "seventeen megabytes": _post(GLUE + "GetJobs", b" " * (17 << 20)),
    "a service that is not here": _post("AWSNothing.Do"),
    "an operation that is not": _post(GLUE + "Explode"),
    "an operation that is not here": _post(GLUE + "CreateCrawler"),
    "a target without a point": _post("AWSGlue"),
    "an empty target": _post(""),
    "a target with a private name": _post(GLUE + "__init__"),
    "a target with a path": _post(GLUE + "../GetJobs"),
    "another content type": _post(GLUE + "GetJobs", Content_Type="text/html"),
    "no content type": _post(GLUE + "GetJobs", Content_Type=""),
    "a GET": ("GET", "/", {"X-Amz-Target": GLUE + "GetJobs"}, b""),
    "a path": ("POST", "/x", {"X-Amz-Target": GLUE + "GetJobs", "Content-Type": TYPE}, b"{}"),
    "no key": _post(GLUE + "GetJobs", Authorization=""),
    "another key": _post(
        GLUE + "GetJobs",
        Authorization="AWS4-HMAC-SHA256 Credential=AKIA/20000101/us-east-1/glue/aws4_request",
    ),
    "a garbled key": _post(GLUE + "GetJobs", Authorization="AWS4-HMAC-SHA256 Credential=////"),
    "a basic password": _post(GLUE + "GetJobs", Authorization="Basic eDp5"),
    "another host": _post(GLUE + "GetJobs", Host="evil.example"),
    "a web page": _post(GLUE + "GetJobs", Origin="http://evil.example"),
    "a length that is no number": _post(GLUE + "GetJobs", Content_Length="many"),
    "a negative length": _post(GLUE + "GetJobs", Content_Length="-1"),
    "a form": ("POST", "/", {"Content-Type": "application/x-www-form-urlencoded"}, b"Action=Nope"),
    "XML that is none": ("POST", f"/{BUCKET}?delete", {}, b"<Delete><Object>"),
    "XML with an entity": (
        "POST",
        f"/{BUCKET}?delete",
        {},
        b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]><Delete><Object><Key>&x;</Key>'
        b"</Object></Delete>",
    ),
    "parts that are none": ("POST", f"/{BUCKET}/kept?uploadId=none", {}, b"<x/>"),
    "a key that leads out": ("PUT", f"/{BUCKET}/../../escaped", {}, b"x"),
    "a key that leads out, encoded": ("PUT", f"/{BUCKET}/%2e%2e/%2e%2e/escaped", {}, b"x"),
    "a key with a NUL": ("PUT", f"/{BUCKET}/a%00b", {}, b"x"),
    "a key of 1,025 bytes": ("PUT", f"/{BUCKET}/{'k' * 1025}", {}, b"x"),
    "a bucket that is a path": ("PUT", "/..%2f..", {}, b""),
    "a bucket in upper case": ("PUT", "/Upper", {}, b""),
    "a bucket that is too short": ("PUT", "/ab", {}, b""),
    "a bucket like an address": ("PUT", "/192.168.0.1", {}, b""),
    "a bucket that is not there": ("PUT", "/nowhere/key", {}, b"x"),
    "a digest of something else": (
        "PUT",
        f"/{BUCKET}/new",
        {"Content-MD5": "AAAAAAAAAAAAAAAAAAAAAA=="},
        b"x",
    ),
    "a checksum of something else": (
        "PUT",
        f"/{BUCKET}/new",
        {"x-amz-checksum-sha256": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="},
        b"x",
    ),
    "a copy of nothing": (
        "PUT",
        f"/{BUCKET}/new",
        {"x-amz-copy-source": f"/{BUCKET}/nothing"},
        b"",
    ),
    "a copy from outside": (
        "PUT",
        f"/{BUCKET}/new",
        {"x-amz-copy-source": f"/{BUCKET}/../../endpoint.json"},
        b"",
    ),
    "an operation on objects that is not here": ("PUT", f"/{BUCKET}/kept?acl", {}, b""),
    "a range beyond the end": ("GET", f"/{BUCKET}/kept", {"Range": "bytes=100-"}, b""),
    "a bucket that is not empty": ("DELETE", f"/{BUCKET}", {}, b""),
}


@pytest.mark.parametrize("name", REQUESTS)
def test_a_malformed_request_is_refused(aws: Endpoint, unchanged: None, name: str) -> None:
    status, text = _sent(aws, *REQUESTS[name])
    assert 400 <= status < 500 or (status == 501 and "not supported by the" in text), (status, text)
    assert text, "an error says what is wrong"
    assert "Traceback" not in text


def _sent(
    aws: Endpoint, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, str]:
    address = urlsplit(aws.url)
    target = headers.get("X-Amz-Target", "")
    service = "glue" if target else "s3"
    scope = f"{aws.access_key}/20000101/us-east-1/{service}/aws4_request"
    own = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0",
        "x-amz-content-sha256": hashlib.sha256(body).hexdigest(),
    }
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_host="Host" in headers)
        for name, value in {"Content-Length": str(len(body)), **own, **headers}.items():
            connection.putheader(name, value)
        connection.endheaders()
        try:
            connection.send(body)
        except OSError:
            pass  # it has answered before it has read all
        answer = connection.getresponse()
        text = answer.read().decode(errors="replace")
        return answer.status, text or (f"{answer.status}" if method == "HEAD" else "")
    finally:
        connection.close()


# -- calls with arguments of the wrong kind

CALLS: dict[str, tuple[str, dict[str, Any]]] = {
    "a job without a name": (GLUE + "CreateJob", {}),
    "a job whose name is a number": (GLUE + "CreateJob", {"Name": 1}),
    "a job without a command": (GLUE + "CreateJob", {"Name": "x", "Role": ROLE}),
    "a job of another command": (
        GLUE + "CreateJob",
        {"Name": "x", "Role": ROLE, "Command": {"Name": "gluestreaming"}},
    ),
    "a job with a list for a command": (
        GLUE + "CreateJob",
        {"Name": "x", "Role": ROLE, "Command": []},
    ),
    "a job with another worker": (
        GLUE + "CreateJob",
        {
            "Name": "x",
            "Role": ROLE,
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/kept"},
            "WorkerType": "G.99X",
            "NumberOfWorkers": 2,
        },
    ),
    "a job with both sizes": (
        GLUE + "CreateJob",
        {
            "Name": "x",
            "Role": ROLE,
            "Command": {"Name": "glueetl", "ScriptLocation": f"s3://{BUCKET}/kept"},
            "WorkerType": "G.1X",
            "NumberOfWorkers": 2,
            "MaxCapacity": 2.0,
        },
    ),
    "a run of no job": (GLUE + "StartJobRun", {"JobName": "none"}),
    "a run with arguments that are a list": (
        GLUE + "StartJobRun",
        {"JobName": "none", "Arguments": ["a"]},
    ),
    "a run that is not there": (GLUE + "GetJobRun", {"JobName": "none", "RunId": "jr_0"}),
    "a session without a role": (GLUE + "CreateSession", {"Id": "x"}),
    "a session whose command is text": (
        GLUE + "CreateSession",
        {"Id": "x", "Role": ROLE, "Command": "glueetl"},
    ),
    "a session of another version": (
        GLUE + "CreateSession",
        {"Id": "x", "Role": ROLE, "Command": {"Name": "glueetl"}, "GlueVersion": "9.9"},
    ),
    "a session with a name of 256 characters": (
        GLUE + "CreateSession",
        {"Id": "x" * 256, "Role": ROLE, "Command": {"Name": "glueetl"}},
    ),
    "a statement in no session": (GLUE + "RunStatement", {"SessionId": "none", "Code": "1"}),
    "a statement without code": (GLUE + "RunStatement", {"SessionId": "none"}),
    "SQL that is a number": (REDSHIFT + "ExecuteStatement", {"Sql": 1, **WHERE}),
    "no SQL": (REDSHIFT + "ExecuteStatement", WHERE),
    "empty SQL": (REDSHIFT + "ExecuteStatement", {"Sql": "", **WHERE}),
    "SQL nowhere": (REDSHIFT + "ExecuteStatement", {"Sql": "SELECT 1"}),
    "SQL in two places": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": "SELECT 1", "ClusterIdentifier": "c", "DbUser": "u", **WHERE},
    ),
    "SQL of 100,001 bytes": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": f"SELECT '{'x' * 102_400}'", **WHERE},
    ),
    "two statements in one": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": "SELECT 1; SELECT 2", **WHERE},
    ),
    "no statements": (REDSHIFT + "BatchExecuteStatement", {"Sqls": [], **WHERE}),
    "41 statements": (REDSHIFT + "BatchExecuteStatement", {"Sqls": ["SELECT 1"] * 41, **WHERE}),
    "statements that are text": (REDSHIFT + "BatchExecuteStatement", {"Sqls": "SELECT 1", **WHERE}),
    "statements that are numbers": (REDSHIFT + "BatchExecuteStatement", {"Sqls": [1, 2], **WHERE}),
    "parameters that are a map": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": "SELECT :a", "Parameters": {"a": "1"}, **WHERE},
    ),
    "a parameter without a value": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": "SELECT :a", "Parameters": [{"name": "a"}], **WHERE},
    ),
    "an empty value": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": "SELECT :a", "Parameters": [{"name": "a", "value": ""}], **WHERE},
    ),
    "a value that nobody asks for": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": "SELECT 1", "Parameters": [{"name": "a", "value": "1"}], **WHERE},
    ),
    "a token that is too long": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": "SELECT 1", "ClientToken": "x" * 65, **WHERE},
    ),
    "a result that is not there": (REDSHIFT + "GetStatementResult", {"Id": "none"}),
    "a statement that is not there": (REDSHIFT + "DescribeStatement", {"Id": "0" * 36}),
    "a session that is not there": (
        REDSHIFT + "ExecuteStatement",
        {"Sql": "SELECT 1", "SessionId": "00000000-0000-0000-0000-000000000000"},
    ),
    "an item without its key": (DYNAMO + "PutItem", {"TableName": TABLE, "Item": {}}),
    "an item that is text": (DYNAMO + "PutItem", {"TableName": TABLE, "Item": "x"}),
    "a key of another type": (
        DYNAMO + "PutItem",
        {"TableName": TABLE, "Item": {"k": {"N": "1"}}},
    ),
    "an attribute of no type": (
        DYNAMO + "PutItem",
        {"TableName": TABLE, "Item": {"k": {"S": "1"}, "a": {"Z": "1"}}},
    ),
    "an item of no table": (DYNAMO + "PutItem", {"TableName": "none", "Item": {"k": {"S": "1"}}}),
    "an item of 400 KB": (
        DYNAMO + "PutItem",
        {"TableName": TABLE, "Item": {"k": {"S": "1"}, "a": {"S": "x" * 410_000}}},
    ),
    "a condition that is none": (
        DYNAMO + "PutItem",
        {
            "TableName": TABLE,
            "Item": {"k": {"S": "1"}},
            "ConditionExpression": "attribute_not_exists(",
        },
    ),
    "a number of 39 digits": (
        DYNAMO + "PutItem",
        {"TableName": TABLE, "Item": {"k": {"S": "1"}, "a": {"N": "9" * 39}}},
    ),
    "a machine without a definition": (
        STATES + "CreateStateMachine",
        {"name": "x", "roleArn": ROLE},
    ),
    "a machine that is no JSON": (
        STATES + "CreateStateMachine",
        {"name": "x", "roleArn": ROLE, "definition": "{"},
    ),
    "a machine that starts nowhere": (
        STATES + "CreateStateMachine",
        {
            "name": "x",
            "roleArn": ROLE,
            "definition": '{"StartAt": "a", "States": {"b": {"Type": "Succeed"}}}',
        },
    ),
    "a machine with a blank in its name": (
        STATES + "CreateStateMachine",
        {
            "name": "x y",
            "roleArn": ROLE,
            "definition": '{"StartAt": "a", "States": {"a": {"Type": "Succeed"}}}',
        },
    ),
    "an execution of no machine": (STATES + "StartExecution", {"stateMachineArn": ARN}),
    "an execution whose input is no JSON": (
        STATES + "StartExecution",
        {"stateMachineArn": ARN, "input": "{"},
    ),
    "an execution with too much input": (
        STATES + "StartExecution",
        {"stateMachineArn": ARN, "input": json.dumps("x" * 262_145)},
    ),
    "an ARN that is none": (STATES + "DescribeExecution", {"executionArn": "x"}),
    "a token that is none": (STATES + "SendTaskSuccess", {"taskToken": "x", "output": "{}"}),
    "a secret that is not there": (SECRETS + "GetSecretValue", {"SecretId": "none"}),
    "a secret without a name": (SECRETS + "CreateSecret", {"SecretString": "x"}),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_call_of_the_wrong_kind_is_refused(aws: Endpoint, unchanged: None, name: str) -> None:
    target, given = CALLS[name]
    kind = "application/x-amz-json-1.0" if target.startswith(STATES) else TYPE
    headers = {"X-Amz-Target": target, "Content-Type": kind}
    status, text = _sent(aws, "POST", "/", headers, json.dumps(given).encode())
    assert 400 <= status < 500, (status, text)
    told = json.loads(text)
    assert told["__type"]
    assert told.get("message") or told.get("Message"), told


# -- data files


def _parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table(columns), buffer)
    return buffer.getvalue()


FINE = _parquet(id=pa.array([1], pa.int32()), s=["a"])
MANIFEST = {"entries": [{"url": "{url}", "mandatory": True, "meta": {"content_length": len(FINE)}}]}
FILES: dict[str, tuple[bytes, Any]] = {
    "a Parquet file that ends early": (FINE[:-20], None),
    "a Parquet file without its middle": (FINE[:40] + FINE[-60:], None),
    "a Parquet file with other bytes inside": (FINE[:8] + b"\xff" * 60 + FINE[68:], None),
    "a text": (b"id,s\n1,a\n", None),
    "an empty file": (b"", None),
    "four bytes": (b"PAR1", None),
    "a column too few": (_parquet(id=pa.array([1], pa.int32())), None),
    "a column too many": (_parquet(id=pa.array([1], pa.int32()), s=["a"], t=["b"]), None),
    "a wider number": (_parquet(id=pa.array([1], pa.int64()), s=["a"]), None),
    "text for a number": (_parquet(id=["1"], s=["a"]), None),
    "a text that is too long": (_parquet(id=pa.array([1], pa.int32()), s=["abcd"]), None),
    "a list for a text": (_parquet(id=pa.array([1], pa.int32()), s=[["a"]]), None),
    "a manifest that is no JSON": (FINE, "{"),
    "a manifest that is a list": (FINE, []),
    "a manifest without entries": (FINE, {"entries": []}),
    "a manifest whose entries are text": (FINE, {"entries": "x"}),
    "an entry that is text": (FINE, {"entries": ["{url}"]}),
    "an entry without its length": (FINE, {"entries": [{"url": "{url}", "mandatory": True}]}),
    "an entry of another length": (
        FINE,
        {"entries": [{"url": "{url}", "mandatory": True, "meta": {"content_length": 1}}]},
    ),
    "an entry whose length is text": (
        FINE,
        {"entries": [{"url": "{url}", "mandatory": True, "meta": {"content_length": "9"}}]},
    ),
    "an entry that is not there": (
        FINE,
        {
            "entries": [
                {"url": f"s3://{BUCKET}/no", "mandatory": True, "meta": {"content_length": 9}}
            ]
        },
    ),
    "an entry that leads out": (
        FINE,
        {
            "entries": [
                {
                    "url": f"s3://{BUCKET}/../../endpoint.json",
                    "mandatory": True,
                    "meta": {"content_length": 9},
                }
            ]
        },
    ),
    "an entry of another kind of address": (
        FINE,
        {
            "entries": [
                {"url": "file:///etc/passwd", "mandatory": True, "meta": {"content_length": 9}}
            ]
        },
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_does_not_fit_loads_nothing(aws: Endpoint, name: str) -> None:
    body, manifest = FILES[name]
    s3, data = aws.client("s3"), aws.client("redshift-data")
    url = f"s3://{BUCKET}/files/data"
    s3.put_object(Bucket=BUCKET, Key="files/data", Body=body)
    given = MANIFEST if manifest is None else manifest
    text = given if isinstance(given, str) else json.dumps(given)
    if manifest is None:
        text = text.replace(str(len(FINE)), str(len(body)))
    s3.put_object(Bucket=BUCKET, Key="files/manifest", Body=text.replace("{url}", url).encode())
    copy = (
        f"COPY {TABLE} FROM 's3://{BUCKET}/files/manifest' IAM_ROLE DEFAULT FORMAT PARQUET MANIFEST"
    )
    told = run(data, copy)
    assert told["Status"] == "FAILED"
    assert told["Error"].startswith("ERROR: ")
    assert "Traceback" not in told["Error"]
    assert rows(data, f"SELECT COUNT(*) FROM {TABLE}") == [[0]]


# -- contracts

T = 'name = "x"\n[tables.t]\nkeys = ["id"]\n'
CONTRACTS = {
    "nothing": "",
    "no TOML": "name = ",
    "no table": 'name = "x"\n',
    "tables that are text": 'name = "x"\ntables = "t"\n',
    "a table that is text": 'name = "x"\ntables = { t = "id" }\n',
    "no name": '[tables.t]\nkeys = ["id"]\n',
    "a name that is a number": 'name = 1\n[tables.t]\nkeys = ["id"]\n',
    "no keys": 'name = "x"\n[tables.t]\n',
    "empty keys": 'name = "x"\n[tables.t]\nkeys = []\n',
    "keys that are text": 'name = "x"\n[tables.t]\nkeys = "id"\n',
    "keys that are numbers": 'name = "x"\n[tables.t]\nkeys = [1]\n',
    "an unknown setting": T + "curser = 1\n",
    "a cursor that is a list": T + 'cursor = ["at"]\n',
    "a lookback that is text": T + 'lookback = "600"\n',
    "a lookback that is true": T + "lookback = true\n",
    "a policy that is none": T + 'deletes = "sweeping"\n',
    "a soft delete without a column": T + 'deletes = "soft:"\n',
    "zero dates that are none": T + 'zero_dates = "keep"\n',
    "a drift that is none": T + 'drift = "ignore"\n',
    "a decision that is none": T + 'decide = { a = "guess" }\n',
    "decisions that are text": T + 'decide = "null"\n',
    "decisions that are numbers": T + "decide = { a = 1 }\n",
    "an append-only table without a cursor": T + "append_only = true\n",
    "a rule without a name": T + '[[tables.t.rules]]\nexpect = "true"\n',
    "a rule that is text": T + 'rules = ["true"]\n',
    "rules that are a table": T + 'rules = { a = "b" }\n',
    "a reference to no table": T
    + '[[tables.t.rules]]\nname = "r"\nreference = { table = "u", on = { a = "b" } }\n',
    "a reference without columns": T
    + '[[tables.t.rules]]\nname = "r"\nreference = { table = "t" }\n',
    "a column without a type": T + '[tables.t.columns]\na = { expression = "b" }\n',
    "columns that are text": T + 'columns = "a"\n',
    "an indicator of no table": T
    + '[indicators.i]\ntitle = "i"\nperiod = "week"\n[indicators.i.touched_by]\nu = "all"\n',
    "an indicator with half a span": T
    + '[indicators.i]\ntitle = "i"\nperiod = "week"\n[indicators.i.touched_by]\nt = ["a"]\n',
    "two tables of one name": T + '[tables.T]\nkeys = ["id"]\n',
    "a table with a path": 'name = "x"\n[tables."../t"]\nkeys = ["id"]\n',
    "a table with a back quote": 'name = "x"\n[tables."a`b"]\nkeys = ["id"]\n',
    "a table with a per cent sign": 'name = "x"\n[tables."a%sb"]\nkeys = ["id"]\n',
    "a name with SQL": "name = \"x'; DROP TABLE etl.ledger; --\"\n[tables.t]\nkeys = ['id']\n",
    "a name with a path": 'name = "../x"\n[tables.t]\nkeys = ["id"]\n',
    "a name that is empty": 'name = ""\n[tables.t]\nkeys = ["id"]\n',
    "a SQL file with a path": 'name = "x"\nchecks = ["../../x.sql"]\n[tables.t]\nkeys = ["id"]\n',
    "a type with SQL": T
    + '[tables.t.columns]\na = { expression = "b", type = "INT); DROP TABLE x" }\n',
    "a limit over one": T + "quarantine_limit = 5.0\n",
    "a limit below zero": T + "quarantine_limit = -0.1\n",
    "a negative lookback": T + "lookback = -1\n",
    "a negative lag": T + "lag = -1\n",
    "one key twice": 'name = "x"\n[tables.t]\nkeys = ["id", "ID"]\n',
    "an empty key": 'name = "x"\n[tables.t]\nkeys = [""]\n',
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_that_is_wrong_is_refused_with_its_place(name: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse(CONTRACTS[name], "tables.toml")
    assert str(caught.value).startswith("tables.toml: ")


def test_there_are_more_than_a_hundred_kinds() -> None:
    assert len(REQUESTS) + len(CALLS) + len(FILES) + len(CONTRACTS) > 150


def test_a_contract_that_is_no_text_is_refused(tmp_path: Path) -> None:
    from workbench.pipeline import read_contract

    path = tmp_path / "tables.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ContractError, match="contract"):
        read_contract(path)
    with pytest.raises(ContractError, match="No such file"):
        read_contract(tmp_path / "none.toml")
