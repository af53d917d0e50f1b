"""``workbook runs``: what has run, whoever started it, and what two runs did differently."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from workbench import tables
from workbench.home import Home
from workbench.messages import say
from workbench.preparation import STAGES
from workbench.stack import Stack
from workbench.summary import COUNTS
from workbench.tables import Column
from workbench.where import HERE, Where, somewhere

app = typer.Typer(help="What has run: the newest first.", invoke_without_command=True)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
JsonOption = Annotated[bool, typer.Option("--json")]
RunArgument = Annotated[str, typer.Argument(metavar="RUN_ID", help="As `workbook runs` lists it.")]
Run = Mapping[str, Any]  # a summary.json
SHOWN = (
    Column("run_id"),
    Column("status"),
    Column("seconds", 1, right=True),
    Column("loaded", right=True),
    Column("deleted", 3, right=True),
    Column("quarantined", right=True),
    Column("contract", 2),
    Column("started", 4),
    Column("via", 5),
    Column("source", 6),
)


@app.callback()
@somewhere
def runs(
    context: typer.Context,
    last: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: JsonOption = False,
    where: Where = HERE,
) -> None:
    """What has run, whoever started it: `workbook run`, a schedule, the Step Functions API.

    The newest first. Columns that do not fit the terminal's width are left out; --json has all.
    """
    if context.invoked_subcommand:
        return
    from workbench import past  # it reads executions, and takes longer to import than most commands

    found = past.runs(*_looked(where), last)
    if as_json:
        out.print_json(json.dumps(found))
    elif found:
        rows = [_row(each) for each in found]
        out.print(tables.fitted(SHOWN, rows, out.width))
        if names := tables.left_out(SHOWN, rows, out.width):
            err.print(f"[dim]no room here for {', '.join(names)}: --json has all[/]")
    else:
        out.print("nothing has run yet: type `workbook run`")


@app.command()
@somewhere
def diff(
    before: Annotated[str, typer.Argument(metavar="A", help="A run's id.")],
    after: Annotated[str, typer.Argument(metavar="B", help="Another's.")],
    as_json: JsonOption = False,
    where: Where = HERE,
) -> None:
    """What run B did otherwise than run A: windows, counts, columns, checks, seconds a stage."""
    from workbench import past

    home, made = _looked(where)
    differences = compared(past.one(home, made, before), past.one(home, made, after))
    if as_json:
        out.print_json(json.dumps(differences))
    elif differences:
        columns = [Column(name) for name in ("", before, after)]
        rows = [[each["at"], _told(each["A"]), _told(each["B"])] for each in differences]
        out.print(tables.fitted(columns, rows, out.width))
    else:
        out.print("no difference")


@app.command("report")
@somewhere
def report_(run_id: RunArgument, where: Where = HERE) -> None:
    """Make the HTML report of a run again, also of one that a schedule has started.

    From the execution's history and the results in S3; the indicators are as they stand now.
    """
    from workbench import past

    made = where.stack(say)
    out.print(f"report: {past.report_again(made, run_id)}", soft_wrap=True)


def _looked(where: Where) -> tuple[Home, Stack | None]:
    """Where the summaries are, and the executions, if they can be reached."""
    from workbench import past

    home = where.home()
    return home, where.stack(say, running=True) if where.of_stack else past.running(home)


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
    facts["source"] = run.get("source")
    took = {stage["stage"]: round(stage["seconds"], 1) for stage in run["stages"]}
    facts |= {f"seconds of {stage}": took.get(stage) for stage in STAGES}
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
    """A cell for each column that can be shown."""
    counts = [f"{run.get(f'rows_{name}', 0):,}" for name in ("loaded", "deleted", "quarantined")]
    figures = [f"{run['seconds']:.1f}", *counts]
    if run["status"] == "RUNNING":  # counted at its end
        figures = ["—"] * len(figures)
    named = [str(run[name]) for name in ("run_id", "status")]
    origin = [Path(run["contract"]).name, str(run["started"]), run["via"], run.get("source", "")]
    return [*named, *figures, *origin]


def _told(value: Any) -> str:
    return "—" if value is None else f"{value:,}" if isinstance(value, int) else str(value)
