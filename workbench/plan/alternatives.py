"""What others would cost a month for the same: the changes of the same tables in Redshift.

Neither does what comes after: curated tables, checks, quarantine and indicators are left to SQL.
"""

from __future__ import annotations

from workbench.plan.cost import MINUTE, Basis, Line
from workbench.plan.prices import GB, HOURS, PRICES

DMS_STORAGE = 50  # GB, with the instance; no more is paid for
IO_BYTES = 4096  # of the log that one write to Aurora's storage holds


def dms(basis: Basis) -> list[Line]:
    """An instance that runs all month and applies what has changed as often as we do."""
    return [
        _month("DMS, dms.t3.medium, one zone", "dms t3.medium", HOURS),
        _month(f"DMS, storage above {DMS_STORAGE} GB", "dms storage", 0.0),
        _applied(basis),
        _stored(basis),
    ]


def zero_etl(basis: Basis) -> list[Line]:
    """Aurora's own integration, refreshed as often as we run; the first copy comes once."""
    changed = basis.bytes * basis.runs
    return [
        _month("zero-ETL", "zero-etl", 1.0),
        _month("Aurora, I/O of the enhanced binlog", "aurora io", 2 * changed / IO_BYTES),
        _month("Aurora, a day of the binlog", "aurora storage", changed / 30 / GB),
        _month("Aurora, export of the first copy, once", "snapshot export", basis.size / GB),
        _applied(basis),
        _stored(basis),
    ]


def without_pause(basis: Basis) -> float:
    """Dollars of a month in which Redshift never comes to rest, as with changes that never do."""
    return basis.rpus * HOURS * PRICES["redshift"].dollars


def _applied(basis: Basis) -> Line:
    rpu_hours = basis.rpus * MINUTE / 3600 * basis.runs
    return _month("Redshift Serverless, a minute each time", "redshift", rpu_hours)


def _stored(basis: Basis) -> Line:
    return _month("Redshift, tables kept", "redshift storage", basis.size / GB)


def _month(what: str, price: str, quantity: float) -> Line:
    return Line(what, PRICES[price], 0.0, quantity)
