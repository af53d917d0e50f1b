"""The state machine as a picture that stands by itself."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke
from PIL import Image

from workbench.chart import Box, Chart, Frame, Way
from workbench.grid import Point

PER_INCH = 96  # pixels of a chart
SHARP = 1.6  # pixels of the picture to one of the chart
NAME, LABEL = 10.5, 9.5  # pixels of text
COLOURS = 64
HEAD = 7.0  # of an arrow
IDLE, INK, TEXT, SOFT = "#eef1f5", "#1f3a5f", "#1b1b1b", "#55606e"
BAD, ARROW, AROUND, EDGE = "#b3261e", "#5b6b7f", "#f7f8fa", "#b8c2cf"
CODES = {"M": [Path.MOVETO], "L": [Path.LINETO], "Q": [Path.CURVE3] * 2}


def png(chart: Chart) -> bytes:
    figure = Figure(figsize=(chart.width / PER_INCH, chart.height / PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(chart.x, chart.x + chart.width), ylim=(chart.y + chart.height, chart.y))
    axes.set_axis_off()
    for frame in chart.frames:
        _frame(axes, frame)
    for way in chart.ways:
        _arrow(axes, way)
    for way in chart.ways:
        side = "right" if way.left else "left"
        _text(axes, way.place, way.label, LABEL, _colour(way, SOFT), ha=side, va="baseline")
    for box in chart.boxes:
        _box(axes, box)
    return small(figure, PER_INCH * SHARP)


def small(figure: Figure, dpi: float) -> bytes:
    """A PNG of few colours: a fraction of the bytes."""
    drawn, written = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, dpi=dpi, format="png")
    with Image.open(drawn) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        few.save(written, format="png", optimize=True)
    return written.getvalue()


def _frame(axes: Axes, frame: Frame) -> None:
    corner = (frame.x, frame.y)
    around = Rectangle(corner, frame.width, frame.height, facecolor=AROUND, edgecolor=EDGE)
    axes.add_patch(around)
    place = (frame.x + frame.width - 7, frame.y + frame.height - 5)
    _text(axes, place, frame.label, LABEL, SOFT, ha="right", va="baseline")


def _arrow(axes: Axes, way: Way) -> None:
    colour = _colour(way, ARROW)
    points = [point for _, several in way.bent for point in several]
    codes = [code for name, _ in way.bent for code in CODES[name]]
    dashed = "--" if way.kind == "catch" else "-"
    style: dict[str, Any] = {"edgecolor": colour, "linestyle": dashed, "linewidth": 0.9}
    axes.add_patch(PathPatch(Path(points, codes), facecolor="none", **style))
    if not way.joins:
        head = _head(way.points[-2], way.points[-1])
        axes.add_patch(Polygon(head, closed=True, facecolor=colour, edgecolor="none", zorder=2))


def _head(before: Point, tip: Point) -> list[Point]:
    """A triangle; every arrow ends level or upright."""
    x, y = ((a > b) - (a < b) for a, b in zip(tip, before, strict=True))
    foot = tip[0] - HEAD * x, tip[1] - HEAD * y
    return [tip, *((foot[0] + y * wide, foot[1] + x * wide) for wide in (-HEAD / 2, HEAD / 2))]


def _box(axes: Axes, box: Box) -> None:
    corner = (box.x - box.width / 2, box.y - box.height / 2)
    style = f"round,pad=0,rounding_size={box.height / 2 if box.end else 5}"
    shape: Any = {"boxstyle": style, "facecolor": IDLE, "edgecolor": INK, "zorder": 3}
    axes.add_patch(FancyBboxPatch(corner, box.width, box.height, **shape))
    for line, y in box.lines:
        _text(axes, (box.x, y), line, NAME, TEXT, ha="center", va="center", zorder=4)


def _text(axes: Axes, place: Point, text: str, size: float, colour: str, **more: Any) -> None:
    """Lines behind it stop around it."""
    halo = withStroke(linewidth=2.5, foreground="white") if more["va"] == "baseline" else None
    told = axes.text(*place, text, fontsize=size * 72 / PER_INCH, color=colour, **more)
    told.set_path_effects([halo] if halo else [])


def _colour(way: Way, else_: str) -> str:
    return BAD if way.kind == "catch" else else_
