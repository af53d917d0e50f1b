"""Repair: a run that moves single keys again, by the same six stages as any other run.

Its plans are stored beforehand, so stage 01 adopts them. It has the sequence number of the last
run, and moves no bookmark: a row that a newer run loads meanwhile stays as that run has left it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from etl_lib import checksum, ledger, types
from etl_lib.contract import Table
from etl_lib.identifiers import folded, mysql
from etl_lib.run import REPAIR, Plan, Run
from etl_lib.types import Column
from etl_lib.window import Window

if TYPE_CHECKING:
    import pyarrow as pa

Key = Sequence[str]
MOST_KEYS = 100_000


def store(run: Run, table: Table, keys: Sequence[Key]) -> None:
    """Store the plan by which ``run`` moves ``keys`` of ``table`` again."""
    bookmark = ledger.current(run, table.name)
    assert bookmark.columns is not None, "a table that was never loaded has nothing to repair"
    window = Window(table.name, REPAIR, None, None, "full", rows=len(keys))
    plan = Plan(
        window=window,
        columns=json.loads(bookmark.columns),
        sequence=bookmark.version,
        sweep=False,
        source=bookmark.source or "",
        cursor=table.cursor,
        after=bookmark.run_id,
        besides=ledger.besides(run, table.name),
    )
    run.zone.put_json_once(_keys_key(run, table), {"keys": [list(key) for key in keys]})
    run.zone.put_json_once(run.plan_key(table.name), plan.as_dict())


def keys_of(run: Run, table: Table) -> list[Key]:
    document = run.zone.get_json(_keys_key(run, table))
    assert document is not None, "stored before the plan"
    return [tuple(key) for key in document["keys"]]


def predicate(
    table: Table, columns: Sequence[Mapping[str, str]], source: Sequence[Column], keys: list[Key]
) -> str:
    """A WHERE clause for these keys. Digits stand as they are, all else as hexadecimal bytes."""
    by_name = {column.name: column for column in source}
    kinds = {each["source"]: each["type"] for each in columns}
    sides = [_compared(by_name[name], kinds[name]) for name in table.keys]
    listed = ", ".join(f"({', '.join(_literal(value) for value in key)})" for key in keys)
    return f"({', '.join(sides)}) IN ({listed})"


def table_of_keys(table: Table, columns: Sequence[Mapping[str, str]], keys: list[Key]) -> pa.Table:
    """The keys as a Parquet table with these columns, as COPY takes it."""
    import pyarrow as pa

    places = {folded(name): number for number, name in enumerate(table.keys)}
    arrays = [
        pa.array([_value(key[places[each["name"]]], each["type"]) for key in keys]).cast(
            types.arrow_type(each["type"])
        )
        for each in columns
    ]
    return pa.Table.from_arrays(arrays, names=[each["name"] for each in columns])


def _compared(column: Column, kind: str) -> str:
    """The column itself, so that its index serves; of a moment, the number that names it."""
    return checksum.mysql_key(column, kind) if checksum.is_moment(kind) else mysql(column.name)


def _literal(value: str) -> str:
    if value.lstrip("-").replace(".", "", 1).isdecimal() and value.isascii():
        return f"'{value}'"
    return f"_utf8mb4 X'{value.encode().hex()}'"


def _value(text: str, kind: str) -> Any:
    if kind == "TIMESTAMP":
        return int(text)
    if kind == "DATE":
        return date(1970, 1, 1) + timedelta(microseconds=int(text))
    if kind in ("SMALLINT", "INTEGER", "BIGINT"):
        return int(text)
    return Decimal(text) if kind.startswith("DECIMAL") else text


def _keys_key(run: Run, table: Table) -> str:
    return f"{run.prefix}/repair/{table.name}.json"
