"""A session's process that is there before its session: Spark is up, a first query has run.

Spark takes seconds to start, and seconds again for its first query. While a JupyterLab is open,
one process that has both behind it waits for the next session of any notebook, and the one after
is begun when no one works. It is never begun beside a job run or a statement, nor where memory is
short, and it ends with the last lab, or when nothing was done for half an hour.
"""

from __future__ import annotations

import logging
import re
import shutil
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path

from workbench.aws.glue import labs
from workbench.aws.glue.child import Child
from workbench.aws.protocol import Context

log = logging.getLogger(__name__)

CALM_SECONDS = 2.0  # between two cells of Run All it is never as long
KEPT_SECONDS = 1800.0
ROOM = 2 * 1024**2  # kB of memory that must be available; a spare takes 400 MB


class Spares:
    """The spare of one local AWS, if it has one."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._lock = threading.Lock()
        self._child: Child | None = None
        self._failed: float | None = None  # in the lab that was opened then
        self._root = context.state.resolve() / "sessions"
        for left in self._root.glob(".spare-*"):  # by an earlier server
            shutil.rmtree(left, ignore_errors=True)

    def take(self, arguments: Mapping[str, str], settings: Mapping[str, str]) -> Child | None:
        """The spare, now that of a session with these arguments and Spark settings; None if there
        is none, or it was not made for them. Raises ProcessFailed."""
        if settings or arguments.get("--extra-jars"):
            return None  # a JVM has them from its start
        with self._lock:
            child, self._child = self._child, None
        if child is None:
            return None
        try:
            child.adopt(arguments)
        except BaseException:
            _end(child)
            raise
        return child

    def tick(self, idle: float, jobs: bool) -> None:
        """Once in a while: ``idle`` seconds ago a session was last at work; whether ``jobs``
        run."""
        opened = labs.since(self._context.state)
        wanted = opened is not None and min(idle, time.time() - opened) < KEPT_SECONDS
        with self._lock:
            if self._child is not None and not (wanted and self._child.alive):
                _end(self._child)
                self._child = None
            calm = idle > CALM_SECONDS and not jobs
            if wanted and self._child is None and calm and opened != self._failed and _room():
                self._start(opened)

    def close(self) -> None:
        with self._lock:
            if self._child is not None:
                _end(self._child)
                self._child = None

    def _start(self, opened: float | None) -> None:
        folder = self._root / f".spare-{uuid.uuid4().hex}"
        try:
            self._child = Child(self._context, folder, {}, {}, spare=True)
        except Exception:  # a session will say why, if it cannot start either
            self._failed = opened
            log.exception("no session can be kept warm")


def _end(child: Child) -> None:
    child.kill()
    shutil.rmtree(child.folder, ignore_errors=True)


def _room() -> bool:
    found = re.search(r"^MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text(), re.M)
    return found is None or int(found[1]) > ROOM
