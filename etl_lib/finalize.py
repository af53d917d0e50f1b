"""Stage 06: is what arrived what was sent? Checks, indicators, and the end of the run's tables."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

from etl_lib import lease, ledger, soft, staging, uniqueness, window
from etl_lib.contract import Table
from etl_lib.identifiers import folded, literal, mysql, redshift
from etl_lib.run import IN_TURN, Plan, Run
from etl_lib.source import Source
from etl_lib.staging import Staging
from etl_lib.warehouse import statements_of

STAGE = "06_finalize"
COUNTS = ("table", "source", "raw", "curated", "in_quarantine", "behind", "complete")


def compare(run: Run, source: Source) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """What ``reconcile`` and ``check`` find, side by side: the one waits for the source, the other
    for the warehouse."""
    with ThreadPoolExecutor(1) as pool:
        counting = pool.submit(reconcile, run, source)
        checks = check(run)
        return counting.result(), checks


def reconcile(run: Run, source: Source) -> list[dict[str, Any]]:
    """Count each table in the source, in raw and in curated plus quarantine, after this run.

    ``behind`` is source minus raw: rows that came or went since the run was planned.
    """
    plans = run.plans()
    counted = run.each(
        STAGE, lambda table: _reconcile(run, source, table, plans[table.name]), run.tables
    )
    return [{name: of[name] for name in COUNTS} for of in counted]


def check(run: Run) -> list[dict[str, Any]]:
    """Run the contract's checks, each a query whose result must be empty, and look whether what
    this run has loaded is unique: by the tables' keys, and where the contract says so."""
    found = {
        name: run.warehouse.rows(statements_of(run.sql(name))[-1]) for name in run.contract.checks
    }
    plans = run.plans()
    busy = [table for table in run.tables if not plans[table.name].idle]
    for table in busy:
        for rule in table.rules:
            if rule.unique:
                found[f"{table.name}.{rule.name}"] = uniqueness.doubles(run, table, rule)
    doubled = (uniqueness.doubled_keys(run, table) for table in busy)
    found["keys_are_unique"] = list(chain.from_iterable(doubled))
    results = [
        {"check": name, "rows": len(rows), "healthy": not rows, "first": rows[:3]}
        for name, rows in found.items()
    ]
    # A contract that asks for nothing has a record only of keys that are doubled.
    if len(results) > 1 or not results[-1]["healthy"]:
        run.zone.put_json(run.checks_key, {"checks": results})
    return results


def indicator(run: Run, name: str) -> list[dict[str, Any]]:
    """The rows of the indicator ``name``, by period."""
    table = redshift("presentation", folded(name))
    return run.warehouse.rows(f"SELECT * FROM {table} ORDER BY 1, 2")


def summary(run: Run) -> list[dict[str, Any]]:
    """The ledger rows of this run: what was extracted, loaded, deleted, quarantined."""
    return ledger.history(run)


def clean_up(run: Run) -> int:
    """Drop the run's staging tables, and those of runs that died and can never load any more.

    Returns how many tables of this run were cleaned.
    """
    plans = run.plans()
    own = [table.name for table in run.tables if not plans[table.name].idle]
    for name in own:
        _drop(run, name, run.run_id)
    for name, run_id in _dead(run):
        _drop(run, name, run_id)
    return len(own)


def _drop(run: Run, table: str, run_id: str) -> None:
    run.warehouse.transaction(
        f"{run.run_id}: drop staging of {table} by {run_id}"[:500],
        [
            *(f"DROP TABLE IF EXISTS {name}" for name in Staging.named(table, run_id).all),
            f"DELETE FROM etl.staging WHERE pipeline = {literal(run.contract.name)} "
            f"AND table_name = {literal(table)} AND run_id = {literal(run_id)}",
        ],
    )


def _dead(run: Run) -> list[tuple[str, str]]:
    """(table, run) of staging that nobody needs: what was loaded or overtaken, and what is of a
    backfill without a lease."""
    same = "l.pipeline = s.pipeline AND l.table_name = s.table_name"
    loaded = "l.run_id = s.run_id"
    turns = " AND ".join(f"{side}.mode IN ({ledger.LISTED})" for side in ("s", "l"))
    found = run.warehouse.rows(
        "SELECT DISTINCT s.table_name, s.run_id, s.mode, CASE WHEN EXISTS (SELECT 1 "
        f"FROM etl.ledger AS l WHERE {same} AND ({loaded} OR ({turns} "
        "AND l.sequence > s.sequence))) THEN 1 ELSE 0 END AS closed "
        "FROM etl.staging AS s WHERE s.pipeline = :pipeline AND s.run_id <> :run",
        {"pipeline": run.contract.name, "run": run.run_id},
    )
    dead = []
    for row in found:
        name = lease.beside(run.contract.name, row["table_name"])
        in_turn = row["mode"] in IN_TURN
        if row["closed"] or not (in_turn or lease.holder(run.bookmarks, name) == row["run_id"]):
            dead.append((row["table_name"], row["run_id"]))
    return dead


def _reconcile(run: Run, source: Source, table: Table, plan: Plan) -> dict[str, Any]:
    raw, curated = staging.raw_table(table), staging.curated_table(table)
    quarantine = staging.quarantine_table(table)
    found = run.warehouse.rows(
        f"SELECT (SELECT COUNT(*) FROM {raw} WHERE _deleted_at IS NULL) AS raw, "
        f"(SELECT COUNT(*) FROM {curated}) AS curated, "
        f"(SELECT COUNT(*) FROM {quarantine}) AS in_quarantine"
    )[0]
    marked = soft.in_mysql(table, plan.columns)
    query = f"SELECT COUNT(*) AS n FROM {mysql(table.name)} WHERE NOT {marked}"
    rows = source.rows(query)[0]["n"]
    behind = rows - found["raw"]
    return {
        "source": rows,
        **found,
        "behind": behind,
        "later": window.later(source, table, plan.window) if behind else 0,
        "complete": found["raw"] == found["curated"] + found["in_quarantine"],
    }
