"""Cutting a window into ranges of an index that have about as many rows each.

No row is read for it. A span of the index is halved by value for as long as the server's estimate
of its rows, a dive into the index by EXPLAIN, is large; neighbours are put together again. So gaps
and crowds among the keys do no harm. A bound is a key that is there, found by the server in the
server's order; each range is half open, the first has no lower bound, the last no upper: every row
is in one of them, however bad the estimates were.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import takewhile
from typing import Any

from etl_lib import midpoint
from etl_lib.contract import Table
from etl_lib.identifiers import mysql
from etl_lib.source import Row, Source
from etl_lib.window import Window

PRIMARY = "PRIMARY"
FINE = 6  # spans that a range is put together from, at least
DIVES = 2_000  # spans looked at, at most; each takes about a millisecond

Key = tuple[Any, ...]
Span = tuple[Key, int]  # a key before which there is none of it, and the server's guess of its rows
Part = tuple[Key, Any, Any]  # rows that begin with a key and have [above, below) next; None is open


@dataclass(frozen=True)
class Index:
    """An index of ``table`` with its ``columns`` in order, within ``where``, which may only be
    about the first column and has its parameters in it."""

    source: Source
    table: str
    name: str
    columns: Sequence[str]
    where: str = "TRUE"

    @property
    def hint(self) -> str:
        return f"FORCE INDEX ({mysql(self.name)})"

    @property
    def scattered(self) -> bool:
        """Whether each row lies elsewhere in the table, and costs a look of its own."""
        return self.name != PRIMARY

    @property
    def rows(self) -> str:
        """What a SELECT by this index reads from."""
        return f"{mysql(self.table)} {self.hint}"

    def cut(self, rows: int, pieces: int) -> list[str]:
        """At most so many conditions: each of the ``rows``, a guess, fulfils just one of them."""
        with self.source.connect() as cursor:
            dive = _Dive(self, cursor, max(1, rows // (pieces * FINE)))
            spans = list(dive.spans())
            bounds = dive.keys(_even(spans, pieces))
        return _conditions(self.columns, bounds)


@dataclass
class _Dive:
    """Looks at an index, and reads no row but those it cuts at."""

    index: Index
    cursor: Any
    most: int  # rows of a span, about
    spans_seen: int = 0

    def spans(self) -> Iterator[Span]:
        """The whole index in spans, in order. It ends, however the server compares."""
        left: list[Part] = [((), None, None)]
        while left:
            prefix, above, below = left.pop()
            within, parameters = self._within(prefix, above, below)
            rows = self._guess(within, parameters)
            self.spans_seen += 1
            small = rows <= self.most or self.spans_seen > DIVES
            parts = [] if small else self._parts((prefix, above, below), within, parameters)
            if not parts:
                yield prefix if above is None else (*prefix, above), rows
            left += reversed(parts)

    def _parts(self, part: Part, within: str, parameters: Key) -> list[Part]:
        """Smaller ones that are together ``part``, in order; none if it cannot be cut."""
        prefix, above, below = part
        low, high = self._ends(len(prefix), within, parameters)
        middle = self._middle(len(prefix), within, parameters, low, high)
        if middle is not None:
            return [(prefix, above, middle), (prefix, middle, below)]
        if low is not None and low == high and len(prefix) + 1 < len(self.index.columns):
            return [((*prefix, low), None, None)]  # one value has many rows
        return []

    def keys(self, cuts: Sequence[Key]) -> list[Key]:
        """The first key at or after each cut, each after the one before it as the server has it."""
        index = self.index
        names = ", ".join(map(mysql, index.columns))
        found: list[Key] = []
        for cut in cuts:
            where = f"({index.where}) AND {_from(index.columns, cut, '>=')}"
            if found:
                where += f" AND {_from(index.columns, found[-1], '>')}"
            sql = f"SELECT {names} FROM {index.rows} WHERE {where} ORDER BY {names} LIMIT 1"
            self.cursor.execute(sql)
            found += [tuple(row.values()) for row in self.cursor.fetchall()]
        return found

    def _within(self, prefix: Key, above: Any, below: Any) -> tuple[str, Key]:
        columns = [_bindable(mysql(name)) for name in self.index.columns]
        conditions = [_bindable(self.index.where)]
        conditions += [f"{name} = %s" for name in columns[: len(prefix)]]
        bounds = {">=": above, "<": below}
        given = {sign: value for sign, value in bounds.items() if value is not None}
        conditions += [f"{columns[len(prefix)]} {sign} %s" for sign in given]
        return " AND ".join(conditions), (*prefix, *given.values())

    def _guess(self, within: str, parameters: Key) -> int:
        """By a dive into the index: MySQL guesses no more than half of a table's rows."""
        query = f"EXPLAIN SELECT 1 FROM {_bindable(self.index.rows)} WHERE {within}"
        self.cursor.execute(query, parameters)
        return int(self.cursor.fetchone()["rows"] or 0)

    def _middle(self, place: int, within: str, parameters: Key, low: Any, high: Any) -> Any | None:
        """A value between the two that has rows on both its sides."""
        found = midpoint.between(low, high)
        if not isinstance(low, (str, bytes)):  # of these the server may think otherwise
            return found[0] if found else None
        name = _bindable(mysql(self.index.columns[place]))
        one = f"SELECT 1 FROM {_bindable(self.index.rows)} WHERE {within} AND {name}"
        both = f"SELECT EXISTS({one} < %s) AND EXISTS({one} >= %s) AS fits"
        for middle in found:
            self.cursor.execute(both, (*parameters, middle, *parameters, middle))
            if self.cursor.fetchone()["fits"]:
                return middle
        return None

    def _ends(self, place: int, within: str, parameters: Key) -> tuple[Any, Any]:
        name = _bindable(mysql(self.index.columns[place]))
        ends = f"SELECT MIN({name}) AS low, MAX({name}) AS high FROM {_bindable(self.index.rows)}"
        self.cursor.execute(f"{ends} WHERE {within}", parameters)
        row = self.cursor.fetchone()
        return row["low"], row["high"]


def of_window(source: Source, table: Table, window: Window, where: str) -> Index | None:
    """The index by which ``window`` is to be read in ranges; None if it may not be.

    In ranges of the primary key a row is read once, whatever befalls it meanwhile. In ranges of the
    cursor only if no row can come to another place of the window once it is planned.
    """
    if window.mode in ("full", "repair"):
        return None
    indexes = _indexes(source, table.name)
    if 2 * window.rows >= _guessed_rows(source, table.name):
        keys = indexes.get(PRIMARY, [])
        return Index(source, table.name, PRIMARY, keys) if set(keys) == set(table.keys) else None
    if window.tier == "bounded":
        return None
    for name, columns in sorted(indexes.items(), key=lambda each: each[0] != PRIMARY):
        if columns[:1] == [table.cursor]:
            return Index(source, table.name, name, columns, where)
    return None


def _indexes(source: Source, table: str) -> dict[str, list[str]]:
    """Name -> the columns by which an index can be cut, in its order, which InnoDB ends with the
    primary key. Up to the first one, but the first of all, that may be NULL, of which no condition
    holds; that stands in it by its beginning; or whose values a literal does not compare with."""
    found = source.rows(
        "SELECT s.*, index_name AS name, column_name AS col, sub_part IS NOT NULL "
        "OR data_type = 'bit' OR s.nullable = 'YES' AND seq_in_index > 1 AS ends "
        "FROM information_schema.statistics s "
        "JOIN information_schema.columns c USING (table_schema, table_name, column_name) "
        "WHERE table_schema = %s AND table_name = %s ORDER BY index_name, seq_in_index",
        [source.database, table],
    )
    by_name: dict[str, list[Row]] = {}
    for row in found:
        if not _unseen(row):
            by_name.setdefault(row["name"], []).append(row)
    primary = by_name.get(PRIMARY, [])
    cut = {}
    for name, rows in by_name.items():
        own = {row["col"] for row in rows}
        whole = [*rows, *(row for row in primary if row["col"] not in own)]
        cut[name] = [row["col"] for row in takewhile(lambda row: not row["ends"], whole)]
    return cut


def _unseen(row: Row) -> bool:
    """Whether the server has the index and lets nobody read by it, not even by FORCE INDEX. MariaDB
    calls that ignored, MySQL 8 invisible; servers of before have neither column."""
    return bool(row.get("IGNORED") == "YES" or row.get("IS_VISIBLE") == "NO")


def _guessed_rows(source: Source, table: str) -> int:
    (found,) = source.rows(
        "SELECT table_rows AS n FROM information_schema.tables "
        "WHERE table_schema = %s AND table_name = %s",
        [source.database, table],
    )
    return int(found["n"])


def _even(spans: Sequence[Span], pieces: int) -> list[Key]:
    """Where to cut: each first key of a span by which another piece's worth of rows is full."""
    total = sum(rows for _, rows in spans)
    cuts: list[Key] = []
    passed = 0
    for first, rows in spans:
        if passed * pieces >= total * (len(cuts) + 1) and len(cuts) + 1 < pieces:
            cuts.append(first)
        passed += rows
    return cuts


# -- conditions


def _bindable(sql: str) -> str:
    """For a statement with parameters: a % in a name, or in a value, is none of theirs."""
    return sql.replace("%", "%%")


def _conditions(columns: Sequence[str], bounds: Sequence[Key]) -> list[str]:
    starts = ["TRUE", *(_from(columns, bound, ">=") for bound in bounds)]
    ends = [*(_below(columns, bound) for bound in bounds), "TRUE"]
    return [f"{start} AND {end}" for start, end in zip(starts, ends)]


def _from(columns: Sequence[str], key: Key, last: str) -> str:
    """SQL: at or after ``key``, which may be shorter than the index."""
    name, value = mysql(columns[0]), literal(key[0])
    if len(key) == 1:
        return f"{name} {last} {value}"
    rest = _from(columns[1:], key[1:], last)
    return f"({name} > {value} OR ({name} = {value} AND {rest}))"


def _below(columns: Sequence[str], key: Key) -> str:
    name, value = mysql(columns[0]), literal(key[0])
    if len(key) == 1:
        return f"{name} < {value}"
    return f"({name} < {value} OR ({name} = {value} AND {_below(columns[1:], key[1:])}))"


def literal(value: Any) -> str:
    """A key's value in SQL: the bulk reader binds nothing."""
    if isinstance(value, (int, Decimal)):
        return str(value)
    if isinstance(value, str):
        return f"_utf8mb4 x'{value.encode().hex()}'"
    if isinstance(value, bytes):
        return f"x'{value.hex()}'"
    return f"'{value}'"
