"""Malformed requests get a clear error of AWS's shape, write nothing, and the server lives."""

from __future__ import annotations

import gzip
import json
import socket
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.malformed.sending import (
    BUCKET,
    DEFINITION,
    FORM,
    JSON10,
    MACHINE,
    ROLE,
    TABLE,
    ask,
    authorization,
    command,
    error_of,
    schedule,
    send,
)
from workbench.endpoint import Endpoint

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
