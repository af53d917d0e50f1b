"""Stage 01, second half: move each window's rows from MySQL to Parquet files in S3."""

from __future__ import annotations

import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl_lib import parts, reading, repair, staging, window
from etl_lib.contract import Table
from etl_lib.progress import Progress
from etl_lib.reading import HASH, Query
from etl_lib.run import REPAIR, Plan, Run
from etl_lib.source import Source

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "01_extract"


def move(run: Run, source: Source) -> list[Mapping[str, Any]]:
    """Write each table's window to the raw zone; returns what was moved, one dict a table."""
    plans = run.plans()
    return run.each(STAGE, lambda table: _move(run, source, table, plans[table.name]), run.tables)


def _move(run: Run, source: Source, table: Table, planned: Plan) -> Mapping[str, Any]:
    manifest_key = run.raw_key(table.name, "manifest.json")
    manifest = run.zone.get_json(manifest_key)
    if manifest is None:
        manifest = run.zone.put_json_once(manifest_key, _extract(run, source, table, planned))
    meta = manifest["meta"]
    return {
        "mode": planned.window.mode,
        "idle": planned.idle,  # the state machine sends such a table no further
        "rows": meta["record_count"],
        "keys": meta["keys"]["meta"]["record_count"],
        "bytes": meta["content_length"],
        "files": len(manifest["entries"]),
        "changed": meta.get("changed", {}),
    }


def _extract(run: Run, source: Source, table: Table, planned: Plan) -> dict[str, Any]:
    """One attempt: files under a folder of its own, so that attempts never mix."""
    attempt = f"attempt={uuid.uuid4().hex[:12]}"
    if planned.window.mode == REPAIR:
        return _extract_keys(run, source, table, planned, attempt)
    rows = keys = _Written([])
    if planned.window.rows:
        where, parameters = window.predicate(table, planned.window)
        hashed = [each["source"] for each in planned.columns]
        full = planned.window.mode == "full"
        query = reading.select(
            source, table, planned.columns, where, parameters, hashed if full else ()
        )
        rows = _write(
            run, source, query, f"{attempt}/part", Progress(table.name, planned.window.rows)
        )
    if planned.lists_keys:
        columns = staging.listed_columns(table, planned)
        query = reading.select(source, table, columns, "TRUE", [], table.keys)
        keys = _write(run, source, query, f"{attempt}/keys", Progress(f"{table.name}, keys", 0))
    return _manifest(run, planned, rows, keys)


def _extract_keys(
    run: Run, source: Source, table: Table, planned: Plan, attempt: str
) -> dict[str, Any]:
    """Single keys: those that the source still has as rows, and all of them as keys."""
    import pyarrow.parquet as pq

    keys = repair.keys_of(run, table)
    where = repair.predicate(table, planned.columns, source.decided(table), keys)
    query = reading.select(source, table, planned.columns, where)
    rows = _write(run, source, query, f"{attempt}/part", Progress(table.name, len(keys)))
    columns = staging.listed_columns(table, planned)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "keys.parquet"
        pq.write_table(repair.table_of_keys(table, columns, keys), path)
        key = run.raw_key(table.name, f"{attempt}/keys-00000.parquet")
        return _manifest(run, planned, rows, _Written([_entry(run, path, key, len(keys))]))


@dataclass(frozen=True)
class _Written:
    """Entries of a manifest, and the sums that were read beside their rows."""

    entries: list[dict[str, Any]]
    sums: Mapping[str, int] = field(default_factory=Counter)

    @property
    def meta(self) -> dict[str, Any]:
        totals = {
            name: sum(entry["meta"][name] for entry in self.entries)
            for name in ("content_length", "record_count")
        }
        changed = {name: count for name, count in self.sums.items() if count and name != HASH}
        digest = f"{totals['record_count']}:{self.sums.get(HASH, 0)}"
        return {**totals, "digest": digest, "changed": changed}


def _manifest(run: Run, planned: Plan, rows: _Written, keys: _Written) -> dict[str, Any]:
    """A manifest that COPY reads as it is; what is ours stands under ``meta``.

    A ``digest`` is of what was moved, not of what was planned: the table may have changed in
    between, and may change back.
    """
    return {
        "entries": rows.entries,
        "meta": {
            **rows.meta,
            "run_id": run.run_id,
            "window": planned.window.as_dict(),
            "columns": list(planned.columns),
            "keys": {"entries": keys.entries, "meta": keys.meta},
        },
    }


def _write(run: Run, source: Source, query: Query, stem: str, progress: Progress) -> _Written:
    """Stream a SELECT into Parquet parts."""
    sums: Counter[str] = Counter()

    def counted() -> Iterator[pa.RecordBatch]:
        for batch, found in reading.batches(source, query):
            sums.update(found)
            progress.add(batch.num_rows)
            yield batch

    def upload(path: Path, rows: int) -> dict[str, Any]:
        return _entry(run, path, run.raw_key(query.table.name, f"{stem}-{path.name}"), rows)

    return _Written(parts.write(counted(), query.schema, upload), sums)


def _entry(run: Run, path: Path, key: str, rows: int) -> dict[str, Any]:
    run.zone.upload(path, key)
    return {
        "url": run.zone.url(key),
        "mandatory": True,
        "meta": {"content_length": path.stat().st_size, "record_count": rows},
    }
