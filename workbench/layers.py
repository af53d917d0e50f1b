"""Do the warehouse's layers agree? Raw against curated and quarantine, indicators against both."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from etl_lib import checksum, drift, indicators, staging
from etl_lib.contract import Indicator, Table
from etl_lib.identifiers import folded, literal, redshift
from etl_lib.run import Run
from etl_lib.staging import Columns
from workbench.comparison import Damage, Key

MOST_KEYS = 100_000  # named of one kind of damage
MOST_RUNS = 1_000  # whose columns are looked up


@dataclass
class Layers(Damage):
    """What is wrong in one table's curated and quarantined rows, by key.

    ``lost`` keys are live in raw and in neither, ``extra`` ones in one of them and not live in
    raw, ``both`` in both, ``duplicated`` more than once in one, and ``altered`` rows are not what
    the load wrote.
    """

    table: str
    lost: list[Key] = field(default_factory=list)
    extra: list[Key] = field(default_factory=list)
    both: list[Key] = field(default_factory=list)
    duplicated: list[Key] = field(default_factory=list)
    altered: list[Key] = field(default_factory=list)


def compare(run: Run, table: Table, columns: Columns) -> Layers:
    """Compare the layers of one table that was loaded with ``columns``. Reads only."""
    keys = staging.key_names(table)
    raw, curated = staging.raw_table(table), staging.curated_table(table)
    bad = staging.quarantine_table(table)
    live = f"(SELECT * FROM {raw} WHERE _deleted_at IS NULL)"
    found = Layers(table.name)
    ask = _Asker(run, table, columns)
    found.lost = ask(live, f"{_absent(keys, curated)} AND {_absent(keys, bad)}")
    found.both = ask(curated, _present(keys, bad))
    for layer in (curated, bad):
        found.extra += ask(layer, _absent(keys, live))
        found.duplicated += ask(layer, "TRUE", having="COUNT(*) > 1")
    kept = [*staging.key_columns(table, columns), *staging.QUARANTINE_EXTRA]
    found.altered = [*_altered(ask, curated), *ask(bad, _differs(kept))]
    return found


def _altered(ask: _Asker, curated: str) -> list[Key]:
    """Rows that are not what their load wrote: what it let pass as it was is not what raw has; the
    others by their digest."""
    raw = staging.raw_table(ask.table)
    same = staging.same(staging.key_names(ask.table), "c", "r")
    passed = (
        f"(SELECT c.* FROM {curated} AS c JOIN {raw} AS r ON {same} WHERE c._digest IS NULL "
        f"AND CASE WHEN {_as_raw(ask)} THEN 0 ELSE 1 END = 1)"  # NOT would pass over NULLs
    )
    return [*ask(passed, "TRUE"), *_digested(ask, curated)]


def _as_raw(ask: _Asker) -> str:
    """SQL: row c of curated is row r of raw. A column that the source has no more may be NULL: a
    row that has left curated and come back has it so. One that only curated has is NULL, as its
    rows come of another load."""
    there, name = drift.actual(ask.run), folded(ask.table.name)
    raw, curated = there["raw", name], there["curated", name]
    ours = {each["name"] for each in (*staging.RAW_EXTRA, *staging.CURATED_EXTRA)}
    known = {each["name"] for each in ask.columns}
    told = ["TRUE"]
    for column, (kind, _) in curated.items():
        value = f"c.{redshift(column)}"
        if column in ours:
            continue
        if column not in raw:
            told.append(f"{value} IS NULL")
        elif drift.wider(raw[column][0], kind) is not None:  # a contract may retype: other loads
            equal = staging.equal([{"name": column, "type": kind}], "c", "r")
            told.append(equal if column in known else f"({equal} OR {value} IS NULL)")
    return " AND ".join(told)


def _digested(ask: _Asker, curated: str) -> list[Key]:
    """By the columns that the load knew: what an evolved table has had since must be NULL still."""
    now = staging.curated_columns(ask.table, ask.columns)
    shapes = _shapes_before(ask, curated, _differs(now))
    then = ", ".join(literal(each) for ids in shapes.values() for each in ids)
    rest = f"(SELECT * FROM {curated} WHERE _run_id NOT IN ({then}))" if then else curated
    found = ask(rest, _differs(now))
    for shape, ids in shapes.items():
        listed = staging.curated_columns(ask.table, json.loads(shape))
        known = {each["name"] for each in listed}
        added = [redshift(each["name"]) for each in now if each["name"] not in known]
        as_then = [_as(redshift(each["name"]), each["type"]) for each in listed]
        rows = (
            f"(SELECT {', '.join([*as_then, *added, '_digest'])} FROM {curated} "
            f"WHERE _run_id IN ({', '.join(map(literal, ids))}))"
        )
        found += ask(rows, " OR ".join([_differs(listed), *(f"{c} IS NOT NULL" for c in added)]))
    return found


def _as(column: str, kind: str) -> str:
    """Of a binary column the digest is the same in any length."""
    return column if kind.startswith("VARBYTE") else f"CAST({column} AS {kind}) AS {column}"


def _differs(columns: Sequence[Mapping[str, str]]) -> str:
    return f"_digest <> {checksum.redshift_digest(columns, 'a')}"


def _shapes_before(ask: _Asker, curated: str, differs: str) -> dict[str, list[str]]:
    """Columns, as JSON, that loads of rows that differ by today's had -> the runs that loaded them.

    Of a run whose plan is gone from S3 nobody knows them: its rows count as altered.
    """
    query = (
        f"SELECT DISTINCT _run_id AS run_id FROM {curated} AS a WHERE {differs} LIMIT {MOST_RUNS}"
    )
    found: dict[str, list[str]] = {}
    for row in ask.run.warehouse.rows(query):
        other = replace(ask.run, run_id=row["run_id"])
        plan = ask.run.zone.get_json(other.plan_key(ask.table.name))
        if plan and plan["columns"] != list(ask.columns):
            found.setdefault(json.dumps(plan["columns"]), []).append(row["run_id"])
    return found


def quarantined(run: Run, table: Table, columns: Columns, rule: str = "") -> list[Key]:
    """The keys that stand in quarantine, for one rule or all."""
    where = f"a._rule = {literal(rule)}" if rule else "TRUE"
    return _Asker(run, table, columns)(staging.quarantine_table(table), where)


def stale_periods(run: Run, indicator: Indicator) -> int:
    """Rows by which an indicator differs from its query over what is curated now."""
    table = redshift("presentation", folded(indicator.name))
    query = indicators.query(run, indicator)
    one, other = f"SELECT * FROM ({query}) AS q", f"SELECT * FROM {table}"
    found = run.warehouse.rows(
        f"SELECT GREATEST((SELECT COUNT(*) FROM ({one} EXCEPT {other}) AS x) + "
        f"(SELECT COUNT(*) FROM ({other} EXCEPT {one}) AS y), "
        # Of rows that are there twice only their number tells.
        f"ABS((SELECT COUNT(*) FROM ({one}) AS v) - (SELECT COUNT(*) FROM {table}))) AS n"
    )
    return int(found[0]["n"])


@dataclass(frozen=True)
class _Asker:
    """Asks for the keys of a relation's rows that fulfil a condition."""

    run: Run
    table: Table
    columns: Columns

    def __call__(self, relation: str, where: str, having: str = "TRUE") -> list[Key]:
        by_name = {each["name"]: each["type"] for each in self.columns}
        keys = staging.key_names(self.table)
        texts = [checksum.redshift_key(key, by_name[key], "a") for key in keys]
        names = ", ".join(f"{text} AS k{number}" for number, text in enumerate(texts))
        places = ", ".join(str(number + 1) for number in range(len(keys)))
        rows = self.run.warehouse.rows(
            f"SELECT {names} FROM {relation} AS a WHERE {where} "
            f"GROUP BY {places} HAVING {having} LIMIT {MOST_KEYS}"
        )
        return [tuple(str(value) for value in row.values()) for row in rows]


def _present(keys: Sequence[str], other: str) -> str:
    return f"EXISTS (SELECT 1 FROM {other} AS b WHERE {staging.same(keys, 'b', 'a')})"


def _absent(keys: Sequence[str], other: str) -> str:
    return f"NOT {_present(keys, other)}"
