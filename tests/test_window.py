"""Windows lose no late commit: proven on a real server with real concurrent transactions."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from etl_lib import window
from etl_lib.contract import Table
from etl_lib.errors import SourceError
from etl_lib.source import Source, checked_columns
from workbench.mysql.server import Server

DATABASE = "windows"
TABLE = Table(name="events", keys=("id",), cursor="at")


@pytest.fixture
def source(mysql_server: Server) -> Iterator[Source]:
    with mysql_server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute(
            "CREATE TABLE events (id INT PRIMARY KEY, note VARCHAR(20), "
            "at DATETIME(3) NOT NULL DEFAULT NOW(3) ON UPDATE NOW(3))"
        )
        cursor.execute("INSERT INTO events (id, note, at) VALUES (1, 'old', '2024-01-01')")
    secret = mysql_server.secret(DATABASE)
    yield Source(secret["host"], secret["port"], secret["username"], secret["password"], DATABASE)


def plan(source: Source, low: str | None = None, table: Table = TABLE) -> window.Window:
    return window.incremental(source, table, checked_columns(source, table), low, None)


def stamp(server: Server, key: int) -> str:
    with server.connect(DATABASE) as connection, connection.cursor() as cursor:
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        cursor.execute("SELECT at FROM events WHERE id = %s", [key])
        row = cursor.fetchone()
    assert row is not None
    return str(row[0].isoformat(sep=" ", timespec="microseconds"))


def test_a_row_that_is_committed_late_is_in_the_next_window(
    source: Source, mysql_server: Server
) -> None:
    with mysql_server.connect(DATABASE) as late, late.cursor() as cursor:
        cursor.execute("INSERT INTO events (id, note) VALUES (2, 'late')")
        time.sleep(0.01)
        with mysql_server.cursor(DATABASE) as other:
            other.execute("INSERT INTO events (id, note) VALUES (3, 'in time')")
        time.sleep(0.01)
        first = plan(source)
        assert first.high is not None and first.high <= stamp(mysql_server, 2)
        assert first.rows == 1
        late.commit()
    second = plan(source, first.high)
    assert second.rows == 2
    assert second.tier == "proven"


def _reads_no_row(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> str:
        raise AssertionError("the rows of the window are read")

    monkeypatch.setattr(window, "_digest", refuse)


def test_a_window_is_planned_without_reading_its_rows_where_nobody_holds_any(
    source: Source, mysql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mysql_server.connect(DATABASE) as reader, reader.cursor() as cursor:
        cursor.execute("SELECT COUNT(*) FROM events")  # a transaction that changes nothing
        with mysql_server.connect(DATABASE) as writer, writer.cursor() as writing:
            writing.execute("INSERT INTO events (id, note) VALUES (2, 'in a moment')")
            threading.Timer(0.4, writer.commit).start()
            _reads_no_row(monkeypatch)
            monkeypatch.setattr(window, "FEW", 0)
            planned = plan(source)
            assert planned.rows == 2, "who had changed rows is waited for a little"
            assert planned.tier == "proven"


def test_the_rows_are_read_where_a_transaction_lives_on(
    source: Source, mysql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mysql_server.connect(DATABASE) as writer, writer.cursor() as cursor:
        cursor.execute("UPDATE events SET note = 'open' WHERE id = 1")
        _reads_no_row(monkeypatch)
        with pytest.raises(AssertionError, match="are read"):
            plan(source)


def test_a_list_that_shows_what_we_did_for_another_table_proves_nothing(
    source: Source, mysql_server: Server
) -> None:
    """One process plans many tables, one right after the other; the list may be that of before."""
    for number in range(5):
        plan(source)
        key = 100 + number
        with mysql_server.connect(DATABASE) as late, late.cursor() as cursor:
            cursor.execute("INSERT INTO events (id, note) VALUES (%s, 'late')", [key])
            second = plan(source)
            assert second.high is not None and second.high <= stamp(mysql_server, key)
            late.commit()


def test_a_second_update_within_the_same_tick_is_not_mistaken_for_the_first(
    source: Source, mysql_server: Server
) -> None:
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("INSERT INTO events (id, note, at) VALUES (2, 'first', '2024-06-01 12:00')")
    with mysql_server.connect(DATABASE) as late, late.cursor() as cursor:
        cursor.execute("UPDATE events SET note = 'second', at = '2024-06-01 12:00' WHERE id = 2")
        assert plan(source).high == "2024-06-01 12:00:00.000000"
        late.rollback()
    assert plan(source).rows == 2


def test_a_statement_that_waits_for_a_metadata_lock_holds_the_window_back(
    source: Source, mysql_server: Server
) -> None:
    blocker = mysql_server.connect(DATABASE)
    with blocker.cursor() as cursor:
        cursor.execute("LOCK TABLES events READ")

    def write() -> None:
        with mysql_server.cursor(DATABASE) as cursor:
            cursor.execute("INSERT INTO events (id, note) VALUES (4, 'waited')")

    writer = threading.Thread(target=write)
    writer.start()
    time.sleep(0.5)
    first = plan(source)
    blocker.close()
    writer.join()
    assert first.high is not None and first.high <= stamp(mysql_server, 4)


def test_windows_tile_the_axis_and_an_empty_one_is_no_work(source: Source) -> None:
    first = plan(source)
    time.sleep(0.01)
    second = plan(source, first.high)
    assert (second.low, second.rows) == (first.high, 0)


def test_a_reader_that_cannot_see_statements_gets_no_proven_window(
    source: Source, mysql_server: Server
) -> None:
    with mysql_server.cursor() as cursor:
        cursor.execute("CREATE OR REPLACE USER blind@127.0.0.1 IDENTIFIED BY 'blind'")
        cursor.execute(f"GRANT SELECT ON {DATABASE}.* TO blind@127.0.0.1")
    blind = replace(source, username="blind", password="blind")
    planned = plan(blind, table=replace(TABLE, lag=3600))
    assert planned.tier == "bounded"
    assert planned.high is not None and planned.planned_at is not None
    assert planned.high < planned.planned_at


def test_null_cursors_and_zero_dates_are_refused_by_name_and_count(
    source: Source, mysql_server: Server
) -> None:
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("SET sql_mode = ''")
        cursor.execute("ALTER TABLE events ADD day DATE, MODIFY at DATETIME(3) NULL")
        cursor.execute("UPDATE events SET day = '0000-00-00', at = '2024-01-01'")
    with pytest.raises(SourceError, match="column day: 1 zero or partial dates"):
        plan(source)
    assert plan(source, table=replace(TABLE, zero_dates="null")).rows == 1
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("UPDATE events SET at = NULL")
    with pytest.raises(SourceError, match="cursor 'at' is NULL in 1 rows"):
        plan(source)


def test_a_clock_that_stepped_back_is_refused(source: Source) -> None:
    columns = checked_columns(source, TABLE)
    with pytest.raises(SourceError, match="clock"):
        window.incremental(source, TABLE, columns, None, "2999-01-01 00:00:00.000000")


def test_a_full_load_is_skipped_when_the_servers_checksum_is_the_same(
    source: Source, mysql_server: Server
) -> None:
    table = replace(TABLE, cursor=None)
    columns = checked_columns(source, table)
    first = window.full(source, table, columns, None)
    assert (first.mode, first.rows) == ("full", 1)
    assert window.full(source, table, columns, first.digest).rows == 0
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("UPDATE events SET note = 'new', at = at")
    assert window.full(source, table, columns, first.digest).rows == 1
