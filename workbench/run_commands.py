"""``workbook runs``: what has run, and what two runs did differently."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from etl_lib.errors import BadInput
from workbench.home import Home
from workbench.summary import COUNTS

app = typer.Typer(help="What has run: the newest first.", invoke_without_command=True)
out = Console(highlight=False)
JsonOption = Annotated[bool, typer.Option("--json")]
Run = Mapping[str, Any]  # a summary.json
SHOWN = ("run_id", "via", "status", "seconds", "loaded", "deleted", "quarantined")


@app.callback()
def runs(
    context: typer.Context,
    last: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """What has run: the newest first."""
    if context.invoked_subcommand:
        return
    found = known(Home.find())[:last]
    if as_json:
        out.print_json(json.dumps(found))
    elif found:
        out.print(_picture(SHOWN, [_row(each) for each in found]))
    else:
        out.print("nothing has run yet: type `workbook run`")


@app.command()
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A run's id.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another's.")],
    as_json: JsonOption = False,
) -> None:
    """What run B did otherwise than run A: windows, counts, columns, checks, seconds a stage."""
    home = Home.find()
    differences = compared(one(home, before), one(home, after))
    if as_json:
        out.print_json(json.dumps(differences))
    elif differences:
        rows = [[each["at"], _told(each["A"]), _told(each["B"])] for each in differences]
        out.print(_picture(("", before, after), rows))
    else:
        out.print("no difference")


def known(home: Home) -> list[Run]:
    """The summaries of all runs, the newest first."""
    found = [_read(path) for path in home.runs.glob("*/summary.json")]
    return sorted(found, key=lambda run: (run["started"], run["run_id"]), reverse=True)


def one(home: Home, run_id: str) -> Run:
    """The summary of one run. Raises BadInput."""
    path = home.runs / run_id / "summary.json"
    if "/" in run_id or not path.exists():
        raise BadInput(f"no run is named {run_id!r}: `workbook runs` lists them")
    return _read(path)


def compared(before: Run, after: Run) -> list[dict[str, Any]]:
    """Each difference as ``{"at", "A", "B"}``: by table, by check, by stage."""
    sides = [_facts(before), _facts(after)]
    names = list(dict.fromkeys([*sides[0], *sides[1]]))
    return [
        {"at": name, "A": sides[0].get(name), "B": sides[1].get(name)}
        for name in names
        if sides[0].get(name) != sides[1].get(name)
    ]


def _facts(run: Run) -> dict[str, Any]:
    facts: dict[str, Any] = {name: run[name] for name in ("via", "status", "contract", "error")}
    for stage in run["stages"]:
        facts[f"seconds of {stage['stage']}"] = round(stage["seconds"], 1)
    for name, table in run["tables"].items():
        for count in ("mode", "tier", "low", "high", "bookmark", *COUNTS):
            facts[f"{name}: {count}"] = table.get(count)
        facts[f"{name}: drift"] = "; ".join(table.get("drift") or ()) or None
        for rule, rows in (table.get("rules") or {}).items():
            facts[f"{name}: broke {rule}"] = rows
    for check in run.get("checks", ()):
        facts[f"check {check['check']}"] = check["rows"]
    return facts


def _row(run: Run) -> list[str]:
    counts = [f"{run.get(f'rows_{name}', 0):,}" for name in SHOWN[4:]]
    told = [str(run[name]) for name in SHOWN[:3]]
    return [*told, f"{run['seconds']:.1f}", *counts]


def _read(path: Path) -> Run:
    found: Run = json.loads(path.read_text(encoding="utf-8"))
    return found


def _told(value: Any) -> str:
    return "—" if value is None else f"{value:,}" if isinstance(value, int) else str(value)


def _picture(names: Sequence[str], rows: Sequence[Sequence[str]]) -> Table:
    made = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for number, name in enumerate(names):
        right = number > 2 and names is SHOWN
        made.add_column(name, justify="right" if right else "left", overflow="fold")
    made.columns[0].no_wrap = True
    for row in rows:
        made.add_row(*row)
    return made
