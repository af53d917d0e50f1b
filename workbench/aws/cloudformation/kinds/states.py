"""State machines, and the schedules that start them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from workbench.aws.cloudformation.kinds.kind import Clients, Given, Kind, Made, absent, fitted
from workbench.aws.cloudformation.problem import Failed
from workbench.aws.scheduler.schedules import FIELDS
from workbench.aws.scheduler.target import FIELDS as TARGET_FIELDS


def _machine(clients: Clients, given: Given) -> Made:
    client, properties = clients["stepfunctions"], given.properties
    wanted = {"definition": _definition(clients, properties), "roleArn": properties["RoleArn"]}
    kept = {"LoggingConfiguration": properties.get("LoggingConfiguration", {"Level": "OFF"})}
    wanted |= fitted("stepfunctions", "CreateStateMachine", kept)
    arn = given.physical
    if arn:
        client.update_state_machine(stateMachineArn=arn, **wanted)
    else:
        arn = clients.arn("states", f"stateMachine:{given.name}")
        absent(client.describe_state_machine, given.name, stateMachineArn=arn)
        client.create_state_machine(name=given.name, **wanted)
    return Made(arn, {"Arn": arn, "Name": arn.rpartition(":")[2]})


def _definition(clients: Clients, properties: Mapping[str, Any]) -> str:
    """The definition, its ``${Name}`` replaced where there is a substitution."""
    text = properties.get("DefinitionString")
    if text is None and "Definition" in properties:
        text = json.dumps(properties["Definition"])
    if text is None:
        text = _fetched(clients, properties.get("DefinitionS3Location") or {})
    for name, value in (properties.get("DefinitionSubstitutions") or {}).items():
        text = text.replace(f"${{{name}}}", value if isinstance(value, str) else json.dumps(value))
    return str(text)


def _fetched(clients: Clients, location: Mapping[str, Any]) -> str:
    if not {"Bucket", "Key"} <= location.keys():
        raise Failed("one of DefinitionString, Definition and DefinitionS3Location is needed")
    bucket, key = location["Bucket"], location["Key"]
    try:
        body: bytes = clients["s3"].get_object(Bucket=bucket, Key=key)["Body"].read()
    except ClientError as error:
        raise Failed(f"DefinitionS3Location s3://{bucket}/{key}: {error}") from None
    return body.decode()


def _delete_machine(clients: Clients, arn: str, _: Mapping[str, Any]) -> None:
    clients["stepfunctions"].delete_state_machine(stateMachineArn=arn)


def _schedule(clients: Clients, given: Given) -> Made:
    client, name = clients["scheduler"], given.physical or given.name
    kept = {key: value for key, value in given.properties.items() if key in FIELDS}
    kept["Target"] = {
        key: value for key, value in given.properties["Target"].items() if key in TARGET_FIELDS
    }
    kept.pop("GroupName", None)
    wanted = fitted("scheduler", "CreateSchedule", {**kept, "Name": name})
    (client.update_schedule if given.physical else client.create_schedule)(**wanted)
    return Made(name, {"Arn": clients.arn("scheduler", f"schedule/default/{name}")})


def _delete_schedule(clients: Clients, name: str, _: Mapping[str, Any]) -> None:
    clients["scheduler"].delete_schedule(Name=name)


KINDS = {
    "AWS::StepFunctions::StateMachine": Kind(
        _machine,
        _machine,
        _delete_machine,
        frozenset(
            "Definition DefinitionString DefinitionS3Location DefinitionSubstitutions RoleArn "
            "LoggingConfiguration StateMachineType".split()
        ),
        "StateMachineName",
        80,
    ),
    "AWS::Scheduler::Schedule": Kind(
        _schedule,
        _schedule,
        _delete_schedule,
        FIELDS - {"GroupName"},
        "Name",
        64,
        nested={"Target": TARGET_FIELDS},
    ),
}
