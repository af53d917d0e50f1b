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


class Unreadable(ValueError):
    """A file that is no notebook."""


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
    def cell_magic(self) -> tuple[str, str] | None:
        """(name, what stands under it) of a cell that begins with ``%%name``."""
        first, _, rest = self.source.lstrip().partition("\n")
        return (first[2:].split(None, 1)[0], rest) if re.match(r"%%\w", first) else None

    @property
    def python(self) -> str:
        """The source with its magic lines blanked, so that line numbers stay."""
        if self.cell_magic:
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
        first = next((cell.source for cell in self.cells if cell.kind == "markdown"), "")
        return (first.strip() or self.stem).splitlines()[0].lstrip("# ").strip()

    def code(self) -> Iterator[Cell]:
        return (cell for cell in self.cells if cell.kind == "code" and cell.source.strip())

    def tagged(self, tag: str) -> list[Cell]:
        return [cell for cell in self.code() if tag in cell.tags]

    def working(self) -> Iterator[Cell]:
        """The code cells whose work is the job's, if they do any."""
        settled = {"session", "parameters", "explore"}
        return (cell for cell in self.code() if not settled & set(cell.tags))


def read(path: Path) -> Notebook:
    """Read a notebook from disk. Raises Unreadable."""
    try:
        book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    except Exception as error:  # nbformat lets through whatever its converters meet
        raise Unreadable(f"is no notebook: {error}") from None
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
