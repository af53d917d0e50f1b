"""Stage 04: one transaction a table (raw, curated, quarantine, ledger), then the indicators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from etl_lib import ingest, ledger, staging
from etl_lib.contract import ALL, Indicator, Table
from etl_lib.errors import Fenced, RunFailed, StatementFailed, WarehouseBehind
from etl_lib.identifiers import folded, literal, redshift
from etl_lib.run import Plan, Run
from etl_lib.staging import Columns, Staging

STAGE = "04_load"
BEGINNING, END = "0001-01-01", "9999-12-31"


def load(run: Run) -> list[Mapping[str, Any]]:
    """Load every table of the run; returns per table what the ledger says.

    A table that this run has loaded already is left alone. Raises Fenced when a newer run has.
    """
    plans, shapes = run.plans(), run.shapes()
    for table in run.contract.tables.values():
        if table.name in shapes:
            create_tables(run, table, shapes[table.name])
    for name in run.contract.setup:
        run.warehouse.transaction(f"{run.run_id}: {name}"[:500], statements_of(run.sql(name)))
    return run.each(STAGE, lambda table: _load(run, table, plans[table.name]), run.tables)


def refresh(run: Run) -> list[str]:
    """Recompute the periods of the indicators that loads have touched; returns the indicators.

    What to refresh stands in a table, written with the load: a crash in between loses nothing.
    """
    pending = run.warehouse.rows(
        "SELECT DISTINCT indicator FROM etl.touched WHERE pipeline = :pipeline",
        {"pipeline": run.contract.name},
    )
    names = {row["indicator"] for row in pending}
    touched = [each for each in run.contract.indicators if each.name in names]
    if touched:
        statements = [each for one in touched for each in _refresh(run, one)]
        owner = literal(run.contract.name)
        run.warehouse.transaction(
            f"{run.run_id}: refresh indicators"[:500],
            [
                "LOCK etl.touched",
                *statements,
                f"DELETE FROM etl.touched WHERE pipeline = {owner}",
            ],
        )
    return [each.name for each in touched]


def create_tables(run: Run, table: Table, columns: Columns) -> None:
    """The permanent tables of one source table, where they are missing."""
    curated = staging.curated_columns(table, columns)
    keys = staging.key_columns(table, columns)
    run.warehouse.transaction(
        f"{run.run_id}: create {table.name}"[:500],
        [
            staging.create(name, columns, table, permanent=True)
            for name, columns in (
                (staging.raw_table(table), [*columns, *staging.RAW_EXTRA]),
                (staging.curated_table(table), [*curated, *staging.CURATED_EXTRA]),
                (staging.quarantine_table(table), [*keys, *staging.QUARANTINED]),
            )
        ],
    )


def statements_of(script: str) -> list[str]:
    """The statements of a SQL file: each ends with a semicolon at the end of a line."""
    lines = [line for line in script.splitlines() if not line.lstrip().startswith("--")]
    parts = "\n".join(lines).split(";\n")
    return [part.strip().rstrip(";") for part in parts if part.strip().rstrip(";")]


def _load(run: Run, table: Table, plan: Plan) -> dict[str, Any]:
    if ledger.entry(run, table.name) is None:
        names = Staging.of(run, table)
        if not plan.idle:
            _stage_curated(run, table, plan, names)
        statements = [
            *ledger.fence(run, table.name, plan),
            *(_idle(run, table, plan) if plan.idle else _merge(run, table, plan, names)),
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


def _stage_curated(run: Run, table: Table, plan: Plan, names: Staging) -> None:
    """COPY what stage 03 wrote: good rows and bad ones."""
    key = run.curated_key(table.name, "manifest.json")
    empty: dict[str, Any] = {"entries": [], "meta": {"record_count": 0}}
    manifest = run.zone.get_json(key) or (None if plan.window.rows else empty)
    if manifest is None:
        raise RunFailed(f"table {table.name}: nothing curated: run 03_transform to its end first")
    columns = staging.curated_columns(table, plan.columns)
    ingest.fill(run, table, names.good, columns, key, manifest)
    bad = manifest["meta"].get("quarantine", empty)
    key = run.curated_key(table.name, "quarantine.json")
    run.zone.put_json(key, bad)
    listed = [*staging.key_columns(table, plan.columns), *staging.QUARANTINE_EXTRA]
    ingest.fill(run, table, names.bad, listed, key, bad)


def _explain(run: Run, table: Table, plan: Plan, error: StatementFailed) -> None:
    """A fence that fell is either our own earlier success or somebody else's."""
    if ledger.BEHIND in error.reason:
        raise WarehouseBehind(table.name, plan.after or "") from None
    if ledger.FENCED not in error.reason:
        raise error
    if ledger.entry(run, table.name) is None:
        raise Fenced(
            f"table {table.name}: a newer run has loaded it, so run {run.run_id} must not. "
            "Nothing was written. Start a new run."
        ) from None


def _idle(run: Run, table: Table, plan: Plan) -> list[str]:
    none = {"loaded": "0", "deleted": "0", "quarantined": "0", "missing": "0"}
    return [ledger.insert(run, table.name, plan, 0, none)]


def _merge(run: Run, table: Table, plan: Plan, names: Staging) -> list[str]:
    """The transaction: what raw has, as it is or newer, drops out first; changes are merged."""
    keys = staging.key_names(table)
    raw, curated = staging.raw_table(table), staging.curated_table(table)
    counts = {
        "loaded": f"SELECT COUNT(*) FROM {names.rows}",
        "deleted": f"SELECT COUNT(*) FROM {names.gone}",
        "quarantined": f"SELECT COUNT(*) FROM {names.bad}",
        "missing": _missing(table, plan, names),
    }
    manifest = run.zone.get_json(run.raw_key(table.name, "manifest.json"))
    assert manifest is not None
    curated_names = [each["name"] for each in staging.curated_columns(table, plan.columns)]
    return [
        *_find_gone(run, table, plan, names),
        _drop_settled(run, table, plan, names.rows),
        *(_keep_staged(keys, name, names.rows) for name in (names.good, names.bad)),
        *_touched(run, table, names),
        _merge_raw(run, table, plan, names.rows),
        f"UPDATE {raw} SET _deleted_at = GETDATE(), _run_id = {literal(run.run_id)}, "
        f"_etl_seq = {int(plan.sequence)} FROM {names.gone} AS g "
        f"WHERE {staging.same(keys, raw, 'g')}",
        *_delete_keys(curated, keys, [names.bad, names.gone]),
        _upsert(curated, names.good, keys, curated_names, {"_run_id": literal(run.run_id)}),
        *_quarantine(run, table, plan, names),
        ledger.insert(run, table.name, plan, manifest["meta"]["record_count"], counts),
    ]


def _find_gone(run: Run, table: Table, plan: Plan, names: Staging) -> list[str]:
    """Keys that raw holds and the source no longer had when the run was planned."""
    keys = staging.key_names(table)
    listed = ", ".join(f"r.{redshift(key)}" for key in keys)
    present = names.rows if plan.window.mode == "full" else names.keys
    where = (
        f"NOT EXISTS (SELECT 1 FROM {present} AS s WHERE {staging.same(keys, 's', 'r')}) "
        f"AND NOT {_newer(run, plan, 'r')}"
        if plan.sweep
        else "FALSE"
    )
    return [
        f"DROP TABLE IF EXISTS {names.gone}",
        f"CREATE TABLE {names.gone} AS SELECT {listed} FROM {staging.raw_table(table)} AS r "
        f"WHERE r._deleted_at IS NULL AND {where}",
    ]


def _missing(table: Table, plan: Plan, names: Staging) -> str:
    """Keys of the source that raw does not hold after the merge: rows with an old stamp."""
    if not plan.sweep or plan.window.mode == "full":
        return "0"
    keys = staging.key_names(table)
    return (
        f"SELECT COUNT(*) FROM {names.keys} AS k WHERE NOT EXISTS (SELECT 1 "
        f"FROM {staging.raw_table(table)} AS r "
        f"WHERE r._deleted_at IS NULL AND {staging.same(keys, 'r', 'k')})"
    )


def _drop_settled(run: Run, table: Table, plan: Plan, rows: str) -> str:
    """Rows that raw has already: the same, or as a newer run has loaded them."""
    raw = staging.raw_table(table)
    equal = " AND ".join(_equal(column, rows, raw) for column in plan.columns)
    return (
        f"DELETE FROM {rows} USING {raw} WHERE {staging.same(staging.key_names(table), rows, raw)} "
        f"AND ({_newer(run, plan, raw)} OR ({raw}._deleted_at IS NULL AND {equal}))"
    )


def _newer(run: Run, plan: Plan, raw: str) -> str:
    """Rows of raw that were planned after this run, and must stay as they are.

    A backfill has the number of the run that was planned last before it, so it wins a tie.
    """
    newer = f"{raw}._etl_seq > {int(plan.sequence)}"
    if plan.in_turn:
        own = f"{raw}._run_id = {literal(run.run_id)}"
        newer += f" OR ({raw}._etl_seq = {int(plan.sequence)} AND NOT {own})"
    return f"({newer})"


def _equal(column: Mapping[str, str], left: str, right: str) -> str:
    """Equal or both NULL. Redshift ignores trailing blanks, so texts get a full stop behind."""
    a, b = (f"{side}.{redshift(column['name'])}" for side in (left, right))
    mark = " || '.'" if column["type"].startswith("VARCHAR") else ""
    return f"({a}{mark} = {b}{mark} OR ({a} IS NULL AND {b} IS NULL))"


def _keep_staged(keys: Sequence[str], name: str, rows: str) -> str:
    return (
        f"DELETE FROM {name} WHERE NOT EXISTS "
        f"(SELECT 1 FROM {rows} AS s WHERE {staging.same(keys, 's', name)})"
    )


def _touched(run: Run, table: Table, names: Staging) -> list[str]:
    """Note the periods of each indicator that the old or the new version of a row falls in."""
    keys = staging.key_names(table)
    curated = staging.curated_table(table)
    changed = " OR ".join(
        f"EXISTS (SELECT 1 FROM {name} AS s WHERE {staging.same(keys, 's', 'c')})"
        for name in (names.rows, names.gone)
    )
    statements = []
    for indicator in run.contract.indicators:
        if table.name not in indicator.touched_by:
            continue
        first, last = _span(indicator.touched_by[table.name])
        spans = (
            f"SELECT {first} AS a, {last} AS b FROM {curated} AS c WHERE {changed} "
            f"UNION SELECT {first} AS a, {last} AS b FROM {names.good} AS c"
        )
        statements.append(
            f"INSERT INTO etl.touched SELECT DISTINCT {literal(run.contract.name)}, "
            f"{literal(indicator.name)}, CAST(a AS DATE), CAST(b AS DATE) "
            f"FROM ({spans}) AS t WHERE a IS NOT NULL AND b IS NOT NULL"
        )
    return statements


def _span(span: tuple[str, ...]) -> tuple[str, str]:
    if span == (ALL,):
        return f"DATE '{BEGINNING}'", f"DATE '{END}'"
    return span[0], span[1]


def _merge_raw(run: Run, table: Table, plan: Plan, rows: str) -> str:
    extra = {
        "_run_id": literal(run.run_id),
        "_loaded_at": "GETDATE()",
        "_deleted_at": "NULL",
        "_etl_seq": str(int(plan.sequence)),
    }
    names = [column["name"] for column in plan.columns]
    return _upsert(staging.raw_table(table), rows, staging.key_names(table), names, extra)


def _upsert(
    target: str, rows: str, keys: Sequence[str], names: Sequence[str], extra: Mapping[str, str]
) -> str:
    """MERGE as Redshift takes it: both branches, equality only, SET columns unqualified."""
    bare = target.rpartition(".")[2]
    values = {redshift(name): f"s.{redshift(name)}" for name in names}
    values.update({redshift(name): value for name, value in extra.items()})
    return (
        f"MERGE INTO {target} USING {rows} AS s ON {staging.same(keys, bare, 's')} "
        f"WHEN MATCHED THEN UPDATE SET {', '.join(f'{n} = {v}' for n, v in values.items())} "
        f"WHEN NOT MATCHED THEN INSERT ({', '.join(values)}) VALUES ({', '.join(values.values())})"
    )


def _delete_keys(target: str, keys: Sequence[str], sources: Sequence[str]) -> list[str]:
    return [
        f"DELETE FROM {target} USING {source} AS s WHERE {staging.same(keys, target, 's')}"
        for source in sources
    ]


def _quarantine(run: Run, table: Table, plan: Plan, names: Staging) -> list[str]:
    """Replace what quarantine held of these keys: a row that is good now leaves it."""
    keys = staging.key_names(table)
    target = staging.quarantine_table(table)
    listed = ", ".join(redshift(name) for name in [*keys, "_rule", "_row"])
    return [
        *_delete_keys(target, keys, [names.rows, names.gone]),
        f"INSERT INTO {target} ({listed}, _run_id, _quarantined_at) "
        f"SELECT {listed}, {literal(run.run_id)}, GETDATE() FROM {names.bad}",
    ]


def _refresh(run: Run, indicator: Indicator) -> list[str]:
    """Delete and compute again the touched periods of one indicator."""
    target = redshift("presentation", folded(indicator.name))
    period = redshift(indicator.period)
    touched = (
        "EXISTS (SELECT 1 FROM etl.touched AS t "
        f"WHERE t.pipeline = {literal(run.contract.name)} "
        f"AND t.indicator = {literal(indicator.name)} "
        "AND {period} BETWEEN t.first_period AND t.last_period)"
    )
    query = statements_of(run.sql(f"redshift/presentation/{indicator.name}.sql"))
    return [
        f"DELETE FROM {target} WHERE {touched.format(period=f'{target}.{period}')}",
        f"INSERT INTO {target} SELECT * FROM ({query[-1]}) AS q "
        f"WHERE {touched.format(period=f'q.{period}')}",
    ]
