"""The state machine as shapes for an inline SVG, coloured by one execution."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from workbench import graph
from workbench.graph import Graph
from workbench.history import Visit, latest

WIDTH, HEIGHT = 196.0, 26.0  # of a box
ACROSS, DOWN = 213.0, 44.0  # from box to box
EDGE = 14.0  # around the drawing
ENDS = HEIGHT / 2  # radius of a state that ends the machine

Point = tuple[float, float]


@dataclass(frozen=True)
class Box:
    """A state. ``tally`` counts its visits where there is more than one."""

    name: str
    x: float
    y: float
    status: str
    tally: str
    radius: float
    width: float = WIDTH
    height: float = HEIGHT


@dataclass(frozen=True)
class Drawing:
    """All of it, in pixels. ``left_out``: whether states that were never entered are missing."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    arrows: tuple[tuple[str, str], ...]  # path, "next" | "catch"
    maps: tuple[tuple[float, float, float, float], ...]
    left_out: bool


def draw(definition: str, visits: Sequence[Visit]) -> Drawing:
    """Draw it. What is off the way to success on its left, as all that decides about a lease that
    another run holds, is drawn only once the run has come to it."""
    made, all_places = _graph(definition)
    entered = {visit.state for visit in visits}
    kept = [
        name
        for name in made.states
        if all_places[name][0] >= 0 or name in entered or name in made.inner
    ]
    at = _pixels({name: all_places[name] for name in kept})
    boxes = tuple(_box(name, at[name], visits, made) for name in kept)
    arrows = tuple(
        (_path(at[start], at[end]), kind)
        for start, end, kind in made.arrows
        if start in at and end in at
    )
    return Drawing(
        max(x for x, _ in at.values()) + WIDTH / 2 + EDGE,
        max(y for _, y in at.values()) + HEIGHT / 2 + EDGE,
        boxes,
        arrows,
        tuple(_maps(made, at)),
        len(kept) < len(made.states),
    )


@lru_cache(maxsize=8)
def _graph(definition: str) -> tuple[Graph, Mapping[str, Point]]:
    made = graph.of(json.loads(definition))
    return made, graph.places(made)


def _pixels(places: Mapping[str, Point]) -> dict[str, Point]:
    """Centres, without the columns and rows in which nothing is left."""
    columns, rows = (sorted({place[axis] for place in places.values()}) for axis in (0, 1))
    return {
        name: (
            columns.index(x) * ACROSS + WIDTH / 2 + EDGE,
            (len(rows) - 1 - rows.index(y)) * DOWN + HEIGHT / 2 + EDGE,
        )
        for name, (x, y) in places.items()
    }


def _box(name: str, place: Point, visits: Sequence[Visit], made: Graph) -> Box:
    own = [visit for visit in visits if visit.state == name]
    over = sum(visit.status != "RUNNING" for visit in own)
    tally = f"{over}/{len(own)}" if len(own) > 1 else ""
    radius = ENDS if name in made.ends else 5.0
    return Box(
        name, place[0] - WIDTH / 2, place[1] - HEIGHT / 2, status_of(name, visits), tally, radius
    )


def status_of(name: str, visits: Sequence[Visit]) -> str:
    """The worst of its last visits for each table; empty if it was never entered."""
    own = [visit.status for visit in latest(visits) if visit.state == name]
    return next((each for each in ("FAILED", "STOPPED", "RUNNING", "SUCCEEDED") if each in own), "")


def _path(start: Point, end: Point) -> str:
    """Down the middle of a column; out of the side of a box and down, or back, to another."""
    side = (end[0] > start[0]) - (end[0] < start[0])
    if end[1] > start[1]:
        tail = (start[0] + side * WIDTH / 2, start[1] + (0 if side else HEIGHT / 2))
        corner = f"H{end[0]:.0f}" if side else ""
        return f"M{tail[0]:.0f} {tail[1]:.0f}{corner}V{end[1] - HEIGHT / 2 - 2:.0f}"
    tail_x, head_x = start[0] + side * WIDTH / 2, end[0] - side * (WIDTH / 2 + 2)
    return f"M{tail_x:.0f} {start[1]:.0f}L{head_x:.0f} {end[1]:.0f}"


def _maps(made: Graph, at: Mapping[str, Point]) -> list[tuple[float, float, float, float]]:
    """The frame around the states of each innermost Map: x, y, width, height."""
    maps = set(made.inner.values())
    found = []
    for name in sorted(maps - {made.inner[each] for each in maps if each in made.inner}):
        inside = [at[child] for child, parent in made.inner.items() if parent == name]
        x, y = min(x for x, _ in inside), min(y for _, y in inside)
        width, height = max(x for x, _ in inside) - x, max(y for _, y in inside) - y
        frame = (x - WIDTH / 2 - 8, y - HEIGHT / 2 - 7, width + WIDTH + 16, height + HEIGHT + 14)
        found.append(frame)
    return found
