"""The ledger: which run loaded which window, written in the same transaction as its rows."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from etl_lib.bookmarks import Bookmark, advanced
from etl_lib.errors import WarehouseBehind
from etl_lib.identifiers import literal, redshift
from etl_lib.run import IN_TURN, Plan, Run, columns_json
from etl_lib.warehouse import Warehouse

TABLES = {"ledger", "touched", "staging"}
SCHEMAS = ("etl", "tmp", "raw", "curated", "quarantine", "presentation")

PREPARE = [
    *(f"CREATE SCHEMA IF NOT EXISTS {redshift(schema)}" for schema in SCHEMAS),
    """CREATE TABLE IF NOT EXISTS etl.ledger (
        pipeline VARCHAR(127) NOT NULL,
        table_name VARCHAR(127) NOT NULL,
        run_id VARCHAR(127) NOT NULL,
        sequence BIGINT NOT NULL,
        mode VARCHAR(20) NOT NULL,
        tier VARCHAR(20) NOT NULL,
        low VARCHAR(40),
        high VARCHAR(40),
        extracted BIGINT NOT NULL,
        loaded BIGINT NOT NULL,
        deleted BIGINT NOT NULL,
        quarantined BIGINT NOT NULL,
        missing BIGINT NOT NULL,
        loaded_at TIMESTAMP NOT NULL
    ) DISTSTYLE ALL SORTKEY (table_name, sequence)""",
    # Periods of indicators that loads have touched and no refresh has taken up yet.
    """CREATE TABLE IF NOT EXISTS etl.touched (
        pipeline VARCHAR(127) NOT NULL,
        indicator VARCHAR(127) NOT NULL,
        first_period DATE NOT NULL,
        last_period DATE NOT NULL
    ) DISTSTYLE ALL""",
    # Whose staging tables stand in tmp: a run that died cannot drop its own.
    """CREATE TABLE IF NOT EXISTS etl.staging (
        pipeline VARCHAR(127) NOT NULL,
        table_name VARCHAR(127) NOT NULL,
        run_id VARCHAR(127) NOT NULL,
        mode VARCHAR(20) NOT NULL,
        sequence BIGINT NOT NULL
    ) DISTSTYLE ALL""",
]
FENCED, BEHIND = "fenced: a newer run has loaded this table", "behind: an earlier run is missing"
LISTED = ", ".join(literal(mode) for mode in IN_TURN)


def prepare(warehouse: Warehouse) -> None:
    """Make the schemas and the tables of the pipeline itself, where they are missing.

    Looked at first: what creates a table takes locks, even where it is there.
    """
    if not tables(warehouse) >= TABLES:
        warehouse.transaction("prepare", PREPARE)


def tables(warehouse: Warehouse) -> set[str]:
    """The pipeline's own tables that are there; none before the first run."""
    found = warehouse.rows("SELECT table_name FROM svv_tables WHERE table_schema = 'etl'")
    return {row["table_name"] for row in found}


def entry(run: Run, table: str) -> dict[str, Any] | None:
    """This run's ledger row for ``table``, or None if it has not loaded it."""
    return _entry(run, table, run.run_id)


def has(run: Run, table: str, run_id: str) -> bool:
    """Whether the run ``run_id`` has loaded ``table``."""
    return _entry(run, table, run_id) is not None


def history(run: Run) -> list[dict[str, Any]]:
    """All ledger rows of this run."""
    return _of(run.warehouse, run.contract.name, run.run_id)


def loads(warehouse: Warehouse, pipeline: str, run_id: str) -> list[dict[str, Any]]:
    """All ledger rows of a run, also of a warehouse that no run has come to yet."""
    return _of(warehouse, pipeline, run_id) if "ledger" in tables(warehouse) else []


def last(run: Run, table: str) -> dict[str, Any] | None:
    """The ledger row of the run that loaded the table's newest window; None if none has."""
    found = run.warehouse.rows(
        f"SELECT * FROM etl.ledger WHERE pipeline = :pipeline AND table_name = :name "
        f"AND mode IN ({LISTED}) ORDER BY sequence DESC LIMIT 1",
        {"pipeline": run.contract.name, "name": table},
    )
    return found[0] if found else None


def besides(run: Run, table: str) -> int:
    """How many loads of the table were not in turn: backfills and the like."""
    return int(run.warehouse.scalar(_count_besides(run, table)))


def fence(run: Run, table: str, plan: Plan) -> list[str]:
    """Statements that stop a transaction whose run was loaded already, was overtaken, or comes
    after one that the warehouse lacks.

    A plan that is not in turn is overtaken by another of its kind; rows that a newer run has loaded
    it leaves alone one by one. The cast fails by itself when its condition holds; nothing after it
    takes effect.
    """
    at = _at(run, table)
    own = f"EXISTS (SELECT 1 FROM etl.ledger WHERE {at} AND run_id = {literal(run.run_id)})"
    newer = (
        f"EXISTS (SELECT 1 FROM etl.ledger WHERE {at} AND mode IN ({LISTED}) "
        f"AND sequence > {int(plan.sequence)})"
        if plan.in_turn
        else f"({_count_besides(run, table)}) <> {int(plan.besides)}"
    )
    behind = (
        f"WHEN NOT EXISTS (SELECT 1 FROM etl.ledger WHERE {at} AND run_id = {literal(plan.after)}) "
        f"THEN CAST({literal(BEHIND)} AS INTEGER) "
        if plan.after
        else ""
    )
    return [
        "LOCK etl.ledger",
        f"SELECT CASE WHEN {own} OR {newer} THEN CAST({literal(FENCED)} AS INTEGER) "
        f"{behind}ELSE 1 END",
    ]


def insert(run: Run, table: str, plan: Plan, extracted: int, counts: Mapping[str, str]) -> str:
    """The ledger row. ``counts`` are SQL expressions: what was loaded, deleted, quarantined, and
    is missing, that is, keys that the source has and raw has not."""
    window = plan.window
    values = [
        literal(run.contract.name),
        literal(table),
        literal(run.run_id),
        str(int(plan.sequence)),
        literal(window.mode),
        literal(window.tier),
        "NULL" if window.low is None else literal(window.low),
        "NULL" if window.high is None else literal(window.high),
        str(int(extracted)),
        *(f"({counts[name]})" for name in ("loaded", "deleted", "quarantined", "missing")),
        "GETDATE()",
    ]
    return f"INSERT INTO etl.ledger SELECT {', '.join(values)}"


def current(run: Run, table: str) -> Bookmark:
    """The bookmark of ``table``. Raises WarehouseBehind if the ledger lacks its last run."""
    bookmark = run.bookmarks.get(table)
    if bookmark.run_id and not has(run, table, bookmark.run_id):
        raise WarehouseBehind(table, bookmark.run_id)
    return bookmark


def repaired(run: Run, table: str) -> Bookmark:
    """The bookmark of ``table``; if the ledger has its open plan, moved over it first.

    That run died between its load and its bookmark: the ledger is the truth. Raises
    WarehouseBehind as ``current`` does.
    """
    bookmark = current(run, table)
    entry = _open_entry(run, bookmark)
    return bookmark if entry is None else advance(run, bookmark, entry)


def foreseen(run: Run, table: str) -> Bookmark:
    """The bookmark that ``repaired`` would return. Writes nothing."""
    bookmark = current(run, table)
    entry = _open_entry(run, bookmark)
    return bookmark if entry is None else advanced(bookmark, _changes(run, bookmark, entry))


def _open_entry(run: Run, bookmark: Bookmark) -> dict[str, Any] | None:
    """The ledger's entry of the bookmark's open plan; None if that was not loaded."""
    if bookmark.open_run is None:
        return None
    entry = _entry(run, bookmark.table, bookmark.open_run)
    return entry if entry is not None and loaded(bookmark, entry) else None


def loaded(bookmark: Bookmark, entry: Mapping[str, Any]) -> bool:
    """Whether what the bookmark plans is what the ledger's ``entry`` of its open run says.

    Two attempts of one run may have planned at once, and the run's stored plan is the first one's.
    The bookmark must not move over the other, which nobody has loaded.
    """
    if bookmark.plan is None:
        return False
    return int(entry["sequence"]) == Plan.from_dict(json.loads(bookmark.plan)).sequence


def advance(run: Run, bookmark: Bookmark, entry: Mapping[str, Any]) -> Bookmark:
    """Move a bookmark over its open run, which the ledger shows as loaded: ``entry``."""
    return run.bookmarks.advance(bookmark, _changes(run, bookmark, entry))


def _changes(run: Run, bookmark: Bookmark, entry: Mapping[str, Any]) -> dict[str, Any]:
    """What of a bookmark changes as its open run is closed."""
    assert bookmark.plan is not None
    plan = Plan.from_dict(json.loads(bookmark.plan))
    window = plan.window
    changes: dict[str, Any] = {
        "high": window.high,
        "digest": window.digest,
        "keys_digest": window.keys_digest,
        "planned_at": window.planned_at,
        "columns": columns_json(plan.columns),
        "dropped": json.dumps(list(plan.dropped)),
        "source": plan.source,
        "cursor": plan.cursor,
        "besides": plan.besides,
    }
    key = f"raw/{run.contract.name}/{bookmark.table}/run_id={bookmark.open_run}/manifest.json"
    if not plan.idle:
        changes.update(_moved_digests(run.zone.get_json(key), plan))
    if window.rows:
        changes["manifest"] = key
    if entry["missing"]:
        # Keys without rows: stamped before the window. The next run reads the whole table.
        changes.update(high=None, keys_digest=None)
    return changes


def _moved_digests(manifest: Mapping[str, Any] | None, plan: Plan) -> dict[str, str | None]:
    """The digests of what was moved. The plan's are of what was there when it was made: the table
    may have changed in between, and may change back, which nobody would notice."""
    meta = manifest["meta"] if manifest else {}
    if plan.window.mode == "full":
        return {"digest": meta.get("digest")}
    return (
        {"keys_digest": meta["keys"]["meta"].get("digest") if meta else None} if plan.sweep else {}
    )


def _at(run: Run, table: str) -> str:
    return f"pipeline = {literal(run.contract.name)} AND table_name = {literal(table)}"


def _count_besides(run: Run, table: str) -> str:
    return f"SELECT COUNT(*) FROM etl.ledger WHERE {_at(run, table)} AND mode NOT IN ({LISTED})"


def _of(warehouse: Warehouse, pipeline: str, run_id: str) -> list[dict[str, Any]]:
    return warehouse.rows(
        "SELECT * FROM etl.ledger WHERE pipeline = :pipeline AND run_id = :run "
        "ORDER BY loaded_at, table_name",
        {"pipeline": pipeline, "run": run_id},
    )


def _entry(run: Run, table: str, run_id: str) -> dict[str, Any] | None:
    found = run.warehouse.rows(
        "SELECT * FROM etl.ledger WHERE pipeline = :pipeline AND table_name = :name "
        "AND run_id = :run",
        {"pipeline": run.contract.name, "name": table, "run": run_id},
    )
    return found[0] if found else None
