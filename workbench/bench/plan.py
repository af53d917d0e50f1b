"""What a call of the bench is to measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from etl_lib.errors import BadInput
from workbench.bench.experiments import SHARE, TOOLS, Bench
from workbench.bench.measures import RUN, Experiment
from workbench.bench.peers import TO_INSTALL

TENTH = 10  # of the largest table: what is proportional to the changes costs the same there


@dataclass(frozen=True)
class Plan:
    """``memory``: rows of the one large load, or 0. ``proportion``: the same changes on a tenth?
    ``rewarm``: is ours warmed before each phase?"""

    tools: Sequence[str]
    sizes: Sequence[int]
    rounds: int
    memory: int = 0
    proportion: bool = True
    rewarm: bool = True

    @classmethod
    def quick(cls, lines: str) -> Plan:
        """Enough to see that it works, by those that need no installing."""
        tools = [name for name in _tools(lines) if name not in TO_INSTALL]
        return cls(tools, [20_000], rounds=1, proportion=False, rewarm=False)

    @classmethod
    def parse(cls, lines: str, rows: str, rounds: int, memory: int) -> Plan:
        """Raises BadInput."""
        return cls(_tools(lines), _sizes(rows), rounds, memory)

    @property
    def of_all(self) -> bool:
        return set(self.tools) == set(TOOLS)

    def play(self, bench: Bench) -> Iterator[Experiment]:
        for size in self.sizes:
            yield bench.turns(self.tools, size, self.rounds)
        if RUN not in self.tools:
            return
        if self.proportion:
            largest = max(self.sizes)
            with bench.pooled() as pooled:
                for rows in (largest // TENTH, largest):
                    yield pooled.proportion(rows, largest // SHARE, self.rounds)
        if self.memory:
            yield bench.memory(self.memory)


def _tools(lines: str) -> list[str]:
    wanted = _parts(lines)
    if unknown := [name for name in wanted if name not in TOOLS]:
        raise BadInput(f"--lines: {', '.join(unknown)}: known are {', '.join(TOOLS)}")
    if not wanted:
        raise BadInput(f"--lines: name some of {', '.join(TOOLS)}")
    return [name for name in TOOLS if name in wanted]


def _sizes(rows: str) -> list[int]:
    try:
        sizes = [int(part) for part in _parts(rows)]
    except ValueError:
        raise BadInput(f"--rows {rows}: a comma list of numbers, as 1000000,5000000") from None
    if not sizes or min(sizes) < SHARE * TENTH:
        raise BadInput(f"--rows {rows}: at least {SHARE * TENTH:,} rows")
    return sizes


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
