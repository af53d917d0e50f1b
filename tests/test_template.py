"""The template says what an auditor wants to read, agrees with the rest of the repository, and fits
into CloudFormation's limits. Rules that checkov lacks stand here."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from workbench.deployment import definition, definitions
from workbench.export import template
from workbench.export.template import TEMPLATE, logical
from workbench.home import REPOSITORY

from .security.cloudformation import Stack, read

LONG = {"Name": "a" * 20, "Stage": "prod", "Pipeline": "p" * 64}
STACK = Stack({})
RETAINED = {"Bucket", "LogBucket", "BookmarkTable", "Key", "Namespace"}
UNTAGGED = ("Policy", "Alias", "Subscription", "Dashboard", "Connection", "SecurityConfiguration")


def of(kind: str, stack: Stack = STACK) -> dict[str, dict[str, Any]]:
    """The resources of a type: name -> properties."""
    found = {
        name: each["Properties"]
        for name, each in stack.resources.items()
        if each["Type"] == f"AWS::{kind}"
    }
    assert found, kind
    return found


# -- as the rest of the repository says


def test_the_jobs_are_those_of_the_notebooks() -> None:
    assert template.stale() == [], "run `workbook export`"
    assert set(of("Glue::Job")) == {f"{logical(stem)}Job" for stem in definitions()}


def test_a_stale_template_is_found_and_written(tmp_path: Path) -> None:
    copied = tmp_path / "template.yaml"
    copied.write_text(TEMPLATE.read_text().replace("Timeout: 120", "Timeout: 7", 1))
    assert template.stale(copied) == ["template.yaml"]
    assert template.write(copied) == ["template.yaml"]
    assert template.stale(copied) == []
    assert copied.read_text() == TEMPLATE.read_text()


def test_what_a_job_is_given_is_the_stacks_or_the_notebooks() -> None:
    for stem, job in definitions().items():
        made = of("Glue::Job")[f"{logical(stem)}Job"]
        assert made["Name"] == STACK.outputs["JobPrefix"] + stem
        given = dict(made["DefaultArguments"])
        for name, known in (
            ("--bucket", "Bucket"),
            ("--bookmark_table", "BookmarkTable"),
            ("--copy_role", "CopyRoleArn"),
            ("--database", "Database"),
            ("--workgroup", "WorkgroupName"),
            ("--source_secret", "SourceSecretArn"),
        ):
            if name in job["DefaultArguments"]:
                assert given.pop(name) == STACK.outputs[known]
        assert given.pop("--extra-py-files").endswith("-py3-none-any.whl")
        assert given.pop("--custom-logGroup-prefix", "") in ("", "/aws-glue/rental-apartments-dev")
        assert given.items() <= job["DefaultArguments"].items()
        assert made.get("WorkerType") == job.get("WorkerType")
        assert made.get("NumberOfWorkers") == job.get("NumberOfWorkers")
        assert made["ExecutionProperty"] == job["ExecutionProperty"]


def test_only_the_job_whose_script_changed_is_changed() -> None:
    other = Stack({"LoadScript": "jobs/4567/Load.py"})
    changed = [name for name in STACK.resources if STACK.resources[name] != other.resources[name]]
    assert changed == ["LoadRole", "LoadJob"]


def test_the_machine_is_given_every_name_that_its_definition_has() -> None:
    text = (REPOSITORY / "stepfunctions" / "pipeline.asl.json").read_text()
    given = of("StepFunctions::StateMachine")["StateMachine"]["DefinitionSubstitutions"]
    assert set(given) == set(re.findall(r"\$\{([A-Za-z]+)\}", text))
    assert json.loads(definition("arn:aws:sns:us-east-1:123456789012:t"))


def test_outputs_are_all_that_a_run_needs() -> None:
    assert set(STACK.outputs) >= {
        *("Bucket", "BookmarkTable", "StateMachineArn", "JobPrefix", "TopicArn", "WorkgroupName"),
        *("Database", "CopyRoleArn", "SourceSecretArn", "SessionRoleArn", "ContractUrl"),
        *("RolePrefix", "ScheduleName", "NamespaceName", "KeyArn"),
    }
    existing = Stack({"WorkgroupName": "shared", "WorkgroupArn": "arn:x"}).outputs
    assert existing["WorkgroupName"] == "shared" and "NamespaceName" not in existing
    address = "s3://b/contract/0123/tables.toml"
    assert Stack({"ContractUrl": address}).outputs["ContractUrl"] == address


def test_every_parameter_is_explained_and_used() -> None:
    found, text = read(), TEMPLATE.read_text()
    for name, parameter in found["Parameters"].items():
        assert len(parameter.get("Description", "")) > 10, name
        assert len(re.findall(rf"(!Ref |\$\{{){name}\b", text)) >= 1, name


# -- what an auditor wants


def test_what_holds_data_is_kept() -> None:
    for name, each in read()["Resources"].items():
        kept = each.get("DeletionPolicy") == each.get("UpdateReplacePolicy") == "Retain"
        assert kept == (name in RETAINED), name
    table = of("DynamoDB::Table")["BookmarkTable"]
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert not table["DeletionProtectionEnabled"]
    assert of("DynamoDB::Table", Stack({"Stage": "prod"}))["BookmarkTable"][
        "DeletionProtectionEnabled"
    ]


def test_redshift_is_encrypted_private_and_asks_for_tls() -> None:
    (namespace,) = of("RedshiftServerless::Namespace").values()
    assert namespace["KmsKeyId"] == namespace["AdminPasswordSecretKmsKeyId"] == STACK.arn("Key")
    assert namespace["ManageAdminPassword"] is True
    assert not {"AdminUserPassword", "AdminUsername"} & set(namespace)
    assert set(namespace["LogExports"]) == {"userlog", "connectionlog", "useractivitylog"}
    (workgroup,) = of("RedshiftServerless::Workgroup").values()
    assert workgroup["PubliclyAccessible"] is False and workgroup["EnhancedVpcRouting"] is True
    assert {"ParameterKey": "require_ssl", "ParameterValue": "true"} in workgroup[
        "ConfigParameters"
    ]
    assert workgroup["MaxCapacity"] >= workgroup["BaseCapacity"]


def test_the_machine_is_logged_without_data_and_traced() -> None:
    (machine,) = of("StepFunctions::StateMachine").values()
    logging = machine["LoggingConfiguration"]
    assert logging["Level"] == "ALL" and logging["IncludeExecutionData"] is False
    assert logging["Destinations"] and machine["TracingConfiguration"] == {"Enabled": True}


@pytest.mark.parametrize(
    ("policies", "kind", "names"),
    [("S3::BucketPolicy", "S3::Bucket", "Bucket"), ("SQS::QueuePolicy", "SQS::Queue", "Queues")],
)
def test_every_bucket_and_queue_is_for_tls_only(policies: str, kind: str, names: str) -> None:
    closed = []
    for each in of(policies).values():
        for statement in each["PolicyDocument"]["Statement"]:
            if statement.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}:
                assert statement["Effect"] == "Deny" and statement["Principal"] == "*"
                assert statement["Action"] in ("s3:*", "sqs:*")
                named = each[names]
                closed += named if isinstance(named, list) else [named]
    assert sorted(closed) == sorted(STACK.ref(name) for name in of(kind))


def test_buckets_are_private_and_versioned() -> None:
    for bucket in of("S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
        assert len(bucket["PublicAccessBlockConfiguration"]) == 4
        assert bucket["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert bucket["LifecycleConfiguration"]["Rules"]
    (rule,) = of("S3::Bucket")["Bucket"]["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["BucketKeyEnabled"] is True
    assert rule["ServerSideEncryptionByDefault"]["KMSMasterKeyID"] == STACK.arn("Key")


def test_no_secret_stands_in_the_template() -> None:
    for name, each in of("SecretsManager::Secret").items():
        assert not {"SecretString", "GenerateSecretString"} & set(each), name
    for each in of("Glue::Job").values():
        assert each["SecurityConfiguration"] == STACK.ref("JobSecurity")
        for argument, value in each["DefaultArguments"].items():
            secret = re.search("password|secret|token|credential", argument)
            assert not secret or value.startswith("arn:aws:secretsmanager:"), argument
    for name in read()["Parameters"]:
        secret = re.search("Password|Secret|Token", name)
        assert not secret or name.endswith("Arn"), name


def test_every_log_group_ends_and_is_encrypted_and_every_alarm_is_told() -> None:
    for group in of("Logs::LogGroup").values():
        assert group["RetentionInDays"] == 90 and group["KmsKeyId"] == STACK.arn("Key")
    alarms = of("CloudWatch::Alarm")
    assert all(each["AlarmActions"] == [STACK.outputs["TopicArn"]] for each in alarms.values())
    assert set(alarms) >= {"RunFailed", "NoSuccess", "RunHours", "WarehouseSeconds", "StartMissed"}


def test_all_that_can_be_tagged_is() -> None:
    for name, each in STACK.resources.items():
        if each["Type"].endswith(UNTAGGED) or each["Type"] == "AWS::Scheduler::Schedule":
            continue
        tags = each["Properties"]["Tags"]
        if isinstance(tags, list):
            tags = {tag["Key"]: tag["Value"] for tag in tags}
        assert tags == {"application": "rental-apartments", "stage": "dev"}, name


# -- within limits


def test_names_fit_at_their_longest() -> None:
    """In the region with the longest name; S3 63, IAM 64, Redshift 64, Scheduler 64."""
    stack = Stack(LONG)
    longest = len("ap-southeast-2") - len("eu-central-1")
    for bucket in of("S3::Bucket", stack).values():
        assert len(bucket["BucketName"]) + longest <= 63, bucket["BucketName"]
    for role in of("IAM::Role", stack).values():
        assert len(role["RoleName"]) + longest <= 64, role["RoleName"]
    assert len(of("Scheduler::Schedule", stack)["Schedule"]["Name"]) <= 64


def test_policies_and_template_are_not_too_large() -> None:
    """https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html (without blanks);
    a template beyond 51,200 bytes goes by way of S3, and may have 1 MB there."""
    stack = Stack(LONG)
    for policy in of("IAM::ManagedPolicy", stack).values():
        assert len(json.dumps(policy["PolicyDocument"], separators=(",", ":"))) <= 6_144
    for role in of("IAM::Role", stack).values():
        inline = [each["PolicyDocument"] for each in role["Policies"]]
        assert sum(len(json.dumps(each, separators=(",", ":"))) for each in inline) <= 10_240
        assert len(role.get("ManagedPolicyArns", ())) <= 8
    assert TEMPLATE.stat().st_size < 1_000_000
    assert len(read()["Parameters"]) <= 200 and len(read()["Resources"]) <= 500


def test_it_is_plain_cloudformation() -> None:
    """No macro, no alias, no custom resource: what makes it here makes it there."""
    text = TEMPLATE.read_text()
    assert "Transform:\n" not in text and "Custom::" not in text and "Lambda" not in text
    assert not re.search(r"^\s*<<:|: [&*]\w+$", text, re.MULTILINE)
