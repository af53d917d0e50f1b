"""A malformed contract is refused by its field, and names in it are names, never SQL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etl_lib import contract as contracts
from etl_lib.errors import ContractError
from etl_lib.identifiers import literal, redshift
from tests.malformed.sending import sql
from workbench import pipeline
from workbench.endpoint import Endpoint

# Contracts: one setting wrong in a contract that is right otherwise.

RIGHT = """
name = "shop"
setup = ["redshift/setup.sql"]
checks = ["checks/check.sql"]
[tables.rates]
keys = ["day"]
[tables.orders]
keys = ["id"]
cursor = "at"
append_only = false
lookback = 0
lag = 60
deletes = "sweep"
zero_dates = "fail"
min_rows = 1
quarantine_limit = 0.05
skip = ["secret"]
distkey = "id"
sortkey = ["at"]
[tables.orders.columns.currency]
expression = "upper(currency)"
type = "VARCHAR(12)"
[[tables.orders.rules]]
name = "rate_is_known"
expect = "currency = 'USD'"
[tables.orders.rules.reference]
table = "rates"
on = { day = "day" }
[[tables.orders.rules]]
column = "state"
not_null = true
one_of = ["new"]
between = [1, 2]
matches = "[a-z]+"
[[tables.orders.rules]]
unique = ["number"]
[tables.orders.freshness]
warn_after = "1 hour"
error_after = "2 hours"
[tables.orders.rows]
batch = [0, 1]
change = 0.5
[tables.rates.rows]
table = [0, 1]
[indicators.daily]
title = "Orders by day"
period = "day"
[indicators.daily.touched_by]
orders = ["at", "at"]
"""
# What a setting may never be; the settings, by their line. Types first.
VALUES = ("3", "-1", "1.5", "nan", "inf", "true", '""', "[]", "[3]", '[""]', "{}", "{ a = 3 }")
VALUES += ("2024-12-30", "99999999999999999999", '"\\u0000"', '"../x"', '["../x"]')
ALLOWED = {
    "lookback": ("3",),
    "lag": ("3",),
    "min_rows": ("3",),
    "quarantine_limit": (),
    "append_only": ("true",),
    "setup": ("[]",),
    "checks": ("[]",),
    "skip": ("[]", '["../x"]'),  # names of MySQL columns, which may have any character
    "keys": ('["../x"]',),
    "cursor": ('"../x"', '"\\u0000"'),
    "distkey": ('"../x"', '"\\u0000"'),
    "sortkey": ("[]", '["../x"]'),
    "expression": ('"../x"', '"\\u0000"'),  # SQL, which Spark judges
    "expect": ('"../x"', '"\\u0000"'),
    "not_null": ("true",),
    "one_of": ("[3]", '[""]', '["../x"]'),
    "matches": ('"../x"', '"\\u0000"'),
    "change": ("3", "1.5", "99999999999999999999"),
    "title": ('""', '"../x"', '"\\u0000"'),
    "orders": (),
    "on": (),
    "period": (),
}


def changed() -> Iterator[Any]:
    """Every setting of the contract with every value that it may not have."""
    lines = RIGHT.strip().splitlines()
    for number, line in enumerate(lines):
        setting = line.partition(" = ")[0]
        if " = " not in line:
            continue
        for value in VALUES:
            if value not in ALLOWED.get(setting, ()):
                text = "\n".join([*lines[:number], f"{setting} = {value}", *lines[number + 1 :]])
                yield pytest.param(text, id=f"{number}-{setting}-{value}")


def with_(old: str, new: str) -> str:
    assert old in RIGHT
    return RIGHT.replace(old, new, 1)


SQL = "x'; DROP TABLE raw.orders; --"
WRONG: dict[str, str] = {
    "empty": "",
    "no TOML": "{",
    "JSON": '{"name": "shop"}',
    "nested too deeply": "a = " + "[" * 100_000,
    "a name twice": RIGHT + '\nname = "again"\n[tables.rates]\nkeys = ["day"]\n',
    "an unknown section": RIGHT + "\n[surprise]\na = 1\n",
    "tables a list": 'name = "shop"\n[[tables]]\nkeys = ["id"]\n',
    "tables text": 'name = "shop"\ntables = "orders"\n',
    "a table of text": 'name = "shop"\n[tables]\norders = "id"\n',
    "no keys": 'name = "shop"\n[tables.orders]\ncursor = "at"\n',
    "no table": 'name = "shop"\n',
    "SQL in a column's type": with_("VARCHAR(12)", "INT); DROP TABLE raw.orders; --"),
    "SQL in the way of deletes": with_('"sweep"', f'"{SQL}"'),
    "a path for a name": with_('"shop"', '"../../shop"'),
    "a path for a table": with_("[tables.rates]", '[tables."../rates"]'),
    "a NUL in a table": with_("[tables.rates]", '[tables."ra\\u0000tes"]'),
    "a line end in a table": with_("[tables.rates]", '[tables."ra\\ntes"]'),
    "no name of a table": with_("[tables.rates]", '[tables.""]'),
    "a table of 65 characters": with_("[tables.rates]", f"[tables.{'r' * 65}]"),
    "a path for an indicator": RIGHT.replace("indicators.daily", 'indicators."../daily"'),
    "setup outside": with_("redshift/setup.sql", "../../etc/passwd"),
    "setup absolute": with_("redshift/setup.sql", "/etc/passwd.sql"),
    "checks outside": with_("checks/check.sql", "checks/../../x.sql"),
    "checks no SQL": with_("checks/check.sql", "checks/check.py"),
    "a key twice": with_('keys = ["id"]', 'keys = ["id", "id"]'),
    "a key left out": with_('["secret"]', '["id"]'),
    "the cursor left out": with_('["secret"]', '["at"]'),
    "append only with a lookback": with_(
        "append_only = false\nlookback = 0", "append_only = true\nlookback = 9"
    ),
    "append only without a cursor": with_(
        'cursor = "at"\nappend_only = false', "append_only = true"
    ),
    "deletes by no column": with_('"sweep"', '"soft:"'),
    "a limit of 101 percent": with_("0.05", "1.01"),
    "two rules of one name": RIGHT.replace(
        "[indicators.daily]", '[[tables.orders.rules]]\nname = "rate_is_known"\n[indicators.daily]'
    ),
    "a rule without a name": with_('name = "rate_is_known"\n', ""),
    "a reference to nothing": with_('table = "rates"', 'table = "absent"'),
    "a reference to a table with a cursor": with_('table = "rates"', 'table = "orders"'),
    "a reference by nothing": with_('{ day = "day" }', "{}"),
    "references in a circle": """
name = "shop"
[tables.a]
keys = ["id"]
rules = [{ name = "r", reference = { table = "b", on = { id = "id" } } }]
[tables.b]
keys = ["id"]
rules = [{ name = "r", reference = { table = "a", on = { id = "id" } } }]
""",
    "an indicator of an absent table": RIGHT.replace('orders = ["at", "at"]', 'order = "all"'),
    "an indicator of three periods": RIGHT.replace('["at", "at"]', '["at", "at", "at"]'),
    "two tables that fold to one": RIGHT + '\n[tables.RATES]\nkeys = ["day"]\n',
}


def test_the_contract_is_right_before_it_is_made_wrong() -> None:
    assert len(contracts.parse(RIGHT, "shop.toml").tables) == 2


@pytest.mark.parametrize("text", [*changed(), *(pytest.param(t, id=n) for n, t in WRONG.items())])
def test_a_contract(text: str) -> None:
    with pytest.raises(ContractError) as caught:
        contracts.parse(text, "shop.toml")
    assert str(caught.value).startswith("shop.toml: ")
    assert caught.value.field and caught.value.problem


def test_a_contract_that_is_no_text(tmp_path: Path) -> None:
    path = tmp_path / "tables.toml"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ContractError, match="not UTF-8"):
        pipeline.read_contract(path)
    with pytest.raises(ContractError):
        pipeline.read_contract(tmp_path)


def test_sql_in_the_names_of_a_contract_is_a_name(unharmed: Endpoint) -> None:
    """Names that a database may have are quoted wherever they stand."""
    name = "x\"; DROP TABLE kept; --'"
    text = f'name = "x"\n[tables.{json.dumps(name)}]\nkeys = ["id"]\n'
    assert list(contracts.parse(text, "x").tables) == [name]
    made = f"CREATE TABLE {redshift('public', name)} (id INT)"
    assert sql(unharmed, made)["Status"] == "FINISHED"
    assert sql(unharmed, f"SELECT {literal(name)} AS name")["Status"] == "FINISHED"
    assert sql(unharmed, f"DROP TABLE {redshift('public', name)}")["Status"] == "FINISHED"
