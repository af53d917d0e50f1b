"""Connections to MySQL that are used again: as good as new ones."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from etl_lib.source import Source
from workbench.mysql.server import Server

DATABASE = "connections"


@pytest.fixture
def source(mysql_server: Server) -> Iterator[Source]:
    with mysql_server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("CREATE TABLE t (id INT PRIMARY KEY)")
    secret = mysql_server.secret(DATABASE)
    yield Source(secret["host"], secret["port"], secret["username"], secret["password"], DATABASE)


def _id(source: Source, isolation: str = "REPEATABLE READ") -> int:
    with source.connect(isolation) as cursor:
        cursor.execute("SELECT CONNECTION_ID() AS id")
        row = cursor.fetchone()
    assert row is not None
    return int(row["id"])


def test_a_connection_is_used_again_by_its_level_only(source: Source) -> None:
    assert _id(source) == _id(source)
    assert _id(source, "READ UNCOMMITTED") != _id(source)


def test_a_new_one_is_nobodys_before_and_after(source: Source) -> None:
    kept = _id(source)
    with source.connect(new=True) as cursor:
        cursor.execute("SELECT CONNECTION_ID() AS id")
        row = cursor.fetchone()
    assert row is not None and row["id"] != kept
    assert _id(source) == kept
    left = "SELECT COUNT(*) AS n FROM information_schema.processlist WHERE id = %s"
    end = time.monotonic() + 10  # the server ends a session a moment after its client
    while source.rows(left, [row["id"]]) != [{"n": 0}]:
        assert time.monotonic() < end, "it stays open"


def test_what_was_read_before_holds_nothing_back(source: Source, mysql_server: Server) -> None:
    """Each use is a transaction of its own, and leaves no lock behind."""
    count = "SELECT COUNT(*) AS n FROM t"
    assert source.rows(count) == [{"n": 0}]
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
        cursor.execute("COMMIT")
        assert source.rows(count) == [{"n": 1}]
        cursor.execute("SET lock_wait_timeout = 1")
        cursor.execute("ALTER TABLE t ADD COLUMN n INT")


def test_threads_have_one_each(source: Source) -> None:
    def busy(number: int) -> int:
        with source.connect() as cursor:
            cursor.execute("SELECT CONNECTION_ID() AS id, SLEEP(0.2)")
            row = cursor.fetchone()
        assert row is not None
        return int(row["id"])

    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(busy, range(4)))) == 4


def test_a_connection_that_the_server_ended_is_replaced(
    source: Source, mysql_server: Server
) -> None:
    first = _id(source)
    with mysql_server.cursor() as cursor:
        cursor.execute(f"KILL {first}")
    assert _id(source) != first


def test_one_in_which_a_statement_failed_is_not_used_again(source: Source) -> None:
    first = _id(source)
    with pytest.raises(Exception, match="nothing"):
        source.rows("SELECT * FROM nothing")
    assert _id(source) != first
