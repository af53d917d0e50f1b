"""Stage 01, first half: plan each table's window, and store it before any work."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from etl_lib import append, drift, expectations, ledger, masks, types, window
from etl_lib.bookmarks import Bookmark
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.identifiers import folded
from etl_lib.run import LATEST, Plan, Run
from etl_lib.source import Source, checked_columns, moving_columns
from etl_lib.types import Column

UNKNOWN: Mapping[str, Any] = {"digest": None, "keys_digest": None}


def plan(run: Run, source: Source) -> dict[str, Plan]:
    """Plan every table of the run and store the plans; on a retry, return the stored ones.

    All tables are held against the source before the first is written anywhere.
    """
    tables = [each for each in run.tables if run.zone.get_json(run.plan_key(each.name)) is None]
    if tables:
        _plan_tables(run, source, tables)
        run.zone.put_json(LATEST, {"run_id": run.run_id})
    return run.plans()


def _plan_tables(run: Run, source: Source, tables: Sequence[Table]) -> None:
    columns = {table.name: checked_columns(source, table) for table in tables}
    ledger.prepare(run.warehouse)
    bookmarks = {table.name: ledger.repaired(run, table.name) for table in tables}
    for table in tables:
        refuse_other(run, table, source, bookmarks[table.name])
        drift.settle(table, bookmarks[table.name], described(columns[table.name], table))
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
            shapes[table.name] = described(moving_columns(source, table), table)
    run.zone.put_json_once(run.shapes_key, shapes)
    run.zone.put_json_once(run.contract_key, {"contract": run.contract_url})


def _plan(
    run: Run, source: Source, table: Table, columns: Sequence[Column], bookmark: Bookmark
) -> Plan:
    adopted = unfinished(table, bookmark)
    besides = adopted.besides if adopted else ledger.besides(run, table.name)
    return upcoming(run, source, table, columns, bookmark, besides)


def upcoming(
    run: Run,
    source: Source,
    table: Table,
    columns: Sequence[Column],
    bookmark: Bookmark,
    besides: int,
) -> Plan:
    """The plan of the run that comes after ``bookmark``. Reads the source, and writes nothing."""
    adopted = unfinished(table, bookmark)
    # A row that was deleted between the reading and the loading of a backfill is back in raw, and
    # no later window would notice: after one, no digest is known.
    known = bookmark if bookmark.besides == besides else replace(bookmark, **UNKNOWN)
    if adopted is not None:
        # An unfinished run's window is adopted as it is: its high must never be found anew.
        planned, sweep = adopted.window, adopted.sweep
    elif table.append_only:
        low = bookmark.high if bookmark.cursor in (None, table.cursor) else None
        planned = append.incremental(source, table, columns, low)
        sweep = table.deletes == "sweep" and planned.keys_digest != known.keys_digest
    elif table.cursor:
        low = bookmark.high if bookmark.cursor in (None, table.cursor) else None
        planned = window.incremental(source, table, columns, low, bookmark.planned_at)
        sweep = table.deletes == "sweep" and planned.keys_digest != known.keys_digest
    else:
        planned = window.full(source, table, columns, known.digest)
        sweep = planned.digest != known.digest
    rows, checks = adopted.rows if adopted else None, adopted.checks if adopted else ()
    if adopted is None:
        rows = expectations.counted(source, table, planned)
        before = _rows_before(run, bookmark) if table.rows.change is not None else None
        checks = expectations.judge(source, table, planned, rows, before)
    settled, told = drift.settle(table, bookmark, described(columns, table))
    return Plan(
        window=planned,
        columns=settled,
        sequence=bookmark.version + 1,
        sweep=sweep,
        source=_identity(source),
        cursor=table.cursor,
        after=bookmark.run_id,
        besides=besides,
        drift=told,
        rows=rows,
        checks=checks,
        dropped=sorted(folded(name) for name, mask in table.mask.items() if mask == masks.DROP),
        adopted=adopted is not None,
    )


def _rows_before(run: Run, bookmark: Bookmark) -> int | None:
    """How many rows the table had when its last run was planned, if that was counted."""
    if bookmark.run_id is None:
        return None
    document = run.zone.get_json(f"runs/{bookmark.run_id}/plans/{bookmark.table}.json")
    return Plan.from_dict(document).rows if document else None


def unfinished(table: Table, bookmark: Bookmark) -> Plan | None:
    """The plan of a run that died, unless nothing was to do or the contract has changed since."""
    if bookmark.plan is None:
        return None
    plan = Plan.from_dict(json.loads(bookmark.plan))
    return None if plan.idle or plan.cursor != table.cursor else plan


def _identity(source: Source) -> str:
    return f"{source.host}:{source.port}/{source.database}"


def refuse_other(run: Run, table: Table, source: Source, bookmark: Bookmark) -> None:
    """A bookmark belongs to one database, and a table of the warehouse to one contract."""
    refuse_other_source(run, table, source, bookmark)
    refuse_other_contract(run, table)


def refuse_other_source(run: Run, table: Table, source: Source, bookmark: Bookmark) -> None:
    if bookmark.source not in (None, _identity(source)):
        raise SourceError(
            f"table {table.name}: its bookmark marks {bookmark.source}, not {_identity(source)}. "
            f"Give the contract another name than {run.contract.name!r} for another database."
        )


def refuse_other_contract(run: Run, table: Table) -> None:
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


def described(columns: Sequence[Column], table: Table) -> list[dict[str, str]]:
    """The columns as a plan has them."""
    return [
        {
            "name": folded(column.name),
            "type": types.redshift_type(column),
            "source": column.name,
            "source_type": column.column_type,
            **({"key": "yes"} if column.name in table.keys else {}),
            **({"mask": column.mask} if column.mask else {}),
        }
        for column in columns
    ]
