"""The picture: how long each line takes, full load and increment, a panel a size."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure

from workbench.bench.experiments import TURNS
from workbench.bench.figures import LINES, Line
from workbench.bench.job import FULL, INCREMENT
from workbench.bench.measures import RUN, Experiment

OURS, THEIRS, RANGE = "#1f3a5f", "#b8c2cf", "#5b6675"
PHASES = {FULL: "full load", INCREMENT: "+1 %"}


def png(experiments: Mapping[str, Experiment]) -> bytes:
    """Bars are medians, whiskers go from the fastest to the slowest."""
    turns = [each for each in experiments.values() if each.name == TURNS]
    figure = Figure(figsize=(11, 0.6 + 3.1 * len(turns)), layout="constrained")
    panels = figure.subplots(len(turns), 2, squeeze=False)
    for experiment, pair in zip(turns, panels, strict=True):
        for axes, (phase, title) in zip(pair, PHASES.items(), strict=True):
            _panel(axes, experiment, phase)
            axes.set_title(f"{experiment.rows:,} rows, {title}", fontsize=10, loc="left")
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=110, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _panel(axes: Any, experiment: Experiment, phase: str) -> None:
    had = [line for line in LINES if line.seconds(experiment, phase)]
    middles = [line.middle(experiment, phase) or 0.0 for line in had]
    colours = [OURS if line.tool == RUN else THEIRS for line in had]
    bars = axes.barh(
        [line.title.replace("`", "") for line in had],
        middles,
        xerr=_whiskers(had, middles, experiment, phase),
        color=colours,
        ecolor=RANGE,
        capsize=2,
    )
    axes.bar_label(bars, fmt=" {:.1f}", fontsize=8, padding=2)
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("seconds", fontsize=8)
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)


def _whiskers(
    lines: Sequence[Line], middles: Sequence[float], experiment: Experiment, phase: str
) -> list[list[float]]:
    times = [line.seconds(experiment, phase) for line in lines]
    below = [middle - min(each) for middle, each in zip(middles, times, strict=True)]
    above = [max(each) - middle for middle, each in zip(middles, times, strict=True)]
    return [below, above]
