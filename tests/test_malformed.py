"""What is malformed gets a clear error in AWS's shape, nothing is written, and the server lives."""

from __future__ import annotations

import gzip
import hashlib
import http.client
import io
import json
import socket
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl_lib import contract as contracts
from etl_lib.errors import BadInput, ContractError
from etl_lib.identifiers import literal, redshift
from etl_lib.run import open_run
from workbench import endpoint as local_aws
from workbench import pipeline
from workbench.endpoint import Endpoint

BUCKET = "malformed"
TABLE = "kept"
ROLE = "arn:aws:iam::123456789012:role/local"
JSON10, JSON11 = "application/x-amz-json-1.0", "application/x-amz-json-1.1"
FORM = "application/x-www-form-urlencoded"
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:kept"
DEFINITION = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})
TARGETS = {
    "glue": "AWSGlue",
    "redshift-data": "RedshiftData",
    "dynamodb": "DynamoDB_20120810",
    "secretsmanager": "secretsmanager",
    "logs": "Logs_20140328",
    "stepfunctions": "AWSStepFunctions",
}
SCOPES = {"stepfunctions": "states"}


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A local AWS with one of each, none of which may change."""
    endpoint = local_aws.start(tmp_path_factory.mktemp("malformed"))
    client = endpoint.client
    client("s3").create_bucket(Bucket=BUCKET)
    client("s3").put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    client("s3").put_object(Bucket=BUCKET, Key="script.py", Body=b"print('ran')")
    client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("dynamodb").put_item(TableName=TABLE, Item={"k": {"S": "1"}, "n": {"N": "1"}})
    client("secretsmanager").create_secret(Name=TABLE, SecretString="kept")
    client("logs").create_log_group(logGroupName=TABLE)
    client("stepfunctions").create_state_machine(name=TABLE, definition=DEFINITION, roleArn=ROLE)
    client("glue").create_job(Name=TABLE, Role=ROLE, Command=command())
    client("scheduler").create_schedule(Name=TABLE, **schedule())
    sql(endpoint, f"CREATE TABLE {TABLE} (id BIGINT NOT NULL, name VARCHAR(5))")
    sql(endpoint, f"INSERT INTO {TABLE} VALUES (1, 'one')")
    yield endpoint
    local_aws.stop(endpoint.state)


def command(**changes: Any) -> dict[str, Any]:
    location = f"s3://{BUCKET}/script.py"
    return {"Name": "pythonshell", "ScriptLocation": location, "PythonVersion": "3.9"} | changes


def schedule(**changes: Any) -> dict[str, Any]:
    return {
        "ScheduleExpression": "rate(365 days)",
        "State": "DISABLED",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": MACHINE, "RoleArn": ROLE},
    } | changes


def sql(endpoint: Endpoint, text: str) -> dict[str, Any]:
    data = endpoint.client("redshift-data")
    told = data.execute_statement(
        Sql=text, WorkgroupName="local", Database="dev", WaitTimeSeconds=30
    )
    described: dict[str, Any] = data.describe_statement(Id=told["Id"])
    return described


def written(endpoint: Endpoint) -> dict[str, str]:
    """All that a client could have written, as hashes; and what the services tell of it."""
    state = endpoint.state
    files = [state / "journal.jsonl"]
    for folder in ("s3", "scheduler", "glue/jobs", "stepfunctions"):
        files += [path for path in (state / folder).rglob("*") if path.is_file()]
    found = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    outside = [path for path in state.parent.rglob("*escape*")]
    client = endpoint.client
    tables = client("redshift-data").list_tables(WorkgroupName="local", Database="dev")["Tables"]
    return found | {
        "outside": str(outside),
        "items": str(client("dynamodb").scan(TableName=TABLE)["Items"]),
        "tables": str(client("dynamodb").list_tables()["TableNames"]),
        "warehouse": str(tables),
    }


@pytest.fixture
def unharmed(aws: Endpoint) -> Iterator[Endpoint]:
    """Before and after: the same things are there, the same process answers."""
    pid = (aws.state / "aws.pid").read_text()
    before = written(aws)
    yield aws
    assert written(aws) == before
    assert (aws.state / "aws.pid").read_text() == pid


def authorization(endpoint: Endpoint, service: str) -> str:
    scope = f"{endpoint.access_key}/20000101/us-east-1/{service}/aws4_request"
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def send(
    endpoint: Endpoint, method: str, path: str, headers: dict[str, str], body: Any
) -> tuple[int, str, bytes]:
    """A request as no SDK would make it: status, content type, body."""
    address = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        if "Content-Length" not in headers and "Transfer-Encoding" not in headers:
            connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body)
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    finally:
        connection.close()


def error_of(answer: tuple[int, str, bytes]) -> tuple[int, str, str]:
    """Status, code and message of an error in AWS's shape: JSON, or XML."""
    status, kind, body = answer
    if kind.startswith("application/x-amz-json"):
        told = json.loads(body)
        message = told.get("message") or told["Message"]
        return status, told["__type"].rpartition("#")[2], message
    from defusedxml.ElementTree import fromstring

    found = fromstring(body)
    error = found if found.tag == "Error" else found.find("{*}Error")
    assert error is not None, body
    return status, str(error.findtext("{*}Code")), str(error.findtext("{*}Message"))


def ask(endpoint: Endpoint, service: str, operation: str, request: Any) -> tuple[int, str, bytes]:
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    headers = {
        "Authorization": authorization(endpoint, SCOPES.get(service, service)),
        "Content-Type": JSON10 if service == "dynamodb" else JSON11,
        "X-Amz-Target": f"{TARGETS[service]}.{operation}",
    }
    return send(endpoint, "POST", "/", headers, body)


# Requests in JSON: service, operation, request, the code of the refusal.

DEEP = json.loads('{"M":{"a":' * 60 + '{"S":"x"}' + "}}" * 60)
ITEM = {"k": {"S": "2"}}
AT = {"WorkgroupName": "local", "Database": "dev"}
JOB = {"Name": "new", "Role": ROLE, "Command": command()}
NEW = {"name": "new", "definition": DEFINITION, "roleArn": ROLE}
START = {"stateMachineArn": MACHINE}
SESSION = {"Id": "new", "Role": ROLE, "Command": {"Name": "glueetl", "PythonVersion": "3"}}


def put(item: Any, **more: Any) -> dict[str, Any]:
    return {"TableName": TABLE, "Item": item, **more}


def states(*states: Any, **more: Any) -> str:
    return json.dumps({"StartAt": "A", "States": dict(zip("ABC", states, strict=False)), **more})


REQUESTS: dict[str, list[tuple[str, Any, str]]] = {
    "dynamodb": [
        ("PutItem", b"", "Validation"),
        ("PutItem", b"null", "Serialization"),
        ("PutItem", b'"text"', "Serialization"),
        ("PutItem", b"[]", "Serialization"),
        ("PutItem", b'{"TableName": ', "Serialization"),
        ("PutItem", b"{'TableName': 'kept'}", "Serialization"),
        ("PutItem", b"\x00", "Serialization"),
        ("PutItem", b"\xff\xfe{}", "Serialization"),
        ("PutItem", gzip.compress(b"{}"), "Serialization"),
        ("PutItem", b"[" * 200_000, "Serialization"),
        ("PutItem", b'{"a":' * 200_000, "Serialization"),
        ("PutItem", b'{"TableName": NaN}', "Serialization"),
        ("PutItem", put({"k": {"S": 1}}), "Serialization"),
        ("PutItem", put({"k": {"N": 1}}), "Serialization"),
        ("PutItem", put({"k": {"N": "one"}}), "Validation"),
        ("PutItem", put({**ITEM, "n": {"N": "1e999"}}), "Validation"),
        ("PutItem", put({**ITEM, "n": {"N": "NaN"}}), "Validation"),
        ("PutItem", put({**ITEM, "n": {"N": ""}}), "Validation"),
        ("PutItem", put({"k": {}}), "Validation"),
        ("PutItem", put({"k": {"X": "1"}}), "Validation"),
        ("PutItem", put({"k": {"S": "1", "N": "1"}}), "Validation"),
        ("PutItem", put({"k": {"S": ""}}), "Validation"),
        ("PutItem", put({"k": "1"}), "Serialization"),
        ("PutItem", put({"k": {"N": "1"}}), "Validation"),
        ("PutItem", put({"other": {"S": "1"}}), "Validation"),
        ("PutItem", put([]), "Serialization"),
        ("PutItem", put("x"), "Serialization"),
        ("PutItem", put({**ITEM, "s": {"SS": []}}), "Validation"),
        ("PutItem", put({**ITEM, "s": {"SS": ["a", "a"]}}), "Validation"),
        ("PutItem", put({**ITEM, "s": {"SS": "a"}}), "Serialization"),
        ("PutItem", put({**ITEM, "b": {"BOOL": "yes"}}), "Serialization"),
        ("PutItem", put({**ITEM, "b": {"B": "not base64"}}), "Serialization"),
        ("PutItem", put({**ITEM, "t": {"S": "x" * 410_000}}), "Validation"),
        ("PutItem", put({**ITEM, "t": DEEP}), "Validation"),
        ("PutItem", put(ITEM, ConditionExpression="attribute_not_exists("), "Validation"),
        ("PutItem", put(ITEM, ConditionExpression="n = :absent"), "Validation"),
        ("PutItem", put(ITEM, ConditionExpression=""), "Validation"),
        ("PutItem", put(ITEM, ReturnValues="EVERYTHING"), "Validation"),
        ("PutItem", {**put(ITEM), "TableName": "absent"}, "ResourceNotFound"),
        ("PutItem", {**put(ITEM), "TableName": 3}, "Serialization"),
        ("PutItem", {**put(ITEM), "TableName": "../kept"}, ""),
        ("GetItem", {"TableName": TABLE, "Key": {"wrong": {"S": "1"}}}, "Validation"),
        ("GetItem", {"TableName": TABLE}, "Validation"),
        ("Query", {"TableName": TABLE, "KeyConditionExpression": "k >"}, "Validation"),
        ("Query", {"TableName": TABLE}, "Validation"),
        ("Scan", {"TableName": TABLE, "Limit": "ten"}, "Serialization"),
        ("Scan", {"TableName": TABLE, "Limit": 0}, "Validation"),
        (
            "UpdateItem",
            {"TableName": TABLE, "Key": {"k": {"S": "1"}}, "UpdateExpression": "SOT n = 1"},
            "Validation",
        ),
        (
            "UpdateItem",
            {
                "TableName": TABLE,
                "Key": {"k": {"S": "1"}},
                "UpdateExpression": "SET k = :a",
                "ExpressionAttributeValues": {":a": {"S": "2"}},
            },
            "Validation",
        ),
        ("BatchWriteItem", {"RequestItems": {}}, "Validation"),
        ("BatchWriteItem", {"RequestItems": {TABLE: [{}]}}, "Validation"),
        (
            "BatchWriteItem",
            {
                "RequestItems": {
                    TABLE: [{"PutRequest": {"Item": {"k": {"S": str(n)}}}} for n in range(26)]
                }
            },
            "Validation",
        ),
        ("TransactWriteItems", {"TransactItems": []}, "Validation"),
        ("TransactWriteItems", {"TransactItems": "x"}, "Serialization"),
        ("CreateTable", {"TableName": "new"}, "Validation"),
        (
            "CreateTable",
            {
                "TableName": "new",
                "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}],
                "AttributeDefinitions": [],
                "BillingMode": "PAY_PER_REQUEST",
            },
            "Validation",
        ),
        ("UpdateTimeToLive", {"TableName": TABLE, "TimeToLiveSpecification": 1}, "Serialization"),
    ],
    "secretsmanager": [
        ("CreateSecret", {}, "InvalidParameter"),
        ("CreateSecret", {"Name": 3}, "Serialization"),
        ("CreateSecret", {"Name": "new", "SecretString": {"a": 1}}, "Serialization"),
        ("CreateSecret", {"Name": TABLE, "SecretString": "x"}, "ResourceExists"),
        ("CreateSecret", {"Name": "a b;DROP", "SecretString": "x"}, "InvalidParameter"),
        ("PutSecretValue", {"SecretId": "absent", "SecretString": "x"}, "ResourceNotFound"),
        ("PutSecretValue", {"SecretId": TABLE}, "Invalid"),
        ("GetSecretValue", {"SecretId": ["kept"]}, "Serialization"),
        ("DeleteSecret", {"SecretId": TABLE, "RecoveryWindowInDays": 3}, "Invalid"),
    ],
    "logs": [
        ("CreateLogGroup", {}, "InvalidParameter"),
        ("CreateLogGroup", {"logGroupName": TABLE}, "ResourceAlreadyExists"),
        ("CreateLogStream", {"logGroupName": "absent", "logStreamName": "x"}, "ResourceNotFound"),
        ("PutLogEvents", {"logGroupName": TABLE, "logStreamName": "x", "logEvents": "x"}, "Serial"),
        ("GetLogEvents", {"logGroupName": TABLE, "logStreamName": "absent"}, "ResourceNotFound"),
        ("PutRetentionPolicy", {"logGroupName": TABLE, "retentionInDays": "x"}, "Serialization"),
        ("DescribeLogGroups", {"limit": 100_000}, "InvalidParameter"),
    ],
    "glue": [
        ("CreateJob", {}, "InvalidInput"),
        ("CreateJob", {**JOB, "Name": "../../escape"}, "InvalidInput"),
        ("CreateJob", {**JOB, "Name": ""}, "InvalidInput"),
        ("CreateJob", {**JOB, "Name": "x" * 256}, "InvalidInput"),
        ("CreateJob", {**JOB, "Name": 7}, "Serialization"),
        ("CreateJob", {**JOB, "Name": TABLE}, "AlreadyExists"),
        ("CreateJob", {**JOB, "Command": "pythonshell"}, "Serialization"),
        ("CreateJob", {**JOB, "Command": {}}, "InvalidInput"),
        ("CreateJob", {**JOB, "Command": command(ScriptLocation="file:///etc/passwd")}, "Invalid"),
        ("CreateJob", {**JOB, "Command": command(PythonVersion="2")}, "InvalidInput"),
        ("CreateJob", {**JOB, "DefaultArguments": {"--a": 1}}, "Serialization"),
        ("CreateJob", {**JOB, "DefaultArguments": ["--a"]}, "Serialization"),
        ("CreateJob", {**JOB, "Timeout": "60"}, "Serialization"),
        ("CreateJob", {**JOB, "Timeout": -1}, "InvalidInput"),
        ("CreateJob", {**JOB, "MaxCapacity": "lots"}, "Serialization"),
        ("CreateJob", {**JOB, "ExecutionProperty": 3}, "Serialization"),
        ("CreateJob", {**JOB, "ExecutionProperty": {"MaxConcurrentRuns": -1}}, "InvalidInput"),
        ("CreateJob", {**JOB, "Surprise": 1}, "InvalidInput"),
        ("UpdateJob", {"JobName": TABLE, "JobUpdate": []}, "Serialization"),
        ("UpdateJob", {"JobName": "absent", "JobUpdate": JOB}, "EntityNotFound"),
        ("GetJob", {"JobName": "../endpoint"}, "EntityNotFound"),
        ("GetJobs", {"NextToken": "-1"}, "InvalidInput"),
        ("GetJobs", {"MaxResults": 0}, "InvalidInput"),
        ("StartJobRun", {"JobName": "absent"}, "EntityNotFound"),
        ("StartJobRun", {"JobName": TABLE, "Arguments": "--a b"}, "Serialization"),
        ("StartJobRun", {"JobName": TABLE, "Arguments": {"a": "b"}}, "InvalidInput"),
        ("StartJobRun", {"JobName": TABLE, "Timeout": 1_000_000}, "InvalidInput"),
        ("GetJobRun", {"JobName": TABLE, "RunId": "../../x"}, "EntityNotFound"),
        ("BatchStopJobRun", {"JobName": TABLE, "JobRunIds": "all"}, "Serialization"),
        ("CreateSession", {**SESSION, "Role": "me"}, "InvalidInput"),
        ("CreateSession", {**SESSION, "Id": "x" * 256}, "InvalidInput"),
        ("CreateSession", {**SESSION, "GlueVersion": "0.9"}, "InvalidInput"),
        ("CreateSession", {**SESSION, "NumberOfWorkers": 0}, "InvalidInput"),
        ("CreateSession", {**SESSION, "Tags": {"a": 1}}, "Serialization"),
        ("RunStatement", {"SessionId": "absent", "Code": "1"}, "EntityNotFound"),
        ("RunStatement", {"SessionId": "absent", "Code": 1}, "Serialization"),
        ("GetStatement", {"SessionId": "absent", "Id": "one"}, "Serialization"),
        ("TagResource", {"ResourceArn": "x", "TagsToAdd": {"a": "b"}}, "InvalidInput"),
    ],
    "stepfunctions": [
        ("CreateStateMachine", {}, "Validation"),
        ("CreateStateMachine", {**NEW, "name": "a/b"}, "InvalidName"),
        ("CreateStateMachine", {**NEW, "name": "x" * 81}, "InvalidName"),
        ("CreateStateMachine", {**NEW, "name": 5}, "Serialization"),
        ("CreateStateMachine", {**NEW, "roleArn": "root"}, "InvalidArn"),
        ("CreateStateMachine", {**NEW, "definition": "{"}, "InvalidDefinition"),
        ("CreateStateMachine", {**NEW, "definition": "[]"}, "InvalidDefinition"),
        ("CreateStateMachine", {**NEW, "definition": "null"}, "InvalidDefinition"),
        ("CreateStateMachine", {**NEW, "definition": "{}"}, "InvalidDefinition"),
        ("CreateStateMachine", {**NEW, "definition": {"StartAt": "A"}}, "Serialization"),
        ("CreateStateMachine", {**NEW, "definition": states()}, "InvalidDefinition"),
        ("CreateStateMachine", {**NEW, "definition": states(3)}, "InvalidDefinition"),
        ("CreateStateMachine", {**NEW, "definition": states({"Type": "Bake"})}, "InvalidDef"),
        (
            "CreateStateMachine",
            {**NEW, "definition": states({"Type": "Pass", "Next": "Z"})},
            "InvalidDefinition",
        ),
        ("CreateStateMachine", {**NEW, "definition": "[" * 100_000}, "InvalidDefinition"),
        ("CreateStateMachine", {**NEW, "definition": "x" * 1_100_000}, "InvalidDefinition"),
        ("CreateStateMachine", {**NEW, "type": "SLOW"}, ""),
        ("CreateStateMachine", {**NEW, "tags": [{}]}, ""),
        ("CreateStateMachine", {**NEW, "tags": "x"}, "Serialization"),
        ("CreateStateMachine", {**NEW, "loggingConfiguration": "ALL"}, "Serialization"),
        ("CreateStateMachine", {**NEW, "loggingConfiguration": {"level": "SOME"}}, ""),
        ("UpdateStateMachine", {**START, "definition": "{"}, "InvalidDefinition"),
        ("UpdateStateMachine", START, ""),
        ("DescribeStateMachine", {"stateMachineArn": "kept"}, "InvalidArn"),
        ("DescribeStateMachine", {"stateMachineArn": MACHINE + "x"}, "StateMachineDoesNotExist"),
        ("DeleteStateMachine", {"stateMachineArn": "../x"}, "InvalidArn"),
        ("StartExecution", {**START, "input": "{"}, "InvalidExecutionInput"),
        ("StartExecution", {**START, "input": {"a": 1}}, "Serialization"),
        ("StartExecution", {**START, "input": "[" * 100_000}, "InvalidExecutionInput"),
        ("StartExecution", {**START, "input": f'"{"x" * 262_144}"'}, ""),
        ("StartExecution", {**START, "name": "a b"}, "InvalidName"),
        ("StartExecution", {**START, "name": "../escape"}, "InvalidName"),
        ("StartExecution", {**START, "name": "x" * 81}, "InvalidName"),
        ("StartExecution", {"stateMachineArn": 3}, "Serialization"),
        ("StopExecution", {"executionArn": MACHINE}, "InvalidArn"),
        ("RedriveExecution", {"executionArn": "arn:aws:states:a:1:execution:kept:x"}, "Execution"),
        ("ListExecutions", {**START, "maxResults": 1001}, "Validation"),
        ("ListExecutions", {**START, "nextToken": "one"}, "InvalidToken"),
        ("ListExecutions", {**START, "statusFilter": "HAPPY"}, "Validation"),
        ("ListStateMachines", {"nextToken": "ü"}, "InvalidToken"),
        ("SendTaskSuccess", {"taskToken": "x", "output": "{"}, "InvalidOutput"),
        ("SendTaskSuccess", {"taskToken": "x", "output": "{}"}, "InvalidToken"),
        ("SendTaskFailure", {"taskToken": 1}, "Serialization"),
        ("TagResource", {"resourceArn": MACHINE, "tags": [{"value": "a"}]}, ""),
        ("TestState", {"definition": "{", "roleArn": ROLE}, "InvalidDefinition"),
        ("ValidateStateMachineDefinition", {"definition": 1}, "Serialization"),
    ],
    "redshift-data": [
        ("ExecuteStatement", {}, "Validation"),
        ("ExecuteStatement", {**AT, "Sql": 1}, ""),
        ("ExecuteStatement", {**AT, "Sql": ""}, "Validation"),
        ("ExecuteStatement", {**AT, "Sql": "SELECT 1; DROP TABLE kept"}, "Validation"),
        ("ExecuteStatement", {**AT, "Sql": "SELECT '" + "x" * 102_400 + "'"}, "Validation"),
        ("ExecuteStatement", {**AT, "Sql": "SELECT :a"}, "Validation"),
        (
            "ExecuteStatement",
            {**AT, "Sql": "SELECT :a", "Parameters": [{"name": "a;b", "value": "1"}]},
            "Validation",
        ),
        ("ExecuteStatement", {**AT, "Sql": "SELECT 1", "Database": "../x"}, "Validation"),
        ("ExecuteStatement", {"Sql": "SELECT 1", "Database": "dev"}, "Validation"),
        ("ExecuteStatement", {**AT, "Sql": "SELECT 1", "WaitTimeSeconds": -1}, "Validation"),
        ("ExecuteStatement", {"Sql": "SELECT 1", "SessionId": "absent"}, ""),
        ("BatchExecuteStatement", {**AT, "Sqls": []}, "Validation"),
        ("BatchExecuteStatement", {**AT, "Sqls": "SELECT 1"}, ""),
        ("BatchExecuteStatement", {**AT, "Sqls": ["SELECT 1"] * 41}, "Validation"),
        ("BatchExecuteStatement", {**AT, "Sqls": ["SELECT 1", 2]}, ""),
        ("DescribeStatement", {"Id": "../x"}, ""),
        ("GetStatementResult", {"Id": "absent"}, ""),
        ("CancelStatement", {"Id": ""}, ""),
        ("ListTables", {**AT, "NextToken": "-1"}, "Validation"),
    ],
}


@pytest.mark.parametrize(
    ("service", "operation", "request_", "code"),
    [
        pytest.param(service, *case, id=f"{service}-{case[0]}-{number}")
        for service, cases in REQUESTS.items()
        for number, case in enumerate(cases)
    ],
)
def test_a_request(
    unharmed: Endpoint, service: str, operation: str, request_: Any, code: str
) -> None:
    status, told, message = error_of(ask(unharmed, service, operation, request_))
    print(service, operation, str(request_)[:90], "->", status, told, message[:150])
    assert 400 <= status < 500, (status, told, message)
    assert told.startswith(code) and message, (status, told, message)


# Requests as HTTP: method, path, headers beside the key, body, the code of the refusal.

SIGNED = "signed"
JSON_CALL = {"Content-Type": JSON10, "X-Amz-Target": "DynamoDB_20120810.ListTables"}
CHUNKED = {"X-Amz-Content-SHA256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER"}
XML = b"<?xml version='1.0'?>"
BOMB = (
    XML + b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;'>]><Delete>&b;</Delete>"
)
OUTSIDE = XML + b"<!DOCTYPE x [<!ENTITY a SYSTEM 'file:///etc/passwd'>]><Delete>&a;</Delete>"
DELETE = {"Content-MD5": "", "Content-Type": "application/xml"}


def form(action: str) -> bytes:
    return f"Action={action}&Version=2010-05-08".encode()


HTTP: list[tuple[str, str, str, dict[str, str], bytes, str]] = [
    ("dynamodb", "GET", "/", JSON_CALL, b"", "UnknownOperation"),
    ("dynamodb", "PUT", "/", JSON_CALL, b"{}", "UnknownOperation"),
    ("dynamodb", "BREW", "/", JSON_CALL, b"{}", "UnknownOperation"),
    ("dynamodb", "POST", "/kept", JSON_CALL, b"{}", "UnknownOperation"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Content-Type": "text/html"}, b"{}", "UnknownOp"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Content-Type": ""}, b"{}", "UnknownOperation"),
    ("dynamodb", "POST", "/", {"Content-Type": JSON10}, b"{}", "NotImplemented"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "X-Amz-Target": "."}, b"{}", "NotImplemented"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "X-Amz-Target": "Dynamo.ListTables"}, b"{}", "NotImp"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "X-Amz-Target": "DynamoDB_20120810.Drop"}, b"{}", "N"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "X-Amz-Target": "AWSGlue.__init__"}, b"{}", "NotImp"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "X-Amz-Target": "AWSGlue." + "x" * 9000}, b"{}", "N"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Content-Length": "-1"}, b"{}", "InvalidRequest"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Content-Length": "two"}, b"{}", "InvalidRequest"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Content-Length": "²"}, b"{}", "InvalidRequest"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Content-Length": "99999999999"}, b"{}", "RequestEnt"),
    ("dynamodb", "POST", "/", JSON_CALL, b" " * (16 * 1024**2 + 1), "RequestEntityTooLarge"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Authorization": ""}, b"{}", "MissingAuth"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Authorization": "Basic YTpi"}, b"{}", "MissingAuth"),
    ("dynamodb", "POST", "/", {**JSON_CALL, "Authorization": "AWS4-HMAC-SHA256 "}, b"", "Missing"),
    (
        "dynamodb",
        "POST",
        "/",
        {**JSON_CALL, "Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c"},
        b"{}",
        "MissingAuth",
    ),
    (
        "dynamodb",
        "POST",
        "/",
        {**JSON_CALL, "Authorization": "AWS4-HMAC-SHA256 Credential=a/b/c/d/aws4_request"},
        b"{}",
        "UnrecognizedClient",
    ),
    ("teapot", "POST", "/", {}, b"", "NotImplemented"),
    ("teapot", "POST", "/", {"Content-Type": FORM}, b"Action=Brew", "NotImplemented"),
    ("iam", "POST", "/", {"Content-Type": FORM}, b"", "NotImplemented"),
    ("iam", "POST", "/", {"Content-Type": FORM}, b"\xff=\xff", "Serialization"),
    ("iam", "POST", "/", {"Content-Type": FORM}, form("DropUser"), "NotImplemented"),
    ("iam", "POST", "/", {"Content-Type": FORM}, form("GetRole"), ""),
    ("iam", "POST", "/", {"Content-Type": FORM}, form("GetRole&RoleName=absent"), "NoSuchEntity"),
    ("iam", "POST", "/", {"Content-Type": FORM}, form("CreateRole"), ""),
    ("iam", "POST", "/", {"Content-Type": FORM}, form("CreateRole&RoleName=new"), ""),
    (
        "iam",
        "POST",
        "/",
        {"Content-Type": FORM},
        form("CreateRole&RoleName=new&AssumeRolePolicyDocument={"),
        "",
    ),
    ("iam", "GET", "/?Action=GetRole", {"Content-Type": FORM}, b"", ""),
    ("sns", "POST", "/", {"Content-Type": FORM}, form("CreateTopic"), ""),
    ("sns", "POST", "/", {"Content-Type": FORM}, form("CreateTopic&Name=a b"), "Invalid"),
    ("sns", "POST", "/", {"Content-Type": FORM}, form("Publish&Message=x&TopicArn=absent"), ""),
    ("sns", "POST", "/", {"Content-Type": FORM}, form("DeleteTopic&TopicArn=absent"), ""),
    ("scheduler", "POST", "/schedules/new", {}, b"{", "Validation"),
    ("scheduler", "POST", "/schedules/new", {}, b"[]", "Validation"),
    ("scheduler", "POST", "/schedules/new", {}, b"[" * 100_000, "Validation"),
    ("scheduler", "POST", "/schedules/new", {}, b"\xff", "Serialization"),
    ("scheduler", "POST", "/schedules/new", {}, b"{}", "Validation"),
    ("scheduler", "DELETE", "/schedules/absent", {}, b"", "ResourceNotFound"),
    ("scheduler", "GET", "/schedules/..%2f..%2fendpoint", {}, b"", ""),
    ("scheduler", "PATCH", "/schedules/kept", {}, b"{}", "NotImplemented"),
    ("scheduler", "GET", "/schedules?MaxResults=many", {}, b"", "Validation"),
    ("scheduler", "GET", "/schedules?MaxResults=0", {}, b"", "Validation"),
    ("scheduler", "GET", "/schedules?MaxResults=-5", {}, b"", "Validation"),
    ("scheduler", "GET", "/schedules?State=ASLEEP", {}, b"", "Validation"),
    ("scheduler", "GET", "/schedule-groups/x", {}, b"", "NotImplemented"),
    *(
        ("scheduler", "POST", "/schedules/new", {}, json.dumps(body).encode(), "")
        for body in (
            schedule(ScheduleExpression="every day"),
            schedule(ScheduleExpression=5),
            schedule(ScheduleExpression="rate(0 days)"),
            schedule(ScheduleExpression="rate(-1 days)"),
            schedule(ScheduleExpression="cron(* * * * *)"),
            schedule(ScheduleExpression="cron(99 * * * ? *)"),
            schedule(ScheduleExpression="at(2024-13-45T00:00:00)"),
            schedule(ScheduleExpression="rate(" + "9" * 5000 + " days)"),
            schedule(ScheduleExpressionTimezone="Mars/Olympus"),
            schedule(ScheduleExpressionTimezone="../../etc/passwd"),
            schedule(FlexibleTimeWindow="OFF"),
            schedule(FlexibleTimeWindow={"Mode": "MAYBE"}),
            schedule(Target="x"),
            schedule(Target={}),
            schedule(Target={"Arn": MACHINE, "RoleArn": ROLE, "Input": {"a": 1}}),
            schedule(Target={"Arn": MACHINE, "RoleArn": ROLE, "RetryPolicy": "never"}),
            schedule(State=1),
            schedule(StartDate="tomorrow"),
            schedule(EndDate={}),
            schedule(StartDate=1e30),
            schedule(GroupName=["a"]),
            schedule(Description=5),
            schedule(ActionAfterCompletion="EXPLODE"),
            schedule(Surprise=1),
        )
    ),
    ("s3", "PUT", "/", {}, b"", "NotImplemented"),
    ("s3", "BREW", f"/{BUCKET}/x", {}, b"", "NotImplemented"),
    ("s3", "PUT", "/UPPER", {}, b"", "InvalidBucketName"),
    ("s3", "PUT", "/ab", {}, b"", "InvalidBucketName"),
    ("s3", "PUT", "/new?surprise", {}, b"", "NotImplemented"),
    ("s3", "PUT", "/new", {"Content-Type": "application/xml"}, b"<a", ""),
    ("s3", "PUT", "/absent-bucket/key", {}, b"x", "NoSuchBucket"),
    ("s3", "GET", f"/{BUCKET}/absent", {}, b"", "NoSuchKey"),
    ("s3", "PUT", f"/{BUCKET}/../escape", {}, b"x", "InvalidArgument"),
    ("s3", "PUT", f"/{BUCKET}/a/../../escape", {}, b"x", "InvalidArgument"),
    ("s3", "PUT", f"/{BUCKET}/%2e%2e%2fescape", {}, b"x", "InvalidArgument"),
    ("s3", "PUT", f"/{BUCKET}/a%00b", {}, b"x", "InvalidArgument"),
    ("s3", "PUT", f"/{BUCKET}/%ff%fe", {}, b"x", "InvalidURI"),
    ("s3", "PUT", f"/{BUCKET}/{'k' * 1025}", {}, b"x", "KeyTooLong"),
    ("s3", "PUT", f"/{BUCKET}/new", {"Content-MD5": "wrong"}, b"x", "BadDigest"),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-checksum-sha256": "AAAA"}, b"x", "BadDigest"),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-checksum-crc64nvme": "AAAA"}, b"x", "NotImplemented"),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-acl": "public-read"}, b"x", "NotImplemented"),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-tagging": "a=b"}, b"x", "NotImplemented"),
    ("s3", "PUT", f"/{BUCKET}/new", {"If-None-Match": "*", **CHUNKED}, b"zz\r\n", "Incomplete"),
    ("s3", "PUT", f"/{BUCKET}/new", CHUNKED, b"", "Incomplete"),
    ("s3", "PUT", f"/{BUCKET}/new", CHUNKED, b"-5\r\nhello\r\n0\r\n\r\n", "Incomplete"),
    ("s3", "PUT", f"/{BUCKET}/new", CHUNKED, b"ff\r\nhello\r\n0\r\n\r\n", "Incomplete"),
    ("s3", "PUT", f"/{BUCKET}/new", CHUNKED, b"2\r\nhello\r\n0\r\n\r\n", "InvalidChunkSize"),
    ("s3", "PUT", f"/{BUCKET}/new", CHUNKED, b"5\r\nhello\r\n", "Incomplete"),
    (
        "s3",
        "PUT",
        f"/{BUCKET}/new",
        {**CHUNKED, "X-Amz-Decoded-Content-Length": "9"},
        b"5\r\nhello\r\n0\r\n\r\n",
        "IncompleteBody",
    ),
    ("s3", "PUT", f"/{BUCKET}/kept", {"If-None-Match": "*"}, b"x", "PreconditionFailed"),
    ("s3", "PUT", f"/{BUCKET}/kept", {"If-Match": '"0"'}, b"x", "PreconditionFailed"),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-copy-source": "/absent/x"}, b"", "NoSuchBucket"),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-copy-source": f"{BUCKET}/absent"}, b"", "NoSuchKey"),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-copy-source": "x"}, b"", ""),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-copy-source": f"{BUCKET}/../x"}, b"", "Invalid"),
    ("s3", "PUT", f"/{BUCKET}/new", {"x-amz-expected-bucket-owner": "1"}, b"x", "AccessDenied"),
    ("s3", "GET", f"/{BUCKET}/kept", {"Range": "bytes=99-"}, b"", "InvalidRange"),
    ("s3", "GET", f"/{BUCKET}?list-type=2&max-keys=many", {}, b"", "InvalidArgument"),
    ("s3", "GET", f"/{BUCKET}?list-type=2&max-keys=-1", {}, b"", "InvalidArgument"),
    ("s3", "GET", f"/{BUCKET}?list-type=2&continuation-token=garbled", {}, b"", "InvalidArgument"),
    ("s3", "GET", f"/{BUCKET}?list-type=2&encoding-type=rot13", {}, b"", "InvalidArgument"),
    ("s3", "GET", f"/{BUCKET}?list-type=3", {}, b"", ""),
    ("s3", "POST", f"/{BUCKET}?delete", DELETE, b"", "MalformedXML"),
    ("s3", "POST", f"/{BUCKET}?delete", DELETE, b"not xml", "MalformedXML"),
    ("s3", "POST", f"/{BUCKET}?delete", DELETE, b"<Delete><Object>", "MalformedXML"),
    ("s3", "POST", f"/{BUCKET}?delete", DELETE, b"<Delete/>", "MalformedXML"),
    ("s3", "POST", f"/{BUCKET}?delete", DELETE, b"<Delete><Object/></Delete>", "MalformedXML"),
    ("s3", "POST", f"/{BUCKET}?delete", DELETE, BOMB, "MalformedXML"),
    ("s3", "POST", f"/{BUCKET}?delete", DELETE, OUTSIDE, "MalformedXML"),
    ("s3", "PUT", f"/{BUCKET}/new?partNumber=1&uploadId=absent", {}, b"x", "NoSuchUpload"),
    ("s3", "PUT", f"/{BUCKET}/new?partNumber=0&uploadId=absent", {}, b"x", ""),
    ("s3", "PUT", f"/{BUCKET}/new?partNumber=x&uploadId=absent", {}, b"x", ""),
    ("s3", "POST", f"/{BUCKET}/new?uploadId=../../escape", {}, b"<a/>", ""),
    ("s3", "POST", f"/{BUCKET}/new?uploadId=absent", {}, b"<a", ""),
    ("s3", "DELETE", f"/{BUCKET}/new?uploadId=..%2f..%2fs3", {}, b"", "NoSuchUpload"),
    ("s3", "DELETE", f"/{BUCKET}", {}, b"", "BucketNotEmpty"),
]


@pytest.mark.parametrize(
    ("service", "method", "path", "headers", "body", "code"),
    [pytest.param(*case, id=f"{case[0]}-{case[1]}-{number}") for number, case in enumerate(HTTP)],
)
def test_an_http_request(
    unharmed: Endpoint,
    service: str,
    method: str,
    path: str,
    headers: dict[str, str],
    body: bytes,
    code: str,
) -> None:
    signed = {"Authorization": authorization(unharmed, service), **headers}
    answer = send(unharmed, method, path, signed, body)
    status, told, message = error_of(answer)
    print(service, method, path[:60], str(body)[:150], "->", status, told, message[:150])
    assert 400 <= status < 500 or (status, told) == (501, "NotImplemented"), (status, message)
    assert told.startswith(code) and message, (status, told, message)


# Files: what COPY is given, by manifest or by prefix, and what it says.


def parquet(**changes: Any) -> bytes:
    columns = {"id": pa.array([2, 3], pa.int64()), "name": pa.array(["a", "b"])} | changes
    kept = {name: column for name, column in columns.items() if column is not None}
    body = io.BytesIO()
    pq.write_table(pa.table(kept), body, compression="none", use_dictionary=False)
    return body.getvalue()


GOOD = parquet()
MANY = parquet(id=pa.array(range(20_000)), name=pa.array(["abcde"] * 20_000))
FILES: dict[str, bytes] = {
    "empty": b"",
    "text": b"id,name\n2,two\n",
    "gzip": gzip.compress(GOOD),
    "json": b'{"id": 2, "name": "two"}',
    "begins": b"PAR1",
    "begins and ends": b"PAR1" + b"\0" * 100 + b"PAR1",
    "long footer": b"PAR1" + b"\xff" * 4 + b"PAR1",
    "truncated": GOOD[: len(GOOD) // 2],
    "without its last byte": GOOD[:-1],
    "without its first bytes": GOOD[8:],
    "zeros in its footer": GOOD[:-60] + b"\0" * 40 + GOOD[-20:],
    "zeros in its pages": GOOD[:4] + b"\0" * 60 + GOOD[64:],
    "damaged halfway": MANY[:100_000] + b"\xff" * 150_000 + MANY[250_000:],
    "a column less": parquet(name=None),
    "a column more": parquet(more=pa.array([1, 1])),
    "text for a number": parquet(id=pa.array(["2", "3"])),
    "a number for text": parquet(name=pa.array([2, 3])),
    "a smaller number": parquet(id=pa.array([2, 3], pa.int32())),
    "a list": parquet(name=pa.array([["a"], ["b"]])),
    "a struct": parquet(name=pa.array([{"a": 1}, {"a": 2}])),
    "bytes": parquet(name=pa.array([b"a", b"\xff"])),
    "a null where none may be": parquet(id=pa.array([2, None], pa.int64())),
    "a text too long": parquet(name=pa.array(["a", "abcdef"])),
    "a text of too many bytes": parquet(name=pa.array(["a", "äöü"])),
}


def copied(endpoint: Endpoint, body: bytes, options: str = "", into: str = TABLE) -> dict[str, Any]:
    """COPY from an object that holds ``body``; the object is gone afterwards."""
    s3 = endpoint.client("s3")
    s3.put_object(Bucket=BUCKET, Key="given/file", Body=body)
    try:
        from_ = f"COPY {into} FROM 's3://{BUCKET}/given/file' IAM_ROLE '{ROLE}'"
        return sql(endpoint, f"{from_} FORMAT AS PARQUET {options}")
    finally:
        s3.delete_object(Bucket=BUCKET, Key="given/file")


def assert_refused(endpoint: Endpoint, told: dict[str, Any]) -> None:
    print("->", told.get("Error", "")[:250])
    assert told["Status"] == "FAILED" and told["Error"].startswith("ERROR: "), told
    assert "InternalFailure" not in told["Error"]
    rows = sql(endpoint, f"SELECT id, name FROM {TABLE}")
    assert rows["ResultRows"] == 1


@pytest.mark.parametrize("name", FILES)
def test_a_file(unharmed: Endpoint, name: str) -> None:
    assert_refused(unharmed, copied(unharmed, FILES[name]))


def test_a_good_file_and_a_bad_one_load_neither(unharmed: Endpoint) -> None:
    s3 = unharmed.client("s3")
    s3.put_object(Bucket=BUCKET, Key="given/file-1", Body=GOOD)
    assert_refused(unharmed, copied(unharmed, FILES["damaged halfway"]))
    s3.delete_object(Bucket=BUCKET, Key="given/file-1")


def entries(*urls: Any, **more: Any) -> dict[str, Any]:
    meta = {"content_length": 4}
    return {"entries": [{"url": url, "mandatory": True, "meta": meta, **more} for url in urls]}


HERE = f"s3://{BUCKET}"
MANIFESTS: dict[str, Any] = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b"\xff",
    "a Parquet file": GOOD,
    "nested too deeply": b"[" * 200_000,
    "null": None,
    "a number": 3,
    "a list": [],
    "without entries": {},
    "entries null": {"entries": None},
    "entries text": {"entries": "kept"},
    "entries a table": {"entries": {"url": f"{HERE}/kept"}},
    "no entry": {"entries": []},
    "an entry of text": {"entries": [f"{HERE}/kept"]},
    "an entry of null": {"entries": [None]},
    "no url": {"entries": [{"mandatory": True, "meta": {"content_length": 4}}]},
    "url null": entries(None),
    "url a number": entries(3),
    "url a list": entries([f"{HERE}/kept"]),
    "url empty": entries(""),
    "url of the web": entries("http://127.0.0.1/kept"),
    "url of a file": entries("file:///etc/passwd"),
    "a path": entries("/etc/passwd"),
    "no key": entries(HERE),
    "a folder": entries(f"{HERE}/given/"),
    "a missing file": entries(f"{HERE}/absent"),
    "a missing bucket": entries("s3://absent-bucket/kept"),
    "one is missing": entries(f"{HERE}/kept", f"{HERE}/absent"),
    "outside": entries(f"{HERE}/../../endpoint.json"),
    "outside to another bucket": entries(f"{HERE}/../{BUCKET}-other/kept"),
    "outside encoded": entries(f"{HERE}/%2e%2e/%2e%2e/endpoint.json"),
    "a NUL": entries(f"{HERE}/ke\0pt"),
    "quotes": entries(f"{HERE}/kept'; DROP TABLE kept; --"),
    "no length": {"entries": [{"url": f"{HERE}/kept", "mandatory": True}]},
    "meta text": entries(f"{HERE}/kept", meta="4"),
    "length text": entries(f"{HERE}/kept", meta={"content_length": "4"}),
    "length wrong": entries(f"{HERE}/kept", meta={"content_length": 5}),
    "length below zero": entries(f"{HERE}/kept", meta={"content_length": -1}),
    "not Parquet": entries(f"{HERE}/kept"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest(unharmed: Endpoint, name: str) -> None:
    given = MANIFESTS[name]
    body = given if isinstance(given, bytes) else json.dumps(given).encode()
    assert_refused(unharmed, copied(unharmed, body, "MANIFEST"))


@pytest.mark.parametrize(
    "statement",
    [
        f"COPY {TABLE} FROM '{HERE}/absent' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} FROM '{HERE}/kept' FORMAT PARQUET",
        f"COPY {TABLE} FROM '{HERE}/kept' IAM_ROLE '{ROLE}' FORMAT PARQUET SURPRISE",
        f"COPY absent FROM '{HERE}/kept' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} (nothing) FROM '{HERE}/kept' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} FROM 's3://{BUCKET}/../../x' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} FROM '/etc/passwd' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} FROM '{HERE}/kept' IAM_ROLE '{ROLE}",
        "COPY",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        f"COPY {TABLE} TO '/tmp/escape'",
        "ATTACH '/tmp/escape'",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "SELEKT 1",
        "SELECT (((((1",
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT 'unfinished",
        "/* unfinished",
        f"DROP TABLE {TABLE}, absent",
        f"INSERT INTO {TABLE} VALUES (1)",
        f"INSERT INTO {TABLE} VALUES (NULL, 'x')",
        f"INSERT INTO {TABLE} VALUES (2, 'too long')",
        "SELECT '\\0'::INT",
    ],
    ids=lambda text: text[:40],
)
def test_a_statement(unharmed: Endpoint, statement: str) -> None:
    assert_refused(unharmed, sql(unharmed, statement))


# Libraries of jobs, and names.


def archive(*members: Any) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in members:
            file.writestr(member, content)
    return body.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = 3, 0o120777 << 16
    return made


def lying(size: int) -> bytes:
    """A zip whose directory says that a member unzips to ``size`` bytes."""
    body = bytearray(archive(("a.py", "x = 1")))
    at = body.index(b"PK\x01\x02") + 24
    body[at : at + 4] = size.to_bytes(4, "little")
    return bytes(body)


ZIPS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a zip"),
    "text": (b"import os", "not a zip"),
    "truncated": (archive(("a.py", "x = 1"))[:-10], "not a zip"),
    "upwards": (archive(("../escape.py", "")), "unsafe member"),
    "upwards later": (archive(("a/../../escape.py", "")), "unsafe member"),
    "upwards by backslash": (archive(("..\\escape.py", "")), "unsafe member"),
    "absolute": (archive(("/tmp/escape.py", "")), "unsafe member"),
    "of a drive": (archive(("C:\\escape.py", "")), "unsafe member"),
    "a link": (archive((link("escape.py"), "/etc/passwd")), "unsafe member"),
    "a good one and a bad one": (archive(("a.py", ""), ("../escape.py", "")), "unsafe member"),
    "a bomb": (lying(2**31), "bytes unzipped"),
}


@pytest.fixture
def job_error(unharmed: Endpoint) -> Callable[..., str]:
    """Start a run of a job; why it failed."""

    def run(arguments: dict[str, str]) -> str:
        glue = unharmed.client("glue")
        run_id = glue.start_job_run(JobName=TABLE, Arguments=arguments)["JobRunId"]
        while True:
            found = glue.get_job_run(JobName=TABLE, RunId=run_id)["JobRun"]
            if found["JobRunState"] in ("FAILED", "SUCCEEDED", "ERROR"):
                assert found["JobRunState"] == "FAILED", found
                return str(found["ErrorMessage"])
            time.sleep(0.02)

    return run


@pytest.mark.parametrize("name", ZIPS)
def test_a_library(unharmed: Endpoint, job_error: Callable[..., str], name: str) -> None:
    body, problem = ZIPS[name]
    s3 = unharmed.client("s3")
    s3.put_object(Bucket=BUCKET, Key="given/lib.zip", Body=body)
    message = job_error({"--extra-py-files": f"{HERE}/given/lib.zip"})
    s3.delete_object(Bucket=BUCKET, Key="given/lib.zip")
    assert "--extra-py-files" in message and problem in message


@pytest.mark.parametrize(
    "uri",
    [
        f"{HERE}/absent.zip",
        f"{HERE}/../../endpoint.json",
        f"{HERE}/kept",
        "/etc/passwd",
        "file:///etc/passwd",
        "s3://",
        f"{HERE}/script.py,{HERE}/script.py",
    ],
)
def test_an_address_of_a_library(job_error: Callable[..., str], uri: str) -> None:
    assert "--extra-py-files" in job_error({"--extra-py-files": uri})


@pytest.mark.parametrize(
    "run_id", [".", "..", "../x", "a/b", "/etc/x", "a\\b", "a\0b", "a\nb", "%2e%2e", "x" * 81]
)
def test_a_run_id(unharmed: Endpoint, monkeypatch: pytest.MonkeyPatch, run_id: str) -> None:
    for name, value in unharmed.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match="run_id"):
        open_run(run_id, BUCKET, "", "", "local", "dev", "", TABLE)


# Raw bytes: not even HTTP.

RAW = {
    "nothing": b"\r\n\r\n",
    "noise": bytes(range(256)) + b"\r\n\r\n",
    "another protocol": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "one word": b"GET\r\n\r\n",
    "no such version": b"GET / HTTP/9.9\r\n\r\n",
    "a path too long": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\n\r\n",
    "a header too long": b"GET / HTTP/1.1\r\nX: " + b"a" * 70_000 + b"\r\n\r\n",
    "too many headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 200 + b"\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "chunks that are none": (
        b"POST / HTTP/1.1\r\nHost: {host}\r\nAuthorization: {key}\r\n"
        b"X-Amz-Target: DynamoDB_20120810.ListTables\r\n"
        b"Content-Type: application/x-amz-json-1.0\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n"
    ),
    "chunks that end early": (
        b"PUT /malformed/new HTTP/1.1\r\nHost: {host}\r\nAuthorization: {s3}\r\n"
        b"Transfer-Encoding: chunked\r\n\r\nff\r\nhello"
    ),
    "a body that ends early": (
        b"PUT /malformed/new HTTP/1.1\r\nHost: {host}\r\nAuthorization: {s3}\r\n"
        b"Content-Length: 100\r\n\r\nhello"
    ),
}


@pytest.mark.parametrize("name", RAW)
def test_bytes(unharmed: Endpoint, name: str) -> None:
    """A refusal, or the connection is closed; no answer is a success."""
    address = urlsplit(unharmed.url)
    sent = RAW[name].replace(b"{host}", address.netloc.encode())
    sent = sent.replace(b"{key}", authorization(unharmed, "dynamodb").encode())
    sent = sent.replace(b"{s3}", authorization(unharmed, "s3").encode())
    answer = b""
    with socket.create_connection((address.hostname or "", address.port or 0), 10) as connection:
        with suppress(ConnectionError):
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            while block := connection.recv(65536):
                answer += block
    print(name, "->", answer[:200])
    first = answer.split(b"\r\n")[0]
    assert not answer or b" 4" in first or b" 505 " in first or b"Error code: 4" in answer


# Contracts: one setting wrong in a contract that is right otherwise.

RIGHT = """
name = "shop"
setup = ["redshift/setup.sql"]
checks = ["checks/check.sql"]
[tables.rates]
keys = ["day"]
[tables.orders]
keys = ["id"]
cursor = "at"
append_only = false
lookback = 0
lag = 60
deletes = "sweep"
zero_dates = "fail"
min_rows = 1
quarantine_limit = 0.05
skip = ["secret"]
distkey = "id"
sortkey = ["at"]
[tables.orders.columns.currency]
expression = "upper(currency)"
type = "VARCHAR(12)"
[[tables.orders.rules]]
name = "rate_is_known"
expect = "currency = 'USD'"
[tables.orders.rules.reference]
table = "rates"
on = { day = "day" }
[indicators.daily]
title = "Orders by day"
period = "day"
[indicators.daily.touched_by]
orders = ["at", "at"]
"""
# What a setting may never be; the settings, by their line. Types first.
VALUES = ("3", "-1", "1.5", "nan", "inf", "true", '""', "[]", "[3]", '[""]', "{}", "{ a = 3 }")
VALUES += ("2024-12-30", "99999999999999999999", '"\\u0000"', '"../x"', '["../x"]')
ALLOWED = {
    "lookback": ("3",),
    "lag": ("3",),
    "min_rows": ("3",),
    "quarantine_limit": (),
    "append_only": ("true",),
    "setup": ("[]",),
    "checks": ("[]",),
    "skip": ("[]", '["../x"]'),  # names of MySQL columns, which may have any character
    "keys": ('["../x"]',),
    "cursor": ('"../x"', '"\\u0000"'),
    "distkey": ('"../x"', '"\\u0000"'),
    "sortkey": ("[]", '["../x"]'),
    "expression": ('"../x"', '"\\u0000"'),  # SQL, which Spark judges
    "expect": ('"../x"', '"\\u0000"'),
    "title": ('""', '"../x"', '"\\u0000"'),
    "orders": (),
    "on": (),
    "period": (),
}


def changed() -> Iterator[Any]:
    """Every setting of the contract with every value that it may not have."""
    lines = RIGHT.strip().splitlines()
    for number, line in enumerate(lines):
        setting = line.partition(" = ")[0]
        if " = " not in line:
            continue
        for value in VALUES:
            if value not in ALLOWED.get(setting, ()):
                text = "\n".join([*lines[:number], f"{setting} = {value}", *lines[number + 1 :]])
                yield pytest.param(text, id=f"{number}-{setting}-{value}")


def with_(old: str, new: str) -> str:
    assert old in RIGHT
    return RIGHT.replace(old, new, 1)


SQL = "x'; DROP TABLE raw.orders; --"
WRONG: dict[str, str] = {
    "empty": "",
    "no TOML": "{",
    "JSON": '{"name": "shop"}',
    "nested too deeply": "a = " + "[" * 100_000,
    "a name twice": RIGHT + '\nname = "again"\n[tables.rates]\nkeys = ["day"]\n',
    "an unknown section": RIGHT + "\n[surprise]\na = 1\n",
    "tables a list": 'name = "shop"\n[[tables]]\nkeys = ["id"]\n',
    "tables text": 'name = "shop"\ntables = "orders"\n',
    "a table of text": 'name = "shop"\n[tables]\norders = "id"\n',
    "no keys": 'name = "shop"\n[tables.orders]\ncursor = "at"\n',
    "no table": 'name = "shop"\n',
    "SQL in a column's type": with_("VARCHAR(12)", "INT); DROP TABLE raw.orders; --"),
    "SQL in the way of deletes": with_('"sweep"', f'"{SQL}"'),
    "a path for a name": with_('"shop"', '"../../shop"'),
    "a path for a table": with_("[tables.rates]", '[tables."../rates"]'),
    "a NUL in a table": with_("[tables.rates]", '[tables."ra\\u0000tes"]'),
    "a line end in a table": with_("[tables.rates]", '[tables."ra\\ntes"]'),
    "no name of a table": with_("[tables.rates]", '[tables.""]'),
    "a table of 65 characters": with_("[tables.rates]", f"[tables.{'r' * 65}]"),
    "a path for an indicator": RIGHT.replace("indicators.daily", 'indicators."../daily"'),
    "setup outside": with_("redshift/setup.sql", "../../etc/passwd"),
    "setup absolute": with_("redshift/setup.sql", "/etc/passwd.sql"),
    "checks outside": with_("checks/check.sql", "checks/../../x.sql"),
    "checks no SQL": with_("checks/check.sql", "checks/check.py"),
    "a key twice": with_('keys = ["id"]', 'keys = ["id", "id"]'),
    "a key left out": with_('["secret"]', '["id"]'),
    "the cursor left out": with_('["secret"]', '["at"]'),
    "append only with a lookback": with_(
        "append_only = false\nlookback = 0", "append_only = true\nlookback = 9"
    ),
    "append only without a cursor": with_(
        'cursor = "at"\nappend_only = false', "append_only = true"
    ),
    "deletes by no column": with_('"sweep"', '"soft:"'),
    "a limit of 101 percent": with_("0.05", "1.01"),
    "two rules of one name": RIGHT.replace(
        "[indicators.daily]", '[[tables.orders.rules]]\nname = "rate_is_known"\n[indicators.daily]'
    ),
    "a rule without a name": with_('name = "rate_is_known"\n', ""),
    "a reference to nothing": with_('table = "rates"', 'table = "absent"'),
    "a reference to a table with a cursor": with_('table = "rates"', 'table = "orders"'),
    "a reference by nothing": with_('{ day = "day" }', "{}"),
    "references in a circle": """
name = "shop"
[tables.a]
keys = ["id"]
rules = [{ name = "r", reference = { table = "b", on = { id = "id" } } }]
[tables.b]
keys = ["id"]
rules = [{ name = "r", reference = { table = "a", on = { id = "id" } } }]
""",
    "an indicator of an absent table": RIGHT.replace('orders = ["at", "at"]', 'order = "all"'),
    "an indicator of three periods": RIGHT.replace('["at", "at"]', '["at", "at", "at"]'),
    "two tables that fold to one": RIGHT + '\n[tables.RATES]\nkeys = ["day"]\n',
}


def test_the_contract_is_right_before_it_is_made_wrong() -> None:
    assert len(contracts.parse(RIGHT, "shop.toml").tables) == 2


@pytest.mark.parametrize("text", [*changed(), *(pytest.param(t, id=n) for n, t in WRONG.items())])
def test_a_contract(text: str) -> None:
    with pytest.raises(ContractError) as caught:
        contracts.parse(text, "shop.toml")
    assert str(caught.value).startswith("shop.toml: ")
    assert caught.value.field and caught.value.problem


def test_a_contract_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "tables.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ContractError, match="not UTF-8"):
        pipeline.read_contract(path)
    with pytest.raises(ContractError):
        pipeline.read_contract(tmp_path)


def test_sql_in_the_names_of_a_contract_is_a_name(unharmed: Endpoint) -> None:
    """Names that a database may have are quoted wherever they stand."""
    name = "x\"; DROP TABLE kept; --'"
    text = f'name = "x"\n[tables.{json.dumps(name)}]\nkeys = ["id"]\n'
    assert list(contracts.parse(text, "x").tables) == [name]
    made = f"CREATE TABLE {redshift('public', name)} (id INT)"
    assert sql(unharmed, made)["Status"] == "FINISHED"
    assert sql(unharmed, f"SELECT {literal(name)} AS name")["Status"] == "FINISHED"
    assert sql(unharmed, f"DROP TABLE {redshift('public', name)}")["Status"] == "FINISHED"
