"""What a command costs, measured by a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from etl_lib.errors import EtlError
from workbench.bench import sampling

PATIENCE = 3600.0  # seconds


class CommandFailed(EtlError):
    """A command of the bench ended badly; the message holds the end of what it said."""


@dataclass(frozen=True)
class Usage:
    """Wall time, and CPU time and peak memory of all processes together. ``cpu`` and ``at_peak``
    are by role: command, server, jobs, JVM. ``rises``: each new peak with its moment, in seconds
    since the epoch; ``extracting``: the peak up to the end of 01_extract, where there is one."""

    seconds: float
    cpu: Mapping[str, float]
    peak: int
    at_peak: Mapping[str, int]
    others: float  # cores that neither it nor its source used
    rises: Sequence[tuple[float, Mapping[str, int]]] = ()
    extracting: Mapping[str, int] = field(default_factory=dict)

    def until(self, moment: float) -> Mapping[str, int]:
        """The peak up to then, by role."""
        return next((sizes for at, sizes in reversed(self.rises) if at <= moment), {})


def plain(**more: str) -> dict[str, str]:
    """Our environment without what sways Python or AWS, as not to write compiled modules."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("PYTHON", "AWS_"))}
    return {**kept, **more}


def measure(
    command: Sequence[str],
    environment: Mapping[str, str],
    folder: Path,
    beside: Sequence[int] = (),
    apart: Sequence[int] = (),
    silent: bool = False,
) -> Usage:
    """Run ``command`` in ``folder``; what it says goes to a file there, or nowhere if ``silent``.

    ``beside``: processes whose trees work for it; ``apart``: those that work for it and do not
    count, but are not others, either. Raises CommandFailed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    report, log = folder / "usage.json", folder / "output.log"
    trees = [",".join(map(str, pids)) or "-" for pids in (beside, apart)]
    sampler = [sys.executable, "-I", "-S", sampling.__file__, str(report), *trees]
    with open(log, "wb") as said:
        child = subprocess.Popen(
            [*sampler, *command],
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL if silent else said,
            stderr=said,
            start_new_session=True,
        )
        _wait(child)
    found = json.loads(report.read_text())
    if found["exit"]:
        raise CommandFailed(f"exit code {found['exit']}: {tail(log)}")
    del found["exit"], found["samples"]
    return Usage(**found)


def _wait(child: subprocess.Popen[bytes]) -> None:
    """Whatever happens to us or to it, none of its processes stays."""
    try:
        if child.wait(PATIENCE):
            raise CommandFailed(f"the sampler ended with exit code {child.returncode}")
    except subprocess.TimeoutExpired:
        raise CommandFailed(f"not done after {PATIENCE / 60:.0f} minutes") from None
    finally:
        with suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()


def tail(log: Path, lines: int = 12) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])
