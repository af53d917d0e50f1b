"""Replay: load again what a past run has moved, from its manifests, without touching the source.

For a warehouse that was restored from an older state: its ledger lacks runs that the bookmarks have
passed. Each plan names the run before it, so the runs that are missing can be told in order.
"""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import TopologicalSorter

from etl_lib import ledger
from etl_lib.contract import Table
from etl_lib.errors import BadInput, Fenced, RunFailed, WarehouseBehind
from etl_lib.run import Plan, Run


def missing(run: Run) -> list[str]:
    """The runs that the bookmarks of ``run``'s tables have passed and the ledger lacks, in the
    order in which they must be replayed."""
    graph: TopologicalSorter[str] = TopologicalSorter()
    for table in run.tables:
        runs = _missing(run, table)
        for number, run_id in enumerate(runs):
            graph.add(run_id, *runs[max(0, number - 1) : number])
    return list(graph.static_order())


def tables(run: Run) -> list[Table]:
    """Those tables of the past run ``run`` that are to be loaded again; others are loaded already.

    Raises BadInput if it has no plans or no files, WarehouseBehind if an earlier run comes first,
    Fenced if a newer one is in the warehouse.
    """
    names = {
        key.rpartition("/")[2][: -len(".json")] for key, _ in run.zone.list(_plans(run.run_id))
    }
    planned = [table for table in run.contract.tables.values() if table.name in names]
    if not planned:
        raise BadInput(f"run {run.run_id!r} has no plans in {run.zone.url(_plans(run.run_id))}")
    return [table for table in planned if _lacks(run, table)]


def curated(run: Run) -> bool:
    """Whether stage 03 has done its part for every table of the past run."""
    plans = run.plans()
    return not any(
        plans[table.name].window.rows
        and run.zone.get_json(run.curated_key(table.name, "manifest.json")) is None
        for table in run.tables
    )


def _lacks(run: Run, table: Table) -> bool:
    plan = _plan(run, table, run.run_id)
    if ledger.has(run, table.name, run.run_id):
        return False
    if not plan.in_turn:
        raise BadInput(
            f"run {run.run_id} is a {plan.window.mode}: it reads the source. Start a new one"
        )
    if not plan.idle and run.zone.get_json(run.raw_key(table.name, "manifest.json")) is None:
        raise BadInput(
            f"table {table.name}: run {run.run_id} has never read the source to its end, so it has "
            f"no files to load. Go on with it: workbook redrive {run.run_id}"
        )
    if plan.after and not ledger.has(run, table.name, plan.after):
        raise WarehouseBehind(table.name, plan.after)
    newest = ledger.last(run, table.name)
    if newest and int(newest["sequence"]) > plan.sequence:
        raise Fenced(
            f"table {table.name}: the warehouse has run {newest['run_id']}, which is newer than "
            f"{run.run_id}. Nothing was written. What the warehouse lacks: workbook replay"
        )
    return True


def _missing(run: Run, table: Table) -> Sequence[str]:
    """The chain from the bookmark's last run back to one that the ledger has, oldest first."""
    found: list[str] = []
    at = run.bookmarks.get(table.name).run_id
    while at and at not in found and not ledger.has(run, table.name, at):
        found.append(at)
        at = _plan(run, table, at).after
    return found[::-1]


def _plan(run: Run, table: Table, run_id: str) -> Plan:
    document = run.zone.get_json(f"{_plans(run_id)}{table.name}.json")
    if document is None:
        raise RunFailed(
            f"table {table.name}: the plan of run {run_id} is no longer in S3, so it cannot be "
            f"replayed. Read the rows from the source again: workbook bookmarks set {table.name} "
            "--ledger, then workbook run"
        )
    return Plan.from_dict(document)


def _plans(run_id: str) -> str:
    return f"runs/{run_id}/plans/"
