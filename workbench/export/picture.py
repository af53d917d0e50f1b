"""``images/stepfunctions_graph.png``: the state machine as its definition says."""

from __future__ import annotations

import json
from pathlib import Path

from workbench import graph
from workbench.home import REPOSITORY

DEFINITION = REPOSITORY / "stepfunctions" / "pipeline.asl.json"
PICTURE = REPOSITORY / "images" / "stepfunctions_graph.png"


def stale(picture: Path = PICTURE) -> list[str]:
    """Its name, if it is not what the definition says."""
    return [] if picture.exists() and picture.read_bytes() == _drawn() else [picture.name]


def draw(picture: Path = PICTURE) -> list[str]:
    """Draw it, if it is stale; returns its name then."""
    old = stale(picture)
    if old:
        picture.parent.mkdir(exist_ok=True)
        picture.write_bytes(_drawn())
    return old


def _drawn() -> bytes:
    return graph.png(graph.of(json.loads(DEFINITION.read_text(encoding="utf-8"))))
