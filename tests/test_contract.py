"""A table contract is right, or one message names file, table and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from etl_lib import contract
from etl_lib.errors import ContractError
from workbench import pipeline

GOOD = 'name = "shop"\n[tables.orders]\nkeys = ["id"]\n'


def test_our_own_contract_is_right_and_every_sql_file_it_names_exists() -> None:
    parsed = pipeline.read_contract(pipeline.CONTRACT)
    assert list(parsed.tables) == [
        "apartments",
        "apartment_attributes",
        "apartment_viewings",
        "bookings",
        "fx_rates",
    ]
    assert len(parsed.indicators) == 7


@pytest.mark.parametrize(
    ("text", "field", "problem"),
    [
        (GOOD.replace("keys", "key"), "tables.orders.key", "Did you mean 'keys'?"),
        (GOOD + "cursr = 'x'\n", "tables.orders.cursr", "Did you mean 'cursor'?"),
        (GOOD + "cursor = 3\n", "tables.orders.cursor", "expected str"),
        (GOOD + "min_rows = true\n", "tables.orders.min_rows", "expected int"),
        (GOOD + "[tables.Orders]\nkeys = ['id']\n", "tables.Orders", "folds case"),
        (GOOD + "[tables.'100%']\nkeys = ['id']\n", "tables.100%", "not supported"),
        (GOOD + "deletes = 'swep'\n", "tables.orders.deletes", "not one of"),
        (GOOD.replace('["id"]', '"id"'), "tables.orders.keys", "list of strings"),
        (GOOD.replace('["id"]', "[]"), "tables.orders.keys", "at least one key"),
        ('name = "shop"\n', "tables", "no table is named"),
        (GOOD.replace('name = "shop"\n', ""), "contract.name", "is missing"),
        ("name = ", "not TOML", "Invalid value"),
        (
            GOOD + '[[tables.orders.rules]]\nname = "r"\nreference = { table = "x", on = {} }\n',
            "tables.orders.rules.r.reference",
            "must be a table of this contract without a cursor",
        ),
        (
            GOOD + '[indicators.i]\ntitle = "I"\nperiod = "week"\ntouched_by = { order = "all" }\n',
            "indicators.i.touched_by.order",
            "Did you mean 'orders'?",
        ),
    ],
)
def test_a_mistake_is_named_with_its_place(text: str, field: str, problem: str) -> None:
    with pytest.raises(ContractError) as caught:
        contract.parse(text, "shop.toml")
    assert caught.value.field == field
    assert problem in str(caught.value)
    assert str(caught.value).startswith("shop.toml: ")


def test_an_unknown_table_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ContractError, match="Did you mean 'orders'"):
        contract.parse(GOOD, "shop.toml").select(["order"])


def test_a_contract_that_names_a_missing_sql_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tables.toml"
    path.write_text('checks = ["checks/none.sql"]\n' + GOOD)
    with pytest.raises(ContractError, match=r"checks/none\.sql: no such file"):
        pipeline.read_contract(path)
