"""Lanes side by side, each in a process of its own: AWS settings are a process's."""

from __future__ import annotations

import itertools
import multiprocessing
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing.queues import SimpleQueue
from pathlib import Path

from workbench.drill import oracle
from workbench.drill.lane import Lane
from workbench.drill.play import Result, play
from workbench.drill.points import Case, cases_of
from workbench.home import Home
from workbench.mysql import server as mysql
from workbench.mysql.server import Server


@dataclass
class Worker:
    """What a process of the pool has: a lane, and a new one after a case that did not heal."""

    root: Path
    server: Server
    name: str
    numbers: Iterator[int] = field(default_factory=itertools.count)
    lane: Lane | None = None

    def ready(self) -> Lane:
        if self.lane is None:
            name = f"{self.name}{next(self.numbers)}"
            self.lane = Lane(Home(self.root / name), self.server, name)
            self.lane.open()
        return self.lane

    def play(self, case: Case, seed: int) -> Result:
        result = play(self.ready(), case, seed)
        if not result.healed:
            self.close()
        return result

    def close(self) -> None:
        if self.lane is not None:
            self.lane.close()
        self.lane = None


_worker: Worker | None = None


def _begin(root: Path, server: Server, names: SimpleQueue[str]) -> None:
    global _worker
    _worker = Worker(root, server, names.get())


def _find() -> list[Case]:
    assert _worker is not None
    return find(_worker.ready())


def _play(case: Case, seed: int) -> Result:
    assert _worker is not None
    return _worker.play(case, seed)


class Lanes:
    """Plays cases. Made by ``lanes``."""

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def find(self) -> list[Case]:
        """Every case there is."""
        return self._pool.submit(_find).result()

    def play(self, cases: Sequence[Case], seed: int) -> Iterator[Result]:
        """Each result as it comes."""
        futures = [
            self._pool.submit(_play, case, seed + number) for number, case in enumerate(cases)
        ]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            for future in futures:
                future.cancel()


@contextmanager
def lanes(number: int) -> Iterator[Lanes]:
    """Lanes and a MariaDB server in a directory of their own; gone at the end."""
    with ExitStack() as stack:
        root = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="workbook-drill-")))
        server = mysql.start(root / "mysql")
        stack.callback(mysql.stop, root / "mysql")
        stack.callback(_stop_all, root)
        context = multiprocessing.get_context("spawn")
        names = context.SimpleQueue()
        for name in "abcdefgh"[:number]:
            names.put(name)
        pool = ProcessPoolExecutor(number, context, _begin, (root, server, names))
        yield Lanes(stack.enter_context(pool))


def _stop_all(root: Path) -> None:
    """The local AWS of every lane there was."""
    from workbench import endpoint

    for aws in root.glob("*/aws"):
        endpoint.stop(aws)


def find(lane: Lane) -> list[Case]:
    """Every case there is: an ordinary run with a change in it passes all points."""
    lane.source.change(0)
    lane.plant()
    lane.run(lane.new_run())
    passed = lane.told("passed")
    if found := oracle.wrong(lane):
        raise AssertionError(f"an ordinary run without any fault: {found}")
    return cases_of(passed)
