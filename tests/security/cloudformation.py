"""The template as CloudFormation would resolve it: conditions decided, every reference a value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import yaml

from workbench.export.template import TEMPLATE

ACCOUNT, REGION, OTHER = "111122223333", "eu-central-1", "999988887777"
PSEUDO = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": "stack",
}
GIVEN = {
    "ArtifactBucket": "artifacts-of-ours",
    "LibraryKey": "artifacts/0123/etl_lib-0.1.0-py3-none-any.whl",
    "DefinitionKey": "artifacts/0123/pipeline.asl.json",
    **{
        f"{stage}Script": f"jobs/0123/{stage}.py"
        for stage in ("Extract", "RawIngest", "Transform", "Load", "Bookmark", "Finalize")
    },
}
NOTHING = object()


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms."""


def _short(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)
    if suffix == "GetAtt":
        value = value.split(".", 1)
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short)


def read() -> dict[str, Any]:
    found: dict[str, Any] = _Loader(TEMPLATE.read_text()).get_single_data()
    return found


@dataclass(frozen=True)
class Stack:
    """A stack of the template with some parameters."""

    parameters: Mapping[str, Any]

    @cached_property
    def template(self) -> dict[str, Any]:
        return read()

    @cached_property
    def values(self) -> dict[str, Any]:
        known = self.template["Parameters"]
        defaults = {name: each["Default"] for name, each in known.items() if "Default" in each}
        merged = {**defaults, **GIVEN, **self.parameters}
        assert set(merged) == set(known), set(merged) ^ set(known)
        return {
            name: str(value).split(",") if "List" in known[name]["Type"] else value
            for name, value in merged.items()
        }

    @cached_property
    def resources(self) -> dict[str, dict[str, Any]]:
        """Those whose condition holds, resolved."""
        return {
            name: self.resolve(each)
            for name, each in self.template["Resources"].items()
            if "Condition" not in each or self.holds(each["Condition"])
        }

    @cached_property
    def outputs(self) -> dict[str, Any]:
        return {
            name: self.resolve(each["Value"])
            for name, each in self.template["Outputs"].items()
            if "Condition" not in each or self.holds(each["Condition"])
        }

    def holds(self, name: str) -> bool:
        return bool(self.resolve(self.template["Conditions"][name]))

    def resolve(self, node: Any) -> Any:
        if isinstance(node, list):
            found = [self.resolve(each) for each in node]
            return [each for each in found if each is not NOTHING]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (name, value), *_ = node.items()
            if name == "Ref":
                return self.ref(value)
            if name.startswith("Fn::"):
                return getattr(self, f"_{name[4:].lower()}")(value)
        found = {key: self.resolve(value) for key, value in node.items()}
        return {key: value for key, value in found.items() if value is not NOTHING}

    def ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NOTHING
        if name in PSEUDO:
            return PSEUDO[name]
        if name in self.values:
            return self.values[name]
        kind = self.template["Resources"][name]["Type"]
        if kind in BY_ARN:
            return self.arn(name)
        return self._named(name)

    def arn(self, name: str) -> str:
        kind = self.template["Resources"][name]["Type"]
        text = ARNS[kind].replace("{name}", str(self._named(name)))
        return text.replace("{region}", REGION).replace("{account}", ACCOUNT)

    def _named(self, name: str) -> Any:
        each = self.template["Resources"][name]
        label = NAMES.get(each["Type"])
        return self.resolve(each["Properties"][label]) if label else f"{name}-id"

    def _getatt(self, value: list[str]) -> str:
        name, attribute = value
        if attribute in ("Arn", "Workgroup.WorkgroupArn"):
            return self.arn(name)
        assert attribute == "QueueName", value
        return str(self._named(name))

    def _sub(self, text: str) -> str:
        def one(match: re.Match[str]) -> str:
            name, _, attribute = match[1].partition(".")
            return str(self._getatt([name, attribute]) if attribute else self.ref(name))

        # ${aws:…} belongs to IAM; a template that means it does not use Sub.
        return re.sub(r"\$\{([A-Za-z:.]+)\}", one, text)

    def _if(self, value: list[Any]) -> Any:
        return self.resolve(value[1] if self.holds(value[0]) else value[2])

    def _equals(self, value: list[Any]) -> bool:
        left, right = self.resolve(value)
        return bool(left == right)

    def _not(self, value: list[Any]) -> bool:
        return not self.resolve(value[0])

    def _join(self, value: list[Any]) -> str:
        return str(value[0]).join(self.resolve(value[1]))

    # -- policies

    def policies(self, role: str) -> list[dict[str, Any]]:
        """All policies of a role: its own, those attached to it, those that attach themselves."""
        own = self.resources[role]["Properties"]
        attached = own.get("ManagedPolicyArns", [])
        managed = [
            each["Properties"]["PolicyDocument"]
            for name, each in self.resources.items()
            if each["Type"] == "AWS::IAM::ManagedPolicy"
            and (
                self.arn(name) in attached or own["RoleName"] in each["Properties"].get("Roles", ())
            )
        ]
        return [*managed, *(each["PolicyDocument"] for each in own.get("Policies", ()))]

    @cached_property
    def roles(self) -> list[str]:
        return [name for name, each in self.resources.items() if each["Type"] == "AWS::IAM::Role"]


NAMES = {
    "AWS::S3::Bucket": "BucketName",
    "AWS::DynamoDB::Table": "TableName",
    "AWS::IAM::Role": "RoleName",
    "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
    "AWS::SecretsManager::Secret": "Name",
    "AWS::StepFunctions::StateMachine": "StateMachineName",
    "AWS::SNS::Topic": "TopicName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Logs::LogGroup": "LogGroupName",
    "AWS::RedshiftServerless::Namespace": "NamespaceName",
    "AWS::RedshiftServerless::Workgroup": "WorkgroupName",
    "AWS::Glue::Job": "Name",
    "AWS::Glue::SecurityConfiguration": "Name",
    "AWS::Scheduler::Schedule": "Name",
}
ARNS = {
    "AWS::S3::Bucket": "arn:aws:s3:::{name}",
    "AWS::DynamoDB::Table": "arn:aws:dynamodb:{region}:{account}:table/{name}",
    "AWS::KMS::Key": "arn:aws:kms:{region}:{account}:key/{name}",
    "AWS::IAM::Role": "arn:aws:iam::{account}:role/{name}",
    "AWS::IAM::ManagedPolicy": "arn:aws:iam::{account}:policy/{name}",
    "AWS::SecretsManager::Secret": "arn:aws:secretsmanager:{region}:{account}:secret:{name}-AbCdEf",
    "AWS::StepFunctions::StateMachine": "arn:aws:states:{region}:{account}:stateMachine:{name}",
    "AWS::SNS::Topic": "arn:aws:sns:{region}:{account}:{name}",
    "AWS::SQS::Queue": "arn:aws:sqs:{region}:{account}:{name}",
    "AWS::Logs::LogGroup": "arn:aws:logs:{region}:{account}:log-group:{name}:*",
    # Redshift names a workgroup by an id of its own.
    "AWS::RedshiftServerless::Workgroup": (
        "arn:aws:redshift-serverless:{region}:{account}:workgroup/0a1b2c3d-0000-4000-8000-000001"
    ),
}
BY_ARN = (
    "AWS::IAM::ManagedPolicy",
    "AWS::SNS::Topic",
    "AWS::SecretsManager::Secret",
    "AWS::StepFunctions::StateMachine",
)
