"""The seven indicators are what their definitions say: computed again from the source with pandas,
and computed by hand for a small case that is all edges."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

from etl_lib.warehouse import Warehouse
from workbench import execution, pipeline
from workbench.mysql import seed
from workbench.mysql.server import Server
from workbench.preparation import prepare
from workbench.stack import Stack

from .emptied import emptied

BY_HAND, SAMPLE = "indicators_by_hand", "indicators_sample"
CENT = Decimal("0.01")

Rows = list[tuple[Any, ...]]
Found = dict[str, Rows]

PRICES = "average_listing_price_weekly"
OCCUPANCY = "occupancy_rate_monthly"
LOCATIONS = "popular_locations_weekly"
LISTINGS = "top_listings_weekly"
USERS = "bookings_per_user_weekly"
STAYS = "average_stay_duration_monthly"
REPEATS = "repeat_customer_rate_monthly"
INDICATORS = (PRICES, OCCUPANCY, LOCATIONS, LISTINGS, USERS, STAYS, REPEATS)


def run(stack: Stack, database: str) -> Found:
    """One run of the pipeline from ``database`` into an empty warehouse: all that it computed."""
    made = emptied(stack)
    prepared = prepare(made, pipeline.CONTRACT, stack.server.secret(database), "", "")
    summary = execution.run(made, prepared, Console(quiet=True))
    assert summary.status == "SUCCEEDED", summary.error
    with made.active():
        warehouse = Warehouse("rental-apartments", "dev", "")
        queries = {name: f"SELECT * FROM presentation.{name}" for name in INDICATORS}
        for table in ("apartments", "bookings"):
            queries[f"quarantine.{table}"] = (
                f"SELECT _rule, COUNT(*) AS n FROM quarantine.{table} GROUP BY _rule"
            )
        found = {name: _rows(warehouse, query) for name, query in queries.items()}
    emptied(stack)  # its bookmarks mark this database, and nobody else's run could go on
    return found


def _rows(warehouse: Warehouse, query: str) -> Rows:
    return ordered(tuple(map(_plain, row.values())) for row in warehouse.rows(query))


def _plain(value: Any) -> Any:
    """Days and decimals come as text through the Data API."""
    if isinstance(value, str) and value[4:5] == value[7:8] == "-":
        return date.fromisoformat(value)
    try:
        return Decimal(value) if isinstance(value, str) else value
    except ArithmeticError:
        return value


def ordered(rows: Any) -> Rows:
    return sorted(rows, key=repr)


# By hand.

HAND = {
    "apartments": """
        (1, 'a', 's',  100, 'USD', '2024-12-29 23:59:59', 1, '2025-01-05'),
        (2, 'b', 's',  200, 'EUR', '2024-12-30 00:00:00', 1, '2025-01-05'),
        (3, 'c', 's',  260, 'GBP', '2025-01-05 23:59:59', 1, '2025-01-05'),
        (4, 'd', 's',  999, 'USD', '2024-12-30 00:00:00', 0, '2025-01-05'),
        (5, 'e', 's', 1000, 'JPY', '2024-12-31 00:00:00', 1, '2025-01-05'),
        (6, 'f', 's',   -1, 'USD', '2024-12-31 00:00:00', 1, '2025-01-05'),
        (7, 'g', 's', NULL, 'USD', '2024-12-30 00:00:00', 1, '2025-01-05'),
        (8, 'h', 's',   80, 'usd', '2025-01-06 00:00:00', 1, '2025-01-06')""",
    "apartment_attributes (id, cityname, state)": """
        (1, 'Springfield', 'IL'), (2, 'Springfield', 'ma'), (3, 'Århus', 'DK'),
        (4, 'Boston', ' MA '), (5, 'null', 'null'), (6, '', ''), (7, NULL, NULL), (8, 'X', 'Y')""",
    "apartment_viewings": "(1, 1, '2024-12-30', 'y', 'call')",
    "fx_rates": """
        ('2024-02-29', 'EUR', 1.1), ('2024-12-29', 'EUR', 9), ('2024-12-30', 'EUR', 1.5),
        ('2025-01-01', 'EUR', 1.25), ('2025-01-05', 'GBP', 2)""",
    "bookings (booking_id, user_id, apartment_id, booking_date, checkin_date, checkout_date, "
    "total_price, currency, booking_status)": """
        -- over 29 February and the month's end; the next one has one of its nights again
        (1, 1, 1, '2024-02-29', '2024-02-28', '2024-03-02', 100, 'EUR', 'confirmed'),
        (2, 2, 1, '2024-02-26', '2024-02-29', '2024-03-01',  90, 'USD', 'confirmed'),
        -- over the year's end; the day of check-out is the next one's first night
        (3, 1, 2, '2024-12-29', '2024-12-30', '2025-01-02', 300, 'USD', 'confirmed'),
        (4, 3, 2, '2024-12-30', '2025-01-02', '2025-01-03', 100, 'EUR', 'confirmed'),
        -- an apartment that is not active is not offered; its revenue equals the one before
        (5, 3, 4, '2025-01-05', '2025-01-10', '2025-01-12', 150, 'USD', 'Confirmed'),
        -- what is not confirmed counts nowhere
        (6, 4, 3, '2024-12-31', '2025-01-01', '2025-01-31', 999, 'USD', 'canceled'),
        (7, 4, 3, '2024-12-31', '2025-01-01', '2025-01-31', 999, 'USD', 'pending'),
        -- quarantined: no nights, less than none, no rate of that day, an unknown status
        (8, 4, 3, '2024-12-31', '2025-01-01', '2025-01-01', 999, 'USD', 'confirmed'),
        (9, 4, 3, '2024-12-31', '2025-01-02', '2025-01-01', 999, 'USD', 'confirmed'),
        (10, 4, 3, '2024-12-31', '2025-01-01', '2025-01-02', 999, 'EUR', 'confirmed'),
        (11, 4, 3, '2024-12-31', '2025-01-01', '2025-01-02', 999, 'USD', 'lost'),
        -- 30 days apart in one month; 31 days; 30 days over a month's end
        (12, 5, 4, '2025-03-01', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        (13, 5, 4, '2025-03-31', '2025-06-01', '2025-06-03', 10, 'USD', 'confirmed'),
        (14, 6, 4, '2025-03-01', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        (15, 6, 4, '2025-04-01', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        (16, 7, 4, '2025-03-02', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        (17, 7, 4, '2025-04-01', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        -- 30 days to 29 February; 31 days, and a canceled one between
        (18, 8, 4, '2024-01-30', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        (19, 8, 4, '2024-02-29', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        (20, 9, 4, '2024-01-29', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        (21, 9, 4, '2024-02-29', '2025-06-01', '2025-06-02', 10, 'USD', 'confirmed'),
        (22, 9, 4, '2024-02-15', '2025-06-01', '2025-06-02', 10, 'USD', 'canceled'),
        -- the place after two that are equal
        (23, 10, 3, '2025-01-01', '2025-05-31', '2025-06-01', 100, 'EUR', 'confirmed'),
        (24, 11, 3, '2024-03-01', '2025-05-30', '2025-05-31', 5, 'USD', 'confirmed')""",
}

W2024_05, W2024_09, W2024_52 = date(2024, 1, 29), date(2024, 2, 26), date(2024, 12, 23)
W2025_01, W2025_02 = date(2024, 12, 30), date(2025, 1, 6)
W2025_09, W2025_14 = date(2025, 2, 24), date(2025, 3, 31)


def month(year: int, number: int) -> date:
    return date(year, number, 1)


def exact(*texts: str) -> tuple[Decimal, ...]:
    return tuple(map(Decimal, texts))


EXPECTED: dict[str, Rows] = {
    PRICES: [
        (W2024_52, 1, *exact("100.00", "100.00")),
        (W2025_01, 3, *exact("306.67", "300.00")),  # 100, 200 x 1.5, 260 x 2
        (W2025_02, 4, *exact("250.00", "200.00")),  # and 80
    ],
    OCCUPANCY: [  # five apartments are active and not in quarantine
        (month(2024, 2), 2, 145, Decimal("0.013793")),
        (month(2024, 3), 1, 155, Decimal("0.006452")),
        (month(2024, 12), 2, 155, Decimal("0.012903")),
        (month(2025, 1), 2, 155, Decimal("0.012903")),
        (month(2025, 5), 2, 155, Decimal("0.012903")),
    ],
    LOCATIONS: [
        (W2024_05, 1, "Boston", "MA", 2),
        (W2024_09, 1, "Boston", "MA", 2),
        (W2024_09, 1, "Springfield", "IL", 2),
        (W2024_09, 2, "Århus", "DK", 1),
        (W2024_52, 1, "Springfield", "MA", 1),
        (W2025_01, 1, "Boston", "MA", 1),
        (W2025_01, 1, "Springfield", "MA", 1),
        (W2025_01, 1, "Århus", "DK", 1),
        (W2025_09, 1, "Boston", "MA", 3),
        (W2025_14, 1, "Boston", "MA", 3),
    ],
    LISTINGS: [
        (W2024_05, 1, 4, 2, Decimal("20.00")),
        (W2024_09, 1, 1, 2, Decimal("200.00")),  # 100 x 1.1 and 90
        (W2024_09, 2, 4, 2, Decimal("20.00")),
        (W2024_09, 3, 3, 1, Decimal("5.00")),
        (W2024_52, 1, 2, 1, Decimal("300.00")),
        (W2025_01, 1, 2, 1, Decimal("150.00")),
        (W2025_01, 1, 4, 1, Decimal("150.00")),
        (W2025_01, 2, 3, 1, Decimal("125.00")),
        (W2025_09, 1, 4, 3, Decimal("30.00")),
        (W2025_14, 1, 4, 3, Decimal("30.00")),
    ],
    USERS: [
        *((W2024_05, user, 1) for user in (8, 9)),
        *((W2024_09, user, 1) for user in (1, 2, 8, 9, 11)),
        (W2024_52, 1, 1),
        (W2025_01, 3, 2),
        (W2025_01, 10, 1),
        *((W2025_09, user, 1) for user in (5, 6, 7)),
        *((W2025_14, user, 1) for user in (5, 6, 7)),
    ],
    STAYS: [
        (month(2024, 2), 2, Decimal("2.000")),
        (month(2024, 12), 1, Decimal("3.000")),
        (month(2025, 1), 2, Decimal("1.500")),
        (month(2025, 5), 2, Decimal("1.000")),
        (month(2025, 6), 10, Decimal("1.100")),
    ],
    REPEATS: [
        (month(2024, 1), 2, 0, Decimal("0.000000")),
        (month(2024, 2), 4, 1, Decimal("0.250000")),
        (month(2024, 3), 1, 0, Decimal("0.000000")),
        (month(2024, 12), 2, 0, Decimal("0.000000")),
        (month(2025, 1), 2, 1, Decimal("0.500000")),
        (month(2025, 3), 3, 1, Decimal("0.333333")),
        (month(2025, 4), 2, 1, Decimal("0.500000")),
    ],
    "quarantine.apartments": [("price_is_not_negative", 1), ("rate_is_known", 1)],
    "quarantine.bookings": [("rate_is_known", 1), ("status_is_known", 1), ("stay_has_nights", 2)],
}


@pytest.fixture(scope="module")
def by_hand(stack: Stack) -> Found:
    seed.create_tables(stack.server, BY_HAND, replace=True)
    with stack.server.cursor(BY_HAND) as cursor:
        for table, rows in HAND.items():
            cursor.execute(f"INSERT INTO {table} VALUES {rows}")
    return run(stack, BY_HAND)


@pytest.mark.parametrize("name", EXPECTED)
def test_an_indicator_is_what_was_computed_by_hand(by_hand: Found, name: str) -> None:
    assert by_hand[name] == ordered(EXPECTED[name])


# By pandas.


@pytest.fixture(scope="module")
def sample(stack: Stack) -> tuple[Found, dict[str, Any]]:
    seed.seed(stack.server, SAMPLE, rows=500)
    return run(stack, SAMPLE), {name: read(stack.server, name) for name in seed.TABLES}


def read(server: Server, table: str) -> Any:
    with server.cursor(SAMPLE) as cursor:
        cursor.execute(f"SELECT * FROM {table}")
        names = [each[0] for each in cursor.description]
        return pd.DataFrame(cursor.fetchall(), columns=names, dtype=object)


def monday(day: date) -> date:
    return day - timedelta(days=day.isoweekday() - 1)


def first(day: date) -> date:
    return day.replace(day=1)


def rounded(value: Any, digits: str = "0.01") -> Decimal:
    return Decimal(value).quantize(Decimal(digits), ROUND_HALF_UP)


def dollars(frame: Any, rates: Any, day: str, amount: str) -> Any:
    """``frame`` without the rows that need a rate that is not there, and with a column ``usd``."""
    frame = frame.assign(
        currency=frame.currency.str.strip().str.upper(),
        day=[each.date() if isinstance(each, datetime) else each for each in frame[day]],
    )
    known = rates.rename(columns={"rate_date": "day", "usd_per_unit": "rate"})
    frame = frame.merge(known, how="left", on=["day", "currency"])
    frame.loc[frame.currency == "USD", "rate"] = Decimal(1)
    frame = frame[frame.rate.notna() | frame[amount].isna()]
    usd = [
        None if pd.isna(price) else rounded(price * rate)
        for price, rate in zip(frame[amount], frame.rate, strict=True)
    ]
    return frame.assign(usd=usd)


def clean_bookings(source: dict[str, Any]) -> Any:
    found = source["bookings"]
    found = found[found.checkout_date > found.checkin_date]
    found = found.assign(status=found.booking_status.str.strip().str.lower())
    found = found[found.status.isin(["confirmed", "canceled", "pending"])]
    return dollars(found, source["fx_rates"], "booking_date", "total_price")


def confirmed(source: dict[str, Any]) -> Any:
    found = clean_bookings(source)
    found = found[found.status == "confirmed"]
    return found.assign(
        week=found.booking_date.map(monday),
        month=found.booking_date.map(first),
        nights=[
            (out - in_).days
            for in_, out in zip(found.checkin_date, found.checkout_date, strict=True)
        ],
    )


def clean_apartments(source: dict[str, Any]) -> Any:
    found = source["apartments"]
    found = found[found.price.isna() | ~(found.price < 0)]
    return dollars(found, source["fx_rates"], "listing_created_on", "price")


def dense(counts: Any, by: str) -> Any:
    place = counts.groupby("week")[by].rank(method="dense", ascending=False).astype(int)
    return counts.assign(place=place)[place <= 10]


def prices(source: dict[str, Any]) -> Rows:
    found = clean_apartments(source)
    week = monday(found.listing_created_on.min().date())
    last = found.last_modified_timestamp.max().date()
    active = found[(found.is_active == 1) & found.usd.notna()]
    rows: Rows = []
    while week <= last:
        sunday = week + timedelta(days=6)
        usd = sorted(active.usd[[each.date() <= sunday for each in active.listing_created_on]])
        if usd:
            middle = (usd[(len(usd) - 1) // 2] + usd[len(usd) // 2]) / 2
            rows.append((week, len(usd), rounded(sum(usd) / len(usd)), rounded(middle)))
        week += timedelta(days=7)
    return rows


def occupancy(source: dict[str, Any]) -> Rows:
    apartments = clean_apartments(source)
    active = set(apartments.id[apartments.is_active == 1])
    sold = {
        (stay.apartment_id, stay.checkin_date + timedelta(days=night))
        for stay in confirmed(source).itertuples()
        if stay.apartment_id in active
        for night in range(stay.nights)
    }
    nights = pd.Series([first(night) for _, night in sold]).value_counts()
    rows: Rows = []
    for month, count in nights.items():
        offered = len(active) * pd.Period(month, "M").days_in_month
        rows.append((month, count, offered, rounded(Decimal(count) / offered, "0.000001")))
    return rows


def locations(source: dict[str, Any]) -> Rows:
    found = confirmed(source).merge(
        source["apartment_attributes"], left_on="apartment_id", right_on="id"
    )
    found["cityname"] = found.cityname.str.strip().replace({"null": None, "": None})
    found["state"] = found.state.str.strip().str.upper().replace({"NULL": None, "": None})
    found = found[found.cityname.notna()]
    keys = ["week", "cityname", "state"]
    counts = found.groupby(keys, dropna=False).size().reset_index(name="n")
    ranked = dense(counts, "n")
    return [(r.week, r.place, r.cityname, r.state or None, r.n) for r in ranked.itertuples()]


def listings(source: dict[str, Any]) -> Rows:
    found = confirmed(source)
    found = found[found.usd.notna()]
    groups = found.groupby(["week", "apartment_id"]).usd
    sums = groups.agg(n="count", usd="sum").reset_index()
    sums["usd"] = sums.usd.map(lambda each: int(each * 100))  # in cents: ranked exactly
    return [
        (r.week, r.place, r.apartment_id, r.n, Decimal(r.usd) * CENT)
        for r in dense(sums, "usd").itertuples()
    ]


def users(source: dict[str, Any]) -> Rows:
    counts = confirmed(source).groupby(["week", "user_id"]).size()
    return [(*key, count) for key, count in counts.items()]


def stays(source: dict[str, Any]) -> Rows:
    found = confirmed(source)
    groups = found.nights.groupby(found.checkin_date.map(first))
    return [
        (month, len(nights), rounded(Decimal(int(nights.sum())) / len(nights), "0.001"))
        for month, nights in groups
    ]


def repeats(source: dict[str, Any]) -> Rows:
    """Every pair of a user's bookings is looked at, not just neighbours."""
    found = confirmed(source)[["booking_id", "user_id", "booking_date", "month"]]
    pairs = found.merge(found, on="user_id", suffixes=("", "_before"))
    apart = pairs.booking_date - pairs.booking_date_before
    later = (apart > timedelta(0)) | (
        (apart == timedelta(0)) & (pairs.booking_id > pairs.booking_id_before)
    )
    again = pairs[later & (apart <= timedelta(days=30))]
    customers = found.groupby("month").user_id.nunique()
    returned = again.groupby("month").user_id.nunique()
    rows: Rows = []
    for month, count in customers.items():
        n = int(returned.get(month, 0))
        rows.append((month, count, n, rounded(Decimal(n) / count, "0.000001")))
    return rows


COMPUTED = dict(
    zip(INDICATORS, (prices, occupancy, locations, listings, users, stays, repeats), strict=True)
)


@pytest.mark.parametrize("name", INDICATORS)
def test_an_indicator_is_what_pandas_makes_of_the_source(
    sample: tuple[Found, dict[str, Any]], name: str
) -> None:
    found, source = sample
    expected = ordered(COMPUTED[name](source))
    assert found[name] == expected
    assert len(expected) >= 12


def test_the_sample_has_what_must_be_set_aside(sample: tuple[Found, dict[str, Any]]) -> None:
    """Otherwise the comparison would not tell whether bad rows are left out."""
    found, source = sample
    for table, clean in (("apartments", clean_apartments), ("bookings", clean_bookings)):
        bad = len(source[table]) - len(clean(source))
        assert bad == sum(count for _, count in found[f"quarantine.{table}"]) > 0
