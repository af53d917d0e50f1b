"""A table contract is right, or one message names file, table and field."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from etl_lib import contract
from etl_lib.errors import ContractError
from etl_lib.warehouse import statements_of
from workbench import pipeline
from workbench.pipeline import BUCKET, CONTRACT
from workbench.stack import Stack

GOOD = 'name = "shop"\n[tables.orders]\nkeys = ["id"]\nskip = ["secret"]\n'


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
        ('name = "shop"\n[table.orders]\n', "contract.table", "Did you mean 'tables'?"),
        (
            GOOD + "[indicator.daily]\ntitle = 'x'\n[indicators.daily.plot]\nunit = 'x'\n",
            "contract.indicator",
            "Did you mean 'indicators'?",
        ),
        (GOOD.replace('name = "shop"\n', ""), "contract.name", "is missing"),
        ("name = ", "not TOML", "Invalid value"),
        *(
            (GOOD + f"rules = [{{ {body} }}]\n", f"tables.orders.rules.{field}", problem)
            for body, field, problem in (
                ('name = "r"', "r.expect", "the rule says nothing"),
                ("one_of = [1]", "?.column", "one_of says something of one column"),
                ('column = "a"', "a.column", "one of: not_null, one_of, between, matches"),
                ('column = "a", onne_of = [1]', "a.onne_of", "Did you mean 'one_of'?"),
                ('column = "a", expect = "a > 0"', "a.name", "one rule is one of"),
                ('column = "a", unique = ["a"]', "a.name", "one rule is one of"),
                ('name = "r", unique = ["a"], expect = "b"', "r.name", "one rule is one of"),
                ('name = "r", column = "a", not_null = true, matches = "x"', "r.name", "two rules"),
                ('column = "a", not_null = false', "a.not_null", "is true, or left out"),
                ('column = "a", one_of = []', "a.one_of", "a list of values"),
                ('column = "a", one_of = "y"', "a.one_of", "a list of values"),
                ('column = "a", one_of = ["y", 1]', "a.one_of", "not of one kind"),
                ('column = "a", one_of = [nan]', "a.one_of", "no value to compare with"),
                ('column = "a", one_of = [inf]', "a.one_of", "inf is no value"),
                ('column = "a", one_of = [07:00:00]', "a.one_of", "no value to compare with"),
                ('column = "a", one_of = [2024-01-01T00:00:00Z]', "a.one_of", "no value"),
                ('column = "a", between = [1]', "a.between", "expected [least, most]"),
                ('column = "a", between = [2, 1]', "a.between", "2 is more than 1"),
                ('column = "a", between = [inf, 1]', "a.between", "inf is more than 1"),
                ('column = "a", between = [inf, inf]', "a.between", "an end that is none"),
                ('column = "a", between = [-inf, -inf]', "a.between", "an end that is none"),
                ('column = "a", between = [nan, 1]', "a.between", "no value to compare with"),
                (f'column = "{"c" * 60}", not_null = true', f"{'c' * 60}.name", "set a shorter"),
                ('column = "a", between = [-inf, inf]', "a.between", "no end that is not open"),
                ('column = "a", between = [1, "z"]', "a.between", "not of one kind"),
                ('column = "a", between = [false, true]', "a.between", "an end that is none"),
                ('column = "a", matches = "("', "a.matches", "unterminated subpattern"),
                ('column = "a", matches = ""', "a.matches", "may not be empty"),
                ("unique = []", "?.unique", "names no column"),
                ('unique = ["a", "a"]', "a_a.unique", "names no column, or one twice"),
                ('unique = "a"', "?.unique", "expected a list of strings"),
                ('unique = ["secret"]', "secret_unique", "left in the source by skip"),
            )
        ),
        *(
            (GOOD + f"{setting}\n", f"tables.orders.{field}", problem)
            for setting, field, problem in (
                ('cursor = "at"\nfreshness = "36 hours"', "freshness", "a table of settings"),
                (
                    'cursor = "at"\nfreshness = { warn_after = "36" }',
                    "freshness.warn_after",
                    '"36 hours"',
                ),
                (
                    'cursor = "at"\nfreshness = { warn_after = "0 days" }',
                    "freshness.warn_after",
                    "no age",
                ),
                (
                    "cursor = 'at'\nfreshness = { warn_after = 36 }",
                    "freshness.warn_after",
                    "expected str",
                ),
                (
                    'cursor = "at"\nfreshness = { warn = "1 day" }',
                    "freshness.warn",
                    "Known: warn_after",
                ),
                (
                    "cursor = 'at'\nfreshness = {}",
                    "freshness",
                    "neither warn_after nor error_after",
                ),
                (
                    'cursor = "at"\nfreshness = { warn_after = "24 hours", error_after = "1 day" }',
                    "freshness.warn_after",
                    "comes before error_after",
                ),
                ('freshness = { warn_after = "1 day" }', "freshness", "needs a cursor"),
                (
                    'append_only = true\ncursor = "id"\nfreshness = { warn_after = "1 day" }',
                    "freshness",
                    "needs a cursor that is a moment",
                ),
                ("rows = {}", "rows", "names none of batch, table, change"),
                ("rows = { table = 5 }", "rows.table", "no band [least, most]"),
                ("rows = { table = [] }", "rows.table", "no band"),
                ("rows = { table = [5, 1] }", "rows.table", "no band"),
                ("rows = { table = [-1, 1] }", "rows.table", "no band"),
                ("rows = { table = [0.5, 1] }", "rows.table", "no band"),
                ("rows = { table = [inf, inf] }", "rows.table", "no band"),
                ("rows = { table = [true, 1] }", "rows.table", "no band"),
                ("rows = { change = -0.5 }", "rows.change", "no share"),
                ("rows = { change = nan }", "rows.change", "no share"),
                ('rows = { change = "50%" }', "rows.change", "expected float"),
                ("rows = { batch = [0, 5] }", "rows.batch", "a table without a cursor"),
                ("min_rows = 2\nrows = { table = [2, 5] }", "min_rows", "give one"),
            )
        ),
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


def test_each_condition_of_a_short_form_is_a_rule_in_spark_sql() -> None:
    text = (
        GOOD
        + """cursor = "at"
rows = { table = [10, inf], batch = [0, 5] }
rules = [
    { column = "Code", not_null = true, matches = "[A-Z]{3}$" },
    { name = "known", column = "state", one_of = ["it's", "b"] },
    { column = "paid", between = [2024-01-01, 2024-06-30T12:00:00] },
    { column = "price", between = [-inf, 9.5] },
    { unique = ["shop", "number"] },
]
"""
    )
    table = contract.parse(text, "shop.toml").tables["orders"]
    assert {rule.name: rule.expect for rule in table.rules} == {
        "Code_not_null": "`code` is not null",
        "Code_matches": r"`code` is null or `code` rlike '\\A(?:[A-Z]{3}\u0024)\\z'",
        "known": r"`state` is null or `state` in ('it\'s', 'b')",
        "paid_between": "`paid` is null or (`paid` >= date '2024-01-01' "
        "and `paid` <= timestamp_ntz '2024-06-30 12:00:00')",
        "price_between": "`price` is null or (`price` <= 9.5)",
        "shop_number_unique": "true",
    }
    assert table.rules[-1].unique == ("shop", "number")
    assert table.min_rows == 10


def test_an_unknown_table_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ContractError, match="Did you mean 'orders'"):
        contract.parse(GOOD, "shop.toml").select(["order"])


def test_a_contract_that_names_a_missing_sql_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tables.toml"
    path.write_text('checks = ["checks/none.sql"]\n' + GOOD)
    with pytest.raises(
        ContractError, match=r"checks/none\.sql: no such file.*no folder sql beside"
    ):
        pipeline.read_contract(path)
    (tmp_path / "sql" / "checks").mkdir(parents=True)
    with pytest.raises(ContractError, match=r"checks/none\.sql: no such file under \S+$"):
        pipeline.read_contract(path)
    (tmp_path / "sql/checks/nine.sql").write_text("SELECT 1")
    with pytest.raises(ContractError, match=r"checks/none\.sql: no such file.*mean 'nine'\?"):
        pipeline.read_contract(path)


@pytest.mark.parametrize("script", ["", "\ufeff", "-- nothing yet\n", "/* later */", ";\n ;",
    "\ufeff-- nothing\r\n\r\n", "/* SELECT 1;\n*/\n", "/* a */ -- b\n\n  /* c */;\n"])  # fmt: skip
def test_a_contract_that_names_a_sql_file_without_a_statement_is_refused(
    tmp_path: Path, script: str
) -> None:
    path = tmp_path / "tables.toml"
    path.write_text('checks = ["checks/none.sql"]\n' + GOOD)
    (tmp_path / "sql" / "checks").mkdir(parents=True)
    (tmp_path / "sql/checks/none.sql").write_bytes(script.encode())
    with pytest.raises(ContractError, match=r"checks/none\.sql: no statement in that file"):
        pipeline.read_contract(path)


def test_what_is_published_already_is_not_sent_again_and_what_was_altered_is(stack: Stack) -> None:
    s3, altered = stack.endpoint.client("s3"), "contract/current/tables.toml"

    def stamps() -> dict[str, Any]:
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix="contract/")["Contents"]
        return {each["Key"]: each["LastModified"] for each in found}

    stack.pipeline.publish(CONTRACT)
    s3.put_object(Bucket=BUCKET, Key=altered, Body=b"name = 'altered'")
    before = stamps()
    time.sleep(1.1)  # stamps are whole seconds
    stack.pipeline.publish(CONTRACT)
    after = stamps()
    assert {key for key in after if after[key] != before[key]} == {altered}
    assert s3.get_object(Bucket=BUCKET, Key=altered)["Body"].read() == CONTRACT.read_bytes()


def test_a_sql_file_is_its_statements_without_what_stands_before_them() -> None:
    script = "\ufeff/* of;\n us */\r\nSELECT 1;\r\n-- and\r\nSELECT\n  -- now\n  '/* 2; */';\n"
    assert statements_of(script) == ["SELECT 1", "SELECT\n  '/* 2; */'"]
