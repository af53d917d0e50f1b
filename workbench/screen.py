"""A run on the terminal: what each stage did while it runs, and all of it on one screen."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape

from etl_lib.identifiers import folded, redshift
from workbench import pipeline, tables, verdict
from workbench.stack import Stack
from workbench.summary import Summary, behind, failed, layered, outdated, remarks
from workbench.tables import Column

FRACTION = re.compile(r"(?<=:\d\d)\.\d+")  # of a second
# What matters least is left out first where the terminal is narrow: the report has it all.
MOVED = (
    Column("table"),
    Column("extracted", 2, right=True),
    Column("loaded", right=True),
    Column("deleted", 1, right=True),
    Column("quarantined", right=True),
    Column("source", 3, right=True),
    Column("raw", 4, right=True),
)


def show(summary: Summary, stack: Stack, console: Console) -> None:
    """A run on one screen: counts, the indicators, where the report is; or the error."""
    folder = stack.home.runs / summary.run_id
    if summary.status == "SUCCEEDED" and not summary.moved:
        console.print(verdict.sentence(summary.as_dict()), soft_wrap=True)
    if not summary.idle:
        if summary.status == "SUCCEEDED":
            _show_indicators(summary, stack, console)
        if summary.tables and (summary.moved or summary.status != "SUCCEEDED"):
            _show_counts(summary, console)
    for name, row in summary.tables.items():
        for line in behind(name, row) + layered(name, row) + remarks(name, row):
            console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)
    for line in failed(summary.checks) + outdated(summary.still_stale):
        console.print(f"[yellow]{escape(line)}[/]", soft_wrap=True)
    if summary.error:
        place = verdict.failed_place(summary.as_dict())
        where = f"in {place}" if place else "before the first stage"
        console.print(f"[bold red]FAILED[/] {where}", highlight=False)
        console.print(summary.error, markup=False, soft_wrap=True)
        own = verdict.own_contract(summary.as_dict())
        if own and "workbook bookmarks" in summary.error:
            console.print(f"To `workbook bookmarks` add:{own}", markup=False, soft_wrap=True)
        console.print("No table is half loaded." + _advice(summary))
    if summary.stages:
        spans = [f"{each.stage} {each.seconds:.1f} s" for each in summary.stages]
        if sum(each.seconds for each in summary.stages) > summary.seconds:
            spans.append("they overlap: tables move side by side")
        console.print(f"[dim]{' · '.join(spans)}[/]", highlight=False)
    counts = (f"{summary.total(name):,} {name}" for name in ("loaded", "deleted", "quarantined"))
    console.print(f"{summary.status} in {summary.seconds:.1f} s: rows {', '.join(counts)}")
    console.print(f"report: {folder / 'report.html'}", soft_wrap=True)


def _advice(summary: Summary) -> str:
    """One way to go on, not two: some errors name their own."""
    error, again = summary.error or "", verdict.run_again(summary.as_dict())
    if "workbook redrive" in error or "ype `workbook run" in error:
        return ""
    if "LeaseHeld: " in error:
        return f" Type `{again}` once it has ended."
    return f" Mend the cause and type `{again}` again: the same windows are taken up."


def tell(result: Mapping[str, Any], stage: str, console: Console) -> None:
    """One line: what ``stage`` did with one table."""
    start = f"  {stage:<13} {result.get('table', ''):<22} "
    room = console.width - len(start)
    told = _bookmark(result, room) if stage == "05_bookmark" else _counts(result)
    for line in _folded(start, told, console.width):
        console.print(f"[dim]{escape(line)}[/]", highlight=False, soft_wrap=True)


def _folded(start: str, told: Sequence[str], width: int) -> list[str]:
    """``told`` side by side after ``start``; what does not fit stands below the first."""
    lines = [start + told[0]]
    for each in told[1:]:
        if len(lines[-1]) + 2 + len(each) <= width:
            lines[-1] += f"  {each}"
        else:
            lines.append(" " * len(start) + each)
    return lines


def _counts(result: Mapping[str, Any]) -> list[str]:
    """What there was any of."""
    found = [
        f"{name} {value:,}"
        for name, value in result.items()
        if isinstance(value, int) and not isinstance(value, bool) and value and name != "version"
    ]
    return found or ["nothing"]


def _bookmark(result: Mapping[str, Any], room: int) -> list[str]:
    """Where there is no room, to the second: `workbook bookmarks show` has the rest."""
    before, after = result["before"], result["after"]
    if after is None:
        return ["no cursor: compared as a whole"]
    told = f"stays at {after}" if before == after else f"{before or 'the beginning'} → {after}"
    return [told if len(told) <= room else FRACTION.sub("", told)]


def _show_counts(summary: Summary, console: Console) -> None:
    rows = [
        [name, *("—" if row[each.name] is None else f"{row[each.name]:,}" for each in MOVED[1:])]
        for name, row in summary.tables.items()
    ]
    console.print(tables.fitted(MOVED, rows, console.width, "What moved"))


def _show_indicators(summary: Summary, stack: Stack, console: Console) -> None:
    """The last three periods of each indicator of the run's contract, from the warehouse."""
    with stack.active():
        warehouse = stack.target.warehouse()
        for indicator in pipeline.read_contract(Path(summary.contract)).indicators:
            table = redshift("presentation", folded(indicator.name))
            rows = warehouse.rows(f"SELECT * FROM {table} ORDER BY 1 DESC, 2 LIMIT 3")
            if not rows:
                continue
            columns = [Column(name, rank) for rank, name in enumerate(rows[0])]
            cells = [["—" if each is None else str(each) for each in row.values()] for row in rows]
            title = indicator.name.replace("_", " ")
            console.print(tables.fitted(columns, cells, console.width, title))
