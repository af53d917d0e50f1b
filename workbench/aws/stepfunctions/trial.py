"""TestState: one state by itself, run by the library's provider."""

from __future__ import annotations

import json
from typing import Any

from localstack.aws.api import RequestContext, ServiceException
from localstack.http import Request
from localstack.services.stepfunctions.provider import StepFunctionsProvider

from workbench.aws.protocol import AwsError, Context, not_supported
from workbench.aws.stepfunctions import requests
from workbench.aws.stepfunctions.history import seconds


class Trial:
    """Answers TestState."""

    def __init__(self, context: Context) -> None:
        self._provider = StepFunctionsProvider()
        self._context = RequestContext(Request())
        self._context.account_id, self._context.region = context.account, context.region

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Raises AwsError."""
        definition = requests.text(request, "definition")
        requests.payload(request)
        if ".sync" in definition and "mock" not in request:
            raise not_supported("stepfunctions", "TestState of a .sync task without a mock")
        try:
            # Without a configuration the library cannot tell that a state would be retried.
            given: Any = {"stateConfiguration": {}, **request}
            told = self._provider.test_state(self._context, given)
        except ServiceException as error:
            raise AwsError(error.code, error.message, error.status_code) from None
        answer: dict[str, Any] = json.loads(json.dumps(told, default=seconds))
        return answer
