"""What keeps a notebook from being a job. Every finding says where, why, and what to do."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench.export import job, statements
from workbench.export.notebook import MATPLOT, Cell, Notebook
from workbench.export.parameters import parameters

# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
RESERVED = ("JOB_NAME", "JOB_ID", "JOB_RUN_ID", "TempDir", "SECURITY_CONFIGURATION")
SESSION_CALLS = ("display", "get_ipython", "input", "exit", "quit")
CLIENT = (
    "time",
    "timeit",
    "cd",
    "pwd",
    "ls",
    "run",
    "load",
    "matplotlib",
    "pip",
    "env",
    "writefile",
)
PINNED = re.compile(r"^[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][^,]*$|^s3://.+\.whl$")


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
    found = [Finding(notebook.path, 0, problem) for problem in _metadata(notebook)]
    found += [Finding(notebook.path, number, problem) for number, problem in _order(notebook)]
    for cell in notebook.code():
        found += [Finding(notebook.path, cell.number, text) for text in _cell(notebook, cell)]
    return found


def _metadata(notebook: Notebook) -> Iterator[str]:
    kind = notebook.job.get("job")
    if kind not in (job.SPARK, job.SHELL):
        yield (
            f"its metadata say {kind!r} for the job type: set metadata.workbook.job to "
            f'"{job.SPARK}" or "{job.SHELL}"'
        )
    for name in notebook.job:
        if name not in ("job", "timeout", "max_concurrent_runs"):
            yield f"metadata.workbook.{name} is unknown"


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
    if code[0] is not sessions[0]:
        yield (
            code[0].number,
            f"comes before the session magics of cell {sessions[0].number}: the session would "
            "start without them",
        )
    if marked and marked[0].number > code[0].number and code.index(marked[0]) > len(sessions):
        yield (
            marked[0].number,
            "the parameters must come right after the session magics: code before them does not "
            "see what papermill and the job set",
        )


def _cell(notebook: Notebook, cell: Cell) -> Iterator[str]:
    if cell.outputs:
        yield "has outputs: clear them before committing"
    yield from _magics(cell)
    if cell.source.lstrip().startswith("%%"):
        yield from _cell_magic(cell)
        return
    try:
        tree = cell.tree()
    except SyntaxError as error:
        yield f"line {error.lineno}: {error.msg}"
        return
    if "parameters" in cell.tags:
        yield from _parameters(cell)
    elif "explore" not in cell.tags:
        yield from _code(notebook, tree)


def _magics(cell: Cell) -> Iterator[str]:
    for prefix, name, value in cell.magics:
        line = f"{prefix}{name} {value}".strip()
        if prefix == "!":
            yield f"{line}: a shell command runs on the laptop, not in Glue: remove it"
        elif prefix == "%%":
            continue
        elif MATPLOT.match(line):
            if "explore" not in cell.tags:
                yield f'{line}: a plot is for readers: tag the cell "explore"'
        elif name in CLIENT:
            yield f"%{name}: runs on the laptop, not in Glue: remove it"
        elif name not in job.KNOWN:
            yield f"%{name}: no session magic that a job has a setting for"
        elif "session" not in cell.tags:
            yield f'%{name}: belongs into the cell tagged "session"'
        else:
            yield from _setting(name, value)


def _setting(name: str, value: str) -> Iterator[str]:
    if name == "glue_version" and value != job.GLUE_VERSION:
        yield f"%glue_version {value}: the project is pinned to {job.GLUE_VERSION}"
    if name == "number_of_workers" and not (value.isdigit() and int(value) >= 2):
        yield f"%number_of_workers {value}: a Spark job has two or more"
    if name == "additional_python_modules":
        for each in value.split(","):
            if not PINNED.match(each.strip()):
                yield f"%additional_python_modules {each.strip()}: pin it: name==version"


def _cell_magic(cell: Cell) -> Iterator[str]:
    name = cell.source.lstrip()[2:].split(None, 1)[0]
    if name != "configure":
        yield f"%%{name}: works in a session only: write it in Python"
        return
    try:
        settings = json.loads(cell.source.lstrip().partition("\n")[2])
    except ValueError as error:
        yield f"%%configure: not JSON: {error}"
        return
    if not isinstance(settings, dict):
        yield "%%configure: expected an object of job arguments"
        return
    for each in settings:
        if not each.startswith("--"):
            yield f"%%configure: {each!r} is no job argument: use a magic, or a name with --"


def _parameters(cell: Cell) -> Iterator[str]:
    try:
        found = parameters(cell)
    except ValueError as error:
        yield f"parameters: {error}"
        return
    for each in found:
        if each.name in RESERVED or each.name.startswith("enable"):
            yield f"parameters: Glue has an argument {each.name} of its own: choose another name"
        if not each.help:
            yield f"parameters: {each.name} has no help: add a comment behind it"


def _code(notebook: Notebook, tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield f"defines {node.name}: notebooks call, etl_lib defines"
        elif isinstance(node, ast.Expr):
            yield from _shown(node, _workers(notebook))
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imported = {alias.name.partition(".")[0] for node in ast.walk(tree) for alias in _aliases(node)}
    if notebook.job.get("job") == job.SHELL and ({"spark", "sc"} & names or "pyspark" in imported):
        yield f'uses Spark, which a {job.SHELL} job has not: set metadata.workbook.job to "glueetl"'
    for call in statements.calls(tree):
        if isinstance(call.func, ast.Name) and call.func.id in SESSION_CALLS:
            yield f"{call.func.id}(): works in a notebook only: remove it"


def _workers(notebook: Notebook) -> set[str]:
    """Names imported from etl_lib that do work: all but show and plots."""
    return {
        alias.asname or alias.name
        for cell in notebook.code()
        for node in ast.walk(cell.tree() if _parses(cell) else ast.Module([], []))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("etl_lib")
        for alias in node.names
    } - set(statements.SHOWING)


def _parses(cell: Cell) -> bool:
    try:
        cell.tree()
    except SyntaxError:
        return False
    return True


def _shown(node: ast.Expr, workers: set[str]) -> Iterator[str]:
    """A display is dropped from the job, so no work may hide in it."""
    text = ast.unparse(node)
    if not statements.shows(node):
        if not isinstance(node.value, ast.Call):
            yield f"`{text}` both works and shows: give the result a name, then show it"
        return
    for call in statements.calls(node):
        if statements.module(call) in workers:
            yield (
                f"`{text}` would be dropped with the call of {ast.unparse(call.func)} in it: give "
                'the result a name first, or tag the cell "explore"'
            )


def _aliases(node: ast.AST) -> list[ast.alias]:
    if isinstance(node, ast.ImportFrom):
        return [ast.alias(node.module or "")]
    return node.names if isinstance(node, ast.Import) else []
