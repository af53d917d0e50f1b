"""A change set, its cost and its progress on the terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

COLOURS = {"Add": "green", "Import": "cyan", "Modify": "yellow", "Remove": "red"}


def changes(found: Sequence[Mapping[str, Any]], console: Console, title: str) -> None:
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 1, 0, 0))
    for name in ("action", "logical id", "type", "replacement", "because of"):
        table.add_column(name, no_wrap=name != "because of", overflow="fold")
    for each in found:
        one = each["ResourceChange"]
        names = dict.fromkeys(
            detail["Target"].get("Name", detail["Target"]["Attribute"])
            for detail in one.get("Details", ())
        )
        action = one["Action"]
        table.add_row(
            f"[{COLOURS.get(action, 'white')}]{action}[/]",
            one["LogicalResourceId"],
            one["ResourceType"].removeprefix("AWS::"),
            one.get("Replacement", ""),
            ", ".join(names),
        )
    console.print(table)


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
