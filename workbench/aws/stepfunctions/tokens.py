"""Tokens: how a worker tells the task that waits for it."""

from __future__ import annotations

from typing import Any

from localstack.services.stepfunctions.asl.eval.callback.callback import (
    CallbackOutcomeFailure,
    CallbackOutcomeSuccess,
)

from workbench.aws.protocol import AwsError
from workbench.aws.stepfunctions import requests
from workbench.aws.stepfunctions.executions import Answer, Executions


class Tokens:
    """Answers the workers of all executions."""

    def __init__(self, executions: Executions) -> None:
        self._executions = executions
        self.operations: dict[str, Answer] = {
            "SendTaskSuccess": self._success,
            "SendTaskFailure": self._failure,
            "SendTaskHeartbeat": self._heartbeat,
        }

    def _success(self, request: dict[str, Any]) -> dict[str, Any]:
        token = requests.text(request, "taskToken")
        try:
            output = requests.payload(request, "output")
        except AwsError as error:
            raise AwsError("InvalidOutput", error.message) from None
        return self._notify(token, CallbackOutcomeSuccess(token, output))

    def _failure(self, request: dict[str, Any]) -> dict[str, Any]:
        token = requests.text(request, "taskToken")
        outcome = CallbackOutcomeFailure(token, request.get("error"), request.get("cause"))
        return self._notify(token, outcome)

    def _heartbeat(self, request: dict[str, Any]) -> dict[str, Any]:
        return self._notify(requests.text(request, "taskToken"), None)

    def _notify(self, token: str, outcome: Any) -> dict[str, Any]:
        """Tell the task that waits for ``token``; without an outcome, that it is alive."""
        pools = [run.env.callback_pool_manager for run in self._executions.runs()]
        pool = next((pool for pool in pools if pool.get(token)), None)
        if pool is None:
            raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
        if pool.get(token)._notify_event.is_set():  # it has its outcome, or waits no more
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        if outcome is None:
            pool.heartbeat(token)
        else:
            pool.notify(token, outcome)
        return {}
