"""The notebooks with a deployed stack's names as their parameters, to be opened in JupyterLab."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.iorw import load_notebook_node
from papermill.parameterize import parameterize_notebook

from etl_lib.errors import BadInput
from workbench.home import REPOSITORY
from workbench.preparation import STAGES
from workbench.session_settings import job_of, magics
from workbench.stack import Stack

ORIGIN = "copy_of"  # in a copy's metadata: hash of what it was made of


def make(stack: Stack, settings: Mapping[str, str], folder: Path) -> list[str]:
    """Copy the notebooks to ``folder``; those that are there stay as they are, with all that was
    written into them. Returns the names of those that would be others if they were made now.

    ``settings`` of their sessions stand in their session cells. Raises BadInput.
    """
    older = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for stage in STAGES:
            made, path = _copy(stack, settings, stage), folder / f"{stage}.ipynb"
            if not path.exists():
                _write(made, path)
            elif _origin(path) != made.metadata["workbook"][ORIGIN]:
                older.append(path.name)
    except OSError as error:
        raise BadInput(f"the notebooks cannot be copied: {error}") from None
    return older


def _copy(stack: Stack, settings: Mapping[str, str], stage: str) -> Any:
    path = REPOSITORY / "notebooks" / f"{stage}.ipynb"
    names = papermill.inspect_notebook(path)
    arguments = job_of(stack, stage)["DefaultArguments"]
    given = {name: arguments[f"--{name}"] for name in names if f"--{name}" in arguments}
    comment = f"Of the stack {stack.target.stack}"
    made = parameterize_notebook(
        load_notebook_node(str(path)), given, comment=comment, language="python"
    )
    for cell in made.cells:
        if cell.cell_type == "code":
            cell.outputs = []  # the sample's
        if "session" in cell.metadata.get("tags", ()):
            cell.source = magics(settings)
    made.metadata.setdefault("workbook", {})[ORIGIN] = _hash(made.cells)
    return made


def _write(notebook: Any, path: Path) -> None:
    """Whole, or not at all."""
    beside = path.with_suffix(".new")
    nbformat.write(notebook, beside)  # type: ignore[no-untyped-call]
    os.replace(beside, path)


def _hash(cells: list[Mapping[str, Any]]) -> str:
    text = "\0".join(cell["source"] for cell in cells)
    return hashlib.sha256(text.encode()).hexdigest()


def _origin(path: Path) -> str:
    """What a copy was made of; nothing if it cannot be read any more."""
    try:
        metadata = nbformat.read(path, as_version=4).metadata  # type: ignore[no-untyped-call]
        return str(metadata["workbook"][ORIGIN])
    except Exception:  # whatever it is that stands there now
        return ""
