"""Stage 06: is what arrived what was sent? Checks, indicators, and the end of the run's tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etl_lib import ledger, staging
from etl_lib.contract import Table
from etl_lib.identifiers import folded, mysql, redshift
from etl_lib.load import statements_of
from etl_lib.run import Run
from etl_lib.source import Source
from etl_lib.staging import Staging

STAGE = "06_finalize"


def reconcile(run: Run, source: Source) -> list[dict[str, Any]]:
    """Count each table in the source, in raw and in curated plus quarantine, after this run.

    ``behind`` is source minus raw: rows that came or went since the run was planned.
    """
    return [_reconcile(run, source, table) for table in run.tables]


def check(run: Run) -> list[dict[str, Any]]:
    """Run the contract's checks: each is a query whose result must be empty."""
    results = []
    for name in run.contract.checks:
        rows = run.warehouse.rows(statements_of(run.sql(name))[-1])
        results.append({"check": name, "rows": len(rows), "healthy": not rows, "first": rows[:3]})
    return results


def indicator(run: Run, name: str) -> list[dict[str, Any]]:
    """The rows of the indicator ``name``, by period."""
    table = redshift("presentation", folded(name))
    return run.warehouse.rows(f"SELECT * FROM {table} ORDER BY 1, 2")


def summary(run: Run) -> list[dict[str, Any]]:
    """The ledger rows of this run: what was extracted, loaded, deleted, quarantined."""
    return ledger.history(run)


def clean_up(run: Run) -> int:
    """Drop the run's staging tables; returns how many tables of the run were cleaned."""
    plans = run.plans()
    for table in run.tables:
        if not plans[table.name].idle:
            names = Staging.of(run, table).all
            run.warehouse.transaction(
                f"{run.run_id}: drop staging of {table.name}"[:500],
                [f"DROP TABLE IF EXISTS {name}" for name in names],
            )
    return sum(not plan.idle for plan in plans.values())


def _reconcile(run: Run, source: Source, table: Table) -> dict[str, Any]:
    raw, curated = staging.raw_table(table), staging.curated_table(table)
    quarantine = staging.quarantine_table(table)
    found = run.warehouse.rows(
        f"SELECT (SELECT COUNT(*) FROM {raw} WHERE _deleted_at IS NULL) AS raw, "
        f"(SELECT COUNT(*) FROM {curated}) AS curated, "
        f"(SELECT COUNT(*) FROM {quarantine}) AS in_quarantine"
    )[0]
    rows = source.rows(f"SELECT COUNT(*) AS n FROM {mysql(table.name)}")[0]["n"]
    result: Mapping[str, Any] = {
        "table": table.name,
        "source": rows,
        **found,
        "behind": rows - found["raw"],
        "complete": found["raw"] == found["curated"] + found["in_quarantine"],
    }
    run.record(STAGE, table.name, result)
    return dict(result)
