"""Stage 02: COPY what stage 01 wrote into staging tables of this run, and prove it arrived."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from etl_lib import staging
from etl_lib.contract import Table
from etl_lib.errors import CountMismatch, RunFailed
from etl_lib.identifiers import literal, redshift
from etl_lib.run import Plan, Run
from etl_lib.staging import Columns, Staging

STAGE = "02_raw_ingest"


def copy(run: Run) -> list[Mapping[str, Any]]:
    """COPY every table's files; returns per table the rows found in staging.

    Raises CountMismatch if they differ from the manifest, RunFailed if keys are not unique.
    """
    plans = run.plans()
    busy = [table for table in run.tables if not plans[table.name].idle]
    return run.each(STAGE, lambda table: _copy(run, table, plans[table.name]), busy)


def _copy(run: Run, table: Table, plan: Plan) -> dict[str, Any]:
    key = run.raw_key(table.name, "manifest.json")
    manifest = run.zone.get_json(key)
    if manifest is None:
        raise RunFailed(f"table {table.name}: no manifest: run 01_extract to its end first")
    names = Staging.of(run, table)
    rows = fill(run, table, plan, names.rows, plan.columns, key, manifest)
    _refuse_duplicates(run, table, plan, names.rows)
    keys = 0
    if plan.lists_keys:
        listed = staging.listed_columns(table, plan)
        key, manifest = run.raw_key(table.name, "keys.json"), manifest["meta"]["keys"]
        run.zone.put_json(key, manifest)
        keys = fill(run, table, plan, names.keys, listed, key, manifest)
    return {"rows": rows, "keys": keys}


def fill(
    run: Run,
    table: Table,
    plan: Plan,
    name: str,
    columns: Columns,
    key: str,
    manifest: Mapping[str, Any],
) -> int:
    """Make one staging table anew and COPY into it what the manifest at ``key`` lists.

    Returns its rows; raises CountMismatch if they are not the manifest's.
    """
    statements = [
        _register(run, table, plan),
        f"DROP TABLE IF EXISTS {name}",
        staging.create(name, columns, table),
    ]
    if manifest["entries"]:  # COPY of nothing is an error
        url = run.zone.url(key)
        statements.append(staging.copy(name, columns, url, run.warehouse.copy_role))
    run.warehouse.transaction(f"{run.run_id}: copy {table.name}"[:500], statements)
    found = int(run.warehouse.scalar(f"SELECT COUNT(*) FROM {name}"))
    expected = manifest["meta"]["record_count"]
    if found != expected:
        raise CountMismatch(table.name, f"COPY of {key}", expected, found)
    return found


def _register(run: Run, table: Table, plan: Plan) -> str:
    """Note whose staging tables these are, with the first of them: they are dropped if the run
    dies, and if it comes late."""
    whose = ", ".join(map(literal, (run.contract.name, table.name, run.run_id)))
    return (
        f"INSERT INTO etl.staging SELECT {whose}, {literal(plan.window.mode)}, {int(plan.sequence)}"
    )


def _refuse_duplicates(run: Run, table: Table, plan: Plan, name: str) -> None:
    """Redshift compares texts without their trailing blanks, so such keys are the same to MERGE:
    https://docs.aws.amazon.com/redshift/latest/dg/r_Character_types.html
    """
    keys = ", ".join(
        f"RTRIM({redshift(each['name'])})"
        if each["type"].startswith("VARCHAR")
        else redshift(each["name"])
        for each in staging.key_columns(table, plan.columns)
    )
    doubled = run.warehouse.scalar(
        f"SELECT COUNT(*) FROM (SELECT 1 AS one FROM {name} GROUP BY {keys} HAVING COUNT(*) > 1) d"
    )
    if doubled:
        raise RunFailed(
            f"table {table.name}: keys = {list(table.keys)} occur more than once for {doubled:,} "
            "keys, as Redshift compares them (without trailing blanks). MERGE would insert them "
            "twice, or mix them up: name columns that are unique in the source."
        )
