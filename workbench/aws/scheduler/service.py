"""The Scheduler API: keeps schedules on disk, and starts executions when they are due."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from workbench.aws.files import write
from workbench.aws.protocol import AwsError, Context, not_supported
from workbench.aws.scheduler import schedules
from workbench.aws.scheduler.target import invoke

log = logging.getLogger(__name__)

PAGE = 100


class SchedulerService:
    """All schedules of one local AWS, in the group ``default``, and the thread that fires them."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._folder = context.state / "scheduler"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._schedules: dict[str, dict[str, Any]] = {}
        self._due: dict[str, datetime | None] = {}
        self._changed = threading.Condition()
        self._closed = False
        for path in self._folder.glob("*.json"):
            schedule = json.loads(path.read_text(encoding="utf-8"))
            self._schedules[schedule["Name"]] = schedule
            self._due[schedule["Name"]] = schedules.following(schedule, schedules.now(), late=True)
        self._operations: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "CreateSchedule": self._create,
            "UpdateSchedule": self._update,
            "GetSchedule": self._get,
            "DeleteSchedule": self._delete,
            "ListSchedules": self._list,
        }
        threading.Thread(target=self._watch, name="scheduler", daemon=True).start()

    def handle(self, operation: str, request: dict[str, Any], context: Context) -> dict[str, Any]:
        """Answer one operation. Raises AwsError."""
        if operation not in self._operations:
            raise not_supported("scheduler", operation)
        if request.get("GroupName", "default") != "default":
            raise AwsError(
                "ResourceNotFoundException",
                f"Schedule group {request['GroupName']} does not exist.",
                404,
            )
        with self._changed:
            answer = self._operations[operation](request)
            self._changed.notify()
        return answer

    def close(self) -> None:
        """Fire nothing any more."""
        with self._changed:
            self._closed = True
            self._changed.notify()

    # -- operations

    def _create(self, request: dict[str, Any]) -> dict[str, Any]:
        schedule = schedules.checked(request, self._context)
        if schedule["Name"] in self._schedules:
            raise AwsError("ConflictException", f"Schedule {schedule['Name']} already exists.", 409)
        schedule["CreationDate"] = schedule["LastModificationDate"]
        return self._keep(schedule)

    def _update(self, request: dict[str, Any]) -> dict[str, Any]:
        created = self._find(request)["CreationDate"]
        return self._keep({**schedules.checked(request, self._context), "CreationDate": created})

    def _get(self, request: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in self._find(request).items() if key != "Fired"}

    def _delete(self, request: dict[str, Any]) -> dict[str, Any]:
        self._forget(self._find(request)["Name"])
        return {}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted, start = request.get("NamePrefix", ""), request.get("NextToken", "")
        size = request.get("MaxResults", PAGE)
        found = [
            schedule
            for name, schedule in sorted(self._schedules.items())
            if name.startswith(wanted)
            and name > start
            and request.get("State") in (None, schedule["State"])
        ]
        more = {"NextToken": found[size - 1]["Name"]} if len(found) > size else {}
        keys = "Arn CreationDate GroupName LastModificationDate Name State".split()
        return {
            "Schedules": [
                {key: each[key] for key in keys} | {"Target": {"Arn": each["Target"]["Arn"]}}
                for each in found[:size]
            ],
            **more,
        }

    def _find(self, request: dict[str, Any]) -> dict[str, Any]:
        name = str(request.get("Name"))
        if name not in self._schedules:
            raise AwsError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
        return self._schedules[name]

    def _keep(self, schedule: dict[str, Any]) -> dict[str, Any]:
        name = schedule["Name"]
        write(self._path(name), schedule)
        self._schedules[name] = schedule
        before = datetime.fromtimestamp(schedule["LastModificationDate"], UTC)
        self._due[name] = schedules.following(schedule, before - timedelta(microseconds=1))
        return {"ScheduleArn": schedule["Arn"]}

    def _forget(self, name: str) -> None:
        self._path(name).unlink()
        del self._schedules[name], self._due[name]

    def _path(self, name: str) -> Path:
        return self._folder / f"{name}.json"

    # -- firing

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                now = schedules.now()
                coming = [due for due in self._due.values() if due]
                wait = max(0.0, (min(coming) - now).total_seconds()) if coming else None
                # A change of the machine's clock must not be slept through.
                if wait is None or wait > 0:
                    self._changed.wait(min(wait, 10.0) if wait is not None else None)
                    continue
                ripe = [name for name, due in self._due.items() if due and due <= now]
            for name in ripe:
                self._fire(name)

    def _fire(self, name: str) -> None:
        with self._changed:
            schedule, due = self._schedules.get(name), self._due.get(name)
            if schedule is None or due is None:
                return
            self._due[name] = schedules.following(schedule, max(due, schedules.now()))
            self._conclude(schedule)
        threading.Thread(target=invoke, args=(self._context, schedule, due), daemon=True).start()

    def _conclude(self, schedule: dict[str, Any]) -> None:
        """Remember that a schedule which has no next time has fired."""
        if self._due[schedule["Name"]] is not None:
            return
        if schedule["ActionAfterCompletion"] == "DELETE":
            self._forget(schedule["Name"])
        else:
            schedule["Fired"] = True
            write(self._path(schedule["Name"]), schedule)
