"""What the Python of a cell may not do, if the notebook is to be a job."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from workbench.export import job, statements
from workbench.export.notebook import Cell, Notebook
from workbench.export.statements import SHOWING

SESSION_CALLS = ("display", "get_ipython", "input", "exit", "quit")
SESSION_NAMES = ("sc", "glueContext", "sqlContext")  # a Glue session may have them, a job has not
# Calls that a display may hold: they only look at what is there.
LOOKS = frozenset(
    "abs bool dict enumerate float int len list max min range repr reversed round set sorted str "
    "sum tuple zip keys values items head tail".split()
)
DISPLAYS = {"etl_lib.show": "show", "etl_lib.plots": "plots", "matplotlib.pyplot": "plt"}


def problems(notebook: Notebook, cell: Cell, tree: ast.Module) -> Iterator[str]:
    """What is wrong with a cell whose work is to be the job's."""
    yield from _layout(tree)
    for node in tree.body:
        if statements.shows(node):
            yield from _hidden(node)
        else:
            yield from _mixed(node)
    for each in ast.walk(tree):
        if isinstance(each, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield f"defines {each.name}: notebooks call, etl_lib defines"
        elif isinstance(each, (ast.Import, ast.ImportFrom)):
            yield from _import(notebook, each)
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            yield from _call(each.func.id)
    if notebook.job.get("job") == job.SHELL and "spark" in statements.used([cell.python]):
        yield _no_spark("spark")


def undefined(notebook: Notebook) -> Iterator[tuple[int, str]]:
    """(cell, problem) of every name that the work reads and that nothing in the job makes."""
    work = {cell.number: list(statements.work(cell)) for cell in notebook.working()}
    given = [cell.python for cell in notebook.tagged("parameters")]
    _, missing = statements.names([*given, *(text for texts in work.values() for text in texts)])
    for number, texts in work.items():
        for name in sorted(missing & statements.used(texts)):
            if name in SESSION_NAMES:
                yield number, f"`{name}`: only a session has it: a job has `spark`"
            elif name != "spark":
                yield number, f"`{name}` {_whence(notebook, name)}"


def rebound(notebook: Notebook) -> Iterator[tuple[int, str]]:
    """(cell, problem) of names that the work reads and that what is left out sets or changes."""
    work = [text for cell in notebook.working() for text in statements.work(cell)]
    read = statements.used(work)
    # A name of Python's own, such as max, is the work's too.
    shared = read & (_made(notebook, work) | set(dir(builtins)))
    for cell in notebook.code():
        explore = "explore" in cell.tags
        left_out = [node for node in cell.tree().body if explore or statements.shows(node)]
        set_here = statements.assigned(left_out) & shared
        for name in sorted(set_here | statements.changed(left_out) & read):
            done = "set anew" if name in set_here else "changed"
            yield (
                cell.number,
                f"`{name}` is {done} here, which the job leaves out, and the work reads it: the "
                "job would do something else: choose another name",
            )


def _made(notebook: Notebook, work: list[str]) -> set[str]:
    given = [cell.python for cell in notebook.tagged("parameters")]
    return statements.names([*given, *work])[0]


def _whence(notebook: Notebook, name: str) -> str:
    for cell in notebook.code():
        if name in statements.names([cell.python])[0]:
            return (
                f"is made in cell {cell.number} by what the job leaves out: make it in a statement "
                "that works, not by a display or in a cell tagged explore"
            )
    return "is made nowhere in this notebook"


def _layout(tree: ast.Module) -> Iterator[str]:
    last = 0
    for node in tree.body:
        if node.lineno == last:
            yield f"line {last} has two statements: give each a line of its own"
        last = node.end_lineno or node.lineno


def _hidden(node: ast.stmt) -> Iterator[str]:
    """A display is dropped from the job, so no work may hide in it."""
    for call in statements.calls(node):
        called = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        called = call.func.id if isinstance(call.func, ast.Name) else called
        if statements.root(call.func) not in SHOWING and called not in LOOKS:
            yield (
                f"`{ast.unparse(node).splitlines()[0]}` would be dropped with the call of "
                f"{ast.unparse(call.func)} in it: give the result a name first, or tag the cell "
                '"explore" if the job can do without'
            )


def _mixed(node: ast.stmt) -> Iterator[str]:
    """Work stays in the job, so nothing in it may only show."""
    text, *_ = ast.unparse(node).splitlines()
    if isinstance(node, ast.Expr) and not isinstance(node.value, ast.Call):
        yield f"`{text}` both works and shows: give the result a name, then show it"
    elif set(SHOWING) & statements.used([ast.unparse(node)]):
        yield f'`{text}` shows in the midst of work: show in a cell of its own, tagged "explore"'


def _import(notebook: Notebook, node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in node.names:
        whole = f"{node.module}.{alias.name}" if isinstance(node, ast.ImportFrom) else alias.name
        if alias.name == "*":
            yield f"imports * from {whole[:-2]}: import the names that are used"
        if whole.startswith("pyspark") and notebook.job.get("job") == job.SHELL:
            yield _no_spark(whole)
        for display, name in DISPLAYS.items():
            if whole == display and statements.bound(alias) not in (name, "matplotlib"):
                yield f"imports {whole} under another name: by {name} the export knows a display"
            elif whole.startswith(f"{display}."):
                yield f"imports {whole}: import {name}, by which the export knows a display"


def _call(name: str) -> Iterator[str]:
    if name in SESSION_CALLS:
        yield f"{name}(): works in a notebook only: remove it"
    elif name == "open":
        yield "open(): a job does not have your files: read from S3"


def _no_spark(name: str) -> str:
    return (
        f"{name}: uses Spark, which a {job.SHELL} job has not: set metadata.workbook.job to "
        f'"{job.SPARK}"'
    )
