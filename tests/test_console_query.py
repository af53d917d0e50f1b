"""The query box of `workbook console`: it reads, and nothing else."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from flask.testing import FlaskClient

from etl_lib.warehouse import Warehouse
from workbench.console import readonly
from workbench.console.statement import ask
from workbench.endpoint import Endpoint
from workbench.home import Home

from .consoles import get, let_in


@pytest.fixture(scope="module")
def client(home: Home, endpoint: Endpoint) -> FlaskClient:
    return let_in(home)


def test_a_query_that_would_write_is_refused_and_writes_nothing(
    client: FlaskClient, warehouse: Warehouse
) -> None:
    warehouse.rows("CREATE SCHEMA IF NOT EXISTS etl")
    warehouse.rows("DROP TABLE IF EXISTS etl.kept")
    warehouse.rows("CREATE TABLE etl.kept AS SELECT 1 AS a")
    for sql in ("DROP TABLE etl.kept", "SELECT 2 AS a INTO etl.new", "DELETE FROM etl.kept"):
        refused = get(client, f"/warehouse/?sql={quote(sql)}")
        assert refused.status_code == 400 and "Not run" in refused.text
    found = warehouse.rows("SELECT table_name FROM svv_tables WHERE table_schema = 'etl'")
    assert "kept" in {row["table_name"] for row in found}
    assert "new" not in {row["table_name"] for row in found}
    assert warehouse.scalar("SELECT COUNT(*) FROM etl.kept") == 1
    answered = get(client, f"/warehouse/?sql={quote('SELECT a + 41 AS sum FROM etl.kept')}")
    assert answered.status_code == 200 and ">42<" in answered.text
    warehouse.rows("DROP TABLE etl.kept")


@pytest.mark.parametrize(
    "sql",
    [
        "",
        "-- nothing",
        "SELECT 1; SELECT 2",
        "SELECT 1; DROP TABLE a",
        "INSERT INTO a SELECT 1",
        "UPDATE a SET b = 1",
        "MERGE INTO a USING b ON a.x = b.x WHEN MATCHED THEN DELETE",
        "TRUNCATE a",
        "CREATE TABLE a (b INT)",
        "CREATE TABLE a AS SELECT 1",
        "CREATE VIEW a AS SELECT 1",
        "ALTER TABLE a ADD COLUMN b INT",
        "SELECT 1 INTO a",
        "SELECT * INTO TEMP a FROM b",
        "SELECT 1 UNION ALL SELECT 2 INTO a",
        "WITH a AS (SELECT 1) SELECT * INTO b FROM a",
        "WITH a AS (DELETE FROM b RETURNING *) SELECT * FROM a",
        "WITH a AS (INSERT INTO b VALUES (1) RETURNING *) SELECT * FROM a",
        "WITH a AS (SELECT 1) DELETE FROM b",
        "SELECT * FROM a FOR UPDATE",
        "COPY a FROM 's3://b/c' IAM_ROLE default",
        "UNLOAD ('SELECT 1') TO 's3://b/c' IAM_ROLE default",
        "CALL a()",
        "GRANT ALL ON a TO b",
        "SET search_path TO a",
        "BEGIN",
        "COMMIT",
        "VACUUM a",
        "LOCK a",
        "EXPLAIN DELETE FROM a",
        "PREPARE a AS DELETE FROM b",
        "DECLARE a CURSOR FOR SELECT 1",
        "SELECT pg_terminate_backend(1)",
        "SELECT Pg_Cancel_Backend(pid) FROM stv_recents",
        "SELECT " + "(" * 5000 + "1" + ")" * 5000,
        "SELECT 'open",
        "nonsense",
    ],
)
def test_only_one_query_that_reads_is_taken(sql: str) -> None:
    with pytest.raises(readonly.NotAQuery):
        readonly.check(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT 1;",
        "/* delete from a */ SELECT 'drop table a; --' AS \"into\"",
        "WITH a AS (SELECT 1 AS b) SELECT * FROM a UNION ALL SELECT 2 ORDER BY 1 LIMIT 3",
        "(SELECT 1) EXCEPT (SELECT 2)",
        'SELECT "update", COUNT(*) OVER (PARTITION BY "delete") FROM "raw"."set"',
        "SELECT REPLACE(a, 'x', 'y'), GETDATE() FROM b WHERE EXISTS (SELECT 1 FROM c)",
    ],
)
def test_a_query_that_reads_is_taken(sql: str) -> None:
    readonly.check(sql)


def test_redshifts_error_is_shown_as_it_is(client: FlaskClient) -> None:
    shown = get(client, "/warehouse/?sql=SELECT+*+FROM+no_such_table")
    assert "ERROR: relation &#34;no_such_table&#34; does not exist" in shown.text


def test_a_long_answer_is_cut_and_a_slow_one_cancelled(endpoint: Endpoint) -> None:
    data = endpoint.client("redshift-data")
    ten = f"WITH ten AS ({' UNION ALL '.join(f'SELECT {n} AS n' for n in range(10))})"
    found = ask(data, f"{ten} SELECT a.n FROM ten a, ten b, ten c, ten d LIMIT 1500")
    assert (len(found.rows), found.total) == (200, 1500)
    many = ", ".join(f"ten t{n}" for n in range(13))
    late = ask(data, f"{ten} SELECT SUM(t0.n * t12.n) FROM {many}", patience=0.3)
    assert "was cancelled" in late.error
