"""Tasks: what of their failures the library gets wrong."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError
from localstack.services.stepfunctions.asl.component.common.error_name.error_name import ErrorName
from localstack.services.stepfunctions.asl.component.common.path.items_path import ItemsPath
from localstack.services.stepfunctions.asl.component.state import state
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_callback import (  # noqa: E501
    StateTaskServiceCallback,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_dynamodb import (  # noqa: E501
    StateTaskServiceDynamoDB,
)
from localstack.services.stepfunctions.asl.eval.callback.callback import HeartbeatTimeoutError

from workbench.aws.stepfunctions import errors, run
from workbench.aws.stepfunctions.embed import replace

_dynamodb: Any = None
_callback: Any = None


def adapt() -> None:
    global _dynamodb, _callback
    _dynamodb = StateTaskServiceDynamoDB._from_error
    _callback = StateTaskServiceCallback._from_error
    replace(StateTaskServiceDynamoDB, "_from_error", _of_dynamodb)
    replace(StateTaskServiceCallback, "_from_error", _of_callback)
    replace(ItemsPath, "_eval_body", _items)
    replace(state, "StateData", _state_data)


def _of_dynamodb(self: Any, env: Any, ex: Exception) -> Any:
    """The library takes a timeout and a missing path for an error of DynamoDB."""
    if isinstance(ex, ClientError):
        return _dynamodb(self, env, ex)
    return super(StateTaskServiceDynamoDB, self)._from_error(env=env, ex=ex)


def _of_callback(self: Any, env: Any, ex: Exception) -> Any:
    event = _callback(self, env=env, ex=ex)
    if isinstance(ex, HeartbeatTimeoutError):
        event.error_name = ErrorName("States.HeartbeatTimeout")
        event.event_details["taskTimedOutEventDetails"]["error"] = "States.HeartbeatTimeout"
    return event


def _items(self: Any, env: Any) -> None:
    self.string_sampler.eval(env=env)
    if not isinstance(env.stack[-1], list):
        path = self.string_sampler.literal_value
        raise errors.failure(env, "States.Runtime", f'Reference path "{path}" must point to array.')


def _state_data(EnteredTime: str, Name: str) -> dict[str, Any]:
    """The library's time has an offset and microseconds."""
    return {"EnteredTime": run.iso(datetime.now(UTC).timestamp()), "Name": Name, "RetryCount": 0}
