"""Tables for a terminal that fit its width: what matters least is left out, no word is cut."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.box import SIMPLE
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

EDGE, BETWEEN = 1, 2  # columns of a terminal that are spent around a column's own


@dataclass(frozen=True)
class Column:
    """Of those that do not fit, the one with the highest ``rank`` is left out first; 0 stays."""

    name: str
    rank: int = 0
    right: bool = False


def fitted(
    columns: Sequence[Column],
    rows: Sequence[Sequence[str]],
    width: int,
    title: str = "",
    styles: Sequence[str] = (),
) -> Table:
    """``rows`` as a table of at most ``width``; a cell may have several lines."""
    shown = _chosen(columns, rows, width)
    made = Table(title=title or None, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for number in shown:
        column = columns[number]
        # A number is never broken; a name that is longer than the line has to be.
        justify, whole = ("right", True) if column.right else ("left", False)
        made.add_column(column.name, justify=justify, no_wrap=whole, overflow="fold")  # type: ignore[arg-type]
    for at, row in enumerate(rows):
        style = styles[at] if at < len(styles) else ""
        made.add_row(*(Text(row[number]) for number in shown), style=style)
    return made


def left_out(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[str]:
    """The names of those that ``fitted`` has no room for."""
    shown = _chosen(columns, rows, width)
    return [column.name for number, column in enumerate(columns) if number not in shown]


def fits(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> bool:
    """Whether all of it stands side by side."""
    return EDGE + sum(_needs(columns, rows)) <= width


def _chosen(columns: Sequence[Column], rows: Sequence[Sequence[str]], width: int) -> list[int]:
    """The numbers of the columns that fit side by side; those of rank 0 stay."""
    needs, shown = _needs(columns, rows), list(range(len(columns)))
    for number in sorted(shown, key=lambda number: -columns[number].rank):
        if EDGE + sum(needs[each] for each in shown) <= width:
            break
        if columns[number].rank:
            shown.remove(number)
    return shown


def _needs(columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> list[int]:
    cells = ([column.name, *(row[n] for row in rows)] for n, column in enumerate(columns))
    return [
        BETWEEN + max(cell_len(line) for cell in each for line in cell.split("\n"))
        for each in cells
    ]
