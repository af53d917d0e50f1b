"""Executions: started, stopped, redriven, and what is known of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from workbench.aws.protocol import AwsError, Context
from workbench.aws.stepfunctions import logs, requests
from workbench.aws.stepfunctions.history import History, now
from workbench.aws.stepfunctions.machines import Machine, Machines
from workbench.aws.stepfunctions.redrive import Resumption, refusal, resumption
from workbench.aws.stepfunctions.run import Run
from workbench.aws.stepfunctions.store import RUNNING, SERVER_STOPPED, Record, Store

Answer = Callable[[dict[str, Any]], dict[str, Any]]

# A stopped execution ends at once, unless a task is just being told to stop what it runs.
STOP_WAIT = 10.0
LEFT = (
    "The local AWS stopped while this execution was running. It can be redriven: it goes on from "
    "the state that it was in."
)


class Executions:
    """All executions of one local AWS, those that run and those that are over."""

    def __init__(self, folder: Path, context: Context, machines: Machines) -> None:
        self._context = context
        self._machines = machines
        self._store = Store(folder)
        self._lock = threading.RLock()
        self._runs: dict[str, Run] = {}
        self._closed = False
        self._records = {record.arn: record for record in self._store.records()}
        for record in self._records.values():
            if record.status == RUNNING:
                self._lost(record)
        self.operations: dict[str, Answer] = {
            "StartExecution": self._start,
            "StopExecution": self._stop,
            "RedriveExecution": self._redrive,
        }

    # -- starting and ending

    def _start(self, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._machines.find(requests.arn(request, "stateMachineArn", "stateMachine"))
        given = requests.payload(request)
        name = requests.name(request) if request.get("name") else str(uuid.uuid4())
        record = self._record(machine, name, given, request.get("traceHeader"))
        with self._lock:
            found = self._records.get(record.arn)
            if found is None:
                self._records[record.arn] = found = record
                self._run(record)
            elif found.status != RUNNING or found.input != given:
                raise AwsError("ExecutionAlreadyExists", f"Execution Already Exists: '{found.arn}'")
        return {"executionArn": found.arn, "startDate": found.started}

    def _record(self, machine: Machine, name: str, given: str, trace: str | None) -> Record:
        prefix = f"arn:aws:states:{self._context.region}:{self._context.account}:execution"
        return Record(
            arn=f"{prefix}:{machine.name}:{name}",
            name=name,
            machine_arn=machine.arn,
            machine_name=machine.name,
            definition=machine.definition,
            role_arn=machine.role_arn,
            revision_id=machine.revision_id,
            updated=machine.updated,
            logging=machine.logging,
            input=given,
            started=now(),
            trace_header=trace,
        )

    def _run(self, record: Record, resumption: Resumption | None = None) -> None:
        self._store.write(record)
        file, past = self._store.append(record), self._store.history(record)
        history = History(file, past, logs.session(record))
        run = Run(record, history, self._context, self._ended, resumption)
        self._runs[record.arn] = run
        run.start()

    def _ended(self, run: Run) -> None:
        with self._lock:
            if not self._closed:
                run.record.end(run.history.events()[-1])
                run.record.map_runs += run.map_runs()
                self._store.write(run.record)
            del self._runs[run.record.arn]

    def _lost(self, record: Record) -> None:
        """It ran when the process died; what it had started died with it."""
        history = History(self._store.append(record), self._store.history(record), None)
        if not history.is_over():
            history.tell_failure(SERVER_STOPPED, LEFT)
        record.end(history.events()[-1])
        self._store.write(record)

    def close(self) -> None:
        """Let nothing that happens from now on be told: it is of our own shutdown."""
        with self._lock:
            self._closed = True
            for run in self._runs.values():
                run.history.close()

    def wait(self, arn: str, seconds: float) -> bool:
        """Whether an execution was over within ``seconds``."""
        run = self._runs.get(arn)
        return run is None or run.wait(seconds)

    def _redrive(self, request: dict[str, Any]) -> dict[str, Any]:
        with self._lock:
            record = self.find(request)
            events = self._store.history(record)
            reason = refusal(record, len(events), now())
            if reason:
                raise AwsError("ExecutionNotRedrivable", f"{reason}: '{record.arn}'")
            record.redrives, record.redriven = record.redrives + 1, now()
            record.status, record.stopped, record.error, record.cause = RUNNING, None, None, None
            self._run(record, resumption(record, events))
        return {"redriveDate": record.redriven}

    def _stop(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self.find(request)
        run = self._runs.get(record.arn)
        if run:
            run.stop(request.get("error"), request.get("cause"))
            run.wait(STOP_WAIT)
        return {"stopDate": record.stopped or now()}

    # -- what is known

    def find(self, request: dict[str, Any]) -> Record:
        """The execution that is asked for. Raises AwsError."""
        arn = requests.arn(request, "executionArn", "execution")
        record = self._records.get(arn)
        if record is None:
            raise AwsError("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
        return record

    def records(self) -> list[Record]:
        with self._lock:
            return list(self._records.values())

    def runs(self) -> list[Run]:
        with self._lock:
            return list(self._runs.values())

    def events(self, record: Record) -> list[Any]:
        """The history so far."""
        run = self._runs.get(record.arn)
        return run.history.events() if run else self._store.history(record)

    def map_runs(self, record: Record) -> list[dict[str, Any]]:
        run = self._runs.get(record.arn)
        return record.map_runs + (run.map_runs() if run else [])
