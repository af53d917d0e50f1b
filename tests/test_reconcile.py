"""`workbook reconcile`: damage in any layer is found by key, and just those rows move again."""

from __future__ import annotations

from collections import Counter

import pytest
from rich.console import Console

from etl_lib.warehouse import Warehouse
from workbench import execution, pipeline, reconciliation
from workbench.mysql import seed
from workbench.preparation import Prepared, prepare
from workbench.reconciliation import Findings
from workbench.stack import DATABASE, Stack

from . import news
from .emptied import emptied

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def own(stack: Stack) -> Stack:
    """A warehouse that has loaded a database of 300 apartments, and nothing else."""
    if not left(stack):
        seed.seed(stack.server, DATABASE, rows=300)
        assert execution.run(emptied(stack), prepared(stack), QUIET).status == "SUCCEEDED"
    return stack


def left(stack: Stack) -> bool:
    """Whether there is one: test_execution.py, which goes before, leaves such a warehouse."""
    with stack.server.cursor(DATABASE) as cursor:
        cursor.execute("SELECT COUNT(*) FROM apartments")
        if cursor.fetchall() != ((300,),):
            return False
    return execution.run(stack, prepared(stack), QUIET).status == "SUCCEEDED" and found(stack).clean


def prepared(own: Stack, run_id: str = "") -> Prepared:
    return prepare(own, pipeline.CONTRACT, own.server.secret(DATABASE), "", run_id)


def found(own: Stack) -> Findings:
    return reconciliation.find(own, prepared(own), QUIET)


def damage(own: Stack, *statements: str) -> None:
    with own.active():
        Warehouse("rental-apartments", "dev", "").transaction("damage", [*statements, "SELECT 1"])


def counts(found: Findings, table: str) -> dict[str, int]:
    """Every kind of damage that a table has."""
    each = [one.as_dict() for one in (*found.rows, *found.layers) if one.table == table]
    kinds = ("altered", "missing", "extra", "duplicated", "lost", "both")
    return {
        f"{layer}.{kind}": row[kind]
        for layer, row in zip(("raw", "layers"), each, strict=True)
        for kind in kinds
        if row.get(kind)
    }


def test_what_was_just_loaded_is_proven_complete_without_reading_a_row(own: Stack) -> None:
    result = found(own)
    assert result.clean
    assert [each.moved for each in result.rows] == [0] * 5
    assert all(each.rows for each in result.rows)


def test_a_change_since_the_last_run_is_pending_and_no_damage(own: Stack) -> None:
    with own.server.cursor(DATABASE) as cursor:
        cursor.execute(
            "UPDATE bookings SET total_price = total_price + 1 ORDER BY booking_id LIMIT 3"
        )
        cursor.execute("DELETE FROM bookings ORDER BY booking_id DESC LIMIT 2")
        cursor.execute("DELETE FROM fx_rates LIMIT 4")
        cursor.execute("CREATE TEMPORARY TABLE new SELECT * FROM bookings ORDER BY 1 DESC LIMIT 40")
        cursor.execute("UPDATE new SET booking_id = booking_id + 1000, updated_at = NOW(6)")
        cursor.execute("INSERT INTO bookings SELECT * FROM new")
    result = found(own)
    assert result.clean
    pending = {each.table: each.pending for each in result.rows}
    assert (pending["bookings"], pending["fx_rates"]) == (5 + 40, 4)
    assert execution.run(own, prepared(own), QUIET).status == "SUCCEEDED"


def nth(number: int, table: str = "curated.bookings") -> str:
    """The key of one row, another for each number."""
    return f"(SELECT DISTINCT booking_id FROM {table} ORDER BY 1 LIMIT 1 OFFSET {number})"


def at(number: int) -> str:
    return f"WHERE booking_id = {nth(number)}"


# What is done to the warehouse, and what reconcile says of it.
DAMAGE = [
    (f'UPDATE "raw".bookings SET total_price = total_price + 1 {at(1)}', "raw.altered"),
    (f"UPDATE \"raw\".bookings SET booking_status = '' {at(2)}", "raw.altered"),
    (f'UPDATE "raw".bookings SET _deleted_at = GETDATE() {at(3)}', "raw.missing layers.extra"),
    (f'DELETE FROM "raw".bookings {at(4)}', "raw.missing layers.extra"),
    (f'INSERT INTO "raw".bookings SELECT * FROM "raw".bookings {at(5)}', "raw.duplicated"),
    (f"UPDATE curated.bookings SET currency = 'XXX' {at(6)}", "layers.altered"),
    (
        f"INSERT INTO curated.bookings SELECT * FROM curated.bookings {at(7)}",
        "layers.duplicated",
    ),
    (
        "UPDATE quarantine.bookings SET _row = '{}' "
        f"WHERE booking_id = {nth(0, 'quarantine.bookings')}",
        "layers.altered",
    ),
    (
        f"INSERT INTO quarantine.bookings SELECT booking_id, 'r', '{{}}', 'x', GETDATE(), NULL "
        f"FROM curated.bookings {at(8)}",
        "layers.both",
    ),
    (f"DELETE FROM curated.bookings {at(9)}", "layers.lost"),
]
EXTRA = (  # last, as the smallest key of all
    [
        f'CREATE TABLE tmp.x AS SELECT * FROM "raw".bookings {at(10)}',
        "UPDATE tmp.x SET booking_id = -5",
        'INSERT INTO "raw".bookings SELECT * FROM tmp.x',
        "DROP TABLE tmp.x",
    ],
    "raw.extra layers.lost",
)


def test_damage_in_every_layer_is_found_and_repaired_by_moving_just_those_rows(own: Stack) -> None:
    expected: Counter[str] = Counter()
    for statements, kinds in [*(([sql], kinds) for sql, kinds in DAMAGE), EXTRA]:
        damage(own, *statements)
        expected.update(kinds.split())
    result = found(own)
    assert counts(result, "bookings") == dict(expected)
    assert {name: len(keys) for name, keys in result.damaged.items()} == {"bookings": 11}
    again = prepared(own)
    reconciliation.mend(own, again, result, QUIET)
    assert found(own).clean
    with own.active():
        moved = Warehouse("rental-apartments", "dev", "").rows(
            "SELECT table_name, mode, extracted FROM etl.ledger WHERE run_id = :run",
            {"run": again.run_id},
        )
    assert moved == [{"table_name": "bookings", "mode": "repair", "extracted": 10}]


def test_a_stale_indicator_is_found_and_computed_again(own: Stack) -> None:
    damage(own, "DELETE FROM presentation.occupancy_rate_monthly")
    result = found(own)
    assert set(result.stale) == {"occupancy_rate_monthly"} and not result.damaged
    reconciliation.mend(own, prepared(own), result, QUIET)
    assert found(own).clean


def test_after_repairs_the_next_run_goes_on_from_the_bookmark(own: Stack) -> None:
    news.of_bookings(own.server)
    summary = execution.run(own, prepared(own), QUIET)
    assert summary.status == "SUCCEEDED", summary.error
    assert 0 < summary.total("loaded") < summary.total("source")
    assert found(own).clean
