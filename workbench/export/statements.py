"""Which statements of a cell are work, and which only show something to a reader.

Only showing: an expression without a call; a call of ``show`` or ``plots``, whatever is in it (lint
sees to it that no work is); a variable that they make. Every other statement is work, and stays.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from workbench.export.notebook import Cell

SHOWING = ("show", "plots", "plt")


def work(cell: Cell) -> Iterator[str]:
    """The source of each statement that a job needs, with the comments before it."""
    lines = cell.python.splitlines()
    begin = 0
    for node in cell.tree().body:
        end = node.end_lineno or node.lineno
        if not shows(node):
            text = "\n".join(lines[begin:end]).strip("\n")
            yield text
        begin = end


def shows(node: ast.stmt) -> bool:
    """Whether a statement has no effect but on the page."""
    if isinstance(node, ast.Expr):
        if isinstance(node.value, ast.Call):
            return module(node.value) in SHOWING
        return not any(calls(node))
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
        return module(node.value) in SHOWING
    return False


def used(sources: Iterable[str]) -> set[str]:
    """Every name that the sources read."""
    trees = (ast.parse(source) for source in sources)
    nodes = (node for tree in trees for node in ast.walk(tree))
    return {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def is_import(source: str) -> bool:
    return all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.parse(source).body)


def pruned(source: str, names: set[str]) -> str:
    """An import with only the names that are used; empty if none is."""
    (node,) = ast.parse(source).body
    assert isinstance(node, (ast.Import, ast.ImportFrom))
    kept = [
        alias for alias in node.names if (alias.asname or alias.name.partition(".")[0]) in names
    ]
    if kept == node.names:
        return source
    node.names = kept
    return ast.unparse(node) if kept else ""


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def module(call: ast.Call) -> str:
    """``show`` of ``show.frame(...)``."""
    inner: ast.expr = call.func
    while isinstance(inner, ast.Attribute):
        inner = inner.value
    return inner.id if isinstance(inner, ast.Name) else ""
