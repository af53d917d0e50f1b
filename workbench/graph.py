"""The state machine as a graph: its states, the arrows between them, and where each is drawn."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

WIDTH, HEIGHT = 2.6, 0.42  # of a box, in inches
GAP_X, GAP_Y = 0.45, 0.42


@dataclass(frozen=True)
class Graph:
    """States, the arrows between them, and which states lie within a Map."""

    states: tuple[str, ...]
    arrows: tuple[tuple[str, str, str], ...]  # from, to, "next" | "catch"
    inner: Mapping[str, str]  # state -> its Map
    ends: tuple[str, ...]  # Succeed and Fail states
    main: tuple[str, ...]  # the way to success


def of(definition: Mapping[str, Any]) -> Graph:
    """The graph of a definition. The states of a Map hang below it."""
    graph = _Parts()
    graph.add(definition, "")
    plain = {(start, end) for start, end, kind in graph.arrows if kind == "next"}
    kept = [arrow for arrow in graph.arrows if arrow[2] == "next" or arrow[:2] not in plain]
    main = tuple(_main(definition))
    arrows = tuple(dict.fromkeys(kept))
    return Graph(tuple(graph.states), arrows, graph.inner, tuple(graph.ends), main)


def chain(names: Sequence[str]) -> Graph:
    """One state after the other."""
    arrows = tuple((start, end, "next") for start, end in pairwise(names))
    return Graph(tuple(names), arrows, {}, (), tuple(names))


def part(graph: Graph, entered: Collection[str]) -> Graph:
    """The way to success, and what else was entered, without the states beside it."""
    kept = {*graph.main, *entered}
    return Graph(
        tuple(name for name in graph.states if name in kept),
        tuple(arrow for arrow in graph.arrows if {*arrow[:2]} <= kept),
        {name: around for name, around in graph.inner.items() if name in kept},
        tuple(name for name in graph.ends if name in kept),
        graph.main,
    )


@dataclass
class _Parts:
    """A graph while it is put together."""

    states: list[str] = field(default_factory=list)
    arrows: list[tuple[str, str, str]] = field(default_factory=list)
    inner: dict[str, str] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)

    def add(self, machine: Mapping[str, Any], around: str) -> str:
        """Add a machine that lies in the Map ``around``; returns the state that it ends with."""
        end = ""
        for name, state in machine["States"].items():
            self.states.append(name)
            if around:
                self.inner[name] = around
            if state["Type"] in ("Succeed", "Fail"):
                self.ends.append(name)
            last = name
            if state["Type"] == "Map":
                self.arrows.append((name, state["ItemProcessor"]["StartAt"], "next"))
                last = self.add(state["ItemProcessor"], name) or name
            for to, kind in _leads(state):
                self.arrows.append((last if kind == "next" else name, to, kind))
            end = last if state.get("End") else end
        return end


def _main(definition: Mapping[str, Any]) -> Iterator[str]:
    """Follow Next, or Default of a Choice, from the start; into a Map and out of it."""
    name = definition.get("StartAt")
    while name:
        state = definition["States"][name]
        yield name
        if state["Type"] == "Map":
            yield from _main(state["ItemProcessor"])
        name = state.get("Next", state.get("Default"))


def _leads(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for choice in state.get("Choices", ()):
        yield choice["Next"], "next"
    for name in ("Default", "Next"):
        if name in state:
            yield state[name], "next"
    for catch in state.get("Catch", ()):
        yield catch["Next"], "catch"


def places(graph: Graph, gap: float = GAP_Y) -> dict[str, tuple[float, float]]:
    """Where each state's centre is, in inches: the way to success straight down the middle,
    what follows a failure to the right of it, what comes in between to the left."""
    rows, failed = _rows(graph), _after_failure(graph)
    found: dict[str, tuple[float, float]] = {}
    for name in graph.states:
        over = any(end == name and start in graph.main for start, end, _ in graph.arrows)
        right = name in failed or (name in graph.ends and over and name not in graph.inner)
        column = 0 if name in graph.main else 1 if right else -1
        place = (column * (WIDTH + GAP_X), -rows[name] * (HEIGHT + gap))
        while place in found.values():  # further out
            place = (place[0] + column * (WIDTH + GAP_X), place[1])
        found[name] = place
    return found


def _rows(graph: Graph) -> dict[str, int]:
    """The longest way from the start to each state; arrows that go back are left out."""
    rows: dict[str, int] = {}

    def visit(name: str, row: int, path: tuple[str, ...]) -> None:
        if name in path or rows.get(name, -1) >= row:
            return
        rows[name] = row
        for start, end, _ in graph.arrows:
            if start == name:
                visit(end, row + 1, (*path, name))

    visit(graph.states[0], 0, ())
    return rows


def _after_failure(graph: Graph) -> set[str]:
    """What only a Catch of a state on the way to success leads to, and all that follows."""
    last = graph.main.index(next(iter(graph.inner.values()), graph.main[-1]))
    found = {
        end for start, end, kind in graph.arrows if kind == "catch" and start in graph.main[last:]
    } - set(graph.main)
    for _ in graph.states:
        found |= {end for start, end, _ in graph.arrows if start in found}
    return found
