"""What an execution of the state machine goes through when all goes well, by its definition."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Any

from workbench.deployment import FOLDER

WAVES, TABLES = "{% $waves %}", "{% $states.input.tables %}"  # the lists that its Maps go through
IDLE = "{% $idle %}"  # what its Choice asks that spares a table without news the further jobs


@dataclass(frozen=True)
class Flow:
    """``each`` names the jobs that run once for a table, with the tables for which they do;
    ``once`` the others. ``rounds`` is how many times those for tables run one after the other,
    given those that run side by side."""

    each: Mapping[str, Sequence[str]]
    once: Sequence[str]
    rounds: Mapping[str, int]
    tables: int
    busy: int  # tables with news
    transitions: int
    items: int  # requests to DynamoDB

    @property
    def job_runs(self) -> int:
        return sum(map(len, self.each.values())) + len(self.once)


@dataclass(frozen=True)
class _Items:
    """What a Map goes through on one way: the names, and whether it is that of idle tables."""

    names: tuple[str, ...]
    idle: bool = False


@dataclass(frozen=True)
class _Visit:
    name: str
    state: Mapping[str, Any]
    items: _Items | None  # of the Map that it is in

    @property
    def times(self) -> int:
        return len(self.items.names) if self.items else 1

    def asks(self, service: str) -> bool:
        return f":::{service}" in self.state.get("Resource", "")


def flow(waves: Sequence[Sequence[str]], tables: Collection[str], idle: Collection[str]) -> Flow:
    """An execution for ``tables``, of which those in ``idle`` have nothing to move; ``waves`` says
    which go side by side."""
    chosen = [[name for name in wave if name in tables] for wave in waves]
    chosen = [wave for wave in chosen if wave]
    names = [name for wave in chosen for name in wave]
    busy = tuple(name for name in names if name not in idle)
    ways = {
        WAVES: [_Items(tuple(map(str, range(len(chosen)))))],
        TABLES: [
            _Items(busy),
            _Items(tuple(name for name in names if name in idle), idle=True),
        ],
    }
    definition = json.loads((FOLDER / "pipeline.asl.json").read_text(encoding="utf-8"))
    visits = [*_visits(definition, ways)]
    each: dict[str, list[str]] = {}
    for visit in visits:
        if visit.items and visit.asks("glue:startJobRun"):
            each.setdefault(visit.name, []).extend(visit.items.names)
    at_once = next(v.state["MaxConcurrency"] for v in visits if v.state.get("Items") == TABLES)
    return Flow(
        each=each,
        once=[v.name for v in visits if not v.items and v.asks("glue:startJobRun")],
        rounds={job: _rounds(chosen, own, at_once) for job, own in each.items()},
        tables=len(names),
        busy=len(busy),
        transitions=1 + sum(visit.times for visit in visits),  # the start is one, too
        items=sum(visit.times for visit in visits if visit.asks("dynamodb:")),
    )


def _visits(
    machine: Mapping[str, Any], ways: Mapping[str, Sequence[_Items]], items: _Items | None = None
) -> Iterator[_Visit]:
    """Each state on the way."""
    name = machine["StartAt"]
    while name:
        state = machine["States"][name]
        yield _Visit(name, state, items)
        if state["Type"] == "Map":
            for each in ways[state["Items"]]:
                if each.names:
                    yield from _visits(state["ItemProcessor"], ways, each)
        name = _next(state, bool(items and items.idle))


def _next(state: Mapping[str, Any], idle: bool) -> str | None:
    """Of a Choice the Default, which is the way on, but for what an idle table is asked."""
    for choice in state.get("Choices", ()):
        if idle and choice["Condition"] == IDLE:
            return str(choice["Next"])
    return state.get("Next") or state.get("Default")


def _rounds(waves: Sequence[Sequence[str]], own: Collection[str], at_once: int) -> int:
    return sum(ceil(sum(name in own for name in wave) / at_once) for wave in waves)
