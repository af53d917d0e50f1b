"""A state machine as a graph: its states, and the arrows between them."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, NamedTuple

ELSE, ANY = "else", "any error"
LONGEST = 18  # characters of an error's name, where a Catch has no Comment


class Arrow(NamedTuple):
    """From one state to another. ``label``: when it goes there, if not always."""

    start: str
    end: str
    kind: str  # "next" | "catch"
    label: str = ""


@dataclass(frozen=True)
class Graph:
    """States, the arrows between them, and which states lie within a Map or a Parallel."""

    states: tuple[str, ...]
    arrows: tuple[Arrow, ...]
    inner: Mapping[str, str]  # state -> the one that it lies in
    ends: tuple[str, ...]  # Succeed and Fail states
    main: tuple[str, ...]  # the way to success
    maps: tuple[str, ...] = ()  # states that run others for each of their items


def of(definition: Mapping[str, Any]) -> Graph:
    """The graph of a definition. The states of a Map hang below it."""
    made = _Parts()
    made.add(definition, "")
    main = tuple(_main(definition))
    arrows = tuple(_merged(made.arrows))
    return Graph(tuple(made.states), arrows, made.inner, tuple(made.ends), main, tuple(made.maps))


def chain(names: Sequence[str]) -> Graph:
    """One state after the other."""
    arrows = tuple(Arrow(start, end, "next") for start, end in pairwise(names))
    return Graph(tuple(names), arrows, {}, (), tuple(names))


def part(graph: Graph, wanted: Collection[str]) -> Graph:
    """The way to success, and what else is wanted, without the states beside it."""
    kept = {*graph.main, *wanted}
    return Graph(
        tuple(name for name in graph.states if name in kept),
        tuple(arrow for arrow in graph.arrows if {*arrow[:2]} <= kept),
        {name: around for name, around in graph.inner.items() if name in kept},
        tuple(name for name in graph.ends if name in kept),
        graph.main,
        graph.maps,
    )


@dataclass
class _Parts:
    """A graph while it is put together."""

    states: list[str] = field(default_factory=list)
    arrows: list[Arrow] = field(default_factory=list)
    inner: dict[str, str] = field(default_factory=dict)
    ends: list[str] = field(default_factory=list)
    maps: list[str] = field(default_factory=list)

    def add(self, machine: Mapping[str, Any], around: str) -> list[str]:
        """Add a machine that lies in the state ``around``; returns the states that it ends with."""
        ends = []
        for name, state in machine["States"].items():
            self.states.append(name)
            if around:
                self.inner[name] = around
            if state["Type"] in ("Succeed", "Fail"):
                self.ends.append(name)
            if state["Type"] == "Map":
                self.maps.append(name)
            last = self._inside(name, state)
            for arrow in _leads(name, state):
                starts = last if arrow.kind == "next" else [name]
                self.arrows += [arrow._replace(start=start) for start in starts]
            ends += last if state.get("End") else []
        return ends

    def _inside(self, name: str, state: Mapping[str, Any]) -> list[str]:
        """Add what the state holds; returns where it ends: in itself, if it holds nothing."""
        ends = []
        for machine in _machines(state):
            self.arrows.append(Arrow(name, machine["StartAt"], "next"))
            ends += self.add(machine, name)
        return ends or [name]


def _machines(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Of a Map and of a Parallel; a Map of before 2022 has an Iterator."""
    if state["Type"] == "Parallel":
        return list(state["Branches"])
    return [state.get("ItemProcessor") or state["Iterator"]] if state["Type"] == "Map" else []


def _leads(name: str, state: Mapping[str, Any]) -> Iterator[Arrow]:
    """What a Comment says of a rule or a Catch; an error's own name, where there is none."""
    for rule in state.get("Choices", ()):
        yield Arrow(name, rule["Next"], "next", rule.get("Comment", ""))
    if "Default" in state:
        yield Arrow(name, state["Default"], "next", ELSE)
    if "Next" in state:
        yield Arrow(name, state["Next"], "next")
    for catch in state.get("Catch", ()):
        label = catch.get("Comment") or _error(catch["ErrorEquals"])
        yield Arrow(name, catch["Next"], "catch", label)


def _error(names: Sequence[str]) -> str:
    if "States.ALL" in names:
        return ANY
    first = names[0].rpartition(".")[2].removesuffix("Exception")
    return first if len(first) <= LONGEST else f"{first[: LONGEST - 1]}…"


def _merged(arrows: Sequence[Arrow]) -> Iterator[Arrow]:
    """One from a state to another: what is always gone needs no label, nor the Catch beside it."""
    by_way: dict[tuple[str, str], list[Arrow]] = {}
    for arrow in arrows:
        by_way.setdefault(arrow[:2], []).append(arrow)
    for (start, end), found in by_way.items():
        kind = "next" if any(each.kind == "next" for each in found) else "catch"
        labels = dict.fromkeys(each.label for each in found if each.kind == kind)
        yield Arrow(start, end, kind, "" if "" in labels else " or ".join(labels))


def _main(definition: Mapping[str, Any]) -> Iterator[str]:
    """Follow Next, or Default of a Choice, from the start; into a Map and out of it. Where that
    only goes round, the first other rule of the Choice leads on."""
    name, seen = definition.get("StartAt"), set[str]()
    while name:
        state = definition["States"][name]
        seen.add(name)
        yield name
        for machine in _machines(state)[:1]:
            yield from _main(machine)
        rules = [rule["Next"] for rule in state.get("Choices", ())]
        ways = [state.get("Next"), state.get("Default"), *rules]
        name = next((way for way in ways if way and way not in seen), None)
