"""The lines between the boxes of a graph on which its arrows may run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from workbench.cells import Cell, Frame

WIDTH, HEIGHT = 144.0, 31.0  # of a box, in pixels
ACROSS, LANES = 76.0, (15.0, 26.0, 50.0, 61.0)  # between two columns
DOWN, DOWN_LANES = 28.0, (18.0,)  # between two rows: below a label, above an arrow's head
DOORS = (0.0, -11.0, 11.0)  # at the sides of a box, from its middle

Point = tuple[float, float]
Place = tuple[int, int]  # where two lines meet, by their numbers


def centre(cell: Cell) -> Point:
    return cell[0] * (WIDTH + ACROSS), cell[1] * (HEIGHT + DOWN)


def within(frame: Frame, point: Point) -> bool:
    """Between the middles of its outermost boxes, or within these."""
    first, last = centre(frame.first), centre(frame.last)
    return all(
        first[axis] - size / 2 <= point[axis] <= last[axis] + size / 2
        for axis, size in enumerate((WIDTH, HEIGHT))
    )


def _lanes(
    places: Collection[int], size: float, gap: float, lanes: Sequence[float]
) -> Iterator[float]:
    """Before, between and after all columns or rows."""
    for place in range(min(places) - 1, max(places) + 1):
        yield from (place * (size + gap) + size / 2 + lane for lane in lanes)


@dataclass
class Grid:
    """The lines, and what runs there already."""

    at: Mapping[str, Cell]
    xs: list[float] = field(init=False)
    ys: list[float] = field(init=False)
    boxes: dict[Place, str] = field(init=False)  # what lies around a place
    used: defaultdict[object, set[tuple[str, str]]] = field(init=False)  # by arrows of which kind

    def __post_init__(self) -> None:
        columns, rows = ({cell[axis] for cell in self.at.values()} for axis in (0, 1))
        middles = {column * (WIDTH + ACROSS) for column in columns}
        doors = {row * (HEIGHT + DOWN) + door for row in rows for door in DOORS}
        self.xs = sorted({*middles, *_lanes(columns, WIDTH, ACROSS, LANES)})
        self.ys = sorted({*doors, *_lanes(rows, HEIGHT, DOWN, DOWN_LANES)})
        self.boxes = {door: name for name in self.at for door in self.doors(name)}
        self.used = defaultdict(set)

    def doors(self, name: str) -> list[Place]:
        """The middle of a box, and what is level with its other doors."""
        x, y = centre(self.at[name])
        return [(self.xs.index(x), self.ys.index(y + door)) for door in DOORS]

    def point(self, place: Place) -> Point:
        return self.xs[place[0]], self.ys[place[1]]
