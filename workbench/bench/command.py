"""The bench's command: what to measure, and where the figures go."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from etl_lib.errors import BadInput
from workbench.bench import plot, report
from workbench.bench.experiments import TOOLS, opened
from workbench.bench.measures import Experiment, load, save
from workbench.bench.plan import Plan
from workbench.bench.sections import made_of
from workbench.home import Home

out = Console(highlight=False)
if not out.is_terminal:
    out.width = 110

PROFILES = "1000000,5000000"


def bench(
    rows: Annotated[str, typer.Option(help="Tables of so many rows, a comma list.")] = PROFILES,
    rounds: Annotated[int, typer.Option(min=1, help="How often each has its turn.")] = 3,
    lines: Annotated[str, typer.Option(help="Who takes part, a comma list.")] = ",".join(TOOLS),
    memory: Annotated[
        int, typer.Option(min=0, help="Rows of our one large load; 0: none.")
    ] = 10_000_000,
    quick: Annotated[
        bool, typer.Option("--quick", help="20,000 rows, one round, who needs no installing.")
    ] = False,
    remark: Annotated[str, typer.Option(help="What a reader must know, for the page.")] = "",
    redraw: Annotated[
        bool, typer.Option("--redraw", help="Only write page and plot, of the figures kept.")
    ] = False,
) -> None:
    """Measure `workbook run` and its peers in turns: a full load, an increment, nothing new.

    Takes an hour. Nothing of yours is touched: it has a source, a local AWS and a warehouse of its
    own in .workbook/bench, and installs the peers into .tools/bench. With all lines it writes
    docs/benchmarks.md anew.
    """
    if redraw:
        return _write()
    plan = Plan.quick(lines) if quick else Plan.parse(lines, rows, rounds, memory)
    done = _played(plan, remark)
    for section in made_of(done):
        out.print(report.picture(section))
        for note in section.notes:
            _say(note)
    if plan.of_all:
        save(report.FIGURES, done)
        _write()


def _played(plan: Plan, remark: str) -> dict[str, Experiment]:
    """What is measured is kept after each experiment: a later one may fail."""
    root = Home.find().root / "bench"
    done: dict[str, Experiment] = {}
    with opened(root, _say, plan.rewarm, remark) as bench:
        for experiment in plan.play(bench):
            done[experiment.key] = experiment
            save(root / "last.json", done)
    return done


def _write() -> None:
    """Page and plot, of the figures kept. Raises BadInput."""
    kept = load(report.FIGURES)
    if not kept:
        raise BadInput("there are no figures yet: make bench")
    report.PICTURE.write_bytes(plot.png(kept))
    report.DOCUMENT.write_text(report.document(kept), encoding="utf-8")
    out.print(f"{report.DOCUMENT} and its plot are new", soft_wrap=True)


def _say(text: str) -> None:
    out.print(text, markup=False, soft_wrap=True)
