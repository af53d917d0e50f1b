"""Names and shapes of a run's tables in the warehouse: staging, raw, curated, quarantine."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from etl_lib.contract import Table
from etl_lib.identifiers import folded, literal, redshift, run_suffix
from etl_lib.run import Plan, Run

Columns = Sequence[Mapping[str, str]]

RAW_EXTRA = [
    {"name": "_run_id", "type": "VARCHAR(127)"},
    {"name": "_loaded_at", "type": "TIMESTAMP"},
    {"name": "_deleted_at", "type": "TIMESTAMP"},
    {"name": "_etl_seq", "type": "BIGINT"},
]
# _digest: the MD5 of the row as it was loaded. A row that says another has been altered since. NULL
# of what was loaded as raw has it: to be compared with raw, at no cost for who loads it.
DIGEST = {"name": "_digest", "type": "VARCHAR(32)"}
CURATED_EXTRA = [{"name": "_run_id", "type": "VARCHAR(127)"}, DIGEST]
QUARANTINE_EXTRA = [
    {"name": "_rule", "type": "VARCHAR(127)"},
    {"name": "_row", "type": "VARCHAR(65535)"},
]
QUARANTINED = [
    *QUARANTINE_EXTRA,
    {"name": "_run_id", "type": "VARCHAR(127)"},
    {"name": "_quarantined_at", "type": "TIMESTAMP"},
    DIGEST,
]


@dataclass(frozen=True)
class Staging:
    """The run's own tables for one source table. Never shared, so never truncated."""

    rows: str
    keys: str
    good: str
    bad: str
    gone: str

    @classmethod
    def of(cls, run: Run, table: Table) -> Staging:
        return cls.named(table.name, run.run_id)

    @classmethod
    def named(cls, table: str, run_id: str) -> Staging:
        name = folded(table)
        if len(name) > 50:  # cut, and still its own
            name = f"{name[:41]}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
        stem = f"{name}__{run_suffix(run_id)}"
        return cls(
            *(redshift("tmp", stem + part) for part in ("", "__keys", "__good", "__bad", "__gone"))
        )

    @property
    def all(self) -> tuple[str, ...]:
        return (self.rows, self.keys, self.good, self.bad, self.gone)


def raw_table(table: Table) -> str:
    return redshift("raw", folded(table.name))


def curated_table(table: Table) -> str:
    return redshift("curated", folded(table.name))


def quarantine_table(table: Table) -> str:
    return redshift("quarantine", folded(table.name))


def key_names(table: Table) -> list[str]:
    return [folded(key) for key in table.keys]


def key_columns(table: Table, columns: Columns) -> list[Mapping[str, str]]:
    return [column for column in columns if column["name"] in key_names(table)]


def listed_columns(table: Table, plan: Plan) -> list[Mapping[str, str]]:
    """The columns of what is staged as keys. A sweep's come with their stamps: a key that raw does
    not hold may just be newer than the window."""
    stamp = {table.cursor} if plan.sweep and plan.window.mode == "incremental" else set()
    wanted = {*key_names(table), *(folded(name) for name in stamp if name)}
    return [column for column in plan.columns if column["name"] in wanted]


def curated_columns(table: Table, columns: Columns) -> list[dict[str, str]]:
    """The curated table's columns: the source's, with the contract's types where it names one."""
    named = {column["name"]: column["type"] for column in columns}
    named.update({name: column.type for name, column in table.columns.items()})
    return [{"name": name, "type": kind} for name, kind in named.items()]


def create(name: str, columns: Columns, table: Table, permanent: bool = False) -> str:
    """CREATE TABLE; keys are NOT NULL, since a NULL key would be inserted anew by every run.

    Staging is read once and dropped: to compress it takes longer than it saves.
    """
    keys = key_names(table)
    raw = "" if permanent else " ENCODE RAW"
    body = ", ".join(
        f"{redshift(column['name'])} {column['type']}{raw}"
        + (" NOT NULL" if column["name"] in keys else "")
        for column in columns
    )
    if not permanent:
        return f"CREATE TABLE {name} ({body})"
    return f"CREATE TABLE IF NOT EXISTS {name} ({body}){_layout(table)}"


def keyed(table: Table) -> Table:
    """The table as quarantine holds it: laid out by those of its columns that are keys."""
    keys = key_names(table)
    distkey = table.distkey if table.distkey and folded(table.distkey) in keys else None
    sortkey = tuple(each for each in table.sortkey if folded(each) in keys)
    return replace(table, distkey=distkey, sortkey=sortkey)


def copy(name: str, columns: Columns, manifest: str, role: str) -> str:
    """COPY by manifest, with its columns named: never by prefix, never by position alone."""
    listed = ", ".join(redshift(column["name"]) for column in columns)
    return (
        f"COPY {name} ({listed}) FROM {literal(manifest)} "
        f"IAM_ROLE {literal(role)} FORMAT AS PARQUET MANIFEST"
    )


def same(keys: Sequence[str], left: str, right: str) -> str:
    """Equality on the key columns of two relations."""
    return " AND ".join(f"{left}.{redshift(key)} = {right}.{redshift(key)}" for key in keys)


def equal(columns: Columns, left: str, right: str) -> str:
    """Equality of two relations on these columns; a NULL is equal to a NULL."""
    return " AND ".join(_equal(column, left, right) for column in columns)


def _equal(column: Mapping[str, str], left: str, right: str) -> str:
    """Redshift ignores trailing blanks, so texts get a full stop behind."""
    a, b = (f"{side}.{redshift(column['name'])}" for side in (left, right))
    mark = " || '.'" if column["type"].startswith("VARCHAR") else ""
    return f"({a}{mark} = {b}{mark} OR ({a} IS NULL AND {b} IS NULL))"


def _layout(table: Table) -> str:
    dist = f" DISTKEY ({redshift(table.distkey)})" if table.distkey else " DISTSTYLE AUTO"
    keys = ", ".join(redshift(key) for key in table.sortkey)
    return dist + (f" SORTKEY ({keys})" if keys else "")
