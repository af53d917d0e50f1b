"""CloudFormation on the local AWS, through boto3: stacks, change sets, and the way back."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import yaml
from botocore.exceptions import ClientError

from workbench import endpoint as local_aws
from workbench.daemon import Daemon
from workbench.endpoint import Endpoint

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Description: The kinds of things that the pipeline is made of.
Parameters:
  Stage: {Type: String, AllowedValues: [dev, prod], Default: dev}
  Days: {Type: Number, MinValue: 1, Default: 7}
  Mail:
    {Type: String, Default: "", AllowedPattern: "^$|.+@.+", ConstraintDescription: is no address}
  Definition: {Type: String, Default: definitions/first.json}
  Code: {Type: String, NoEcho: true, Default: s3cr3t}
Mappings:
  Sizes: {dev: {Workers: 2, Kind: G.1X}, prod: {Workers: 10, Kind: G.2X}}
Conditions:
  Prod: !Equals [!Ref Stage, prod]
  Mailed: !Not [!Equals [!Ref Mail, ""]]
  Both: !And [!Condition Prod, !Condition Mailed]
Resources:
  Key:
    Type: AWS::KMS::Key
    Properties:
      EnableKeyRotation: true
      KeyPolicy: {Version: "2012-10-17", Statement: []}
  Alias:
    Type: AWS::KMS::Alias
    Properties: {AliasName: !Sub "alias/${AWS::StackName}", TargetKeyId: !Ref Key}
  Data:
    Type: AWS::S3::Bucket
    DeletionPolicy: RetainExceptOnCreate
    UpdateReplacePolicy: Retain
    Properties:
      BucketName: !Sub "${AWS::StackName}-data-${AWS::AccountId}"
      BucketEncryption:
        ServerSideEncryptionConfiguration:
          - ServerSideEncryptionByDefault:
              {SSEAlgorithm: "aws:kms", KMSMasterKeyID: !GetAtt Key.Arn}
  Marks:
    Type: AWS::DynamoDB::Table
    Properties:
      KeySchema: [{AttributeName: table, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: table, AttributeType: S}]
      BillingMode: PAY_PER_REQUEST
      TimeToLiveSpecification: {AttributeName: until, Enabled: true}
  Runner:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: glue.amazonaws.com}, Action: "sts:AssumeRole"}
      Policies:
        - PolicyName: data
          PolicyDocument:
            Version: "2012-10-17"
            Statement: [{Effect: Allow, Action: ["s3:GetObject"], Resource: !Sub "${Data.Arn}/*"}]
  MoreRights:
    Type: AWS::IAM::Policy
    Properties:
      PolicyName: more
      Roles: [!Ref Runner]
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: ["dynamodb:GetItem"], Resource: !GetAtt Marks.Arn}]
  Job:
    Type: AWS::Glue::Job
    Properties:
      Name: !Join ["-", [!Ref "AWS::StackName", job]]
      Role: !GetAtt Runner.Arn
      Command: {Name: glueetl, PythonVersion: "3", ScriptLocation: !Sub "s3://${Data}/one.py"}
      GlueVersion: "5.1"
      WorkerType: !FindInMap [Sizes, !Ref Stage, Kind]
      NumberOfWorkers: !FindInMap [Sizes, !Ref Stage, Workers]
      Timeout: !If [Prod, 120, !Ref "AWS::NoValue"]
      DefaultArguments: {"--bucket": !Ref Data, "--last": !Select [1, !Split [",", "a,b"]]}
      Tags: {stage: !Ref Stage}
  Failures:
    Type: AWS::SNS::Topic
    Properties: {DisplayName: !Sub "failures of ${Stage}, ${!Literal}"}
  Ops:
    Type: AWS::SNS::Subscription
    Condition: Mailed
    Properties: {TopicArn: !Ref Failures, Protocol: email, Endpoint: !Ref Mail}
  Dead:
    Type: AWS::SQS::Queue
    Properties: {MessageRetentionPeriod: 1209600}
  Logs:
    Type: AWS::Logs::LogGroup
    Properties: {LogGroupName: !Sub "/aws/vendedlogs/${AWS::StackName}", RetentionInDays: !Ref Days}
  Machine:
    Type: AWS::StepFunctions::StateMachine
    DependsOn: MoreRights
    Properties:
      StateMachineName: !Ref AWS::StackName
      RoleArn: !GetAtt Runner.Arn
      DefinitionS3Location: {Bucket: artifacts-of-tests, Key: !Ref Definition}
      DefinitionSubstitutions: {Bucket: !Ref Data, Topic: !Ref Failures}
      LoggingConfiguration:
        Level: ERROR
        Destinations: [{CloudWatchLogsLogGroup: {LogGroupArn: !GetAtt Logs.Arn}}]
  Nightly:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: !Ref AWS::StackName
      ScheduleExpression: rate(1 day)
      State: DISABLED
      FlexibleTimeWindow: {Mode: "OFF"}
      Target:
        Arn: !Ref Machine
        RoleArn: !GetAtt Runner.Arn
        Input: '{"tables": []}'
        DeadLetterConfig: {Arn: !GetAtt Dead.Arn}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      Namespace: AWS/States
      MetricName: ExecutionsFailed
      Dimensions: [{Name: StateMachineArn, Value: !Ref Machine}]
      AlarmActions: [!Ref Failures]
      ComparisonOperator: GreaterThanThreshold
      EvaluationPeriods: 1
Outputs:
  Bucket: {Value: !Ref Data, Description: where the data are}
  MachineArn: {Value: !Ref Machine}
  Loud: {Condition: Both, Value: "yes"}
"""


@pytest.fixture(scope="module")
def formation(endpoint: Endpoint) -> Any:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="artifacts-of-tests")
    for name in ("first", "second"):
        body = {"StartAt": name, "States": {name: {"Type": "Succeed", "Comment": "${Bucket}"}}}
        s3.put_object(
            Bucket="artifacts-of-tests",
            Key=f"definitions/{name}.json",
            Body=json.dumps(body).encode(),
        )
    return endpoint.client("cloudformation")


def document(text: str = TEMPLATE) -> dict[str, Any]:
    """The template in JSON's long form, for tests that change it."""

    class Loader(yaml.SafeLoader):
        pass

    def long(loader: Any, suffix: str, node: Any) -> Any:
        if isinstance(node, yaml.SequenceNode):
            value = loader.construct_sequence(node, deep=True)
        else:
            value = node.value.split(".") if suffix == "GetAtt" else node.value
        return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", long)
    found: dict[str, Any] = Loader(text).get_data()
    return found


def propose(
    client: Any, stack: str, body: str | dict[str, Any], kind: str = "UPDATE", **values: str
) -> dict[str, Any]:
    client.create_change_set(
        StackName=stack,
        ChangeSetName="change",
        ChangeSetType=kind,
        TemplateBody=body if isinstance(body, str) else json.dumps(body),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in values.items()],
    )
    found: dict[str, Any] = client.describe_change_set(StackName=stack, ChangeSetName="change")
    return found


def ended(client: Any, stack: str) -> dict[str, Any]:
    until = time.monotonic() + 30
    while time.monotonic() < until:
        (found,) = client.describe_stacks(StackName=stack)["Stacks"]
        if not found["StackStatus"].endswith("IN_PROGRESS"):
            return dict(found)
        time.sleep(0.02)
    raise AssertionError(found)


def apply(
    client: Any, stack: str, body: str | dict[str, Any], kind: str = "UPDATE", **values: str
) -> dict[str, Any]:
    propose(client, stack, body, kind, **values)
    client.execute_change_set(StackName=stack, ChangeSetName="change")
    return ended(client, stack)


def actions(change_set: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    found = [each["ResourceChange"] for each in change_set["Changes"]]
    return {each["LogicalResourceId"]: (each["Action"], each.get("Replacement")) for each in found}


def events(client: Any, stack: str, status: str) -> dict[str, str]:
    """Logical id -> reason of the events with this status."""
    pages = client.get_paginator("describe_stack_events").paginate(StackName=stack)
    return {
        each["LogicalResourceId"]: each.get("ResourceStatusReason", "")
        for page in pages
        for each in page["StackEvents"]
        if each["ResourceStatus"] == status
    }


def physical(client: Any, stack: str) -> dict[str, str]:
    found = client.describe_stack_resources(StackName=stack)["StackResources"]
    return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in found}


def removed(client: Any, stack: str) -> str:
    stack_id = client.describe_stacks(StackName=stack)["Stacks"][0]["StackId"]
    client.delete_stack(StackName=stack)
    return str(ended(client, stack_id)["StackStatus"])


@pytest.fixture(scope="module")
def whole(formation: Any) -> str:
    """A stack of the whole template."""
    found = apply(formation, "whole", TEMPLATE, "CREATE", Mail="ops@example.org")
    assert found["StackStatus"] == "CREATE_COMPLETE", events(formation, "whole", "CREATE_FAILED")
    return "whole"


def test_each_resource_is_there_by_its_own_api(
    endpoint: Endpoint, formation: Any, whole: str
) -> None:
    names = physical(formation, whole)
    bucket = f"whole-data-{'123456789012'}"
    assert endpoint.client("s3").head_bucket(Bucket=bucket)
    assert names["Data"] == bucket
    job = endpoint.client("glue").get_job(JobName="whole-job")["Job"]
    role = endpoint.client("iam").get_role(RoleName=names["Runner"])["Role"]
    assert (job["Role"], job["NumberOfWorkers"]) == (role["Arn"], 2)
    assert job["DefaultArguments"] == {"--bucket": bucket, "--last": "b"}
    assert job["Command"]["ScriptLocation"] == f"s3://{bucket}/one.py"
    policies = endpoint.client("iam").list_role_policies(RoleName=names["Runner"])["PolicyNames"]
    assert sorted(policies) == ["data", "more"]
    states = endpoint.client("stepfunctions")
    machine = states.describe_state_machine(stateMachineArn=names["Machine"])
    assert json.loads(machine["definition"])["States"]["first"]["Comment"] == bucket
    assert machine["loggingConfiguration"]["level"] == "ERROR"
    schedule = endpoint.client("scheduler").get_schedule(Name="whole")
    assert schedule["Target"]["Arn"] == names["Machine"]
    topic = endpoint.client("sns").get_topic_attributes(TopicArn=names["Failures"])["Attributes"]
    assert topic["DisplayName"] == "failures of dev, ${Literal}"
    table = endpoint.client("dynamodb").describe_table(TableName=names["Marks"])["Table"]
    assert table["KeySchema"] == [{"AttributeName": "table", "KeyType": "HASH"}]
    (group,) = endpoint.client("logs").describe_log_groups(
        logGroupNamePrefix="/aws/vendedlogs/whole"
    )["logGroups"]
    assert group["retentionInDays"] == 7
    assert endpoint.client("sqs").get_queue_attributes(
        QueueUrl=names["Dead"], AttributeNames=["MessageRetentionPeriod"]
    )["Attributes"] == {"MessageRetentionPeriod": "1209600"}
    assert endpoint.client("kms").get_key_rotation_status(KeyId=names["Key"])["KeyRotationEnabled"]


def test_outputs_parameters_and_template_are_told(formation: Any, whole: str) -> None:
    (stack,) = formation.describe_stacks(StackName=whole)["Stacks"]
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert outputs.keys() == {"Bucket", "MachineArn"}
    given = {each["ParameterKey"]: each["ParameterValue"] for each in stack["Parameters"]}
    assert given["Code"] == "****" and given["Days"] == "7"
    assert formation.get_template(StackName=whole)["TemplateBody"] == TEMPLATE


def test_what_is_only_declared_is_named(formation: Any, whole: str) -> None:
    told = events(formation, whole, "CREATE_COMPLETE")
    assert told["Alarm"] == "declared, not emulated here: AWS::CloudWatch::Alarm"
    assert told["Data"] == "declared, not emulated here: BucketEncryption"
    assert told["Job"] == told["Machine"] == ""


def test_a_template_is_validated_and_says_what_it_needs(formation: Any) -> None:
    found = formation.validate_template(TemplateBody=TEMPLATE)
    assert found["Capabilities"] == ["CAPABILITY_IAM"]
    assert {each["ParameterKey"]: each["NoEcho"] for each in found["Parameters"]}["Code"] is True


def test_only_what_changed_is_updated(endpoint: Endpoint, formation: Any) -> None:
    apply(formation, "partly", TEMPLATE, "CREATE")
    before = {
        each["LogicalResourceId"]: each["LastUpdatedTimestamp"]
        for each in formation.list_stack_resources(StackName="partly")["StackResourceSummaries"]
    }
    new = TEMPLATE.replace("one.py", "two.py")
    assert actions(propose(formation, "partly", new)) == {"Job": ("Modify", "False")}
    formation.execute_change_set(StackName="partly", ChangeSetName="change")
    assert ended(formation, "partly")["StackStatus"] == "UPDATE_COMPLETE"
    after = {
        each["LogicalResourceId"]: each["LastUpdatedTimestamp"]
        for each in formation.list_stack_resources(StackName="partly")["StackResourceSummaries"]
    }
    assert {name for name in after if after[name] != before[name]} == {"Job"}
    job = endpoint.client("glue").get_job(JobName="partly-job")["Job"]
    assert job["Command"]["ScriptLocation"].endswith("/two.py")
    assert removed(formation, "partly") == "DELETE_COMPLETE"


def test_a_change_set_without_changes_fails_and_changes_nothing(formation: Any, whole: str) -> None:
    found = propose(formation, whole, TEMPLATE, Mail="ops@example.org")
    assert (found["Status"], found["ExecutionStatus"]) == ("FAILED", "UNAVAILABLE")
    assert "didn't contain changes" in found["StatusReason"]
    formation.delete_change_set(StackName=whole, ChangeSetName="change")


def test_a_new_name_replaces_and_those_that_ask_for_it_follow(
    endpoint: Endpoint, formation: Any
) -> None:
    small = document()
    keep = ("Failures", "Runner", "Data", "Marks", "MoreRights", "Logs", "Machine", "Alarm", "Key")
    small["Resources"] = {name: small["Resources"][name] for name in keep}
    small["Resources"]["Failures"]["Properties"]["TopicName"] = "first"
    small["Outputs"] = {}
    apply(formation, "renamed", small, "CREATE")
    old = physical(formation, "renamed")["Failures"]
    small["Resources"]["Failures"]["Properties"]["TopicName"] = "second"
    found = actions(propose(formation, "renamed", small))
    assert found["Failures"] == ("Modify", "True")
    assert found["Alarm"] == found["Machine"] == ("Modify", "False")
    assert found.keys() == {"Failures", "Alarm", "Machine"}
    formation.execute_change_set(StackName="renamed", ChangeSetName="change")
    assert ended(formation, "renamed")["StackStatus"] == "UPDATE_COMPLETE"
    new = physical(formation, "renamed")["Failures"]
    topics = [t["TopicArn"] for t in endpoint.client("sns").list_topics()["Topics"]]
    assert new.endswith(":second") and new in topics and old not in topics
    assert removed(formation, "renamed") == "DELETE_COMPLETE"


def test_a_failed_update_is_taken_back(endpoint: Endpoint, formation: Any) -> None:
    apply(formation, "unlucky", TEMPLATE, "CREATE")
    before = physical(formation, "unlucky")
    new = document()
    new["Resources"]["Job"]["Properties"]["Command"]["ScriptLocation"] = "s3://bucket/new.py"
    new["Resources"]["Logs"]["Properties"]["RetentionInDays"] = 30
    new["Resources"]["Extra"] = {"Type": "AWS::SQS::Queue"}
    new["Resources"]["Machine"]["DependsOn"] = ["Job", "Extra", "Logs"]
    found = apply(formation, "unlucky", new, Definition="definitions/none.json")
    assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert "definitions/none.json" in events(formation, "unlucky", "UPDATE_FAILED")["Machine"]
    assert "[Machine]" in events(formation, "unlucky", "UPDATE_ROLLBACK_IN_PROGRESS")["unlucky"]
    job = endpoint.client("glue").get_job(JobName="unlucky-job")["Job"]
    assert job["Command"]["ScriptLocation"].endswith("/one.py")
    assert physical(formation, "unlucky") == before
    assert not [
        u for u in endpoint.client("sqs").list_queues().get("QueueUrls", ()) if "Extra" in u
    ]
    again = apply(formation, "unlucky", TEMPLATE, Definition="definitions/second.json")
    assert again["StackStatus"] == "UPDATE_COMPLETE"
    assert removed(formation, "unlucky") == "DELETE_COMPLETE"


def test_a_failed_creation_leaves_nothing(endpoint: Endpoint, formation: Any) -> None:
    found = apply(formation, "stillborn", TEMPLATE, "CREATE", Definition="definitions/none.json")
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "none.json" in events(formation, "stillborn", "CREATE_FAILED")["Machine"]
    with pytest.raises(ClientError, match="404"):
        endpoint.client("s3").head_bucket(Bucket="stillborn-data-123456789012")
    with pytest.raises(ClientError, match="can not be updated"):
        propose(formation, "stillborn", TEMPLATE)
    assert removed(formation, "stillborn") == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="does not exist"):
        formation.describe_stacks(StackName="stillborn")


def test_what_is_there_already_is_not_taken_over(endpoint: Endpoint, formation: Any) -> None:
    endpoint.client("s3").create_bucket(Bucket="taken-data-123456789012")
    found = apply(formation, "taken", TEMPLATE, "CREATE")
    assert found["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "already exists" in events(formation, "taken", "CREATE_FAILED")["Data"]
    assert endpoint.client("s3").head_bucket(Bucket="taken-data-123456789012")
    formation.delete_stack(StackName="taken")


def test_what_is_to_be_retained_stays(endpoint: Endpoint, formation: Any) -> None:
    apply(formation, "kept", TEMPLATE, "CREATE")
    names = physical(formation, "kept")
    endpoint.client("s3").put_object(Bucket=names["Data"], Key="row", Body=b"1")
    stack_id = formation.describe_stacks(StackName="kept")["Stacks"][0]["StackId"]
    assert removed(formation, "kept") == "DELETE_COMPLETE"
    assert "Data" in events(formation, stack_id, "DELETE_SKIPPED")
    assert endpoint.client("s3").get_object(Bucket=names["Data"], Key="row")
    with pytest.raises(ClientError):
        endpoint.client("glue").get_job(JobName="kept-job")
    formation.create_change_set(
        StackName="kept",
        ChangeSetName="again",
        ChangeSetType="CREATE",
        TemplateBody=TEMPLATE,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        ImportExistingResources=True,
    )
    found = formation.describe_change_set(StackName="kept", ChangeSetName="again")
    assert {name for name, one in actions(found).items() if one[0] == "Import"} == {"Data"}
    formation.execute_change_set(StackName="kept", ChangeSetName="again")
    assert ended(formation, "kept")["StackStatus"] == "CREATE_COMPLETE"
    assert endpoint.client("s3").get_object(Bucket=names["Data"], Key="row")
    assert removed(formation, "kept") == "DELETE_COMPLETE"


def test_a_bucket_with_objects_stops_its_deletion_by_name(
    endpoint: Endpoint, formation: Any
) -> None:
    body = {
        "Resources": {"Full": {"Type": "AWS::S3::Bucket"}, "Other": {"Type": "AWS::SQS::Queue"}}
    }
    apply(formation, "full", body, "CREATE")
    name = physical(formation, "full")["Full"]
    endpoint.client("s3").put_object(Bucket=name, Key="row", Body=b"1")
    assert removed(formation, "full") == "DELETE_FAILED"
    assert "BucketNotEmpty" in events(formation, "full", "DELETE_FAILED")["Full"]
    endpoint.client("s3").delete_object(Bucket=name, Key="row")
    assert removed(formation, "full") == "DELETE_COMPLETE"


def _broken() -> Iterator[tuple[str, Any, str]]:
    def broken(path: str, value: Any) -> dict[str, Any]:
        made = deepcopy(document())
        *steps, last = path.split(".")
        at = made
        for step in steps:
            at = at[step]
        at[last] = value
        return made

    yield "YAML", "Resources: [", "neither YAML nor JSON"
    yield "no resources", {"Parameters": {}}, "At least one Resources member"
    yield "section", broken("Transform", "AWS::Serverless-2016-10-31"), "section Transform"
    queue = {"Type": "AWS::Nowhere::Queue"}
    yield "type", broken("Resources.X", queue), r"Unrecognized resource types: \[AWS::Nowhere::Q"
    lambda_ = {"Type": "AWS::Lambda::Function"}
    yield "known type", broken("Resources.X", lambda_), "not supported .* AWS::Lambda::Function"
    yield "property", broken("Resources.Job.Properties.Colour", 1), "unsupported property Colour"
    yield "missing", broken("Resources.Job.Properties", {}), "Command, Role of Job"
    role = {"Ref": "Nobody"}
    yield "reference", broken("Resources.Job.Properties.Role", role), r"\[Nobody\] in the Resources"
    yield "circle", broken("Resources.Data.DependsOn", "Job"), "Circular dependency"
    imported = {"Fn::ImportValue": "other"}
    yield "import", broken("Resources.Job.Properties.Role", imported), "Fn::ImportValue"
    outputs = {"Bucket": {"Value": {"Ref": "Nobody"}}}
    yield "output", broken("Outputs", outputs), r"\[Nobody\] in the Outputs"
    yield "map", broken("Mappings", {"Sizes": {}}), "Unable to get mapping for Sizes::dev::Kind"
    yield "policy", broken("Resources.Data.DeletionPolicy", "Maybe"), "Unrecognized DeletionPolicy"
    yield "snapshot", broken("Resources.Data.DeletionPolicy", "Snapshot"), "Snapshot of Data"
    outputs = {"Bucket": {"Value": "x", "Condition": "Nobody"}}
    yield "output's condition", broken("Outputs", outputs), "condition dependency Nobody"
    asks = {"Fn::Equals": [{"Ref": "Data"}, "x"]}
    yield "condition", broken("Conditions.Large", asks), "Cannot reference resources in the Cond"
    for function in ({"Fn::If": ["Large"]}, {"Fn::Join": "x"}, {"Fn::Sub": 5}):
        (name,) = function
        yield name, broken("Resources.Job.Properties.Role", function), "not given what it takes"


@pytest.mark.parametrize(
    ("body", "said"), [pytest.param(body, said, id=name) for name, body, said in _broken()]
)
def test_a_broken_template_is_refused_before_anything_is_made(
    formation: Any, body: Any, said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        propose(formation, "broken", body, "CREATE")
    with pytest.raises(ClientError, match="does not exist"):
        formation.describe_stacks(StackName="broken")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"Stage": "test"}, "Stage.*dev, prod"),
        ({"Days": "none"}, "Days.*must be a number"),
        ({"Days": "0"}, "not less than 1"),
        ({"Mail": "nobody"}, "Mail' is no address"),
        ({"Colour": "red"}, r"\[Colour\] do not exist"),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused(
    formation: Any, values: dict[str, str], said: str
) -> None:
    with pytest.raises(ClientError, match=said):
        propose(formation, "broken", TEMPLATE, "CREATE", **values)


def test_roles_need_a_capability(formation: Any) -> None:
    with pytest.raises(ClientError, match="InsufficientCapabilities.*CAPABILITY_IAM"):
        formation.create_change_set(
            StackName="broken",
            ChangeSetName="change",
            ChangeSetType="CREATE",
            TemplateBody=TEMPLATE,
        )


def test_a_change_set_that_is_not_executed_leaves_no_trace(formation: Any) -> None:
    propose(formation, "looked", TEMPLATE, "CREATE")
    (stack,) = formation.describe_stacks(StackName="looked")["Stacks"]
    assert stack["StackStatus"] == "REVIEW_IN_PROGRESS"
    formation.delete_stack(StackName="looked")
    with pytest.raises(ClientError, match="does not exist"):
        formation.describe_stacks(StackName="looked")


def test_stacks_outlive_the_server_and_a_killed_update_is_taken_back(tmp_path: Path) -> None:
    state = tmp_path / "aws"
    made = local_aws.start(state)
    try:
        client = made.client("cloudformation")
        queues = {f"Q{n}": {"Type": "AWS::SQS::Queue"} for n in range(3)}
        apply(client, "lasting", {"Resources": queues}, "CREATE")
        before = physical(client, "lasting")
        more = {f"Q{n}": {"Type": "AWS::SQS::Queue"} for n in range(60)}
        more["Q0"] = {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 5}}
        propose(client, "lasting", {"Resources": more})
        client.execute_change_set(StackName="lasting", ChangeSetName="change")
        while len(events(client, "lasting", "CREATE_COMPLETE")) < 15:
            time.sleep(0.01)
        pid = Daemon("aws", state).pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        while local_aws.running(state):  # the system takes a moment
            time.sleep(0.01)
        made = local_aws.start(state)
        client = made.client("cloudformation")
        found = ended(client, "lasting")
        assert found["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
        assert physical(client, "lasting") == before
        assert removed(client, "lasting") == "DELETE_COMPLETE"
    finally:
        local_aws.stop(state)
