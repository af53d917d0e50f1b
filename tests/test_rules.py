"""The short forms of rules, and what a contract expects of a table as a whole: each held, and each
broken, in one pipeline."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from etl_lib import expectations, finalize, planning, show, window
from etl_lib.contract import Table
from etl_lib.errors import EtlError, OutOfBand, RunFailed, SourceError, Stale
from etl_lib.expectations import Freshness
from etl_lib.run import Run
from etl_lib.source import Source
from etl_lib.warehouse import Warehouse
from workbench import reconciliation
from workbench.cli import app
from workbench.mysql.server import Server
from workbench.preparation import prepare
from workbench.stack import Stack

DATABASE = "rules_test"
CONTRACT = r"""
name = "rules_test"

[tables.people]
keys = ["id", "day"]
cursor = "at"
deletes = "sweep"
quarantine_limit = 0.9
freshness = { warn_after = "1 hour", error_after = "2 hours" }
rules = [
    { column = "email", not_null = true, matches = '[a-z]+@[a-z.]+$' },
    { column = "status", one_of = ["new", "it's", 'a\b', "${x}"] },
    { column = "amount", between = [0, 99.5] },
    { column = "joined", between = [2024-01-01T00:00:00, inf] },
    { column = "level", one_of = [1, 2] },
    { unique = ["email"] },
    { name = "seat_is_free", unique = ["shop", "seat"] },
]

[tables.sensors]
keys = ["id"]
cursor = "at"
deletes = "soft:removed"
freshness = { warn_after = "36 hours" }
rules = [{ unique = ["name"] }]
rows = { batch = [0, 9], table = [2, 9], change = 0.5 }
"""
# id -> email, status, amount, joined, level, shop, seat; what they leave out is NULL.
PEOPLE: dict[int, tuple[Any, ...]] = {
    1: ("a@b.c", "new", 0, "2024-01-01", 1, 1, "x"),
    2: ("c@d.e", "it's", 99.5, "2024-12-31", 2, 1, "X"),
    3: ("gone@b.c",),
    4: ("i@j.k", "a\\b", 5, None, None, 1, None),
    5: (None, "new"),
    6: ("x@y.z\n", "new"),
    7: ("q@q.q", "gone"),
    8: ("eight@b.c", "new", -0.01),
    9: ("nine@b.c", "new", 99.51),
    10: ("ten@b.c", "new", 1, "2023-12-31"),
    11: ("eleven@b.c", "new", 1, None, 3),
    12: ("a@b.c", "new"),
    13: ("thirteen@b.c", None, None, None, None, 1, "x"),
    14: ("moves@b.c", "${x}", None, None, None, 1, "x "),
    15: ("leaves@b.c",),
    16: ("leaves@b.c",),
    27: ("one@b.c",),
    28: ("two@b.c",),
    29: ("three@b.c",),
}
BROKEN = {
    "email_not_null": [5],
    "email_matches": [6],
    "status_one_of": [7],
    "amount_between": [8, 9],
    "joined_between": [10],
    "level_one_of": [11],
    "email_unique": [12, 16, 18],
    "seat_is_free": [13],
}


@dataclass
class Lane:
    """A contract, its source, and what is typed for them."""

    contract: Path
    stack: Stack
    server: Server
    told: str = ""

    def typed(self, *words: str) -> str:
        more = ["--contract", str(self.contract)]
        if words[-1] != "--json":
            more += ["--database", DATABASE]
        result = CliRunner().invoke(app, [*words, *more])
        if result.exit_code:
            raise RunFailed(f"{result.output} {result.exception!r}")
        return result.output

    def sql(self, *statements: str) -> None:
        with self.server.cursor(DATABASE) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def add(self, number: int, *values: Any, at: str = "NOW(6)") -> None:
        filled = (*values, *[None] * (7 - len(values)))
        with self.server.cursor(DATABASE) as cursor:
            cursor.execute(
                f"INSERT INTO people VALUES ({number}, '2024-05-05', {'%s, ' * 7} {at})", filled
            )

    def broken(self) -> dict[str, list[int]]:
        found = json.loads(self.typed("quarantine", "list", "--json"))
        return {each["rule"]: sorted(row["id"] for row in each["sample"]) for each in found}

    def planned(self, old: str = "", new: str = "") -> tuple[Run, Source]:
        """A run by the contract with one change, not begun."""
        assert old in CONTRACT
        self.contract.write_text(CONTRACT.replace(old, new, 1))
        try:
            prepared = prepare(self.stack, self.contract, self.server.secret(DATABASE), "", "")
        finally:
            self.contract.write_text(CONTRACT)
        return reconciliation.opened(prepared)


@pytest.fixture(scope="module")
def lane(
    tmp_path_factory: pytest.TempPathFactory, stack: Stack, mysql_server: Server
) -> Iterator[Lane]:
    """Loaded once."""
    made = Lane(tmp_path_factory.mktemp("rules") / "tables.toml", stack, mysql_server)
    made.contract.write_text(CONTRACT)
    with mysql_server.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE DATABASE {DATABASE}")
    made.sql(
        "CREATE TABLE people (id INT, day DATE, email VARCHAR(40), status VARCHAR(9), "
        "amount DECIMAL(9,2), joined DATE, level TINYINT, shop INT, seat VARCHAR(9), "
        "at DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6) NOT NULL, PRIMARY KEY (id, day))",
        "CREATE TABLE sensors (id INT PRIMARY KEY, at DATETIME NOT NULL, name TEXT, removed INT)",
        "INSERT INTO sensors VALUES (1, '2024-01-01', 'hall', 1), "
        "(2, '2024-03-04 05:06:07', 'hall', NULL)",
    )
    for number, values in PEOPLE.items():
        made.add(number, *values)
    made.add(17, "first@b.c", at="'2024-01-02'")
    made.add(18, "first@b.c", at="'2024-01-03'")
    made.add(19, "late@b.c", at="'2024-01-02'")
    os.environ["WORKBOOK_HOME"] = str(stack.home.root)
    made.told = made.typed("run")
    yield made
    del os.environ["WORKBOOK_HOME"]


def test_each_short_form_quarantines_what_breaks_it_and_nothing_else(
    lane: Lane, warehouse: Warehouse
) -> None:
    assert lane.broken() == BROKEN
    rows = warehouse.rows("SELECT id FROM curated.people ORDER BY id")
    assert [row["id"] for row in rows] == [1, 2, 3, 4, 14, 15, 17, 19, 27, 28, 29]


def test_a_row_that_is_marked_as_deleted_holds_no_value(lane: Lane, warehouse: Warehouse) -> None:
    assert warehouse.rows("SELECT id FROM curated.sensors") == [{"id": 2}]


def test_a_stale_table_is_a_yellow_line_and_stands_in_the_record(
    lane: Lane, warehouse: Warehouse
) -> None:
    told = " ".join(lane.told.split())
    assert "sensors: freshness: " in told and "of 2024-03-04 05:06:07" in told
    assert "the contract expects 36 hours" in told
    assert "people: freshness" not in told
    folder = Path(lane.told.rpartition("report: ")[2].strip()).parent
    summary = json.loads((folder / "summary.json").read_text())
    assert {
        each["check"]: each["state"] for each in summary["tables"]["sensors"]["expectations"]
    } == {
        "rows.table": "good",
        "rows.change": "unknown",
        "freshness": "warning",
    }
    assert summary["tables"]["people"]["rules"] == {rule: len(ids) for rule, ids in BROKEN.items()}
    assert {each["check"]: each["healthy"] for each in summary["checks"]} == {
        "people.email_unique": True,
        "people.seat_is_free": True,
        "sensors.name_unique": True,
        "keys_are_unique": True,
    }
    page = (folder / "report.html").read_text()
    assert "email_unique" in page and "rows.table" in page and "36 hours" in page
    run, _ = reconciliation.opened(
        prepare(lane.stack, lane.contract, lane.server.secret(DATABASE), "", "")
    )
    assert "36 hours" in show.expectations(_opened(run, folder.name).plans()).to_string()
    assert "unique: shop, seat" in show.rules(run).to_string()


def _opened(run: Run, run_id: str) -> Run:
    return Run(**{**vars(run), "run_id": run_id})


@pytest.mark.parametrize(
    ("old", "new", "error", "said"),
    [
        (
            'warn_after = "36 hours"',
            'error_after = "7 days"',
            Stale,
            'days old, of 2024-03-04 05:06:07; freshness.error_after = "7 days"',
        ),
        ("table = [2, 9]", "table = [0, 1]", OutOfBand, "2 rows in the source; rows.table allows"),
        ("table = [2, 9]", "table = [3, inf]", OutOfBand, "rows.table allows 3 to inf"),
        (
            'column = "level"',
            'column = "levle"',
            SourceError,
            "rules.levle_one_of names the column",
        ),
        ("one_of = [1, 2]", 'one_of = ["1"]', SourceError, "is SMALLINT, which is no text"),
    ],
)
def test_what_is_not_as_expected_stops_before_anything_is_moved(
    lane: Lane, warehouse: Warehouse, old: str, new: str, error: type[EtlError], said: str
) -> None:
    with pytest.raises(error) as caught:
        planning.plan(*lane.planned(old, new))
    assert said in str(caught.value)
    with lane.stack.active():
        run, _ = lane.planned()
        assert run.bookmarks.get("sensors").open_run is None


def test_bands_of_a_batch_and_of_the_change_are_held_against_the_last_run(
    lane: Lane, warehouse: Warehouse
) -> None:
    run, _ = lane.planned()
    low = run.bookmarks.get("sensors").high  # the first moment of the next window
    lane.sql(f"INSERT INTO sensors SELECT id + 10, '{low}', NULL, 0 FROM sensors")
    try:
        with pytest.raises(OutOfBand, match=r"4 rows in the source; rows\.change allows 50% more"):
            planning.plan(*lane.planned())
        with pytest.raises(OutOfBand, match=r"2 rows would be moved; rows\.batch allows 0 to 1\."):
            planning.plan(*lane.planned("batch = [0, 9]", "batch = [0, 1]"))
    finally:
        lane.sql("DELETE FROM sensors WHERE id > 10")


def test_a_row_of_the_future_makes_nothing_fresh_and_no_row_is_stale(
    lane: Lane, warehouse: Warehouse
) -> None:
    _, source = lane.planned()
    lane.sql(
        "CREATE OR REPLACE TABLE probes (id INT PRIMARY KEY, at TIMESTAMP NULL)",
        "INSERT INTO probes VALUES (1, '2037-01-01')",
    )
    table = Table("probes", ("id",), cursor="at", freshness=Freshness("1 day"))
    planned = window.Window("probes", "incremental", None, None, "proven", 0)
    judged = expectations.judge(source, table, planned, None, None)
    assert [(each["found"], each["state"]) for each in judged] == [("no row at all", "warning")]
    lane.sql("INSERT INTO probes VALUES (2, NOW() - INTERVAL 90 MINUTE)")
    judged = expectations.judge(source, table, planned, None, None)
    assert judged[0]["state"] == "good" and judged[0]["found"].startswith("1.5 hours old")


@pytest.fixture(scope="module")
def changed(lane: Lane) -> Lane:
    """After a second run: values that were taken, given back, and moved."""
    lane.add(21, "a@b.c")  # 1 holds it, and is changed after this
    lane.add(22, "c@d.e")  # 2 holds it, and is not in the batch
    lane.add(23, "gone@b.c")  # 3 held it, and is deleted
    lane.add(24, "moves@b.c")  # 14 held it, and is changed
    lane.add(25, "q@q.q")  # 7 has it, and is in quarantine
    lane.add(26, "late@b.c ")  # a blank more is another value, which Redshift does not say
    lane.sql(
        "UPDATE people SET amount = 7 WHERE id = 1",
        "UPDATE people SET email = 'moved@b.c' WHERE id = 14",
        "UPDATE people SET email = 'left@b.c' WHERE id = 15",
        "DELETE FROM people WHERE id = 3",
        "UPDATE people SET email = 'old@b.c', amount = 1 WHERE id IN (27, 28)",
    )
    with lane.stack.active():  # as if three had been loaded before the rule was there
        warehouse = Warehouse("rental-apartments", "dev", "")
        warehouse.rows("UPDATE \"raw\".people SET email = 'old@b.c' WHERE id IN (27, 28, 29)")
    lane.typed("run")
    return lane


def test_what_is_curated_keeps_its_place(changed: Lane, warehouse: Warehouse) -> None:
    found = changed.broken()
    assert found["email_unique"] == [12, 16, 18, 21, 22, 28]
    assert found["email_matches"] == [6, 26]
    rows = warehouse.rows("SELECT id FROM curated.people ORDER BY id")
    assert [row["id"] for row in rows] == [1, 2, 4, 14, 15, 17, 19, 23, 24, 25, 27, 29]


def test_a_value_that_was_given_back_is_free_when_it_is_judged_again(
    changed: Lane, warehouse: Warehouse
) -> None:
    told = changed.typed("quarantine", "retry")
    assert "people: 15 rows judged again: 14 stay in quarantine, 1 left it" in told
    assert changed.broken()["email_unique"] == [12, 18, 21, 22, 28]


def test_doubles_that_are_older_or_came_beside_the_run_are_found_by_its_checks(
    changed: Lane, warehouse: Warehouse
) -> None:
    run, _ = changed.planned()
    last = str(warehouse.scalar('SELECT _run_id FROM "raw".people WHERE id = 23'))
    found = _opened(run, last)
    first, *others = finalize.check(found)
    assert all(each["healthy"] for each in others)
    assert first["first"] == [{"email": "old@b.c", "_rows": 2}]
    warehouse.rows("UPDATE \"raw\".people SET email = 'left@b.c' WHERE id = 23")
    first, *_ = finalize.check(found)
    assert (first["check"], first["rows"]) == ("people.email_unique", 2)
    assert first["first"][0] == {"email": "left@b.c", "_rows": 2}


def test_a_key_that_raw_has_twice_is_found_without_a_check_in_the_contract(
    changed: Lane, warehouse: Warehouse
) -> None:
    run, _ = changed.planned()
    found = _opened(run, str(warehouse.scalar('SELECT _run_id FROM "raw".people WHERE id = 24')))
    assert {"check": "keys_are_unique", "rows": 0, "healthy": True, "first": []} in finalize.check(
        found
    )
    warehouse.rows('INSERT INTO "raw".people SELECT * FROM "raw".people WHERE id = 24')
    *_, keys = finalize.check(found)
    assert keys["first"] == [{"_table": "people", "id": 24, "day": "2024-05-05", "_rows": 2}]
    assert (keys["check"], keys["healthy"]) == ("keys_are_unique", False)
