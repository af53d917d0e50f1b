"""The sample is the same everywhere, has all the dirt it promises, and makes good indicators."""

from __future__ import annotations

import hashlib

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from workbench.mysql import seed
from workbench.mysql.load import lines
from workbench.mysql.market import DAYS, DIRT, RATED
from workbench.mysql.sample import PER_APARTMENT, SLICE, Sample
from workbench.mysql.server import Server

ROWS = 20_000
TABLES = seed.TABLES

# One query per kind of dirt: of a thousand rows, how many have it.
MEASURES = {
    "apartments.cursor tie": "SELECT share(m = lag) FROM (SELECT last_modified_timestamp AS m, "
    "lag(last_modified_timestamp) OVER (ORDER BY id) AS lag FROM apartments)",
    "apartments.modified before created": "SELECT share(last_modified_timestamp < "
    "listing_created_on) FROM apartments",
    "apartments.inactive": "SELECT share(is_active = 0) FROM apartments",
    "apartments.no rate": "SELECT share(currency = 'CHF') FROM apartments",
    "apartments.currency null text": "SELECT share(currency = 'null') FROM apartments",
    "apartments.emoji in title": "SELECT share(title LIKE '%🏡%') FROM apartments",
    "apartments.quotes in title": "SELECT share(title LIKE '%\"Loft\"%') FROM apartments",
    "attributes.pets NULL": "SELECT share(pets_allowed IS NULL) FROM apartment_attributes",
    "attributes.pets null text": "SELECT sum(pets_allowed = 'null') / count(*) "
    "FROM apartment_attributes",
    "attributes.city and state disagree": "SELECT share((cityname, state) NOT IN "
    "(SELECT (cityname, state) FROM apartment_attributes GROUP BY 1 HAVING count(*) > 150)) "
    "FROM apartment_attributes",
    "attributes.amenities NULL": "SELECT share(amenities IS NULL) FROM apartment_attributes",
    "attributes.address NULL": "SELECT share(address IS NULL) FROM apartment_attributes",
    "attributes.address null text": "SELECT sum(address = 'null') / count(*) "
    "FROM apartment_attributes",
    "attributes.newline in body": "SELECT share(contains(body, chr(10))) FROM apartment_attributes",
    "attributes.weekly display": "SELECT share(price_display LIKE '% Weekly') "
    "FROM apartment_attributes",
    "attributes.day first date": r"SELECT share(regexp_matches(body, ' \d\d/\d\d/202[45]\.')) "
    "FROM apartment_attributes",
    "attributes.no square feet": "SELECT share(square_feet IS NULL) FROM apartment_attributes",
    "viewings.cursor tie": "SELECT 1 - count(DISTINCT viewed_at) / count(*) "
    "FROM apartment_viewings",
    "bookings.checkout not after checkin": "SELECT share(checkout_date <= checkin_date) "
    "FROM bookings",
    "bookings.missing apartment": "SELECT share(apartment_id NOT IN (SELECT id FROM apartments)) "
    "FROM bookings",
    "bookings.cursor tie": "SELECT 1 - count(DISTINCT updated_at) / count(*) FROM bookings",
    "bookings.comes back": "SELECT share(user_id = lag AND booking_date BETWEEN day AND day + 35) "
    "FROM (SELECT user_id, booking_date, lag(user_id) OVER (ORDER BY booking_id) AS lag, "
    "lag(booking_date) OVER (ORDER BY booking_id) AS day FROM bookings)",
}


@pytest.fixture(scope="module")
def sample() -> duckdb.DuckDBPyConnection:
    made = Sample(ROWS)
    connection = duckdb.connect()
    connection.execute("CREATE MACRO share(x) AS sum(CASE WHEN x THEN 1 ELSE 0 END) / count(*)")
    for table in TABLES:
        connection.register(table, pa.concat_tables(made.slices(table)))
    return connection


def value(sample: duckdb.DuckDBPyConnection, query: str) -> object:
    row = sample.execute(query).fetchone()
    assert row is not None
    return row[0]


def digest(made: Sample) -> str:
    found = hashlib.sha256()
    for table in TABLES:
        for part in made.slices(table):
            found.update(lines(part))
    return found.hexdigest()


def test_the_same_bytes_on_every_machine() -> None:
    assert digest(Sample(1_000)) == (
        "815ffa20ae2f3166cbf218d7cacb60570788045e5cafe193a2012384ac23b0a3"
    )


def test_another_seed_makes_another_sample() -> None:
    assert digest(Sample(200, seed=1)) != digest(Sample(200, seed=2))


def test_rows_do_not_depend_on_the_slice_they_are_made_in() -> None:
    made = Sample(SLICE + 5)
    first, second = made.slices("apartments")
    whole = Sample(SLICE + 5)._makers()["apartments"]

    assert second.num_rows == 5
    assert second.equals(whole(np.arange(SLICE, SLICE + 5)))


def test_too_few_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="rows = 99: a sample has at least 100"):
        Sample(99)


def test_every_kind_of_dirt_is_measured() -> None:
    assert set(MEASURES) == set(DIRT)


@pytest.mark.parametrize("kind", DIRT)
def test_the_sample_has_its_dirt(sample: duckdb.DuckDBPyConnection, kind: str) -> None:
    share = 1000 * float(str(value(sample, MEASURES[kind])))
    # Four standard deviations of a draw of ROWS, plus what happens by chance anyway.
    assert share == pytest.approx(DIRT[kind], abs=4 * (DIRT[kind] * 1000 / ROWS) ** 0.5 + 2)


@pytest.mark.parametrize("table", TABLES)
def test_counts_and_keys(sample: duckdb.DuckDBPyConnection, table: str) -> None:
    keys = {
        "apartment_viewings": "(user_id, apartment_id, viewed_at)",
        "bookings": "booking_id",
        "fx_rates": "(rate_date, currency)",
    }.get(table, "id")
    rows = DAYS * len(RATED) if table == "fx_rates" else PER_APARTMENT[table] * ROWS
    assert value(sample, f"SELECT count(*) FROM {table}") == rows
    assert value(sample, f"SELECT count(DISTINCT {keys}) FROM {table}") == rows


@pytest.mark.parametrize(
    "wrong",
    [
        "SELECT id FROM apartments WHERE id <= 2147483647",
        "SELECT booking_id FROM bookings WHERE booking_id <= 2147483647",
        "SELECT id FROM apartments WHERE last_modified_timestamp IS NULL OR price <= 0 "
        "OR last_modified_timestamp >= '2026-01-01' OR listing_created_on < '2024-01-01'",
        "SELECT booking_id FROM bookings WHERE updated_at IS NULL OR updated_at >= '2026-01-01' "
        "OR booking_date < '2024-01-01' OR checkin_date < booking_date "
        "OR booking_date > '2025-12-31'",
        "SELECT user_id FROM apartment_viewings WHERE is_wishlisted NOT IN ('y', 'n') "
        "OR viewed_at >= '2026-01-01' OR apartment_id NOT IN (SELECT id FROM apartments)",
        "SELECT currency FROM fx_rates WHERE usd_per_unit <= 0 "
        "OR (currency = 'USD' AND usd_per_unit <> 1)",
        "SELECT booking_id FROM bookings b LEFT JOIN fx_rates f ON rate_date = booking_date "
        "AND b.currency = f.currency WHERE rate_date IS NULL AND b.currency <> 'CHF'",
        "SELECT price_display FROM apartment_attributes "
        r"WHERE NOT regexp_matches(price_display, '^\$\d{1,3}(,\d{3})*( Weekly)?$')",
    ],
)
def test_nothing_is_beyond_its_bounds(sample: duckdb.DuckDBPyConnection, wrong: str) -> None:
    assert sample.execute(wrong).fetchall() == []


def test_it_has_what_catches_careless_code(sample: duckdb.DuckDBPyConnection) -> None:
    sources = "SELECT count(DISTINCT source) FROM apartments"
    cafe = "SELECT count(*) FROM apartments WHERE source = 'RENTCafé'"
    inactive = (
        "SELECT count(*) FROM apartment_viewings JOIN apartments a ON a.id = apartment_id "
        "WHERE is_active = 0"
    )
    assert (value(sample, sources), value(sample, cafe)) >= (12, 1)
    assert int(str(value(sample, inactive))) > ROWS / 10


def test_its_seasons_and_weeks_make_indicators(sample: duckdb.DuckDBPyConnection) -> None:
    weeks = "SELECT count(DISTINCT date_trunc('week', booking_date)) FROM bookings"
    july, january = (
        f"SELECT count(*) FROM bookings WHERE month(booking_date) = {month}" for month in (7, 1)
    )
    crossing = "SELECT share(month(checkin_date) <> month(checkout_date)) FROM bookings"
    assert value(sample, weeks) == 105  # 2024-01-01 is a Monday, 2025-12-31 a Wednesday
    assert int(str(value(sample, july))) > 1.5 * int(str(value(sample, january)))
    assert 0.2 < float(str(value(sample, crossing))) < 0.6


def test_the_server_gets_every_value_unchanged(mysql_server: Server) -> None:
    database = "sample_values"
    counts = seed.seed(mysql_server, database, rows=300)
    made = Sample(300)
    with mysql_server.cursor(database) as cursor:
        for table in TABLES:
            (part,) = made.slices(table)
            columns = ", ".join(part.column_names)
            rows = [tuple(row.values()) for row in part.to_pylist()]
            assert counts[table] == len(rows)
            cursor.execute(f"SELECT {columns} FROM {table}")
            assert set(cursor.fetchall()) == set(rows)


def test_seeding_again_replaces_and_tells_its_progress(mysql_server: Server) -> None:
    told: list[tuple[str, int, int]] = []
    for _ in range(2):
        seed.seed(mysql_server, "sample_again", rows=100, progress=lambda *step: told.append(step))
    with mysql_server.cursor("sample_again") as cursor:
        cursor.execute("SELECT COUNT(*) FROM bookings")
        assert cursor.fetchone() == (200,)
    assert ("bookings", 200, 200) in told
