"""Ways for a graph's arrows: along the lanes of a grid, around every box.

Each arrow takes the cheapest way: short, with few bends, not on another one, and seldom across one.
Arrows of one kind to the same state join.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise, takewhile

from workbench.cells import Cell, Frame
from workbench.graph import Arrow
from workbench.grid import HEIGHT, WIDTH, Grid, Place, Point, centre, within

# What a way costs besides its length.
BEND, CROSSING, SHARED = 14.0, 60.0, 60.0
JOINED, STRANGE = 0.55, 3.0  # times its length: with another to the same state; in others' frame
BACK = 45.0  # out of the top of a box, or into its bottom
ASIDE = 12.0  # by a door that is not in the middle
ONWARDS = 10.0  # as far an arrow is drawn on the one that it joins
LETTER, NARROW = 5.4, 80.0  # of a label; a bend before its end

STEPS: tuple[Place, ...] = ((0, 1), (1, 0), (-1, 0), (0, -1))


@dataclass(frozen=True)
class Route:
    """The corners of an arrow's way, from the edge of a box to that of another or, if it
    ``joins``, to an arrow that leads there already."""

    points: tuple[Point, ...]
    joins: bool = False


def routes(
    at: Mapping[str, Cell], arrows: Sequence[Arrow], frames: Sequence[Frame] = ()
) -> dict[Arrow, Route]:
    """A way for each arrow; those between neighbours choose first."""

    def far(arrow: Arrow) -> tuple[int, int]:
        start, end = at[arrow.start], at[arrow.end]
        return abs(start[0] - end[0]), abs(start[1] - end[1])

    grid = Grid(at)
    return {arrow: _route(grid, arrow, frames) for arrow in sorted(arrows, key=far)}


def _route(grid: Grid, arrow: Arrow, frames: Sequence[Frame]) -> Route:
    """The cheapest one. From now on others keep off it."""
    kind = (arrow.end, arrow.kind)
    steps = list(pairwise(_Search(grid, arrow, frames).cheapest()))
    new = list(takewhile(lambda step: kind not in grid.used[step], steps))
    for before, after in new:
        for each in (after, (before, after), (after, before)):
            grid.used[each].add(kind)
    points = [grid.point(place) for place in _corners([new[0][0], *(after for _, after in new)])]
    points[0] = _edge(centre(grid.at[arrow.start]), points[0], points[1])
    if len(new) == len(steps):
        points[-1] = _edge(centre(grid.at[arrow.end]), points[-1], points[-2])
        return Route(tuple(points))
    onwards = towards(points[-1], grid.point(steps[len(new)][1]), ONWARDS)
    return Route((*points, onwards), joins=True)


@dataclass
class _Search:
    """For the way of one arrow."""

    grid: Grid
    arrow: Arrow
    frames: Sequence[Frame]

    def __post_init__(self) -> None:
        ends = {*self.arrow[:2]}
        self.kind = (self.arrow.end, self.arrow.kind)
        self.end = centre(self.grid.at[self.arrow.end])
        self.middles = [self.grid.doors(name)[0] for name in ends]
        self.strange = [each for each in self.frames if not ends & each.members]

    def cheapest(self) -> list[Place]:
        """By A*; there is always a way, around everything if need be."""
        doors = self.grid.doors(self.arrow.start)
        ways = [(self._left(door), self._aside(door), [door]) for door in doors]
        settled = set[tuple[Place, ...]]()
        while True:
            _, cost, way = heapq.heappop(ways)
            if len(way) > 1 and self._arrives(way):
                return way
            if tuple(way[-2:]) not in settled:
                settled.add(tuple(way[-2:]))
                for there, more in self._on(way):
                    least = cost + more + self._left(there)
                    heapq.heappush(ways, (least, cost + more, [*way, there]))

    def _left(self, place: Place) -> float:
        """What the rest of the way costs at least."""
        (x, y), (to_x, to_y) = self.grid.point(place), self.end
        return JOINED * max(0.0, abs(x - to_x) + abs(y - to_y) - HEIGHT)

    def _arrives(self, way: Sequence[Place]) -> bool:
        before, here = (self.grid.boxes.get(place) for place in way[-2:])
        return before != here == self.arrow.end

    def _on(self, way: Sequence[Place]) -> Iterator[tuple[Place, float]]:
        """Where a way may go on to, and what that costs."""
        here, boxes = way[-1], self.grid.boxes
        for step in STEPS:
            there = here[0] + step[0], here[1] + step[1]
            inside = 0 <= there[0] < len(self.grid.xs) and 0 <= there[1] < len(self.grid.ys)
            free = boxes.get(there) in (None, boxes.get(here), self.arrow.end)
            if inside and free and there not in way[-2:]:
                turns = len(way) > 1 and (way[-2][0] == here[0]) != (step[0] == 0)
                cost = self._length(here, there) + self._cost(here, there, step, turns)
                yield there, cost + NARROW * (turns and self._narrow(way))

    def _cost(self, here: Place, there: Place, step: Place, turns: bool) -> float:
        boxes = self.grid.boxes
        cost = BEND * turns + SHARED * self._others((here, there))
        if there not in boxes:
            cost += CROSSING * self._others(there)
        if here not in boxes:
            cost += SHARED * (turns and self._others(here))
        if boxes.get(here) != boxes.get(there):  # by a door
            cost += BACK if step == (0, -1) else 0
            cost += self._aside(there) if there in boxes and step[0] else 0
        return cost

    def _narrow(self, way: Sequence[Place]) -> bool:
        """Does a bend here leave too little of a way to the side for its label?"""
        (x, y), (to_x, to_y) = self.grid.point(way[0]), self.grid.point(way[-1])
        return y == to_y and abs(to_x - x) < WIDTH / 2 + LETTER * len(self.arrow.label)

    def _length(self, here: Place, there: Place) -> float:
        (x, y), (to_x, to_y) = self.grid.point(here), self.grid.point(there)
        middle = ((x + to_x) / 2, (y + to_y) / 2)
        length = abs(x - to_x) + abs(y - to_y)
        if any(within(each, middle) for each in self.strange):
            length *= STRANGE
        return length * JOINED if self.kind in self.grid.used[here, there] else length

    def _others(self, thing: object) -> bool:
        return bool(self.grid.used[thing] - {self.kind})

    def _aside(self, door: Place) -> float:
        return 0 if door in self.middles else ASIDE


def towards(point: Point, other: Point, far: float) -> Point:
    """So far on the straight way to another one, at most half of it."""
    x, y = other[0] - point[0], other[1] - point[1]
    share = min(far / (abs(x) + abs(y)), 0.5)
    return point[0] + x * share, point[1] + y * share


def _corners(places: Sequence[Place]) -> list[Place]:
    """The ends, and where the way bends."""
    inner = [
        place
        for before, place, after in zip(places, places[1:], places[2:], strict=False)
        if (before[0] == place[0]) != (place[0] == after[0])
    ]
    return [places[0], *inner, places[-1]]


def _edge(middle: Point, inside: Point, outside: Point) -> Point:
    """Where the way between two points comes out of a box."""
    if inside[0] == outside[0]:
        return inside[0], middle[1] + (HEIGHT / 2 if outside[1] > inside[1] else -HEIGHT / 2)
    return middle[0] + (WIDTH / 2 if outside[0] > inside[0] else -WIDTH / 2), inside[1]
