"""The merge: from staged rows to raw, curated, quarantine and ledger, as SQL statements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from etl_lib import checksum, indicators, ledger, soft, staging
from etl_lib.contract import Table
from etl_lib.identifiers import folded, literal, redshift
from etl_lib.run import BACKFILL, REPAIR, Plan, Run
from etl_lib.staging import Staging


def merge(run: Run, table: Table, plan: Plan, names: Staging) -> list[str]:
    """Take the staged rows over: what raw has, as it is or newer, drops out; changes are merged."""
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
    listed = staging.curated_columns(table, plan.columns)
    as_raw = names.good == names.rows
    extra = {
        "_run_id": literal(run.run_id),
        "_digest": "NULL" if as_raw else checksum.redshift_digest(listed, "s"),
    }
    judged = [name for name in (names.good, names.bad) if name != names.rows]
    return [
        *_drop_vanished(table, plan, names),
        *_find_gone(run, table, plan, names),
        *_drop_settled(run, table, plan, names),
        *_find_marked(table, plan, names),
        *(_keep_staged(keys, name, names.rows) for name in judged),
        # A row may have been deleted between the reading of the rows and that of the keys.
        *_delete_keys(names.bad, keys, [names.gone]),
        *indicators.note(run, table, names),
        *(_forget(table, names) if plan.window.mode == REPAIR else ()),
        _merge_raw(run, table, plan, names.rows),
        f"UPDATE {raw} SET _deleted_at = GETDATE(), _run_id = {literal(run.run_id)}, "
        f"_etl_seq = {int(plan.sequence)} FROM {names.gone} AS g "
        f"WHERE {staging.same(keys, raw, 'g')}",
        _upsert(curated, names.good, keys, [each["name"] for each in listed], extra),
        # Last: among the good rows are those that the source has marked as deleted.
        *_delete_keys(curated, keys, [names.bad, names.gone]),
        *_quarantine(run, table, plan, names),
        ledger.insert(run, table.name, plan, manifest["meta"]["record_count"], counts),
    ]


def _find_gone(run: Run, table: Table, plan: Plan, names: Staging) -> list[str]:
    """Keys that raw holds and the source no longer had when the run was planned."""
    keys = staging.key_names(table)
    listed = ", ".join(f"r.{redshift(key)}" for key in keys)
    in_rows, in_keys = (
        f"EXISTS (SELECT 1 FROM {name} AS s WHERE {staging.same(keys, 's', 'r')})"
        for name in (names.rows, names.keys)
    )
    where = "FALSE"
    if plan.window.mode == REPAIR:
        where = f"{in_keys} AND NOT {in_rows}"
    elif plan.sweep:
        where = f"NOT {in_rows if plan.window.mode == 'full' else in_keys}"
    where = f"{where} AND NOT {_newer(run, plan, 'r')}"
    return [
        f"DROP TABLE IF EXISTS {names.gone}",
        f"CREATE TABLE {names.gone} AS SELECT {listed} FROM {staging.raw_table(table)} AS r "
        f"WHERE r._deleted_at IS NULL AND {where}",
    ]


def _drop_vanished(table: Table, plan: Plan, names: Staging) -> list[str]:
    """Staged rows that were deleted between the reading of the rows and that of the keys. Nobody
    would find a new one later: the keys' digest is already without it."""
    if plan.window.mode != "incremental" or not plan.sweep:
        return []
    keys = staging.key_names(table)
    return [
        f"DELETE FROM {names.rows} WHERE NOT EXISTS (SELECT 1 FROM {names.keys} AS k "
        f"WHERE {staging.same(keys, 'k', names.rows)})"
    ]


def _find_marked(table: Table, plan: Plan, names: Staging) -> list[str]:
    """Add the keys of rows that the source has marked as deleted."""
    if table.soft is None:
        return []
    listed = ", ".join(f"s.{redshift(key)}" for key in staging.key_names(table))
    return [
        f"INSERT INTO {names.gone} SELECT {listed} FROM {names.rows} AS s "
        f"WHERE {soft.in_redshift(table, plan.columns, 's')}"
    ]


def _forget(table: Table, names: Staging) -> list[str]:
    """Before a repair: all copies of its keys, wherever they are. What is deleted in the source
    stays in raw, and is marked."""
    keys = staging.key_names(table)
    return [
        *_delete_keys(staging.raw_table(table), keys, [names.rows]),
        *_delete_keys(staging.curated_table(table), keys, [names.keys]),
        *_delete_keys(staging.quarantine_table(table), keys, [names.keys]),
    ]


def _missing(table: Table, plan: Plan, names: Staging) -> str:
    """Keys of the source that raw does not hold after the merge: rows with an old stamp."""
    if not plan.sweep or plan.window.mode != "incremental":
        return "0"
    assert table.cursor is not None and plan.window.high is not None
    keys, stamp = staging.key_names(table), redshift(folded(table.cursor))
    return (
        f"SELECT COUNT(*) FROM {names.keys} AS k WHERE NOT EXISTS (SELECT 1 "
        f"FROM {staging.raw_table(table)} AS r "
        f"WHERE r._deleted_at IS NULL AND {staging.same(keys, 'r', 'k')}) "
        f"AND k.{stamp} < {literal(plan.window.high)}"
    )


def _drop_settled(run: Run, table: Table, plan: Plan, names: Staging) -> list[str]:
    """Rows that raw has already: the same, or as a newer run has loaded them.

    A repair moves the same rows too: what is wrong may be in curated. So does a backfill: rules and
    computed columns may be others than when they were loaded.
    """
    raw, keys = staging.raw_table(table), staging.key_names(table)
    settled, staged = _newer(run, plan, raw), [names.rows]
    if plan.window.mode == REPAIR:
        staged.append(names.keys)
    elif plan.window.mode != BACKFILL:
        equal = staging.equal(plan.columns, names.rows, raw)
        state = _as_live_as(table, plan, names.rows, raw)
        settled = f"({settled} OR ({state} AND {equal}))"
    return [
        f"DELETE FROM {name} USING {raw} WHERE {staging.same(keys, name, raw)} AND {settled}"
        for name in staged
    ]


def _as_live_as(table: Table, plan: Plan, rows: str, raw: str) -> str:
    if table.soft is None:
        return f"{raw}._deleted_at IS NULL"
    marked = soft.in_redshift(table, plan.columns, rows)
    live = f"CASE WHEN {raw}._deleted_at IS NULL THEN 1 ELSE 0 END"
    return f"{live} = CASE WHEN {marked} THEN 0 ELSE 1 END"


def _newer(run: Run, plan: Plan, raw: str) -> str:
    """Rows of raw that were planned after this run, and must stay as they are.

    A backfill has the number of the run that was planned last before it, so it wins a tie.
    """
    newer = f"{raw}._etl_seq > {int(plan.sequence)}"
    if plan.in_turn:
        own = f"{raw}._run_id = {literal(run.run_id)}"
        newer += f" OR ({raw}._etl_seq = {int(plan.sequence)} AND NOT {own})"
    return f"({newer})"


def _keep_staged(keys: Sequence[str], name: str, rows: str) -> str:
    return (
        f"DELETE FROM {name} WHERE NOT EXISTS "
        f"(SELECT 1 FROM {rows} AS s WHERE {staging.same(keys, 's', name)})"
    )


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
    bare = '"' + target.split('"."', 1)[1]  # a table's name may have a full stop
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
    columns = [*staging.key_columns(table, plan.columns), *staging.QUARANTINE_EXTRA]
    listed = ", ".join(redshift(each["name"]) for each in columns)
    digest = checksum.redshift_digest(columns)
    return [
        *_delete_keys(target, keys, [names.rows, names.gone]),
        f"INSERT INTO {target} ({listed}, _run_id, _quarantined_at, _digest) "
        f"SELECT {listed}, {literal(run.run_id)}, GETDATE(), {digest} FROM {names.bad}",
    ]
