"""The indicators in a run's report: each as a plot under what it says, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from markupsafe import Markup

from etl_lib.contract import Indicator
from etl_lib.errors import EtlError
from etl_lib.identifiers import folded, redshift
from etl_lib.warehouse import Warehouse
from workbench import pipeline
from workbench.stack import Stack
from workbench.summary import Summary

SIZE = (4.4, 2.7)  # inches: at a phone's width its text can still be read
COLOURS = {"#1f3a5f": "ink", "#d1495b": "accent", "#9fb8d1": "pale"}  # of etl_lib.plots
UNCHANGED = "No row was moved. The report of the last run that moved rows shows them as they are."
LAST = 4  # periods of an indicator that nobody knows how to draw
# A row for each user and week would be read for one mean a week.
SHORTER = {
    "bookings_per_user_weekly": "SELECT week, AVG(CAST(bookings AS DOUBLE PRECISION)) AS bookings "
    "FROM {} GROUP BY week ORDER BY week"
}


@dataclass(frozen=True)
class Panel:
    """``told`` says why there is neither a plot nor rows."""

    title: str
    claim: str = ""
    plot: Markup | None = None
    rows: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    told: str = ""


def after(summary: Summary, stack: Stack) -> list[Panel]:
    """Every indicator of a run's contract, as the warehouse has it now, which is only read; none
    after a run that failed. To draw them takes longer than a run that has nothing to move."""
    if summary.status != "SUCCEEDED":
        return []
    if summary.idle:
        return [Panel("All of them", told=UNCHANGED)]
    indicators = pipeline.read_contract(Path(summary.contract)).indicators
    with stack.active():
        warehouse = stack.target.warehouse()
        return [_panel(warehouse, each) for each in indicators]


def _panel(warehouse: Warehouse, indicator: Indicator) -> Panel:
    table = redshift("presentation", folded(indicator.name))
    query = SHORTER.get(indicator.name, "SELECT * FROM {} ORDER BY 1, 2")
    try:
        rows = warehouse.rows(query.format(table))
    except (EtlError, BotoCoreError) as error:  # the run has succeeded all the same
        return Panel(indicator.title, told=f"It could not be read: {error}")
    if not rows:
        return Panel(indicator.title, told="It has no period yet, so there is nothing to draw.")
    try:
        return _drawn(indicator, rows)
    except KeyError:  # a contract's own indicator, or own columns: no plot is known for it
        return Panel(indicator.title, rows=rows[-LAST:])


def _drawn(indicator: Indicator, rows: Sequence[Mapping[str, Any]]) -> Panel:
    from matplotlib.figure import Figure

    from etl_lib import claims, plots, show
    from workbench import vector

    frame = plots.numbers(show.frame(rows))
    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    plots.PANELS[indicator.name](axes, frame)
    claim = claims.of(indicator.name, frame)
    plots.tidy(axes)
    axes.tick_params(labelsize=9)
    return Panel(indicator.title, claim, vector.svg(figure, claim, COLOURS))
