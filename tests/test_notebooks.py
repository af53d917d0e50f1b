"""The stage notebooks read alike, call and do not define, and keep what papermill needs."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path
from typing import Any

import nbformat
import pytest
from papermill.inspection import inspect_notebook

from workbench.home import REPOSITORY
from workbench.preparation import STAGES

NOTEBOOKS = [REPOSITORY / "notebooks" / f"{stage}.ipynb" for stage in STAGES]
COMMON = {
    "run_id",
    "bucket",
    "contract",
    "tables",
    "workgroup",
    "database",
    "copy_role",
    "bookmark_table",
}


def cells(path: Path, kind: str) -> list[Any]:
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    return [cell for cell in notebook.cells if cell.cell_type == kind]


def tags(cell: Any) -> list[str]:
    return list(cell.metadata.get("tags", []))


def python(cell: Any) -> str:
    return "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_magics_come_first_then_parameters(path: Path) -> None:
    code = cells(path, "code")
    assert tags(code[0]) == ["session"]
    assert all(line.startswith("%") for line in code[0].source.splitlines())
    assert tags(code[1]) == ["parameters"]
    metadata = nbformat.read(path, as_version=4).metadata
    assert metadata.kernelspec.name == "glue_pyspark"
    assert metadata.kernelspec.language == "python"
    assert "language_info" not in metadata  # papermill would refuse it


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_every_parameter_has_a_default_and_a_help_text(path: Path) -> None:
    found = inspect_notebook(str(path))
    assert set(found) - {"source_secret"} == COMMON
    for parameter in found.values():
        assert parameter["help"], parameter["name"]


def test_a_parameter_has_one_default_in_all_notebooks() -> None:
    defaults: dict[str, set[str]] = {}
    for path in NOTEBOOKS:
        for name, parameter in inspect_notebook(str(path)).items():
            defaults.setdefault(name, set()).add(parameter["default"])
    assert {name: values for name, values in defaults.items() if len(values) > 1} == {}


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebooks_call_and_do_not_define(path: Path) -> None:
    code = cells(path, "code")
    assert len(code) <= 20
    assert statistics.median(len(cell.source.splitlines()) for cell in code) <= 4
    loops = 0
    for cell in code:
        for node in ast.walk(ast.parse(python(cell))):
            assert not isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Try, ast.While))
            loops += isinstance(node, ast.For)
    assert loops <= 1


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_prose_has_the_same_headings_in_every_stage(path: Path) -> None:
    headings = [
        line[3:]
        for cell in cells(path, "markdown")
        for line in cell.source.splitlines()
        if line.startswith("## ")
    ]
    wanted = ["Session", "Parameters", "Where we left off", "Prove it", "Hand over"]
    assert [heading for heading in headings if heading in wanted] == wanted


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_committed_notebooks_are_clean(path: Path) -> None:
    for cell in cells(path, "code"):
        assert cell.execution_count is None
        assert cell.outputs == []
