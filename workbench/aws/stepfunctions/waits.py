"""Waiting that ends when the execution does; the library sleeps on. What is stopped stays so."""

from __future__ import annotations

import copy
import threading
import time
from datetime import UTC, datetime
from typing import Any

from localstack.services.stepfunctions.asl.component.common.retry.max_attempts_decl import (
    MaxAttemptsOutcome,
)
from localstack.services.stepfunctions.asl.component.common.retry.retrier_decl import RetrierDecl
from localstack.services.stepfunctions.asl.component.common.retry.retrier_outcome import (
    RetrierOutcome,
)
from localstack.services.stepfunctions.asl.component.common.timeouts.timeout import (
    EvalTimeoutError,
    Timeout,
    TimeoutSeconds,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.execute_state import (
    ExecutionState,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_parallel.branch_worker import (  # noqa: E501
    BranchWorker,
)
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.program_state import ProgramStopped

from workbench.aws.stepfunctions.embed import replace

# How long the end of an execution, a branch or a task goes unnoticed.
LOOK = 0.1


def adapt() -> None:
    replace(RetrierDecl, "_eval_body", _retry)
    replace(ExecutionState, "_evaluate_with_timeout", _evaluate)
    replace(BranchWorker, "stop", _stop_branch)
    global _props, _set_error
    _set_error = Environment.set_error
    replace(Environment, "set_error", _set_error_unless_stopped)
    _props = ExecutionState.from_state_props
    replace(ExecutionState, "from_state_props", _from_state_props)


def pause(env: Any, seconds: float) -> None:
    end = time.monotonic() + seconds
    while env.is_running() and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, LOOK))


def abandon(env: Any) -> None:
    """Stop what runs in ``env`` and below; what its threads still report is not told."""
    env.event_history_context.abandoned = True
    for frame in list(env._frames):
        abandon(frame)
    env.set_stop(stop_date=datetime.now(tz=UTC), cause=None, error=None)


def _retry(self: Any, env: Any) -> None:
    self.error_equals.eval(env)
    if not env.stack.pop():
        env.stack.append(RetrierOutcome.Skipped)
        return
    self.max_attempts.eval(env=env)
    if env.stack.pop() == MaxAttemptsOutcome.EXHAUSTED:
        env.stack.append(RetrierOutcome.Failed)
        return
    for step in (
        self.interval_seconds,
        self.backoff_rate,
        self.max_delay_seconds,
        self.jitter_strategy,
    ):
        step.eval(env=env)
    pause(env, env.stack.pop())
    env.stack.append(RetrierOutcome.Executed)


def _evaluate(self: Any, env: Any) -> None:
    """One attempt of a Task, Map or Parallel state, in a thread of its own."""
    self.timeout.eval(env=env)
    seconds = env.stack.pop()
    frame = env.open_frame()
    frame.states.reset(input_value=env.states.get_input())
    frame.stack = copy.deepcopy(env.stack)
    attempt = _Attempt(self, frame)
    finished = attempt.wait(env, seconds)
    if finished and attempt.error is None:
        frame.set_ended()
    else:
        abandon(frame)
    env.close_frame(frame)
    if not env.is_running():
        return
    if not finished:
        raise EvalTimeoutError()
    if attempt.error is not None:
        raise attempt.error
    _take(self, env, attempt.outputs.pop())


class _Attempt:
    def __init__(self, state: Any, frame: Any) -> None:
        self._state = state
        self._frame = frame
        self._over = threading.Event()
        self.outputs: list[Any] = []
        self.error: Exception | None = None
        threading.Thread(target=self._make, daemon=True).start()

    def _make(self) -> None:
        try:
            self._state._eval_execution(self._frame)
            self.outputs.extend(self._frame.stack)
        except Exception as error:
            self.error = error
        self._over.set()

    def wait(self, env: Any, seconds: float) -> bool:
        """Whether it was over within ``seconds``, and before the execution was."""
        end = time.monotonic() + seconds
        while env.is_running() and (left := end - time.monotonic()) > 0:
            if self._over.wait(min(left, LOOK)):
                return True
        return self._over.is_set()


def _take(self: Any, env: Any, output: Any) -> None:
    """What the attempt has made becomes the state's result, as in the library."""
    env.stack.append(output)
    if not self._is_language_query_jsonpath():
        env.states.set_result(output)
    if self.assign_decl:
        self.assign_decl.eval(env=env)
    if self.result_selector:
        self.result_selector.eval(env=env)
    if self.result_path:
        self.result_path.eval(env)
    else:
        env.states.reset(input_value=env.stack.pop())


def _stop_branch(self: Any, stop_date: Any, cause: str | None, error: str | None) -> None:
    abandon(self.env)


_set_error: Any = None


def _set_error_unless_stopped(self: Any, error: Any) -> None:
    """A state that finds its execution stopped between two steps fails; the execution has not."""
    with self._state_mutex:
        if not isinstance(self._program_state, ProgramStopped):
            _set_error(self, error)


_props: Any = None


def _from_state_props(self: Any, state_props: Any) -> None:
    """A heartbeat without a timeout: the library takes 60 seconds, AWS 99999999."""
    _props(self, state_props)
    if self.heartbeat is not None and state_props.get(Timeout) is None:
        self.timeout = TimeoutSeconds(TimeoutSeconds.DEFAULT_TIMEOUT_SECONDS, is_default=True)
