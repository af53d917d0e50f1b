"""`workbook bookmarks`: nothing moves unseen, nothing is skipped by mistake, all can be undone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from etl_lib.bookmarks import BookmarkStore
from etl_lib.errors import BadInput
from workbench import bookmark_commands, pipeline
from workbench.stack import Stack

Command = Callable[..., str]
CONTRACT = """
name = "marks"
[tables.bookings]
keys = ["booking_id"]
cursor = "updated_at"
[tables.fx_rates]
keys = ["rate_date", "currency"]
"""


@pytest.fixture
def bookmarks(stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    contract = tmp_path / "tables.toml"
    contract.write_text(CONTRACT)
    monkeypatch.setenv("WORKBOOK_HOME", str(stack.home.root))
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setattr(bookmark_commands, "out", bookmark_commands.Console(width=160))

    def call(*arguments: str) -> str:
        done = CliRunner().invoke(bookmark_commands.app, [*arguments, "--contract", str(contract)])
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.output

    return call


def items(stack: Stack) -> list[Any]:
    """What DynamoDB has of this contract, undo records too."""
    found = stack.endpoint.client("dynamodb").scan(TableName=pipeline.BOOKMARKS)["Items"]
    return [item for item in found if "marks/" in item["table"]["S"]]


@pytest.fixture
def store(stack: Stack) -> BookmarkStore:
    """No bookmark is there yet."""
    for item in items(stack):
        stack.endpoint.client("dynamodb").delete_item(
            TableName=pipeline.BOOKMARKS, Key={"table": item["table"]}
        )
    return BookmarkStore(pipeline.BOOKMARKS, "marks")


def test_a_seed_is_a_first_bookmark_and_never_changes_one(
    bookmarks: Command, store: BookmarkStore, stack: Stack
) -> None:
    bookmarks("seed", "bookings", "2026-01-31 12:00")
    assert "2026-01-31 12:00:00.000000" in bookmarks("show")
    with pytest.raises(BadInput, match="Nothing was changed. To move it: workbook bookmarks set"):
        bookmarks("seed", "bookings", "2026-02-01")
    assert "2026-01-31 12:00:00.000000" in bookmarks("show")


def test_back_is_allowed_forward_must_be_wanted_and_both_leave_what_was(
    bookmarks: Command, store: BookmarkStore, stack: Stack
) -> None:
    bookmarks("seed", "bookings", "2026-01-31")
    with pytest.raises(BadInput, match="would never be moved. Nothing was changed"):
        bookmarks("set", "bookings", "2026-02-01")
    told = bookmarks("set", "bookings", "2026-01-01")
    assert "workbook bookmarks set bookings '2026-01-31 00:00:00.000000' --skip-rows" in told
    bookmarks("set", "bookings", "2026-01-31 00:00:00.000000", "--skip-rows")
    with stack.active():
        assert store.get("bookings").high == "2026-01-31 00:00:00.000000"
    undo = [each for each in items(stack) if each["table"]["S"].startswith("undo/")]
    kept = sorted(str(json.loads(each["bookmark"]["S"])["high"]) for each in undo)
    assert kept == ["2026-01-01 00:00:00.000000", "2026-01-31 00:00:00.000000", "None"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["set", "bookings", "2026-01-01"], "no bookmark yet"),
        (["seed", "bookings", "yesterday"], "is not a moment"),
        (["seed", "bookings", "2026-01-01T00:00:00+01:00"], "leave the time zone out"),
        (["seed", "fx_rates", "2026-01-01"], "has no cursor"),
        (["set", "bookings"], "either a moment or --beginning"),
        (["seed", "bokings", "2026-01-01"], "Did you mean 'bookings'"),
    ],
)
def test_a_mistake_changes_nothing_and_is_told(
    bookmarks: Command, store: BookmarkStore, stack: Stack, arguments: list[str], message: str
) -> None:
    with pytest.raises(BadInput, match=message):
        bookmarks(*arguments)
    assert items(stack) == []


def test_a_bookmark_with_an_open_run_is_not_moved(
    bookmarks: Command, store: BookmarkStore, stack: Stack
) -> None:
    with stack.active():
        store.open(store.get("bookings"), "running", {})
    with pytest.raises(BadInput, match="End it first: workbook redrive running"):
        bookmarks("set", "bookings", "--beginning")
