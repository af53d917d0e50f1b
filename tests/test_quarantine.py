"""Rows in quarantine: seen by rule, and judged again when what they broke was mended."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from etl_lib.errors import RunFailed
from etl_lib.warehouse import Warehouse
from workbench import quarantine_commands
from workbench.cli import app
from workbench.mysql.server import Server
from workbench.stack import Stack

DATABASE = "quarantine_test"
CONTRACT = """
name = "quarantine_test"

[tables.sales]
keys = ["id"]
cursor = "at"
quarantine_limit = 0.9

[[tables.sales.rules]]
name = "amount_is_positive"
expect = "amount > 0"

[[tables.sales.rules]]
name = "code_has_three_letters"
expect = "code is null or code rlike '^[A-Z]{3}$'"

[[tables.sales.rules]]
name = "shop_is_known"
expect = "shop is null"
reference = { table = "shops", on = { "shop" = "id" } }

[tables.visits]
keys = ["id"]
rules = [{ name = "shop_is_there", reference = { table = "shops", on = { "shop" = "id" } } }]

[tables.shops]
keys = ["id"]
"""
SOURCE = (
    f"CREATE OR REPLACE DATABASE {DATABASE}",
    f"CREATE TABLE {DATABASE}.shops (id INT PRIMARY KEY)",
    f"INSERT INTO {DATABASE}.shops VALUES (1)",
    f"CREATE TABLE {DATABASE}.sales (id INT PRIMARY KEY, amount DECIMAL(9,2), code VARCHAR(9), "
    "shop INT, at DATETIME(6) DEFAULT NOW(6) ON UPDATE NOW(6) NOT NULL)",
    f"INSERT INTO {DATABASE}.sales (id, amount, code, shop) VALUES (1, 5, 'ABC', 1), "
    "(2, -5, 'ABC', 1), (3, NULL, 'ABC', 1), (4, 5, 'ab', 1), (5, 5, NULL, 2), (6, 5, NULL, 2), "
    "(7, 0, 'x', 9), (8, 5, NULL, NULL)",
    f"CREATE TABLE {DATABASE}.visits (id INT PRIMARY KEY, shop INT)",
    f"INSERT INTO {DATABASE}.visits VALUES (1, 1), (2, 9), (3, NULL)",
)


@pytest.fixture(scope="module")
def contract(
    tmp_path_factory: pytest.TempPathFactory, stack: Stack, mysql_server: Server
) -> Iterator[Path]:
    """Loaded once."""
    path = tmp_path_factory.mktemp("quarantine") / "tables.toml"
    path.write_text(CONTRACT)
    with mysql_server.cursor() as cursor:
        for statement in SOURCE:
            cursor.execute(statement)
    os.environ["WORKBOOK_HOME"] = str(stack.home.root)
    _typed("run", contract=path)
    yield path
    del os.environ["WORKBOOK_HOME"]


def _typed(*words: str, contract: Path) -> str:
    more = ["--contract", str(contract)]
    if words[0] in ("run", "backfill") or words[-1] == "retry":
        more += ["--database", DATABASE]
    result = CliRunner().invoke(app, [*words, *more])
    if result.exit_code:
        raise RunFailed(f"{result.output} {result.exception!r}")
    return result.output


def _listed(contract: Path) -> dict[str, int]:
    found = json.loads(_typed("quarantine", "list", "--json", contract=contract))
    return {each["rule"]: each["rows"] for each in found}


def test_rows_are_listed_by_the_first_rule_that_they_break(contract: Path) -> None:
    assert _listed(contract) == {
        "amount_is_positive": 3,
        "code_has_three_letters": 1,
        "shop_is_known": 2,
        "shop_is_there": 2,  # no row is free of it, nor is NULL a shop
    }
    shown = _typed("quarantine", "list", contract=contract)
    assert "shop_is_known" in shown
    assert '"amount":-5.00' in shown
    assert "workbook quarantine retry" in shown


def test_a_program_gets_each_row_as_an_object_with_its_numbers_as_they_are(contract: Path) -> None:
    said = _typed("quarantine", "list", "--json", "--rows", "1", contract=contract)
    found = json.loads(said)
    assert [len(each["sample"]) for each in found] == [1] * len(found)
    assert all(isinstance(each["sample"][0], dict) for each in found)
    assert '"amount":-' in said and '\\"' not in said
    assert re.search(r'"20\d\d-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}"', said), said  # microseconds, too
    cut = {"table": "t", "rule": "r", "rows": 1, "sample": ['{"a":"too lo']}
    assert json.loads(quarantine_commands._document([cut]))[0]["sample"] == ['{"a":"too lo']
    assert json.loads(quarantine_commands._document([])) == []


def test_they_are_judged_again_when_what_they_refer_to_has_come(
    contract: Path, mysql_server: Server, warehouse: Warehouse
) -> None:
    with mysql_server.cursor() as cursor:
        cursor.execute(f"INSERT INTO {DATABASE}.shops VALUES (2)")
    _typed("run", contract=contract)
    assert _listed(contract)["shop_is_known"] == 2, "no run judges rows that did not change"
    told = _typed("quarantine", "retry", contract=contract)
    assert "sales: 6 rows judged again: 4 stay in quarantine, 2 left it" in told
    assert re.search(r"05_bookmark +sales +stays at 20\d\d-", told), told
    assert "shop_is_known" not in _listed(contract)
    rows = warehouse.rows("SELECT id FROM curated.sales ORDER BY id")
    assert [row["id"] for row in rows] == [1, 5, 6, 8]


def test_they_are_judged_again_by_another_rule(contract: Path, warehouse: Warehouse) -> None:
    contract.write_text(CONTRACT.replace("amount > 0", "amount >= 0 or amount is null"))
    told = _typed("quarantine", "retry", contract=contract)
    assert "sales: 4 rows judged again: 3 stay in quarantine, 1 left it" in told
    assert _listed(contract) == {
        "amount_is_positive": 1,
        "code_has_three_letters": 2,
        "shop_is_there": 2,
    }


def test_a_rule_that_is_nowhere_is_a_mistake_and_no_empty_quarantine(contract: Path) -> None:
    with pytest.raises(RunFailed, match="Did you mean 'shop_is_known'"):
        _typed("quarantine", "list", "--rule", "shop_is_knwon", contract=contract)
    shown = _typed("quarantine", "list", "--rule", "shop_is_known", contract=contract)
    assert "no row in quarantine broke shop_is_known" in shown


def test_too_many_bad_rows_stop_the_run_before_anything_is_loaded(
    contract: Path, mysql_server: Server, warehouse: Warehouse
) -> None:
    text = CONTRACT.replace("quarantine_limit = 0.9", "quarantine_limit = 0.1")
    contract.write_text(text)
    with mysql_server.cursor(DATABASE) as cursor:
        for number in range(20, 30):
            cursor.execute(f"INSERT INTO sales (id, amount) VALUES ({number}, {number - 27})")
    before = warehouse.rows("SELECT COUNT(*) AS n FROM curated.sales")
    with pytest.raises(RunFailed) as caught:
        _typed("run", contract=contract)
    told = str(caught.value)
    assert "8 of 10 rows break its rules (amount_is_positive: 8); quarantine_limit = 10%" in told
    assert warehouse.rows("SELECT COUNT(*) AS n FROM curated.sales") == before
    contract.write_text(text.replace("0.1", "0.9"))
    _typed("run", contract=contract)


def test_a_run_whose_rows_were_all_mended_meanwhile_moves_nothing_and_ends(
    contract: Path, mysql_server: Server, warehouse: Warehouse
) -> None:
    """It takes up the plan of the run that was stopped, and finds none of its rows."""
    contract.write_text(CONTRACT.replace("quarantine_limit = 0.9", "quarantine_limit = 0.1"))
    with mysql_server.cursor(DATABASE) as cursor:
        for number in range(40, 50):
            cursor.execute(f"INSERT INTO sales (id, amount) VALUES ({number}, -1)")
    with pytest.raises(RunFailed, match="10 of 10 rows break"):
        _typed("run", contract=contract)
    with mysql_server.cursor(DATABASE) as cursor:
        cursor.execute("UPDATE sales SET amount = 7 WHERE id >= 40")
    told = _typed("run", contract=contract)
    assert "Nothing was left to move in the windows of a run that had failed" in told
    assert "Nothing had changed" not in told and "is the next run's" in told
    _typed("run", contract=contract)
    rows = warehouse.rows("SELECT COUNT(*) AS n FROM curated.sales WHERE amount = 7")
    assert rows == [{"n": 10}]


def test_a_rule_that_no_row_can_fulfil_sets_all_aside(contract: Path) -> None:
    contract.write_text(CONTRACT.replace('expect = "amount > 0"', 'expect = "FALSE"'))
    before = _listed(contract)
    others = {"shop_is_there": before.pop("shop_is_there")}  # of another table
    kept = sum(before.values())
    told = _typed("quarantine", "retry", contract=contract)
    assert f"{kept} stay in quarantine, 0 left it" in told
    assert _listed(contract) == {"amount_is_positive": kept, **others}


def test_a_rule_that_is_added_later_judges_what_is_loaded_by_a_backfill(
    contract: Path, warehouse: Warehouse
) -> None:
    added = '[[tables.sales.rules]]\nname = "id_is_small"\nexpect = "id < 45"\n\n[tables.visits]'
    contract.write_text(CONTRACT.replace("[tables.visits]", added))
    _typed("run", contract=contract)
    assert "id_is_small" not in _listed(contract), "no run judges rows that did not change"
    told = _typed("backfill", "--table", "sales", contract=contract)
    assert "loaded and judged anew" in told
    assert _listed(contract)["id_is_small"] == 5
    assert warehouse.rows("SELECT COUNT(*) AS n FROM curated.sales WHERE id >= 45") == [{"n": 0}]
    contract.write_text(CONTRACT)
    _typed("backfill", "--table", "sales", contract=contract)
    assert "id_is_small" not in _listed(contract)
