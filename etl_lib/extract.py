"""Stage 01, second half: move each window's rows from MySQL to Parquet files in S3."""

from __future__ import annotations

import tempfile
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl_lib import repair, staging, types, window
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.identifiers import mysql
from etl_lib.run import REPAIR, Plan, Run
from etl_lib.source import Source, scrubbed

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "01_extract"
BATCH_ROWS = 50_000  # held in memory at a time
PART_ROWS = 500_000  # in one file
HASH = "_hash"  # of a whole row; read, and not moved


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
        "rows": meta["record_count"],
        "keys": meta["keys"]["meta"]["record_count"],
        "bytes": meta["content_length"],
        "files": len(manifest["entries"]),
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
        query = _select(source, table, planned.columns, where, parameters, hashed if full else ())
        rows = _write(run, source, table, planned.columns, query, f"{attempt}/part")
    if planned.lists_keys:
        columns = staging.listed_columns(table, planned)
        query = _select(source, table, columns, "TRUE", [], table.keys)
        keys = _write(run, source, table, columns, query, f"{attempt}/keys")
    return _manifest(run, planned, rows, keys)


def _extract_keys(
    run: Run, source: Source, table: Table, planned: Plan, attempt: str
) -> dict[str, Any]:
    """Single keys: those that the source still has as rows, and all of them as keys."""
    import pyarrow.parquet as pq

    keys = repair.keys_of(run, table)
    where = repair.predicate(table, planned.columns, source.columns(table.name), keys)
    query = _select(source, table, planned.columns, where, [])
    rows = _write(run, source, table, planned.columns, query, f"{attempt}/part")
    columns = staging.listed_columns(table, planned)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "keys.parquet"
        pq.write_table(repair.table_of_keys(table, columns, keys), path)
        key = run.raw_key(table.name, f"{attempt}/keys-00000.parquet")
        return _manifest(run, planned, rows, _Written([_entry(run, path, key, len(keys))]))


@dataclass(frozen=True)
class _Written:
    """Entries of a manifest, and the sum of the hashes that were read beside their rows."""

    entries: list[dict[str, Any]]
    hash: int = 0

    @property
    def meta(self) -> dict[str, Any]:
        totals = {
            name: sum(entry["meta"][name] for entry in self.entries)
            for name in ("content_length", "record_count")
        }
        return {**totals, "digest": f"{totals['record_count']}:{self.hash}"}


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


def _write(
    run: Run,
    source: Source,
    table: Table,
    columns: Sequence[Mapping[str, str]],
    query: str,
    stem: str,
) -> _Written:
    """Stream a SELECT into Parquet parts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(each["name"], types.arrow_type(each["type"])) for each in columns])
    entries: list[dict[str, Any]] = []
    writer: pq.ParquetWriter | None = None
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "part.parquet"
        rows = hashes = 0

        def close() -> None:
            assert writer is not None
            writer.close()
            key = run.raw_key(table.name, f"{stem}-{len(entries):05}.parquet")
            entries.append(_entry(run, path, key, rows))

        for batch, hashed in _batches(source, table, query, schema):
            if writer is None:
                writer, rows = pq.ParquetWriter(path, schema), 0
            writer.write_batch(batch)
            rows, hashes = rows + batch.num_rows, hashes + hashed
            if rows >= PART_ROWS:
                close()
                writer = None
        if writer is not None:
            close()
    return _Written(entries, hashes)


def _entry(run: Run, path: Path, key: str, rows: int) -> dict[str, Any]:
    run.zone.upload(path, key)
    return {
        "url": run.zone.url(key),
        "mandatory": True,
        "meta": {"content_length": path.stat().st_size, "record_count": rows},
    }


def _select(
    source: Source,
    table: Table,
    columns: Sequence[Mapping[str, str]],
    where: str,
    parameters: Sequence[str],
    hashed: Sequence[str] = (),
) -> str:
    """``hashed`` columns, if any, give a last one: the hash of their values."""
    by_name = {column.name: column for column in source.columns(table.name)}
    items = [
        types.select_expression(by_name[column["source"]], table.zero_dates) for column in columns
    ]
    if hashed:
        items.append(f"{window.row_hash(hashed)} AS {HASH}")
    # The bulk reader binds nothing; the parameters are timestamps that we formatted ourselves.
    bound = where % tuple(f"'{value}'" for value in parameters)
    return f"SELECT {', '.join(items)} FROM {mysql(table.name)} WHERE {bound}"


def _batches(source: Source, table: Table, query: str, schema: pa.Schema) -> Any:
    """Record batches of ``query``, cast to ``schema``, each with the sum of its hashes.

    One SELECT reads one consistent state.
    """
    import connectorx
    import pyarrow as pa

    try:
        reader = connectorx.read_sql(
            source.reader_url, query, return_type="arrow_stream", batch_size=BATCH_ROWS
        )
        for batch in reader:
            arrays = [_cast(batch.column(index), field) for index, field in enumerate(schema)]
            hashes = (
                batch.column(len(schema)).to_pylist() if batch.num_columns > len(schema) else ()
            )
            yield pa.RecordBatch.from_arrays(arrays, schema=schema), sum(map(int, hashes))
    except (Exception, pa.ArrowException) as error:
        raise SourceError(f"table {table.name}: {scrubbed(str(error), source)}") from None
    except BaseException as error:
        if type(error).__name__ != "PanicException":  # the reader's own, above Exception
            raise
        raise SourceError(f"table {table.name}: {scrubbed(str(error), source)}") from None


def _cast(values: Any, field: Any) -> Any:
    try:
        return values.cast(field.type)
    except Exception as error:
        raise SourceError(f"column {field.name}: {error}") from None
