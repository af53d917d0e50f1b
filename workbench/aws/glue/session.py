"""One Glue session: one child process, a queue of statements, and what is known of both."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from workbench.aws.glue import process, spark
from workbench.aws.glue.child import Child
from workbench.aws.glue.spares import Spares
from workbench.aws.protocol import AwsError, Context

FINAL = frozenset({"AVAILABLE", "CANCELLED", "ERROR"})
LIVE = frozenset({"PROVISIONING", "READY"})


@dataclass
class Statement:
    """One piece of code and what became of it."""

    number: int
    code: str
    state: str = "WAITING"
    output: dict[str, Any] = field(default_factory=dict)
    started: float | None = None
    completed: float | None = None

    def finish(self, state: str, output: dict[str, Any]) -> None:
        self.state, self.output, self.completed = state, output, time.time()
        self.started = self.started or self.completed

    def describe(self) -> dict[str, Any]:
        described: dict[str, Any] = {
            "Id": self.number,
            "Code": self.code,
            "State": self.state,
            "Output": self.output,
            "Progress": 1.0 if self.state in FINAL else 0.0,
        }
        if self.started is not None:
            described["StartedOn"] = int(self.started)
        if self.completed is not None:
            described["CompletedOn"] = int(self.completed)
        return described


class Session:
    """A session from PROVISIONING to its end. Every method may be called from any thread."""

    def __init__(
        self,
        request: dict[str, Any],
        settings: dict[str, str],
        context: Context,
        spares: Spares,
        minute: float,
    ) -> None:
        self.id: str = request["Id"]
        self.request = request
        self.tags: dict[str, str] = dict(request.get("Tags") or {})
        self.created = time.time()
        self.completed: float | None = None
        self.status = "PROVISIONING"
        self._changed = threading.Condition(threading.RLock())
        self._error = ""
        self._settings = settings
        self._context = context
        self._spares = spares
        self._minute = minute
        self._statements: dict[int, Statement] = {}
        self._running: Statement | None = None
        self._active = time.monotonic()
        self._begun = time.monotonic()
        self._child: Child | None = None
        self.folder = context.state.resolve() / "sessions" / _folder_name(self.id)

    # -- start

    def start(self) -> None:
        """Bring the process up, or adopt one that is up. Its parent thread must live as long as
        the server (child.py)."""
        try:
            child = self._born()
            with self._changed:
                self.folder = child.folder
                if self.status == "PROVISIONING":
                    self._child = child
                    child.listen(self._heard, self._ended_by_itself)
                    return
            child.kill()  # the session was stopped meanwhile
        except process.ProcessFailed as error:
            self._end("FAILED", str(error))
        except Exception as error:
            self._end("FAILED", f"{type(error).__name__}: {error}")

    def _born(self) -> Child:
        """Raises ProcessFailed."""
        arguments = self.request["DefaultArguments"]
        process.check_modules(arguments.get("--additional-python-modules", ""))
        spare = self._spares.take(arguments, self._settings)
        return spare or Child(self._context, self.folder, arguments, self._settings)

    # -- what the process says

    def _heard(self, message: dict[str, Any]) -> None:
        with self._changed:
            if "ready" in message:
                if self.status == "PROVISIONING":
                    self.status = "READY"
                    self._active = self._begun = time.monotonic()
            elif self._running is not None and self._running.number == message["id"]:
                cancelled = message["cancelled"]
                state = "CANCELLED" if cancelled else "AVAILABLE"
                self._running.finish(state, {} if cancelled else message["output"])
                self._running = None
                self._active = time.monotonic()
                self._next()
            self._changed.notify_all()

    def _ended_by_itself(self, code: int) -> None:
        message = f"the session's process ended with exit code {code}"
        with self._changed:
            if self.status not in LIVE:
                return
            failure = {
                "Status": "error",
                "ErrorName": "SessionProcessEnded",
                "ErrorValue": message,
                "Traceback": [],
            }
            for statement in self._statements.values():
                if statement.state not in FINAL:
                    statement.finish("ERROR", failure)
            self._end("FAILED", f"{message}; {self.folder / 'session.log'} holds its log")

    # -- statements

    def run(self, code: str) -> int:
        """Queue a statement; its number."""
        with self._changed:
            self._require_ready()
            number = len(self._statements) + 1
            self._statements[number] = Statement(number, code)
            self._active = time.monotonic()
            if self._running is None:
                self._next()
            return number

    def _next(self) -> None:
        waiting = (s for s in self._statements.values() if s.state == "WAITING")
        statement = next(waiting, None)
        if statement is None:
            return
        statement.state, statement.started = "RUNNING", time.time()
        self._running = statement
        mounts = spark.mounts(self._context.state.resolve() / "s3")
        self._tell({"run": statement.number, "code": statement.code, "mounts": mounts})

    def statement(self, number: int, wait: float = 0.0) -> dict[str, Any]:
        """The statement; waits up to ``wait`` seconds for its end."""
        with self._changed:
            found = self._find(number)
            self._changed.wait_for(lambda: found.state in FINAL, wait)
            self._refuse_timed_out()
            return found.describe()

    def statements(self) -> list[dict[str, Any]]:
        with self._changed:
            self._refuse_timed_out()
            return [statement.describe() for statement in self._statements.values()]

    def cancel(self, number: int) -> None:
        """Interrupt a running statement, drop a waiting one; nothing if it has ended."""
        with self._changed:
            statement = self._find(number)
            self._require_ready()
            if statement.state == "WAITING":
                statement.finish("CANCELLED", {})
                self._changed.notify_all()
            elif statement.state in ("RUNNING", "CANCELLING"):
                statement.state = "CANCELLING"
                self._tell({"cancel": number})

    def _find(self, number: int) -> Statement:
        if number not in self._statements:
            raise AwsError(
                "EntityNotFoundException", f"Session {self.id} has no statement {number}"
            )
        return self._statements[number]

    def _require_ready(self) -> None:
        self._refuse_timed_out()
        if self.status != "READY":
            raise AwsError(
                "IllegalSessionStateException", f"Session {self.id} is in {self.status} status"
            )

    def _refuse_timed_out(self) -> None:
        if self.status == "TIMEOUT":
            raise AwsError("InvalidInputException", f"Session {self.id} has timed out")

    def _tell(self, message: dict[str, Any]) -> None:
        assert self._child is not None
        self._child.tell(message)

    # -- end

    def stop(self) -> None:
        """Kill the process and its JVM. Raises IllegalSessionStateException if it has ended."""
        with self._changed:
            if self.status not in LIVE:
                raise AwsError(
                    "IllegalSessionStateException", f"Session {self.id} is in {self.status} status"
                )
            self._end("STOPPED", "")

    def end(self) -> None:
        """Stop it if it runs."""
        self._end("STOPPED", "")

    def remove_files(self) -> None:
        """What a dying JVM still writes may stay; the next session of this id removes it."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, status: str, message: str) -> None:
        with self._changed:
            if self.status not in LIVE:
                return
            self.status, self._error, self.completed = status, message[:2048], time.time()
            for statement in self._statements.values():
                if statement.state not in FINAL:
                    statement.finish("CANCELLED", {})
            self._running = None
            if self._child is not None:
                self._child.kill()
            self._changed.notify_all()

    @property
    def idle(self) -> float:
        """Seconds since it last worked for somebody; 0 while it does, or comes up."""
        with self._changed:
            if self._running is not None or self.status == "PROVISIONING":
                return 0.0
            return time.monotonic() - self._active

    def expire(self) -> None:
        """End the session if it was idle, or lived, for longer than it may."""
        with self._changed:
            if self.status != "READY":
                return
            idle = self.idle / self._minute
            lived = (time.monotonic() - self._begun) / self._minute
            if idle >= self.request["IdleTimeout"] or lived >= self.request["Timeout"]:
                self._end("TIMEOUT", "")

    def wait_until_provisioned(self, seconds: float) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self.status != "PROVISIONING", seconds)

    def describe(self) -> dict[str, Any]:
        with self._changed:
            kept = {k: v for k, v in self.request.items() if k not in ("Tags", "Timeout")}
            described = kept | {"CreatedOn": self.created, "Status": self.status}
            described |= {"Progress": 0.0 if self.status == "PROVISIONING" else 1.0}
            if self._error:
                described["ErrorMessage"] = self._error
            if self.completed is not None:
                described["CompletedOn"] = self.completed
                described["ExecutionTime"] = self.completed - self.created
            return described


def _folder_name(identifier: str) -> str:
    if re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,127}", identifier):
        return identifier
    return hashlib.sha256(identifier.encode()).hexdigest()
