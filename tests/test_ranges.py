"""Ranges of a window: even whatever its keys are like, and together just the window."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pymysql
import pytest

from etl_lib import midpoint, ranges, reading, window
from etl_lib.contract import Table
from etl_lib.planning import described
from etl_lib.ranges import Index
from etl_lib.source import Source, checked_columns
from workbench.mysql.server import Server

DATABASE = "ranges"
ROWS, PIECES = 20_000, 8
EVEN = 2.5  # how many times the mean a range may be
SIGNED = "CAST(seq AS SIGNED)"
# Key columns, and an expression of seq for their values.
KEYS = {
    "gaps": (
        "id BIGINT PRIMARY KEY",
        f"IF(seq < 300, {SIGNED} * 1000000007 - 9000000000000, IF(seq < 18000, seq, seq * 1e9))",
    ),
    "two heaps": ("id INT PRIMARY KEY", f"IF(seq % 2, seq, {SIGNED} - 2000000000)"),
    "sparser": ("id BIGINT UNSIGNED PRIMARY KEY", "18446744073709551615 - seq * seq"),
    "decimal": ("id DECIMAL(20,6) PRIMARY KEY", "seq * seq / 7"),
    "uuid": ("id CHAR(36) PRIMARY KEY", "UUID()"),
    "hexadecimal": ("id VARCHAR(40) PRIMARY KEY", "MD5(seq)"),
    "base 64": ("id VARCHAR(40) COLLATE utf8mb4_bin PRIMARY KEY", "TO_BASE64(UNHEX(MD5(seq)))"),
    "e-mail": ("id VARCHAR(60) PRIMARY KEY", "CONCAT('user', seq * 7919, '@example.org')"),
    "latin1": (
        "id VARCHAR(60) CHARACTER SET latin1 PRIMARY KEY",
        "CONCAT(IF(seq % 3, 'Zürich ', 'basel '), seq)",
    ),
    "long": ("id VARCHAR(99) PRIMARY KEY", "CONCAT('https://www.example.org/berlin/Ünter/', seq)"),
    "cyrillic": ("id VARCHAR(99) PRIMARY KEY", "CONCAT('Квартира', seq)"),
    "binary": ("id BINARY(16) PRIMARY KEY", "UNHEX(MD5(seq))"),
    "days": (
        "d DATE, id INT, PRIMARY KEY (d, id)",
        "'2020-01-01' + INTERVAL IF(seq < 15000, 5, seq % 300) DAY, seq",
    ),
    "one tenant": (
        "d VARCHAR(10), id INT, PRIMARY KEY (d, id)",
        "IF(seq % 10, 'acme', CONCAT('t', seq % 50)), seq",
    ),
    # Two crowds, one tick apart: MariaDB finds a wrong MIN() by a bound between them.
    "two seconds": (
        "d TIMESTAMP, id INT, PRIMARY KEY (d, id)",
        "'2026-01-01 10:00:00' + INTERVAL seq % 2 SECOND, seq",
    ),
    "two hundredths": (
        "d DATETIME(2), id INT, PRIMARY KEY (d, id)",
        "'2026-01-01 10:00:00.880' + INTERVAL seq % 2 * 10000 MICROSECOND, seq",
    ),
    "50% off": ("`a%b` INT, `c%s` INT, PRIMARY KEY (`a%b`, `c%s`)", "seq % 2, seq"),
    "three": (
        "a INT, b INT, c INT, PRIMARY KEY (a, b, c)",
        "IF(seq % 10, 1, 2), IF(seq % 7, 1, seq % 100), seq",
    ),
}


@pytest.fixture(scope="module")
def source(mysql_server: Server) -> Iterator[Source]:
    with mysql_server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    secret = mysql_server.secret(DATABASE)
    yield Source(secret["host"], secret["port"], secret["username"], secret["password"], DATABASE)
    with mysql_server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE {DATABASE}")


def fill(server: Server, name: str, columns: str, values: str, rows: int = ROWS) -> None:
    with server.cursor(DATABASE) as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS `{name}`")
        cursor.execute(f"CREATE TABLE `{name}` ({columns}, note VARCHAR(50))")
        if rows:
            cursor.execute(f"INSERT INTO `{name}` SELECT {values}, MD5(seq) FROM seq_1_to_{rows}")
        cursor.execute(f"ANALYZE TABLE `{name}`")


def sizes(source: Source, index: Index, where: str, pieces: list[str]) -> list[int]:
    """Rows of each range; asserts that each row of the window is in just one."""
    table = f"`{index.table}`"
    counted = ", ".join(f"COALESCE(SUM({piece}), 0)" for piece in pieces)
    inside = " + ".join(f"({piece})" for piece in pieces)
    (found,) = source.rows(
        f"SELECT COUNT(*) AS n, COALESCE(SUM({inside} <> 1), 0) AS wrong, "
        f"CONCAT_WS(' ', {counted}) AS counts FROM {table} WHERE {where}".replace("%", "%%")
    )
    assert found["wrong"] == 0
    counts = [int(each) for each in found["counts"].split()]
    assert sum(counts) == found["n"]
    for piece, count in zip(pieces, counts, strict=True):  # as it is read: by the index
        sql = f"SELECT COUNT(*) AS n FROM {index.rows} WHERE ({where}) AND {piece}"
        assert source.rows(sql.replace("%", "%%"))[0]["n"] == count
    return counts


def primary(source: Source, name: str) -> Index:
    return Index(source, name, ranges.PRIMARY, source.primary_key(name))


@pytest.mark.parametrize("name", KEYS)
def test_ranges_are_even_and_together_the_table(
    source: Source, mysql_server: Server, name: str
) -> None:
    fill(mysql_server, name, *KEYS[name])
    index = primary(source, name)
    pieces = index.cut(ROWS, PIECES)
    counts = sizes(source, index, "TRUE", pieces)
    assert len(counts) >= PIECES - 2, counts
    assert max(counts) <= EVEN * ROWS / PIECES, counts
    for piece in pieces:  # each is a range of the index to the server, too
        sql = f"EXPLAIN SELECT * FROM {index.rows} WHERE {piece}"
        (told,) = source.rows(sql.replace("%", "%%"))
        assert (told["type"], told["key"]) == ("range", "PRIMARY")


DRAWN, DRILLED = range(2), range(2, 12)


@pytest.mark.parametrize(
    "seed", [*DRAWN, *(pytest.param(seed, marks=pytest.mark.drill) for seed in DRILLED)]
)
def test_ranges_of_keys_drawn_at_random_are_even(
    source: Source, mysql_server: Server, seed: int
) -> None:
    """Heaps of keys, each with a place and a width of its own."""
    chance = random.Random(seed)
    heaps = [
        (chance.randint(-(2**62), 2**62), 4 ** chance.randint(0, 15))
        for _ in range(chance.randint(1, 6))
    ]
    drawn = set()
    while len(drawn) < 5_000:
        place, width = chance.choice(heaps)
        drawn.add(place + chance.randrange(width * 5_000))
    fill(mysql_server, "drawn", "id BIGINT PRIMARY KEY", "", 0)
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.executemany("INSERT INTO drawn (id) VALUES (%s)", [(key,) for key in sorted(drawn)])
        cursor.execute("ANALYZE TABLE drawn")
    index = primary(source, "drawn")
    counts = sizes(source, index, "TRUE", index.cut(5_000, 10))
    assert max(counts) <= EVEN * 500, counts


@pytest.mark.parametrize("rows", [0, 1, 2, 9])
def test_few_rows_are_not_lost(source: Source, mysql_server: Server, rows: int) -> None:
    fill(mysql_server, "few", "id INT PRIMARY KEY", "seq", rows)
    index = primary(source, "few")
    for expected in (0, rows, 1_000_000):  # a guess: it may be wrong
        sizes(source, index, "TRUE", index.cut(expected, 4))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("INET6", "CONCAT('::', HEX(seq))"),
        ("TIME(3)", "SEC_TO_TIME(seq / 7)"),
        ("DOUBLE", "seq / 7"),
        ("ENUM('b', 'a', 'z', 'c')", "1 + seq % 4"),
        ("SET('b', 'a', 'z', 'c')", "1 + seq % 15"),
        ("YEAR", "1950 + seq % 100"),
    ],
)
def test_no_row_is_lost_of_keys_that_are_hard_to_cut(
    source: Source, mysql_server: Server, column: str, value: str
) -> None:
    fill(mysql_server, "hard", f"k {column}, id INT, PRIMARY KEY (k, id)", f"{value}, seq", 3_000)
    index = primary(source, "hard")
    sizes(source, index, "TRUE", index.cut(3_000, 4))


def test_a_key_of_bits_is_read_as_a_whole(source: Source, mysql_server: Server) -> None:
    """MariaDB compares it with a literal otherwise in WHERE than in SELECT."""
    made = "k BIT(9), at DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6), PRIMARY KEY (k)"
    fill(mysql_server, "bits", made, "seq, '2025-01-01'", 500)
    table = Table(name="bits", keys=("k",), cursor="at")
    plan = window.incremental(source, table, checked_columns(source, table), None, None)
    assert plan.rows == 500 and cut(source, plan, 2, table) is None


@pytest.mark.parametrize("fraction", range(7))
def test_the_middle_of_two_moments_is_one_that_their_column_can_have(fraction: int) -> None:
    tick = 10 ** (6 - fraction)
    chance = random.Random(fraction)
    for _ in range(300):
        low = datetime(2026, 1, 1) + timedelta(microseconds=tick * chance.randint(0, 10**7))
        high = low + timedelta(microseconds=tick * 4 ** chance.randint(0, 12))
        (middle,) = midpoint.between(low, high)
        assert low < middle <= high
        assert middle.microsecond % tick == 0


STAMPED = "at DATETIME(6) NULL DEFAULT NOW(6) ON UPDATE NOW(6), id INT PRIMARY KEY, KEY (at)"
TABLE = Table(name="stamped", keys=("id",), cursor="at")


@pytest.fixture
def stamped(source: Source, mysql_server: Server) -> window.Window:
    """Half of the window's rows have one stamp, as a large UPDATE leaves them."""
    fill(
        mysql_server,
        "stamped",
        STAMPED,
        f"'2025-01-01' + INTERVAL CASE WHEN seq < 12000 THEN {SIGNED} - 1000000 "
        "WHEN seq < 16000 THEN 0 ELSE seq END SECOND, seq * 3",
    )
    plan = window.incremental(
        source, TABLE, checked_columns(source, TABLE), "2025-01-01 00:00:00", None
    )
    assert (plan.rows, plan.tier) == (8001, "proven")
    return plan


def cut(source: Source, plan: window.Window, pieces: int, table: Table = TABLE) -> list[str] | None:
    where, parameters = window.predicate(table, plan)
    bound = where % tuple(f"'{each}'" for each in parameters)
    index = ranges.of_window(source, table, plan, bound)
    return None if index is None else index.cut(plan.rows, pieces)


@pytest.mark.parametrize(
    ("index", "columns"),
    [
        ("at, x", ["at"]),  # x may be NULL
        ("at, y, x", ["at", "y"]),
        ("at, y", ["at", "y", "id"]),
        ("at, note(2)", ["at"]),
        ("at, flags", ["at"]),
    ],
)
def test_an_index_is_cut_as_far_as_conditions_tell_its_rows_apart(
    source: Source, mysql_server: Server, index: str, columns: list[str]
) -> None:
    made = "at DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6), x INT, y INT NOT NULL, "
    made += f"flags BIT(9) NOT NULL, id INT PRIMARY KEY, KEY ({index})"
    old = "IF(seq < 12000, '2024-01-01', '2025-01-01')"  # in the window, one stamp for all
    values = f"{old}, NULLIF(seq % 4, 0), seq % 3, seq % 400, seq"
    fill(mysql_server, "apart", made, values)
    table = Table(name="apart", keys=("id",), cursor="at")
    plan = window.incremental(
        source, table, checked_columns(source, table), "2025-01-01 00:00:00", None
    )
    where, parameters = window.predicate(table, plan)
    where %= tuple(f"'{each}'" for each in parameters)
    found = ranges.of_window(source, table, plan, where)
    assert found is not None and found.columns == columns
    pieces = found.cut(plan.rows, 2)
    read = [
        source.rows(f"SELECT COUNT(*) AS n FROM {found.rows} WHERE {where} AND {piece}")[0]["n"]
        for piece in pieces
    ]
    assert sum(read) == plan.rows == 8001, read


@pytest.mark.parametrize(
    ("others", "chosen"), [("", None), (", KEY later (at)", "later"), (", KEY (x, at)", None)]
)
def test_an_index_that_the_server_ignores_is_not_chosen(
    source: Source, mysql_server: Server, stamped: window.Window, others: str, chosen: str | None
) -> None:
    made = f"at DATETIME(6), x INT, id INT PRIMARY KEY, KEY early (at) IGNORED{others}"
    fill(mysql_server, "stamped", made, "'2025-01-01' + INTERVAL seq - 1 SECOND, 1, seq", 4000)
    with pytest.raises(pymysql.err.OperationalError, match="1176"):
        source.rows("SELECT 1 FROM stamped FORCE INDEX (early) LIMIT 1")
    some = replace(stamped, rows=400, high="2025-01-01 00:06:40")
    where, parameters = window.predicate(TABLE, some)
    bound = where % tuple(f"'{each}'" for each in parameters)
    found = ranges.of_window(source, TABLE, some, bound)
    assert (found.name if found else None) == chosen
    if found:
        pieces = found.cut(some.rows, 2)
        assert sum(sizes(source, found, bound, pieces)) == 400


def test_a_stamp_that_many_rows_have_is_cut_by_their_keys(
    source: Source, mysql_server: Server, stamped: window.Window
) -> None:
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("UPDATE stamped SET at = NULL WHERE id < 100")  # in no window
    where, parameters = window.predicate(TABLE, stamped)
    where %= tuple(f"'{each}'" for each in parameters)
    index = ranges.of_window(source, TABLE, stamped, where)
    assert index is not None and index.scattered
    counts = sizes(source, index, where, index.cut(stamped.rows, PIECES))
    assert (sum(counts), len(counts)) == (8001, PIECES)
    assert max(counts) <= EVEN * 8001 / PIECES, counts


def test_a_cut_reads_hardly_a_row(source: Source, mysql_server: Server) -> None:
    fill(mysql_server, "cheap", "id BIGINT PRIMARY KEY", "seq * seq")
    index = primary(source, "cheap")
    with mysql_server.cursor() as cursor:
        before = handled(cursor)
        pieces = index.cut(ROWS, PIECES)
        read = handled(cursor) - before
    assert len(pieces) == PIECES
    assert read < ROWS / 20


def handled(cursor: Any) -> int:
    """Rows that the server has read, of anything."""
    cursor.execute(
        "SELECT SUM(variable_value) FROM information_schema.global_status "
        "WHERE variable_name LIKE 'HANDLER_READ%'"
    )
    return int(cursor.fetchone()[0])


def test_rows_that_change_between_two_ranges_leave_the_window_or_stay_what_they_were(
    source: Source, mysql_server: Server, stamped: window.Window
) -> None:
    """Each range is read at another moment, after other changes: what arrives are the rows that
    had not changed since the plan, each once and as it was, and the next window has the rest."""
    pieces = cut(source, stamped, 4)
    assert pieces is not None and len(pieces) == 4
    where, parameters = window.predicate(TABLE, stamped)
    planned = ids(source, f"at >= '2025-01-01' AND at < '{stamped.high}'")
    found: list[tuple[int, str]] = []
    for number, piece in enumerate(pieces):
        found += ids(source, f"({where % tuple(repr(each) for each in parameters)}) AND {piece}")
        with mysql_server.cursor(DATABASE) as cursor:
            cursor.execute("UPDATE stamped SET note = %s WHERE id %% 7 = %s", [number, number])
            cursor.execute("DELETE FROM stamped WHERE id %% 97 = %s", [number])
            cursor.execute("INSERT INTO stamped (id) VALUES (%s)", [-number - 1])
    assert len(found) == len(set(found))
    assert set(found) <= set(planned)
    following = window.incremental(
        source, TABLE, checked_columns(source, TABLE), stamped.high, None
    )
    later = {key for key, _ in ids(source, f"at >= '{following.low}' AND at < '{following.high}'")}
    alive = {key for (key, _) in ids(source, "TRUE")}
    gone = set(planned) - set(found)
    assert {key for key, _ in gone} <= later | ({key for key, _ in planned} - alive)
    assert gone and later


def ids(source: Source, where: str) -> list[tuple[int, str]]:
    found = source.rows(f"SELECT id, note FROM stamped WHERE {where}".replace("%", "%%"))
    return [(row["id"], row["note"]) for row in found]


def test_a_window_of_late_stamps_is_not_cut_by_them(
    source: Source, mysql_server: Server, stamped: window.Window
) -> None:
    """A row whose stamp an application sets may come to a later place within the window, and would
    be read twice. By the primary key it is read once."""
    bounded = replace(stamped, tier="bounded")
    assert cut(source, bounded, 2) is None
    whole = replace(bounded, low=None, rows=ROWS)
    pieces = cut(source, whole, 2)
    assert pieces is not None and len(pieces) == 2
    assert all("`at`" not in piece for piece in pieces)


def test_what_must_be_one_state_is_not_cut(source: Source, stamped: window.Window) -> None:
    for mode in ("full", "repair"):
        assert ranges.of_window(source, TABLE, replace(stamped, mode=mode), "TRUE") is None
    other = replace(TABLE, keys=("note",))  # no row has it twice, but not by the primary key
    assert cut(source, replace(stamped, low=None, rows=ROWS), 2, other) is None


def select(source: Source, plan: window.Window, pieces: int) -> reading.Query:
    where, parameters = window.predicate(TABLE, plan)
    columns = described(checked_columns(source, TABLE), TABLE)
    query = reading.select(source, TABLE, columns, where, parameters)
    return replace(query, pieces=cut(source, plan, pieces) or ())


def test_ranges_side_by_side_are_what_one_select_reads(
    source: Source, stamped: window.Window
) -> None:
    one, two = (
        sorted(
            str(row)
            for batch, _ in reading.batches(source, select(source, stamped, pieces))
            for row in batch.to_pylist()
        )
        for pieces in (1, 2)
    )
    assert one == two and len(one) == 8001
