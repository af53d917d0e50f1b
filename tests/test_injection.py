"""A contract is written by others: nothing that it says runs as anything but what it stands for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlglot import exp

from etl_lib import contract as contracts
from etl_lib import fragments, identifiers
from etl_lib.errors import ContractError, SourceError
from etl_lib.warehouse import Warehouse
from workbench import cli, pipeline
from workbench.mysql.server import Server, quoted
from workbench.pipeline import BUCKET
from workbench.stack import Stack

DATABASE = "injection"
CONTRACT = """
name = {name}
checks = [{checks}]
[tables.{table}]
keys = [{key}]
cursor = {cursor}
deletes = {deletes}
sortkey = [{sortkey}]
[tables.{table}.columns]
total = {{ expression = {expression}, type = {type} }}
[[tables.{table}.rules]]
name = {rule}
expect = {expect}
reference = {{ table = "currencies", on = {{ {on} = "code" }} }}
[tables.currencies]
keys = ["code"]
[indicators.{indicator}]
title = "x"
period = {period}
[indicators.{indicator}.touched_by]
{table} = [{first}, {last}]
"""
GOOD = {
    "name": "shop",
    "checks": "",
    "table": "orders",
    "key": "id",
    "cursor": "at",
    "deletes": "sweep",
    "sortkey": "at",
    "expression": "coalesce(total, 0) * 2",
    "type": "DECIMAL(10,2)",
    "rule": "total_is_known",
    "expect": "total is not null",
    "on": "upper(currency)",
    "indicator": "totals",
    "period": "week",
    "first": "DATE_TRUNC('week', at)",
    "last": "DATE_TRUNC('week', at)",
}
DROP = "DROP TABLE orders"
BY_THE_SOURCE = ("does not have",)  # what a contract cannot know by itself
HOSTILE = [
    ("name", "a/../../b", "is not a name"),
    ("name", "a`b", "is not a name"),
    ("name", "a\nb", "is not a name"),
    ("table", "orders`; " + DROP + "; -- ", "is not supported"),
    ("table", "../orders", "is not supported"),
    ("rule", "r\u0000", "is not a name"),
    ("indicator", "../../etc/passwd", "is not a name"),
    ("period", "week`; " + DROP, "is not a name"),
    ("checks", "../../../etc/passwd", "is not a path"),
    ("checks", "/etc/x.sql", "is not a path"),
    ("type", "INT); " + DROP + "; --", "is not a type"),
    ("type", "INT DEFAULT (SELECT 1)", "is not a type"),
    ("deletes", "soft:a; " + DROP, "does not have"),
    ("key", "id` = 1 OR 1=1; " + DROP + "; -- ", "does not have"),
    ("cursor", "at` < NOW() OR SLEEP(9) OR `at", "does not have"),
    *(
        (setting, text, message)
        for setting in ("expect", "expression", "on")
        for text, message in (
            ("total > 0; " + DROP, "is to be one expression"),
            ("total > 0 -- and the rest", "has a comment"),
            ("total > /* */ 0", "has a comment"),
            ("total > 0) or (true", "that nothing opened"),
            ("(total > 0", "lacks a )"),
            ("total > 'x", "without its other end"),
            ("exists (select 1 from parquet.`s3://other/x`)", "has SELECT"),
            ("(table secrets) is null", "has TABLE"),
            (r"r'\' = (select max(password) from users) or '' = '", "has SELECT"),
            (r"1.r'\' = (select 1) or '' = '", "has SELECT"),
            ("'${env:AWS_SECRET_ACCESS_KEY}' = ''", "filled in from the machine"),
            ("reflect('java.lang.Runtime', 'getRuntime') is null", "calls reflect"),
            ("`java_method` ('java.lang.System', 'exit', 1) > 0", "calls java_method"),
            ("identifier('ref' || 'lect')('java.lang.System', 'exit', 1)", "calls identifier"),
            (" ", "may not be empty"),
        )
    ),
    *(
        (setting, text, message)
        for setting in ("first", "last")
        for text, message in (
            ("at; " + DROP, "is to be one expression"),
            ("at, (SELECT MAX(x) FROM etl.ledger)", "has SELECT"),
            ("at AS a, at AS b FROM curated.orders) AS t; --", "that nothing opened"),
            ("PG_TERMINATE_BACKEND(1)", "calls pg_terminate_backend"),
            (r"'\' || (SELECT 1) || '", "has a backslash"),
            ("$$'$$ || (SELECT 1) || '", "has a $ outside"),
        )
    ),
]


def written(**changed: str) -> str:
    """The contract with these settings, as TOML that means exactly them."""
    return CONTRACT.format(
        **{
            name: "" if name == "checks" and not value else _toml(value)
            for name, value in {**GOOD, **changed}.items()
        }
    )


def _toml(text: str) -> str:
    plain = {'"': '\\"', "\\": "\\\\"}
    escaped = (
        plain.get(each, each if each.isprintable() else f"\\u{ord(each):04x}") for each in text
    )
    return '"' + "".join(escaped) + '"'


@pytest.fixture(scope="module")
def source(stack: Stack) -> Iterator[Server]:
    with stack.server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    with stack.server.cursor(DATABASE) as cursor:
        cursor.execute(
            "CREATE TABLE orders (id INT PRIMARY KEY, at DATETIME(6) NOT NULL DEFAULT NOW(6), "
            "total DECIMAL(10,2), currency CHAR(3))"
        )
        cursor.execute("INSERT INTO orders (id) VALUES (1), (2)")
        cursor.execute("CREATE TABLE currencies (code CHAR(3) PRIMARY KEY)")
        cursor.execute("INSERT INTO currencies VALUES ('EUR')")
    yield stack.server


def everything(stack: Stack) -> Any:
    """What a command could have changed: source, bucket, runs, warehouse."""
    with stack.server.cursor(DATABASE) as cursor:
        cursor.execute("CHECKSUM TABLE orders, currencies")
        sums = cursor.fetchall()
        cursor.execute("SHOW FULL TABLES")
        tables = cursor.fetchall()
    pages = stack.endpoint.client("s3").get_paginator("list_objects_v2").paginate(Bucket=BUCKET)
    objects = {each["Key"]: each["ETag"] for page in pages for each in page.get("Contents", ())}
    return sums, tables, objects, warehouse_of(stack), sorted(stack.home.runs.glob("*"))


def warehouse_of(stack: Stack) -> dict[str, int]:
    """Every table, and how many rows it has."""
    with stack.active():
        warehouse = Warehouse("rental-apartments", "dev", "")
        found = warehouse.rows("SELECT table_schema AS s, table_name AS t FROM svv_tables")
        names = {identifiers.redshift(each["s"], each["t"]) for each in found}
        return {name: warehouse.scalar(f"SELECT COUNT(*) FROM {name}") for name in sorted(names)}


def ended(command: str, stack: Stack, contract: Path) -> tuple[Any, str]:
    """Exit code and last words of a command."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit) as left:
        shown: list[str] = []
        patch.setenv("WORKBOOK_HOME", str(stack.home.root))
        patch.setattr(sys, "argv", ["workbook", command, "--contract", str(contract)])
        patch.setattr(sys, "argv", [*sys.argv, "--database", DATABASE])
        patch.setattr(cli.err, "print", lambda *texts, **_: shown.append(" ".join(map(str, texts))))
        cli.main()
    return left.value.code, " ".join(shown)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hostile")
    queries = made / "sql" / "redshift" / "presentation"
    queries.mkdir(parents=True)
    (queries / "totals.sql").write_text("SELECT at AS week FROM curated.orders")
    return made


def test_the_contract_that_the_others_differ_from_is_good() -> None:
    assert contracts.parse(written(), "x").tables["orders"].cursor == "at"


def test_a_hostile_contract_ends_with_2_and_changes_nothing(
    stack: Stack, source: Server, folder: Path
) -> None:
    stack.pipeline.publish(pipeline.CONTRACT)  # as each command does that starts the stack
    before = everything(stack)
    for number, (setting, text, message) in enumerate(HOSTILE):
        contract = folder / f"{number}.toml"
        contract.write_text(written(**{setting: text}))
        by_itself = message not in BY_THE_SOURCE
        code, told = ended("plan" if by_itself and number % 2 else "run", stack, contract)
        assert code == 2, (setting, text, told)
        assert message in told, (setting, text, told)
        assert "Traceback" not in told
    assert everything(stack) == before


@pytest.mark.parametrize(
    ("setting", "text", "message"), [each for each in HOSTILE if each[2] not in BY_THE_SOURCE]
)
def test_every_stage_refuses_it_too(setting: str, text: str, message: str) -> None:
    """They read the contract from S3, where somebody else may have put it."""
    with pytest.raises(ContractError):
        contracts.parse(written(**{setting: text}), "s3://x")


PIECES = st.sampled_from(
    ["'", '"', "`", "\\", "r'", 'R"', "(", ")", "[", "]", ";", "--", "/*", "*/", "#", "$", "$$",
     "${", "select", "SELECT 1", "table t", "values (1)", "from t", "a", "b", "1", "1.", ".",
     "''", " ",
     "or", "=", "and", "not", "case when a then b end", "f(a)",
     "\n", "x'", "b.", ",", "::", "é"]
)  # fmt: skip


@settings(max_examples=1_500, deadline=None, derandomize=True)
@given(st.lists(PIECES, min_size=1, max_size=9).map(" ".join) | st.lists(PIECES).map("".join))
@example(r"r'\' or (select 1) or '")
@example(r"1.r'\' or (select 1) or '")
@example("'a'';select 1'")
def test_what_is_let_pass_is_one_expression_without_a_query(text: str) -> None:
    """An independent parser says so, if it can make anything of it."""
    if fragments.problem(text):
        return
    try:
        found = sqlglot.parse(f"SELECT ({text}) AS x", read="spark")
    except sqlglot.errors.SqlglotError:
        return
    assert len(found) == 1 and found[0] is not None
    assert len(list(found[0].find_all(exp.Query))) == 1, "the one around it"


@pytest.mark.parametrize(
    "text",
    [
        "price is null or price >= 0",
        "trim(both ';' from note) <> '--'",
        "note = 'select; drop' or note = \"/*\"",
        r"note rlike '\\A(?:a|b$)\\z' and note <> 'it\'s'",
        "extract(year from at) between 2000 and 2100 and tags[0] = 'x'",
        "case when `select` > 1e-3 then -x else x % 2 end",
        "at :: date is not distinct from to_date(day)",
    ],
)
def test_what_rules_are_written_with_is_let_pass(text: str) -> None:
    assert fragments.problem(text) == ""


NAMES = st.text(
    st.characters(exclude_categories=["Cs"]) | st.sampled_from("'\"`;\\-/*#$%\n \0"),
    max_size=24,
)
FEW = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


@FEW
@given(names=st.lists(NAMES, min_size=1, max_size=8))
@example(names=["`; DROP DATABASE injection; -- ", "a`", "``", "\\`", "%s"])
def test_mysql_takes_any_quoted_name_for_a_name(source: Server, names: list[str]) -> None:
    items = []
    for name in names:
        try:
            items.append((identifiers.mysql(name), name))
        except SourceError:
            assert not name or "\0" in name or len(name) > 64
    with source.cursor(DATABASE) as cursor:
        for item, name in items:
            assert item == quoted(name)
            if name != name.rstrip() or any(ord(each) > 0xFFFF for each in name):
                continue  # no name in MySQL, whoever asks
            cursor.execute(f"CREATE OR REPLACE TEMPORARY TABLE named ({item} INT) ENGINE = MEMORY")
            cursor.execute(f"INSERT INTO named ({item}) VALUES (7)")
            cursor.execute(f"SELECT {item} FROM named WHERE {item} = 7")
            assert cursor.fetchall() == ((7,),)
            assert cursor.description is not None
            assert [column[0] for column in cursor.description] == [name]


@FEW
@given(texts=st.lists(NAMES, min_size=1, max_size=8))
@example(texts=["'; DROP SCHEMA etl CASCADE; --", "\\'", "''", "x' OR 'a'='a"])
def test_the_warehouse_takes_any_literal_and_name_for_what_it_is(
    warehouse: Warehouse, texts: list[str]
) -> None:
    wanted, items = [], []
    for text in texts:
        try:
            value, name = identifiers.literal(text), identifiers.redshift(text)
        except SourceError:
            assert not text or set(text) & {*map(chr, range(32)), "\\"} or len(text.encode()) > 127
            continue
        wanted.append(text)
        items.append(
            f"SELECT {len(items)} AS n, t.{name} AS v FROM (SELECT {value} AS {name}) AS t"
        )
    if items:
        rows = warehouse.rows(" UNION ALL ".join(items) + " ORDER BY n")
        assert [row["v"] for row in rows] == wanted


def test_nothing_was_dropped_meanwhile(source: Server, folder: Path) -> None:
    with source.cursor(DATABASE) as cursor:
        cursor.execute("SELECT COUNT(*) FROM orders")
        assert cursor.fetchall() == ((2,),)
    shutil.rmtree(folder)
