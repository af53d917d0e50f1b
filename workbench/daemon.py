"""A process that outlives the command which started it: pid file, log file, ready check."""

from __future__ import annotations

import atexit
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from workbench.source_option import SECRETS

# Those that this very process started: it must reap them, and Popen warns when forgotten.
_CHILDREN: dict[int, subprocess.Popen[bytes]] = {}


@atexit.register
def _part() -> None:
    """They outlive us by design: Popen need not warn of it."""
    for child in _CHILDREN.values():
        child.returncode = child.poll() or 0


class DaemonError(Exception):
    """A background process did not come up; the message holds the end of its log."""


@dataclass(frozen=True)
class Daemon:
    """One background process, known by ``<directory>/<name>.pid`` and ``<name>.log``."""

    name: str
    directory: Path

    @property
    def log(self) -> Path:
        return self.directory / f"{self.name}.log"

    @property
    def _pid_file(self) -> Path:
        return self.directory / f"{self.name}.pid"

    def start(
        self,
        command: Sequence[str],
        ready: Callable[[], bool],
        timeout: float = 60.0,
        environment: Mapping[str, str] | None = None,
    ) -> int:
        """Start ``command`` detached, wait until ``ready()``; returns its pid.

        Raises DaemonError with the tail of the log when it dies or is not ready in time.
        """
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with open(self.log, "ab") as log:
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=self.directory,
                env=_without_password(os.environ if environment is None else environment),
            )
        _CHILDREN[child.pid] = child
        # The start time tells this process from another that later gets the same pid.
        self._pid_file.write_text(f"{child.pid} {start_time(child.pid)}")
        self._await(child, ready, timeout)
        return child.pid

    def pid(self) -> int | None:
        """The pid if the process that we started still runs."""
        try:
            pid, started = self._pid_file.read_text().split()
        except (FileNotFoundError, ValueError):
            return None
        return int(pid) if start_time(int(pid)) == started else None

    def stop(self, timeout: float = 20.0) -> bool:
        """SIGTERM, then SIGKILL after ``timeout`` seconds. False if nothing ran."""
        pid = self.pid()
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout
        while self.pid() is not None and time.monotonic() < deadline:
            time.sleep(0.02)
        if self.pid() is not None:
            os.kill(pid, signal.SIGKILL)
        if pid in _CHILDREN:
            _CHILDREN.pop(pid).wait()
        self._pid_file.unlink(missing_ok=True)
        return True

    def _await(
        self, child: subprocess.Popen[bytes], ready: Callable[[], bool], timeout: float
    ) -> None:
        deadline = time.monotonic() + timeout
        while not ready():
            if child.poll() is not None:
                raise DaemonError(
                    f"{self.name} stopped with exit code {child.returncode}:\n{self._tail()}"
                )
            if time.monotonic() > deadline:
                child.kill()
                raise DaemonError(
                    f"{self.name} was not ready after {timeout:.0f} s:\n{self._tail()}"
                )
            time.sleep(0.02)

    def _tail(self, lines: int = 15) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


def _without_password(environment: Mapping[str, str]) -> dict[str, str]:
    """It lives on, and starts others: the password is of the command that it was given."""
    return {name: value for name, value in environment.items() if name not in SECRETS}


def start_time(pid: int) -> str:
    """Clock ticks after boot at which ``pid`` started; empty if it is gone or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[0] == "Z" else fields[19]
