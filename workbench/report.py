"""The HTML report of a run: one page that stands by itself."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import nbformat
from jinja2 import Environment, PackageLoader, select_autoescape

from workbench.summary import remarks

TEMPLATES = Environment(
    loader=PackageLoader("workbench"), autoescape=select_autoescape(), trim_blocks=True
)


def write(
    folder: Path, summary: Mapping[str, Any], notebooks: Sequence[Path], graph: bytes = b""
) -> Path:
    """Write ``report.html`` into a run's folder from its summary and executed notebooks.

    ``graph`` is the PNG of the state machine, if one ran.
    """
    path = folder / "report.html"
    pictures = [picture for notebook in notebooks for picture in _pictures(notebook)]
    told = [line for name, table in summary["tables"].items() for line in remarks(name, table)]
    page = TEMPLATES.get_template("report.html").render(
        summary=summary,
        pictures=pictures,
        graph=base64.b64encode(graph).decode(),
        remarks=told,
    )
    path.write_text(page, encoding="utf-8")
    return path


def _pictures(notebook: Path) -> Iterator[dict[str, str]]:
    """Every image output of an executed notebook, as data URLs."""
    for cell in nbformat.read(notebook, as_version=4).cells:  # type: ignore[no-untyped-call]
        for output in cell.get("outputs", ()):
            image = output.get("data", {}).get("image/png")
            if image:
                data = "".join(image.split())
                base64.b64decode(data, validate=True)
                yield {"stage": notebook.stem, "url": f"data:image/png;base64,{data}"}
