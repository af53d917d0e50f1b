"""The pictures of the notebooks: each says what it shows, with its unit."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, ACCENT, PALE = "#1f3a5f", "#d1495b", "#9fb8d1"


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
    axes.set_yticks(range(len(rows)), [row["table"] for row in rows])
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.set_xlabel("rows")
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if len(columns) > 1:
        axes.legend(frameon=False, fontsize=8, loc="lower right")
    return figure


def indicators(frames: Mapping[str, pd.DataFrame]) -> Figure:
    """The indicators that a plot can tell, side by side, by their names."""
    import matplotlib.pyplot as plt

    drawn = [name for name in PANELS if name in frames and len(frames[name])]
    if not drawn:
        return _nothing("Indicators")
    figure, grid = plt.subplots(
        -(-len(drawn) // 2) or 1,
        2,
        figsize=(11, 3.1 * (-(-len(drawn) // 2) or 1)),
        layout="constrained",
        squeeze=False,
    )
    for axes, name in zip(grid.flat, drawn):
        PANELS[name](axes, frames[name])
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(axis="x", labelrotation=30, labelsize=8)
    for axes in list(grid.flat)[len(drawn) :]:
        axes.set_axis_off()
    return figure


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
    axes.plot(weeks, _numbers(frame["average_usd"]), color=INK, label="mean")
    axes.plot(weeks, _numbers(frame["median_usd"]), color=ACCENT, label="median")
    axes.set(ylabel="USD a month", ylim=(0, None))
    axes.legend(frameon=False, fontsize=8)
    axes.set_title("Average listing price by week", loc="left")


def _occupancy(axes: Axes, frame: pd.DataFrame) -> None:
    axes.bar(_dates(frame["month"]), 100 * _numbers(frame["occupancy"]), width=24, color=INK)
    axes.set(ylabel="% of nights offered")
    axes.set_title("Occupancy by month", loc="left")


def _locations(axes: Axes, frame: pd.DataFrame) -> None:
    frame = frame.assign(n=_numbers(frame["bookings"]))
    best = frame.groupby(["cityname", "state"])["n"].sum().nlargest(8)[::-1]
    axes.barh([f"{city}, {state}" for city, state in best.index], best.values, color=INK)
    axes.set(xlabel="confirmed bookings in top-ten weeks")
    axes.set_title("Most booked locations, all weeks", loc="left")


def _listings(axes: Axes, frame: pd.DataFrame) -> None:
    best = frame.assign(usd=_numbers(frame["revenue_usd"])).groupby("week")["usd"].max()
    axes.plot(_dates(best.index), best.values, color=INK)
    axes.set(ylabel="USD", ylim=(0, None))
    axes.set_title("Revenue of each week's best listing", loc="left")


def _users(axes: Axes, frame: pd.DataFrame) -> None:
    mean = frame.assign(n=_numbers(frame["bookings"])).groupby("week")["n"].mean()
    axes.plot(_dates(mean.index), mean.values, color=INK)
    axes.set(ylabel="bookings a booking user")
    axes.set_title("Bookings per user by week", loc="left")


def _stays(axes: Axes, frame: pd.DataFrame) -> None:
    axes.bar(_dates(frame["month"]), _numbers(frame["average_nights"]), width=24, color=INK)
    axes.set(ylabel="nights")
    axes.set_title("Average stay by month of check-in", loc="left")


def _repeat(axes: Axes, frame: pd.DataFrame) -> None:
    share = 100 * _numbers(frame["repeat_rate"])
    axes.plot(_dates(frame["month"]), share, color=ACCENT, marker="o", markersize=3)
    axes.set(ylabel="% of booking users", ylim=(0, None))
    axes.set_title("Users who had booked within 30 days before", loc="left")


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


def _numbers(values: Any) -> Any:
    import pandas as pd

    return pd.to_numeric(values)
