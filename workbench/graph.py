"""The state machine as a picture, coloured by what an execution did."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from workbench.history import Visit

IDLE, INK = "#eef1f5", "#1f3a5f"
COLOURS = {"SUCCEEDED": "#cfe8d5", "FAILED": "#f4c7c3", "RUNNING": "#fdebb3"}
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


def png(graph: Graph, visits: Sequence[Visit] = ()) -> bytes:
    """Draw it. A state is coloured by the worst of its visits; one never entered stays grey."""
    places = _places(graph)
    right = max(x for x, _ in places.values()) + WIDTH / 2 + GAP_X
    left = min(x for x, _ in places.values()) - WIDTH / 2 - GAP_X
    bottom = min(y for _, y in places.values()) - HEIGHT - GAP_Y / 2
    figure = Figure(figsize=(right - left, HEIGHT + GAP_Y - bottom))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(left, right), ylim=(bottom, HEIGHT + GAP_Y / 2))
    axes.set_axis_off()
    for around in _maps(graph, places):
        axes.add_patch(around)
        x, y = around.get_x() + around.get_width(), around.get_y() + 0.06
        axes.text(x - 0.08, y, "for each table", ha="right", fontsize=7, color=INK)
    for start, end, kind in graph.arrows:
        axes.add_patch(_arrow(places[start], places[end], kind))
    for name in graph.states:
        _box(axes, name, places[name], _status(name, visits), name in graph.ends)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, format="png", metadata={"Software": None})
    return buffer.getvalue()


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


def _places(graph: Graph) -> dict[str, tuple[float, float]]:
    """Where each state's centre is, in inches: the way to success straight down the middle,
    what follows a failure to the right of it, what comes in between to the left."""
    rows, failed = _rows(graph), _after_failure(graph)
    places = {}
    for name in graph.states:
        over = any(end == name and start in graph.main for start, end, _ in graph.arrows)
        right = name in failed or (name in graph.ends and over)
        column = 0 if name in graph.main else 1 if right else -1
        places[name] = (column * (WIDTH + GAP_X), -rows[name] * (HEIGHT + GAP_Y))
    return places


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


def _maps(graph: Graph, places: Mapping[str, tuple[float, float]]) -> Iterator[Rectangle]:
    maps = set(graph.inner.values())
    for name in maps - set(graph.inner[each] for each in maps if each in graph.inner):
        inside = [places[child] for child, parent in graph.inner.items() if parent == name]
        x = min(x for x, _ in inside) - WIDTH / 2 - 0.12
        y = min(y for _, y in inside) - HEIGHT / 2 - 0.24
        width = max(x for x, _ in inside) + WIDTH / 2 + 0.12 - x
        height = max(y for _, y in inside) + HEIGHT / 2 + 0.12 - y
        yield Rectangle((x, y), width, height, facecolor="#f7f8fa", edgecolor="#b8c2cf")


def _arrow(start: tuple[float, float], end: tuple[float, float], kind: str) -> FancyArrowPatch:
    """Down the middle of a column; out of the side of a box and down, or back, to another."""
    side = (end[0] > start[0]) - (end[0] < start[0])
    down = end[1] < start[1]
    tail = (start[0] + side * WIDTH / 2, start[1] - (0 if side else HEIGHT / 2))
    head = (end[0], end[1] + HEIGHT / 2) if down else (end[0] - side * WIDTH / 2, end[1])
    bend = f"angle,angleA={0 if side > 0 else 180},angleB=90,rad=5"
    return FancyArrowPatch(
        tail,
        head,
        arrowstyle="-|>",
        mutation_scale=9,
        shrinkA=0,
        shrinkB=0,
        linestyle="--" if kind == "catch" else "-",
        color="#b3261e" if kind == "catch" else "#5b6b7f",
        linewidth=0.9,
        connectionstyle=bend if side and down else "arc3",
        zorder=1,
    )


def _box(axes: Any, name: str, place: tuple[float, float], status: str, end: bool) -> None:
    x, y = place[0] - WIDTH / 2, place[1] - HEIGHT / 2
    style = f"round,pad=0,rounding_size={HEIGHT / 2 if end else 0.08}"
    colour = COLOURS.get(status, IDLE)
    axes.add_patch(
        FancyBboxPatch(
            (x, y), WIDTH, HEIGHT, boxstyle=style, facecolor=colour, edgecolor=INK, zorder=2
        )
    )
    axes.text(*place, name, ha="center", va="center", fontsize=8, color="#1b1b1b", zorder=3)


def _status(name: str, visits: Sequence[Visit]) -> str:
    own = [visit.status for visit in visits if visit.state == name]
    return next((status for status in ("FAILED", "RUNNING", "SUCCEEDED") if status in own), "")
