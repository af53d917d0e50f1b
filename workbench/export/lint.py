"""What keeps a notebook from being a job. Every finding says where, why, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.export import job, magics, parameters, rules
from workbench.export.notebook import Cell, Notebook
from workbench.export.script import body

MOST = {"timeout": 10_080, "max_concurrent_runs": 1000}


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, at one cell (0: the notebook as a whole)."""

    path: Path
    cell: int
    problem: str

    def __str__(self) -> str:
        at = f", cell {self.cell}" if self.cell else ""
        return f"{self.path.name}{at}: {self.problem}"


def lint(notebook: Notebook) -> list[Finding]:
    """Everything that is wrong with a notebook; an empty list means that it exports."""
    found = [(0, problem) for problem in _metadata(notebook)] + list(_order(notebook))
    found += [(cell.number, text) for cell in notebook.code() for text in _cell(notebook, cell)]
    if not found:  # a second pass: it reads what is only there in a notebook without other flaws
        found += [*rules.undefined(notebook), *rules.rebound(notebook), *_as_a_whole(notebook)]
    return [Finding(notebook.path, number, problem) for number, problem in found]


def _metadata(notebook: Notebook) -> Iterator[str]:
    kind = notebook.job.get("job")
    if kind not in (job.SPARK, job.SHELL):
        yield (
            f"its metadata say {kind!r} for the job type: set metadata.workbook.job to "
            f'"{job.SPARK}" or "{job.SHELL}"'
        )
    for name, value in notebook.job.items():
        if name in MOST:
            if type(value) is not int or not 1 <= value <= MOST[name]:
                yield f"metadata.workbook.{name} is {value!r}: a whole number, 1 to {MOST[name]}"
        elif name != "job":
            yield f"metadata.workbook.{name} is unknown: known are job, {', '.join(MOST)}"


def _order(notebook: Notebook) -> Iterator[tuple[int, str]]:
    """The session's magics first, then the parameters, then the rest."""
    code, marked = list(notebook.code()), notebook.tagged("parameters")
    if not marked:
        yield 0, 'no cell is tagged "parameters": tag the one with the defaults'
    for cell in marked[1:]:
        yield cell.number, f"a second parameters cell; cell {marked[0].number} is the first"
    sessions = notebook.tagged("session")
    if not sessions:
        yield 0, 'no cell is tagged "session": put the session magics into the first code cell'
        return
    for cell in code[: code.index(sessions[-1])]:
        if cell not in sessions:
            yield (
                cell.number,
                f"comes before the session magics of cell {sessions[-1].number}: the session would "
                "start without them",
            )
    if marked and code.index(marked[0]) > len(sessions):
        yield (
            marked[0].number,
            "the parameters must come right after the session magics: code before them does not "
            "see what papermill and the job set",
        )


def _cell(notebook: Notebook, cell: Cell) -> Iterator[str]:
    if cell.outputs:
        yield "has outputs: clear them before committing"
    yield from magics.problems(cell, bool(notebook.tagged("session")))
    if cell.cell_magic:
        return
    try:
        tree = cell.tree()
    except SyntaxError as error:
        yield f"line {error.lineno}: {_unparsed(cell, error)}"
        return
    if "session" in cell.tags:
        if tree.body:
            yield f"line {tree.body[0].lineno}: only magics: code in this cell is in no job"
    elif "parameters" in cell.tags:
        yield from parameters.problems(cell)
    elif "explore" not in cell.tags:
        yield from rules.problems(notebook, cell, tree)


def _unparsed(cell: Cell, error: SyntaxError) -> str:
    """A line that is no Python may be right for a notebook; say so then."""
    line = cell.source.splitlines()[(error.lineno or 1) - 1].strip()
    if line.endswith("?") or line.startswith(("%", "!", "?")) or "= !" in line or "= %" in line:
        return f"`{line}` works in a notebook only: write it in Python"
    return str(error.msg)


def _as_a_whole(notebook: Notebook) -> Iterator[tuple[int, str]]:
    if not body(notebook):
        yield 0, "nothing in it is work: every cell only shows, or is tagged explore"
    modules = magics.settings(notebook).get("additional_python_modules", "")
    if notebook.job["job"] == job.SHELL and "s3://" in modules:
        yield 0, "%additional_python_modules: a Python shell takes none from S3: %extra_py_files"
