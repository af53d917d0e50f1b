"""Changes that a cursor does not see: found all the same, or the run says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from rich.console import Console

from etl_lib.errors import BadInput
from etl_lib.warehouse import Warehouse
from workbench import execution
from workbench.preparation import prepare
from workbench.stack import Stack
from workbench.summary import Summary

from . import equality

DATABASE = "unseen"
CONTRACT = """
name = "unseen"

[tables.visits]
keys = ["id"]
cursor = "at"
deletes = "sweep"

[tables.marks]
keys = ["id"]
cursor = "made"

[tables.phones]
keys = ["id"]
min_rows = 0

[tables.emptied]
keys = ["id"]
min_rows = 0
"""
STAMP = "DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6)"

Run = Callable[..., Summary]


@pytest.fixture(scope="module")
def source(stack: Stack) -> Iterator[Stack]:
    for name in (DATABASE, f"{DATABASE}2"):
        with stack.server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {name}")
            cursor.execute(f"CREATE DATABASE {name}")
        with stack.server.cursor(name) as cursor:
            cursor.execute(f"CREATE TABLE visits (id INT PRIMARY KEY, day DATE, at {STAMP})")
            cursor.execute("INSERT INTO visits (id, day) VALUES (1, '1000-01-01'), (2, NULL)")
            cursor.execute(
                "CREATE TABLE phones (id INT PRIMARY KEY, home VARCHAR(9), mobile VARCHAR(9))"
            )
            cursor.execute("INSERT INTO phones VALUES (1, '555', '')")
            cursor.execute(
                "CREATE TABLE marks (id INT PRIMARY KEY, mark INT, "
                f"made DATETIME(6) NOT NULL DEFAULT NOW(6), at {STAMP})"
            )
            cursor.execute("INSERT INTO marks (id, mark) VALUES (1, 3)")
            cursor.execute("CREATE TABLE emptied (id INT PRIMARY KEY)")
            cursor.execute("INSERT INTO emptied VALUES (1), (2)")
    yield stack


@pytest.fixture(scope="module")
def run(source: Stack, tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("contracts")

    def go(database: str = DATABASE, run_id: str = "", **changes: str) -> Summary:
        text = CONTRACT
        for old, new in changes.items():
            text = text.replace(old, new)
        path = Path(folder / "tables.toml")
        path.write_text(text)
        secret = source.server.secret(database)
        prepared = prepare(source, path, secret, "", run_id)
        done = execution.run(source, prepared, Console(quiet=True))
        assert done.status == "SUCCEEDED", done.error
        return done

    return go


def execute(stack: Stack, *statements: str) -> None:
    with stack.server.cursor(DATABASE) as cursor:
        for statement in statements:
            cursor.execute(statement)


def differing(stack: Stack) -> list[str]:
    """Tables whose raw is not the source."""
    found = []
    for table in ("visits", "marks", "phones", "emptied"):
        columns = equality.columns_of(stack.server, DATABASE, table)
        if equality.of_raw(table, columns) != equality.of_source(
            stack.server, DATABASE, table, columns
        ):
            found.append(table)
    return found


def test_what_no_stamp_tells_of_is_told_of_and_arrives_with_the_next_run(
    source: Stack, run: Run, warehouse: Warehouse
) -> None:
    run(run_id="first")
    assert differing(source) == []
    execute(
        source,
        "INSERT INTO visits VALUES (3, NULL, '2020-01-01')",  # back-dated
        "UPDATE phones SET home = '', mobile = '555'",  # CHECKSUM TABLE does not see it
        "DELETE FROM emptied",
        "UPDATE marks SET mark = 1",  # its cursor tells only of inserts
    )
    second = run()
    assert second.tables["visits"]["missing"] == 1
    assert second.tables["emptied"]["deleted"] == 2
    assert differing(source) == ["visits", "marks"]
    third = run(**{'"made"': '"at"'})
    assert third.tables["visits"]["missing"] == 0
    assert differing(source) == []


def test_another_database_is_refused_before_its_rows_are_mixed_with_ours(run: Run) -> None:
    with pytest.raises(AssertionError, match="its bookmark marks .*/unseen, not .*/unseen2"):
        run(database=f"{DATABASE}2")


def test_another_contract_may_not_load_the_same_table(run: Run) -> None:
    with pytest.raises(AssertionError, match="loaded by the contract 'unseen'"):
        run(unseen="other")


def test_the_name_of_a_run_that_succeeded_is_not_taken_again(run: Run) -> None:
    with pytest.raises(BadInput, match="run first has succeeded"):
        run(run_id="first")
