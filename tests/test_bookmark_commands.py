"""`workbook bookmarks`: nothing moves unseen, nothing is skipped by mistake, all can be undone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from etl_lib import ledger
from etl_lib.bookmarks import Bookmark, BookmarkStore
from etl_lib.errors import BadInput, Fenced, LeaseHeld
from etl_lib.lease import held
from etl_lib.warehouse import Warehouse
from workbench import bookmark_commands, pipeline
from workbench.mysql import seed
from workbench.stack import DATABASE, Stack

Command = Callable[..., str]
CONTRACT = """
name = "marks"
[tables.bookings]
keys = ["booking_id"]
cursor = "updated_at"
[tables.fx_rates]
keys = ["rate_date", "currency"]
"""
OLD, NEW = "2026-01-01 00:00:00.000000", "2026-01-31 12:00:00.000000"


@pytest.fixture(scope="module")
def made(stack: Stack) -> Stack:
    seed.create_tables(stack.server, DATABASE)
    return stack


@pytest.fixture
def bookmarks(made: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    contract = tmp_path / "tables.toml"
    contract.write_text(CONTRACT)
    monkeypatch.setattr(bookmark_commands.stack, "up", lambda *_: made)  # it is up
    monkeypatch.setattr(bookmark_commands, "out", bookmark_commands.Console(width=160))

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(bookmark_commands.app, [*arguments, "--contract", str(contract)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return call


def items(stack: Stack) -> dict[str, dict[str, Any]]:
    """What DynamoDB has of this contract, undo records and leases too."""
    found = stack.endpoint.client("dynamodb").scan(TableName=pipeline.BOOKMARKS)["Items"]
    return {each["table"]["S"]: each for each in found if "marks" in each["table"]["S"]}


@pytest.fixture
def store(made: Stack, warehouse: Warehouse) -> Iterator[BookmarkStore]:
    """No bookmark is there yet, and no run in the ledger."""
    for key in items(made):
        made.endpoint.client("dynamodb").delete_item(
            TableName=pipeline.BOOKMARKS, Key={"table": {"S": key}}
        )
    ledger.prepare(warehouse)
    warehouse.rows("DELETE FROM etl.ledger WHERE pipeline = 'marks'")
    yield BookmarkStore(pipeline.BOOKMARKS, "marks")
    # Other tests share the warehouse, and its tables have one owner.
    warehouse.rows("DELETE FROM etl.ledger WHERE pipeline = 'marks'")
    assert not [key for key in items(made) if key.startswith("lease/")]


def loaded(warehouse: Warehouse, run_id: str, sequence: int, high: str, missing: int = 0) -> None:
    warehouse.rows(
        f"INSERT INTO etl.ledger SELECT 'marks', 'bookings', '{run_id}', {sequence}, "
        f"'incremental', 'proven', NULL, '{high}', 3, 3, 0, 0, {missing}, GETDATE()"
    )


def closed(store: BookmarkStore, run_id: str, high: str) -> Bookmark:
    """A run that went through."""
    opened = store.open(store.get("bookings"), run_id, {})
    return store.advance(opened, {"high": high, "cursor": "updated_at", "keys_digest": "7:7"})


def test_a_seed_is_a_first_bookmark_and_never_changes_one(
    bookmarks: Command, store: BookmarkStore
) -> None:
    bookmarks("seed", "bookings", "2026-01-31 12:00")
    assert store.get("bookings").high == NEW and NEW in bookmarks("show")
    with pytest.raises(BadInput, match="Nothing was changed. To move it: workbook bookmarks set"):
        bookmarks("seed", "bookings", "2026-02-01")
    assert store.get("bookings").high == NEW


def test_lost_bookmarks_are_seeded_from_the_ledger_and_their_next_run_is_not_fenced_out(
    bookmarks: Command, store: BookmarkStore, warehouse: Warehouse
) -> None:
    loaded(warehouse, "one", 1, OLD)
    loaded(warehouse, "two", 7, NEW)
    bookmarks("seed", "bookings")
    mark = store.get("bookings")
    assert (mark.high, mark.run_id) == (NEW, "two") and mark.version > 7
    with pytest.raises(BadInput, match="the ledger has no run that loaded it"):
        bookmarks("seed", "fx_rates")


def test_back_is_allowed_forward_must_be_wanted_and_both_can_be_undone(
    bookmarks: Command, store: BookmarkStore
) -> None:
    before = closed(store, "one", NEW)
    with pytest.raises(BadInput, match="would never be moved. Nothing was changed"):
        bookmarks("set", "bookings", "2026-02-01")
    assert store.get("bookings") == before
    told = bookmarks("set", "bookings", "2026-01-01")
    moved = store.get("bookings")
    assert (moved.high, moved.keys_digest) == (OLD, None)  # the next run looks for deletes, too
    assert f"To undo it: workbook bookmarks undo bookings --version {moved.version}" in told
    bookmarks("undo", "bookings", "--version", str(moved.version))
    undone = store.get("bookings")
    assert {**vars(undone), "version": 0} == {**vars(before), "version": 0}
    bookmarks("set", "bookings", "2026-02-01", "--skip-rows")
    assert store.get("bookings").high == "2026-02-01 00:00:00.000000"


def test_a_change_leaves_who_when_and_what_was(
    bookmarks: Command, store: BookmarkStore, made: Stack
) -> None:
    closed(store, "one", NEW)
    bookmarks("set", "bookings", "--beginning")
    (record,) = store.by_hand("bookings")
    assert record["was"].high == NEW and "@" in record["who"] and record["at"].startswith("20")
    assert record["why"] == "bookmarks set"
    assert [key for key in items(made) if key.startswith("undo/")] == ["undo/marks/bookings/3"]
    told = bookmarks("history", "bookings")
    assert f"was {NEW}" in told and record["who"] in told.replace("\n", "")


def test_what_a_run_has_moved_since_is_not_undone(bookmarks: Command, store: BookmarkStore) -> None:
    closed(store, "one", NEW)
    bookmarks("set", "bookings", "2026-01-01")
    closed(store, "two", NEW)
    with pytest.raises(BadInput, match="its last change was run two, not one by hand"):
        bookmarks("undo", "bookings")


def test_a_change_is_conditional_on_the_version_that_was_shown(
    bookmarks: Command, store: BookmarkStore
) -> None:
    shown = closed(store, "one", NEW)
    closed(store, "two", NEW)
    with pytest.raises(BadInput, match="has version 4 by now, not 2: it stands at .* Nothing was"):
        bookmarks("set", "bookings", "2026-01-01", "--version", "2")
    before = store.get("bookings")
    with pytest.raises(Fenced, match="another run has moved its bookmark"):
        store.move(shown, {"high": OLD}, "me", "test")
    assert store.get("bookings") == before and store.by_hand("bookings") == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set", "bookings", "2026-01-01"], "no bookmark yet"),
        (["seed", "bookings", "yesterday"], "is not a moment"),
        (["seed", "bookings", "2026-01-01T00:00:00+01:00"], "leave the time zone out"),
        (["seed", "bookings", "2999-01-01"], "lies in the future"),
        (["seed", "fx_rates", "2026-01-01"], "has no cursor"),
        (["set", "bookings"], "give one of: a moment, --beginning, --ledger"),
        (["set", "bookings", "2026-01-01", "--beginning"], "give one of"),
        (["seed", "bokings", "2026-01-01"], "Did you mean 'bookings'"),
        (["undo", "bookings"], "no bookmark yet"),
    ],
)
def test_a_mistake_changes_nothing_and_is_told(
    bookmarks: Command, store: BookmarkStore, made: Stack, arguments: list[str], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        bookmarks(*arguments)
    assert items(made) == {}


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("date", "2026-01-01 12:00", "is a DATE: give a day"),
        ("datetime", "2026-01-01 12:00:00.5", "finer than the cursor 'at', which is datetime"),
        ("datetime(3)", "2026-01-01 12:00:00.0005", "round it down"),
        ("datetime(6)", "0999-12-31", "reaches from 1000"),
        ("timestamp", "1969-01-01", "timestamp reaches from 1970-01-01 00:00:01 to 2038"),
    ],
)
def test_a_moment_that_the_cursor_cannot_hold_is_refused(
    kind: str, text: str, message: str
) -> None:
    from etl_lib import moments
    from etl_lib.contract import Table

    table = Table("t", ("id",), cursor="at")
    with pytest.raises(BadInput, match=message):
        moments.parsed(table, kind, text)
    assert moments.parsed(table, kind, "2026-01-01") == OLD


def test_a_bookmark_with_an_open_run_is_not_moved(bookmarks: Command, store: BookmarkStore) -> None:
    store.open(store.get("bookings"), "running", {})
    with pytest.raises(BadInput, match="End it first: workbook redrive running"):
        bookmarks("set", "bookings", "--beginning")


def test_no_bookmark_moves_while_a_run_holds_the_lease(
    bookmarks: Command, store: BookmarkStore
) -> None:
    closed(store, "one", NEW)
    with held(pipeline.BOOKMARKS, "marks", "busy", seconds=3, beat=0.5):
        with pytest.raises(LeaseHeld, match="Run busy of marks is still running .renewed until"):
            bookmarks("set", "bookings", "--beginning")
    assert store.get("bookings").high == NEW


def test_show_tells_of_a_run_that_the_warehouse_lacks(
    bookmarks: Command, store: BookmarkStore, warehouse: Warehouse
) -> None:
    closed(store, "one", NEW)
    assert "the warehouse does not have run one" in bookmarks("show")
    loaded(warehouse, "one", 1, NEW)
    shown = bookmarks("show")
    assert "does not have" not in shown and " s " in shown
    rows = json.loads(bookmarks("show", "--json"))
    assert [row["last run"] for row in rows] == ["one", None]
