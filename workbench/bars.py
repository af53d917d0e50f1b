"""A bar for each table that a command fills: rows, rate and what is left."""

from __future__ import annotations

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text


class Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="dim")


def bars(console: Console) -> Progress:
    """In a plain log nothing moves, so nothing is drawn."""
    return Progress(
        TextColumn("{task.description:<20}"),
        BarColumn(bar_width=20),
        MofNCompleteColumn(table_column=Column(min_width=15)),  # the bar gives way, not the numbers
        Rate(table_column=Column(min_width=11)),
        TimeRemainingColumn(compact=True, elapsed_when_finished=True),
        console=console,
        transient=not console.is_terminal,
    )
