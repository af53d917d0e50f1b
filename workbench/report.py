"""The HTML report of a run: one page that stands by itself, the verdict first."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, PackageLoader, select_autoescape

from workbench import chart, pace, verdict, wording
from workbench.graph import Graph, chain, part
from workbench.history import Visit
from workbench.panels import Panel
from workbench.preparation import STAGES
from workbench.summary import changed

TEMPLATES = Environment(
    # graph.css is the console's, too
    loader=ChoiceLoader([PackageLoader("workbench"), PackageLoader("workbench.console", "static")]),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters.update(
    {each.__name__: each for each in (wording.kind, wording.sign, wording.bound)}
)
COUNTS = ("source", "extracted", "loaded", "quarantined", "deleted", "raw")


@dataclass(frozen=True)
class Shown:
    """What a run's page shows besides its summary."""

    visits: Sequence[Visit] = ()  # of the states, if the state machine ran it
    graph: Graph | None = None  # of the state machine
    notebooks: Sequence[Path] = ()  # executed
    panels: Sequence[Panel] = ()
    again: str = ""  # when it was made again, long after the run


def write(folder: Path, run: Mapping[str, Any], shown: Shown) -> Path:
    """Write ``report.html`` into a run's folder, beside its ``summary.json``."""
    path = folder / "report.html"
    place = verdict.failed_place(run, shown.visits) if run["status"] != "SUCCEEDED" else ""
    earlier = pace.earlier(folder.parent, run)
    page = TEMPLATES.get_template("report.html").render(
        run=run,
        counts=COUNTS,
        verdict=verdict.sentence(run, place),
        warnings=verdict.warnings(run),
        changed=[line for name, table in run["tables"].items() for line in changed(name, table)],
        drift=[(name, each) for name, table in run["tables"].items() for each in table["drift"]],
        **_states(run, shown, place),
        panels=shown.panels,
        again=shown.again,
        paces=pace.paces(run, earlier),
        earlier=earlier,
        usual_rows=pace.usual_rows(earlier),
        commands=verdict.commands(run, earlier[0] if earlier else None),
        pictures=[picture for notebook in shown.notebooks for picture in _pictures(notebook)],
    )
    path.write_text(page, encoding="utf-8")
    return path


def _states(run: Mapping[str, Any], shown: Shown, place: str) -> dict[str, Any]:
    """The states on the way, coloured by the run; those of a run by notebooks are its stages."""
    status = {each["stage"]: each["status"] for each in run["stages"]}
    told = ", ".join(f"{name} {what}" for name, what in status.items()) or "no stage has begun"
    visits = shown.visits or chart.ended(status)
    whole = shown.graph or chain(STAGES)
    return {
        "chart": chart.draw(part(whole, {visit.state for visit in visits})),
        "marks": chart.marks(visits),
        "told": f"The states of this run: {told}" + (f"; it failed in {place}" if place else ""),
    }


def _pictures(notebook: Path) -> Iterator[dict[str, str]]:
    """Every image output of an executed notebook, as data URLs."""
    # Its own JSON, as papermill wrote it: nbformat takes seconds to import.
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            image = output.get("data", {}).get("image/png")
            if image:
                data = "".join("".join(image).split())  # a text, or a list of lines
                base64.b64decode(data, validate=True)
                yield {"stage": notebook.stem, "url": f"data:image/png;base64,{data}"}
