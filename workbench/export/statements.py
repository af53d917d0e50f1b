"""Which statements of a cell are work, and which only show something to a reader.

Only showing: an expression without a call; a call of ``show``, ``plots`` or ``plt``, whatever is in
it (lint sees to it that no work is); a variable that they make. Every other statement is work, and
stays.
"""

from __future__ import annotations

import ast
import builtins
import symtable
from collections.abc import Iterable, Iterator

from workbench.export.notebook import Cell

SHOWING = ("show", "plots", "plt")
# Methods of Python's own containers that change them.
CHANGING = frozenset(
    "add append clear discard extend insert pop popitem remove reverse setdefault sort "
    "update".split()
)
MODULE = frozenset(("__name__", "__file__", "__doc__"))


def work(cell: Cell) -> Iterator[str]:
    """The source of each statement that a job needs, with the comments and the gap before it.

    Each statement must have lines of its own.
    """
    lines = cell.python.splitlines()
    begin = 0
    for node in cell.tree().body:
        end = node.end_lineno or node.lineno
        if not shows(node):
            before = lines[begin : node.lineno - 1]
            text = "\n".join(lines[begin:end]).strip("\n")
            yield ("\n" if "" in before and begin else "") + text
        begin = end


def shows(node: ast.stmt) -> bool:
    """Whether a statement has no effect but on the page."""
    if isinstance(node, ast.Expr):
        return is_display(node.value) or not any(calls(node))
    if isinstance(node, (ast.Assign, ast.AnnAssign)):
        return is_display(node.value)
    return False


def is_display(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Call) and root(node.func) in SHOWING


def is_import(source: str) -> bool:
    return all(isinstance(node, (ast.Import, ast.ImportFrom)) for node in ast.parse(source).body)


def pruned(source: str, names: set[str]) -> str:
    """An import with only the names that are used; empty if none is."""
    (node,) = ast.parse(source).body
    assert isinstance(node, (ast.Import, ast.ImportFrom))
    kept = [alias for alias in node.names if bound(alias) in names]
    if kept == node.names:
        return source.strip("\n")
    node.names = kept
    return ast.unparse(node) if kept else ""


def bound(alias: ast.alias) -> str:
    """The name that an import gives to what it imports."""
    return alias.asname or alias.name.partition(".")[0]


def names(sources: Iterable[str]) -> tuple[set[str], set[str]]:
    """(names made, names read from outside of them) by a script of these statements."""
    top = symtable.symtable("\n".join(sources), "script", "exec")
    made = {each.get_name() for each in top.get_symbols() if _made(each)}
    read = set(_read(top)) - set(dir(builtins)) - MODULE
    return made, read - made


def used(sources: Iterable[str]) -> set[str]:
    """Every name that the sources read, whoever makes it."""
    nodes = (node for source in sources for node in ast.walk(ast.parse(source)))
    return {
        node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }


def assigned(nodes: Iterable[ast.stmt]) -> set[str]:
    """Every name that the statements set, imports aside."""
    top = symtable.symtable("\n".join(ast.unparse(node) for node in nodes), "script", "exec")
    symbols = (each for each in top.get_symbols() if each.is_assigned())
    return {each.get_name() for each in symbols if not each.is_imported()}


def changed(nodes: Iterable[ast.stmt]) -> set[str]:
    """Names whose objects the statements change in place: by an attribute, an item or a method."""
    found = set()
    for node in (each for top in nodes for each in ast.walk(top)):
        if isinstance(node, (ast.Attribute, ast.Subscript)) and not isinstance(node.ctx, ast.Load):
            found.add(_base(node.value))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in CHANGING:
                found.add(_base(node.func.value))
    return found - {""}


def calls(node: ast.AST) -> Iterator[ast.Call]:
    return (each for each in ast.walk(node) if isinstance(each, ast.Call))


def root(node: ast.expr) -> str:
    """``show`` of ``show.frame``; empty if it does not begin with a name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _base(node: ast.expr) -> str:
    """``a`` of ``a.b[0].c``."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _made(symbol: symtable.Symbol) -> bool:
    return symbol.is_assigned() or symbol.is_imported()


def _read(table: symtable.SymbolTable) -> Iterator[str]:
    """Names that a module, or a comprehension or lambda in it, reads as globals."""
    for symbol in table.get_symbols():
        if symbol.is_referenced() and (table.get_type() == "module" or symbol.is_global()):
            yield symbol.get_name()
    for child in table.get_children():
        yield from _read(child)
