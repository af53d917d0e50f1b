"""The state machine as shapes, for a page and for a picture, and what an execution did to them."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from workbench import cells, routing
from workbench.graph import Graph
from workbench.grid import HEIGHT, WIDTH, Point, centre
from workbench.history import Visit, latest
from workbench.routing import towards

EDGE = 10.0  # around the drawing
AROUND, FOOT = 7.0, 14.0  # from the states of a Map to its frame; below them, for its label
LINE, LINES = 19, 2  # characters in a line of a box, and its lines
LEADING = 12.0  # from line to line
BOW = 5.0  # radius of an arrow's bends


@dataclass(frozen=True)
class Box:
    """A state, by its middle."""

    name: str
    x: float
    y: float
    end: bool  # of the machine: Succeed or Fail
    width: float = WIDTH
    height: float = HEIGHT

    @property
    def lines(self) -> list[tuple[str, float]]:
        """Its name, and how high the middle of each line is."""
        texts = _wrapped(self.name)
        first = self.y - LEADING / 2 * (len(texts) - 1)
        return [(text, first + LEADING * number) for number, text in enumerate(texts)]


@dataclass(frozen=True)
class Way:
    """An arrow. ``kind`` is next or catch; one that ``joins`` another has no head of its own."""

    points: tuple[Point, ...]
    joins: bool
    kind: str
    label: str

    @property
    def left(self) -> bool:
        """Does it leave to the left? Then its label ends at ``place``."""
        return self.points[1][0] < self.points[0][0]

    @property
    def place(self) -> Point:
        """Of its label: beside a way down, above one to the side."""
        (x, y), (to_x, _) = self.points[:2]
        return (x + 5, y + 11) if x == to_x else (x - 4 if self.left else x + 4, y - 3.5)

    @property
    def bent(self) -> list[tuple[str, tuple[Point, ...]]]:
        """M, L and Q of SVG, each with its points: bends are round."""
        return list(_bent(self.points))


@dataclass(frozen=True)
class Frame:
    """Around the states of a Map or a Parallel, from its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    label: str


@dataclass(frozen=True)
class Chart:
    """All of it, in pixels, and its upper left corner."""

    x: float
    y: float
    width: float
    height: float
    boxes: tuple[Box, ...]
    ways: tuple[Way, ...]
    frames: tuple[Frame, ...]


@dataclass(frozen=True)
class Mark:
    """The worst of a state's last visits, and how many are over of how many, if of several."""

    status: str
    tally: str


def draw(graph: Graph) -> Chart:
    at = cells.cells(graph)
    around = cells.frames(graph, at)
    routes = routing.routes(at, graph.arrows, around)
    boxes = [Box(name, *centre(at[name]), name in graph.ends) for name in graph.states]
    frames = [_frame(each, graph) for each in around]
    ways = [
        Way(route.points, route.joins, arrow.kind, arrow.label) for arrow, route in routes.items()
    ]
    x, y, right, bottom = _extent(boxes, ways, frames)
    return Chart(x, y, right - x, bottom - y, tuple(boxes), tuple(ways), tuple(frames))


def marks(visits: Sequence[Visit]) -> dict[str, Mark]:
    """Of every state that was entered."""
    return {visit.state: _mark(visit.state, visits) for visit in visits}


def _mark(name: str, visits: Sequence[Visit]) -> Mark:
    own = [visit for visit in visits if visit.state == name]
    last = [visit.status for visit in latest(own)]
    status = next(each for each in ("FAILED", "STOPPED", "RUNNING", "SUCCEEDED") if each in last)
    over = sum(visit.status != "RUNNING" for visit in own)
    return Mark(status, f"{over}/{len(own)}" if len(own) > 1 else "")


def ended(stages: Mapping[str, str]) -> list[Visit]:
    """Visits to stages that no state machine chained, by their status."""
    return [Visit(stage, datetime.min, status=status) for stage, status in stages.items()]


def _wrapped(name: str) -> list[str]:
    """In as few lines as it needs, as long as each other as can be."""
    texts = textwrap.wrap(name, LINE, max_lines=LINES, placeholder="…")
    for width in range(LINE - 1, LINE // 2, -1):
        narrower = textwrap.wrap(name, width, break_long_words=False)
        if len(narrower) > len(texts) or max(map(len, narrower)) > width:
            break
        texts = narrower
    return texts


def _frame(found: cells.Frame, graph: Graph) -> Frame:
    """A Map says in its name of what it takes each."""
    (left, top), (right, bottom) = centre(found.first), centre(found.last)
    each = re.search(r"\beach \w+", found.around)
    label = f"for {each[0] if each else 'each item'}" if found.around in graph.maps else "at once"
    return Frame(
        left - WIDTH / 2 - AROUND,
        top - HEIGHT / 2 - AROUND,
        right - left + WIDTH + 2 * AROUND,
        bottom - top + HEIGHT + AROUND + FOOT,
        label,
    )


def _extent(
    boxes: Sequence[Box], ways: Sequence[Way], frames: Sequence[Frame]
) -> tuple[float, float, float, float]:
    """Left, top, right, bottom."""
    corners = [point for way in ways for point in way.points]
    for box in boxes:
        corners += [(box.x + side * WIDTH / 2, box.y + side * HEIGHT / 2) for side in (-1, 1)]
    for each in frames:
        corners += [(each.x, each.y), (each.x + each.width, each.y + each.height)]
    xs, ys = zip(*corners, strict=True)
    return min(xs) - EDGE, min(ys) - EDGE, max(xs) + EDGE, max(ys) + EDGE


def _bent(points: tuple[Point, ...]) -> Iterator[tuple[str, tuple[Point, ...]]]:
    yield "M", points[:1]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        yield "L", (towards(corner, before, BOW),)
        yield "Q", (corner, towards(corner, after, BOW))
    yield "L", points[-1:]
