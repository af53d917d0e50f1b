"""The oracle: is the warehouse what the source is, and is there nothing left to do?

It asks in its own words, by plain SELECTs, and not with the checksums that reconcile uses.
"""

from __future__ import annotations

from collections.abc import Iterator

from etl_lib import planning
from etl_lib.identifiers import redshift, run_suffix
from etl_lib.run import Run
from etl_lib.warehouse import Warehouse
from workbench.drill.lane import Lane
from workbench.drill.source import TABLES, text

Rows = list[tuple[str | None, ...]]


def wrong(lane: Lane) -> list[str]:
    """What is wrong, in words; empty if all is well. Plans one run more, which finds no work."""
    run_id = lane.new_run()
    run, source = lane.opened(run_id)
    found = [
        *_raw(lane, run.warehouse),
        *_layers(run.warehouse),
        *_books(run),
        *_indicator(run.warehouse),
        *_left(run.warehouse),
    ]
    if not found:
        plans = planning.plan(run, source)
        found = [f"{name} has work: {plan.window}" for name, plan in plans.items() if not plan.idle]
    return found


def _raw(lane: Lane, warehouse: Warehouse) -> Iterator[str]:
    for table in TABLES:
        ours, theirs = (
            lane.source.rows(table),
            _rows(warehouse, redshift("raw", table), "_deleted_at IS NULL"),
        )
        doubled = len(theirs) - len(set(theirs))
        if doubled:
            yield f"raw.{table}: {doubled} rows doubled"
        for row in sorted(ours - set(theirs), key=str):
            yield f"raw.{table}: lost or stale {row}"
        for row in sorted(set(theirs) - ours, key=str):
            yield f"raw.{table}: not in the source {row}"


def _layers(warehouse: Warehouse) -> Iterator[str]:
    """Every live key of raw is in curated or in quarantine, once, with its values."""
    for table, (key,) in TABLES.items():
        live = {
            row[0] for row in _select(warehouse, key, redshift("raw", table), "_deleted_at IS NULL")
        }
        good = [row[0] for row in _select(warehouse, key, f"curated.{table}")]
        bad = [row[0] for row in _select(warehouse, key, f"quarantine.{table}")]
        if sorted(good + bad, key=str) != sorted(live, key=str):
            yield f"{table}: raw has {len(live)} keys, curated {len(good)}, quarantine {len(bad)}"
        values = set(_rows(warehouse, redshift("raw", table), "_deleted_at IS NULL"))
        if stale := set(_rows(warehouse, f"curated.{table}")) - values:
            yield f"curated.{table}: stale {stale}"


def _books(run: Run) -> Iterator[str]:
    """The bookmark's last run is the newest of the ledger, and no run is open."""
    for table in TABLES:
        mark = run.bookmarks.get(table)
        newest = run.warehouse.rows(
            "SELECT run_id, high FROM etl.ledger WHERE table_name = :name "
            "AND pipeline = 'drill' ORDER BY sequence DESC LIMIT 1",
            {"name": table},
        )[0]
        if (mark.run_id, mark.high) != (newest["run_id"], newest["high"]):
            yield f"{table}: bookmark {mark.run_id} at {mark.high}, ledger {newest}"
        if mark.open_run:
            yield f"{table}: run {mark.open_run} is open"


def _indicator(warehouse: Warehouse) -> Iterator[str]:
    query = (
        "SELECT ordered_on AS day, COUNT(*) AS orders, SUM(quantity) AS quantity "
        "FROM curated.orders GROUP BY ordered_on"
    )
    expected = {tuple(row.values()) for row in warehouse.rows(query)}
    found = {
        tuple(row.values()) for row in warehouse.rows("SELECT * FROM presentation.orders_daily")
    }
    if expected != found:
        yield f"indicator: {len(expected ^ found)} rows differ"


def _left(warehouse: Warehouse) -> Iterator[str]:
    """Staging that no run will ever drop: the next one drops what etl.staging names."""
    named = {row["run_id"] for row in warehouse.rows("SELECT DISTINCT run_id FROM etl.staging")}
    suffixes = tuple(f"__{run_suffix(run_id)}" for run_id in named)
    found = warehouse.rows(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = 'tmp'"
    )
    left = [row["table_name"] for row in found]
    if left := sorted(name for name in left if not any(each in name for each in suffixes)):
        yield f"staging left: {', '.join(left)}"


def _rows(warehouse: Warehouse, table: str, where: str = "TRUE") -> Rows:
    columns = "id, quantity, note, ordered_on, updated_at"
    listed = columns if "orders" in table else "currency, rate"
    return _select(warehouse, listed, table, where)


def _select(warehouse: Warehouse, columns: str, table: str, where: str = "TRUE") -> Rows:
    texts = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in columns.split(", "))
    found = warehouse.rows(f"SELECT {texts} FROM {table} WHERE {where}")
    return [tuple(map(text, row.values())) for row in found]
