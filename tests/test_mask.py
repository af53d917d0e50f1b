"""Masked columns: their values never leave MySQL, and what does is the same on every path."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from etl_lib import contract as contracts
from etl_lib import reading
from etl_lib.contract import Table
from etl_lib.errors import ContractError, SourceError
from etl_lib.source import Source, checked_columns
from etl_lib.warehouse import Warehouse
from workbench import execution
from workbench.mysql.server import Server
from workbench.preparation import prepare
from workbench.stack import Stack

from . import evidence
from .emptied import emptied
from .test_canary import typed
from .test_pipeline import QUIET

DATABASE = "masked"
WORD = "p11Canary7q"
EMAILS = {1: f"{WORD}@example.org", 2: f"Jürgen {WORD}", 3: None, 4: "", 5: f"{WORD} bad"}
CONTRACT = """name = "masked"
[tables.people]
keys = ["id"]
cursor = "updated_at"
deletes = "sweep"
quarantine_limit = 1.0
[tables.people.mask]
email = "hash"
tax = "hash"
token = "hash"
phone = "drop"
born = "truncate:4"
[[tables.people.rules]]
name = "not_five"
expect = "id <> 5"
"""


def run(stack: Stack, contract: Path) -> Any:
    prepared = prepare(stack, contract, stack.server.secret(DATABASE), "", "")
    return execution.run(stack, prepared, QUIET)


def hashed(server: Server, value: bytes | None) -> str | None:
    key = server.mask_key.encode()
    return None if value is None else hmac.new(key, value, hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Played:
    """What came of it all, and what was said meanwhile."""

    first: list[dict[str, Any]]
    repaired: list[dict[str, Any]]
    again: list[dict[str, Any]]
    said: dict[str, bytes]
    channels: dict[str, evidence.Pieces]


@pytest.fixture(scope="module")
def people(stack: Stack) -> Iterator[Server]:
    emptied(stack)
    with stack.server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    with stack.server.cursor(DATABASE) as cursor:
        cursor.execute(
            "CREATE TABLE people (id INT PRIMARY KEY, email VARCHAR(60) CHARACTER SET latin1, "
            "tax DECIMAL(12,2), token VARBINARY(40), phone VARCHAR(40) NOT NULL, born DATE, "
            "note MEDIUMTEXT, updated_at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6))"
        )
        for number, email in EMAILS.items():
            cursor.execute(
                "INSERT INTO people VALUES (%s, %s, 1234.50, %s, %s, '1980-05-17', 'x', NOW(6))",
                [number, email, b"\xff\0" + WORD.encode(), f"+49 {WORD}"],
            )
    yield stack.server


@pytest.fixture(scope="module")
def played(
    stack: Stack, people: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Played]:
    folder = tmp_path_factory.mktemp("masked")
    contract = folder / "masked.toml"
    (folder / "sql").mkdir()
    contract.write_text(CONTRACT)
    since = datetime.now(UTC).replace(microsecond=0)
    before = {*stack.home.runs.glob("*")}
    given = ["--contract", str(contract), "--database", DATABASE]

    def rows(query: str = 'SELECT * FROM "raw".people ORDER BY id') -> list[dict[str, Any]]:
        with stack.active():
            return Warehouse("rental-apartments", "dev", "").rows(query)

    summary = run(stack, contract)
    assert summary.status == "SUCCEEDED", summary.error
    first = rows()
    said = {"reconcile": typed(stack, "reconcile", *given)}
    rows("UPDATE \"raw\".people SET email = 'altered' WHERE id IN (1, 2)")
    said["repair"] = typed(stack, "reconcile", "--repair", *given)
    repaired = rows()
    said["backfill"] = typed(stack, "backfill", "--table", "people", "--from", "2020-01-01", *given)
    again = rows()
    with people.cursor(DATABASE) as cursor:
        cursor.execute("UPDATE people SET note = REPEAT('long', 20000) WHERE id = 1")
    failed = run(stack, contract)
    assert failed.status == "FAILED" and "65,535" in failed.error
    said["a failed run"] = repr(failed).encode()
    with people.cursor(DATABASE) as cursor:
        cursor.execute("UPDATE people SET note = 'x' WHERE id = 1")
    assert run(stack, contract).status == "SUCCEEDED"
    rows("UPDATE \"raw\".people SET email = 'altered' WHERE id = 2")
    contract.write_text(CONTRACT.replace('email = "hash"\n', "").replace('phone = "drop"\n', ""))
    said["plan"] = typed(stack, "plan", *given)
    said["run"] = typed(stack, "run", *given)
    said["without masks"] = typed(stack, "reconcile", "--repair", *given)
    names = [path.name for path in {*stack.home.runs.glob("*")} - before]
    yield Played(first, repaired, again, said, evidence.channels(stack, names, since))


def test_a_hash_is_hmac_sha256_of_the_text_in_utf8_and_null_stays_null(
    played: Played, people: Server
) -> None:
    for row in played.first:
        email = EMAILS[row["id"]]
        assert row["email"] == hashed(people, None if email is None else email.encode())
        assert row["tax"] == hashed(people, b"1234.50")
        assert row["token"] == hashed(people, b"\xff\0" + WORD.encode())


def test_truncated_is_what_it_begins_with_and_dropped_is_not_there(played: Played) -> None:
    assert {row["born"] for row in played.first} == {"1980"}
    assert all("phone" not in row for row in played.first)


def test_repair_and_backfill_mask_alike(played: Played) -> None:
    emails = [row["email"] for row in played.first]
    assert [row["email"] for row in played.repaired] == emails
    assert [row["email"] for row in played.again] == emails
    assert b"repaired;" in played.said["repair"], played.said
    assert b"5 are loaded and judged anew, 1 of them into quarantine" in played.said["backfill"]


@pytest.mark.parametrize("command", ["plan", "run", "without masks"])
def test_what_was_masked_is_not_read_without(played: Played, command: str) -> None:
    said = played.said[command].decode()
    assert "the mask of people.email changed: hash → none" in said
    assert "was added" not in said
    assert ("the mask of people.phone changed: drop → none" in said) == (command != "without masks")
    assert "Nothing was moved. Set it back in the contract, or load the table anew" in said
    assert "type `workbook bookmarks set people --beginning`, then `workbook run`" in said


def test_no_value_of_a_masked_column_is_anywhere(played: Played, people: Server) -> None:
    words = [WORD, people.mask_key]
    for name, pieces in {**played.channels, "terminal": played.said}.items():
        assert evidence.found(words, pieces) == [], name
    assert any(b"not_five" in body for body in played.channels["warehouse rows"].values())


def test_the_message_says_what_loads_the_table_under_another_mask(
    stack: Stack, played: Played, people: Server, tmp_path: Path
) -> None:
    contract = tmp_path / "masked.toml"
    (tmp_path / "sql").mkdir()
    other = CONTRACT.replace('email = "hash"', 'email = "truncate:3"')
    contract.write_text(other.replace('phone = "drop"', 'phone = "hash"'))
    with stack.active():
        warehouse = Warehouse("rental-apartments", "dev", "")
        for schema in ('"raw"', "curated", "quarantine"):
            warehouse.rows(f"DROP TABLE {schema}.people")
    typed(stack, "bookmarks", "set", "people", "--beginning", "--contract", str(contract))
    summary = run(stack, contract)
    assert summary.status == "SUCCEEDED", summary.error
    with stack.active():
        (row,) = warehouse.rows('SELECT * FROM "raw".people WHERE id = 1')
    assert (row["email"], row["phone"]) == (WORD[:3], hashed(people, f"+49 {WORD}".encode()))


def test_only_the_name_of_the_key_stands_in_the_query(people: Server) -> None:
    source = Source.of(people.secret(DATABASE))
    table = contracts.parse(CONTRACT, "x").tables["people"]
    columns = [{"name": "email", "type": "VARCHAR(64)", "source": "email", "mask": "hash"}]
    query = reading.select(source, table, columns, "TRUE")
    assert "@_etl_inner" in query.sql and source.mask_key not in query.sql
    with pytest.raises(SourceError, match="its session has no mask_key"):
        list(reading.batches(replace(source, mask_key=""), query))
    with pytest.raises(SourceError, match="the mask of people.email changed: none → hash"):
        reading.select(source, table, [{**columns[0], "mask": ""}], "TRUE")


def test_a_mask_that_cannot_be_is_refused(people: Server) -> None:
    source = Source.of(people.secret(DATABASE))
    table = Table("people", ("id",), mask={"email": "hash"})
    with pytest.raises(SourceError, match="needs mask_key in the source's secret"):
        checked_columns(replace(source, mask_key="short"), table)
    with pytest.raises(SourceError, match="mask names the column 'mail'"):
        checked_columns(source, replace(table, mask={"mail": "hash"}))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"truncate:4"', '"truncate:0"', "is not hash, drop or truncate"),
        ('"truncate:4"', '"sha1"', "is not hash, drop or truncate"),
        ("email =", "id =", "is a key, the cursor or the mark of deletes"),
        ("born =", "updated_at =", "is a key, the cursor or the mark of deletes"),
        ("[tables.people.mask]", '[tables.people.decide]\nborn = "null"\n[tables.people.mask]',
         "decide says something of it"),
        ('name = "not_five"\nexpect = "id <> 5"', 'column = "email"\nmatches = ".*@.*"',
         "sees the hash of 'email'"),
        ('name = "not_five"\nexpect = "id <> 5"', 'column = "phone"\nnot_null = true',
         "is left in the source"),
    ],
)  # fmt: skip
def test_a_contract_that_masks_what_must_be_seen_is_refused(
    old: str, new: str, message: str
) -> None:
    assert old in CONTRACT
    with pytest.raises(ContractError, match=message):
        contracts.parse(CONTRACT.replace(old, new), "x")
