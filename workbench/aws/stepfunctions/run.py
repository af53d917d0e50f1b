"""One run of one execution by the library's interpreter."""

from __future__ import annotations

import copy
import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType, StateMachineType
from localstack.services.stepfunctions.asl.component.common.flow.start_at import StartAt
from localstack.services.stepfunctions.asl.eval.environment import Environment
from localstack.services.stepfunctions.asl.eval.evaluation_details import AWSExecutionDetails
from localstack.services.stepfunctions.asl.eval.event.event_manager import EventHistoryContext

from workbench.aws.protocol import Context
from workbench.aws.stepfunctions.history import LONGEST, History, seconds
from workbench.aws.stepfunctions.parsing import parse
from workbench.aws.stepfunctions.redrive import Resumption
from workbench.aws.stepfunctions.store import Record

log = logging.getLogger(__name__)

# How long an execution's end waits for its tasks to stop what they have started.
REST = 10.0


class Run:
    """A thread that interprets a definition, from its start or from a resumption."""

    def __init__(
        self,
        record: Record,
        history: History,
        context: Context,
        ended: Callable[[Run], None],
        resumption: Resumption | None = None,
    ) -> None:
        self.record = record
        self.history = history
        self._ended = ended
        self._resumption = resumption
        self._over = threading.Event()
        self._stopped: dict[str, str | None] | None = None  # why, if it was
        self.env = _environment(record, history, context)
        history.when_full = self._end_full
        self._thread = threading.Thread(target=self._work, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self, error: str | None, cause: str | None) -> None:
        """End it; its tasks end what they have started."""
        self._stopped = self._stopped or {"error": error, "cause": cause}
        self.env.set_stop(stop_date=datetime.now(tz=UTC), cause=cause, error=error)

    def _end_full(self) -> None:
        cause = f"The execution reached the maximum number of history events ({LONGEST})."
        self.env.set_error({"error": "States.Runtime", "cause": cause})

    def wait(self, seconds: float) -> bool:
        """Whether the run was over within ``seconds``."""
        return self._over.wait(seconds)

    def map_runs(self) -> list[dict[str, Any]]:
        """The distributed Map states of this run, as DescribeMapRun tells them."""
        found = self.env.map_run_record_pool_manager.get_all()
        return [json.loads(json.dumps(each.describe(), default=seconds)) for each in found]

    def _work(self) -> None:
        try:
            self._interpret()
        except Exception as error:  # nobody else would ever hear of it
            log.exception("%s", self.record.arn)
            self.history.tell_failure("States.Runtime", f"{type(error).__name__}: {error}")
        self._tell_end()
        self.history.rest(REST)
        self.history.close()
        self._ended(self)
        self._over.set()

    def _tell_end(self) -> None:
        """The library tells no end of what was stopped before it had begun."""
        if self.history.is_over():
            return
        if self._stopped is None:
            self.history.tell_failure("States.Runtime", "The execution ended without an outcome.")
            return
        self.env.event_history_context.source_event_id = 0
        self._tell(HistoryEventType.ExecutionAborted, executionAbortedEventDetails=self._stopped)

    def _interpret(self) -> None:
        program = copy.copy(parse(self.record.definition))
        limit = program.timeout_seconds.timeout_seconds if program.timeout_seconds else None
        program.timeout_seconds = None  # the library would not wait for the state to end
        if self._resumption:
            self._resume(program, self._resumption)
        else:
            self._enter()
        timer = threading.Timer(limit or 0, self.env.set_timed_out)
        timer.daemon = True
        if limit:
            timer.start()
        try:
            program.eval(self.env)
        except RuntimeError:  # so the library refuses to begin what was stopped before
            if self._stopped is None:
                raise
        timer.cancel()

    def _enter(self) -> None:
        self._tell(
            HistoryEventType.ExecutionStarted,
            executionStartedEventDetails={
                "input": self.record.input,
                "inputDetails": {"truncated": False},
                "roleArn": self.record.role_arn,
            },
        )

    def _resume(self, program: Any, resumption: Resumption) -> None:
        env = self.env
        env.event_history_context.source_event_id = len(self.history.events())
        self._tell(
            HistoryEventType.ExecutionRedriven,
            executionRedrivenEventDetails={"redriveCount": self.record.redrives},
        )
        if resumption.entered is not None:
            env.event_history_context.source_event_id = resumption.entered
            self.history.entered_before = True
            self.history.done = {resumption.state: resumption.done}
        program.start_at = StartAt(start_at_name=resumption.state)
        env.states.reset(input_value=resumption.input)
        for name, value in resumption.variables.items():
            env.variable_store.set(name, value)
        env.variable_store.reset_tracing()

    def _tell(self, kind: HistoryEventType, **details: Any) -> None:
        self.history.add_event(
            self.env.event_history_context, kind, details, update_source_event_id=False
        )


def _environment(record: Record, history: History, context: Context) -> Any:
    execution: Any = {
        "Id": record.arn,
        "Input": json.loads(record.input),
        "Name": record.name,
        "RoleArn": record.role_arn,
        "StartTime": iso(record.started),
        "RedriveCount": record.redrives,
    }
    if record.redriven:
        execution["RedriveTime"] = iso(record.redriven)
    env = Environment(
        aws_execution_details=AWSExecutionDetails(context.account, context.region, record.role_arn),
        execution_type=StateMachineType.STANDARD,
        context={
            "Execution": execution,
            "StateMachine": {"Id": record.machine_arn, "Name": record.machine_name},
        },
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    env.event_manager = history
    env.next_state_name = ""  # it runs from now on: the library would forget an earlier stop
    return env


def iso(moment: float) -> str:
    """Epoch seconds as Step Functions writes times: UTC, with milliseconds."""
    text = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
