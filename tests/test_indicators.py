"""The seven indicators: against a calculation of their own, and against dates by hand."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
import pytest

from workbench import pipeline
from workbench.drill.lane import Lane
from workbench.home import Home
from workbench.mysql import seed
from workbench.mysql.server import Server

EDGES = (
    "INSERT INTO apartments VALUES "
    "(1, 'a', 's', 1000, 'USD', '2024-12-30 00:00:00', 1, '2025-01-06 00:00:00'), "
    "(2, 'b', 's', 500, ' eur', '2024-02-29 23:59:59', 1, '2024-03-01 00:00:00'), "
    "(3, 'c', 's', 300, 'USD', '2024-02-29 00:00:00', 0, '2024-03-01 00:00:00'), "
    "(4, 'no rate', 's', 100, 'GBP', '2024-02-29 00:00:00', 1, '2024-03-01 00:00:00')",
    "INSERT INTO apartment_attributes (id, cityname, state) VALUES "
    "(1, 'Austin', 'tx'), (2, 'null', 'TX'), (3, 'Austin ', 'TX'), (4, 'Waco', 'TX')",
    "INSERT INTO apartment_viewings VALUES (1, 1, '2025-01-01 00:00:00', 'y', 'x')",
    "INSERT INTO fx_rates VALUES ('2024-02-29', 'EUR', 1.1), ('2024-01-31', 'EUR', 1.2), "
    "('2024-03-02', 'EUR', 1.005)",
    "INSERT INTO bookings (booking_id, user_id, apartment_id, booking_date, checkin_date, "
    "checkout_date, total_price, currency, booking_status) VALUES "
    # over New Year; the Monday is of 2024 and of ISO year 2025
    "(1, 1, 1, '2024-12-30', '2024-12-31', '2025-01-02', 200, 'USD', 'confirmed'), "
    # exactly 30 days later
    "(2, 1, 1, '2025-01-29', '2025-02-01', '2025-02-02', 99.99, 'usd', 'Confirmed '), "
    # over 29 February; then 31 days later
    "(3, 2, 2, '2024-01-31', '2024-02-28', '2024-03-01', 100, 'EUR', 'confirmed'), "
    "(4, 2, 2, '2024-03-02', '2024-03-10', '2024-03-12', 100, 'EUR', 'confirmed'), "
    "(5, 5, 1, '2024-12-30', '2025-01-10', '2025-01-10', 50, 'USD', 'confirmed'), "
    "(6, 5, 1, '2024-12-30', '2025-01-10', '2025-01-09', 50, 'USD', 'confirmed'), "
    "(7, 5, 1, '2024-12-30', '2025-01-20', '2025-01-25', 50, 'USD', 'pending'), "
    "(8, 5, 2, '2024-02-01', '2024-02-02', '2024-02-04', 50, 'EUR', 'confirmed'), "
    # one night is let twice; Sunday is the last day of the same week
    "(9, 3, 1, '2025-01-05', '2025-01-01', '2025-01-03', 150, 'USD', 'confirmed'), "
    # an apartment that is not active
    "(10, 4, 3, '2025-01-05', '2025-01-15', '2025-01-18', 350, 'USD', 'confirmed')",
)
BY_HAND: dict[str, list[tuple[Any, ...]]] = {
    "occupancy_rate_monthly": [
        ("2024-02-01", 2, 58, "0.034483"),
        ("2024-03-01", 2, 62, "0.032258"),
        ("2024-12-01", 1, 62, "0.016129"),
        ("2025-01-01", 2, 62, "0.032258"),
        ("2025-02-01", 1, 56, "0.017857"),
    ],
    "average_stay_duration_monthly": [
        ("2024-02-01", 1, "2.000"),
        ("2024-03-01", 1, "2.000"),
        ("2024-12-01", 1, "2.000"),
        ("2025-01-01", 2, "2.500"),
        ("2025-02-01", 1, "1.000"),
    ],
    "repeat_customer_rate_monthly": [
        ("2024-01-01", 1, 0, "0.000000"),
        ("2024-03-01", 1, 0, "0.000000"),
        ("2024-12-01", 1, 0, "0.000000"),
        ("2025-01-01", 3, 1, "0.333333"),
    ],
    "bookings_per_user_weekly": [
        ("2024-01-29", 2, 1),
        ("2024-02-26", 2, 1),
        ("2024-12-30", 1, 1),
        ("2024-12-30", 3, 1),
        ("2024-12-30", 4, 1),
        ("2025-01-27", 1, 1),
    ],
    "top_listings_weekly": [
        ("2024-01-29", 1, 2, 1, "120.00"),
        ("2024-02-26", 1, 2, 1, "100.50"),
        ("2024-12-30", 1, 1, 2, "350.00"),
        ("2024-12-30", 1, 3, 1, "350.00"),
        ("2025-01-27", 1, 1, 1, "99.99"),
    ],
    "popular_locations_weekly": [
        ("2024-12-30", 1, "Austin", "TX", 3),
        ("2025-01-27", 1, "Austin", "TX", 1),
    ],
}


@pytest.fixture(scope="module")
def edges(tmp_path_factory: pytest.TempPathFactory, mysql_server: Server) -> Iterator[Lane]:
    lane = Lane(Home(tmp_path_factory.mktemp("edges")), mysql_server, "edges", pipeline.CONTRACT)
    seed.create_tables(mysql_server, lane.source.database)
    with mysql_server.cursor(lane.source.database) as cursor:
        for statement in EDGES:
            cursor.execute(statement)
    yield from _loaded(lane)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory, mysql_server: Server) -> Iterator[Lane]:
    lane = Lane(Home(tmp_path_factory.mktemp("sample")), mysql_server, "kpis", pipeline.CONTRACT)
    seed.seed(mysql_server, lane.source.database, rows=600)
    yield from _loaded(lane)


@pytest.mark.parametrize("name", BY_HAND)
def test_edge_dates_are_as_worked_out_by_hand(edges: Lane, name: str) -> None:
    assert [tuple(row.values()) for row in _indicator(edges, name)] == BY_HAND[name]


def test_a_listing_counts_from_the_week_in_which_it_was_created(edges: Lane) -> None:
    rows = {row["week"]: tuple(row.values())[1:] for row in _indicator(edges, AVERAGE)}
    assert min(rows) == "2024-02-26"
    assert max(rows) == "2025-01-06"
    assert len(rows) == 46
    one, both = (1, "550.00", "550.00"), (2, "775.00", "775.00")
    assert {rows[week] for week in rows if week < "2024-12-30"} == {one}
    assert rows["2024-12-30"] == rows["2025-01-06"] == both


def test_what_has_no_rate_or_no_night_is_set_aside_by_its_rule(edges: Lane) -> None:
    rows = edges.opened("x")[0].warehouse.rows(
        "SELECT booking_id AS id, _rule FROM quarantine.bookings "
        "UNION ALL SELECT -id, _rule FROM quarantine.apartments ORDER BY 1"
    )
    assert [(row["id"], row["_rule"]) for row in rows] == [
        (-4, "rate_is_known"),
        (5, "stay_has_nights"),
        (6, "stay_has_nights"),
        (8, "rate_is_known"),
    ]


AVERAGE = "average_listing_price_weekly"


@pytest.mark.parametrize("name", [*BY_HAND, AVERAGE])
def test_the_sample_gives_what_pandas_makes_of_the_source(sample: Lane, name: str) -> None:
    expected = {
        "occupancy_rate_monthly": _occupancy,
        "average_stay_duration_monthly": _stays,
        "repeat_customer_rate_monthly": _repeats,
        "bookings_per_user_weekly": _per_user,
        "top_listings_weekly": _top,
        "popular_locations_weekly": _popular,
        AVERAGE: _prices,
    }[name](_Source(sample))
    found = [tuple(row.values()) for row in _indicator(sample, name)]
    assert len(found) == len(expected) > 10
    for mine, theirs in zip(found, sorted(expected, key=_order), strict=True):
        for one, other in zip(mine, theirs, strict=True):
            if isinstance(other, float):
                assert abs(float(one) - other) <= 0.0051, (mine, theirs)
            else:
                assert str(one) == str(other), (mine, theirs)


class _Source:
    """The source's tables as pandas reads them, without the rows that the rules set aside."""

    def __init__(self, lane: Lane) -> None:
        self._reader = lane.opened("x")[1]
        rates = self._table("fx_rates")
        self.rates = {(row.rate_date, row.currency): row.usd_per_unit for row in rates.itertuples()}
        apartments = self._table("apartments")
        apartments["usd"] = [
            self._usd(row.price, row.currency, row.listing_created_on.date())
            for row in apartments.itertuples()
        ]
        bad = apartments.price.notna() & (apartments.usd.isna() | (apartments.price < 0))
        self.apartments = apartments[~bad]
        bookings = self._table("bookings")
        bookings["usd"] = [
            self._usd(row.total_price, row.currency, row.booking_date)
            for row in bookings.itertuples()
        ]
        bookings["status"] = bookings.booking_status.str.strip().str.lower()
        rated = [
            row.currency.strip().upper() == "USD"
            or (row.booking_date, row.currency.strip().upper()) in self.rates
            for row in bookings.itertuples()
        ]
        kept = bookings[(bookings.checkout_date > bookings.checkin_date) & pd.Series(rated)]
        self.confirmed = kept[kept.status == "confirmed"].copy()
        days = pd.to_datetime(self.confirmed.booking_date)
        self.confirmed["day"] = days
        self.confirmed["week"] = (days - pd.to_timedelta(days.dt.weekday, "D")).dt.date
        self.confirmed["month"] = days.dt.to_period("M").dt.start_time.dt.date
        self.attributes = self._table("apartment_attributes")

    def _table(self, name: str) -> pd.DataFrame:
        return pd.DataFrame(self._reader.rows(f"SELECT * FROM {name}"))

    def _usd(self, amount: Decimal | None, currency: str, day: Any) -> Decimal | None:
        currency = currency.strip().upper()
        rate = Decimal(1) if currency == "USD" else self.rates.get((day, currency))
        if amount is None or pd.isna(amount) or rate is None:
            return None
        return (amount * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _occupancy(source: _Source) -> list[tuple[Any, ...]]:
    active = {row.id for row in source.apartments.itertuples() if row.is_active}
    nights = {
        (row.apartment_id, day.date())
        for row in source.confirmed.itertuples()
        if row.apartment_id in active
        for day in pd.date_range(row.checkin_date, row.checkout_date, inclusive="left")
    }
    counts = pd.Series([day.replace(day=1) for _, day in nights]).value_counts()
    offered = {month: len(active) * pd.Timestamp(month).days_in_month for month in counts.index}
    return [(m, n, offered[m], float(n / offered[m])) for m, n in counts.items()]


def _stays(source: _Source) -> list[tuple[Any, ...]]:
    rows = source.confirmed
    nights = (pd.to_datetime(rows.checkout_date) - pd.to_datetime(rows.checkin_date)).dt.days
    months = pd.to_datetime(rows.checkin_date).dt.to_period("M").dt.start_time.dt.date
    grouped = nights.groupby(months)
    return [(month, len(each), float(each.mean())) for month, each in grouped]


def _repeats(source: _Source) -> list[tuple[Any, ...]]:
    found = []
    by_user = {user: list(each.day) for user, each in source.confirmed.groupby("user_id")}
    for month, rows in source.confirmed.groupby("month"):
        again = 0
        for _, own in rows.groupby("user_id"):
            days = by_user[own.user_id.iloc[0]]
            again += any(
                sum(0 <= (day - other).days <= 30 for other in days) > 1 for day in own.day
            )
        customers = rows.user_id.nunique()
        found.append((month, customers, again, float(again / customers)))
    return found


def _per_user(source: _Source) -> list[tuple[Any, ...]]:
    grouped = source.confirmed.groupby(["week", "user_id"]).size()
    return [(week, int(user), int(count)) for (week, user), count in grouped.items()]


def _top(source: _Source) -> list[tuple[Any, ...]]:
    priced = source.confirmed[source.confirmed.usd.notna()]
    sums: dict[Any, dict[int, list[Decimal]]] = {}
    for row in priced.itertuples():
        sums.setdefault(row.week, {}).setdefault(row.apartment_id, []).append(row.usd)
    found = []
    for week, each in sums.items():
        totals = {apartment: sum(amounts) for apartment, amounts in each.items()}
        places = sorted(set(totals.values()), reverse=True)
        found += [
            (week, places.index(total) + 1, apartment, len(each[apartment]), total)
            for apartment, total in totals.items()
            if places.index(total) < 10
        ]
    return found


def _popular(source: _Source) -> list[tuple[Any, ...]]:
    where = {}
    for row in source.attributes.itertuples():
        city, state = (
            None if text is None or text.strip() in ("", "null", "NULL") else text.strip()
            for text in (row.cityname, row.state)
        )
        where[row.id] = (city, state and state.upper())
    rows = source.confirmed
    rows = rows[[where.get(each, (None,))[0] is not None for each in rows.apartment_id]]
    found = []
    for week, each in rows.groupby("week"):
        counts = pd.Series([where[apartment] for apartment in each.apartment_id]).value_counts()
        places = sorted(set(counts), reverse=True)
        found += [
            (week, places.index(count) + 1, city, state, int(count))
            for (city, state), count in counts.items()
            if places.index(count) < 10
        ]
    return found


def _prices(source: _Source) -> list[tuple[Any, ...]]:
    created = pd.to_datetime(source.apartments.listing_created_on).dt.normalize()
    first, last = created.min(), source.apartments.last_modified_timestamp.max().normalize()
    offered = source.apartments[
        (source.apartments.is_active == 1) & source.apartments.usd.notna()
    ].assign(created=created)
    found = []
    for monday in pd.date_range(first - pd.Timedelta(first.weekday(), "D"), last, freq="7D"):
        prices = offered[offered.created <= monday + pd.Timedelta(6, "D")].usd.astype(float)
        if len(prices):
            found.append((monday.date(), len(prices), float(prices.mean()), float(prices.median())))
    return found


def _indicator(lane: Lane, name: str) -> list[dict[str, Any]]:
    rows = lane.opened("x")[0].warehouse.rows(f"SELECT * FROM presentation.{name}")
    return sorted(rows, key=lambda row: _order(tuple(row.values())))


def _order(row: tuple[Any, ...]) -> tuple[str, ...]:
    return tuple(map(str, row))


def _loaded(lane: Lane) -> Iterator[Lane]:
    lane.begin()
    lane.run(lane.new_run())
    yield lane
    lane.close()
