"""The indicators in a run's report: each as a plot under what it says, or why there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError
from markupsafe import Markup

from etl_lib import indicator_plots
from etl_lib.contract import Indicator
from etl_lib.errors import EtlError
from etl_lib.warehouse import Warehouse
from workbench import pipeline
from workbench.stack import Stack
from workbench.summary import Summary

SIZE = (4.4, 2.7)  # inches: at a phone's width its text can still be read
COLOURS = {
    indicator_plots.INK: "ink",
    indicator_plots.ACCENT: "accent",
    indicator_plots.PALE: "pale",
}
UNCHANGED = "No row was moved, so they are not drawn anew: 06_finalize shows them as they stand."
LAST = 4  # periods of an indicator that has no plot


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
    try:
        rows = warehouse.rows(indicator_plots.query(indicator))
    except (EtlError, BotoCoreError) as error:  # the run has succeeded all the same
        return Panel(indicator.title, told=f"It could not be read: {error}")
    if not rows:
        return Panel(indicator.title, told="It has no period yet, so there is nothing to draw.")
    if indicator.plot is None:
        return Panel(indicator.title, rows=rows[-LAST:])
    return _drawn(indicator, rows)


def _drawn(indicator: Indicator, rows: Sequence[Mapping[str, Any]]) -> Panel:
    from matplotlib.figure import Figure

    from etl_lib import show
    from workbench import vector

    figure = Figure(figsize=SIZE, layout="constrained")
    axes = figure.add_subplot()
    claim = indicator_plots.draw(axes, indicator, show.frame(rows))
    axes.tick_params(labelsize=9)
    return Panel(indicator.title, claim, vector.svg(figure, claim, COLOURS))
