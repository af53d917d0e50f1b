"""``workbook drill``."""

from __future__ import annotations

import fnmatch
import time
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from etl_lib.errors import BadInput, EtlError
from workbench.drill import report
from workbench.drill.lanes import lanes
from workbench.drill.play import Result
from workbench.drill.points import KINDS, Case

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def drill(
    points: Annotated[
        str, typer.Option(help="Only points that fit, as in a shell: '04_load *'.")
    ] = "*",
    kinds: Annotated[str, typer.Option(help="Comma list.")] = ",".join(KINDS),
    cases: Annotated[int, typer.Option(help="Only so many, spread evenly; 0 for all.")] = 0,
    seed: Annotated[int, typer.Option(help="Of the changes to the source.")] = 1,
    side_by_side: Annotated[int, typer.Option(min=1, max=8, help="Lanes.")] = 2,
    write: Annotated[bool, typer.Option("--write", help="Write docs/drill.md.")] = False,
) -> None:
    """Let a run fail wherever it changes something, and see that the next one heals it.

    Takes half an hour in all. Nothing of yours is touched: it has a source, a local AWS and a
    warehouse of its own.
    """
    wanted = [kind.strip() for kind in kinds.split(",") if kind.strip()]
    if unknown := [kind for kind in wanted if kind not in KINDS]:
        raise BadInput(f"--kinds: {', '.join(unknown)}: known are {', '.join(KINDS)}")
    if write and (points != "*" or cases or len(wanted) < len(KINDS)):
        raise BadInput("--write is for a drill of all points and kinds")
    clock = time.monotonic()
    results = _play(points, wanted, cases, seed, side_by_side)
    out.print(report.picture(results))
    for result in results:
        if not result.healed:
            out.print(f"[bold red]not healed[/] {result.case}", soft_wrap=True)
            out.print("\n".join([result.faulted, *result.wrong[:10]]), markup=False)
    minutes = (time.monotonic() - clock) / 60
    if write:
        report.DOCUMENT.parent.mkdir(exist_ok=True)
        report.DOCUMENT.write_text(report.document(results, minutes), encoding="utf-8")
    out.print(f"{report.tallied(results)}, in {minutes:.1f} minutes")
    if not all(result.healed for result in results):
        raise EtlError("a run was not healed by the next one")


def _play(
    points: str, kinds: Sequence[str], most: int, seed: int, side_by_side: int
) -> list[Result]:
    """The results, in the order of the cases."""
    with lanes(side_by_side) as made, _progress() as progress:
        task = progress.add_task("finding the points", total=None)
        chosen = spread(fitting(made.find(), points, kinds), most)
        if not chosen:
            raise BadInput(f"--points: no point fits {points!r}")
        progress.update(task, description="0 not healed", total=len(chosen))
        results: list[Result] = []
        for result in made.play(chosen, seed):
            results.append(result)
            bad = sum(not each.healed for each in results)
            progress.update(task, advance=1, description=f"{bad} not healed")
            if not err.is_terminal and len(results) % 25 == 0:
                err.print(f"{len(results)} of {len(chosen)}, {bad} not healed")
    return sorted(results, key=lambda result: chosen.index(result.case))


def fitting(cases: Sequence[Case], points: str, kinds: Sequence[str]) -> list[Case]:
    """Those whose point fits the pattern and whose kind is one of ``kinds``."""
    return [
        case
        for case in cases
        if case.kind in kinds and fnmatch.fnmatchcase(str(case.point), points)
    ]


def spread(cases: Sequence[Case], most: int) -> list[Case]:
    """At most so many of them, evenly over all; 0 is all."""
    if not most or most >= len(cases):
        return list(cases)
    return [cases[number * len(cases) // most] for number in range(most)]


def _progress() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, TimeRemainingColumn(), console=err)
