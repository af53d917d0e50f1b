"""Do the warehouse's layers agree? Raw against curated and quarantine, indicators against both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from etl_lib import checksum, staging
from etl_lib.contract import Indicator, Table
from etl_lib.identifiers import folded, literal, redshift
from etl_lib.reconcile import Key
from etl_lib.run import Run
from etl_lib.staging import Columns
from etl_lib.warehouse import statements_of

MOST_KEYS = 100_000  # named of one kind of damage


@dataclass
class Layers:
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

    @property
    def damaged(self) -> list[Key]:
        return sorted({*self.lost, *self.extra, *self.both, *self.duplicated, *self.altered})

    def as_dict(self) -> dict[str, Any]:
        return {"table": self.table} | {
            name: len(getattr(self, name))
            for name in ("lost", "extra", "both", "duplicated", "altered")
        }


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
    for layer, expected in (
        (curated, staging.curated_columns(table, columns)),
        (bad, [*staging.key_columns(table, columns), *staging.QUARANTINE_EXTRA]),
    ):
        found.extra += ask(layer, _absent(keys, live))
        found.duplicated += ask(layer, "TRUE", having="COUNT(*) > 1")
        found.altered += ask(layer, f"_digest <> {checksum.redshift_digest(expected, 'a')}")
    return found


def quarantined(run: Run, table: Table, columns: Columns, rule: str = "") -> list[Key]:
    """The keys that stand in quarantine, for one rule or all."""
    where = f"a._rule = {literal(rule)}" if rule else "TRUE"
    return _Asker(run, table, columns)(staging.quarantine_table(table), where)


def stale_periods(run: Run, indicator: Indicator) -> int:
    """Rows by which an indicator differs from its query over what is curated now."""
    table = redshift("presentation", folded(indicator.name))
    query = statements_of(run.sql(f"redshift/presentation/{indicator.name}.sql"))[-1]
    one, other = f"SELECT * FROM ({query}) AS q", f"SELECT * FROM {table}"
    found = run.warehouse.rows(
        f"SELECT (SELECT COUNT(*) FROM ({one} EXCEPT {other}) AS x) + "
        f"(SELECT COUNT(*) FROM ({other} EXCEPT {one}) AS y) + "
        f"ABS((SELECT COUNT(*) FROM ({one}) AS v) - (SELECT COUNT(*) FROM {table})) AS n"
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
