"""Errors of states: how they are named, and which Retry and Catch fields they match."""

from __future__ import annotations

from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType
from localstack.services.stepfunctions.asl.component.common.error_name.custom_error_name import (
    CustomErrorName,
)
from localstack.services.stepfunctions.asl.component.common.error_name.error_equals_decl import (
    ErrorEqualsDecl,
)
from localstack.services.stepfunctions.asl.component.common.error_name.error_name import ErrorName
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEvent,
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.state.state_choice.state_choice import (
    StateChoice,
)

from workbench.aws.stepfunctions.embed import replace

# "States.ALL cannot catch" these, says the developer guide.
TERMINAL = frozenset({"States.DataLimitExceeded", "States.Runtime"})
TIMEOUTS = frozenset({"States.Timeout", "States.HeartbeatTimeout"})


def failure(env: Any, error: str, cause: str, **details: Any) -> Exception:
    """What to raise for a state to fail; ``details`` go into its TaskFailed event."""
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=ErrorName(error),
            event_type=HistoryEventType.TaskFailed,
            event_details=_details(
                taskFailedEventDetails={"error": error, "cause": cause} | details
            ),
        )
    )


def _details(**details: Any) -> Any:
    """The library's type for the details of an event lists every kind of event."""
    return details


def evaluation_failure(env: Any, cause: str) -> Exception:
    """What to raise for a JSONata expression that has no value; the history has it already."""
    error = FailureEventException(
        FailureEvent(
            env=env,
            error_name=ErrorName("States.QueryEvaluationError"),
            event_type=HistoryEventType.EvaluationFailed,
            event_details={
                "evaluationFailedEventDetails": {
                    "error": "States.QueryEvaluationError",
                    "cause": cause,
                    "state": env.next_state_name,
                }
            },
        )
    )
    env.event_manager.add_event(
        context=env.event_history_context,
        event_type=HistoryEventType.EvaluationFailed,
        event_details={"evaluationFailedEventDetails": error.get_evaluation_failed_event_details()},
    )
    return error


def matches(wanted: set[str | None], error: str | None) -> bool:
    """Whether an ErrorEquals of ``wanted`` matches ``error``."""
    if error in wanted or error == "States.HeartbeatTimeout" and "States.Timeout" in wanted:
        return True
    if error in TERMINAL:
        return False
    if "States.ALL" in wanted:
        return True
    return "States.TaskFailed" in wanted and error not in TIMEOUTS


def adapt() -> None:
    replace(ErrorEqualsDecl, "_eval_body", _error_equals)
    # A Map or Parallel state fails with the name of an inner error, States.* among them.
    replace(CustomErrorName, "__init__", ErrorName.__init__)
    replace(StateChoice, "_eval_state", _choose)


def _error_equals(self: Any, env: Any) -> None:
    error = env.stack.pop()
    wanted = {each.error_name for each in self.error_names}
    env.stack.append(matches(wanted, error.error_name if error else None))


def _choose(self: Any, env: Any) -> None:
    for rule in self.choices_decl.rules:
        rule.eval(env)
        if env.stack.pop() is True:
            env.stack.append(rule.next_stmt.name)
            return
    if self.default_state is None:
        raise failure(
            env,
            "States.NoChoiceMatched",
            f"No choice of the state '{self.name}' matched, and it has no Default.",
        )
    env.stack.append(self.default_state.state_name)
