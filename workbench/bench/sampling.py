"""``python sampling.py REPORT PIDS APART COMMAND…``: run it, and tell what its processes cost.

CPU time and peak memory are those of every process that descends from it, Java's too, and of every
tree that hangs from one of PIDS (a comma list, or ``-``): servers that worked for it. What neither
these nor the trees of APART used of the machine's cores was others'. Memory is the
sum of their proportional set sizes (PSS), so that a page which two processes share counts once.
Standard library only: it starts fast, and is no part of what it measures.
"""

from __future__ import annotations

import ctypes
import json
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

EVERY = 0.05  # seconds; longer where a look costs more than
SHARE = 0.05  # of one core: it must not take from those that it measures
MOVE = 0.02  # of what was resident: memory is looked at closely when it moved by more
PATIENCE = 10.0  # seconds for processes that the command left behind
PR_SET_CHILD_SUBREAPER = 36
TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ROLES = {"/java": "JVM", "launcher.py": "jobs", "workbench.aws": "server"}


class Process(NamedTuple):
    """One line of the process table. ``cpu``: seconds, with those of children it has reaped."""

    pid: int
    parent: int
    cpu: float
    resident: int


def processes() -> dict[int, Process]:
    """Read often: no Path, no text."""
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                    fields = file.read().rpartition(b")")[2].split(maxsplit=23)
            except (FileNotFoundError, ProcessLookupError):
                continue
            cpu = sum(map(int, fields[11:15])) / TICK
            found[int(name)] = Process(int(name), int(fields[1]), cpu, int(fields[21]) * PAGE)
    return found


def descendants(table: dict[int, Process], roots: Iterable[int]) -> list[Process]:
    """The roots that live, and all that hangs from them."""
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    found: dict[int, Process] = {}
    waiting = [pid for pid in roots if pid in table]
    while waiting:
        pid = waiting.pop()
        if pid not in found:
            found[pid] = table[pid]
            waiting += children.get(pid, [])
    return list(found.values())


def proportional(process: Process) -> int:
    """PSS in bytes; the resident size where the kernel does not tell it."""
    try:
        for line in Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except (FileNotFoundError, ProcessLookupError):
        return 0  # it has ended
    except OSError:
        pass
    return process.resident


def role(pid: int) -> str:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return "command"
    return next((role for part, role in ROLES.items() if part in command), "command")


@dataclass
class Sampler:
    """Looks at our descendants and the trees ``beside`` until told to stop."""

    beside: list[int]
    peak: int = 0
    at_peak: dict[str, int] = field(default_factory=dict)
    rises: list[tuple[float, dict[str, int]]] = field(default_factory=list)  # each new peak, when
    samples: int = 0
    resident: int = 0  # at the last close look
    done: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        pause = EVERY
        while not self.done.wait(pause):
            before = time.thread_time()
            self.look()
            pause = max(EVERY, (time.thread_time() - before) / SHARE)

    def look(self) -> None:
        table = processes()
        own = [each for each in descendants(table, [os.getpid()]) if each.pid != os.getpid()]
        trees = {each.pid: each for each in [*own, *descendants(table, self.beside)]}
        self.samples += 1
        resident = sum(each.resident for each in trees.values())
        # The kernel walks all pages of a process to tell its PSS, and the process waits meanwhile.
        # No PSS is more than what is resident.
        if resident > self.peak and abs(resident - self.resident) > self.resident * MOVE:
            self.resident = resident
            self._close(trees.values())

    def _close(self, trees: Iterable[Process]) -> None:
        sizes: dict[str, int] = {}
        for process in trees:
            name = role(process.pid)
            sizes[name] = sizes.get(name, 0) + proportional(process)
        if sum(sizes.values()) > self.peak:
            self.peak, self.at_peak = sum(sizes.values()), sizes
            self.rises.append((time.time(), sizes))


def cpu_of(beside: Iterable[int]) -> dict[str, float]:
    """Seconds of CPU that the trees have used so far, by role."""
    found: dict[str, float] = {}
    for process in descendants(processes(), beside):
        name = role(process.pid)
        found[name] = found.get(name, 0.0) + process.cpu
    return found


def machine() -> float:
    """Seconds of CPU that this machine has spent, all cores and processes together."""
    fields = Path("/proc/stat").read_text().split(maxsplit=9)[1:9]
    user, nice, system, _idle, _waiting, *interrupts = map(int, fields)
    return (user + nice + system + sum(interrupts)) / TICK


def run(command: list[str], beside: list[int], apart: list[int]) -> dict[str, object]:
    """Run it to its end; the report."""
    # Orphans of the command become our children, so that their CPU time is not lost.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    before = cpu_of(beside)
    all_before, apart_before = machine(), sum(cpu_of(apart).values())
    sampler = Sampler(beside)
    thread = threading.Thread(target=sampler.run)
    thread.start()
    clock = time.perf_counter()
    code = subprocess.Popen(command).wait()
    seconds = time.perf_counter() - clock
    sampler.done.set()
    thread.join()
    reap()
    whole = time.perf_counter() - clock
    spent = machine() - all_before - (sum(cpu_of(apart).values()) - apart_before)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = {name: now - before.get(name, 0.0) for name, now in cpu_of(beside).items()}
    cpu["command"] = cpu.get("command", 0.0) + used.ru_utime + used.ru_stime
    return {
        "exit": code,
        "seconds": seconds,
        "cpu": cpu,
        "peak": sampler.peak,
        "at_peak": sampler.at_peak,
        "rises": sampler.rises,
        "samples": sampler.samples,
        "others": max(0.0, spent - sum(cpu.values()) - time.process_time()) / whole,
    }


def reap() -> None:
    """Wait for what the command left behind, for a while; not for servers, which are to stay."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and any(map(_of_our_session, children())):
        with suppress(ChildProcessError):
            if not os.waitpid(-1, os.WNOHANG)[0]:
                time.sleep(0.01)


def children() -> list[int]:
    return [each.pid for each in processes().values() if each.parent == os.getpid()]


def _of_our_session(pid: int) -> bool:
    """A server is started in a session of its own."""
    try:
        return os.getsid(pid) == os.getsid(0)
    except ProcessLookupError:
        return False


def main(report: str, beside: str, apart: str, *command: str) -> int:
    found = run(list(command), _pids(beside), _pids(apart))
    Path(report).write_text(json.dumps(found))
    return 0


def _pids(listed: str) -> list[int]:
    return [] if listed == "-" else [int(pid) for pid in listed.split(",")]


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
