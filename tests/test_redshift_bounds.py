# ruff: noqa: F811 (data is a fixture)
"""What a statement must not reach in the local Redshift: changes inside of queries, its own tables,
what it stands on; and requests that are no text."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.test_redshift_data import AT, data, fresh, rows, run  # noqa: F401


@pytest.fixture(scope="module")
def name(data: Any) -> str:
    name = fresh()
    run(data, f"CREATE TABLE {name} (id INTEGER)")
    run(data, f"INSERT INTO {name} VALUES (1)")
    return name


@pytest.mark.parametrize(
    "statement",
    [
        "WITH w AS (DELETE FROM {0}) SELECT 1 AS a",
        "WITH w AS (UPDATE {0} SET id = 2) SELECT 1 AS a",
        "WITH w AS (INSERT INTO {0} VALUES (2)) SELECT 1 AS a",
        "CREATE TABLE {0}_c AS WITH w AS (DELETE FROM {0}) SELECT 1 AS a",
        "UNLOAD ('WITH w AS (DELETE FROM {0}) SELECT 1 AS a') TO 's3://b/x' IAM_ROLE 'r'",
        "COPY main.rs_loads FROM 's3://b/x' IAM_ROLE 'arn:aws:iam::123456789012:role/r' CSV",
        "LOCK main.rs_loads",
        "DROP SCHEMA public CASCADE",
        "DROP SCHEMA IF EXISTS public",
    ],
)
def test_it_is_refused_and_nothing_has_changed(data: Any, name: str, statement: str) -> None:
    ended = run(data, statement.format(name))
    assert (ended["Status"], ended["Error"][:6]) == ("FAILED", "ERROR:")
    assert rows(data, f"SELECT id FROM {name}") == [[1]]


def test_its_own_tables_are_not_described(data: Any) -> None:
    at = {key: value for key, value in AT.items() if key != "Sql"}
    found = data.describe_table(**at, Schema="main", Table="rs_loads")
    assert found["ColumnList"] == []


@pytest.mark.parametrize("where", ["Sql", "ClientToken", "StatementName"])
def test_half_a_character_is_no_request(data: Any, where: str) -> None:
    given = {"Sql": "SELECT 1", where: "SELECT '\ud800'"}
    with pytest.raises(ClientError) as caught:
        data.execute_statement(**AT, **given)
    assert caught.value.response["Error"]["Code"] == "SerializationException"
    assert rows(data, "SELECT 1 AS a") == [[1]]
