"""The indicators as their contract wants them drawn: what the last stage and the report show."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from etl_lib import claims
from etl_lib.identifiers import folded, redshift
from etl_lib.plot_settings import OF_PERIOD

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from etl_lib.contract import Indicator
    from etl_lib.plot_settings import Plot

INK, ACCENT, PALE = "#1f3a5f", "#d1495b", "#9fb8d1"
BROAD = 52  # characters of a title, at most, in one line
RANKED = 8
MARKED = 36  # periods, at most, whose points are told apart


def indicators(wanted: Sequence[Indicator], frames: Mapping[str, pd.DataFrame]) -> Figure:
    """Those that have a plot and rows, two by two, each under what it says. ``frames`` by name."""
    import matplotlib.pyplot as plt

    drawn = [each for each in wanted if each.plot and len(frames.get(each.name, ()))]
    if not drawn:
        return nothing("Indicators")
    lines = -(-len(drawn) // 2)
    made = plt.figure(figsize=(11, 3.1 * lines), layout="constrained")
    grid = made.add_gridspec(lines, 2)
    for number, each in enumerate(drawn):
        alone = number == len(drawn) - 1 and len(drawn) % 2
        axes = made.add_subplot(grid[number // 2, :] if alone else grid[number // 2, number % 2])
        claim = draw(axes, each, frames[each.name])
        axes.set_title(textwrap.fill(_plain(claim), BROAD), loc="left", fontsize=10.5)
    return made


def draw(axes: Axes, indicator: Indicator, frame: pd.DataFrame) -> str:
    """Draw an indicator that has a plot; returns its claim. What cannot be drawn is said in its
    place: the rows are there, and no run fails for a picture of them."""
    plot, period = indicator.plot, folded(indicator.period)
    assert plot is not None
    try:
        shown = points(plot, period, frame)
        DRAWINGS[plot.kind](axes, plot, period, shown)
        tidy(axes)
        return claims.of(indicator.title, plot.claim, plot.y[0], period, shown)
    except Exception as error:
        axes.clear()
        axes.set_axis_off()
        told = f"cannot be drawn: {type(error).__name__}: {error}"
        axes.text(0, 0.5, textwrap.fill(_plain(told), BROAD), color=INK, transform=axes.transAxes)
        return indicator.title


def query(indicator: Indicator) -> str:
    """What reads no more of the presentation table than its plot needs; all of it without one."""
    table, plot = redshift("presentation", folded(indicator.name)), indicator.plot
    if plot is None or not (plot.by or plot.of_period):
        return f"SELECT * FROM {table} ORDER BY 1, 2"
    group = ", ".join(redshift(folded(name)) for name in plot.by or (indicator.period,))
    how = OF_PERIOD[plot.of_period or "sum"]
    values = ", ".join(
        f"{how}(CAST({name} AS DOUBLE PRECISION)) AS {name}"
        for name in (redshift(folded(column)) for column in plot.y)
    )
    return f"SELECT {group}, {values} FROM {table} GROUP BY {group} ORDER BY {group}"


def points(plot: Plot, period: str, frame: pd.DataFrame) -> pd.DataFrame:
    """What is drawn of an indicator's rows: one a period, or one of those that are ranked."""
    import pandas as pd

    y, by = list(plot.y), list(plot.by)
    shown = frame.copy()
    for name in set(shown) - {period, *by}:  # decimals come as texts, and no value as a dash
        values = pd.to_numeric(shown[name], errors="coerce")
        if name in y or values.notna().all():
            shown[name] = values
    if plot.factor != 1:
        shown[y] = shown[y] * plot.factor
    if by:
        sums = shown.groupby(by, as_index=False, dropna=False)[y].sum(min_count=1)
        return sums.nlargest(RANKED, y)
    shown[period] = pd.to_datetime(shown[period], format="ISO8601", errors="coerce")
    shown = shown.dropna(subset=[period])
    if plot.of_period:
        least = {"min_count": 1} if plot.of_period == "sum" else {}
        return getattr(shown.groupby(period, as_index=False)[y], plot.of_period)(**least)
    return shown.sort_values(period)


def _line(axes: Axes, plot: Plot, period: str, shown: pd.DataFrame) -> None:
    shown, broken = _broken(shown, period)
    marker = "o" if len(shown) <= MARKED or broken else ""
    for number, column in enumerate(plot.y):
        label = _plain(plot.names[number] if plot.names else column.replace("_", " "))
        colour = (INK, ACCENT, PALE)[number % 3]
        axes.plot(
            shown[period], shown[column], color=colour, label=label, marker=marker, markersize=3
        )
    axes.set(ylabel=_plain(plot.unit))
    least, most = shown[list(plot.y)].min().min(), shown[list(plot.y)].max().max()
    if plot.from_zero and least >= 0 and most:
        axes.set(ylim=(0, 1.08 * most))
    if len(plot.y) > 1:
        axes.legend(frameon=False, fontsize=8, loc="lower left")


def _broken(shown: pd.DataFrame, period: str) -> tuple[pd.DataFrame, bool]:
    """With a row of nothing where periods are missing: no line goes across. And whether any are."""
    import pandas as pd

    apart = shown[period].diff()
    steps = apart[apart > timedelta()]
    wide = apart > (3 * steps.median() if len(steps) else timedelta())
    if not wide.any():
        return shown, False
    gaps = pd.DataFrame({period: shown[period][wide] - apart[wide] / 2})
    return pd.concat([shown, gaps]).sort_values(period), True


def _bars(axes: Axes, plot: Plot, period: str, shown: pd.DataFrame) -> None:
    apart = shown[period].drop_duplicates().diff().min()
    width: Any = 0.8 * (apart if apart == apart else timedelta(days=1))
    axes.bar(shown[period], shown[plot.y[0]], width=width, color=INK)
    axes.set(ylabel=_plain(plot.unit))


def _ranking(axes: Axes, plot: Plot, period: str, shown: pd.DataFrame) -> None:
    names = [", ".join(map(str, row)) for row in shown[list(plot.by)].itertuples(index=False)]
    places = range(len(names), 0, -1)
    axes.barh(places, shown[plot.y[0]], color=INK)
    axes.set_yticks(places, map(_plain, names))
    axes.set(xlabel=_plain(plot.unit))


DRAWINGS = {"line": _line, "bars": _bars, "ranking": _ranking}


def _plain(text: str) -> str:
    """Two dollars in a text are no formula."""
    return text.replace("$", r"\$")


def tidy(axes: Axes) -> None:
    """Thousands with a comma, dates as short as they can be told, no frame."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
    from matplotlib.ticker import ScalarFormatter

    axes.spines[["top", "right"]].set_visible(False)
    for axis in (axes.xaxis, axes.yaxis):
        if isinstance(axis.get_major_formatter(), ScalarFormatter):
            axis.set_major_formatter("{x:,.6g}")
    if isinstance(axes.xaxis.get_major_locator(), AutoDateLocator):
        dates = AutoDateLocator(maxticks=11)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(dates)
        concise = ConciseDateFormatter(dates, show_offset=False)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_formatter(concise)


def nothing(title: str) -> Figure:
    """A picture that says so: a run without changes has nothing to draw."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 1.2), layout="constrained")
    axes.set_axis_off()
    axes.set_title(title, loc="left")
    axes.text(0, 0.5, "nothing in this run", color=INK)
    return figure
