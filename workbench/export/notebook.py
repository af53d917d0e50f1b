"""A notebook as the exporter reads it: its cells, their tags, their magics, its job metadata."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat

MAGIC = re.compile(r"^(%%?|!)(\S*)\s*(.*)$")
MATPLOT = re.compile(r"^%matplot\b.*$")


@dataclass(frozen=True)
class Cell:
    """One cell. ``number`` counts from 1, as a reader does."""

    number: int
    kind: str  # code | markdown
    source: str
    tags: tuple[str, ...] = ()
    outputs: int = 0

    @property
    def magics(self) -> list[tuple[str, str, str]]:
        """(prefix, name, rest) of every magic and shell line."""
        found = (MAGIC.match(line) for line in self.source.splitlines())
        return [(match[1], match[2], match[3].strip()) for match in found if match]

    @property
    def python(self) -> str:
        """The source with its magic lines blanked, so that line numbers stay."""
        if self.source.lstrip().startswith("%%"):
            return ""
        lines = self.source.splitlines()
        return "\n".join("" if MAGIC.match(line) else line for line in lines)

    def tree(self) -> ast.Module:
        """Raises SyntaxError."""
        return ast.parse(self.python)


@dataclass(frozen=True)
class Notebook:
    """``job`` is ``metadata["workbook"]``: what Glue job it becomes."""

    path: Path
    cells: tuple[Cell, ...]
    job: dict[str, Any]

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def title(self) -> str:
        """Its first line of prose, without the hash."""
        first = next((cell.source for cell in self.cells if cell.kind == "markdown"), self.stem)
        return first.splitlines()[0].lstrip("# ").strip()

    def code(self) -> Iterator[Cell]:
        return (cell for cell in self.cells if cell.kind == "code" and cell.source.strip())

    def tagged(self, tag: str) -> list[Cell]:
        return [cell for cell in self.code() if tag in cell.tags]


def read(path: Path) -> Notebook:
    """Read a notebook from disk."""
    book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    cells = tuple(
        Cell(
            number=number,
            kind=cell.cell_type,
            source=cell.source,
            tags=tuple(cell.metadata.get("tags", ())),
            outputs=len(cell.get("outputs", ())),
        )
        for number, cell in enumerate(book.cells, 1)
    )
    return Notebook(path, cells, json.loads(json.dumps(book.metadata.get("workbook", {}))))
