"""Windows: the half-open span [low, high) of a table's cursor that one run moves.

``high`` is found on the writer in an order that loses no late commit: its clock and every running
statement first, then the transactions that have changed rows: where all of them end, ``high``
stands. Where one does not, an uncommitted read and a snapshot of the window; where the two differ
somebody is still writing, and ``high`` is lowered to the oldest such row. Planned once, stored,
never planned again for the same run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar, Union

from etl_lib import decisions
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.identifiers import mysql
from etl_lib.privileges import PROCESS
from etl_lib.source import Source
from etl_lib.types import Column
from etl_lib.writers import all_ended

Bound = Union[datetime, int]  # of a cursor: a moment, or a number in an append-only table
AnyBound = TypeVar("AnyBound", datetime, int)

# Rows that are looked at when planned: their dates, and whether somebody holds them. By an index on
# the cursor each of them may be a page of its own: more of them cost as much as to move them.
FEW = 10_000
PATIENCE = 1.0  # seconds in which transactions may end, before more rows than that are looked at
LEVELS = ("READ UNCOMMITTED", "REPEATABLE READ")
SEEN = "every statement and every open transaction was looked at"
HIDDEN = "the source hides its statements: a lag was kept to now"
UNSTAMPED = "the application stamps the rows: what is late is seen within the lookback"


@dataclass(frozen=True)
class Window:
    """What one run moves of one table.

    ``low`` None is the beginning. ``tier`` says what is proven about it: ``proven`` (no commit can
    come late), ``bounded`` (the source hides its statements, so a lag was guessed; or it does not
    stamp the rows itself, and what is stamped late is seen only within the lookback),
    ``append-only`` (nothing is lost but changes of old rows, which the contract says there are not)
    or ``full``. ``why`` tells it to a person.

    Two modes move again what a run has moved before, and read each row as it is now: a ``backfill``
    lies below the bookmark, where all is settled; a ``repair`` names keys and has no bounds.
    """

    table: str
    mode: str  # incremental | full | backfill | repair
    low: str | None
    high: str | None
    tier: str
    rows: int  # expected, counted when planned
    digest: str | None = None  # of the whole table, for a full load
    keys_digest: str | None = None  # of all keys, where deletes are swept
    planned_at: str | None = None  # the source's clock
    why: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def incremental(
    source: Source,
    table: Table,
    columns: Sequence[Column],
    low: str | None,
    planned_before: str | None,
) -> Window:
    """Plan the next window of a table with a cursor. Reads only."""
    cursor = next(column for column in columns if column.name == table.cursor)
    now, settled, tier = clock(source, table)
    why = SEEN if tier == "proven" else HIDDEN
    if not cursor.stamped:
        tier, why = "bounded", UNSTAMPED
    if planned_before and now < datetime.fromisoformat(planned_before):
        raise SourceError(
            f"table {table.name}: the source's clock says {now}, but the last run was planned at "
            f"{planned_before}. Nothing was moved: rows that it stamps now could be lost. Mend the "
            "clock first."
        )
    if cursor.nullable:
        _refuse_null_cursors(source, table)
    high = _floor(settled, cursor)
    start = _start(low, table.lookback)
    high = below_uncommitted(source, table, columns, start, high)
    if low is not None:
        high = max(high, datetime.fromisoformat(low))
    rows = count(source, table, columns, start, high)
    return Window(
        table=table.name,
        mode="incremental",
        low=low,
        high=_text(high),
        tier=tier,
        rows=rows,
        keys_digest=keys_digest(source, table) if table.deletes == "sweep" else None,
        planned_at=_text(now),
        why=why,
    )


def full(
    source: Source, table: Table, columns: Sequence[Column], last_digest: str | None
) -> Window:
    """Plan a full load: all rows, or none if no value has changed.

    The checksum is our own: CHECKSUM TABLE does not see text that moves to the next column.
    """
    names = [column.hashed for column in columns]
    digest = _digest(source, table, names, "TRUE", [], "REPEATABLE READ")
    rows = 0 if digest == last_digest else int(digest.partition(":")[0])
    if 0 < rows <= FEW:
        refuse_zero_dates(source, table, columns, "TRUE")
    return Window(
        table=table.name,
        mode="full",
        low=None,
        high=None,
        tier="full",
        rows=rows,
        digest=digest,
        why="no cursor: compared as a whole",
    )


def predicate(table: Table, window: Window) -> tuple[str, Sequence[str]]:
    """The WHERE clause of ``window`` and its parameters."""
    if window.mode == "full":
        return "TRUE", []
    assert window.high is not None
    if table.append_only:
        start = None if window.low is None else int(window.low)
        return _between(table, start, int(window.high))
    first = _start(window.low, table.lookback if window.mode == "incremental" else 0)
    return _between(table, first, datetime.fromisoformat(window.high))


def again(
    source: Source, table: Table, columns: Sequence[Column], low: str | None, high: str
) -> Window:
    """The window of a backfill, [low, high). Reads only."""
    cursor = next(column for column in columns if column.name == table.cursor)
    planned = Window(table.name, "backfill", low, high, "append-only", rows=0)
    if not table.append_only:
        planned = replace(planned, tier="proven" if cursor.stamped else "bounded")
    where, parameters = predicate(table, planned)
    return replace(planned, rows=_count(source, table, columns, where, parameters))


def left(source: Source, table: Table, window: Window) -> int:
    """How many rows ``window`` has now."""
    where, parameters = predicate(table, window)
    return _size(source, table, where, parameters)


def later(source: Source, table: Table, window: Window) -> int:
    """How many rows lie past the end of ``window`` now: written since it was planned, or hidden."""
    if window.high is None or table.cursor is None:
        return 0
    return _size(source, table, f"{mysql(table.cursor)} >= %s", [window.high])


def keys_digest(source: Source, table: Table) -> str:
    """Count and order-free checksum of all keys: tells whether a key came or went."""
    return _digest(source, table, [mysql(key) for key in table.keys], "TRUE", [], "REPEATABLE READ")


def clock(source: Source, table: Table) -> tuple[datetime, datetime, str]:
    """The source's time, the time before which no statement is still running, and the tier."""
    with source.connect() as cursor:
        cursor.execute(
            "SELECT VERSION() LIKE '%MariaDB%' AS mariadb, "
            "@@global.innodb_read_only OR @@global.read_only AS read_only"
        )
        server = cursor.fetchone()
        cursor.execute(PROCESS)
        row = cursor.fetchone()
        sees_all = bool(row and row["n"])
        assert server is not None
        cursor.execute(_RUNNING_MARIADB if server["mariadb"] else _RUNNING_MYSQL)
        row = cursor.fetchone()
        assert row is not None
    if server["read_only"]:
        raise SourceError(
            f"table {table.name}: the source is read-only: a replica, it seems, which does not "
            "know who is still writing. Name the writer's address in the secret."
        )
    now, oldest = row["now"], timedelta(seconds=float(row["oldest"]))
    if not (sees_all and row["listed"]):  # performance_schema may be off: then nobody is listed
        return now, now - timedelta(seconds=table.lag), "bounded"
    # MySQL counts a statement's age in whole seconds and rounds stamps up by half of one.
    margin = timedelta() if server["mariadb"] else timedelta(seconds=1.5)
    return now, now - oldest - margin, "proven"


# A SELECT of anybody else counts as writing: of a statement with a trigger or a function, the
# list shows the SELECT inside it.
_OURS = "user = SUBSTRING_INDEX(CURRENT_USER(), '@', 1) AND info REGEXP '^[[:space:]]*SELECT'"
_WRITING = f"""
    id <> CONNECTION_ID() AND command NOT IN ('Sleep', 'Daemon', 'Binlog Dump')
    AND NOT COALESCE({_OURS}, FALSE)
"""
_LISTED = "COALESCE(SUM(id = CONNECTION_ID()), 0) AS listed"
_RUNNING_MARIADB = f"""
    SELECT NOW(6) AS now, COALESCE(MAX(CASE WHEN {_WRITING} THEN time_ms END), 0) / 1000 AS oldest,
        {_LISTED}
    FROM information_schema.processlist
"""
_RUNNING_MYSQL = f"""
    SELECT NOW(6) AS now, COALESCE(MAX(CASE WHEN {_WRITING} THEN time END), 0) AS oldest,
        {_LISTED}
    FROM performance_schema.processlist
"""


def _floor(moment: datetime, cursor: Column) -> datetime:
    """``moment`` cut to what the cursor column can hold, so that no tick is split."""
    if cursor.data_type == "date":
        return moment.replace(hour=0, minute=0, second=0, microsecond=0)
    step = 10 ** (6 - (cursor.fraction or 0))
    return moment.replace(microsecond=moment.microsecond // step * step)


def below_uncommitted(
    source: Source,
    table: Table,
    columns: Sequence[Column],
    start: AnyBound | None,
    high: AnyBound,
) -> AnyBound:
    """``high``, lowered below every row that an open transaction has in [start, high).

    Reads no row where the list of transactions tells that there are none. Else compared by content,
    not by stamp: a second update within one tick has the same stamp.
    """
    if all_ended(source):
        return high
    names = [column.hashed for column in columns]
    where, parameters = _between(table, start, high)
    if _size(source, table, where, parameters) > FEW and all_ended(source, PATIENCE):
        return high
    digests = [_digest(source, table, names, where, parameters, isolation) for isolation in LEVELS]
    if digests[0] == digests[1]:
        return high
    assert table.cursor is not None
    stamp = mysql(table.cursor)
    query = (
        f"SELECT {stamp} AS stamp, COUNT(*) AS n, {_hash_sum(names)} AS hash "
        f"FROM {mysql(table.name)} WHERE {where} GROUP BY {stamp}"
    )
    stamps: list[Any] = _differing(source, query, parameters)
    lowest: AnyBound = min([high, *stamps])
    return lowest


def _differing(source: Source, query: str, parameters: Sequence[str]) -> list[Any]:
    """The stamps at which the two levels see other rows."""
    dirty, clean = (
        {(row["stamp"], row["n"], row["hash"]) for row in _read(source, query, parameters, level)}
        for level in LEVELS
    )
    return [_bound(stamp) for stamp, _, _ in dirty ^ clean]


def _digest(
    source: Source,
    table: Table,
    names: Sequence[str],
    where: str,
    parameters: Sequence[str],
    isolation: str,
) -> str:
    query = (
        f"SELECT COUNT(*) AS n, COALESCE({_hash_sum(names)}, 0) AS hash "
        f"FROM {mysql(table.name)} WHERE {where}"
    )
    row = _read(source, query, parameters, isolation)[0]
    return f"{row['n']}:{row['hash']}"


def _hash_sum(names: Sequence[str]) -> str:
    return f"SUM({row_hash(names)})"


def row_hash(values: Sequence[str]) -> str:
    """SQL: 60 bits of a hash of a row's values. QUOTE keeps NULL apart from any text; bytes, since
    columns of several character sets cannot stand in one text."""
    quoted = ", ".join(f"QUOTE(CAST({value} AS BINARY))" for value in values)
    return f"CAST(CONV(LEFT(MD5(CONCAT_WS(',', {quoted})), 15), 16, 10) AS UNSIGNED)"


def _read(source: Source, query: str, parameters: Sequence[str], isolation: str) -> Sequence[Any]:
    with source.connect(isolation) as cursor:
        cursor.execute(query, tuple(parameters))
        return cursor.fetchall()


def _between(table: Table, start: Bound | None, high: Bound) -> tuple[str, Sequence[str]]:
    assert table.cursor is not None
    stamp = mysql(table.cursor)
    if start is None:
        return f"{stamp} < %s", [_text(high)]
    return f"{stamp} >= %s AND {stamp} < %s", [_text(start), _text(high)]


def _start(low: str | None, lookback: int) -> datetime | None:
    return None if low is None else datetime.fromisoformat(low) - timedelta(seconds=lookback)


def count(
    source: Source,
    table: Table,
    columns: Sequence[Column],
    start: Bound | None,
    high: Bound,
) -> int:
    """Rows of the source in [start, high). Raises SourceError for zero dates among a few."""
    return _count(source, table, columns, *_between(table, start, high))


def _count(
    source: Source,
    table: Table,
    columns: Sequence[Column],
    where: str,
    parameters: Sequence[str],
) -> int:
    found = _size(source, table, where, parameters)
    if 0 < found <= FEW:
        refuse_zero_dates(source, table, columns, where, parameters)
    return found


def _size(source: Source, table: Table, where: str, parameters: Sequence[str]) -> int:
    query = f"SELECT COUNT(*) AS n FROM {mysql(table.name)} WHERE {where}"
    return int(source.rows(query, parameters)[0]["n"])


def _refuse_null_cursors(source: Source, table: Table) -> None:
    assert table.cursor is not None
    query = f"SELECT COUNT(*) AS n FROM {mysql(table.name)} WHERE {mysql(table.cursor)} IS NULL"
    nulls = source.rows(query)[0]["n"]
    if nulls:
        raise SourceError(
            f"table {table.name}: cursor {table.cursor!r} is NULL in {nulls:,} rows, which no "
            "window would ever contain. Fill them, or load the table in full (no cursor)."
        )


def refuse_zero_dates(
    source: Source,
    table: Table,
    columns: Sequence[Column],
    where: str,
    parameters: Sequence[str] = (),
) -> None:
    """Raise SourceError for the first column that has such dates and no decision about them."""
    dates = [
        column.name
        for column in columns
        if column.can_be_zero_date and not (column.decision or column.mask)
    ]
    if not dates:
        return
    counts = ", ".join(
        f"COALESCE(SUM({decisions.no_date(mysql(name))}), 0) AS {mysql(name)}" for name in dates
    )
    row = source.rows(f"SELECT {counts} FROM {mysql(table.name)} WHERE {where}", parameters)[0]
    for name, count in row.items():
        if count:
            raise SourceError(
                f"table {table.name}, column {name}: {count:,} zero or partial dates, or days that "
                "no month has: no dates in Redshift. To load them as NULL: "
                f'decide.{name} = "null", or '
                'zero_dates = "null" for all columns of the table.'
            )


def _bound(value: Any) -> Any:
    """A value of the cursor as a bound: dates are moments, too."""
    if isinstance(value, (datetime, int)):
        return value
    return datetime(value.year, value.month, value.day)


def _text(bound: Bound) -> str:
    return str(bound) if isinstance(bound, int) else bound.isoformat(" ", "microseconds")
