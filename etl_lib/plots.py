"""The pictures of the notebooks: each says what it shows, with its unit."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from etl_lib import claims

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, ACCENT, PALE = "#1f3a5f", "#d1495b", "#9fb8d1"
BROAD = 52  # characters of a title, at most, in one line


def counts(rows: Sequence[Mapping[str, Any]], columns: Sequence[str], title: str) -> Figure:
    """One bar a table and column: ``rows`` hold a "table" and the numbers named in ``columns``."""
    import matplotlib.pyplot as plt

    if not any(row[column] for row in rows for column in columns):
        return _nothing(title)
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
        return _nothing("Rows by verdict")
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


def indicators(frames: Mapping[str, pd.DataFrame]) -> Figure:
    """The indicators that a plot can tell, two by two, each under what it says."""
    import matplotlib.pyplot as plt

    drawn = [name for name in PANELS if name in frames and len(frames[name])]
    if not drawn:
        return _nothing("Indicators")
    lines = -(-len(drawn) // 2)
    figure = plt.figure(figsize=(11, 3.1 * lines), layout="constrained")
    grid = figure.add_gridspec(lines, 2)
    for number, name in enumerate(drawn):
        alone = number == len(drawn) - 1 and len(drawn) % 2
        axes = figure.add_subplot(grid[number // 2, :] if alone else grid[number // 2, number % 2])
        frame = numbers(frames[name])
        PANELS[name](axes, frame)
        claim = textwrap.fill(claims.of(name, frame), BROAD)
        axes.set_title(claim, loc="left", fontsize=10.5)
        tidy(axes)
    return figure


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


def numbers(frame: pd.DataFrame) -> pd.DataFrame:
    """Decimals come as texts; dates and names stay what they are."""
    import pandas as pd

    found = frame.copy()
    for name in found.columns:
        try:
            found[name] = pd.to_numeric(found[name])
        except (ValueError, TypeError):
            continue
    return found


def _by_table(axes: Axes, rows: Sequence[Mapping[str, Any]]) -> None:
    axes.set_yticks(range(len(rows)), [row["table"] for row in rows])
    axes.set_ylim(len(rows) - 0.5, -0.5)  # the first on top
    axes.margins(x=0.15)
    axes.set_xlabel("rows")
    axes.locator_params(axis="x", integer=True, nbins=6)
    tidy(axes)


def _nothing(title: str) -> Figure:
    """A picture that says so: a run without changes has nothing to draw."""
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 1.2), layout="constrained")
    axes.set_axis_off()
    axes.set_title(title, loc="left")
    axes.text(0, 0.5, "nothing in this run", color=INK)
    return figure


def _price(axes: Axes, frame: pd.DataFrame) -> None:
    weeks = _dates(frame["week"])
    axes.plot(weeks, frame["average_usd"], color=INK, label="mean")
    axes.plot(weeks, frame["median_usd"], color=ACCENT, label="median")
    axes.set(ylabel="USD a month", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8, loc="lower left")


def _occupancy(axes: Axes, frame: pd.DataFrame) -> None:
    axes.bar(_dates(frame["month"]), 100 * frame["occupancy"], width=24, color=INK)
    axes.set(ylabel="% of nights offered")


def _locations(axes: Axes, frame: pd.DataFrame) -> None:
    best = frame.groupby(["cityname", "state"])["bookings"].sum().nlargest(8)[::-1]
    axes.barh([f"{city}, {state}" for city, state in best.index], best.values, color=INK)
    axes.set(xlabel="confirmed bookings in top-ten weeks")


def _listings(axes: Axes, frame: pd.DataFrame) -> None:
    best = frame.groupby("week")["revenue_usd"].max()
    axes.plot(_dates(best.index), best.values, color=INK)
    axes.set(ylabel="USD of the week's best", ylim=(0, None))


def _users(axes: Axes, frame: pd.DataFrame) -> None:
    mean = frame.groupby("week")["bookings"].mean()
    axes.plot(_dates(mean.index), mean.values, color=INK)
    axes.set(ylabel="bookings a booking user")


def _stays(axes: Axes, frame: pd.DataFrame) -> None:
    axes.bar(_dates(frame["month"]), frame["average_nights"], width=24, color=INK)
    axes.set(ylabel="nights, by check-in")


def _repeat(axes: Axes, frame: pd.DataFrame) -> None:
    share = 100 * frame["repeat_rate"]
    axes.plot(_dates(frame["month"]), share, color=ACCENT, marker="o", markersize=3)
    axes.set(ylabel="% of booking users", ylim=(0, None))


PANELS: dict[str, Callable[[Axes, pd.DataFrame], None]] = {
    "average_listing_price_weekly": _price,
    "occupancy_rate_monthly": _occupancy,
    "popular_locations_weekly": _locations,
    "top_listings_weekly": _listings,
    "bookings_per_user_weekly": _users,
    "average_stay_duration_monthly": _stays,
    "repeat_customer_rate_monthly": _repeat,
}


def _dates(values: Any) -> Any:
    import pandas as pd

    return pd.to_datetime(values)
