"""Transactions side by side: real batches that run at once, each held where the test wants it."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from tests.states import until
from tests.test_redshift_data import (  # noqa: F401  (data is a fixture)
    AT,
    SLOW,
    data,
    finished,
    fresh,
    make_big,
    rows,
    run,
)


@pytest.fixture(scope="module", autouse=True)
def big(data: Any) -> None:  # noqa: F811
    make_big(data, "gate")


def start(data: Any, *sqls: str) -> str:  # noqa: F811
    identity: str = data.batch_execute_statement(Sqls=list(sqls), **AT)["Id"]
    return identity


@contextmanager
def held(data: Any, *batches: tuple[str, ...]) -> Iterator[list[str]]:  # noqa: F811
    """The ids of batches that have done their first statement and wait at LOCK gate."""
    gate = start(data, "LOCK gate", SLOW.replace("big", "gate"))
    passed(data, gate)
    ids = [start(data, *sqls) for sqls in batches]
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda each: passed(data, each), ids))
    yield ids
    data.cancel_statement(Id=gate)
    finished(data, gate)


def passed(data: Any, identity: str) -> None:  # noqa: F811
    """Wait for the first statement of a batch."""

    def first() -> bool:
        found = data.describe_statement(Id=identity)["SubStatements"][0]
        assert found["Status"] not in ("FAILED", "ABORTED"), found
        return bool(found["Status"] == "FINISHED")

    until(first, 60)


def table(data: Any) -> str:  # noqa: F811
    name = fresh()
    run(data, f"CREATE TABLE {name} AS SELECT 0 AS n")
    return name


def test_a_writer_waits_for_the_other_and_sees_what_it_did(data: Any) -> None:  # noqa: F811
    second = ("UPDATE {} SET n = n + 10", "DELETE FROM {} WHERE n = 0", "INSERT INTO {} VALUES (7)")
    names = [table(data) for _ in second]
    change = [f"UPDATE {name} SET n = n + 1" for name in names]
    with held(data, (*change, "LOCK gate")) as (first,):
        waiting = [start(data, sql.format(name)) for sql, name in zip(second, names, strict=True)]
        assert {data.describe_statement(Id=each)["Status"] for each in waiting} == {"STARTED"}
    assert {finished(data, each)["Status"] for each in (first, *waiting)} == {"FINISHED"}
    found = [rows(data, f"SELECT n FROM {name} ORDER BY n") for name in names]
    assert found == [[[11]], [[1]], [[1], [7]]]


def test_who_is_overtaken_after_its_snapshot_fails_with_1023(data: Any) -> None:  # noqa: F811
    overtaken = ("UPDATE {} SET n = 9", "DELETE FROM {}", "INSERT INTO {} VALUES (5)")
    names = [table(data) for _ in overtaken]
    batches = [
        (f"SELECT n FROM {name}", "LOCK gate", sql.format(name))
        for sql, name in zip(overtaken, names, strict=True)
    ]
    with held(data, *batches) as ids:
        for name in names:
            assert run(data, f"UPDATE {name} SET n = 1")["Status"] == "FINISHED"
    errors = [finished(data, each).get("Error") for each in ids]
    told = "Query #3 failed with ERROR: 1023 DETAIL: Serializable isolation violation on table"
    assert errors == [*(f"{told} - public.{name}" for name in names[:2]), None]
    left = [rows(data, f"SELECT n FROM {name} ORDER BY n") for name in names]
    assert left == [[[1]], [[1]], [[1], [5]]]


def test_of_two_that_wait_for_each_other_one_ends(data: Any) -> None:  # noqa: F811
    one, other = table(data), table(data)
    change = "UPDATE {} SET n = n + 1"
    batches = [
        (change.format(one), "LOCK gate", change.format(other)),
        (change.format(other), "LOCK gate", change.format(one)),
    ]
    with held(data, *batches) as ids:
        pass
    errors = [finished(data, each).get("Error", "") for each in ids]
    assert sorted("deadlock detected" in each for each in errors) == [False, True]


def test_a_table_made_or_dropped_after_the_snapshot_is_not_there(data: Any) -> None:  # noqa: F811
    made, dropped = fresh(), table(data)
    batches = [
        ("SELECT COUNT(*) FROM gate", "LOCK gate", f"SELECT n FROM {name}")
        for name in (made, dropped)
    ]
    with held(data, *batches) as ids:
        for ddl in (f"CREATE TABLE {made} (n INTEGER)", f"DROP TABLE {dropped}"):
            assert run(data, ddl)["Status"] == "FINISHED"
    assert [finished(data, each).get("Error") for each in ids] == [
        "Query #3 failed with ERROR: 1018 DETAIL: Relation does not exist.",
        f'Query #3 failed with ERROR: relation "{dropped}" does not exist',
    ]


def test_a_statement_that_waits_for_a_table_can_be_cancelled(data: Any) -> None:  # noqa: F811
    name = table(data)
    with held(data, (f"UPDATE {name} SET n = 1", "LOCK gate")) as (first,):
        other = start(data, f"DELETE FROM {name}")
        assert data.cancel_statement(Id=other)["Status"] is True
        assert finished(data, other)["Status"] == "ABORTED"
    assert finished(data, first)["Status"] == "FINISHED"
    assert rows(data, f"SELECT n FROM {name}") == [[1]]
