"""Stage 01: plan the windows, then move their rows from MySQL to Parquet files in S3."""

from __future__ import annotations

import json
import tempfile
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl_lib import ledger, types, window
from etl_lib.bookmarks import Bookmark
from etl_lib.contract import Table
from etl_lib.errors import SchemaDrift, SourceError
from etl_lib.identifiers import folded, mysql
from etl_lib.run import LATEST, Plan, Run
from etl_lib.source import Source, checked_columns, moving_columns, scrubbed
from etl_lib.types import Column

if TYPE_CHECKING:
    import pyarrow as pa

STAGE = "01_extract"
BATCH_ROWS = 50_000  # held in memory at a time
PART_ROWS = 500_000  # in one file


def plan(run: Run, source: Source) -> dict[str, Plan]:
    """Plan every table of the run and store the plans; on a retry, return the stored ones.

    All tables are held against the source before the first is written anywhere.
    """
    tables = [each for each in run.tables if run.zone.get_json(run.plan_key(each.name)) is None]
    if tables:
        _plan_tables(run, source, tables)
        run.zone.put_json(LATEST, {"run_id": run.run_id})
    return run.plans()


def move(run: Run, source: Source) -> list[Mapping[str, Any]]:
    """Write each table's window to the raw zone; returns what was moved, one dict a table."""
    plans = run.plans()
    return run.each(STAGE, lambda table: _move(run, source, table, plans[table.name]), run.tables)


def _plan_tables(run: Run, source: Source, tables: Sequence[Table]) -> None:
    columns = {table.name: checked_columns(source, table) for table in tables}
    ledger.prepare(run.warehouse)
    bookmarks = {table.name: ledger.repaired(run, table.name) for table in tables}
    for table in tables:
        refuse_other(run, table, source, bookmarks[table.name], columns[table.name])
    store_shapes(run, source)
    plans = {
        table.name: _plan(run, source, table, columns[table.name], bookmarks[table.name])
        for table in tables
    }
    for name, planned in plans.items():
        run.bookmarks.open(bookmarks[name], run.run_id, planned.as_dict())
        run.zone.put_json_once(run.plan_key(name), planned.as_dict())


def store_shapes(run: Run, source: Source) -> None:
    """Store the contract's address, and the columns of all its tables: views need tables that this
    run may not move."""
    shapes = {}
    for table in run.contract.tables.values():
        with suppress(SourceError):  # a table that is not to move may be missing or unfit
            shapes[table.name] = described(moving_columns(source, table))
    run.zone.put_json_once(run.shapes_key, shapes)
    run.zone.put_json_once(run.contract_key, {"contract": run.contract_url})


def _plan(
    run: Run, source: Source, table: Table, columns: Sequence[Column], bookmark: Bookmark
) -> Plan:
    adopted = _unfinished(table, bookmark)
    if adopted is not None:
        # An unfinished run's window is adopted as it is: its high must never be found anew.
        planned, sweep = adopted.window, adopted.sweep
    elif table.cursor:
        low = bookmark.high if bookmark.cursor in (None, table.cursor) else None
        planned = window.incremental(source, table, columns, low, bookmark.planned_at)
        sweep = table.deletes == "sweep" and planned.keys_digest != bookmark.keys_digest
    else:
        planned = window.full(source, table, columns, bookmark.digest)
        sweep = planned.digest != bookmark.digest
    return Plan(
        window=planned,
        columns=described(columns),
        sequence=bookmark.version + 1,
        sweep=sweep,
        source=_identity(source),
        cursor=table.cursor,
        after=bookmark.run_id,
    )


def _unfinished(table: Table, bookmark: Bookmark) -> Plan | None:
    """The plan of a run that died, unless nothing was to do or the contract has changed since."""
    if bookmark.plan is None:
        return None
    plan = Plan.from_dict(json.loads(bookmark.plan))
    return None if plan.idle or plan.cursor != table.cursor else plan


def _identity(source: Source) -> str:
    return f"{source.host}:{source.port}/{source.database}"


def refuse_other(
    run: Run, table: Table, source: Source, bookmark: Bookmark, columns: Sequence[Column]
) -> None:
    """Raise if the source is not the one that the bookmark marks, or has other columns."""
    _refuse_other_owner(run, table, source, bookmark)
    _refuse_drift(table, bookmark, columns)


def _refuse_other_owner(run: Run, table: Table, source: Source, bookmark: Bookmark) -> None:
    """A bookmark belongs to one database, and a table of the warehouse to one contract."""
    if bookmark.source not in (None, _identity(source)):
        raise SourceError(
            f"table {table.name}: its bookmark marks {bookmark.source}, not {_identity(source)}. "
            f"Give the contract another name than {run.contract.name!r} for another database."
        )
    owner = run.warehouse.rows(
        "SELECT pipeline FROM etl.ledger WHERE LOWER(table_name) = :name AND pipeline <> :own "
        "LIMIT 1",
        {"name": folded(table.name), "own": run.contract.name},
    )
    if owner:
        raise SourceError(
            f"table {table.name}: raw.{folded(table.name)} is loaded by the contract "
            f"{owner[0]['pipeline']!r}; two contracts cannot share a table of the warehouse"
        )


def described(columns: Sequence[Column]) -> list[dict[str, str]]:
    """The columns as a plan has them."""
    return [
        {
            "name": folded(column.name),
            "type": types.redshift_type(column),
            "source": column.name,
            "source_type": column.column_type,
        }
        for column in columns
    ]


def _refuse_drift(table: Table, bookmark: Bookmark, columns: Sequence[Column]) -> None:
    now = {each["name"]: each["type"] for each in described(columns)}
    if bookmark.columns is None:
        return
    before = {each["name"]: each["type"] for each in json.loads(bookmark.columns)}
    changes = [
        *(f"{name} {now[name]} was added" for name in now if name not in before),
        *(f"{name} {before[name]} was dropped" for name in before if name not in now),
        *(
            f"{name} was {before[name]} and is {now[name]}"
            for name in now
            if name in before and now[name] != before[name]
        ),
    ]
    if changes:
        raise SchemaDrift(
            f"table {table.name}: the source changed since run {bookmark.run_id}: "
            f"{'; '.join(changes)}. Alter raw.{folded(table.name)} to match and set the bookmark's "
            "columns, or leave new columns out with skip in the contract."
        )


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
    rows: list[dict[str, Any]] = []
    if planned.window.rows:
        where, parameters = window.predicate(table, planned.window)
        rows = _write(run, source, table, planned.columns, where, parameters, f"{attempt}/part")
    keys: list[dict[str, Any]] = []
    if planned.sweep and planned.window.mode == "incremental":
        names = {folded(key) for key in table.keys}
        columns = [column for column in planned.columns if column["name"] in names]
        keys = _write(run, source, table, columns, "TRUE", [], f"{attempt}/keys")
    return _manifest(run, planned, rows, keys)


def _manifest(
    run: Run, planned: Plan, rows: list[dict[str, Any]], keys: list[dict[str, Any]]
) -> dict[str, Any]:
    """A manifest that COPY reads as it is; what is ours stands under ``meta``."""
    return {
        "entries": rows,
        "meta": {
            **_totals(rows),
            "run_id": run.run_id,
            "window": planned.window.as_dict(),
            "columns": list(planned.columns),
            "keys": {"entries": keys, "meta": _totals(keys)},
        },
    }


def _totals(entries: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    return {
        name: sum(entry["meta"][name] for entry in entries)
        for name in ("content_length", "record_count")
    }


def _write(
    run: Run,
    source: Source,
    table: Table,
    columns: Sequence[Mapping[str, str]],
    where: str,
    parameters: Sequence[str],
    stem: str,
) -> list[dict[str, Any]]:
    """Stream a SELECT into Parquet parts; returns their manifest entries."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(each["name"], types.arrow_type(each["type"])) for each in columns])
    query = _select(source, table, columns, where, parameters)
    entries: list[dict[str, Any]] = []
    writer: pq.ParquetWriter | None = None
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "part.parquet"
        rows = 0

        def close() -> None:
            assert writer is not None
            writer.close()
            key = run.raw_key(table.name, f"{stem}-{len(entries):05}.parquet")
            entries.append(_entry(run, path, key, rows))

        for batch in _batches(source, table, query, schema):
            if writer is None:
                writer, rows = pq.ParquetWriter(path, schema), 0
            writer.write_batch(batch)
            rows += batch.num_rows
            if rows >= PART_ROWS:
                close()
                writer = None
        if writer is not None:
            close()
    return entries


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
) -> str:
    by_name = {column.name: column for column in source.columns(table.name)}
    items = [
        types.select_expression(by_name[column["source"]], table.zero_dates) for column in columns
    ]
    # The bulk reader binds nothing; the parameters are timestamps that we formatted ourselves.
    bound = where % tuple(f"'{value}'" for value in parameters)
    return f"SELECT {', '.join(items)} FROM {mysql(table.name)} WHERE {bound}"


def _batches(source: Source, table: Table, query: str, schema: pa.Schema) -> Any:
    """Record batches of ``query``, cast to ``schema``. One SELECT reads one consistent state."""
    import connectorx
    import pyarrow as pa

    try:
        reader = connectorx.read_sql(
            source.reader_url, query, return_type="arrow_stream", batch_size=BATCH_ROWS
        )
        for batch in reader:
            arrays = [_cast(batch.column(index), field) for index, field in enumerate(schema)]
            yield pa.RecordBatch.from_arrays(arrays, schema=schema)
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
