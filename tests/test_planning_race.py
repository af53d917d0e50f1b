"""Two attempts of one run that plan at once: the bookmark never moves over what nobody loaded."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from etl_lib import bookmark, extract, ledger, load, planning
from etl_lib.errors import Fenced
from etl_lib.run import Run, open_run
from etl_lib.source import Source
from etl_lib.warehouse import Warehouse
from workbench.pipeline import BOOKMARKS, BUCKET
from workbench.stack import Stack

DATABASE = "race"
CONTRACT = """
name = "race"
[tables.racers]
keys = ["id"]
cursor = "at"
"""


@pytest.fixture
def source(stack: Stack, warehouse: Warehouse) -> Iterator[Source]:
    with stack.server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    with stack.server.cursor(DATABASE) as cursor:
        cursor.execute("CREATE TABLE racers (id INT PRIMARY KEY, at DATETIME(6) DEFAULT NOW(6))")
        cursor.execute("INSERT INTO racers (id, at) VALUES (1, NOW(6) + INTERVAL 1 HOUR)")
    secret = stack.server.secret(DATABASE)
    yield Source(
        secret["host"], secret["port"], secret["username"], secret["password"], secret["dbname"]
    )


def opened(stack: Stack, folder: Path, run_id: str) -> Run:
    path = folder / "tables.toml"
    path.write_text(CONTRACT)
    contract = stack.pipeline.publish(path)
    return open_run(run_id, BUCKET, contract, "", "rental-apartments", "dev", "", BOOKMARKS)


def test_a_second_plan_of_a_run_is_not_taken_for_the_one_that_was_loaded(
    stack: Stack, source: Source, tmp_path: Path
) -> None:
    first, second = (opened(stack, tmp_path, "racing") for _ in range(2))
    assert planning.plan(first, source)["racers"].idle  # its one row lies in the future
    with stack.server.cursor(DATABASE) as cursor:
        cursor.execute("INSERT INTO racers (id) VALUES (2)")
    # The second attempt has looked for a stored plan before the first one stored it.
    planning._plan_tables(second, source, second.tables)
    assert second.plans()["racers"].idle, "the first plan of a run stands"
    extract.move(first, source)
    load.load(first)
    with pytest.raises(Fenced, match="Nothing is lost: type .workbook run"):
        bookmark.advance(first)
    after = opened(stack, tmp_path, "after")
    assert planning.plan(after, source)["racers"].window.rows == 1
    assert after.bookmarks.get("racers").open_run == after.run_id
    assert ledger.entry(after, "racers") is None
