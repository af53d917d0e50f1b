"""The experiments: everybody side by side, proportionality, memory."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from workbench import endpoint
from workbench.bench import machine, peers, tools
from workbench.bench.job import FULL, PHASES, Job
from workbench.bench.measures import RUN, Experiment
from workbench.bench.orders import Orders
from workbench.bench.ours import Ours
from workbench.bench.peers import Peer
from workbench.bench.rounds import Rounds, Say
from workbench.bench.tool import PeerTool, RunTool, Tool
from workbench.bench.tools import NotInstalled
from workbench.daemon import Daemon
from workbench.home import REPOSITORY, Home
from workbench.mysql import server as mysql
from workbench.mysql.server import Server

TURNS, PROPORTION, MEMORY = "turns", "proportion", "memory"
# MariaDB's own buffer pool, 128 MB, holds a table of 500,000 rows and not one of 5,000,000.
# Aurora gives it three quarters of the memory.
POOL = ("--innodb-buffer-pool-size=4G",)
SHARE = 100  # an increment changes one row of so many, and inserts a tenth of that
WARM_ROWS = 1_000
TOOLS = (RUN, *peers.ALL)


@dataclass(frozen=True)
class Bench:
    """A home with a source of its own, which stays from call to call; made by ``opened``."""

    home: Home
    server: Server
    say: Say
    rewarm: bool = True
    remark: str = ""

    def turns(self, names: Sequence[str], rows: int, rounds: int) -> Experiment:
        """Everybody in turn: a full load, an increment, a run without a change."""
        experiment = self._experiment(TURNS, rows, rounds)
        had = list(self._had([name for name in names if name != RUN], experiment))
        contestants: list[Tool] = [
            PeerTool(peer, self._job(peer, rows), self._source) for peer in had
        ]
        if RUN in names:
            contestants.append(self._run(rows))
        return self._play(experiment, contestants, rows // SHARE)

    @contextmanager
    def pooled(self) -> Iterator[Bench]:
        """The same with a source that has its tables in memory, whatever their size."""
        mysql.stop(self.home.mysql)
        try:
            yield replace(self, server=mysql.start(self.home.mysql, POOL))
        finally:
            mysql.stop(self.home.mysql)
            mysql.start(self.home.mysql)

    def proportion(self, rows: int, updates: int, rounds: int) -> Experiment:
        """``workbook run`` alone, with so many changes."""
        experiment = self._experiment(PROPORTION, rows, rounds)
        return self._play(experiment, [self._run(rows)], updates)

    def memory(self, rows: int) -> Experiment:
        """One full load of ours."""
        experiment = self._experiment(MEMORY, rows, 1)
        return self._play(experiment, [self._run(rows, (FULL,))], 0)

    def _play(self, experiment: Experiment, tools: list[Tool], updates: int) -> Experiment:
        Rounds(experiment, tools, self._orders(experiment.rows), updates, self.say).play()
        return experiment

    def _experiment(self, name: str, rows: int, rounds: int) -> Experiment:
        self.say(f"{name}: {rows:,} rows")
        facts = machine.facts(self.server)
        experiment = Experiment(name, rows, rounds, facts, remark=self.remark)
        self._warm.ready(WARM_ROWS)
        self._orders(rows).ready(rows)
        experiment.row_bytes = self._orders(rows).bytes_per_row()
        return experiment

    def _orders(self, rows: int) -> Orders:
        return Orders(self.server, f"bench_{rows}")

    @property
    def _source(self) -> int | None:
        return Daemon("mysql", self.home.mysql).pid()

    @property
    def _warm(self) -> Orders:
        return Orders(self.server, "bench_warm", "warm")

    def _run(self, rows: int, phases: tuple[str, ...] = PHASES) -> Tool:
        ours = Ours(self.home)
        return RunTool(ours, self._orders(rows).database, self._warm, self.rewarm, phases=phases)

    def _job(self, peer: Peer, rows: int) -> Job:
        secret = self.server.secret(self._orders(rows).database)
        return Job(secret, self.home.root / "peers" / peer.name)

    def _had(self, names: Iterable[str], experiment: Experiment) -> Iterator[Peer]:
        """Those that are here or can be installed; why the others are not is kept."""
        for name in names:
            try:
                peers.ALL[name].install()
            except NotInstalled as error:
                experiment.absent[name] = str(error)
                self.say(f"{name}: not to be had here: {error}")
            else:
                yield peers.ALL[name]


@contextmanager
def opened(root: Path, say: Say, rewarm: bool, remark: str) -> Iterator[Bench]:
    """A bench in ``root``. Only the source's rows stay there."""
    home = Home(root).create()
    leftovers = (home.aws, home.runs, home.jupyter, root / "peers", root / "said")
    tools.compiled(Path(sys.prefix) / "lib", REPOSITORY / "workbench", REPOSITORY / "etl_lib")
    try:
        yield Bench(home, mysql.start(home.mysql), say, rewarm, remark)
    finally:
        endpoint.stop(home.aws)
        mysql.stop(home.mysql)
        for folder in leftovers:
            shutil.rmtree(folder, ignore_errors=True)
