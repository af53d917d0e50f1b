"""Requests as no SDK would make them, and what is said to them."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

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
