"""What each role really asks AWS for: captured from runs here, and what AWS adds to it there."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from etl_lib.errors import RunFailed
from workbench.deployment import MACHINE, PREFIX, TOPIC
from workbench.drill.lane import CONTRACT, Lane
from workbench.pipeline import BOOKMARKS, BUCKET

from .cloudformation import ACCOUNT, REGION, Stack
from .evaluator import Call

PIPELINE = "drill"
RULES = """
[[tables.orders.rules]]
name = "currency_is_known"
expect = "quantity < 100000"
reference = { table = "rates", on = { "note" = "currency" } }

[[tables.orders.rules]]
name = "note_is_unique"
unique = ["note", "id"]
"""
JOBS = {
    "01_extract": "ExtractRole",
    "02_raw_ingest": "RawIngestRole",
    "03_transform": "TransformRole",
    "04_load": "LoadRole",
    "05_bookmark": "BookmarkRole",
    "06_finalize": "FinalizeRole",
}
READING = ("GetObject", "HeadObject")
S3_ACTIONS = {
    **dict.fromkeys(READING, "s3:GetObject"),
    "ListObjectsV2": "s3:ListBucket",
    "DeleteObject": "s3:DeleteObject",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html
    **dict.fromkeys(
        "PutObject CopyObject CreateMultipartUpload UploadPart CompleteMultipartUpload".split(),
        "s3:PutObject",
    ),
}
ME = "AROAEXAMPLE:session"  # aws:userid
TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.3"}


def contract(folder: Path) -> Path:
    """The drill's contract with rules more, so that stage 03 asks for bookmarks and rows."""
    shutil.copytree(CONTRACT.parent, folder)
    path = folder / "tables.toml"
    text, rule = path.read_text(), 'expect = "quantity > 0"\n'
    assert rule in text
    path.write_text(text.replace(rule, rule + RULES, 1))
    return path


def captured(lane: Lane) -> list[dict[str, Any]]:
    """Every request of five executions: two at once, one after changes and a lost backfill, one
    that fails, one without a contract; and of stages that nobody has planned."""
    log = lane.home.aws / "requests.jsonl"
    log.touch()
    client = lane.stack.endpoint.client("stepfunctions")
    machine = f"arn:aws:states:{lane.stack.endpoint.region}:123456789012:stateMachine:{MACHINE}"
    given = {"contract": lane.contract_url, "source_secret": lane.secret}

    def start(name: str, **more: str) -> str:
        text = json.dumps(given | more)
        made = client.start_execution(stateMachineArn=machine, name=name, input=text)
        return str(made["executionArn"])

    def end(arn: str) -> str:
        while (found := client.describe_execution(executionArn=arn)["status"]) == "RUNNING":
            time.sleep(0.05)
        return str(found)

    both = [start("first"), start("second")]
    assert sorted(map(end, both)) == ["FAILED", "SUCCEEDED"]  # the other one held the lease
    lane.source.change(1)
    run, _ = lane.opened("first")
    run.warehouse.rows(
        "INSERT INTO etl.staging VALUES ('drill', 'orders', 'lost-backfill', 'backfill', 1)"
    )
    assert end(start("third")) == "SUCCEEDED"
    lane.source.change(2)
    effect = "redshift-data:BatchExecuteStatement copy orders"
    fault = {"effect": effect, "number": 1, "when": "before", "kind": "error", "statement": None}
    lane.plant({"run": "fourth", "stage": f"{PREFIX}02_raw_ingest", **fault})
    assert end(start("fourth")) == "FAILED"
    for stage in ("04_load", "05_bookmark", "06_finalize"):
        with suppress(RunFailed):  # without a plan: it has to tell that there is none
            lane.run("unplanned", (stage,))
    assert end(start("fifth", contract=f"s3://{BUCKET}/contract/none/tables.toml")) == "FAILED"
    lines = log.read_text().splitlines()
    log.unlink()
    return [json.loads(line) for line in lines]


def calls(requests: list[dict[str, Any]], stack: Stack) -> list[Call]:
    """The calls that IAM would judge, each once, by the role whose they are."""
    found: dict[tuple[str, ...], Call] = {}
    for request in requests:
        role = JOBS.get(request["caller"].removeprefix(PREFIX), "MachineRole")
        if request["caller"]:
            for call in _calls(request, role, stack):
                kind = (call.role, call.action, _alike(call.resource), str(call.context))
                found.setdefault(kind, call)
    return list(found.values())


def _calls(request: Mapping[str, Any], role: str, stack: Stack) -> Iterator[Call]:
    service, operation = request["service"], request["operation"]
    if service == "s3":
        yield from _s3(request, role, stack)
    elif service == "dynamodb":
        assert request["TableName"] == BOOKMARKS
        key = {"dynamodb:LeadingKeys": [request["resource"]]}
        yield Call(role, f"dynamodb:{operation}", stack.arn("BookmarkTable"), key)
        yield _kms(role, "Decrypt", "dynamodb", stack)
    elif service == "secretsmanager":
        yield Call(role, f"secretsmanager:{operation}", stack.outputs["SourceSecretArn"])
        yield _kms(role, "Decrypt", "secretsmanager", stack)
    elif service == "redshift-data":
        yield from _redshift(operation, role, stack)
    elif service == "glue":
        job = stack.outputs["JobPrefix"] + request["JobName"].removeprefix(PREFIX)
        yield Call(role, f"glue:{operation}", f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{job}")
    elif service == "sns":
        assert request["TopicArn"].endswith(TOPIC)
        yield Call(role, f"sns:{operation}", stack.outputs["TopicArn"], TLS)
        for action in ("Decrypt", "GenerateDataKey"):
            yield _kms(role, action, "sns", stack)
    else:
        assert (service, operation) == ("states", "DescribeExecution"), request
        machine = stack.outputs["StateMachineArn"].replace(":stateMachine:", ":execution:")
        yield Call(role, "states:DescribeExecution", f"{machine}:some-run")


def _s3(request: Mapping[str, Any], role: str, stack: Stack) -> Iterator[Call]:
    bucket, _, key = request["resource"].partition("/")
    assert bucket == BUCKET, request
    arn = stack.arn("Bucket")
    action = S3_ACTIONS[request["operation"]]
    if action == "s3:ListBucket" or request["status"] == 404:
        yield Call(role, "s3:ListBucket", arn, TLS)
    if action == "s3:ListBucket":
        return
    yield from _object(role, action, f"{arn}/{key}", stack)
    if request["operation"] == "CopyObject":
        source = request["source"].removeprefix(f"{BUCKET}/")
        yield from _object(role, "s3:GetObject", f"{arn}/{source}", stack)


def _object(role: str, action: str, arn: str, stack: Stack) -> Iterator[Call]:
    yield Call(role, action, arn, TLS)
    yield _kms(role, "Decrypt" if action == "s3:GetObject" else "GenerateDataKey", "s3", stack)


def _redshift(operation: str, role: str, stack: Stack) -> Iterator[Call]:
    if operation in ("ExecuteStatement", "BatchExecuteStatement"):
        workgroup = workgroup_arn(stack)
        yield Call(role, f"redshift-data:{operation}", workgroup)
        # https://docs.aws.amazon.com/redshift/latest/mgmt/data-api-access.html
        yield Call(role, "redshift-serverless:GetCredentials", workgroup)
    else:
        owner = {"redshift-data:statement-owner-iam-userid": ME, "aws:userid": ME}
        yield Call(role, f"redshift-data:{operation}", "*", owner)


def workgroup_arn(stack: Stack) -> str:
    made = "Workgroup" in stack.resources
    return stack.arn("Workgroup") if made else str(stack.values["WorkgroupArn"])


def _kms(role: str, action: str, service: str, stack: Stack) -> Call:
    key = stack.arn("Key")
    if service == "secretsmanager" and stack.values["SourceSecretKeyArn"]:
        key = stack.values["SourceSecretKeyArn"]
    return Call(role, f"kms:{action}", key, {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"})


def _alike(resource: str) -> str:
    """Without what differs from run to run."""
    text = re.sub(r"attempt=[0-9a-f]+|part-\d+|keys-\d+", "…", resource)
    return re.sub(r"(run_id=|runs/)\w+(?=/)", r"\1…", text)
