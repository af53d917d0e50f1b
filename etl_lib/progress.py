"""How far a long read, or a stage, is: a line every few seconds, in a job's log or below a cell."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

EVERY = 2.0  # seconds between two lines; what takes less leaves none


def say(line: str) -> None:
    """In one piece and at once: tables are read side by side, and somebody waits for the line."""
    print(f"{line}\n", end="", flush=True)


class Progress:
    """Of ``what``; ``total`` rows were counted when it was planned, 0 if nobody did."""

    def __init__(
        self,
        what: str,
        total: int,
        say: Callable[[str], None] = say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._what, self._total, self._say, self._clock = what, total, say, clock
        self._rows = 0
        self._began = self._said = clock()

    def add(self, rows: int) -> None:
        """So many more have come."""
        self._rows += rows
        now = self._clock()
        if now - self._said >= EVERY:
            self._said = now
            self._say(self._line(now - self._began))

    def _line(self, seconds: float) -> str:
        rate = self._rows / seconds
        left = self._total - self._rows
        if left < 0:  # not counted, or more have come since
            return f"{self._what}: {self._rows:,} rows, {rate:,.0f} rows/s"
        known = f"{self._what}: {self._rows:,} of {self._total:,} rows, {rate:,.0f} rows/s"
        return f"{known}, {_span(left / rate)} left" if rate else known


class Tables:
    """Of the tables that a stage has before it; several threads count them."""

    def __init__(
        self,
        stage: str,
        total: int,
        say: Callable[[str], None] = say,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._stage, self._total, self._say, self._clock = stage, total, say, clock
        self._lock, self._done, self._said = threading.Lock(), 0, clock()

    def add(self) -> None:
        """One more is done. Of the last one its result tells."""
        with self._lock:
            self._done += 1
            now = self._clock()
            if now - self._said >= EVERY and self._done < self._total:
                self._said = now
                self._say(f"{self._stage}: {self._done} of {self._total} tables")


def _span(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
