"""Change the source as a living marketplace would: new rows, new prices, new statuses, deletes."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pymysql.cursors import Cursor

from workbench.mysql.schema import DATABASE, TABLES, Progress, silent
from workbench.mysql.server import Server, ServerError


@dataclass(frozen=True)
class TableChange:
    """How many rows of one table were inserted, updated and deleted. No row counts twice."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    @property
    def total(self) -> int:
        return self.inserted + self.updated + self.deleted


ChangeCounts = dict[str, TableChange]


def change(
    server: Server,
    database: str = DATABASE,
    share: float = 0.01,
    seed: int | None = None,
    progress: Progress = silent,
) -> ChangeCounts:
    """Change about ``share`` of the rows of the marketplace's tables in ``database``.

    With the same ``seed`` the same rows are chosen; the new stamps are the server's clock either
    way. Raises ServerError if a table is missing, ValueError if ``share`` is not in (0, 1].
    """
    if not 0 < share <= 1:
        raise ValueError(f"share = {share}: must be more than 0 and at most 1")
    salt = str(secrets.randbits(64) if seed is None else seed)
    _refuse_missing_tables(server, database)
    counts: ChangeCounts = {}
    for done, (what, apply) in enumerate(_CHANGES.items()):
        progress(what, done, len(_CHANGES))
        with server.cursor(database) as cursor:
            counts |= apply(cursor, share, salt)
    progress("the clock", len(_CHANGES), len(_CHANGES))
    _wait_for_next_second(server)
    return {table: counts[table] for table in TABLES}


def _apartments(cursor: Cursor, share: float, salt: str) -> ChangeCounts:
    """Apartments change together with their attributes, which have no stamp of their own."""
    deleted, updated, new = _pick(cursor, "apartments", ["id"], share, salt, [1, 2, 2])
    top = _one(cursor, "SELECT MAX(id) FROM apartments")
    gone = _run(cursor, f"DELETE t FROM apartments t JOIN picked p USING (id) {deleted}")
    bare = _run(cursor, f"DELETE t FROM apartment_attributes t JOIN picked p USING (id) {deleted}")
    priced = _run(cursor, _NEW_PRICES + updated)
    shown = _run(cursor, _NEW_DISPLAYS + updated)
    listed = _run(cursor, _NEW_APARTMENTS + new, top)
    told = _run(cursor, _NEW_ATTRIBUTES + new, top)
    return {
        "apartments": TableChange(listed, priced, gone),
        "apartment_attributes": TableChange(told, shown, bare),
    }


# Never by nothing: the ninths of an id give 4.5 % less to 3.5 % more, in steps of one.
_NEW_PRICES = """
    UPDATE apartments t JOIN picked p USING (id) SET last_modified_timestamp = NOW(),
        price = ROUND(price * (1 + (MOD(id, 9) - 4.5) / 100), 2)
"""
_NEW_DISPLAYS = """
    UPDATE apartment_attributes t JOIN apartments a USING (id) JOIN picked p USING (id)
    SET price_display = CONCAT('$', FORMAT(a.price, 0), ' now')
"""
# What is new looks like something that was there before.
_NEW_APARTMENTS = """
    INSERT INTO apartments
    SELECT %s + p.n, title, source, price, currency, NOW(), TRUE, NOW()
    FROM apartments t JOIN picked p USING (id)
"""
_NEW_ATTRIBUTES = """
    INSERT INTO apartment_attributes
    SELECT %s + p.n, category, body, amenities, bathrooms, bedrooms, fee, has_photo, pets_allowed,
        price_display, price_type, square_feet, address, cityname, state, latitude, longitude
    FROM apartment_attributes t JOIN picked p USING (id)
"""


def _viewings(cursor: Cursor, share: float, salt: str) -> ChangeCounts:
    """People look again at what they once looked at; some viewings are erased."""
    keys = ["user_id", "apartment_id", "viewed_at"]
    deleted, new = _pick(cursor, "apartment_viewings", keys, share, salt, [1, 4])
    on = f"JOIN picked p USING ({', '.join(keys)})"
    gone = _run(cursor, f"DELETE t FROM apartment_viewings t {on} {deleted}")
    seen = _run(
        cursor,
        "INSERT INTO apartment_viewings SELECT user_id, apartment_id, NOW(), MIN(is_wishlisted), "
        f"MIN(call_to_action) FROM apartment_viewings t {on} {new} GROUP BY user_id, apartment_id",
    )
    return {"apartment_viewings": TableChange(inserted=seen, deleted=gone)}


def _bookings(cursor: Cursor, share: float, salt: str) -> ChangeCounts:
    """Guests book again for the coming days; statuses change, which only updated_at tells."""
    deleted, updated, new = _pick(cursor, "bookings", ["booking_id"], share, salt, [1, 2, 2])
    top = _one(cursor, "SELECT MAX(booking_id) FROM bookings")
    gone = _run(cursor, f"DELETE t FROM bookings t JOIN picked p USING (booking_id) {deleted}")
    changed = _run(cursor, _NEW_STATUSES + updated)
    booked = _run(cursor, _NEW_BOOKINGS + new, top)
    return {"bookings": TableChange(booked, changed, gone)}


_NEW_STATUSES = """
    UPDATE bookings t JOIN picked p USING (booking_id)
    SET booking_status = IF(booking_status = 'confirmed', 'canceled', 'confirmed')
"""
_NEW_BOOKINGS = """
    INSERT INTO bookings (booking_id, user_id, apartment_id, booking_date, checkin_date,
        checkout_date, total_price, currency, booking_status)
    SELECT %s + p.n, user_id, apartment_id, CURRENT_DATE,
        CURRENT_DATE + INTERVAL DATEDIFF(checkin_date, booking_date) DAY,
        CURRENT_DATE + INTERVAL DATEDIFF(checkout_date, booking_date) DAY,
        total_price, currency, 'pending'
    FROM bookings t JOIN picked p USING (booking_id)
"""


def _fx_rates(cursor: Cursor, share: float, salt: str) -> ChangeCounts:
    """Today's rates, near the last ones known; if they are there already, they move a little."""
    moved = "ROUND(usd_per_unit * IF(currency = 'USD', 1, 1.0013), 8)"
    changed = _run(
        cursor, f"UPDATE fx_rates SET usd_per_unit = {moved} WHERE rate_date = CURRENT_DATE"
    )
    new = _run(
        cursor,
        f"INSERT INTO fx_rates SELECT CURRENT_DATE, currency, {moved} FROM fx_rates "
        "WHERE rate_date < CURRENT_DATE AND rate_date = (SELECT MAX(rate_date) FROM fx_rates)",
    )
    return {"fx_rates": TableChange(inserted=new, updated=changed)}


_CHANGES: dict[str, Callable[[Cursor, float, str], ChangeCounts]] = {
    "apartments": _apartments,
    "apartment_viewings": _viewings,
    "bookings": _bookings,
    "fx_rates": _fx_rates,
}


def _pick(
    cursor: Cursor, table: str, keys: list[str], share: float, salt: str, parts: list[int]
) -> list[str]:
    """Choose rows into the temporary table ``picked``; one WHERE clause for each of ``parts``.

    At least one row for each part, so that a small table changes too.
    """
    rows = _one(cursor, f"SELECT COUNT(*) FROM {table}")
    sizes = [max(1, round(rows * share * part / sum(parts))) for part in parts]
    names = ", ".join(keys)
    by_chance = f"MD5(CONCAT_WS('/', {names}, %s))"
    cursor.execute(
        f"CREATE TEMPORARY TABLE picked (PRIMARY KEY ({names})) AS SELECT {names}, ROW_NUMBER() "
        f"OVER (ORDER BY chance, {names}) AS n FROM (SELECT {names}, {by_chance} AS chance "
        f"FROM {table} ORDER BY chance LIMIT %s) AS chosen",
        [salt, sum(sizes)],
    )
    ends = [sum(sizes[: part + 1]) for part in range(len(sizes))]
    return [
        f"WHERE p.n BETWEEN {end - size + 1} AND {end}"
        for end, size in zip(ends, sizes, strict=True)
    ]


def _run(cursor: Cursor, statement: str, *parameters: object) -> int:
    return cursor.execute(statement, parameters or None)


def _one(cursor: Cursor, query: str) -> Any:
    cursor.execute(query)
    (value,) = cursor.fetchone() or (None,)
    return value


def _refuse_missing_tables(server: Server, database: str) -> None:
    with server.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema = %s", [database]
        )
        missing = set(TABLES) - {name for (name,) in cursor.fetchall()}
    if missing:
        raise ServerError(
            f"database {database} has no table {', '.join(sorted(missing))}: seed it first"
        )


def _wait_for_next_second(server: Server) -> None:
    """Until the server's clock has passed the last whole second that was stamped.

    DATETIME keeps whole seconds, and a window over one must end at a whole second that is over:
    a run that began within the stamped second would rightly leave these rows to the next.
    """
    with server.cursor() as cursor:
        rest = _one(cursor, "SELECT 1 - MICROSECOND(NOW(6)) / 1000000")
    time.sleep(float(rest) + 0.01)
