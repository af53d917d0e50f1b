"""Stage 05: move the bookmarks over what the ledger says is loaded. State moves last."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etl_lib import ledger
from etl_lib.contract import Table
from etl_lib.errors import Fenced, RunFailed
from etl_lib.run import Plan, Run

STAGE = "05_bookmark"


def advance(run: Run) -> list[Mapping[str, Any]]:
    """Advance every table's bookmark; returns per table where it stood and where it stands.

    A bookmark that has moved already is left alone; one that belongs to a newer run is an error.
    """
    plans = run.plans()
    entries = {entry["table_name"]: entry for entry in ledger.history(run)}
    return run.each(
        STAGE,
        lambda table: _advance(run, table, plans[table.name], entries.get(table.name)),
        run.tables,
    )


def _advance(run: Run, table: Table, plan: Plan, entry: Mapping[str, Any] | None) -> dict[str, Any]:
    if entry is None:
        raise RunFailed(f"table {table.name}: not in the ledger: run 04_load to its end first")
    before = run.bookmarks.get(table.name)
    if not plan.in_turn:
        after = before  # what is moved again moves no bookmark
    elif before.open_run == run.run_id and ledger.loaded(before, entry):
        after = ledger.advance(run, before, entry)
    elif before.run_id == run.run_id:
        after = before
    else:
        raise Fenced(
            f"table {table.name}: its bookmark belongs to run {before.open_run or before.run_id}, "
            f"not to the plan that run {run.run_id} has loaded. Nothing is lost: type "
            "`workbook run`."
        )
    stood = plan.window.low if plan.in_turn else before.high
    return {"before": stood, "after": after.high, "version": after.version}
