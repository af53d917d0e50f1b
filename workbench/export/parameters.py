"""The parameters cell: names, types, defaults and help, all from its assignments."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from workbench.export.notebook import Cell

TYPES = (str, int, float, bool)
COMMENT = re.compile(r"#\s*(.*)$")
# Glue passes these itself, or getResolvedOptions() takes them for its own.
# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-etl-glue-arguments.html
RESERVED = frozenset(
    "JOB_NAME JOB_ID JOB_RUN_ID SECURITY_CONFIGURATION TempDir RedshiftTempDir conf debug mode "
    "class scriptLocation encryption_type continuation_option job_bookmark_option "
    "job_bookmark_from job_bookmark_to enable_data_lineage WORKFLOW_NAME WORKFLOW_RUN_ID".split()
)
OWN = frozenset(("arguments", "getResolvedOptions", "sys"))  # of every script


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

    @property
    def optional(self) -> bool:
        """Whether it may be empty. Glue does not hand an empty argument on, but its name alone."""
        return self.default == ""

    @property
    def coerced(self) -> str:
        """Python that takes it out of ``arguments`` in its own type."""
        if self.optional:
            return f'arguments.get("{self.name}", "")'
        value = f'arguments["{self.name}"]'
        if self.type == "bool":  # anything else than true or false is a KeyError, not a guess
            return f'{{"true": True, "false": False}}[{value}.lower()]'
        return value if self.type == "str" else f"{self.type}({value})"


def parameters(cell: Cell) -> list[Parameter]:
    """The parameters of a cell that lint has passed. Raises ValueError for any other."""
    lines = cell.source.splitlines()
    found = []
    for node in cell.tree().body:
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            raise ValueError(f"line {node.lineno} is not `name = value`")
        if len(node.targets) > 1:
            raise ValueError(f"line {node.lineno} sets two names: give each a line of its own")
        name = node.targets[0].id
        try:
            default = ast.literal_eval(node.value)
        except ValueError:
            raise ValueError(f"{name}: the default is not a literal") from None
        if type(default) not in TYPES:
            raise ValueError(f"{name}: a default is text, a number or True or False")
        # Columns of ast are bytes.
        rest = lines[(node.end_lineno or 1) - 1].encode()[node.end_col_offset or 0 :].decode()
        comment = COMMENT.search(rest)
        found.append(Parameter(name, default, comment[1].strip() if comment else ""))
    return found


def problems(cell: Cell) -> Iterator[str]:
    """What is wrong with a parameters cell."""
    try:
        found = parameters(cell)
    except ValueError as error:
        yield f"parameters: {error}"
        return
    names = [each.name for each in found]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"parameters: {name} is set twice"
    for each in found:
        if each.name in RESERVED:
            yield f"parameters: Glue has an argument {each.name} of its own: choose another name"
        if each.name in OWN:
            yield f"parameters: the script has a {each.name} of its own: choose another name"
        if not each.help:
            yield f"parameters: {each.name} has no help: add a comment behind it"
