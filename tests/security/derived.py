"""What AWS asks for in a role's name that nothing here can show: by its own pages.

Glue fetches scripts and writes logs, Spark commits files, COPY reads them, Step Functions traces.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from .calls import JOBS, PIPELINE, TLS, _kms, _redshift
from .cloudformation import ACCOUNT, REGION, Stack
from .evaluator import Call

SPARK = ("ExtractRole", "TransformRole")
NETWORKED = ("ExtractRole", "FinalizeRole", "AnalystRole")
LOGGING = ("CreateLogGroup", "CreateLogStream", "PutLogEvents", "AssociateKmsKey")
# https://docs.aws.amazon.com/step-functions/latest/dg/cw-logs.html
DELIVERY = (
    "CreateLogDelivery GetLogDelivery UpdateLogDelivery DeleteLogDelivery ListLogDeliveries "
    "PutResourcePolicy DescribeResourcePolicies DescribeLogGroups"
).split()
# https://docs.aws.amazon.com/step-functions/latest/dg/concepts-xray-tracing.html
TRACING = "PutTraceSegments PutTelemetryRecords GetSamplingRules GetSamplingTargets".split()


def derived(requests: Sequence[dict[str, Any]], stack: Stack) -> list[Call]:
    found = [*_glue(stack), *_spark(stack), *_copy(requests, stack), *_machine(stack)]
    found += [*_schedule(stack), *_session(stack)]
    if stack.values["SourceSubnetId"]:
        found += _network(stack)
    return found


def analysts(calls: Sequence[Call], stack: Stack) -> list[Call]:
    """In dev a session may do what the notebooks do, which is what the jobs do."""
    return [
        replace(call, role="AnalystRole")
        for call in calls
        if call.role in JOBS.values()
        and stack.values["Stage"] == "dev"
        and ":logs:" not in call.resource
        and "artifacts-of-ours/jobs/" not in call.resource
    ]


def _glue(stack: Stack) -> Iterator[Call]:
    """https://docs.aws.amazon.com/glue/latest/dg/getting-started-min-privs-job.html,
    https://docs.aws.amazon.com/glue/latest/dg/monitor-continuous-logging.html,
    https://docs.aws.amazon.com/glue/latest/dg/set-up-encryption.html"""
    artifacts = f"arn:aws:s3:::{stack.values['ArtifactBucket']}"
    for role in JOBS.values():
        script = stack.values[role.replace("Role", "Script")]
        yield Call(role, "s3:GetObject", f"{artifacts}/{script}", TLS)
        yield Call(role, "s3:GetObject", f"{artifacts}/{stack.values['LibraryKey']}", TLS)
        for group in (_own_logs(stack), "jobs") if role in SPARK else ("python-jobs",):
            yield from _logs(role, f"/aws-glue/{group}/output")
    yield Call("AnalystRole", "s3:GetObject", f"{artifacts}/{stack.values['LibraryKey']}", TLS)
    yield from _logs("AnalystRole", "/aws-glue/sessions/output")


def _own_logs(stack: Stack) -> str:
    return f"{stack.values['Name']}-{stack.values['Stage']}"


def _logs(role: str, group: str) -> Iterator[Call]:
    arn = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    for action in LOGGING:
        streams = action in ("CreateLogStream", "PutLogEvents")
        yield Call(role, f"logs:{action}", f"{arn}:log-stream:jr_0" if streams else arn)


def _spark(stack: Stack) -> Iterator[Call]:
    """Spark reads and commits files; S3's transfers abort an upload that fails. Locally both are
    files of a folder. https://docs.aws.amazon.com/emr/latest/ReleaseGuide/emr-spark-s3-optimized-committer.html,
    https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html"""
    zone = stack.arn("Bucket")
    raw = f"{zone}/raw/{PIPELINE}/orders/run_id=third/attempt=1/part-00000.parquet"
    curated = f"{zone}/curated/{PIPELINE}/orders/run_id=third/attempt=1/good/part-0.parquet"
    yield Call("ExtractRole", "s3:AbortMultipartUpload", raw, TLS)
    yield Call("TransformRole", "s3:GetObject", raw, TLS)
    for action in ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload"):
        yield Call("TransformRole", f"s3:{action}", curated, TLS)


def _copy(requests: Sequence[dict[str, Any]], stack: Stack) -> Iterator[Call]:
    """COPY reads every manifest that a statement names, and what was written beside it.
    https://docs.aws.amazon.com/redshift/latest/dg/copy-usage_notes-access-permissions.html"""
    texts = [text for each in requests for text in each.get("Sqls", ())]
    named = {text.partition("FROM 's3://")[2].partition("'")[0] for text in texts}
    assert any("/keys.json" in each for each in named)
    zone = stack.arn("Bucket")
    for key in sorted(each.partition("/")[2] for each in named if each):
        data = f"{key.rpartition('/')[0]}/attempt=1/part-00000.parquet"
        yield Call("CopyRole", "s3:GetObject", f"{zone}/{key}", TLS)
        yield Call("CopyRole", "s3:GetObject", f"{zone}/{data}", TLS)
    yield Call("CopyRole", "s3:ListBucket", zone, TLS)
    yield _kms("CopyRole", "Decrypt", "s3", stack)


def _machine(stack: Stack) -> Iterator[Call]:
    """https://docs.aws.amazon.com/step-functions/latest/dg/connect-glue.html"""
    for stem in JOBS:
        arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:job/{stack.outputs['JobPrefix']}{stem}"
        for action in ("GetJobRuns", "BatchStopJobRun"):
            yield Call("MachineRole", f"glue:{action}", arn)
    for action in DELIVERY:
        yield Call("MachineRole", f"logs:{action}", "*")
    for action in TRACING:
        yield Call("MachineRole", f"xray:{action}", "*")


def _schedule(stack: Stack) -> Iterator[Call]:
    """https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html"""
    yield Call("ScheduleRole", "states:StartExecution", stack.outputs["StateMachineArn"])
    yield Call("ScheduleRole", "sqs:SendMessage", stack.arn("MissedStarts"), TLS)


def _session(stack: Stack) -> Iterator[Call]:
    """What an analyst does beside the notebooks."""
    zone, key = stack.arn("Bucket"), {"dynamodb:LeadingKeys": [f"{PIPELINE}/orders"]}
    lease = {"dynamodb:LeadingKeys": [f"lease/{PIPELINE}/orders"]}
    for folder in ("raw", "curated"):
        yield Call(
            "AnalystRole", "s3:GetObject", f"{zone}/{folder}/{PIPELINE}/orders/run_id=x/a", TLS
        )
    for action in ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload"):
        yield Call("AnalystRole", f"s3:{action}", f"{zone}/query-results/mine.parquet", TLS)
    for context in (key, lease):
        yield Call("AnalystRole", "dynamodb:GetItem", stack.arn("BookmarkTable"), context)
    yield _kms("AnalystRole", "Decrypt", "dynamodb", stack)
    for action in ("Decrypt", "GenerateDataKey"):
        yield _kms("AnalystRole", action, "s3", stack)
    for place in ("contract/current/tables.toml", "runs/x/results/04_load/orders.json"):
        yield Call("AnalystRole", "s3:GetObject", f"{zone}/{place}", TLS)
    yield Call("AnalystRole", "s3:ListBucket", zone, TLS)
    for operation in ("ExecuteStatement", "DescribeStatement", "GetStatementResult"):
        yield from _redshift(operation, "AnalystRole", stack)
    if stack.values["Stage"] == "dev":  # Spark's and S3's, as _spark
        for folder in ("raw", "curated"):
            for action in ("DeleteObject", "AbortMultipartUpload"):
                place = f"{zone}/{folder}/{PIPELINE}/orders/run_id=x/a"
                yield Call("AnalystRole", f"s3:{action}", place, TLS)


def _network(stack: Stack) -> Iterator[Call]:
    """https://docs.aws.amazon.com/glue/latest/dg/getting-started-min-privs-job.html"""
    here = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
    subnet = f"{here}:subnet/{stack.values['SourceSubnetId']}"
    group = f"{here}:security-group/{stack.values['SourceSecurityGroupId']}"
    interface, vpc = f"{here}:network-interface/eni-1", f"{here}:vpc/vpc-1"
    glue = f"arn:aws:glue:{REGION}:{ACCOUNT}"
    for role in NETWORKED:
        for arn in (subnet, group, interface):
            yield Call(role, "ec2:CreateNetworkInterface", arn)
        yield Call(role, "ec2:DeleteNetworkInterface", interface, {"ec2:Subnet": subnet})
        for action in ("CreateTags", "DeleteTags"):
            tags = {"aws:TagKeys": ["aws-glue-service-resource"]}
            yield Call(role, f"ec2:{action}", interface, tags)
        for name in ("NetworkInterfaces", "Subnets", "SecurityGroups", "VpcEndpoints"):
            yield Call(role, f"ec2:Describe{name}", "*")
        yield Call(role, "ec2:DescribeRouteTables", "*")
        yield Call(role, "ec2:DescribeVpcAttribute", vpc)
        for arn in (f"{glue}:catalog", f"{glue}:connection/{_own_logs(stack)}-source"):
            yield Call(role, "glue:GetConnection", arn)
