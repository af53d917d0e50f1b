"""What takes part in a round: a peer, or our pipeline. Both behave alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Protocol

import duckdb

from workbench.bench import peers, usage
from workbench.bench.digest import COLUMNS, Digest, query
from workbench.bench.job import PHASES, Job
from workbench.bench.measures import RUN
from workbench.bench.orders import Orders
from workbench.bench.ours import WARM, Ours
from workbench.bench.peers import Peer
from workbench.bench.usage import CommandFailed, Usage

WARM_CHANGES = 10


class Tool(Protocol):
    """``fresh`` empties its destination before a round; a phase moves what there is to move."""

    @property
    def name(self) -> str: ...

    @property
    def phases(self) -> tuple[str, ...]: ...

    def fresh(self) -> dict[str, Usage]:
        """Also what starting cost, by name, where that is measured."""

    def play(self, phase: str) -> Usage:
        """Raises CommandFailed."""

    def parts(self) -> Mapping[str, float]:
        """Of the last phase: where its wall time went."""

    def found(self) -> tuple[Digest | None, Mapping[str, str]]:
        """What its destination holds, and the types of its columns; None if it keeps nothing."""

    def clear(self) -> None:
        """Remove all that it has made."""


@dataclass
class PeerTool:
    """A peer, which loads into a DuckDB file. ``source``: the server's process."""

    peer: Peer
    job: Job
    source: int | None = None

    @property
    def name(self) -> str:
        return self.peer.name

    @property
    def phases(self) -> tuple[str, ...]:
        return self.peer.phases

    def fresh(self) -> dict[str, Usage]:
        self.clear()
        return {}

    def play(self, phase: str) -> Usage:
        self.job.folder.mkdir(parents=True, exist_ok=True)
        command = self.peer.command(replace(self.job, phase=phase))
        return usage.measure(
            command.words,
            command.environment,
            self.job.folder,
            apart=[self.source] if self.source else [],
            silent=not self.peer.relation,
        )

    def parts(self) -> Mapping[str, float]:
        return {}

    def found(self) -> tuple[Digest | None, Mapping[str, str]]:
        if not self.peer.relation:
            return None, {}
        try:
            return self._digest()
        except duckdb.Error as error:
            raise CommandFailed(f"{self.peer.relation} cannot be read: {error}") from None

    def _digest(self) -> tuple[Digest, Mapping[str, str]]:
        schema, _, table = self.peer.relation.rpartition(".")
        with duckdb.connect(str(self.job.destination), read_only=True) as warehouse:
            rows = warehouse.execute(
                "SELECT column_name, data_type FROM duckdb_columns() "
                "WHERE schema_name = ? AND table_name = ?",
                [schema or "main", table],
            ).fetchall()
            types = {name: kind for name, kind in rows if name in COLUMNS}
            found = warehouse.execute(query("duckdb", self.peer.relation, types))
            row = found.fetchone()
            assert row is not None and found.description is not None
            names = [column[0] for column in found.description]
        return Digest.of(dict(zip(names, row, strict=True))), types

    def clear(self) -> None:
        peers.clear(self.job)


@dataclass
class RunTool:
    """``workbook run`` on a local AWS made anew by ``fresh``, whose first run moves the small table
    ``warm``. ``rewarm``: before each phase some rows of it, for others had their turns since."""

    ours: Ours
    database: str
    warm: Orders
    rewarm: bool = True
    name: str = RUN
    phases: tuple[str, ...] = PHASES
    last: str = field(default="")

    def fresh(self) -> dict[str, Usage]:
        up = self.ours.fresh()
        cold, _ = self.ours.run(self.warm.database, WARM)
        return {"up": up, "cold": cold}

    def play(self, phase: str) -> Usage:
        if self.rewarm:
            self.warm.change(WARM_CHANGES, self.ours.runs)
            self.ours.run(self.warm.database, WARM)
        found, self.last = self.ours.run(self.database)
        return found

    def parts(self) -> Mapping[str, float]:
        return self.ours.parts(self.last)

    def found(self) -> tuple[Digest | None, Mapping[str, str]]:
        return self.ours.digest(), {}

    def clear(self) -> None:
        self.ours.close()
