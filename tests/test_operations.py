"""`workbook backfill` and `workbook replay`: rows move again beside live runs; none is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etl_lib import backfill, extract, planning
from etl_lib.errors import BadInput, Fenced, RunFailed, WarehouseBehind
from workbench import endpoint, operations
from workbench.drill import oracle
from workbench.drill.lane import CONTRACT, Lane
from workbench.home import Home
from workbench.mysql.server import Server
from workbench.preparation import STAGES

from .emptied import emptied

LOADING = STAGES[1:4]


@pytest.fixture(scope="module")
def lane(lanes: Home, mysql_server: Server) -> Iterator[Lane]:
    made = Lane(lanes, mysql_server, "operations")
    emptied(made.stack)
    made.open()
    yield made
    made.leave()


def execute(lane: Lane, *statements: str) -> None:
    with lane.source.server.cursor(lane.source.database) as cursor:
        for statement in statements:
            cursor.execute(statement)


def damage(lane: Lane, *statements: str) -> None:
    run, _ = lane.opened("damage")
    run.warehouse.transaction("damage", [*statements, "SELECT 1"])


def again(lane: Lane, low: str = "2000-01-01", high: str = "") -> tuple[Any, dict[str, Any]]:
    secret = lane.source.server.secret(lane.source.database)
    return operations.backfill(lane.stack, CONTRACT, secret, "orders", low, high, print)


def planned(lane: Lane) -> str:
    """A backfill of all orders that has read the source, and not loaded yet."""
    run_id = lane.new_run()
    run, source = lane.opened(run_id)
    backfill.plan(run, source, run.contract.tables["orders"], "", "")
    lane.run(run_id, STAGES[:1], tables="orders")
    return run_id


def test_what_no_stamp_tells_of_is_moved_by_a_backfill(lane: Lane) -> None:
    execute(lane, "UPDATE orders SET note = 'silent', updated_at = updated_at WHERE id < 3")
    lane.run(lane.new_run())
    assert oracle.wrong(lane), "no window sees it"
    before = lane.opened("x")[0].bookmarks.get("orders")
    plan, entry = again(lane)
    assert plan.window.rows == entry["loaded"] == 12  # all: each is judged anew
    assert lane.opened("x")[0].bookmarks.get("orders").high == before.high
    lane.run(lane.new_run())
    assert oracle.wrong(lane) == []


def test_a_run_that_is_going_on_and_a_backfill_do_not_mind_each_other(lane: Lane) -> None:
    execute(lane, "UPDATE orders SET note = 'silent 2', updated_at = updated_at WHERE id < 3")
    lane.source.change(5)
    run_id = lane.new_run()
    lane.run(run_id, STAGES[:3])
    again(lane)
    lane.run(run_id, STAGES[3:])
    lane.run(lane.new_run())
    assert oracle.wrong(lane) == []


@pytest.mark.drill
def test_a_backfill_that_comes_late_leaves_newer_rows_alone(lane: Lane) -> None:
    late = planned(lane)
    execute(lane, "UPDATE orders SET note = 'newer'", "DELETE FROM orders ORDER BY id LIMIT 1")
    lane.run(lane.new_run())
    lane.run(late, LOADING, tables="orders")
    lane.run(lane.new_run())
    assert oracle.wrong(lane) == []


def test_a_row_that_a_backfill_brings_back_from_the_dead_is_swept_by_the_next_run(
    lane: Lane,
) -> None:
    damage(lane, 'DELETE FROM "raw".orders WHERE id = 4', "DELETE FROM curated.orders WHERE id = 4")
    late = planned(lane)
    execute(lane, "DELETE FROM orders WHERE id = 4")
    lane.run(lane.new_run())
    lane.run(late, LOADING, tables="orders")
    assert oracle.wrong(lane), "it is back"
    lane.run(lane.new_run())
    assert oracle.wrong(lane) == []


@pytest.mark.drill
def test_two_backfills_at_once_do_not_overwrite_each_other(lane: Lane) -> None:
    late = planned(lane)
    again(lane)
    with pytest.raises(RunFailed, match="Fenced"):
        lane.run(late, LOADING, tables="orders")
    lane.run(lane.new_run())
    assert oracle.wrong(lane) == []


@pytest.mark.parametrize(
    ("low", "high", "told"),
    [
        ("2000-01-01", "2037-01-01", "lies in the future"),
        ("2030-01-01 00:00", "", "lies in the future"),
        ("2020-01-01", "2019-01-01", "there is nothing"),
        ("yesterday", "", "is not a moment"),
        ("2020-01-01T00:00:00+02:00", "", "leave the time zone out"),
    ],
)
def test_a_span_that_makes_no_sense_is_refused(lane: Lane, low: str, high: str, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        again(lane, low, high)


def test_a_table_without_a_cursor_has_nothing_to_backfill(lane: Lane) -> None:
    secret = lane.source.server.secret(lane.source.database)
    with pytest.raises(BadInput, match="no cursor.*bookmarks set rates --beginning"):
        operations.backfill(lane.stack, CONTRACT, secret, "rates", "2020-01-01", "", print)


@pytest.mark.parametrize(
    ("going", "comes"),
    [
        (7, "UPDATE orders SET note = 'going' WHERE id = 7"),
        (900, "INSERT INTO orders (id, quantity, ordered_on) VALUES (900, 1, '2026-02-02')"),
    ],
    ids=["a row that was loaded before", "a new row"],
)
def test_a_row_that_is_deleted_while_it_is_read_does_not_stay(
    lane: Lane, monkeypatch: pytest.MonkeyPatch, going: int, comes: str
) -> None:
    """Between the reading of the rows and that of the keys. Live histories found the new row: its
    key is not in the digest of the keys that were read, so no later run would have looked."""
    execute(lane, comes, f"DELETE FROM orders WHERE id = {8 if going == 7 else 11}")  # a sweep
    run_id = lane.new_run()
    run, source = lane.opened(run_id)
    planning.plan(run, source)
    write = extract._write

    def slowly(*given: Any) -> Any:
        done = write(*given)
        if given[3].endswith("part") and given[2].table.name == "orders":
            execute(lane, f"DELETE FROM orders WHERE id = {going}")
        return done

    monkeypatch.setattr(extract, "_write", slowly)
    extract.move(run, source)
    lane.run(run_id, STAGES[1:])
    assert oracle.wrong(lane) == []


def test_rows_that_come_after_the_window_are_not_taken_for_missing_ones(
    lane: Lane, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a busy table would be read from the beginning with every run."""
    execute(lane, "DELETE FROM orders WHERE id = 9", "UPDATE orders SET note = 'x' WHERE id = 10")
    run_id = lane.new_run()
    run, source = lane.opened(run_id)
    planning.plan(run, source)
    execute(lane, "INSERT INTO orders (quantity, ordered_on) VALUES (5, '2026-02-02')")
    lane.run(run_id)
    mark = run.bookmarks.get("orders")
    assert mark.high is not None
    counted = run.results("06_finalize")["orders"]
    assert (counted["behind"], counted["later"]) == (1, 1)  # it is told as what it is
    lane.run(lane.new_run())
    assert oracle.wrong(lane) == []


def test_a_warehouse_that_was_restored_is_replayed_without_the_source(
    lane: Lane, tmp_path: Path
) -> None:
    files = [*lane.home.aws.glob("warehouse.duckdb*")]  # and what is not yet written into it
    kept = [shutil.copy2(path, tmp_path) for path in files]  # while nobody writes
    lost = []
    for seed in (21, 22):
        lane.source.change(seed)
        lost.append(lane.new_run())
        lane.run(lost[-1])
    endpoint.stop(lane.home.aws)
    try:
        for path in lane.home.aws.glob("warehouse.duckdb*"):
            path.unlink()
        for path in kept:
            shutil.copy2(path, lane.home.aws)
    finally:
        lane.revive()
    with pytest.raises(RunFailed, match="WarehouseBehind.*was restored.*workbook replay"):
        lane.run(lane.new_run())
    assert operations.missing(lane.stack, CONTRACT) == lost
    with pytest.raises(WarehouseBehind, match=lost[0]):  # the earlier one comes first
        operations.replay(lane.stack, CONTRACT, lost[1:], print)
    secret = lane.secret
    lane.stack.endpoint.client("secretsmanager").delete_secret(
        SecretId=secret, ForceDeleteWithoutRecovery=True
    )
    told = operations.replay(lane.stack, CONTRACT, lost, print)
    assert any("orders" in line and "rows loaded" in line for line in told)
    assert operations.missing(lane.stack, CONTRACT) == []
    assert operations.replay(lane.stack, CONTRACT, lost, print) == [
        f"run {run_id}: loaded already, nothing to do" for run_id in lost
    ]
    del lane.secret
    assert lane.secret == secret
    lane.run(lane.new_run())
    assert oracle.wrong(lane) == []


def test_a_run_that_never_was_cannot_be_replayed(lane: Lane) -> None:
    with pytest.raises(BadInput, match="has no plans"):
        operations.replay(lane.stack, CONTRACT, ["never"], print)


@pytest.mark.drill
def test_an_older_run_is_not_replayed_over_a_newer_one(lane: Lane) -> None:
    dead = lane.new_run()
    lane.source.change(30)
    lane.run(dead, STAGES[:3])
    lane.run(lane.new_run())
    with pytest.raises(Fenced, match="is newer than"):
        operations.replay(lane.stack, CONTRACT, [dead], print)
