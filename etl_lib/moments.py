"""A bound as a person types it, held against the cursor column: a moment, or a number."""

from __future__ import annotations

import re
from datetime import datetime, timezone

from etl_lib.contract import Table
from etl_lib.errors import BadInput

# https://dev.mysql.com/doc/refman/8.0/en/datetime.html
EARLIEST = datetime(1000, 1, 1)
TIMESTAMPS = (datetime(1970, 1, 1, 0, 0, 1), datetime(2038, 1, 19, 3, 14, 7, 999999))


def parsed(table: Table, column_type: str, text: str) -> str:
    """``text`` as bookmarks have it: UTC with microseconds; of an append-only table, a number.

    ``column_type`` is the cursor's MySQL type, such as ``datetime(3)``. Raises BadInput for what no
    value of that column can be, and for the future: rows up to there would never be moved.
    """
    at = f"table {table.name}: {text!r}"
    if table.append_only:
        if not (text.isascii() and text.isdigit()):
            raise BadInput(f"{at} is not a number, as the cursor {table.cursor!r} has them")
        return str(int(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{at} is not a moment such as '2026-01-31 12:00:00'") from None
    if moment.tzinfo:
        raise BadInput(f"{at}: leave the time zone out; bookmarks are in UTC")
    kind = column_type.partition("(")[0].lower()
    if kind == "date" and moment != moment.replace(hour=0, minute=0, second=0, microsecond=0):
        raise BadInput(f"{at}: the cursor {table.cursor!r} is a DATE: give a day, without a time")
    digits = re.search(r"\((\d)\)", column_type)
    step: int = 10 ** (6 - int(digits[1] if digits else 0))
    if kind != "date" and moment.microsecond % step:
        raise BadInput(
            f"{at} is finer than the cursor {table.cursor!r}, which is {column_type}: "
            "round it down, and no row is left out"
        )
    first, last = TIMESTAMPS if kind == "timestamp" else (EARLIEST, datetime.max)
    if not first <= moment <= last:
        raise BadInput(f"{at}: {column_type} reaches from {first} to {last}")
    if moment > datetime.now(timezone.utc).replace(tzinfo=None):
        raise BadInput(f"{at} lies in the future (all times are UTC): rows up to it would be lost")
    return moment.isoformat(sep=" ", timespec="microseconds")


def after(table: Table, one: str, other: str) -> bool:
    """Whether the bound ``one`` lies after ``other``."""
    return int(one) > int(other) if table.append_only else one > other
