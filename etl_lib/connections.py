"""Connections to MySQL that are used again: to open one takes longer than most questions."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pymysql

IDLE = 30.0  # seconds; far below the server's wait_timeout, and what a proxy may cut


class Connections:
    """Idle connections by isolation level. Safe in threads: each has its own while it uses it."""

    def __init__(self, make: Callable[[str], Any]) -> None:
        self._make = make
        self._idle: list[tuple[float, str, Any]] = []
        self._lock = threading.Lock()

    @contextmanager
    def use(self, isolation: str, new: bool = False) -> Iterator[Any]:
        """A connection whose next statement begins a transaction of that level; with ``new``, one
        that nobody has used, nor will again: a run plans many tables, and each would leave one.
        Neither is one used again in which an error was raised."""
        connection = (None if new else self._take(isolation)) or self._make(isolation)
        try:
            yield connection
            connection.rollback()
        except BaseException:
            connection.close()
            raise
        if new:
            connection.close()
            return
        with self._lock:
            self._idle.append((time.monotonic(), isolation, connection))

    def _take(self, isolation: str) -> Any | None:
        with self._lock:
            fresh = [each for each in self._idle if time.monotonic() - each[0] < IDLE]
            old = [each for each in self._idle if each not in fresh]
            chosen = next((each for each in reversed(fresh) if each[1] == isolation), None)
            self._idle = [each for each in fresh if each is not chosen]
        for _, _, connection in old:
            connection.close()
        return chosen[2] if chosen and _alive(chosen[2]) else None


def _alive(connection: Any) -> bool:
    """The server may have been started anew, or have ended the session."""
    try:
        connection.ping(reconnect=False)
    except pymysql.err.Error:
        connection.close()
        return False
    return True
