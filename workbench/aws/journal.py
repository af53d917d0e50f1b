"""The requests that changed something, in order: the memory of services that have none."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Call:
    """One request. Seed and time make its replay give the same identifiers and dates."""

    service: str
    operation: str
    content_type: str
    body: str = field(repr=False)
    seed: int
    time: float


class JournalError(Exception):
    """The journal cannot be read or written. The message says where and why."""


class Journal:
    """Append-only lines of JSON, readable by their owner only: they hold secrets."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = _open(path)
        self._failure: str | None = None

    def read(self) -> list[Call]:
        """Every call in order. A last line that a kill has torn is cut off, with a message.

        It was never answered, so nothing that anybody relies on is lost. Any other line that
        cannot be read raises JournalError: to skip it would be to invent a state.
        """
        lines = self._path.read_bytes().split(b"\n")
        if lines[-1]:
            log.warning("%s: dropped a torn last line of %d bytes", self._path, len(lines[-1]))
            os.ftruncate(self._file, self._path.stat().st_size - len(lines[-1]))
        return [self._parse(number, line) for number, line in enumerate(lines[:-1], start=1)]

    def append(self, call: Call) -> None:
        """Hand one call to the operating system: it survives the death of this process.

        Raises JournalError when the file cannot be written; from then on ``check`` does too, for
        what is in memory is no longer what will come back.
        """
        before = os.fstat(self._file).st_size
        line = _line(call)
        try:
            if os.write(self._file, line) != len(line):
                raise OSError(f"no room for {len(line)} bytes")
        except OSError as error:
            self._failure = f"{self._path} cannot be written: {error}. Restart the local AWS."
            os.ftruncate(self._file, before)
            raise JournalError(self._failure) from error

    def check(self) -> None:
        """Raises JournalError if an earlier call could not be written."""
        if self._failure:
            raise JournalError(self._failure)

    def rewrite(self, calls: Iterable[Call]) -> None:
        """Replace all lines at once by ``calls``."""
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        with open(_open(new), "wb") as file:
            file.writelines(_line(call) for call in calls)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self._path)
        self.close()
        self._file = _open(self._path)

    def close(self) -> None:
        os.close(self._file)

    def _parse(self, number: int, line: bytes) -> Call:
        try:
            return Call(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise JournalError(f"{self._path}, line {number}, cannot be read: {error}") from None


def _open(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)


def _line(call: Call) -> bytes:
    return json.dumps(asdict(call)).encode() + b"\n"
