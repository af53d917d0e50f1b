"""Answers of AWS services as a state sees them."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

from botocore.response import StreamingBody
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service import (  # noqa: E501
    state_task_service,
    state_task_service_aws_sdk,
)

from workbench.aws.stepfunctions import embed, run
from workbench.aws.stepfunctions.clients import SERVICES
from workbench.aws.stepfunctions.embed import replace

Task = state_task_service.StateTaskService
Sdk = state_task_service_aws_sdk.StateTaskServiceAwsSdk


def adapt() -> None:
    replace(Task, "_SERVICE_NAME_SFN_TO_BOTO_OVERRIDES", SERVICES)
    replace(Task, "_normalise_response", _normalise)
    replace(Sdk, "_normalise_service_error_name", staticmethod(_service))


def shown(value: Any, shape: Any, milliseconds: bool) -> Any:
    """``value`` with member names in PascalCase and times as text, as SDK integrations have it.

    Optimized integrations give times as ``milliseconds`` since 1970 instead.
    """
    kind = shape.type_name if shape is not None else None
    if kind == "structure" and isinstance(value, dict):
        return {
            name[:1].upper() + name[1:]: shown(member, shape.members.get(name), milliseconds)
            for name, member in value.items()
        }
    if kind == "list" and isinstance(value, list):
        return [shown(member, shape.member, milliseconds) for member in value]
    if kind == "map" and isinstance(value, dict):
        return {key: shown(member, shape.value, milliseconds) for key, member in value.items()}
    return _scalar(value, milliseconds)


def _scalar(value: Any, milliseconds: bool) -> Any:
    if isinstance(value, datetime):
        moment = value.timestamp()
        return round(moment * 1000) if milliseconds else run.iso(moment)
    if isinstance(value, StreamingBody):
        value = value.read()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return base64.b64encode(value).decode()
    return value


def _normalise(
    self: Any,
    response: Any,
    boto_service_name: str | None = None,
    service_action_name: str | None = None,
) -> None:
    """Change ``response`` itself: that is what the library expects."""
    model = self._get_boto_operation_model(
        boto_service_name=self._get_boto_service_name(boto_service_name),
        service_action_name=self._get_boto_service_action(service_action_name),
    )
    if isinstance(response, dict) and model.output_shape is not None:
        named = shown(response, model.output_shape, milliseconds=not isinstance(self, Sdk))
        response.clear()
        response.update(named)


def _service(name: str) -> str:
    """How the errors of aws-sdk:<name> begin."""
    if name == "dynamodb":
        return "DynamoDb"
    if name == "sfn":
        return "Sfn"
    model = embed.client(SERVICES[name]).meta.service_model
    return str(model.service_id).replace(" ", "")
