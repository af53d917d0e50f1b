"""The Step Functions API: who answers which operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from workbench.aws.protocol import Context, not_supported
from workbench.aws.stepfunctions import adaptations, embed, validation
from workbench.aws.stepfunctions.clients import Clients
from workbench.aws.stepfunctions.executions import Executions
from workbench.aws.stepfunctions.machines import Machines
from workbench.aws.stepfunctions.tokens import Tokens
from workbench.aws.stepfunctions.trial import Trial
from workbench.aws.stepfunctions.views import Views


class StepFunctionsService:
    """All state machines and executions of one local AWS."""

    def __init__(self, context: Context) -> None:
        embed.use(Clients(context))
        adaptations.apply()
        folder = context.state / "stepfunctions"
        self._machines = Machines(folder / "machines", context)
        self._executions = Executions(folder / "executions", context, self._machines)
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            **self._machines.operations,
            **self._executions.operations,
            **Tokens(self._executions).operations,
            **Views(self._executions, self._machines).operations,
            "ValidateStateMachineDefinition": validation.validate,
            "TestState": Trial(context).answer,
        }

    def handle(self, operation: str, request: dict[str, Any], context: Context) -> dict[str, Any]:
        """Answer one operation. Raises AwsError."""
        if operation not in self._operations:
            raise not_supported("stepfunctions", operation)
        return self._operations[operation](request)

    def wait_for_execution(self, arn: str, seconds: float) -> bool:
        """Whether an execution was over within ``seconds``."""
        return self._executions.wait(arn, seconds)

    def close(self) -> None:
        """Running executions are left as a kill would leave them: shown FAILED, redrivable."""
        self._executions.close()
