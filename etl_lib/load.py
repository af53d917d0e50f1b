"""Stage 04: one transaction a table: raw, curated, quarantine, ledger."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from etl_lib import drift, ingest, ledger, staging
from etl_lib.contract import Table
from etl_lib.errors import Fenced, RunFailed, StatementFailed, WarehouseBehind
from etl_lib.identifiers import folded
from etl_lib.merge import merge
from etl_lib.run import Plan, Run
from etl_lib.staging import Columns, Staging
from etl_lib.warehouse import statements_of

STAGE = "04_load"
LAYERS = ("raw", "curated", "quarantine")


def load(run: Run) -> list[Mapping[str, Any]]:
    """Load every table of the run; returns per table what the ledger says.

    A table that this run has loaded already is left alone. Raises Fenced when a newer run has.
    """
    plans, shapes = run.plans(), run.shapes()
    there = drift.actual(run)
    for table in run.contract.tables.values():
        if table.name in shapes and not {(schema, folded(table.name)) for schema in LAYERS} <= set(
            there
        ):
            create_tables(run, table, shapes[table.name])
    drift.evolve(run, plans)
    for name in run.contract.setup:
        run.warehouse.transaction(f"{run.run_id}: {name}"[:500], statements_of(run.sql(name)))
    done = {entry["table_name"] for entry in ledger.history(run)}
    return run.each(STAGE, lambda table: _load(run, table, plans[table.name], done), run.tables)


def create_tables(run: Run, table: Table, columns: Columns) -> None:
    """The permanent tables of one source table, where they are missing."""
    curated = staging.curated_columns(table, columns)
    keys = staging.key_columns(table, columns)
    run.warehouse.transaction(
        f"{run.run_id}: create {table.name}"[:500],
        [
            staging.create(name, columns, layout, permanent=True)
            for name, columns, layout in (
                (staging.raw_table(table), [*columns, *staging.RAW_EXTRA], table),
                (staging.curated_table(table), [*curated, *staging.CURATED_EXTRA], table),
                (
                    staging.quarantine_table(table),
                    [*keys, *staging.QUARANTINED],
                    staging.keyed(table),
                ),
            )
        ],
    )


def _load(run: Run, table: Table, plan: Plan, done: Collection[str]) -> dict[str, Any]:
    if table.name not in done:
        names = Staging.of(run, table)
        if not plan.idle:
            names = _stage_curated(run, table, plan, names)
        statements = [
            *ledger.fence(run, table.name, plan),
            *(_idle(run, table, plan) if plan.idle else merge(run, table, plan, names)),
        ]
        try:
            run.warehouse.transaction(f"{run.run_id}: load {table.name}"[:500], statements)
        except StatementFailed as error:
            _explain(run, table, plan, error)
    entry = ledger.entry(run, table.name)
    if entry is None:
        raise RunFailed(f"table {table.name}: the load ended without a ledger row; run again")
    counts = ("extracted", "loaded", "deleted", "quarantined", "missing")
    return {name: entry[name] for name in counts}


def _stage_curated(run: Run, table: Table, plan: Plan, names: Staging) -> Staging:
    """COPY what stage 03 wrote, good rows and bad ones; returns where they are staged. Rows that
    it let pass as they are stand in staging already."""
    key = run.curated_key(table.name, "manifest.json")
    empty: dict[str, Any] = {"entries": [], "meta": {"record_count": 0}}
    manifest = run.zone.get_json(key) or (None if plan.window.rows else empty)
    if manifest is None:
        raise RunFailed(f"table {table.name}: nothing curated: run 03_transform to its end first")
    if manifest["meta"].get("as_raw"):
        names = replace(names, good=names.rows)
    else:
        columns = staging.curated_columns(table, plan.columns)
        ingest.fill(run, table, plan, names.good, columns, key, manifest)
    bad = manifest["meta"].get("quarantine", empty)
    key = run.curated_key(table.name, "quarantine.json")
    run.zone.put_json(key, bad)
    listed = [*staging.key_columns(table, plan.columns), *staging.QUARANTINE_EXTRA]
    ingest.fill(run, table, plan, names.bad, listed, key, bad)
    return names


def _explain(run: Run, table: Table, plan: Plan, error: StatementFailed) -> None:
    """A fence that fell is either our own earlier success or somebody else's."""
    if ledger.BEHIND in error.reason:
        raise WarehouseBehind(table.name, plan.after or "") from None
    if ledger.FENCED not in error.reason:
        raise error
    if ledger.entry(run, table.name) is None:
        raise Fenced(
            f"table {table.name}: a newer run has loaded it, so run {run.run_id} must not. "
            "Nothing was written, and nothing is lost. Type `workbook run`."
        ) from None


def _idle(run: Run, table: Table, plan: Plan) -> list[str]:
    none = {"loaded": "0", "deleted": "0", "quarantined": "0", "missing": "0"}
    return [ledger.insert(run, table.name, plan, 0, none)]
