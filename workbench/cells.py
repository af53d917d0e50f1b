"""Where each state of a graph stands: its column and its row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from workbench.graph import Graph

Cell = tuple[int, int]  # column, row


@dataclass(frozen=True)
class Frame:
    """The cells of the states that lie in a Map or a Parallel."""

    around: str
    members: frozenset[str]
    first: Cell
    last: Cell


def cells(graph: Graph) -> dict[str, Cell]:
    """The way to success straight down the middle, what follows a failure and what ends beside it
    to the right of it, what comes in between to the left."""
    rows, failed = _rows(graph), _after_failure(graph)
    found: dict[str, Cell] = {}
    for name in graph.states:
        over = any(end == name and start in graph.main for start, end, *_ in graph.arrows)
        right = name in failed or (name in graph.ends and over)
        side = 0 if name in graph.main else 1 if right else -1
        column = side
        while (column, rows[name]) in found.values():  # further out
            column += side or 1
        found[name] = column, rows[name]
    return found


def _rows(graph: Graph) -> dict[str, int]:
    """The longest way from the start to each state; arrows that go back are left out."""
    to = {name: [end for start, end, *_ in graph.arrows if start == name] for name in graph.states}
    order, forward = _order(to, graph.states)
    rows = dict.fromkeys(graph.states, 0)
    for name in order:
        for end in forward[name]:
            rows[end] = max(rows[end], rows[name] + 1)
    return rows


def _order(
    to: Mapping[str, list[str]], states: tuple[str, ...]
) -> tuple[list[str], dict[str, list[str]]]:
    """Each state before those that it leads to, and what it leads to without going back."""
    after: list[str] = []
    path: dict[str, None] = {}
    forward: dict[str, list[str]] = {name: [] for name in states}

    def visit(name: str) -> None:
        path[name] = None
        for end in to[name]:
            if end in path:
                continue
            forward[name].append(end)
            if end not in after:
                visit(end)
        del path[name]
        after.append(name)

    for name in states:
        if name not in after:
            visit(name)
    return after[::-1], forward


def _after_failure(graph: Graph) -> set[str]:
    """What only a Catch of a state on the way to success leads to, and all that follows."""
    last = graph.main[graph.main.index(next(iter(graph.inner.values()), graph.main[-1])) :]
    found = {
        end for start, end, kind, _ in graph.arrows if kind == "catch" and start in last
    } - set(graph.main)
    for _ in graph.states:
        found |= {end for start, end, *_ in graph.arrows if start in found}
    return found - set(graph.main)


def frames(graph: Graph, at: Mapping[str, Cell]) -> list[Frame]:
    """Of those that hold no other one."""
    outer = {graph.inner[each] for each in graph.inner.values() if each in graph.inner}
    found = []
    for name in sorted({*graph.inner.values()} - outer):
        members = frozenset(each for each, around in graph.inner.items() if around == name)
        columns, rows = ([at[each][axis] for each in members] for axis in (0, 1))
        first, last = (min(columns), min(rows)), (max(columns), max(rows))
        found.append(Frame(name, members, first, last))
    return found
