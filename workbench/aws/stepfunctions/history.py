"""The history of an execution: every event is on disk before the next step."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from localstack.aws.api.stepfunctions import HistoryEventType
from localstack.services.stepfunctions.asl.eval.event.event_manager import (
    EventHistoryContext,
    EventManager,
)

from workbench.aws.stepfunctions.store import ENDS

# AWS ends an execution whose history would be longer.
LONGEST = 25_000


class History(EventManager):
    """The library's event manager, which also writes to a file. ``past`` is of earlier runs."""

    def __init__(self, file: int, past: Sequence[Any], session: Any) -> None:
        super().__init__(session)
        self._file = file
        self._closed = False
        self._history_event_list.extend(past)
        self._event_id_gen._next_id = len(past) + 1
        self._tasks = 0
        self.when_full: Callable[[], None] = lambda: None
        self._rest = threading.Condition()
        # A redriven state is in the history as entered already.
        self.entered_before = False
        # Of a Map that is redriven: the outputs of the iterations that need not run again.
        self.done: dict[str, dict[int, Any]] = {}

    def add_event(
        self,
        context: Any,
        event_type: Any,
        event_details: Any = None,
        timestamp: Any = None,
        update_source_event_id: bool = True,
    ) -> int:
        """The library's own, but for what is left out; all of it is one step for other threads."""
        with self._mutex:
            if self._closed or self._known(context, event_type):
                return int(context.source_event_id)
            event = {
                "event_id": self._event_id_gen.get(),
                "source_event_id": context.source_event_id,
                "event_type": event_type,
                "timestamp": timestamp or self._get_current_timestamp(),
                "event_details": event_details,
            }
            context.last_published_event_id = event["event_id"]
            if update_source_event_id:
                context.source_event_id = event["event_id"]
            self._publish(
                json.loads(json.dumps(self._create_history_event(**event), default=seconds))
            )
            self._publish_history_log(**event)
            return int(event["event_id"])

    def _known(self, context: Any, event_type: str) -> bool:
        """Whether an event is not to be told: of a branch that was given up, or told before."""
        if getattr(context, "abandoned", False):
            return True
        if self.entered_before and event_type.endswith("StateEntered"):
            self.entered_before = False
            return True
        # The library tells it where it happens, and again where the state fails of it.
        source = context.source_event_id
        before = self._history_event_list[source - 1]["type"] if source else None
        return event_type == before == "EvaluationFailed"

    def take_done(self, state: str) -> dict[int, Any]:
        """The finished iterations of the redriven Map ``state``; none if it is tried again."""
        return self.done.pop(state, {})

    def count(self, change: int) -> None:
        """So many tasks more, or less, are busy."""
        with self._rest:
            self._tasks += change
            self._rest.notify_all()

    def rest(self, seconds: float) -> None:
        """Wait until no task is busy."""
        with self._rest:
            self._rest.wait_for(lambda: not self._tasks, seconds)

    def is_over(self) -> bool:
        events = self._history_event_list
        return bool(events) and events[-1]["type"] in ENDS

    def tell_failure(self, error: str, cause: str) -> None:
        """The end of an execution that nobody runs any more."""
        context = EventHistoryContext(len(self._history_event_list))
        details = {"executionFailedEventDetails": {"error": error, "cause": cause}}
        self.add_event(context, HistoryEventType.ExecutionFailed, details)
        self.close()

    def close(self) -> None:
        """Let nothing more be told, whatever happens."""
        with self._mutex:
            self._close()

    def _close(self) -> None:
        """After the last event, threads of stopped branches may still have something to tell."""
        if not self._closed:
            os.close(self._file)
        self._closed = True

    def _publish(self, event: Any) -> None:
        self._history_event_list.append(event)
        os.write(self._file, json.dumps(event).encode() + b"\n")
        if event["type"] in ENDS:
            self._close()
        elif len(self._history_event_list) == LONGEST - 1:
            self.when_full()

    def events(self) -> list[Any]:
        with self._mutex:
            return list(self._history_event_list)


@contextmanager
def busy(manager: Any) -> Iterator[None]:
    """While a task has something to stop should its execution end."""
    if not isinstance(manager, History):  # the child workflow of a distributed Map
        yield
        return
    manager.count(1)
    try:
        yield
    finally:
        manager.count(-1)


def seconds(value: object) -> object:
    """A datetime as epoch seconds, anything else as text."""
    return value.timestamp() if isinstance(value, datetime) else str(value)


def now() -> float:
    return datetime.now(tz=UTC).timestamp()
