"""Stage 01, second half: move each window's rows from MySQL to Parquet files in S3."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3

from etl_lib import ranges, reading, repair, spread, staging, window, written
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.progress import Progress
from etl_lib.reading import Query
from etl_lib.run import REPAIR, Plan, Run
from etl_lib.source import Source
from etl_lib.window import Window
from etl_lib.written import Written

STAGE = "01_extract"
PAIR = 2
# Rows of a window from which on executors read it: of a whole table, and of rows that lie anywhere.
WIDE, SCATTERED = 10_000_000, 500_000
RANGE = 400_000  # rows, and at times a fourth more: one file


def move(run: Run, source: Source, secret: str = "") -> list[Mapping[str, Any]]:
    """Write each table's window to the raw zone; returns what was moved, one dict a table.

    ``secret`` names the source's secret: executors of Spark, if there are any, read large windows.
    """
    plans = run.plans()
    return run.each(
        STAGE, lambda table: _move(run, source, secret, table, plans[table.name]), run.tables
    )


def _move(run: Run, source: Source, secret: str, table: Table, planned: Plan) -> Mapping[str, Any]:
    manifest_key = run.raw_key(table.name, "manifest.json")
    manifest = run.zone.get_json(manifest_key)
    if manifest is None:
        manifest = run.zone.put_json_once(
            manifest_key, _extract(run, source, secret, table, planned)
        )
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


def _extract(run: Run, source: Source, secret: str, table: Table, planned: Plan) -> dict[str, Any]:
    """One attempt: files under a folder of its own, so that attempts never mix."""
    attempt = f"attempt={uuid.uuid4().hex[:12]}"
    if planned.window.mode == REPAIR:
        return _extract_keys(run, source, table, planned, attempt)
    rows = keys = Written([])
    if planned.window.rows:
        query = _query(source, table, planned)
        rows = _rows(run, source, secret, planned, query, f"{attempt}/part")
    if planned.lists_keys:
        columns = staging.listed_columns(table, planned)
        query = reading.select(source, table, columns, "TRUE", [], table.keys)
        keys = _write(run, source, query, f"{attempt}/keys", Progress(f"{table.name}, keys", 0))
    return _manifest(run, planned, rows, keys)


def _query(source: Source, table: Table, planned: Plan) -> Query:
    where, parameters = window.predicate(table, planned.window)
    full = planned.window.mode == "full"
    hashed = [each["source"] for each in planned.columns] if full else []
    return reading.select(source, table, planned.columns, where, parameters, hashed)


def _rows(run: Run, source: Source, secret: str, planned: Plan, query: Query, stem: str) -> Written:
    """As a whole; or, if it may be, in two ranges side by side, or in many by Spark's executors."""
    table, expected = query.table, planned.window.rows
    progress = Progress(table.name, expected)
    index = None
    if expected > window.FEW:
        index = ranges.of_window(source, table, planned.window, query.where)
    if index is None:
        return _write(run, source, query, stem, progress)
    many = secret and expected >= (SCATTERED if index.scattered else WIDE)
    context = spread.cluster() if many else None
    if context is not None:
        pieces = index.cut(expected, max(context.defaultParallelism, expected // RANGE))
        key, region = run.raw_key(table.name, stem), boto3.Session().region_name or ""
        query = replace(query, hint=index.hint)
        reader = spread.Reader(secret, region, run.zone.bucket, key, query)
        read = spread.read(context, reader, pieces, progress)
    else:
        if index.scattered:  # a whole table's pages come as fast as a core takes them; these wait
            query = replace(query, hint=index.hint, pieces=index.cut(expected, PAIR))
        read = _write(run, source, query, stem, progress)
    _refuse_missing(source, table, planned.window, read.rows)
    return read


def _refuse_missing(source: Source, table: Table, planned: Window, read: int) -> None:
    """Rows leave a window and none come: it never has more of them than it had when it was read.

    Where late stamps may come (``bounded``) that is not so. Asked only if fewer came than planned.
    """
    if read >= planned.rows or planned.tier == "bounded":
        return
    left = window.left(source, table, planned)
    if left > read:
        raise SourceError(
            f"table {table.name}: {read:,} rows came of a window that still has {left:,}. Nothing "
            "was moved; run again."
        )


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
        listed = written.entry(run.zone, path, key, len(keys))
    return _manifest(run, planned, rows, Written([listed]))


def _manifest(run: Run, planned: Plan, rows: Written, keys: Written) -> dict[str, Any]:
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


def _write(run: Run, source: Source, query: Query, stem: str, progress: Progress) -> Written:
    key = run.raw_key(query.table.name, stem)
    return written.write(run.zone, source, query, key, progress.add)
