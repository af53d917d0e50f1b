"""Append-only tables: windows of numbers lose no insert that is committed late."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pymysql
import pytest

from etl_lib import append, moments, window
from etl_lib.contract import Table, parse
from etl_lib.errors import BadInput, ContractError, SourceError
from etl_lib.source import Source, checked_columns
from workbench.mysql.server import Server

from .states import until

DATABASE = "appended"
TABLE = Table(name="events", keys=("id",), cursor="id", append_only=True, min_rows=0)


@pytest.fixture
def source(mysql_server: Server) -> Iterator[Source]:
    with mysql_server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute(
            "CREATE TABLE events (id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, note VARCHAR(20))"
        )
    secret = mysql_server.secret(DATABASE)
    yield Source(secret["host"], secret["port"], secret["username"], secret["password"], DATABASE)


def plan(source: Source, low: str | None = None) -> window.Window:
    return append.incremental(source, TABLE, checked_columns(source, TABLE), low)


def notes(source: Source, planned: window.Window) -> list[str]:
    where, parameters = window.predicate(TABLE, planned)
    rows = source.rows(f"SELECT note FROM events WHERE {where} ORDER BY id", parameters)
    return [row["note"] for row in rows]


def add(server: Server, *values: str) -> None:
    with server.cursor(DATABASE) as cursor:
        for value in values:
            cursor.execute("INSERT INTO events (note) VALUES (%s)", [value])


def test_windows_follow_each_other_and_an_empty_one_is_no_work(
    source: Source, mysql_server: Server
) -> None:
    empty = plan(source)
    assert (empty.rows, empty.tier) == (0, "append-only")
    add(mysql_server, *"abcdefghij")
    first = plan(source, empty.high)
    add(mysql_server, "k")
    second = plan(source, first.high)
    assert notes(source, first) == list("abcdefghij")
    assert notes(source, second) == ["k"], "numbers are not compared as texts"
    assert plan(source, second.high).rows == 0


def test_an_insert_that_is_committed_late_is_in_the_next_window(
    source: Source, mysql_server: Server
) -> None:
    with closing(mysql_server.connect(DATABASE)) as late, late.cursor() as cursor:
        cursor.execute("INSERT INTO events (note) VALUES ('late')")
        add(mysql_server, "in time")
        first = plan(source)
        assert notes(source, first) == []
        late.commit()
    assert notes(source, plan(source, first.high)) == ["late", "in time"]


def test_a_statement_that_has_drawn_its_numbers_and_not_used_them_yet_is_waited_for(
    source: Source, mysql_server: Server
) -> None:
    """Two rows are one statement: its numbers are drawn at once, its second row comes later."""
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute(
            "CREATE TRIGGER slow BEFORE INSERT ON events FOR EACH ROW "
            "SET @x = IF(NEW.note = 'slow', SLEEP(0.6), 0)"
        )
    thread = threading.Thread(target=_insert, args=(mysql_server, "('first'), ('slow')"))
    thread.start()
    time.sleep(0.3)
    add(mysql_server, "other")
    planned = plan(source)
    thread.join()
    later = plan(source, planned.high)
    assert sorted(notes(source, planned) + notes(source, later)) == ["first", "other", "slow"]


def _insert(server: Server, values: str) -> None:
    with server.cursor(DATABASE) as cursor:
        cursor.execute(f"INSERT INTO events (note) VALUES {values}")


def test_a_statement_that_does_not_end_leaves_the_window_empty_and_says_so(
    source: Source, mysql_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "PATIENCE", 0.2)
    add(mysql_server, "a")

    def wait() -> None:
        with suppress(pymysql.err.Error), mysql_server.cursor(DATABASE) as cursor:
            cursor.execute("DO SLEEP(60)")

    thread = threading.Thread(target=wait)
    thread.start()
    with mysql_server.cursor() as cursor:

        def sleeper() -> Any:
            cursor.execute(
                "SELECT id FROM information_schema.processlist WHERE info = 'DO SLEEP(60)'"
            )
            return cursor.fetchone()

        running = until(sleeper)
        planned = plan(source)
        assert planned.rows == 0 and "does not end" in planned.why
        cursor.execute(f"KILL {running[0]}")
    thread.join()
    assert notes(source, plan(source, planned.high)) == ["a"]


def test_what_is_no_append_only_table_is_refused(source: Source) -> None:
    with pytest.raises(SourceError, match="'note' is not AUTO_INCREMENT"):
        checked_columns(source, replace(TABLE, cursor="note"))
    with pytest.raises(SourceError, match="needs to see the statements.*GRANT PROCESS"):
        with patch.object(window, "clock", lambda *_: (None, None, "bounded")):
            plan(source)
    text = 'name = "x"\n[tables.t]\nkeys = ["id"]\nappend_only = {}\n'
    with pytest.raises(ContractError, match="append_only.*needs a cursor"):
        parse(text.format("true"), "here")
    with pytest.raises(ContractError, match="expected bool, not 1"):
        parse(text.format("1"), "here")


def test_its_bookmark_is_a_number(source: Source) -> None:
    assert moments.parsed(TABLE, "int", "007") == "7"
    assert moments.after(TABLE, "10", "9")
    with pytest.raises(BadInput, match="is not a number"):
        moments.parsed(TABLE, "int", "2026-01-01")
