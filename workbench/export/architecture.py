"""The way of the rows as a picture: from MySQL to the indicators, stage by stage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from workbench.drawing import small


@dataclass(frozen=True)
class Colours:
    ground: str
    ink: str
    text: str
    store: str
    done: str


LIGHT = Colours("#ffffff", "#1f3a5f", "#1b1b1b", "#eef1f5", "#cfe8d5")
DARK = Colours("#0d1117", "#8db4e2", "#e4e8ed", "#1b2430", "#1d4a30")  # on GitHub's dark ground
WIDTH, HEIGHT, GAP_X, GAP_Y = 2.0, 0.8, 0.97, 0.6  # inches
Place = tuple[int, int]  # column, row

# Where rows stand, and of which kind of store it is.
PLACES: dict[Place, tuple[str, str]] = {
    (0, 0): ("Aurora MySQL", "the source's tables"),
    (1, 0): ("S3 raw zone", "Parquet and a manifest"),
    (2, 0): ("S3 curated zone", "good rows, bad rows"),
    (1, 1): ("Redshift tmp", "staging of this run"),
    (2, 1): ("MERGE transaction", "a table and its ledger row"),
    (3, 1): ("Redshift", "raw · curated · quarantine"),
    (3, 0): ("presentation", "seven indicators"),
    (2, 2): ("the ledger", "what is loaded"),
    (1, 2): ("DynamoDB", "a bookmark a table"),
}
# From where to where, by which stage.
ARROWS: list[tuple[Place, Place, str]] = [
    ((0, 0), (1, 0), "01_extract"),
    ((1, 0), (1, 1), "02_raw_ingest"),
    ((1, 0), (2, 0), "03_transform"),
    ((1, 1), (2, 1), ""),
    ((2, 0), (2, 1), "04_load"),
    ((2, 1), (3, 1), ""),
    ((3, 1), (3, 0), "04_load,\n06_finalize"),
    ((2, 1), (2, 2), ""),
    ((2, 2), (1, 2), "05_bookmark"),
    ((1, 2), (0, 0), "the next window\nbegins here"),
]


def png(colours: Colours) -> bytes:
    columns, rows = (1 + max(place[axis] for place in PLACES) for axis in (0, 1))
    width = columns * WIDTH + (columns - 1) * GAP_X + 0.4
    height = rows * HEIGHT + (rows - 1) * GAP_Y + 0.4
    figure = Figure(figsize=(width, height), facecolor=colours.ground)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(-WIDTH / 2 - 0.2, width - WIDTH / 2 - 0.2))
    axes.set(ylim=(HEIGHT / 2 + 0.2 - height, HEIGHT / 2 + 0.2))
    axes.set_axis_off()
    for place, told in PLACES.items():
        _box(axes, place, *told, colours)
    for start, end, stage in ARROWS:
        _arrow(axes, start, end, stage, colours)
    return small(figure, dpi=120)


def _at(place: Place) -> tuple[float, float]:
    return place[0] * (WIDTH + GAP_X), -place[1] * (HEIGHT + GAP_Y)


def _box(axes: Any, place: Place, name: str, holds: str, colours: Colours) -> None:
    x, y = _at(place)
    style = "round,pad=0,rounding_size=0.08"
    colour = colours.done if place[0] == 3 else colours.store
    corner = (x - WIDTH / 2, y - HEIGHT / 2)
    shape: Any = {"boxstyle": style, "facecolor": colour, "edgecolor": colours.ink, "zorder": 2}
    axes.add_patch(FancyBboxPatch(corner, WIDTH, HEIGHT, **shape))
    text: Any = {"ha": "center", "va": "center", "color": colours.text, "zorder": 3}
    axes.text(x, y + 0.13, name, fontsize=11, weight="bold", **text)
    axes.text(x, y - 0.17, holds, fontsize=9, **text)


def _arrow(axes: Any, start: Place, end: Place, stage: str, colours: Colours) -> None:
    (x, y), (to_x, to_y) = _at(start), _at(end)
    back = start[0] != end[0] and start[1] != end[1]  # from the last row up to the source
    side, up = (to_x > x) - (to_x < x), (to_y > y) - (to_y < y)
    tail = (x + side * WIDTH / 2, y + (0 if side else up * HEIGHT / 2))
    head = (to_x - (0 if back else side * WIDTH / 2), to_y - (up * HEIGHT / 2 if up else 0))
    axes.add_patch(
        FancyArrowPatch(
            tail,
            head,
            arrowstyle="-|>",
            mutation_scale=11,
            shrinkA=0,
            shrinkB=1,
            color=colours.ink,
            linestyle="--" if back else "-",
            connectionstyle="angle,angleA=180,angleB=90,rad=8" if back else "arc3",
        )
    )
    middle = ((tail[0] + head[0]) / 2, (tail[1] + head[1]) / 2)
    text: Any = {"fontsize": 9, "color": colours.ink}
    if back:
        axes.text(to_x + 0.1, (y + to_y) * 0.7, stage, va="center", **text)
    elif up:
        axes.text(middle[0] + 0.08, middle[1], stage, va="center", **text)
    else:
        axes.text(middle[0], middle[1] + 0.07, stage, ha="center", **text)
