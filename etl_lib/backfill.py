"""Backfill: move [low, high) of one table again, beside the runs that go on.

It lies below the bookmark, where all is settled, so it needs no clock and no uncommitted read, and
it moves no bookmark. Its sequence number is that of the run that was planned last: a row that a
later run has loaded stays as it is, all others are judged and loaded anew, and a run that was
planned before leaves the backfill's rows alone (``load``). It finds no deletes; the runs' sweep
does.
"""

from __future__ import annotations

from etl_lib import drift, ledger, moments, planning, window
from etl_lib.bookmarks import Bookmark
from etl_lib.contract import Table
from etl_lib.errors import BadInput
from etl_lib.run import Plan, Run
from etl_lib.source import Source, checked_columns


def plan(run: Run, source: Source, table: Table, low: str, high: str) -> Plan:
    """Plan the backfill and store its plan, which stage 01 then adopts; of no rows, just return it.

    ``low`` empty is the beginning, ``high`` empty the bookmark. Raises BadInput if they are no
    moments of the cursor column, or reach beyond the bookmark.
    """
    if table.cursor is None:
        raise BadInput(
            f"table {table.name} has no cursor: it is compared and loaded in full. "
            f"To load it again: workbook bookmarks set {table.name} --beginning, then workbook run"
        )
    ledger.prepare(run.warehouse)
    # In this order: whatever is planned or loaded after these two reads counts as later.
    bookmark = ledger.current(run, table.name)
    besides = ledger.besides(run, table.name)
    columns = checked_columns(source, table)
    planning.refuse_other(run, table, source, bookmark)
    settled, told = drift.settle(table, bookmark, planning.described(columns, table))
    kind = next(each.column_type for each in columns if each.name == table.cursor)
    first = moments.parsed(table, kind, low) if low else None
    last = _checked(table, bookmark, first, moments.parsed(table, kind, high) if high else None)
    planned = Plan(
        window=window.again(source, table, columns, first, last),
        columns=settled,
        sequence=bookmark.version,
        sweep=False,
        source=bookmark.source or "",
        cursor=table.cursor,
        after=bookmark.run_id,
        besides=besides,
        drift=told,
    )
    if planned.window.rows:
        planning.store_shapes(run, source)
        run.zone.put_json_once(run.plan_key(table.name), planned.as_dict())
    return planned


def _checked(table: Table, bookmark: Bookmark, low: str | None, high: str | None) -> str:
    """The upper bound: ``high``, or the bookmark."""
    stands = bookmark.high if bookmark.cursor in (None, table.cursor) else None
    if stands is None:
        raise BadInput(
            f"table {table.name}: the next run reads it from the beginning: type `workbook run`"
        )
    if high is not None and moments.after(table, high, stands):
        raise BadInput(
            f"table {table.name}: its bookmark stands at {stands}; what lies after it is moved by "
            f"the next `workbook run`. Give --to '{stands}' at most, or leave it out"
        )
    if low is not None and not moments.after(table, high or stands, low):
        raise BadInput(f"table {table.name}: from {low} to {high or stands} there is nothing")
    return high or stands
