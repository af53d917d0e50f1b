"""The source is what the contract says, or one message names table and field."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal

import pytest

from etl_lib import contract, planning, reading
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.source import Source, checked_columns
from workbench import init, source_option
from workbench.mysql.server import Server

DATABASE = "sources"
TABLE = Table(name="things", keys=("id",), cursor="at")


@pytest.fixture(scope="module")
def source(mysql_server: Server) -> Iterator[Source]:
    with mysql_server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute(
            """CREATE TABLE things (id BIGINT UNSIGNED PRIMARY KEY, at DATETIME(6) NOT NULL,
            small TINYINT(1), money DECIMAL(38,10), wide DECIMAL(19,0), ratio FLOAT, big DOUBLE,
            day DATE, span TIME(6), flags BIT(64), colour ENUM('', 'red'), tags SET('a', 'b'),
            born YEAR, note TEXT, `Order` VARCHAR(10), place POINT)"""
        )
        cursor.execute(
            """INSERT INTO things VALUES (18446744073709551615, '9999-12-31 23:59:59.999999', -1,
            1234567890123456789012345678.0123456789, 9999999999999999999, 16777217.5, 5e-324,
            '0001-01-01', '-838:59:59.000001', ~b'0',
            '', 'a,b', 2155, 'line\\nquote\\"tab\\t\\\\ 😀', ' x ', NULL)"""
        )
        cursor.execute("CREATE TABLE empty (id INT PRIMARY KEY)")
        cursor.execute("CREATE TABLE old (id INT PRIMARY KEY) ENGINE = MyISAM")
        cursor.execute("CREATE TABLE keyless (id INT)")
        cursor.execute("CREATE TABLE ours (id INT PRIMARY KEY, _rule INT, `a%s` INT)")
    secret = mysql_server.secret(DATABASE)
    yield Source(secret["host"], secret["port"], secret["username"], secret["password"], DATABASE)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (Table("thing", ("id",)), "table thing: no such table"),
        (Table("things", ("key",)), "table things: keys names the column 'key'"),
        (Table("things", ("id",), "updated"), "table things: cursor names the column 'updated'"),
        (Table("things", ("id",), "note"), "cursor = 'note' is text"),
        (Table("things", ("id",), skip=("plaec",)), "skip names the column 'plaec'"),
        (Table("things", ("id",), skip=("id", "place")), "skip may not name a key"),
        (Table("things", ("id",)), "column place: MySQL type point has no Redshift type"),
        (Table("empty", ("id",)), "table empty: the source has 0 rows, min_rows = 1"),
        (Table("old", ("id",)), "engine MyISAM"),
        (Table("ours", ("id",)), "column '_rule' has a name of ours"),
        (Table("ours", ("id",), skip=("_rule",)), "column 'a%s': names with one of"),
    ],
)
def test_a_contract_that_does_not_fit_the_source_is_refused(
    source: Source, table: Table, message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        checked_columns(source, table)


def test_a_server_that_does_not_keep_its_time_in_utc_is_refused(
    source: Source, mysql_server: Server
) -> None:
    with mysql_server.cursor() as cursor:
        cursor.execute("SET GLOBAL time_zone = '-05:00'")
    try:
        with pytest.raises(SourceError, match="keeps its time in '-05:00'. Only UTC"):
            checked_columns(source, Table("things", ("id",), skip=("place",)))
    finally:
        with mysql_server.cursor() as cursor:
            cursor.execute("SET GLOBAL time_zone = '+00:00'")


def test_a_wrong_password_is_one_message_without_the_password(source: Source) -> None:
    with pytest.raises(SourceError, match="Access denied") as caught:
        replace(source, password="not-the-password").base_tables()
    assert "not-the-password" not in str(caught.value)


def test_a_database_that_the_user_may_not_open_is_told_with_what_opens_it(
    source: Source, mysql_server: Server
) -> None:
    with mysql_server.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE not_yours")
    with pytest.raises(SourceError, match="Access denied") as caught:
        replace(source, database="not_yours").base_tables()
    grant = str(caught.value).partition("As the source's administrator: ")[2]
    with mysql_server.cursor() as cursor:
        cursor.execute(grant)
    assert replace(source, database="not_yours").base_tables() == {}


def test_an_unreachable_source_is_one_message(source: Source) -> None:
    with pytest.raises(SourceError, match="cannot reach mysql://etl@127.0.0.1:1/"):
        replace(source, port=1).base_tables()


def test_the_reader_gives_every_value_exactly(source: Source) -> None:
    import pyarrow as pa

    table = replace(TABLE, skip=("place",))
    described = planning.described(checked_columns(source, table), table)
    query = reading.select(source, table, described, "TRUE")
    batches = [batch for batch, _ in reading.batches(source, query)]
    row = pa.Table.from_batches(batches).to_pylist()[0]
    assert row["id"] == Decimal(18446744073709551615)
    assert str(row["at"]) == "9999-12-31 23:59:59.999999"
    assert row["small"] == -1
    assert row["money"] == Decimal("1234567890123456789012345678.0123456789")
    assert row["wide"] == Decimal(9999999999999999999)
    assert row["ratio"] == 16777218.0  # what a 32-bit float holds of it, every digit
    assert row["big"] == 5e-324
    assert str(row["day"]) == "0001-01-01"
    assert row["span"] == "-838:59:59.000001"
    assert row["flags"] == Decimal(18446744073709551615)
    assert (row["colour"], row["tags"], row["born"]) == ("", "a,b", 2155)
    assert row["note"] == 'line\nquote"tab\t\\ 😀'
    assert row["order"] == " x "


def test_a_nul_is_found_wherever_a_batch_was_cut() -> None:
    import pyarrow as pa

    texts = ["a", None, "", "b\0c", "🏠", "d"]
    for start in range(len(texts)):
        for length in range(len(texts) - start + 1):
            part = pa.array(texts).slice(start, length)
            held = any("\0" in text for text in part.to_pylist() if text)
            assert reading._has_nul(part) is held, part


def test_a_reader_error_names_the_table_and_never_the_password(source: Source) -> None:
    query = reading.Query(TABLE, [], [], "nonsense", "TRUE", False, [])
    with pytest.raises(SourceError, match="table things:") as caught:
        list(reading.batches(source, query))
    assert source.password not in str(caught.value)


def test_init_writes_a_contract_that_fits_and_names_what_it_left_out(source: Source) -> None:
    draft = init.draft(source)
    parsed = contract.parse(draft.text, "draft")
    assert set(parsed.tables) == {"things", "empty", "ours"}
    assert parsed.tables["ours"].skip == ("_rule", "a%s")
    assert parsed.tables["things"].decide == {"place": "binary"}
    for table in parsed.tables.values():
        checked_columns(source, table)
    assert "table keyless left out: no primary key" in draft.warnings
    assert "table old left out: engine MyISAM" in draft.warnings


def test_init_says_which_column_would_tell_of_changes_but_for_its_nulls(
    mysql_server: Server,
) -> None:
    with mysql_server.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE of_nulls")
        cursor.execute(
            "CREATE TABLE of_nulls.orders (id INT PRIMARY KEY, note DATETIME NULL, "
            "updated_at DATETIME NULL DEFAULT NOW() ON UPDATE NOW())"
        )
    text = init.draft(Source.of(mysql_server.secret("of_nulls"))).text
    assert "# updated_at would, if it could not be NULL" in text
    assert "cursor" not in text and "note would" not in text


def test_init_says_what_to_write_if_rows_are_only_ever_added(mysql_server: Server) -> None:
    with mysql_server.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE DATABASE of_events")
        cursor.execute(
            "CREATE TABLE of_events.events (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME)"
        )
    source = Source.of(mysql_server.secret("of_events"))
    text = init.draft(source).text
    asked = '# If no row is ever changed or deleted: cursor = "id" and append_only = true move new '
    asked += "rows alone, with the PROCESS privilege."
    assert asked in text and "append_only" not in text.replace(asked, "")
    taken = text.replace(asked, 'cursor = "id"\nappend_only = true')
    checked_columns(source, contract.parse(taken, "draft").tables["events"])


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("mysql://me:secret@db/shop", "leave the password out"),
        ("postgres://me@db/shop", "expected mysql://"),
        ("mysql://me@db", "expected mysql://"),
        ("mysql://me@db:port/shop", "is no number"),
        ("mysql://me@db/shop", "set the password of me in"),
    ],
)
def test_a_source_address_is_checked_and_takes_no_password(
    url: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(source_option.PASSWORD, raising=False)
    with pytest.raises(SourceError, match=message) as caught:
        source_option.parse(url)
    assert "secret" not in str(caught.value)
