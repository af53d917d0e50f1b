"""Columns that are not those of the last run: found when a run is planned, and settled by policy.

``drift = "freeze"`` stops with the difference shown. ``"evolve"`` takes up what loses nothing: a
column that was added, and a type that became wider, by ALTER; one that was dropped stays in the
warehouse as it is. Columns are told apart by their names, never by their place. What no ALTER can
take up stops the run under either policy, before anything is moved.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from etl_lib import masks, staging
from etl_lib.bookmarks import Bookmark
from etl_lib.contract import Table
from etl_lib.errors import SchemaDrift
from etl_lib.identifiers import folded, redshift
from etl_lib.run import Plan, Run
from etl_lib.staging import Columns

INTEGERS = {"SMALLINT": 5, "INTEGER": 10, "BIGINT": 19}  # digits
DIGITS = 38
SIZED = re.compile(r"(VARCHAR|VARBYTE|DECIMAL)\((\d+)(?:,(\d+))?\)")
# As SVV_COLUMNS spells the types.
SPELLED = {
    "smallint": "SMALLINT",
    "integer": "INTEGER",
    "bigint": "BIGINT",
    "double precision": "DOUBLE PRECISION",
    "boolean": "BOOLEAN",
    "date": "DATE",
    "timestamp without time zone": "TIMESTAMP",
}


def settle(
    table: Table, bookmark: Bookmark, columns: Columns
) -> tuple[list[dict[str, str]], list[str]]:
    """The columns as a run moves them, and what has changed, for a person.

    A column that became narrower keeps the type of the warehouse. Raises SchemaDrift.
    """
    if bookmark.columns is None:
        return [dict(each) for each in columns], []
    before = {each["name"]: each for each in json.loads(bookmark.columns)}
    _refuse_other_keys(table, bookmark, before)
    _refuse_other_masks(table, bookmark, before, {each["name"] for each in columns})
    found = [*_differences(before, {each["name"]: each for each in columns})]
    told = [text for text, _ in found]
    stopping = [text for text, settled in found if not settled]
    if stopping:
        raise _drifted(table, bookmark, stopping, ANEW)
    if told and table.drift != "evolve":
        raise _drifted(table, bookmark, told, FROZEN)
    wide = {
        name: wider(each["type"], before[name]["type"]) if name in before else each["type"]
        for name, each in ((each["name"], each) for each in columns)
    }
    return [{**each, "type": wide[each["name"]] or each["type"]} for each in columns], told


def wider(one: str, other: str) -> str | None:
    """The narrowest type that holds every value of both exactly; None if there is none."""
    if one == other:
        return one
    if {one, other} == {"DATE", "TIMESTAMP"}:
        return "TIMESTAMP"
    if one in INTEGERS and other in INTEGERS:
        return max(one, other, key=lambda kind: INTEGERS[kind])
    a, b = _sized(one), _sized(other)
    if a is None or b is None or a[0] != b[0]:
        return None
    if a[0] != "DECIMAL":
        return f"{a[0]}({max(a[1], b[1])})"
    scale = max(a[2], b[2])
    whole = max(a[1] - a[2], b[1] - b[2])
    precision = 20 if whole + scale == 19 else whole + scale
    return f"DECIMAL({precision},{scale})" if precision <= DIGITS else None


def evolve(run: Run, plans: Mapping[str, Plan]) -> list[str]:
    """Alter the permanent tables so that they have every column of the plans, wide enough; returns
    what was done.

    What is there already is left alone, so it may be done again. Run by stage 04, before it loads.
    """
    there = actual(run)
    done = []
    for table in run.tables:
        columns = plans[table.name].columns
        _refuse_other_raw_keys(table, there["raw", folded(table.name)])
        for schema, wanted in (
            ("raw", [*columns, *staging.RAW_EXTRA]),
            ("curated", [*staging.curated_columns(table, columns), *staging.CURATED_EXTRA]),
            ("quarantine", [*staging.key_columns(table, columns), *staging.QUARANTINED]),
        ):
            path = schema, folded(table.name)
            for each in wanted:
                known = there[path].get(each["name"], (None, False))[0]
                statements = _statements(table, redshift(*path), each["name"], known, each["type"])
                if statements:
                    title = f"{run.run_id}: alter {'.'.join(path)}"[:500]
                    run.warehouse.transaction(title, statements)
                    done.append(f"{'.'.join(path)}.{each['name']} {each['type']}")
    return done


def _refuse_other_raw_keys(table: Table, raw: Mapping[str, tuple[str, bool]]) -> None:
    """Of raw, the keys and nothing else are NOT NULL."""
    keys = sorted(name for name, (_, mandatory) in raw.items() if mandatory)
    if keys != sorted(staging.key_names(table)):
        raise SchemaDrift(
            f"table {table.name}: its keys in raw are {keys}, and in the contract "
            f"{sorted(table.keys)}. Nothing was loaded. {ANEW.format(table.name)}"
        )


def _statements(table: Table, target: str, name: str, actual: str | None, wanted: str) -> list[str]:
    """A transaction that brings one column to the type that is wanted. Redshift alters the length
    of a VARCHAR, alone and in no transaction; all else needs another column."""
    column = redshift(name)
    if actual is None:
        return [f"ALTER TABLE {target} ADD COLUMN {column} {wanted}"]
    wide = wider(actual, wanted)
    if wide == actual:
        return []
    fixed = name in {*staging.key_names(table), table.distkey, *table.sortkey}
    if wide is None or (fixed and not wide.startswith("VARCHAR")):
        raise SchemaDrift(
            f"table {table.name}: column {name} is {actual} in {target}, and should be {wanted}. "
            f"Nothing was loaded. {ANEW.format(table.name)}"
        )
    if wide.startswith("VARCHAR"):
        return [f"ALTER TABLE {target} ALTER COLUMN {column} TYPE {wide}"]
    new = redshift(f"_wide_{name}"[:100])
    return [
        f"ALTER TABLE {target} ADD COLUMN {new} {wide}",
        f"UPDATE {target} SET {new} = {column}",
        f"ALTER TABLE {target} DROP COLUMN {column}",
        f"ALTER TABLE {target} RENAME COLUMN {new} TO {column}",
    ]


def actual(run: Run) -> Mapping[tuple[str, str], dict[str, tuple[str, bool]]]:
    """(schema, table) -> column -> its type, and whether it is NOT NULL; as it is now."""
    rows = run.warehouse.rows(
        "SELECT table_schema, table_name, column_name, data_type, is_nullable, "
        "character_maximum_length AS length, numeric_precision AS digits, numeric_scale AS scale "
        "FROM svv_columns WHERE table_schema IN ('raw', 'curated', 'quarantine')"
    )
    found: defaultdict[tuple[str, str], dict[str, tuple[str, bool]]] = defaultdict(dict)
    for row in rows:
        path = str(row["table_schema"]), str(row["table_name"])
        found[path][str(row["column_name"])] = (spelled(row), row["is_nullable"] == "NO")
    return found


def spelled(row: Mapping[str, Any]) -> str:
    """The type of a column as we write it, from its row of SVV_COLUMNS."""
    kind = str(row["data_type"])
    if kind == "numeric":
        return f"DECIMAL({row['digits']},{row['scale']})"
    if kind in ("character varying", "binary varying"):
        return f"{'VARCHAR' if kind.startswith('char') else 'VARBYTE'}({row['length']})"
    return SPELLED.get(kind, kind.upper())


def _differences(
    before: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> list[tuple[str, bool]]:
    """Each as a text, and whether nothing is lost by taking it up."""
    added = [name for name in now if name not in before]
    dropped = [name for name in before if name not in now]
    renamed = " (renamed?)" if added and len(added) == len(dropped) else ""
    told = [
        (f"column {name} {now[name]['type']} was added{renamed}{_of_mysql(now[name])}: what was "
         "loaded before has NULL there until a backfill or a repair moves it again", True)
        for name in added
    ]  # fmt: skip
    told += [
        (f"column {name} {before[name]['type']} was dropped{renamed}: it stays in the warehouse, "
         "NULL in new rows", True)
        for name in dropped
    ]  # fmt: skip
    for name in now:
        if name in before and before[name]["type"] != now[name]["type"]:
            old, new = before[name]["type"], now[name]["type"]
            told.append((f"column {name} was {old} and is {new}", wider(old, new) is not None))
    return told


def _of_mysql(column: Mapping[str, str]) -> str:
    """The type that whoever added it gave it: Redshift's has other lengths."""
    return f", {column['source_type']} in MySQL" if "source_type" in column else ""


def _refuse_other_keys(
    table: Table, bookmark: Bookmark, before: Mapping[str, Mapping[str, str]]
) -> None:
    """Rows that were merged by one key cannot be found by another."""
    keys = {name for name, each in before.items() if each.get("key")}
    if keys and keys != set(staging.key_names(table)):
        now = sorted(staging.key_names(table))
        told = [f"its keys were {sorted(keys)} and are {now}"]
        raise _drifted(table, bookmark, told, ANEW)


def _refuse_other_masks(
    table: Table,
    bookmark: Bookmark,
    before: Mapping[str, Mapping[str, str]],
    columns: Collection[str],
) -> None:
    """What was loaded without a mask stands there as it is, and would go on to. A column that has
    left the source with its mask is drift."""
    now = {folded(name): mask for name, mask in table.mask.items()}
    was = {name: each.get("mask", "") for name, each in before.items()}
    was |= dict.fromkeys(json.loads(bookmark.dropped or "[]"), masks.DROP)
    told = [
        masks.other(table.name, name, mask, now.get(name, ""))
        for name, mask in was.items()
        if mask != now.get(name, "") and (name in columns or name in now)
    ]
    if told:
        raise SchemaDrift(
            f"table {table.name}: since run {bookmark.run_id} {'; '.join(told)}. Nothing was "
            f"moved. {masks.ANEW.format(table.name)}"
        )


FROZEN = """To take it up, set drift = "evolve" in the contract; or type `workbook bookmarks set \
{0} --beginning`, and the next run reads the whole table with its new columns; or leave \
columns out with skip."""
ANEW = """No ALTER makes the one of the other. Leave the column out with skip, or load the table \
anew: drop {0} in the schemas raw, curated and quarantine, and type `workbook bookmarks set {0} \
--beginning`."""


def _drifted(table: Table, bookmark: Bookmark, told: Sequence[str], advice: str) -> SchemaDrift:
    return SchemaDrift(
        f"table {table.name}: it changed since run {bookmark.run_id}: {'; '.join(told)}. "
        f"Nothing was moved. {advice.format(table.name)}"
    )


def _sized(kind: str) -> tuple[str, int, int] | None:
    if kind in INTEGERS:
        return "DECIMAL", INTEGERS[kind], 0
    found = SIZED.fullmatch(kind)
    return (found[1], int(found[2]), int(found[3] or 0)) if found else None
