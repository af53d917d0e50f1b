"""The pictures in ``images/`` that need no run: the state machine as its definition says, and the
way of the rows."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from workbench import chart, drawing, graph
from workbench.export import architecture
from workbench.home import REPOSITORY

DEFINITION = REPOSITORY / "stepfunctions" / "pipeline.asl.json"
IMAGES = REPOSITORY / "images"


def stale(images: Path = IMAGES) -> list[str]:
    """The names of those that are not what the code says."""
    return [
        name
        for name, drawn in PICTURES.items()
        if not (images / name).exists() or (images / name).read_bytes() != drawn()
    ]


def draw(images: Path = IMAGES) -> list[str]:
    """Draw those that are stale; returns their names."""
    old = stale(images)
    images.mkdir(exist_ok=True)
    for name in old:
        (images / name).write_bytes(PICTURES[name]())
    return old


def _states() -> bytes:
    return drawing.png(chart.draw(graph.of(json.loads(DEFINITION.read_text(encoding="utf-8")))))


PICTURES: Mapping[str, Callable[[], bytes]] = {
    "architecture.png": partial(architecture.png, architecture.LIGHT),
    "architecture-dark.png": partial(architecture.png, architecture.DARK),
    "stepfunctions_graph.png": _states,
}
