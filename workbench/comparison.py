"""Is raw what the source is? Found by checksums, so that hardly a row has to move.

Both sides sum their rows' checksums over ranges of the key's hash; only the ranges whose count or
sum differ are read key by key. Ranges of a hash, not of the key itself: they are even whatever the
keys are, and do not depend on how a database sorts text. Each side is read twice at most.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from etl_lib import checksum, soft, staging, window
from etl_lib.bookmarks import Bookmark
from etl_lib.contract import Table
from etl_lib.identifiers import literal, mysql
from etl_lib.run import Run
from etl_lib.source import Source
from etl_lib.types import Column

Key = tuple[str, ...]  # the texts of the key columns

ROWS_PER_RANGE = 250
MOST_DIGITS = 5  # of the key's hash: about a million ranges
RANGES_AT_ONCE = 200


class Damage:
    """What a dataclass tells of one table: each list of keys that it has is a kind of damage."""

    @property
    def damaged(self) -> list[Key]:
        kinds = (each for each in vars(self).values() if isinstance(each, list))
        return sorted({key for kind in kinds for key in kind})

    def as_dict(self) -> dict[str, Any]:
        """How many keys each list has, and all else as it is."""
        told = vars(self).items()
        return {name: len(each) if isinstance(each, list) else each for name, each in told}


@dataclass
class Comparison(Damage):
    """What differs between the source and raw of one table, below its bookmark.

    ``pending`` rows came, went or were changed since the last run, which is no damage: the next run
    moves them. Rows that the contract keeps when the source deletes them are not counted at all.
    ``moved`` says how many rows' keys were read to find it out.
    """

    table: str
    high: str | None
    rows: int = 0
    ranges: int = 0
    differing: int = 0
    moved: int = 0
    pending: int = 0
    altered: list[Key] = field(default_factory=list)
    missing: list[Key] = field(default_factory=list)
    extra: list[Key] = field(default_factory=list)
    duplicated: list[Key] = field(default_factory=list)


@dataclass(frozen=True)
class _Sides:
    """How each side of one table is asked: its checksum, its keys, the range of a key."""

    table: Table
    bookmark: Bookmark
    columns: Sequence[Mapping[str, str]]
    source: Sequence[Column]
    digits: int

    @property
    def keys(self) -> list[Mapping[str, str]]:
        by_name = {each["source"]: each for each in self.columns}
        return [by_name[key] for key in self.table.keys]

    @property
    def mysql_range(self) -> str:
        by_name = {column.name: column for column in self.source}
        texts = [checksum.mysql_key(by_name[each["source"]], each["type"]) for each in self.keys]
        return f"LEFT(MD5(CONCAT_WS(',', {', '.join(texts)})), {self.digits})"

    @property
    def redshift_range(self) -> str:
        texts = [checksum.redshift_key(each["name"], each["type"]) for each in self.keys]
        return f"LEFT(MD5({_joined(texts)}), {self.digits})"

    @property
    def marked(self) -> str:
        """Of a row of the source: whether it is kept there as deleted."""
        return soft.in_mysql(self.table, self.columns)

    @property
    def mysql_sum(self) -> str:
        return checksum.mysql_row(self.columns, self.source)

    @property
    def redshift_sum(self) -> str:
        return checksum.redshift_row(self.columns)


@dataclass(frozen=True)
class _Policy:
    """What a difference means. ``changed``: the table has no cursor, and is not what was loaded.
    ``gone``: what a row is that only raw has: damage, pending, or kept."""

    changed: bool
    gone: str

    @classmethod
    def of(cls, source: Source, sides: _Sides) -> _Policy:
        table, bookmark = sides.table, sides.bookmark
        if table.cursor is None:
            names = {each["source"] for each in sides.columns}
            columns = [column for column in sides.source if column.name in names]
            changed = window.full(source, table, columns, None).digest != bookmark.digest
            return cls(changed, "pending" if changed else "damage")
        if table.deletes != "sweep":
            return cls(False, "kept")
        same = window.keys_digest(source, table) == bookmark.keys_digest
        return cls(False, "damage" if same else "pending")


def compare(run: Run, source: Source, table: Table) -> Comparison | None:
    """Compare one table; None if it was never loaded. Reads only."""
    bookmark = run.bookmarks.get(table.name)
    if bookmark.columns is None:
        return None
    rows = source.rows(f"SELECT COUNT(*) AS n FROM {mysql(table.name)}")[0]["n"]
    sides = _Sides(
        table, bookmark, json.loads(bookmark.columns), source.decided(table), _digits(rows)
    )
    ours, theirs = _source_ranges(source, sides), _raw_ranges(run, sides)
    differing = sorted(name for name in {*ours, *theirs} if ours.get(name) != theirs.get(name))
    found = Comparison(table.name, bookmark.high, rows, 16**sides.digits, len(differing))
    later = _later(source, sides)
    found.pending = sum(later[name] for name in later.keys() - set(differing))
    if differing:
        policy = _Policy.of(source, sides)
    for names in _chunks(differing, RANGES_AT_ONCE):
        in_source, in_raw = _source_rows(source, sides, names), _raw_rows(run, sides, names)
        _compare_rows(found, in_source, in_raw, policy)
    return found


def _digits(rows: int) -> int:
    digits = 1
    while 16**digits * ROWS_PER_RANGE < rows and digits < MOST_DIGITS:
        digits += 1
    return digits


def _source_ranges(source: Source, sides: _Sides) -> dict[str, tuple[int, int]]:
    """Range -> (rows, sum of checksums) of what lies below the bookmark."""
    table, high = sides.table, sides.bookmark.high
    below = f"{mysql(table.cursor)} < %s" if table.cursor and high else "TRUE"
    found = source.rows(
        f"SELECT {sides.mysql_range} AS part, COUNT(*) AS n, SUM({sides.mysql_sum}) AS total "
        f"FROM {mysql(table.name)} WHERE {below} AND NOT {sides.marked} GROUP BY 1",
        [high] if table.cursor and high else [],
    )
    return {row["part"]: (int(row["n"]), int(row["total"])) for row in found}


def _later(source: Source, sides: _Sides) -> dict[str, int]:
    """Range -> rows since the bookmark. In a range that is the same below it they are all new: of
    one that raw knows, the range would differ."""
    table, high = sides.table, sides.bookmark.high
    if not (table.cursor and high):
        return {}
    found = source.rows(
        f"SELECT {sides.mysql_range} AS part, COUNT(*) AS n FROM {mysql(table.name)} "
        f"WHERE {mysql(table.cursor)} >= %s AND NOT {sides.marked} GROUP BY 1",
        [high],
    )
    return {row["part"]: int(row["n"]) for row in found}


def _raw_ranges(run: Run, sides: _Sides) -> dict[str, tuple[int, int]]:
    found = run.warehouse.rows(
        f"SELECT {sides.redshift_range} AS part, COUNT(*) AS n, SUM({sides.redshift_sum}) AS total "
        f"FROM {staging.raw_table(sides.table)} WHERE _deleted_at IS NULL GROUP BY 1"
    )
    return {row["part"]: (int(row["n"]), int(row["total"])) for row in found}


def _source_rows(
    source: Source, sides: _Sides, names: Sequence[str]
) -> dict[Key, tuple[int | None, bool]]:
    """Key -> (checksum, whether it was changed since the bookmark). None: marked as deleted."""
    table, high = sides.table, sides.bookmark.high
    by_name = {column.name: column for column in sides.source}
    keys = [
        f"{checksum.mysql_key(by_name[each['source']], each['type'])} AS k{number}"
        for number, each in enumerate(sides.keys)
    ]
    later = f"{mysql(table.cursor)} >= %s" if table.cursor and high else "FALSE"
    found = source.rows(
        f"SELECT {', '.join(keys)}, {sides.mysql_sum} AS total, {later} AS later, "
        f"{sides.marked} AS marked "
        f"FROM {mysql(table.name)} WHERE {sides.mysql_range} IN ({_listed(names)})",
        [high] if table.cursor and high else [],
    )
    return {
        _key(row, len(keys)): (None if row["marked"] else int(row["total"]), bool(row["later"]))
        for row in found
    }


def _raw_rows(run: Run, sides: _Sides, names: Sequence[str]) -> dict[Key, list[int]]:
    """Key -> the checksums of its live rows: more than one, if it is doubled."""
    keys = [
        f"{checksum.redshift_key(each['name'], each['type'])} AS k{number}"
        for number, each in enumerate(sides.keys)
    ]
    found: dict[Key, list[int]] = defaultdict(list)
    for row in run.warehouse.rows(
        f"SELECT {', '.join(keys)}, {sides.redshift_sum} AS total "
        f"FROM {staging.raw_table(sides.table)} "
        f"WHERE _deleted_at IS NULL AND {sides.redshift_range} IN ({_listed(names)})"
    ):
        found[_key(row, len(keys))].append(int(row["total"]))
    return found


def _compare_rows(
    found: Comparison,
    ours: Mapping[Key, tuple[int | None, bool]],
    theirs: Mapping[Key, list[int]],
    policy: _Policy,
) -> None:
    found.moved += len(ours)
    for key, (total, later) in ours.items():
        copies = theirs.get(key, [])
        if len(copies) > 1:
            found.duplicated.append(key)
        elif copies == ([] if total is None else [total]):
            continue
        elif later or policy.changed:
            found.pending += 1
        else:
            (found.altered if copies else found.missing).append(key)
    gone = [key for key in theirs if key not in ours]
    if policy.gone == "damage":
        found.extra += gone
    elif policy.gone == "pending":
        found.pending += len(gone)


def _key(row: Mapping[str, Any], width: int) -> Key:
    return tuple(str(row[f"k{number}"]) for number in range(width))


def _joined(texts: Sequence[str]) -> str:
    return " || ',' || ".join(texts)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(literal(name) for name in names)


def _chunks(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for begin in range(0, len(names), size):
        yield names[begin : begin + size]
