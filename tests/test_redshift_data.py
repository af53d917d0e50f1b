"""The Data API: asynchronous, typed, transactional, and durable."""

from __future__ import annotations

import json
import os
import re
import signal
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.states import until
from workbench import endpoint as local_aws
from workbench.endpoint import Endpoint

AT = {"WorkgroupName": "rental-apartments", "Database": "dev"}
SLOW = "SELECT COUNT(*) FROM big AS a CROSS JOIN big AS b CROSS JOIN big AS c WHERE a.n + b.n < c.n"
DIGITS = " UNION ALL ".join(f"SELECT {digit} AS n" for digit in range(10))


@pytest.fixture(scope="module")
def data(endpoint: Endpoint) -> Any:
    return endpoint.client("redshift-data")


def finished(data: Any, identity: str) -> dict[str, Any]:
    while True:
        described: dict[str, Any] = data.describe_statement(Id=identity)
        if described["Status"] in ("FINISHED", "FAILED", "ABORTED"):
            return described


def run(data: Any, sql: str, **more: Any) -> dict[str, Any]:
    return finished(data, data.execute_statement(Sql=sql, **AT, **more)["Id"])


def batch(data: Any, *sqls: str, **more: Any) -> dict[str, Any]:
    return finished(data, data.batch_execute_statement(Sqls=list(sqls), **AT, **more)["Id"])


def rows(data: Any, sql: str, **more: Any) -> list[list[Any]]:
    described = run(data, sql, **more)
    assert described["Status"] == "FINISHED", described.get("Error")
    pages = data.get_paginator("get_statement_result").paginate(Id=described["Id"])
    return [
        [None if cell.get("isNull") else next(iter(cell.values())) for cell in record]
        for page in pages
        for record in page["Records"]
    ]


def fresh() -> str:
    return f"t_{uuid.uuid4().hex[:10]}"


def make_big(data: Any, name: str) -> None:
    run(data, f"CREATE TABLE IF NOT EXISTS {name} (n BIGINT)")
    run(
        data,
        f"INSERT INTO {name} SELECT a.n + 10 * b.n + 100 * c.n + 1000 * d.n FROM ({DIGITS}) AS a "
        f"CROSS JOIN ({DIGITS}) AS b CROSS JOIN ({DIGITS}) AS c CROSS JOIN ({DIGITS}) AS d",
    )


def test_values_are_typed(data: Any) -> None:
    started = run(
        data,
        "SELECT 1 AS One, CAST(1.50 AS DECIMAL(9,2)) AS d, 'x' AS s, TRUE AS b, NULL AS n, "
        "CAST(1.5 AS DOUBLE PRECISION) AS f, DATE '2024-01-02' AS day, "
        "TIMESTAMP '2024-01-02 03:04:05.5' AS at",
    )
    result = data.get_statement_result(Id=started["Id"])
    assert result["Records"] == [
        [
            {"longValue": 1},
            {"stringValue": "1.50"},
            {"stringValue": "x"},
            {"booleanValue": True},
            {"isNull": True},
            {"doubleValue": 1.5},
            {"stringValue": "2024-01-02"},
            {"stringValue": "2024-01-02 03:04:05.5"},
        ]
    ]
    names = [(each["name"], each["typeName"]) for each in result["ColumnMetadata"]]
    assert names[:2] == [("one", "int4"), ("d", "numeric")]
    assert names[-1] == ("at", "timestamp")


def test_a_long_result_comes_in_pages(data: Any) -> None:
    name = fresh()
    make_big(data, name)
    assert [row[0] for row in rows(data, f"SELECT n FROM {name} ORDER BY n")] == list(range(10_000))


def test_parameters_are_values_and_never_sql(data: Any) -> None:
    evil = "x'; DROP TABLE t; --"
    assert rows(data, "SELECT :a || '!', CAST(:n AS INTEGER) + 1",
                Parameters=[{"name": "a", "value": evil}, {"name": "n", "value": "41"}]) == [
        [evil + "!", 42]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "parameters, sql",
    [
        ([{"name": "a", "value": "1"}, {"name": "b", "value": "2"}], "SELECT :a"),
        ([{"name": "a", "value": "1"}], "SELECT :a, :b"),
    ],
)
def test_parameters_must_fit_the_sql(data: Any, parameters: Any, sql: str) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        data.execute_statement(Sql=sql, Parameters=parameters, **AT)


def test_a_batch_is_one_transaction(data: Any) -> None:
    name = fresh()
    assert run(data, f"CREATE TABLE {name} (n INTEGER)")["Status"] == "FINISHED"
    failed = batch(data, f"INSERT INTO {name} VALUES (1)", "SELECT * FROM missing", "SELECT 1")
    assert failed["Status"] == "FAILED"
    assert failed["Error"] == 'Query #2 failed with ERROR: relation "missing" does not exist'
    assert [each["Status"] for each in failed["SubStatements"]] == ["FINISHED", "FAILED", "ABORTED"]
    assert failed["SubStatements"][1]["QueryString"] == "SELECT * FROM missing"
    assert rows(data, f"SELECT COUNT(*) FROM {name}") == [[0]]
    good = batch(data, f"INSERT INTO {name} VALUES (1)", f"SELECT n FROM {name}")
    assert [each["Id"] for each in good["SubStatements"]] == [f"{good['Id']}:1", f"{good['Id']}:2"]
    result = data.get_statement_result(Id=f"{good['Id']}:2")
    assert result["Records"] == [[{"longValue": 1}]]


def test_truncate_commits(data: Any) -> None:
    name = fresh()
    run(data, f"CREATE TABLE {name} AS SELECT 1 AS n")
    assert batch(data, f"TRUNCATE {name}", "SELECT * FROM missing")["Status"] == "FAILED"
    assert rows(data, f"SELECT COUNT(*) FROM {name}") == [[0]]


def test_a_token_runs_a_statement_once(data: Any) -> None:
    name, token = fresh(), uuid.uuid4().hex
    run(data, f"CREATE TABLE {name} (n INTEGER)")
    sql = f"INSERT INTO {name} VALUES (1)"
    first = run(data, sql, ClientToken=token)
    assert run(data, sql, ClientToken=token)["Id"] == first["Id"]
    assert rows(data, f"SELECT COUNT(*) FROM {name}") == [[1]]


@pytest.mark.parametrize(
    "request_",
    [
        {"Sql": "SELECT 1", "Database": "dev"},
        {"Sql": "SELECT 1", "Database": "other", "WorkgroupName": "www"},
        {"Sql": "SELECT 1; SELECT 2", **AT},
        {"Sql": f"SELECT '{'x' * 102_400}'", **AT},
    ],
)
def test_requests_that_aws_refuses(data: Any, request_: dict[str, Any]) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        data.execute_statement(**request_)


def test_a_session_keeps_its_temporary_tables_to_itself(data: Any) -> None:
    name = fresh()
    first = data.execute_statement(
        Sql=f"CREATE TEMP TABLE {name} AS SELECT 1 AS n", SessionKeepAliveSeconds=60, **AT
    )
    session = first["SessionId"]
    assert finished(data, first["Id"])["SessionId"] == session

    def ask(sql: str) -> dict[str, Any]:
        return finished(data, data.execute_statement(Sql=sql, SessionId=session)["Id"])

    assert ask(f"SELECT n FROM {name}")["ResultRows"] == 1
    assert ask("SELECT * FROM missing")["Status"] == "FAILED"
    assert ask(f"SELECT n FROM {name}")["Status"] == "FINISHED"  # a failure ends no session
    assert "does not exist" in run(data, f"SELECT n FROM {name}")["Error"]
    with pytest.raises(ClientError, match="must not be: WorkgroupName"):
        data.execute_statement(Sql="SELECT 1", SessionId=session, **AT)


def test_a_session_runs_one_statement_at_a_time_and_ends(data: Any) -> None:
    make_big(data, "big")
    started = data.execute_statement(Sql=SLOW, SessionKeepAliveSeconds=0, **AT)
    with pytest.raises(ClientError, match="is running a statement"):
        data.execute_statement(Sql="SELECT 1", SessionId=started["SessionId"])
    data.cancel_statement(Id=started["Id"])
    finished(data, started["Id"])
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        data.execute_statement(Sql="SELECT 1", SessionId=started["SessionId"])


def test_a_statement_can_be_cancelled_at_any_moment(data: Any) -> None:
    """Also between two of the statements that it is made of."""
    make_big(data, "big")
    for moment in range(40):
        started = data.execute_statement(Sql=SLOW, **AT)
        time.sleep(moment / 2_000)
        data.cancel_statement(Id=started["Id"])
        ended = until(lambda: over(data, started["Id"]), 10)  # noqa: B023
        assert ended["Status"] == "ABORTED", (moment, ended)


def over(data: Any, identity: str) -> dict[str, Any] | None:
    described: dict[str, Any] = data.describe_statement(Id=identity)
    return described if described["Status"] in ("FINISHED", "FAILED", "ABORTED") else None


def test_auto_commit_keeps_what_succeeds(data: Any) -> None:
    name = fresh()
    described = batch(
        data,
        f"CREATE TABLE {name} AS SELECT 1 AS n",
        "SELECT * FROM missing",
        f"INSERT INTO {name} VALUES (2)",
        ExecutionMode="AUTO_COMMIT",
    )
    assert described["Status"] == "FAILED"
    assert described["ExecutionMode"] == "AUTO_COMMIT"
    states = [each["Status"] for each in described["SubStatements"]]
    assert states == ["FINISHED", "FAILED", "FINISHED"]
    assert rows(data, f"SELECT COUNT(*) FROM {name}") == [[2]]


@pytest.mark.parametrize("sql", ["VACUUM {}", "ALTER TABLE {} ALTER COLUMN s TYPE VARCHAR(9)"])
def test_what_runs_only_outside_a_transaction_block(data: Any, sql: str) -> None:
    name = fresh()
    run(data, f"CREATE TABLE {name} (s VARCHAR(5))")
    assert run(data, sql.format(name))["Status"] == "FINISHED"
    assert "transaction block" in batch(data, sql.format(name), "SELECT 1")["Error"]


def test_who_asks_is_told_again(data: Any) -> None:
    by = {"ClusterIdentifier": "warehouse", "Database": "dev", "DbUser": "loader"}
    described = finished(data, data.execute_statement(Sql="SELECT 1", **by)["Id"])
    assert (described["DbUser"], described["ClusterIdentifier"]) == ("loader", "warehouse")
    assert described["RedshiftQueryId"] > 0
    assert "WorkgroupName" not in described


@pytest.mark.parametrize(
    "operation, request_",
    [
        ("ExecuteStatement", {"Sql": ["SELECT 1"], **AT}),
        ("ExecuteStatement", {"Sql": "SELECT 1", "StatementName": [1], **AT}),
        (
            "ExecuteStatement",
            {"Sql": "SELECT :a", "Parameters": [{"name": "a", "value": ""}], **AT},
        ),
        ("BatchExecuteStatement", {"Sqls": [1], **AT}),
        ("ListTables", {"MaxResults": "x", **AT}),
        ("ListStatements", {"NextToken": "-1"}),
        ("DescribeStatement", {}),
    ],
)
def test_malformed_requests_are_refused(
    endpoint: Endpoint, operation: str, request_: dict[str, Any]
) -> None:
    careless = endpoint.client("redshift-data")
    careless.meta.events.register(  # the client's own checks would stop it before the server's
        "before-call.redshift-data", lambda params, **_: params.update(body=json.dumps(request_))
    )
    good: dict[str, Any] = {"Id": str(uuid.uuid4())}
    calls = {
        "ExecuteStatement": {"Sql": "SELECT 1", **AT},
        "BatchExecuteStatement": {"Sqls": ["SELECT 1"], **AT},
        "ListTables": AT,
        "ListStatements": {},
        "DescribeStatement": good,
    }
    call = getattr(careless, re.sub(r"(?<!^)(?=[A-Z])", "_", operation).lower())
    with pytest.raises(ClientError, match="ValidationException"):
        call(**calls[operation])


WORDS = (
    "SELECT FROM WHERE target ( ) , ; * 1 'a' \"b\" AS CREATE TABLE VIEW INSERT INTO VALUES UPDATE "
    "SET DELETE USING MERGE ON WHEN MATCHED THEN NOT NULL CASE END COPY MANIFEST LOCK VACUUM GRANT "
    "ALTER ADD COLUMN VARCHAR(5) LIKE TRANSLATE('a','b','c'), :: :p ? $1 [ ] { } -- /* */ ' \" $$ "
    "WITH RECURSIVE UNION ALL GROUP BY ORDER LIMIT OVER PARTITION CAST INT DECIMAL(39,0) é \\ @ #"
).split()


@settings(max_examples=300, deadline=None, derandomize=True, database=None)
@given(st.one_of(st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join), st.text(min_size=1)))
def test_garbage_never_breaks_the_service(data: Any, sql: str) -> None:
    try:
        described = run(data, sql)
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ValidationException"
        return
    assert described["Status"] in ("FINISHED", "FAILED")
    assert "internal" not in described.get("Error", "")


def test_no_more_than_forty_statements(data: Any) -> None:
    with pytest.raises(ClientError, match="1 to 40"):
        data.batch_execute_statement(Sqls=["SELECT 1"] * 41, **AT)


def test_unknown_statements_are_not_found(data: Any) -> None:
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        data.describe_statement(Id=str(uuid.uuid4()))


def test_a_call_returns_before_its_sql_ends_and_can_be_cancelled(data: Any) -> None:
    make_big(data, "big")
    begun = time.monotonic()
    started = data.execute_statement(Sql=SLOW, **AT)
    assert time.monotonic() - begun < 2
    assert data.describe_statement(Id=started["Id"])["Status"] == "STARTED"
    assert data.cancel_statement(Id=started["Id"])["Status"] is True
    assert finished(data, started["Id"])["Status"] == "ABORTED"


def test_lock_lets_one_transaction_through_at_a_time(data: Any) -> None:
    name = fresh()
    run(data, f"CREATE TABLE {name} AS SELECT 0 AS n")
    outcomes: list[str] = []

    def add() -> None:
        outcomes.append(
            batch(data, f"LOCK {name}", f"UPDATE {name} SET n = n + 1", f"SELECT n FROM {name}")[
                "Status"
            ]
        )

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == ["FINISHED"] * 8
    assert rows(data, f"SELECT n FROM {name}") == [[8]]


def test_catalog_operations(data: Any) -> None:
    schema, name = fresh(), fresh()
    run(data, f"CREATE SCHEMA {schema}")
    run(data, f"CREATE TABLE {schema}.{name} (id BIGINT NOT NULL, d DECIMAL(9,2))")
    assert data.list_databases(**AT)["Databases"] == ["dev"]
    assert data.list_schemas(**AT, SchemaPattern=schema)["Schemas"] == [schema]
    assert data.list_tables(**AT, SchemaPattern=schema)["Tables"] == [
        {"schema": schema, "name": name, "type": "TABLE"}
    ]
    columns = data.describe_table(**AT, Schema=schema, Table=name)["ColumnList"]
    assert [(each["name"], each["typeName"], each["nullable"]) for each in columns] == [
        ("id", "int8", 0),
        ("d", "numeric", 1),
    ]
    assert rows(data, f"SELECT table_name FROM svv_tables WHERE table_schema = '{schema}'") == [
        [name]
    ]


def test_statements_are_listed_newest_first(data: Any) -> None:
    name = fresh()
    first, second = (
        run(data, "SELECT 1", StatementName=name),
        batch(data, "SELECT 1", "SELECT 2", StatementName=name),
    )
    listed = data.list_statements(StatementName=name)["Statements"]
    assert [each["Id"] for each in listed] == [second["Id"], first["Id"]]


def test_a_killed_server_keeps_what_was_committed_and_finishes_nothing(tmp_path: Path) -> None:
    state = tmp_path / "aws"
    data = local_aws.start(state).client("redshift-data")
    try:
        make_big(data, "big")
        kept = run(data, "SELECT COUNT(*) FROM big")
        started = data.execute_statement(Sql=SLOW, **AT)
        assert data.describe_statement(Id=started["Id"])["Status"] == "STARTED"
        pid = local_aws._daemon(state).pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        until(lambda: not local_aws.running(state))
        data = local_aws.start(state).client("redshift-data")
        assert data.describe_statement(Id=started["Id"])["Status"] == "ABORTED"
        assert data.get_statement_result(Id=kept["Id"])["Records"] == [[{"longValue": 10_000}]]
        assert rows(data, "SELECT COUNT(*) FROM big") == [[10_000]]
    finally:
        local_aws.stop(state)


def test_a_statement_that_needs_more_than_one_gigabyte_fails_by_its_name_and_alone(
    data: Any,
) -> None:
    table = fresh()
    make_big(data, table)
    asked = f"SELECT LEN(LISTAGG(REPEAT('x', 65000))) FROM {table} WHERE n < "
    assert rows(data, f"{asked} 4000") == [[260_000_000]]
    said = run(data, f"{asked} 10000")  # in one piece, twice as long each time it grows
    assert said["Status"] == "FAILED"
    assert "Out of Memory, of which the local Redshift has 1 GB: " in said["Error"]
    assert "953.6 MiB used" in said["Error"]
    assert rows(data, f"{asked} 4000") == [[260_000_000]]


def test_an_aggregate_without_an_alias_is_called_as_its_function(data: Any) -> None:
    done = run(data, "SELECT COUNT(*), MAX(1), SUM(2) AS s, COUNT(1)")
    found = data.get_statement_result(Id=done["Id"])["ColumnMetadata"]
    assert [each["name"] for each in found] == ["count", "max", "s", "count"]
