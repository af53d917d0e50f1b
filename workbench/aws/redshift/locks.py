"""A table that a transaction writes or locks is its own until it ends; what was done when."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping

from workbench.aws.redshift.refusals import SqlError


class Locks:
    """Table locks, each held by one transaction, and the clock of the commits."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[str, object] = {}
        self._waiting: dict[object, str] = {}
        self._clock = 0
        self._last: dict[tuple[str, str], int] = {}  # of a table and what was done to it

    def acquire(self, owner: object, table: str, cancelled: Callable[[], bool]) -> None:
        """Wait for ``table``. SqlError when cancelled, or when the wait would never end."""
        with self._changed:
            try:
                while self._holders.get(table, owner) is not owner:
                    self._waiting[owner] = table
                    if self._waits_for_itself(owner):
                        raise SqlError("deadlock detected")
                    if cancelled():
                        raise SqlError("Query cancelled on user's request")
                    self._changed.wait(0.2)
                self._holders[table] = owner
            finally:
                self._waiting.pop(owner, None)

    def release(self, owner: object) -> None:
        with self._changed:
            self._holders = {name: who for name, who in self._holders.items() if who is not owner}
            self._changed.notify_all()

    def now(self) -> int:
        """The moment of a snapshot that is about to be taken."""
        return self._clock

    def committed(self, written: Mapping[str, str]) -> None:
        """What a transaction has done to its tables (insert, change, create, drop) stands now."""
        with self._changed:
            self._clock += 1
            self._last.update(((table, done), self._clock) for table, done in written.items())

    def since(self, snapshot: int, table: str, done: str) -> bool:
        """Whether another transaction did that to ``table`` after the snapshot."""
        return self._last.get((table, done), 0) > snapshot

    def _waits_for_itself(self, owner: object) -> bool:
        at: object | None = owner
        for _ in range(len(self._waiting)):
            at = self._holders.get(self._waiting.get(at, ""))
            if at is owner:
                return True
        return False
