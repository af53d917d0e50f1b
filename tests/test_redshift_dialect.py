"""Redshift's SQL means here what it means there, and what Redshift refuses is refused."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etl_lib import ledger
from etl_lib.warehouse import statements_of
from tests.test_redshift_data import batch, data, rows, run  # noqa: F401  (data is a fixture)
from workbench import endpoint as local_aws
from workbench.home import REPOSITORY

SQL = REPOSITORY / "sql"
TABLES = """
CREATE TABLE IF NOT EXISTS {schema}.apartments (id BIGINT NOT NULL, title VARCHAR(400), source VARCHAR(200),
    price DECIMAL(12,2), currency VARCHAR(12), listing_created_on TIMESTAMP, is_active BOOLEAN,
    last_modified_timestamp TIMESTAMP) DISTKEY (id) SORTKEY (id);
CREATE TABLE IF NOT EXISTS {schema}.apartment_attributes (id BIGINT NOT NULL, category VARCHAR(400),
    bathrooms INTEGER, bedrooms INTEGER, square_feet INTEGER, pets_allowed VARCHAR(200),
    cityname VARCHAR(400), state VARCHAR(200), latitude DECIMAL(9,6), longitude DECIMAL(9,6));
CREATE TABLE IF NOT EXISTS {schema}.apartment_viewings (user_id INTEGER, apartment_id BIGINT, viewed_at TIMESTAMP,
    is_wishlisted BOOLEAN, call_to_action VARCHAR(200));
CREATE TABLE IF NOT EXISTS {schema}.bookings (booking_id BIGINT, user_id INTEGER, apartment_id BIGINT,
    booking_date DATE, checkin_date DATE, checkout_date DATE, booking_status VARCHAR(80),
    total_price DECIMAL(12,2), currency VARCHAR(12));
CREATE TABLE IF NOT EXISTS {schema}.fx_rates (currency VARCHAR(12), rate_date DATE, usd_per_unit DECIMAL(18,8));
"""  # noqa: E501


def fresh() -> str:
    return f"t_{uuid.uuid4().hex[:10]}"


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[Any]:
    """A warehouse of its own: what is made here has the names of the pipeline's tables."""
    yield local_aws.start(tmp_path / "aws").client("redshift-data")
    local_aws.stop(tmp_path / "aws")


@pytest.mark.parametrize(
    ("sql", "value"),
    [
        ("SELECT CAST(CAST('12' AS INT) AS VARCHAR(10))", "12"),
        ("SELECT s::varchar(2)::varchar(1) FROM (SELECT 'abc' AS s)", "a"),
        ("SELECT UPPER(s::varchar(2))::varchar(1) FROM (SELECT 'abc' AS s)", "A"),
        ("SELECT SUM(i)::varchar(9) FROM (SELECT 7 AS i UNION ALL SELECT 5)", "12"),
        ("SELECT LEN(RANDOM()::varchar(30)) > 0", True),
        ("SELECT CAST(CAST(FLOOR(2.5) AS BIGINT) AS VARCHAR(20))", "2"),
        ("SELECT 'aé€'::varchar(4)", "aé"),
    ],
)
def test_what_is_cast_to_varchar_may_be_any_expression(data: Any, sql: str, value: Any) -> None:  # noqa: F811
    assert rows(data, sql) == [[value]]


def test_every_statement_of_the_project_runs(empty: Any) -> None:
    assert batch(empty, *ledger.PREPARE)["Status"] == "FINISHED"
    scripts = [TABLES.format(schema=schema) for schema in ("curated", '"raw"')]
    for name in ("calendar", "curated", "presentation"):
        scripts.append((SQL / f"redshift/{name}.sql").read_text())
    for path in sorted((SQL / "redshift/presentation").glob("*.sql")):
        scripts.append(path.read_text())
    for path in sorted((SQL / "checks").glob("*.sql")):
        scripts.append(path.read_text())
    for script in scripts:
        for statement in statements_of(script):
            described = run(empty, statement)
            assert described["Status"] == "FINISHED", (statement, described["Error"])
    assert rows(empty, "SELECT COUNT(*), MIN(day), MAX(day) FROM curated.dim_date") == [
        [18_263, "2000-01-01", "2049-12-31"]
    ]


@pytest.mark.parametrize(
    "expression, value",
    [
        ("7 / 2", 3),
        ("-7 / 2", -3),
        ("7.0 / 2", 3.5),
        ("CAST(7 AS DOUBLE PRECISION) / 2", 3.5),
        ("(SELECT AVG(n) FROM (SELECT 1 AS n UNION ALL SELECT 2) AS t)", 1),
        ("(SELECT AVG(n * 1.0) FROM (SELECT 1 AS n UNION ALL SELECT 2) AS t)", 1.5),
        (
            "(SELECT MAX(a) FROM (SELECT AVG(n) OVER () AS a "
            "FROM (SELECT 1 AS n UNION ALL SELECT 2) AS t) AS u)",
            1,
        ),
        (
            "(SELECT LISTAGG(n, ',') WITHIN GROUP (ORDER BY n) "
            "FROM (SELECT 1 AS n UNION ALL SELECT 2) AS t)",
            "1,2",
        ),
        ("(SELECT MEDIAN(n) FROM (SELECT 1 AS n UNION ALL SELECT 2) AS t)", 1.5),
        ("DATEDIFF(month, DATE '2024-01-31', DATE '2024-02-01')", 1),
        ("DATEDIFF(year, DATE '2023-12-31', DATE '2024-01-01')", 1),
        ("DATEDIFF(hour, TIMESTAMP '2024-01-01 00:59:59', TIMESTAMP '2024-01-01 01:00:00')", 1),
        ("DATE_TRUNC('month', DATE '2024-02-15')", "2024-02-01 00:00:00"),
        ("DATEADD(day, 1, DATE '2024-02-28')", "2024-02-29 00:00:00"),
        ("NVL(NULL, 2)", 2),
        ("DECODE(2, 1, 'a', 2, 'b', 'c')", "b"),
        ("STRTOL('ff', 16)", 255),
        ("LEN('äb')", 2),
        ("OCTET_LENGTH('äb')", 3),
        ("TRUNC(TIMESTAMP '2024-01-02 03:04:05')", "2024-01-02"),
        ("FUNC_SHA1('a')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"),
        ("JSON_EXTRACT_PATH_TEXT('{\"a\": {\"b\": 1}}', 'a', 'b')", "1"),
        (
            "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', TIMESTAMP '2024-07-01 00:00:00')",
            "2024-07-01 02:00:00",
        ),
        ("CURRENT_DATABASE()", "dev"),
        (
            "(SELECT LISTAGG(DISTINCT s, '|') WITHIN GROUP (ORDER BY s) "
            "FROM (SELECT 'b' AS s UNION ALL SELECT 'a' UNION ALL SELECT 'b') AS t)",
            "a|b",
        ),
        ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661"),
        ("CASE WHEN 1 = 0 THEN CAST('fenced' AS INTEGER) ELSE 1 END", 1),
        (
            "CASE WHEN GETDATE() > TIMESTAMP '2020-01-01' "
            "AND SYSDATE > DATE '2020-01-01' THEN 1 END",
            1,
        ),
    ],
)
def test_expressions_mean_what_they_mean_in_redshift(
    data: Any,  # noqa: F811
    expression: str,
    value: Any,
) -> None:
    assert rows(data, f"SELECT {expression} AS v") == [[value]]


@pytest.mark.parametrize(
    "sql, message",
    [
        ("SELEC 1", 'syntax error at or near "SELEC"'),
        ("SELECT FROM WHERE", "syntax error at or near"),
        ("SELECT * FROM nowhere", 'relation "nowhere" does not exist'),
        ("SELECT nothing FROM target", 'column "nothing" does not exist'),
        ("SELECT 1 / 0", "Divide by zero"),
        ("INSERT INTO target VALUES (NULL, 'x')", "Cannot insert a NULL value into column id"),
        ("INSERT INTO target VALUES (1, 'äää')", "value too long for type character varying(5)"),
        ("INSERT INTO target VALUES (1, 'x') ON CONFLICT DO NOTHING", "ON CONFLICT"),
        ("INSERT INTO target VALUES (1, 'x') RETURNING id", "RETURNING"),
        ("CREATE INDEX i ON target (id)", "INDEX"),
        ("CREATE SEQUENCE s", "SEQUENCE"),
        ("CREATE TABLE c (n INTEGER CHECK (n > 0))", "CHECK"),
        ("CREATE TABLE c (n DECIMAL(39,0))", "DECIMAL precision"),
        ("CREATE TABLE c (n INTEGER[])", "ERROR"),
        ("SELECT ARRAY[1, 2]", "array"),
        ("SELECT [1, 2]", "array"),
        ("SELECT * FROM generate_series(1, 3)", "generate_series"),
        ("SELECT generate_series(1, 3)", "generate_series"),
        ("SELECT * FROM (VALUES (1)) AS v", "VALUES"),
        ("VALUES (1)", "ERROR"),
        ("SELECT * FROM read_parquet('/etc/passwd')", "read_parquet"),
        ("SELECT * FROM read_csv('/etc/passwd')", "read_csv"),
        ("SELECT * FROM read_text('/etc/passwd')", "read_text"),
        ("SELECT * FROM glob('/etc/x')", "syntax error"),
        ("SELECT * FROM range(3)", "range"),
        ("SELECT * FROM query('SELECT 1')", "query"),
        ("SELECT * FROM '/etc/passwd'", "ERROR"),
        ('SELECT * FROM "/tmp/x.parquet"', "ERROR"),
        ("SELECT * FROM duckdb_settings", "does not exist"),
        ("SELECT getenv('HOME')", "getenv() does not exist"),
        ("SELECT current_setting('threads')", "ERROR"),
        ("ATTACH '/tmp/x.db'", "ERROR"),
        ("COPY target TO '/tmp/x'", "ERROR"),
        ("PRAGMA database_list", "ERROR"),
        ("SET threads = 1", "ERROR"),
        ("INSTALL httpfs", "ERROR"),
        ("LOAD httpfs", "ERROR"),
        ("EXPORT DATABASE '/tmp/x'", "ERROR"),
        ("CALL pragma_version()", "ERROR"),
        ("CHECKPOINT", "ERROR"),
        ("FROM target", "ERROR"),
        ("CREATE MACRO m() AS 1", "ERROR"),
        ("CREATE TRIGGER x AFTER INSERT ON target EXECUTE PROCEDURE f()", "ERROR"),
        ("EXPLAIN SELECT 1", "ERROR"),
        ("BEGIN", "ERROR"),
        ("DROP VIEW main.rs_svv_tables", "does not exist"),
        ("CREATE SCHEMA main", "unacceptable schema name"),
        ("UNLOAD ('SELECT 1') TO 's3://b/k' IAM_ROLE 'x'", "ERROR"),
        ("CREATE MATERIALIZED VIEW c AS SELECT 1 AS n", "materialized view"),
        ("CREATE OR REPLACE TABLE c (n INTEGER)", "CREATE OR REPLACE TABLE"),
        ("CREATE TABLE c (n UUID)", "c_unsupported-postgresql-datatypes"),
        ("CREATE TABLE c (n TINYINT)", "TINYINT"),
        ("CREATE TABLE c (n GEOMETRY)", "GEOMETRY is not supported by the local"),
        ("SELECT DATE '2024-01-01'::VARCHAR", "put the literal in parentheses"),
        ("CREATE TABLE c (n CHAR(5000))", "4096"),
        ("CREATE TABLE c (oid INTEGER)", "system column"),
        ("CREATE TABLE c (n INTEGER, N INTEGER)", "more than once"),
        (f"CREATE TABLE c ({', '.join(f'c{n} INT' for n in range(1601))})", "1600 columns"),
        ("INSERT OR REPLACE INTO target VALUES (1, 'x')", "INSERT OR"),
        ("INSERT INTO target BY NAME SELECT 1 AS id", "BY NAME"),
        ("SELECT * REPLACE (1 AS id) FROM target", "REPLACE"),
        ("SELECT COLUMNS('i.*') FROM target", "COLUMNS"),
        ("SELECT * FROM target AS a ASOF JOIN target AS b ON a.id >= b.id", "ASOF"),
        ("SELECT DATEDIFF(week, DATE '2024-01-01', DATE '2024-02-01')", "DATEDIFF of weeks"),
        ("SELECT VERSION() FROM target", "VERSION"),
        ("SELECT * FROM pg_catalog.pg_class", "pg_class"),
        ("SELECT * FROM stl_query", "stl_query"),
        ("GRANT whatever", "ERROR"),
        ("VACUUM '", "ERROR"),
        ("ALTER TABLE target APPEND FROM target", "APPEND"),
        ("ALTER TABLE target ALTER COLUMN id TYPE INTEGER", "r_ALTER_TABLE"),
    ],
)
def test_what_redshift_refuses_is_refused(data: Any, sql: str, message: str) -> None:  # noqa: F811
    run(data, "CREATE TABLE IF NOT EXISTS target (id BIGINT NOT NULL, s VARCHAR(5))")
    described = run(data, sql)
    assert described["Status"] == "FAILED"
    assert described["Error"].startswith("ERROR: ")
    assert message in described["Error"]


def test_a_cast_in_a_branch_fails_only_when_the_branch_is_taken(data: Any) -> None:  # noqa: F811
    name = fresh()
    run(data, f"CREATE TABLE {name} (n INTEGER)")
    fence = (
        f"SELECT CASE WHEN EXISTS (SELECT 1 FROM {name}) "
        "THEN CAST('fenced: overtaken' AS INTEGER) ELSE 1 END AS v"
    )
    assert rows(data, fence) == [[1]]
    run(data, f"INSERT INTO {name} VALUES (1)")
    assert run(data, fence)["Error"] == (
        'ERROR: invalid input syntax for integer: "fenced: overtaken"'
    )


def test_storage_attributes_are_read_and_keys_are_not_enforced(data: Any) -> None:  # noqa: F811
    name = fresh()
    created = run(
        data,
        f"CREATE TABLE {name} (id BIGINT ENCODE az64 DISTKEY PRIMARY KEY, s VARCHAR(MAX) SORTKEY, "
        "UNIQUE (s)) DISTSTYLE KEY",
    )
    assert created["Status"] == "FINISHED", created["Error"]
    described = run(data, f"INSERT INTO {name} VALUES (1, 'a'), (1, 'a')")
    assert described["Status"] == "FINISHED"
    assert described["ResultRows"] == 2
    for harmless in ("ANALYZE", "VACUUM", "GRANT SELECT ON"):
        tail = " TO PUBLIC" if harmless.startswith("GRANT") else ""
        assert run(data, f"{harmless} {name}{tail}")["Status"] == "FINISHED"


def test_lengths_are_bytes_and_outlive_like_and_alter(data: Any) -> None:  # noqa: F811
    name, copied = fresh(), fresh()
    run(data, f"CREATE TABLE {name} (id INTEGER NOT NULL DEFAULT 7, s VARCHAR(3), c CHAR(2))")
    assert "ASCII" in run(data, f"INSERT INTO {name} VALUES (1, 'a', 'ä')")["Error"]
    run(data, f"INSERT INTO {name} VALUES (1, 'abc', 'ab')")
    run(data, f"CREATE TABLE {copied} (LIKE {name})")
    assert (
        "NULL value into column id" in run(data, f"INSERT INTO {copied} (s) VALUES ('a')")["Error"]
    )
    assert "varying(3)" in run(data, f"INSERT INTO {copied} VALUES (1, 'abcd', 'a')")["Error"]
    assert run(data, f"ALTER TABLE {name} ALTER COLUMN s TYPE VARCHAR(4)")["Status"] == "FINISHED"
    added = run(data, f"ALTER TABLE {name} ADD COLUMN added VARCHAR(2)")
    assert added["Status"] == "FINISHED", added["Error"]
    assert "varying(2)" in run(data, f"INSERT INTO {name} (added) VALUES ('abc')")["Error"]
    run(data, f"INSERT INTO {name} (s, added) VALUES ('abcd', 'x')")
    assert rows(data, f"SELECT * FROM {name} ORDER BY id") == [
        [1, "abc", "ab", None], [7, "abcd", None, "x"],
    ]  # fmt: skip
    listed = f"SELECT \"column\", type FROM pg_table_def WHERE tablename = '{name}'"
    assert rows(data, listed) == [
        ["id", "integer"],
        ["s", "character varying(4)"],
        ["c", "character(2)"],
        ["added", "character varying(2)"],
    ]
    run(data, f"ALTER TABLE {name} ADD PRIMARY KEY (id)")
    assert run(data, f"INSERT INTO {name} (id) VALUES (1)")["Status"] == "FINISHED"


def test_names_are_folded(data: Any) -> None:  # noqa: F811
    name = fresh()
    run(data, f'CREATE TABLE "{name.upper()}" ("ID" INTEGER)')
    run(data, f"INSERT INTO {name} (Id) VALUES (1)")
    assert rows(data, f"SELECT iD FROM {name.upper()}") == [[1]]


GOOD_MERGE = (
    "MERGE INTO {t} USING {s} AS s ON {t}.id = s.id WHEN MATCHED THEN UPDATE SET v = s.v "
    "WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)"
)


@pytest.fixture
def tables(data: Any) -> dict[str, str]:  # noqa: F811
    names = {"t": fresh(), "s": fresh()}
    run(data, f"CREATE TABLE {names['t']} AS SELECT 1 AS id, 'old' AS v")
    run(
        data,
        f"CREATE TABLE {names['s']} AS SELECT 1 AS id, 'new' AS v UNION ALL SELECT 2, 'two'",
    )
    return names


def test_merge_delete_using_and_update_from(data: Any, tables: dict[str, str]) -> None:  # noqa: F811
    t, s = tables["t"], tables["s"]
    assert run(data, GOOD_MERGE.format(**tables))["Status"] == "FINISHED"
    assert rows(data, f"SELECT id, v FROM {t} ORDER BY id") == [[1, "new"], [2, "two"]]
    run(data, f"UPDATE {t} SET v = g.v || '!' FROM {s} AS g WHERE public.{t}.id = g.id")
    run(data, f"DELETE FROM public.{t} USING {s} AS g WHERE public.{t}.id = g.id AND g.id = 1")
    assert rows(data, f"SELECT id, v FROM {t}") == [[2, "two!"]]


def test_merge_deletes_and_inserts_without_a_column_list(
    data: Any,  # noqa: F811
    tables: dict[str, str],
) -> None:
    t, s = tables["t"], tables["s"]
    merged = run(
        data,
        f"-- a comment first\nMERGE INTO {t} USING {s} AS s ON {t}.id = s.id "
        "WHEN MATCHED THEN DELETE WHEN NOT MATCHED THEN INSERT VALUES (s.id, s.v)",
    )
    assert merged["Status"] == "FINISHED", merged["Error"]
    assert rows(data, f"SELECT id, v FROM {t}") == [[2, "two"]]


def test_merge_from_a_subquery(data: Any, tables: dict[str, str]) -> None:  # noqa: F811
    run(data, f"INSERT INTO {tables['s']} VALUES (1, 'new')")
    once = GOOD_MERGE.replace("USING {s}", "USING (SELECT id, v FROM {s} GROUP BY 1, 2)")
    merged = run(data, once.format(**tables))
    assert merged["Status"] == "FINISHED", merged["Error"]
    assert rows(data, f"SELECT id, v FROM {tables['t']} ORDER BY id") == [[1, "new"], [2, "two"]]


def test_merge_of_several_rows_onto_one_fails(data: Any, tables: dict[str, str]) -> None:  # noqa: F811
    run(data, f"INSERT INTO {tables['s']} VALUES (1, 'again')")
    assert "multiple matches" in run(data, GOOD_MERGE.format(**tables))["Error"]


def test_merge_removes_duplicates_only_of_rows_that_match(data: Any) -> None:  # noqa: F811
    t, s = fresh(), fresh()
    for name in (t, s):
        run(data, f"CREATE TABLE {name} (id INTEGER, v VARCHAR(9))")
    run(data, f"INSERT INTO {t} VALUES (30, 'a'), (30, 'b'), (11, 'c'), (23, 'd'), (23, 'e')")
    run(data, f"INSERT INTO {s} VALUES (23, 'new'), (22, 'one'), (NULL, 'none')")
    merge = f"MERGE INTO {t} USING {s} AS g ON {t}.id = g.id REMOVE DUPLICATES"
    merged = run(data, merge)
    assert merged["Status"] == "FINISHED", merged["Error"]
    assert merged["ResultRows"] == 3
    held = f"SELECT id, v FROM {t} ORDER BY id, v"
    left = [[11, "c"], [22, "one"], [23, "new"], [30, "a"], [30, "b"], [None, "none"]]
    assert rows(data, held) == left
    run(data, f"INSERT INTO {s} VALUES (23, 'again')")
    assert "multiple matches" in run(data, merge)["Error"]
    assert rows(data, held) == left


@pytest.mark.parametrize(
    "old, new",
    [
        ("MERGE INTO {t} USING", "MERGE INTO {t} AS x USING"),
        (" WHEN NOT MATCHED THEN INSERT (id, v) VALUES (s.id, s.v)", ""),
        ("WHEN MATCHED THEN", "WHEN MATCHED AND s.id > 1 THEN"),
        ("{t}.id = s.id", "{t}.id > s.id"),
        ("USING {s} AS s", "USING (SELECT * FROM {t}) AS s"),
        ("USING {s} AS s", "USING (SELECT * FROM public.{t}) AS s"),
        ("SET v =", "SET {t}.v ="),
    ],
)
def test_merge_takes_only_what_redshift_takes(
    data: Any,  # noqa: F811
    tables: dict[str, str],
    old: str,
    new: str,
) -> None:
    assert old in GOOD_MERGE
    described = run(data, GOOD_MERGE.replace(old, new).format(**tables))
    assert described["Status"] == "FAILED"
    assert "r_MERGE" in described["Error"]
