"""What each indicator says, in a sentence: the title of its plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Frame = Any  # a pandas.DataFrame whose numbers are numbers


def of(name: str, frame: Frame) -> str:
    """Raises KeyError if the indicator, or a column of it, is not the sample's."""
    return CLAIMS[name](frame)


def _price(frame: Frame) -> str:
    import pandas as pd

    last = frame.iloc[-1]
    said = f"A listing costs {last['average_usd']:,.0f} USD a month on average"
    year = pd.to_datetime(last["week"]) - pd.Timedelta(weeks=52)
    then = frame[pd.to_datetime(frame["week"]) == year]
    if not len(then) or not then.iloc[0]["average_usd"]:
        return f"{said} in the week of {last['week']}"
    change = 100 * (last["average_usd"] / then.iloc[0]["average_usd"] - 1)
    if abs(change) < 0.05:  # it would be told as 0.0 %
        return f"{said}, as much as a year before"
    return f"{said}, {abs(change):.1f} % {'more' if change > 0 else 'less'} than a year before"


def _occupancy(frame: Frame) -> str:
    best = frame.loc[frame["occupancy"].idxmax()]
    return f"At best, in {_month(best)}, {100 * best['occupancy']:.1f} % of the nights were sold"


def _locations(frame: Frame) -> str:
    count = frame.groupby(["cityname", "state"])["bookings"].sum()
    city, state = count.idxmax()
    return f"{city}, {state} is booked most: {count.max():,.0f} times, in weekly top tens"


def _listings(frame: Frame) -> str:
    best = frame.loc[frame["revenue_usd"].idxmax()]
    usd = f"{best['revenue_usd']:,.0f}"
    return f"No listing earned more in a week than {usd} USD, in that of {best['week']}"


def _users(frame: Frame) -> str:
    mean = frame.groupby("week")["bookings"].mean()
    return f"Who books in a week books {mean.min():.2f} to {mean.max():.2f} times"


def _stays(frame: Frame) -> str:
    nights = (frame["stays"] * frame["average_nights"]).sum() / frame["stays"].sum()
    return f"A stay has {nights:.1f} nights on average"


def _repeat(frame: Frame) -> str:
    last = frame.iloc[-1]
    share = f"{100 * last['repeat_rate']:.0f} %"
    return f"{share} of the users who booked in {_month(last)} had booked within 30 days before"


CLAIMS: dict[str, Callable[[Frame], str]] = {
    "average_listing_price_weekly": _price,
    "occupancy_rate_monthly": _occupancy,
    "popular_locations_weekly": _locations,
    "top_listings_weekly": _listings,
    "bookings_per_user_weekly": _users,
    "average_stay_duration_monthly": _stays,
    "repeat_customer_rate_monthly": _repeat,
}


def _month(row: Any) -> str:
    import pandas as pd

    return f"{pd.to_datetime(row['month']):%B %Y}"
