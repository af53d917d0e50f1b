"""The pictures of the notebooks: each says what it shows, with its unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from etl_lib.indicator_plots import ACCENT, INK, PALE, nothing, tidy
from etl_lib.indicator_plots import indicators as indicators  # to a notebook it is one of these

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def counts(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str) -> Figure:
    """One bar a table and column: ``rows`` hold a "table" and the numbers named in ``columns``."""
    import matplotlib.pyplot as plt

    if not any(row[column] for row in rows for column in columns):
        return nothing(title)
    figure, axes = plt.subplots(figsize=(8, 0.9 + 0.55 * len(rows)), layout="constrained")
    height = 0.8 / len(columns)
    shades = [PALE, INK, ACCENT]
    for place, column in enumerate(columns):
        at = [row + (place - (len(columns) - 1) / 2) * height for row in range(len(rows))]
        bars = axes.barh(at, [row[column] for row in rows], height, color=shades[place % 3])
        bars.set_label(column)
        axes.bar_label(bars, labels=[f" {row[column]:,}" for row in rows], fontsize=8)
    _by_table(axes, rows)
    axes.set_title(title, loc="left")
    if len(columns) > 1:
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def verdicts(rows: Sequence[Mapping[str, Any]]) -> Figure:
    """Good rows of each table, and beside them those in quarantine: few, so on their own scale.
    ``rows`` are what 03_transform returns."""
    import matplotlib.pyplot as plt

    good, bad = (sum(row[name] for row in rows) for name in ("good", "quarantined"))
    if not good + bad:
        return nothing("Rows by verdict")
    if not bad:
        return counts(rows, ["good"], f"All {good:,} rows keep the rules: none went to quarantine")
    size = (9, 1.5 + 0.42 * len(rows))
    figure, (left, right) = plt.subplots(1, 2, figsize=size, sharey=True, layout="constrained")
    for axes, name, colour in ((left, "good", INK), (right, "quarantined", ACCENT)):
        bars = axes.barh(range(len(rows)), [row[name] for row in rows], 0.6, color=colour)
        axes.bar_label(bars, labels=[_told(row, name) for row in rows], fontsize=9)
        _by_table(axes, rows)
    left.margins(x=0.2)
    if not good:
        left.set_xlim(0, 1)
    right.margins(x=0.6)  # its labels are long
    share = _share(bad, good + bad)
    told = f"{bad:,} of {good + bad:,} rows, {share}, broke a rule and went to quarantine"
    figure.suptitle(told, x=0.01, ha="left")
    left.set_title("Good rows", loc="left", fontsize=10)
    right.set_title("Rows in quarantine, on a scale of their own", loc="left", fontsize=10)
    return figure


def _told(row: Mapping[str, Any], name: str) -> str:
    """A number; of rows in quarantine also their share."""
    if name == "good" or not row[name]:
        return f" {row[name]:,}"
    return f" {row[name]:,}, {_share(row[name], row['good'] + row[name])} of its rows"


def _share(part: int, whole: int) -> str:
    share = 100 * part / whole
    return f"{share:.2g} %" if share < 1 else f"{share:.1f} %"


def _by_table(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    axes.set_yticks(range(len(rows)), [row["table"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)  # the first on top
    axes.margins(x=0.15)
    axes.set_xlabel("rows")
    axes.locator_params(axis="x", integer=True, nbins=6)
    tidy(axes)
