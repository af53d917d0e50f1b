"""A change set, its cost and its progress on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

COLUMNS = ("action", "logical id", "type", "replacement", "because of")
COLOURS = {"Add": "green", "Import": "cyan", "Modify": "yellow", "Remove": "red"}


def changes(found: Sequence[Mapping[str, Any]], console: Console, title: str) -> None:
    rows = [_row(each["ResourceChange"]) for each in found]
    shown = [place for place, _ in enumerate(COLUMNS) if any(row[place] for row in rows)]
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for place in shown:
        name = COLUMNS[place]
        table.add_column(name, no_wrap=name != "because of", overflow="fold")
    for row in rows:
        table.add_row(*(row[place] for place in shown))
    console.print(table)


def _row(one: Mapping[str, Any]) -> tuple[str, ...]:
    names = dict.fromkeys(
        detail["Target"].get("Name", detail["Target"]["Attribute"])
        for detail in one.get("Details", ())
    )
    action = one["Action"]
    return (
        f"[{COLOURS.get(action, 'white')}]{action}[/]",
        one["LogicalResourceId"],
        one["ResourceType"].removeprefix("AWS::"),
        one.get("Replacement", ""),
        ", ".join(names),
    )


def event(each: Mapping[str, Any], console: Console) -> None:
    """A line for what has ended; beginnings would only double them."""
    status = each["ResourceStatus"]
    if status.endswith("IN_PROGRESS"):
        return
    colour = "red" if status.endswith("FAILED") else "dim"
    reason = each.get("ResourceStatusReason", "")
    console.print(
        f"{each['LogicalResourceId']:<24} [{colour}]{status}[/] {reason}",
        highlight=False,
        soft_wrap=True,
    )
