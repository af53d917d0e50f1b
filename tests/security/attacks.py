"""What no role may do, but for the few whose work it is: one line of the matrix each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .calls import JOBS, ME, PIPELINE, TLS, workgroup_arn
from .cloudformation import ACCOUNT, REGION, Stack

ALL_JOBS = frozenset(JOBS.values())
SESSION = frozenset({"AnalystRole"})
CLEAR = {"aws:SecureTransport": "false", "s3:TlsVersion": "1.2"}
STRANGE_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/somebody-elses"
OLD_TLS = {"aws:SecureTransport": "true", "s3:TlsVersion": "1.1"}


@dataclass(frozen=True)
class Attack:
    """``may``: the roles that may do it."""

    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict)
    may: frozenset[str] = frozenset()

    def __str__(self) -> str:
        return f"{self.action} {self.resource} {dict(self.context)}"


def attacks(stack: Stack) -> list[Attack]:
    groups = (_s3, _dynamodb, _secrets, _redshift, _kms, _identity, _compute, _messages, _logs)
    return [attack for group in groups for attack in group(stack)]


def _s3(stack: Stack) -> Iterator[Attack]:
    zone, logs = stack.arn("Bucket"), stack.arn("LogBucket")
    artifacts = f"arn:aws:s3:::{stack.values['ArtifactBucket']}"
    strange = "arn:aws:s3:::somebody-else"
    for verb in ("GetObject", "PutObject", "DeleteObject", "AbortMultipartUpload"):
        for arn in (f"{strange}/raw/{PIPELINE}/a", f"{logs}/data/a", f"{artifacts}/jobs/evil.py"):
            yield Attack(f"s3:{verb}", arn, TLS)
        for place in ("raw/other/t/run_id=1/a", "curated/other/t/run_id=1/a", "else/a"):
            yield Attack(f"s3:{verb}", f"{zone}/{place}", TLS)
    for verb in ("GetObject", "PutObject"):
        yield Attack(f"s3:{verb}", f"{zone}/raw/{PIPELINE}/t/run_id=1/a", CLEAR)
        yield Attack(f"s3:{verb}", f"{zone}/raw/{PIPELINE}/t/run_id=1/a", OLD_TLS)
    header = "s3:x-amz-server-side-encryption"
    for given in ({header: "AES256"}, {f"{header}-aws-kms-key-id": STRANGE_KEY}):
        yield Attack("s3:PutObject", f"{zone}/curated/{PIPELINE}/t/run_id=1/a", {**TLS, **given})
        yield Attack("s3:PutObject", f"{zone}/query-results/a", {**TLS, **given})
    for script, role in ((stack.values[r.replace("Role", "Script")], r) for r in JOBS.values()):
        yield Attack("s3:GetObject", f"{artifacts}/{script}", TLS, frozenset({role}))
    yield Attack("s3:PutObject", f"{artifacts}/{stack.values['LibraryKey']}", TLS)
    yield Attack("s3:GetObject", f"{artifacts}/{stack.values['DefinitionKey']}", TLS)
    yield Attack("s3:PutObject", f"{zone}/contract/current/tables.toml", TLS)
    machine = frozenset({"MachineRole"})
    yield Attack("s3:PutObject", f"{zone}/runs/r/failed.json", TLS, machine | SESSION)
    yield Attack("s3:GetObject", f"{zone}/contract/current/tables.toml", TLS, ALL_JOBS | SESSION)
    for stage, role in JOBS.items():
        may = frozenset({role}) | SESSION
        yield Attack("s3:PutObject", f"{zone}/runs/r/results/{stage}/t.json", TLS, may)
    extract, transform = frozenset({"ExtractRole"}), frozenset({"TransformRole"})
    yield Attack("s3:PutObject", f"{zone}/runs/r/plans/t.json", TLS, extract | SESSION)
    parquet = "t/run_id=1/part.parquet"
    yield Attack("s3:PutObject", f"{zone}/raw/{PIPELINE}/{parquet}", TLS, extract | SESSION)
    yield Attack("s3:DeleteObject", f"{zone}/raw/{PIPELINE}/{parquet}", TLS, SESSION)
    readers = extract | transform | SESSION | {"CopyRole"}
    yield Attack("s3:GetObject", f"{zone}/raw/{PIPELINE}/{parquet}", TLS, readers)
    curated = f"{zone}/curated/{PIPELINE}/{parquet}"
    yield Attack("s3:GetObject", curated, TLS, transform | SESSION | {"CopyRole"})
    yield Attack("s3:PutObject", curated, TLS, transform | SESSION)
    yield Attack("s3:DeleteObject", f"{zone}/runs/r/plans/t.json", TLS)
    yield Attack("s3:GetObject", f"{zone}/query-results/a", TLS, SESSION)
    for place in (
        "runs/latest.json",
        "runs/r/checks.json",
        "runs/r/failed.json",
        *(f"runs/r/results/{stage}/t.json" for stage in JOBS),
        *(f"raw/{PIPELINE}/t/run_id=1/{name}" for name in ("manifest.json", "keys.json", "a")),
        *(f"curated/{PIPELINE}/t/run_id=1/{name}" for name in ("quarantine.json", "a")),
        "contract/current/tables.json",
        "query-results/a",
    ):
        yield Attack("s3:PutObjectAcl", f"{zone}/{place}", TLS)
    for role in JOBS.values():
        script = stack.values[role.replace("Role", "Script")]
        yield Attack("s3:PutObject", f"{artifacts}/{script}", TLS)
    for bucket in (zone, logs, artifacts):
        for verb in ("DeleteBucket", "PutBucketPolicy", "PutBucketVersioning", "PutBucketAcl"):
            yield Attack(f"s3:{verb}", bucket, TLS)
    yield Attack("s3:ListBucket", logs, TLS)
    yield Attack("s3:ListBucket", artifacts, TLS)
    yield Attack("s3:ListBucket", strange, TLS)
    for verb in ("DeleteObjectVersion", "PutObjectAcl", "GetObjectVersion"):
        yield Attack(f"s3:{verb}", f"{zone}/raw/{PIPELINE}/t/run_id=1/a", TLS)


def _dynamodb(stack: Stack) -> Iterator[Attack]:
    table, other = stack.arn("BookmarkTable"), f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/other"
    writers = frozenset({"ExtractRole", "BookmarkRole"}) | SESSION
    own = {"dynamodb:LeadingKeys": [f"{PIPELINE}/t"]}
    for verb in ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "BatchWriteItem"):
        for key in (f"{PIPELINE}/t", f"lease/{PIPELINE}", f"lease/{PIPELINE}/t"):
            yield Attack(f"dynamodb:{verb}", other, {"dynamodb:LeadingKeys": [key]})
        keys = ("other/t", "undo/drill/t/1", "lease/other", f"{PIPELINE}X/t", "lease/other/t")
        for key in keys:
            yield Attack(f"dynamodb:{verb}", table, {"dynamodb:LeadingKeys": [key]})
        mixed = {"dynamodb:LeadingKeys": [f"{PIPELINE}/t", f"lease/{PIPELINE}", "other/t"]}
        yield Attack(f"dynamodb:{verb}", table, mixed)
        yield Attack(f"dynamodb:{verb}", table)  # without a key: the condition must not be empty
    yield Attack("dynamodb:PutItem", table, own, writers)
    readers = writers | {"TransformRole"}
    yield Attack("dynamodb:GetItem", table, own, readers)
    yield Attack("dynamodb:DeleteItem", table, own)
    lease = {"dynamodb:LeadingKeys": [f"lease/{PIPELINE}"]}
    for verb in ("PutItem", "DeleteItem"):
        yield Attack(f"dynamodb:{verb}", table, lease, frozenset({"MachineRole"}))
    yield Attack("dynamodb:UpdateItem", table, lease)
    beside = {"dynamodb:LeadingKeys": [f"lease/{PIPELINE}/t"]}
    yield Attack("dynamodb:GetItem", table, beside, frozenset({"FinalizeRole"}) | SESSION)
    yield Attack("dynamodb:PutItem", table, beside)
    for verb in ("Scan", "DeleteTable", "UpdateTable", "UpdateContinuousBackups"):
        yield Attack(f"dynamodb:{verb}", table)


def _secrets(stack: Stack) -> Iterator[Attack]:
    here = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret"
    ours = stack.outputs["SourceSecretArn"]
    for arn in (f"{here}:payroll-AbCdEf", f"{here}:redshift!admin-AbCdEf", f"{ours}x"):
        yield Attack("secretsmanager:GetSecretValue", arn)
    for verb in ("PutSecretValue", "DeleteSecret", "PutResourcePolicy", "UpdateSecret"):
        yield Attack(f"secretsmanager:{verb}", ours)
    may = frozenset({"ExtractRole", "FinalizeRole"}) | SESSION
    yield Attack("secretsmanager:GetSecretValue", ours, {}, may)


def _redshift(stack: Stack) -> Iterator[Attack]:
    ours = workgroup_arn(stack)
    other = f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/ffffffff-0000-4000-8000-1"
    cluster = f"arn:aws:redshift:{REGION}:{ACCOUNT}:cluster:other"
    for arn in (other, cluster):
        for verb in ("ExecuteStatement", "BatchExecuteStatement"):
            yield Attack(f"redshift-data:{verb}", arn)
    yield Attack("redshift-serverless:GetCredentials", other)
    for verb in ("DeleteWorkgroup", "UpdateWorkgroup"):
        yield Attack(f"redshift-serverless:{verb}", ours)
    somebody = {"redshift-data:statement-owner-iam-userid": "AROAOTHER:x", "aws:userid": ME}
    for verb in ("DescribeStatement", "GetStatementResult", "CancelStatement", "ListStatements"):
        yield Attack(f"redshift-data:{verb}", "*", somebody)
    mine = {"redshift-data:statement-owner-iam-userid": ME, "aws:userid": ME}
    yield Attack("redshift-data:CancelStatement", "*", mine)
    yield Attack("redshift-data:ListTables", ours)
    yield Attack("redshift-data:ExecuteStatement", ours, {}, ALL_JOBS | SESSION)
    changing = ALL_JOBS - {"TransformRole", "BookmarkRole"} | SESSION
    yield Attack("redshift-data:BatchExecuteStatement", ours, {}, changing)


def _kms(stack: Stack) -> Iterator[Attack]:
    key = stack.arn("Key")
    for service in ("s3", "dynamodb", "secretsmanager", "sns"):
        via = {"kms:ViaService": f"{service}.{REGION}.amazonaws.com"}
        yield Attack("kms:Decrypt", STRANGE_KEY, via)
        for verb in ("Encrypt", "CreateGrant"):
            yield Attack(f"kms:{verb}", key, via)
    for verb in ("Decrypt", "GenerateDataKey", "Encrypt"):
        yield Attack(f"kms:{verb}", key)  # by oneself, not by way of a service
        yield Attack(f"kms:{verb}", key, {"kms:ViaService": f"ssm.{REGION}.amazonaws.com"})
    for verb in ("ScheduleKeyDeletion", "PutKeyPolicy", "CreateGrant", "DisableKey"):
        yield Attack(f"kms:{verb}", key)


def _identity(stack: Stack) -> Iterator[Attack]:
    for role in stack.roles:
        yield Attack("iam:PassRole", stack.arn(role))
        yield Attack("sts:AssumeRole", stack.arn(role))
    here = f"arn:aws:iam::{ACCOUNT}"
    yield Attack("sts:AssumeRole", f"{here}:role/admin")
    for verb in ("AttachRolePolicy", "PutRolePolicy", "UpdateAssumeRolePolicy"):
        yield Attack(f"iam:{verb}", stack.arn("LoadRole"))
    yield Attack("iam:CreateUser", f"{here}:user/me")
    yield Attack("iam:CreateAccessKey", f"{here}:user/me")


def _compute(stack: Stack) -> Iterator[Attack]:
    jobs, prefix = f"arn:aws:glue:{REGION}:{ACCOUNT}:job", stack.outputs["JobPrefix"]
    for verb in ("StartJobRun", "GetJobRun", "GetJobRuns", "BatchStopJobRun"):
        yield Attack(f"glue:{verb}", f"{jobs}/somebody-elses")
        yield Attack(f"glue:{verb}", f"{jobs}/{prefix}07_other")
    machine = frozenset({"MachineRole"})
    yield Attack("glue:StartJobRun", f"{jobs}/{prefix}04_load", {}, machine)
    for verb in ("CreateJob", "UpdateJob", "DeleteJob"):
        yield Attack(f"glue:{verb}", f"{jobs}/{prefix}04_load")
    yield Attack("glue:GetConnection", f"arn:aws:glue:{REGION}:{ACCOUNT}:connection/other")
    connection = f"{stack.values['Name']}-{stack.values['Stage']}-source"
    for name in ("other", connection):
        arn = f"arn:aws:glue:{REGION}:{ACCOUNT}:connection/{name}"
        yield Attack("glue:DeleteConnection", arn)
    states = stack.outputs["StateMachineArn"]
    yield Attack("states:StartExecution", states, {}, frozenset({"ScheduleRole"}))
    yield Attack("states:StartExecution", f"{states}-other")
    for verb in ("UpdateStateMachine", "DeleteStateMachine"):
        yield Attack(f"states:{verb}", states)
    execution = states.replace(":stateMachine:", ":execution:")
    yield Attack("states:DescribeExecution", f"{execution}:r", {}, machine)
    yield Attack("states:DescribeExecution", f"{execution}-other:r")
    for verb in ("StopExecution", "RedriveExecution", "GetExecutionHistory"):
        yield Attack(f"states:{verb}", f"{execution}:r")
    here = f"arn:aws:ec2:{REGION}:{ACCOUNT}"
    subnet = stack.values["SourceSubnetId"] or "subnet-1"
    yield Attack("ec2:CreateNetworkInterface", f"{here}:subnet/subnet-other")
    yield Attack("ec2:CreateNetworkInterface", f"{here}:security-group/sg-other")
    elsewhere = {"ec2:Subnet": f"{here}:subnet/subnet-other"}
    yield Attack("ec2:DeleteNetworkInterface", f"{here}:network-interface/eni-2", elsewhere)
    ours = {"ec2:Subnet": f"{here}:subnet/{subnet}"}
    yield Attack("ec2:AttachNetworkInterface", f"{here}:network-interface/eni-2", ours)
    far = here.replace(REGION, "us-east-2")
    yield Attack("ec2:DeleteNetworkInterface", f"{far}:network-interface/eni-2", ours)
    glues = {"aws:TagKeys": ["aws-glue-service-resource"]}
    for verb in ("CreateTags", "DeleteTags"):
        yield Attack(f"ec2:{verb}", f"{here}:instance/i-1", glues)
    named = {"aws:TagKeys": ["owner"]}
    for verb in ("CreateTags", "DeleteTags"):
        yield Attack(f"ec2:{verb}", f"{here}:network-interface/eni-2", named)
        yield Attack(f"ec2:{verb}", f"{here}:instance/i-1", named)
    for verb in ("RunInstances", "TerminateInstances"):
        yield Attack(f"ec2:{verb}", f"{here}:instance/i-1")
    for verb in ("DescribeInstances", "DescribeVpcs"):
        yield Attack(f"ec2:{verb}", "*")
    yield Attack("ec2:DeleteVpc", f"{here}:vpc/vpc-1")
    yield Attack("ec2:DescribeVpcAttribute", f"{far}:vpc/vpc-1")
    yield Attack(
        "ec2:DeleteSubnet", f"{here}:subnet/{stack.values['SourceSubnetId'] or 'subnet-1'}"
    )


def _messages(stack: Stack) -> Iterator[Attack]:
    topic, queue = stack.outputs["TopicArn"], stack.arn("MissedStarts")
    yield Attack("sns:Publish", topic, TLS, frozenset({"MachineRole"}))
    yield Attack("sns:Publish", topic, CLEAR)
    yield Attack("sns:Publish", f"{topic}-other", TLS)
    for verb in ("SetTopicAttributes", "DeleteTopic", "Subscribe"):
        yield Attack(f"sns:{verb}", topic, TLS)
    yield Attack("sqs:SendMessage", queue, TLS, frozenset({"ScheduleRole"}))
    yield Attack("sqs:SendMessage", queue, CLEAR)
    yield Attack("sqs:SendMessage", f"{queue}-other", TLS)
    for verb in ("ReceiveMessage", "PurgeQueue", "DeleteQueue"):
        yield Attack(f"sqs:{verb}", queue, TLS)
    group = f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule/default/{stack.outputs['ScheduleName']}"
    yield Attack("scheduler:UpdateSchedule", group)


def _logs(stack: Stack) -> Iterator[Attack]:
    here = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group"
    for group in ("/aws/lambda/other", "/aws/vendedlogs/states/other", "/aws-gluex/a"):
        for verb in ("CreateLogGroup", "AssociateKmsKey", "DeleteLogGroup"):
            yield Attack(f"logs:{verb}", f"{here}:{group}")
        for verb in ("PutLogEvents", "CreateLogStream"):
            yield Attack(f"logs:{verb}", f"{here}:{group}:log-stream:a")
    kinds = {
        "python-jobs": ALL_JOBS - {"ExtractRole", "TransformRole"},
        "jobs": frozenset({"ExtractRole", "TransformRole"}),
        "sessions": SESSION,
    }
    for kind, may in kinds.items():
        group = f"{here}:/aws-glue/{kind}/output"
        yield Attack("logs:PutLogEvents", f"{group}:log-stream:a", {}, may)
        yield Attack("logs:DeleteLogGroup", group)
    ours = f"{here}:/aws-glue/{stack.values['Name']}-{stack.values['Stage']}/output"
    for verb in ("DeleteLogGroup", "PutRetentionPolicy", "DisassociateKmsKey"):
        yield Attack(f"logs:{verb}", ours)
    yield Attack("logs:DeleteDestination", f"arn:aws:logs:{REGION}:{ACCOUNT}:destination:x")
    yield Attack("logs:DeleteResourcePolicy", "*")
    for verb in ("DeleteSamplingRule", "PutEncryptionConfig", "UpdateSamplingRule"):
        arn = f"arn:aws:xray:{REGION}:{ACCOUNT}:sampling-rule/x"
        yield Attack(f"xray:{verb}", "*" if "Put" in verb else arn)
    yield Attack("cloudtrail:StopLogging", f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/main")
