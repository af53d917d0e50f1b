"""What a contract expects of a source table as a whole: that it is fresh, and how many rows it has.

Judged when a window is planned, before anything is moved. A table that is staler than
``warn_after`` is told of in the report; over ``error_after``, or outside a band of rows, the run
stops. A window that is taken up again was judged when it was planned.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from etl_lib.errors import ContractError, OutOfBand, Stale
from etl_lib.identifiers import mysql
from etl_lib.settings import record

if TYPE_CHECKING:
    from etl_lib.contract import Table
    from etl_lib.source import Source
    from etl_lib.window import Window

AGE = re.compile(r"([1-9]\d{0,5}) (minute|hour|day)s?")
GOOD, WARNED, UNKNOWN = "good", "warning", "unknown"
Judged = dict[str, str]  # check, found, allowed, state


@dataclass(frozen=True)
class Freshness:
    """How old the newest row may be by the source's own clock, e.g. ``"36 hours"``."""

    warn_after: str = ""  # older than this is a yellow line in the report
    error_after: str = ""  # older than this stops the run before anything is moved


@dataclass(frozen=True)
class Rows:
    """How many rows there may be, both ends included: ``[least, most]``."""

    batch: Any = ()  # moved by one run; but for the first, which moves the whole table
    table: Any = ()  # in the source
    change: float | None = None  # share by which the table may grow or shrink between two runs


def freshness(body: Any, where: str, at: str) -> Freshness:
    """Raises ContractError."""
    parsed = record(Freshness, body, where, at)
    for setting in body:
        if not AGE.fullmatch(body[setting]):
            problem = f'{body[setting]!r} is no age such as "90 minutes", "36 hours", "7 days"'
            raise ContractError(where, f"{at}.{setting}", problem)
    if not body:
        raise ContractError(where, at, "names neither warn_after nor error_after")
    if len(body) == 2 and _age(parsed.warn_after) >= _age(parsed.error_after):
        raise ContractError(where, f"{at}.warn_after", "comes before error_after, not after it")
    return parsed


def rows(body: Any, where: str, at: str) -> Rows:
    """Raises ContractError."""
    parsed = record(Rows, body, where, at)
    for setting in ("batch", "table"):
        band = getattr(parsed, setting)
        if setting in body and not _is_band(band):
            problem = f"{band!r} is no band [least, most] of rows; the most may be inf"
            raise ContractError(where, f"{at}.{setting}", problem)
    if parsed.change is not None and not 0 <= parsed.change < math.inf:
        raise ContractError(where, f"{at}.change", f"{parsed.change!r} is no share such as 0.5")
    if not body:
        raise ContractError(where, at, "names none of batch, table, change")
    return parsed


def counted(source: Source, table: Table, window: Window) -> int | None:
    """Rows of the table in the source: what a digest of the window has counted anyway, or else a
    count if the contract asks for one."""
    digest = window.digest or window.keys_digest
    if digest:
        return int(digest.partition(":")[0])
    if not table.rows.table and table.rows.change is None:
        return None
    return int(source.rows(f"SELECT COUNT(*) AS n FROM {mysql(table.name)}")[0]["n"])


def judge(
    source: Source, table: Table, window: Window, rows: int | None, before: int | None
) -> list[Judged]:
    """Hold a window that is about to be planned against the contract. Raises Stale or OutOfBand.

    ``rows`` are the table's now, ``before`` those when the last run was planned.
    """
    found = [_band(table, "rows.batch", table.rows.batch, window.rows)] if _is_batch(window) else []
    if rows is not None:
        found.append(_band(table, "rows.table", table.rows.table, rows))
        found.append(_change(table, rows, before))
    found.append(_fresh(source, table))
    return [each for each in found if each]


def _is_batch(window: Window) -> bool:
    return window.mode == "incremental" and window.low is not None


def _band(table: Table, check: str, band: tuple[float, ...], found: int) -> Judged:
    if not band:
        return {}
    allowed = told(band)
    if not band[0] <= found <= band[1]:
        raise OutOfBand(table.name, check, found, allowed)
    return {"check": check, "found": f"{found:,}", "allowed": allowed, "state": GOOD}


def told(band: tuple[float, ...]) -> str:
    """``band`` for a person."""
    return f"{band[0]:,} to {band[1]:,}"


def _change(table: Table, found: int, before: int | None) -> Judged:
    share = table.rows.change
    if share is None:
        return {}
    last = "the last run's, which is not known" if before is None else f"{before:,}"
    allowed = f"{share:.0%} more or fewer than {last}"
    if before is not None and abs(found - before) > share * before:
        raise OutOfBand(table.name, "rows.change", found, allowed)
    state = UNKNOWN if before is None else GOOD
    return {"check": "rows.change", "found": f"{found:,}", "allowed": allowed, "state": state}


def _fresh(source: Source, table: Table) -> Judged:
    """The newest row that is not stamped in the future; with an index on the cursor, one look."""
    limits = table.freshness
    if not limits.warn_after and not limits.error_after:
        return {}
    stamp = mysql(table.cursor or "")
    row = source.rows(
        f"SELECT MAX({stamp}) AS newest, TIMESTAMPDIFF(SECOND, MAX({stamp}), NOW(6)) AS age "
        f"FROM {mysql(table.name)} WHERE {stamp} <= NOW(6)"
    )[0]
    age = None if row["age"] is None else timedelta(seconds=int(row["age"]))
    newest = "no row at all" if age is None else f"{_text(age)} old, of {row['newest']}"
    if limits.error_after and (age is None or age > _age(limits.error_after)):
        raise Stale(table.name, newest, limits.error_after)
    stale = limits.warn_after and (age is None or age > _age(limits.warn_after))
    return {
        "check": "freshness",
        "found": newest,
        "allowed": limits.warn_after or limits.error_after,
        "state": WARNED if stale else GOOD,
    }


def _age(text: str) -> timedelta:
    number, unit = text.rstrip("s").split(" ")
    return timedelta(**{f"{unit}s": int(number)})


def _text(age: timedelta) -> str:
    hours = age / timedelta(hours=1)
    return f"{hours / 24:.1f} days" if hours >= 48 else f"{hours:.1f} hours"


def _is_band(band: Any) -> bool:
    numbers = isinstance(band, tuple) and len(band) == 2
    return numbers and all(map(_is_count, band)) and band[0] <= band[1] and band[0] != math.inf


def _is_count(value: Any) -> bool:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return (whole and 0 <= value < 2**63) or bool(value == math.inf)
