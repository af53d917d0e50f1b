"""The parameters cell: names, types, defaults and help, all from its assignments."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from workbench.export.notebook import Cell

TYPES = (str, int, float, bool)
COMMENT = re.compile(r"#\s*(.*)$")


@dataclass(frozen=True)
class Parameter:
    """``name = default  # help``, as papermill and the job know it."""

    name: str
    default: str | int | float | bool
    help: str

    @property
    def type(self) -> str:
        return type(self.default).__name__

    @property
    def text(self) -> str:
        """The default as a job's argument: always a string."""
        return str(self.default).lower() if self.type == "bool" else str(self.default)

    def coerced(self, arguments: str) -> str:
        """Python that takes it out of ``arguments`` in its own type."""
        value = f'{arguments}["{self.name}"]'
        if self.type == "bool":
            return f'{value} == "true"'
        return value if self.type == "str" else f"{self.type}({value})"


def parameters(cell: Cell) -> list[Parameter]:
    """The parameters of a cell that lint has passed. Raises ValueError for any other."""
    lines = cell.source.splitlines()
    found = []
    for node in cell.tree().body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            raise ValueError(f"line {node.lineno} is not `name = value`")
        name = node.targets[0].id
        try:
            default = ast.literal_eval(node.value)
        except ValueError:
            raise ValueError(f"{name}: the default is not a literal") from None
        if type(default) not in TYPES:
            raise ValueError(f"{name}: a default is text, a number or True or False")
        rest = lines[(node.end_lineno or 1) - 1][node.end_col_offset or 0 :]
        comment = COMMENT.search(rest)
        found.append(Parameter(name, default, comment[1].strip() if comment else ""))
    return found
