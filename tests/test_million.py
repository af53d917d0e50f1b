"""A million rows: what a sweep and a reconcile cost, and how little they move. `make drill`."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from etl_lib import planning, repair, window
from workbench import comparison
from workbench.drill.lane import Lane
from workbench.home import Home
from workbench.mysql.server import Server

pytestmark = pytest.mark.drill

ROWS = 1_000_000
CONTRACT = """
name = "million"
[tables.events]
keys = ["id"]
cursor = "at"
deletes = "sweep"
"""


def timed(what: str, work: Callable[[], Any]) -> Any:
    clock = time.monotonic()
    done = work()
    print(f"{what}: {time.monotonic() - clock:.1f} s")
    return done


@pytest.fixture(scope="module")
def lane(tmp_path_factory: pytest.TempPathFactory, mysql_server: Server) -> Iterator[Lane]:
    contract: Path = tmp_path_factory.mktemp("contract") / "tables.toml"
    contract.write_text(CONTRACT)
    made = Lane(Home(tmp_path_factory.mktemp("million")), mysql_server, "million", contract)
    made.source.create()
    with mysql_server.cursor(made.source.database) as cursor:
        cursor.execute(
            "CREATE TABLE events (id BIGINT PRIMARY KEY, user INT, note VARCHAR(40), price "
            "DECIMAL(10,2), at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6), KEY (at))"
        )
        cursor.execute(
            "INSERT INTO events (id, user, note, price, at) SELECT seq * 7, seq % 9973, "
            "CONCAT('note ', seq), seq / 100, '2026-01-01' + INTERVAL seq SECOND "
            f"FROM seq_1_to_{ROWS}"
        )
    made.begin()
    timed("full load", lambda: made.run(made.new_run()))
    yield made
    made.close()


def test_a_sweep_without_a_change_reads_keys_only(lane: Lane) -> None:
    run, source = lane.opened("sweep")
    timed("digest of a million keys", lambda: window.keys_digest(source, run.tables[0]))
    timed("a run with nothing to do", lambda: lane.run(lane.new_run()))


def test_a_sweep_moves_keys_and_finds_every_delete(lane: Lane) -> None:
    with lane.source.server.cursor(lane.source.database) as cursor:
        cursor.execute("DELETE FROM events WHERE id IN (7, 7000, 7000000)")
    run_id = lane.new_run()
    timed("a run that sweeps", lambda: lane.run(run_id))
    run, _ = lane.opened(run_id)
    entry = run.warehouse.rows("SELECT * FROM etl.ledger WHERE run_id = :run", {"run": run_id})[0]
    assert (entry["deleted"], entry["loaded"]) == (3, 0)


def test_three_altered_rows_of_a_million_are_found_and_hardly_a_row_moves(lane: Lane) -> None:
    run_id = lane.new_run()
    run, source = lane.opened(run_id)
    (table,) = run.tables
    run.warehouse.rows('UPDATE "raw".events SET price = price + 1 WHERE id IN (70, 77, 6999993)')
    found = timed("reconcile", lambda: comparison.compare(run, source, table))
    assert sorted(found.altered) == [("6999993",), ("70",), ("77",)]
    assert found.moved < ROWS / 100
    print(f"{found.moved:,} keys read of {ROWS:,}: {found.moved / ROWS:.2%}")
    repair.store(run, table, found.damaged)
    planning.store_shapes(run, source)
    timed("repair", lambda: lane.run(run_id))
    again = comparison.compare(run, source, table)
    assert again is not None and (again.differing, again.moved) == (0, 0)
