"""The state machine as a picture, coloured by what an execution did."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from workbench.graph import GAP_X, GAP_Y, HEIGHT, WIDTH, Graph, places
from workbench.history import Visit, latest

IDLE, INK, TEXT = "#eef1f5", "#1f3a5f", "#1b1b1b"
BAD, ARROW, AROUND, EDGE = "#b3261e", "#5b6b7f", "#f7f8fa", "#b8c2cf"
COLOURS = {"SUCCEEDED": "#cfe8d5", "FAILED": "#f4c7c3", "RUNNING": "#fdebb3"}
WORST = ("FAILED", "STOPPED", "RUNNING", "SUCCEEDED")


# What each colour is called in a page that has dark colours, too.
NAMES = {
    IDLE: "idle",
    INK: "ink",
    TEXT: "text",
    BAD: "bad",
    ARROW: "arrow",
    AROUND: "around",
    EDGE: "edge",
    COLOURS["SUCCEEDED"]: "good-box",
    COLOURS["FAILED"]: "bad-box",
    COLOURS["RUNNING"]: "busy-box",
}


def png(graph: Graph, visits: Sequence[Visit] = ()) -> bytes:
    """As a picture that stands by itself."""
    buffer = io.BytesIO()
    figure(graph, visits).savefig(buffer, dpi=110, format="png", metadata={"Software": None})
    return buffer.getvalue()


def figure(graph: Graph, visits: Sequence[Visit] = (), gap: float = GAP_Y, size: int = 8) -> Figure:
    """Draw it. A state is coloured by the worst of its last visits; grey, if it has none."""
    at = places(graph, gap)
    right = max(x for x, _ in at.values()) + WIDTH / 2 + GAP_X
    left = min(x for x, _ in at.values()) - WIDTH / 2 - GAP_X
    bottom = min(y for _, y in at.values()) - HEIGHT - gap / 2
    made = Figure(figsize=(right - left, HEIGHT + gap - bottom))
    axes = made.add_axes((0, 0, 1, 1))
    axes.set(xlim=(left, right), ylim=(bottom, HEIGHT + gap / 2))
    axes.set_axis_off()
    for around in _maps(graph, at):
        axes.add_patch(around)
        x, y = around.get_x() + around.get_width(), around.get_y() + 0.06
        axes.text(x - 0.08, y, "for each table", ha="right", fontsize=7, color=INK)
    for start, end, kind in graph.arrows:
        axes.add_patch(_arrow(at[start], at[end], kind))
    for name in graph.states:
        _box(axes, name, at[name], _status(name, visits), name in graph.ends, size)
    return made


def ended(stages: Mapping[str, str]) -> list[Visit]:
    """Visits to stages that no state machine chained, by their status."""
    return [Visit(stage, datetime.min, status=status) for stage, status in stages.items()]


def _maps(graph: Graph, places: Mapping[str, tuple[float, float]]) -> Iterator[Rectangle]:
    maps = set(graph.inner.values())
    for name in maps - set(graph.inner[each] for each in maps if each in graph.inner):
        inside = [places[child] for child, parent in graph.inner.items() if parent == name]
        x = min(x for x, _ in inside) - WIDTH / 2 - 0.12
        y = min(y for _, y in inside) - HEIGHT / 2 - 0.24
        width = max(x for x, _ in inside) + WIDTH / 2 + 0.12 - x
        height = max(y for _, y in inside) + HEIGHT / 2 + 0.12 - y
        yield Rectangle((x, y), width, height, facecolor=AROUND, edgecolor=EDGE)


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
        color=BAD if kind == "catch" else ARROW,
        linewidth=0.9,
        connectionstyle=bend if side and down else "arc3",
        zorder=1,
    )


def _box(
    axes: Any, name: str, place: tuple[float, float], status: str, end: bool, size: int
) -> None:
    x, y = place[0] - WIDTH / 2, place[1] - HEIGHT / 2
    style = f"round,pad=0,rounding_size={HEIGHT / 2 if end else 0.08}"
    failed = status == "FAILED"
    sign = {"FAILED": "\N{BALLOT X} ", "STOPPED": "\N{BLACK SQUARE} "}.get(status, "")
    axes.add_patch(
        FancyBboxPatch(
            (x, y),
            WIDTH,
            HEIGHT,
            boxstyle=style,
            facecolor=COLOURS.get(status, IDLE),
            edgecolor=BAD if failed else INK,
            linewidth=2 if failed else 1,
            zorder=2,
        )
    )
    told = f"{sign}{name}"  # by more than its colour
    axes.text(*place, told, ha="center", va="center", fontsize=size, color=TEXT, zorder=3)


def _status(name: str, visits: Sequence[Visit]) -> str:
    own = [visit.status for visit in latest(visits) if visit.state == name]
    return next((status for status in WORST if status in own), "")
