# ruff: noqa: E501 (a statement stands on one line)
"""Statements with the outcome that AWS's documentation gives, and the page that gives it.

``accepted`` ones run; with a second item, they return it. ``refused`` ones fail on Redshift, and
here with a message that has the second item in it. ``unsupported`` ones run on Redshift, and nobody
here executes them: the local Redshift says so by name. ``{n}`` is a name that nothing else has;
the tables of ``SETUP`` are there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

SETUP = (
    "CREATE TABLE corpus_t (id BIGINT NOT NULL, n INTEGER, s VARCHAR(5), d DATE, x DECIMAL(10,2))",
    "INSERT INTO corpus_t VALUES (1, 10, 'a', '2024-01-31', 1.50), (2, 20, 'b', '2024-02-29', 2.25),"
    " (3, NULL, NULL, NULL, NULL)",
    "CREATE TABLE corpus_u (id BIGINT, n INTEGER)",
    "INSERT INTO corpus_u VALUES (1, 100), (4, 400)",
)

MORE = (
    "CREATE TABLE corpus_a (id INTEGER, s VARCHAR(5), gone INTEGER, dropped INTEGER)",
    "CREATE TABLE corpus_c (c CHAR(2))",
    "CREATE TABLE corpus_d (id INTEGER)",
    "CREATE TABLE corpus_v (id BIGINT, n INTEGER)",
    "CREATE TABLE corpus_twice (id BIGINT, n INTEGER)",
    "INSERT INTO corpus_twice VALUES (1, 1), (1, 2)",
)


@dataclass(frozen=True)
class Page:
    """A page of the documentation, and what it says of these statements."""

    name: str
    accepted: Sequence[str | tuple[str, Any]] = ()
    refused: Sequence[tuple[str, str]] = ()
    unsupported: Sequence[tuple[str, str]] = ()
    differs: Sequence[tuple[str, Any]] = ()  # known: Redshift returns something else than this


MERGE = "MERGE INTO corpus_t USING corpus_u {0} WHEN MATCHED THEN {1} WHEN NOT MATCHED THEN {2}"
ON = "ON corpus_t.id = corpus_u.id"
SET = "UPDATE SET n = corpus_u.n"
PUT = "INSERT (id, n) VALUES (corpus_u.id, corpus_u.n)"

TABLES = (
    Page(
        "r_CREATE_TABLE_NEW.html",
        accepted=(
            "CREATE TABLE {n} (id INTEGER)",
            "CREATE TABLE IF NOT EXISTS corpus_t (id INTEGER)",
            "CREATE TEMP TABLE {n} (id INTEGER)",
            "CREATE TEMPORARY TABLE {n} (id INTEGER)",
            "CREATE TABLE {n} (id INTEGER NOT NULL, s VARCHAR(20) DEFAULT 'x')",
            "CREATE TABLE {n} (id INTEGER PRIMARY KEY, s VARCHAR(20) UNIQUE)",
            "CREATE TABLE {n} (id INTEGER, s VARCHAR(20), PRIMARY KEY (id), UNIQUE (s))",
            "CREATE TABLE {n} (id INTEGER REFERENCES corpus_t (id))",
            "CREATE TABLE {n} (id INTEGER, FOREIGN KEY (id) REFERENCES corpus_t (id))",
            "CREATE TABLE {n} (id INTEGER DISTKEY)",
            "CREATE TABLE {n} (id INTEGER SORTKEY)",
            "CREATE TABLE {n} (id INTEGER DISTKEY SORTKEY)",
            "CREATE TABLE {n} (id INTEGER ENCODE az64)",
            "CREATE TABLE {n} (id INTEGER ENCODE raw, s VARCHAR(9) ENCODE zstd)",
            "CREATE TABLE {n} (s VARCHAR(9) ENCODE lzo)",
            "CREATE TABLE {n} (id INTEGER) DISTSTYLE ALL",
            "CREATE TABLE {n} (id INTEGER) DISTSTYLE EVEN",
            "CREATE TABLE {n} (id INTEGER) DISTSTYLE AUTO",
            "CREATE TABLE {n} (id INTEGER) DISTSTYLE KEY DISTKEY (id)",
            "CREATE TABLE {n} (id INTEGER) DISTKEY (id) SORTKEY (id)",
            "CREATE TABLE {n} (id INTEGER, s VARCHAR(9)) COMPOUND SORTKEY (id, s)",
            "CREATE TABLE {n} (id INTEGER, s VARCHAR(9)) INTERLEAVED SORTKEY (id, s)",
            "CREATE TABLE {n} (id INTEGER) SORTKEY AUTO",
            "CREATE TABLE {n} (id INTEGER) BACKUP NO",
            "CREATE TABLE {n} (LIKE corpus_t)",
            "CREATE TABLE {n} (LIKE corpus_t INCLUDING DEFAULTS)",
            'CREATE TABLE {n} ("order" INTEGER, "User" VARCHAR(5))',
            "CREATE TABLE {n} (created TIMESTAMP DEFAULT GETDATE())",
            "CREATE TABLE {n} (created TIMESTAMP DEFAULT SYSDATE)",
        ),
        refused=(
            ("CREATE OR REPLACE TABLE {n} (id INTEGER)", "CREATE OR REPLACE TABLE"),
            ("CREATE TABLE {n} ()", "syntax error"),
            ("CREATE TABLE corpus_t (id INTEGER)", "already exists"),
            ("CREATE TABLE {n} (id INTEGER, id INTEGER)", "more than once"),
            ("CREATE TABLE {n} (id INTEGER, ID INTEGER)", "more than once"),
            ('CREATE TABLE {n} (id INTEGER, "ID" INTEGER)', "more than once"),
            ("CREATE TABLE {n} (id INTEGER CHECK (id > 0))", "CHECK"),
            ("CREATE TABLE {n} (id INTEGER, CHECK (id > 0))", "CHECK"),
            ("CREATE UNLOGGED TABLE {n} (id INTEGER)", "UNLOGGED"),
            ("CREATE TABLE {n} (id INTEGER GENERATED ALWAYS AS (1) STORED)", "ERROR"),
            ("CREATE TABLE {n} (id INTEGER) INHERITS (corpus_t)", "ERROR"),
            ("CREATE TABLE {n} (id INTEGER) PARTITION BY RANGE (id)", "ERROR"),
            (f"CREATE TABLE {{n}} ({', '.join(f'c{n} INT' for n in range(1601))})", "1600 columns"),
        ),
        unsupported=(("CREATE TABLE {n} (id BIGINT IDENTITY(1, 1))", "IDENTITY"),),
    ),
    Page(
        "r_CREATE_TABLE_AS.html",
        accepted=(
            "CREATE TABLE {n} AS SELECT id, n FROM corpus_t",
            "CREATE TABLE {n} DISTSTYLE EVEN AS SELECT 1 AS id",
            "CREATE TEMP TABLE {n} AS SELECT 1 AS id",
            "CREATE TABLE {n} DISTKEY (id) SORTKEY (id) AS SELECT id FROM corpus_t",
        ),
        refused=(("CREATE TABLE {n} AS SELECT 1 AS a, 2 AS a", "more than once"),),
    ),
    Page(
        "r_names.html",
        accepted=(
            ('SELECT 1 AS "a b"', [[1]]),
            ('SELECT ID FROM "CORPUS_T" WHERE Id = 1', [[1]]),
            'CREATE TABLE {n} ("#x" INTEGER, "a-b" INTEGER, "東京" INTEGER, _a1$ INTEGER)',
            f'CREATE TABLE {{n}} ("{"x" * 127}" INTEGER)',
        ),
        refused=(
            (f'CREATE TABLE {{n}} ("{"x" * 128}" INTEGER)', "longer than 127 bytes"),
            (f'CREATE TABLE {{n}} ("{"é" * 64}" INTEGER)', "longer than 127 bytes"),
            ("CREATE TABLE {n} (1a INTEGER)", "syntax error"),
            ("SELECT 1 AS a-b", "ERROR"),
            ('SELECT "no such" FROM corpus_t', "does not exist"),
        ),
    ),
    Page(
        "r_pg_keywords.html",
        accepted=(
            'CREATE TABLE {n} ("tag" INTEGER, "user" INTEGER, "raw" INTEGER, "order" INTEGER)',
            "CREATE TABLE {n} (name VARCHAR(9), value INTEGER, key INTEGER, status INTEGER)",
        ),
        refused=tuple(
            (f"CREATE TABLE {{n}} ({word} INTEGER)", "syntax error")
            for word in (
                "user",
                "tag",
                "order",
                "group",
                "table",
                "select",
                "default",
                "end",
                "system",
                "open",
                "wallet",
                "percent",
                "offset",
                "snapshot",
                "permissions",
                "raw",
                "identity",
                "top",
                "new",
                "old",
                "minus",
                "timestamp",
                "encode",
                "analyse",
                "backup",
                "binary",
                "check",
                "column",
                "disable",
                "partition",
                "primary",
                "resort",
            )
        )
        + (("SELECT 1 FROM raw.x", "reserved word"), ("CREATE SCHEMA raw", "reserved word")),
    ),
    Page(
        "r_DROP_TABLE.html",
        accepted=("DROP TABLE IF EXISTS {n}", "DROP TABLE IF EXISTS {n} CASCADE"),
        refused=(("DROP TABLE {n}", "does not exist"), ("DROP TABLE", "syntax error")),
    ),
    Page(
        "r_CREATE_VIEW.html",
        accepted=(
            "CREATE VIEW {n} AS SELECT id FROM corpus_t",
            "CREATE OR REPLACE VIEW {n} AS SELECT id FROM corpus_t",
            "CREATE VIEW {n} AS SELECT id FROM public.corpus_t WITH NO SCHEMA BINDING",
        ),
        refused=(("CREATE VIEW {n} AS SELECT nothing FROM corpus_t", "does not exist"),),
        unsupported=(("CREATE MATERIALIZED VIEW {n} AS SELECT 1 AS n", "materialized view"),),
    ),
    Page(
        "r_CREATE_SCHEMA.html",
        accepted=("CREATE SCHEMA {n}", "CREATE SCHEMA IF NOT EXISTS public"),
        refused=(("CREATE SCHEMA public", "already exists"), ("CREATE SCHEMA", "syntax error")),
    ),
    Page(
        "r_ALTER_TABLE.html",
        accepted=(
            "ALTER TABLE corpus_a ADD COLUMN {n} INTEGER",
            "ALTER TABLE corpus_a ADD COLUMN {n} VARCHAR(5) DEFAULT 'x'",
            "ALTER TABLE corpus_a ALTER COLUMN s TYPE VARCHAR(50)",
            "ALTER TABLE corpus_a RENAME COLUMN gone TO {n}",
            "ALTER TABLE corpus_a DROP COLUMN dropped",
            "ALTER TABLE corpus_a ADD PRIMARY KEY (id)",
            "ALTER TABLE corpus_a ADD CONSTRAINT {n} UNIQUE (id)",
        ),
        refused=(
            ("ALTER TABLE corpus_a ADD COLUMN a INTEGER, ADD COLUMN b INTEGER", "More than one"),
            ("ALTER TABLE corpus_a ALTER COLUMN id TYPE INTEGER", "other than TYPE VARCHAR"),
            ("ALTER TABLE corpus_a ADD COLUMN id INTEGER", "already exists"),
            ("ALTER TABLE corpus_a DROP COLUMN nothing", "does not exist"),
            ("ALTER TABLE nowhere ADD COLUMN a INTEGER", "does not exist"),
            ("ALTER TABLE corpus_a ALTER COLUMN s SET NOT NULL", "ERROR"),
        ),
        unsupported=(
            ("ALTER TABLE corpus_a ALTER DISTSTYLE ALL", "ALTER DISTSTYLE"),
            ("ALTER TABLE corpus_a ALTER SORTKEY (id)", "ALTER SORTKEY"),
            ("ALTER TABLE corpus_a APPEND FROM corpus_u", "APPEND"),
        ),
    ),
)

TYPES = (
    Page(
        "r_Numeric_types201.html",
        accepted=(
            "CREATE TABLE {n} (a SMALLINT, b INTEGER, c BIGINT, d DECIMAL(38,37), e REAL, f FLOAT)",
            "CREATE TABLE {n} (a INT2, b INT4, c INT8, d NUMERIC, e FLOAT4, f FLOAT8, g FLOAT(24))",
            ("SELECT CAST(32767 AS SMALLINT)", [[32767]]),
            ("SELECT CAST('9223372036854775807' AS BIGINT)", [[9223372036854775807]]),
            ("SELECT CAST(1.005 AS DECIMAL(10,2))", [["1.01"]]),
            ("SELECT CAST('1' AS DECIMAL)", [["1"]]),
            ("SELECT 12345.6789::DECIMAL(10,2)", [["12345.68"]]),
            (
                "SELECT CAST(2.5 AS INTEGER), CAST(3.5 AS INTEGER), CAST(-2.5 AS INTEGER)",
                [[3, 4, -3]],
            ),
        ),
        differs=(  # Redshift's DECIMAL(19,0) ends with a signed 64-bit integer
            ("SELECT CAST('9999999999999999999' AS DECIMAL(19,0))", [["9999999999999999999"]]),
        ),
        refused=(
            ("CREATE TABLE {n} (a DECIMAL(39,0))", "DECIMAL precision"),
            ("CREATE TABLE {n} (a DECIMAL(38,38))", "ERROR"),
            ("CREATE TABLE {n} (a NUMERIC(0,0))", "ERROR"),
            ("CREATE TABLE {n} (a DECIMAL(5,6))", "ERROR"),
            ("SELECT CAST(32768 AS SMALLINT)", "ERROR"),
            ("SELECT CAST('x' AS INTEGER)", "invalid input syntax"),
            ("SELECT CAST(99999999999 AS INTEGER)", "ERROR"),
            ("SELECT CAST(12345.6789 AS DECIMAL(4,2))", "ERROR"),
            ("INSERT INTO corpus_u (n) VALUES (2147483648)", "ERROR"),
        ),
    ),
    Page(
        "r_Character_types.html",
        accepted=(
            "CREATE TABLE {n} (a VARCHAR(65535), b CHAR(4096), c VARCHAR(MAX), d TEXT, e BPCHAR)",
            "CREATE TABLE {n} (a NVARCHAR(10), b NCHAR(10), c CHARACTER VARYING(10), d CHARACTER(3))",
            ("SELECT CAST('abcdef' AS VARCHAR(3))", [["abc"]]),
            ("SELECT LEN('a  '), LEN(CAST('a' AS CHAR(5)))", [[3, 1]]),
            ("SELECT OCTET_LENGTH('é')", [[2]]),
        ),
        differs=(("SELECT 'a' = 'a  '", [[False]]),),
        refused=(
            ("CREATE TABLE {n} (a VARCHAR(65536))", "cannot exceed 65535"),
            ("CREATE TABLE {n} (a CHAR(4097))", "cannot exceed 4096"),
            ("CREATE TABLE {n} (a VARCHAR(0))", "ERROR"),
            ("INSERT INTO corpus_t (id, s) VALUES (9, 'abcdef')", "value too long"),
            ("INSERT INTO corpus_t (id, s) VALUES (9, 'ééé')", "value too long"),
            ("INSERT INTO corpus_c (c) VALUES ('é')", "ASCII"),
        ),
    ),
    Page(
        "r_Datetime_types.html",
        accepted=(
            "CREATE TABLE {n} (a DATE, b TIMESTAMP, c TIMESTAMPTZ, d TIME, e TIMETZ)",
            ("SELECT DATE '2024-02-29'", [["2024-02-29"]]),
            ("SELECT CAST('2024-01-02 03:04:05.678' AS TIMESTAMP)", [["2024-01-02 03:04:05.678"]]),
            ("SELECT DATE '2024-12-31' + 1", [["2025-01-01"]]),
            ("SELECT DATE '2024-03-01' - DATE '2024-02-01'", [[29]]),
        ),
        refused=(
            ("SELECT DATE '2023-02-29'", "ERROR"),
            ("SELECT CAST('not a date' AS DATE)", "ERROR"),
            ("SELECT CAST('2024-13-01' AS DATE)", "ERROR"),
            ("SELECT TIMESTAMP '2024-01-01 25:00:00'", "ERROR"),
        ),
    ),
    Page(
        "r_VARBYTE_type.html",
        accepted=(
            "CREATE TABLE {n} (a VARBYTE, b VARBYTE(10), c VARBINARY(20), d BINARY VARYING(5))",
            ("SELECT TO_HEX(FROM_HEX('00ff'))", [["00ff"]]),
        ),
    ),
    Page(
        "c_unsupported-postgresql-datatypes.html",
        refused=tuple(
            (f"CREATE TABLE {{n}} (a {kind})", "ERROR")
            for kind in (
                "INTEGER[]",
                "TEXT[]",
                "BIT(3)",
                "BIT VARYING(3)",
                "BYTEA",
                "JSON",
                "JSONB",
                "UUID",
                "XML",
                "SERIAL",
                "BIGSERIAL",
                "MONEY",
                "INET",
                "CIDR",
                "MACADDR",
                "POINT",
                "LINE",
                "BOX",
                "CIRCLE",
                "TSVECTOR",
                "HSTORE",
                "OID",
                "NAME",
                "TINYINT",
                "HUGEINT",
                "UINTEGER",
                "BLOB",
                "STRUCT(a INTEGER)",
                "MAP(INTEGER, INTEGER)",
                "ENUM('a', 'b')",
                "DATETIME64",
                "INT128",
            )
        ),
        unsupported=tuple(
            (f"CREATE TABLE {{n}} (a {kind})", kind)
            for kind in ("SUPER", "GEOMETRY", "GEOGRAPHY", "HLLSKETCH")
        ),
    ),
)

WRITES = (
    Page(
        "r_MERGE.html",
        accepted=(
            MERGE.format(ON, SET, PUT),
            MERGE.format(ON, "DELETE", PUT),
            MERGE.format(ON, SET, "INSERT (id) VALUES (corpus_u.id)"),
            MERGE.format(
                "AS s ON corpus_t.id = s.id",
                "UPDATE SET n = s.n, s = 'x'",
                "INSERT (id, n) VALUES (s.id, s.n)",
            ),
            MERGE.format(
                "AS s ON corpus_t.id = s.id AND corpus_t.n = s.n",
                "UPDATE SET s = 'x'",
                "INSERT (id, n) VALUES (s.id, s.n)",
            ),
        ),
        refused=(
            (f"MERGE INTO corpus_t USING corpus_u {ON} WHEN MATCHED THEN {SET}", "r_MERGE"),
            (f"MERGE INTO corpus_t USING corpus_u {ON} WHEN NOT MATCHED THEN {PUT}", "r_MERGE"),
            (
                MERGE.format(ON, SET, PUT).replace(
                    "MATCHED THEN U", "MATCHED AND corpus_u.n > 1 THEN U"
                ),
                "r_MERGE",
            ),
            (MERGE.format(ON, SET, PUT).replace("INTO corpus_t", "INTO corpus_t AS a"), "r_MERGE"),
            (MERGE.format("ON corpus_t.id > corpus_u.id", SET, PUT), "r_MERGE"),
            (MERGE.format("ON corpus_t.id = corpus_u.id OR corpus_t.n = 1", SET, PUT), "r_MERGE"),
            (MERGE.format("ON corpus_t.id IN (corpus_u.id)", SET, PUT), "r_MERGE"),
            (MERGE.format(ON, "UPDATE SET corpus_t.n = corpus_u.n", PUT), "r_MERGE"),
            (MERGE.format(ON, "DO NOTHING", PUT), "ERROR"),
            ("WITH w AS (SELECT 1 AS id) " + MERGE.format(ON, SET, PUT), "ERROR"),
            (MERGE.format(ON, SET, PUT).replace("USING corpus_u", "USING corpus_t"), "ERROR"),
            (MERGE.format(ON, SET, PUT) + " WHEN NOT MATCHED BY SOURCE THEN DELETE", "r_MERGE"),
            (MERGE.format(ON, SET, PUT) + " WHEN MATCHED THEN DELETE", "r_MERGE"),
            (MERGE.format(ON, SET, PUT) + " RETURNING id", "ERROR"),
            (MERGE.format(ON, SET, "INSERT (nothing) VALUES (1)"), "does not exist"),
            (
                "MERGE INTO nowhere USING corpus_u ON nowhere.id = corpus_u.id WHEN MATCHED THEN DELETE "
                "WHEN NOT MATCHED THEN INSERT VALUES (1)",
                "does not exist",
            ),
            (MERGE.format(ON, SET, PUT).replace("corpus_u", "corpus_twice"), "multiple matches"),
        ),
        unsupported=(
            (
                "MERGE INTO corpus_u USING corpus_v ON corpus_u.id = corpus_v.id REMOVE DUPLICATES",
                "REMOVE DUPLICATES",
            ),
        ),
    ),
    Page(
        "r_INSERT_30.html",
        accepted=(
            "INSERT INTO corpus_u VALUES (7, 7)",
            "INSERT INTO corpus_u (n, id) VALUES (7, 8), (NULL, 9)",
            "INSERT INTO corpus_u SELECT id, n FROM corpus_t",
            "INSERT INTO corpus_u (id) VALUES (DEFAULT)",
            "INSERT INTO corpus_u DEFAULT VALUES",
            "INSERT INTO corpus_u (SELECT 1, 2)",
        ),
        refused=(
            ("INSERT INTO corpus_u VALUES (1, 2) ON CONFLICT DO NOTHING", "ON CONFLICT"),
            (
                "INSERT INTO corpus_u VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = 1",
                "ON CONFLICT",
            ),
            ("INSERT INTO corpus_u VALUES (1, 2) RETURNING id", "RETURNING"),
            ("INSERT INTO corpus_u VALUES (1, 2, 3)", "ERROR"),
            ("INSERT INTO corpus_t (n) VALUES (1)", "Cannot insert a NULL value"),
            ("INSERT INTO corpus_u (nothing) VALUES (1)", "does not exist"),
            ("INSERT INTO nowhere VALUES (1)", "does not exist"),
            ("INSERT OVERWRITE corpus_u VALUES (1, 2)", "ERROR"),
            ("INSERT OR REPLACE INTO corpus_u VALUES (1, 2)", "ERROR"),
            ("REPLACE INTO corpus_u VALUES (1, 2)", "ERROR"),
            ("UPSERT INTO corpus_u VALUES (1, 2)", "ERROR"),
        ),
    ),
    Page(
        "r_UPDATE.html",
        accepted=(
            "UPDATE corpus_u SET n = n + 1",
            "UPDATE corpus_u SET n = corpus_t.n FROM corpus_t WHERE corpus_u.id = corpus_t.id",
            "UPDATE corpus_u SET n = DEFAULT WHERE id = 1",
            "UPDATE corpus_u SET n = (SELECT MAX(n) FROM corpus_t) WHERE id IN (SELECT id FROM corpus_t)",
        ),
        refused=(
            ("UPDATE corpus_u SET nothing = 1", "does not exist"),
            ("UPDATE corpus_u SET n = 1 RETURNING n", "RETURNING"),
            ("UPDATE corpus_t SET id = NULL", "Cannot insert a NULL value"),
            ("UPDATE corpus_t SET s = 'abcdef'", "value too long"),
            ("UPDATE corpus_u SET n = 1 LIMIT 1", "ERROR"),
        ),
    ),
    Page(
        "r_DELETE.html",
        accepted=(
            "DELETE FROM corpus_d WHERE id = 1",
            "DELETE FROM corpus_d USING corpus_u WHERE corpus_d.id = corpus_u.id",
            "DELETE corpus_d WHERE id = 2",
            "DELETE FROM corpus_d",
        ),
        refused=(
            ("DELETE FROM nowhere", "does not exist"),
            ("DELETE FROM corpus_d RETURNING id", "RETURNING"),
            ("DELETE FROM corpus_d LIMIT 1", "ERROR"),
        ),
    ),
    Page(
        "r_TRUNCATE.html",
        accepted=("TRUNCATE corpus_d", "TRUNCATE TABLE corpus_d"),
        refused=(
            ("TRUNCATE nowhere", "does not exist"),
            ("TRUNCATE corpus_d, corpus_u", "ERROR"),
            ("TRUNCATE corpus_d CASCADE", "ERROR"),
            ("TRUNCATE corpus_d RESTART IDENTITY", "ERROR"),
        ),
    ),
    Page("r_VACUUM_command.html", accepted=("VACUUM corpus_t", "VACUUM FULL corpus_t", "VACUUM")),
    Page("r_ANALYZE.html", accepted=("ANALYZE corpus_t", "ANALYZE corpus_t (id)", "ANALYZE")),
    Page(
        "r_LOCK.html",
        accepted=("LOCK corpus_t", "LOCK TABLE corpus_t, corpus_u"),
        refused=(("LOCK TABLE nowhere", "does not exist"),),
    ),
)

QUERIES = (
    Page(
        "r_SELECT_synopsis.html",
        accepted=(
            ("SELECT COUNT(*) FROM corpus_t", [[3]]),
            ("SELECT TOP 1 id FROM corpus_t ORDER BY id", [[1]]),
            ("SELECT id FROM corpus_t ORDER BY id LIMIT 1 OFFSET 1", [[2]]),
            ("SELECT DISTINCT 1 FROM corpus_t", [[1]]),
            ("WITH w AS (SELECT 1 AS a) SELECT a FROM w", [[1]]),
            ("SELECT id FROM corpus_t WHERE id = 1 UNION ALL SELECT 5 ORDER BY 1", [[1], [5]]),
            ("SELECT 1 INTERSECT SELECT 1", [[1]]),
            ("SELECT 1 EXCEPT SELECT 2", [[1]]),
            ("SELECT 1 MINUS SELECT 2", [[1]]),
            (
                "SELECT t.id FROM corpus_t t LEFT JOIN corpus_u u ON u.id = t.id WHERE u.id IS NULL "
                "ORDER BY 1",
                [[2], [3]],
            ),
            ("SELECT id FROM corpus_t JOIN corpus_u USING (id)", [[1]]),
            (
                "SELECT id FROM corpus_t WHERE EXISTS (SELECT 1 FROM corpus_u WHERE corpus_u.id = "
                "corpus_t.id)",
                [[1]],
            ),
            ("SELECT s, COUNT(*) FROM corpus_t GROUP BY s HAVING COUNT(*) > 1", []),
            ("SELECT 7 / 2, -7 / 2, 7 % 2", [[3, -3, 1]]),
            (
                "SELECT 1 WHERE 'abc' LIKE 'a%' AND 'ABC' ILIKE 'a%' AND 'abc' SIMILAR TO 'a(b|c)+'",
                [[1]],
            ),
            ("SELECT 1 WHERE 'abc' ~ '^a'", [[1]]),
            ("SELECT 'a' || 'b' || NULL", [[None]]),
        ),
        refused=(
            ("SELECT * FROM nowhere", "does not exist"),
            ("SELECT nothing FROM corpus_t", "does not exist"),
            ("SELECT id, COUNT(*) FROM corpus_t", "ERROR"),
            ("SELECT 1 / 0", "Divide by zero"),
            ("SELECT (SELECT id FROM corpus_t)", "ERROR"),
            ("SELECT id FROM corpus_t WHERE COUNT(*) > 1", "ERROR"),
            ("SELECT 1 FROM corpus_t, corpus_u WHERE id = 1", "ambiguous"),
            ("SELEC 1", "syntax error"),
            ("SELECT FROM corpus_t WHERE", "syntax error"),
            ("SELECT 1; SELECT 2", "ERROR"),
            ("SELECT 'unterminated", "ERROR"),
            ("SELECT 1 UNION SELECT 1, 2", "ERROR"),
            ("FROM corpus_t SELECT id", "ERROR"),
            ("SELECT * EXCEPT (id) FROM corpus_t", "ERROR"),
            ("SELECT unknown_function(1)", "does not exist"),
        ),
        unsupported=(("SELECT 1 AS a INTO {n}", "SELECT INTO"),),
    ),
    Page(
        "r_QUALIFY_clause.html",
        accepted=(
            ("SELECT id FROM corpus_t QUALIFY ROW_NUMBER() OVER (ORDER BY id DESC) = 1", [[3]]),
        ),
    ),
    Page(
        "c_Window_functions.html",
        accepted=(
            ("SELECT ROW_NUMBER() OVER (ORDER BY id) FROM corpus_t", [[1], [2], [3]]),
            ("SELECT DENSE_RANK() OVER (ORDER BY 1) FROM corpus_u LIMIT 1", [[1]]),
            ("SELECT LAG(id) OVER (ORDER BY id) FROM corpus_t", [[None], [1], [2]]),
            (
                "SELECT SUM(id) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM corpus_t",
                [[1], [3], [6]],
            ),
            (
                "SELECT FIRST_VALUE(id) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND "
                "UNBOUNDED FOLLOWING) FROM corpus_t LIMIT 1",
                [[1]],
            ),
            ("SELECT NTILE(3) OVER (ORDER BY id) FROM corpus_t", [[1], [2], [3]]),
        ),
        refused=(("SELECT id FROM corpus_t WHERE ROW_NUMBER() OVER (ORDER BY id) = 1", "ERROR"),),
    ),
    Page(
        "c_unsupported-postgresql-features.html",
        refused=(
            ("CREATE INDEX {n} ON corpus_t (id)", "INDEX"),
            ("CREATE UNIQUE INDEX {n} ON corpus_t (id)", "INDEX"),
            ("DROP INDEX {n}", "INDEX"),
            ("CREATE SEQUENCE {n}", "SEQUENCE"),
            ("SELECT nextval('s')", "ERROR"),
            ("CREATE TRIGGER {n} AFTER INSERT ON corpus_t EXECUTE PROCEDURE f()", "ERROR"),
            ("CREATE DOMAIN {n} AS INTEGER", "ERROR"),
            ("CREATE TYPE {n} AS ENUM ('a')", "ERROR"),
            ("CREATE RULE {n} AS ON INSERT TO corpus_t DO NOTHING", "ERROR"),
            ("CREATE EXTENSION pg_trgm", "ERROR"),
            ("CREATE TABLESPACE {n} LOCATION '/tmp'", "ERROR"),
            ("SELECT * FROM (VALUES (1), (2)) AS v", "VALUES"),
            ("VALUES (1), (2)", "ERROR"),
            ("SELECT * FROM generate_series(1, 3)", "generate_series"),
            ("SELECT * FROM corpus_t, LATERAL (SELECT 1) AS l", "LATERAL"),
            ("SELECT ARRAY[1, 2][1]", "ERROR"),
            ("SELECT ARRAY_AGG(id) FROM corpus_t", "ARRAY_AGG"),
            ('SELECT id FROM corpus_t ORDER BY s COLLATE "C"', "COLLATE"),
            ("SELECT * FROM corpus_t TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE"),
            ("SELECT * FROM corpus_t FOR UPDATE", "ERROR"),
            ("CREATE TABLE {n} (oid INTEGER)", "system column"),
            ("CREATE TABLE {n} (xmin INTEGER)", "system column"),
            ("CREATE TABLE {n} (ctid INTEGER)", "system column"),
            ("LISTEN x", "ERROR"),
            ("NOTIFY x", "ERROR"),
            ("REINDEX TABLE corpus_t", "ERROR"),
            ("CLUSTER corpus_t", "ERROR"),
            ("COPY corpus_t TO STDOUT", "ERROR"),
            ("COPY corpus_t FROM STDIN", "ERROR"),
            ("DO $$ BEGIN END $$", "ERROR"),
            ("SELECT STRING_AGG(s, ',') FROM corpus_t", "ERROR"),
            ("SELECT * FROM json_each('{{}}')", "ERROR"),
            ("SELECT '{{}}'::json", "ERROR"),
            ("SELECT '{{}}'::json->'a'", "ERROR"),
            ("SELECT gen_random_uuid()", "ERROR"),
            ("SELECT COUNT(*) FILTER (WHERE id = 1) FROM corpus_t", "ERROR"),
            ("SELECT unnest(ARRAY[1])", "ERROR"),
            ("SELECT regexp_matches('a', 'a')", "ERROR"),
            ("SELECT format('%s', 1)", "ERROR"),
            ("SELECT make_date(2024, 1, 1)", "ERROR"),
        ),
    ),
)


def _expression(page: str, *pairs: tuple[str, Any]) -> Page:
    return Page(page, accepted=tuple((f"SELECT {sql}", [[value]]) for sql, value in pairs))


FUNCTIONS = (
    _expression(
        "r_DATEADD_function.html",
        ("DATEADD(day, 1, DATE '2024-02-28')", "2024-02-29 00:00:00"),
        ("DATEADD(month, 1, DATE '2024-01-31')", "2024-02-29 00:00:00"),
        ("DATEADD(year, 1, DATE '2024-02-29')", "2025-02-28 00:00:00"),
        ("DATEADD(hour, -1, TIMESTAMP '2024-01-01 00:00:00')", "2023-12-31 23:00:00"),
    ),
    _expression(
        "r_DATEDIFF_function.html",
        ("DATEDIFF(day, DATE '2024-02-28', DATE '2024-03-01')", 2),
        ("DATEDIFF(month, DATE '2024-01-31', DATE '2024-02-01')", 1),
        ("DATEDIFF(year, DATE '2023-12-31', DATE '2024-01-01')", 1),
        ("DATEDIFF(qtr, DATE '2024-03-31', DATE '2024-04-01')", 1),
        ("DATEDIFF(hour, TIMESTAMP '2024-01-01 00:59:59', TIMESTAMP '2024-01-01 01:00:00')", 1),
        ("DATEDIFF(day, TIMESTAMP '2024-01-01 23:59:59', TIMESTAMP '2024-01-02 00:00:00')", 1),
    ),
    _expression(
        "r_DATE_TRUNC.html",
        ("DATE_TRUNC('week', DATE '2025-01-01')", "2024-12-30 00:00:00"),
        ("DATE_TRUNC('quarter', DATE '2024-05-05')", "2024-04-01 00:00:00"),
        ("DATE_TRUNC('hour', TIMESTAMP '2024-01-01 10:59:59')", "2024-01-01 10:00:00"),
    ),
    _expression(
        "r_DATE_PART_function.html",
        ("DATE_PART(year, DATE '2024-05-06')", 2024),
        ("DATE_PART(dow, DATE '2024-05-05')", 0),
        ("EXTRACT(month FROM DATE '2024-05-06')", 5),
        ("DATE_PART(week, DATE '2024-12-30')", 1),
    ),
    _expression("r_LAST_DAY.html", ("LAST_DAY(DATE '2024-02-10')", "2024-02-29")),
    _expression("r_ADD_MONTHS.html", ("ADD_MONTHS(DATE '2024-01-31', 1)", "2024-02-29 00:00:00")),
    _expression(
        "r_MONTHS_BETWEEN_function.html",
        ("CAST(MONTHS_BETWEEN(DATE '2024-03-31', DATE '2024-02-29') AS INTEGER)", 1),
    ),
    _expression(
        "r_TO_CHAR.html",
        ("TO_CHAR(DATE '2024-05-06', 'YYYY-MM-DD')", "2024-05-06"),
        ("TO_CHAR(TIMESTAMP '2024-05-06 07:08:09', 'HH24:MI:SS')", "07:08:09"),
    ),
    _expression("r_TO_DATE_function.html", ("TO_DATE('06/05/2024', 'DD/MM/YYYY')", "2024-05-06")),
    _expression("r_NVL_function.html", ("NVL(NULL, 2)", 2), ("COALESCE(NULL, NULL, 3)", 3)),
    _expression("r_NVL2.html", ("NVL2(NULL, 'x', 'y')", "y"), ("NVL2(1, 'x', 'y')", "x")),
    _expression("r_NULLIF_function.html", ("NULLIF(1, 1)", None), ("NULLIF(1, 2)", 1)),
    _expression(
        "r_DECODE_expression.html",
        ("DECODE(2, 1, 'a', 2, 'b', 'c')", "b"),
        ("DECODE(NULL, NULL, 'none', 'some')", "none"),
    ),
    _expression("r_GREATEST_LEAST.html", ("GREATEST(1, 3, 2)", 3), ("LEAST(1, NULL, 2)", 1)),
    _expression("r_CASE_function.html", ("CASE 1 WHEN 1 THEN 'a' ELSE 'b' END", "a")),
    _expression(
        "r_LISTAGG.html",
        ("(SELECT LISTAGG(s, ',') WITHIN GROUP (ORDER BY s) FROM corpus_t)", "a,b"),
        ("(SELECT LISTAGG(DISTINCT s, '|') WITHIN GROUP (ORDER BY s) FROM corpus_t)", "a|b"),
    ),
    _expression("r_MEDIAN.html", ("(SELECT MEDIAN(n) FROM corpus_t)", 15.0)),
    _expression(
        "r_AVG.html",
        ("(SELECT AVG(n) FROM corpus_t)", 15),
        ("(SELECT AVG(id) FROM corpus_t WHERE id < 3)", 1),
    ),
    _expression(
        "r_COUNT.html",
        ("(SELECT COUNT(n) FROM corpus_t)", 2),
        ("(SELECT COUNT(DISTINCT 1) FROM corpus_t)", 1),
    ),
    _expression("r_SUM.html", ("(SELECT SUM(x) FROM corpus_t)", "3.75")),
    _expression("r_BOOL_AND.html", ("(SELECT BOOL_AND(id > 0) FROM corpus_t)", True)),
    _expression("r_LEN.html", ("LEN('äb')", 2), ("LENGTH('äb')", 2), ("CHAR_LENGTH('äb')", 2)),
    _expression(
        "r_SUBSTRING.html",
        ("SUBSTRING('caterpillar', 6, 4)", "pill"),
        ("SUBSTRING('ab', 0, 2)", "a"),
        ("LEFT('abc', 2)", "ab"),
        ("RIGHT('abc', 2)", "bc"),
    ),
    _expression("r_REPLACE.html", ("REPLACE('abcabc', 'b', 'x')", "axcaxc")),
    _expression("REGEXP_REPLACE.html", ("REGEXP_REPLACE('a1b2', '[0-9]', '#')", "a#b#")),
    _expression("REGEXP_SUBSTR.html", ("REGEXP_SUBSTR('ab12', '[0-9]+')", "12")),
    _expression("REGEXP_COUNT.html", ("REGEXP_COUNT('a1b2', '[0-9]')", 2)),
    _expression("SPLIT_PART.html", ("SPLIT_PART('a,b,c', ',', 2)", "b")),
    _expression("r_STRPOS.html", ("STRPOS('abc', 'c')", 3), ("CHARINDEX('c', 'abc')", 3)),
    _expression("r_LPAD.html", ("LPAD('7', 3, '0')", "007"), ("RPAD('7', 3, '0')", "700")),
    _expression(
        "r_BTRIM.html", ("BTRIM('  a ')", "a"), ("TRIM('  a ')", "a"), ("LTRIM(' a')", "a")
    ),
    _expression(
        "r_UPPER.html", ("UPPER('é')", "É"), ("LOWER('A')", "a"), ("INITCAP('ab cd')", "Ab Cd")
    ),
    _expression("r_REVERSE.html", ("REVERSE('abc')", "cba")),
    _expression("r_REPEAT.html", ("REPEAT('ab', 2)", "abab")),
    _expression("r_CONCAT.html", ("CONCAT('a', 'b')", "ab")),
    _expression("r_MD5.html", ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661")),
    _expression("FUNC_SHA1.html", ("FUNC_SHA1('a')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")),
    _expression("r_STRTOL.html", ("STRTOL('ff', 16)", 255)),
    _expression(
        "r_ROUND.html", ("ROUND(2.567, 2)", "2.57"), ("CEIL(1.2)", "2"), ("FLOOR(1.8)", "1")
    ),
    _expression("r_ABS.html", ("ABS(-3)", 3), ("SIGN(-3)", -1), ("MOD(7, 3)", 1)),
    _expression("r_POWER.html", ("POWER(2, 3)", 8.0), ("SQRT(9)", 3.0)),
    _expression(
        "JSON_EXTRACT_PATH_TEXT.html",
        ("JSON_EXTRACT_PATH_TEXT('{\"a\": {\"b\": 1}}', 'a', 'b')", "1"),
    ),
    _expression(
        "IS_VALID_JSON.html", ("IS_VALID_JSON('{\"a\": 1}')", True), ("IS_VALID_JSON('{a')", False)
    ),
    _expression(
        "CONVERT_TIMEZONE.html",
        (
            "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', TIMESTAMP '2024-07-01 00:00:00')",
            "2024-07-01 02:00:00",
        ),
    ),
    _expression("r_CURRENT_DATABASE.html", ("CURRENT_DATABASE()", "dev")),
)

LOADS = (
    Page(
        "copy-usage_notes-copy-from-columnar.html",
        refused=tuple(
            (f"COPY corpus_t FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT AS PARQUET {option}", "ERROR")
            for option in (
                "MAXERROR 10",
                "GZIP",
                "NULL AS 'x'",
                "TRUNCATECOLUMNS",
                "EMPTYASNULL",
                "IGNOREHEADER 1",
                "ACCEPTANYDATE",
                "DATEFORMAT 'auto'",
                "TIMEFORMAT 'auto'",
                "DELIMITER ','",
                "REGION 'us-east-1'",
                "COMPUPDATE ON",
                "ENCRYPTED",
                "NOLOAD",
                "BLANKSASNULL",
                "FIXEDWIDTH",
            )
        )
        + (
            ("COPY corpus_t FROM 's3://b/k' FORMAT AS PARQUET", "IAM_ROLE"),
            (
                "COPY corpus_t FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT PARQUET FORMAT PARQUET",
                "ERROR",
            ),
            ("COPY nowhere FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT PARQUET", "does not exist"),
            (
                "COPY corpus_t (nothing) FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT PARQUET",
                "not exist",
            ),
            ("COPY corpus_t FROM 'http://b/k' IAM_ROLE DEFAULT FORMAT PARQUET", "ERROR"),
            ("COPY corpus_t FROM '/etc/passwd' IAM_ROLE DEFAULT FORMAT PARQUET", "ERROR"),
            ("COPY corpus_t FROM 's3://b/../x' IAM_ROLE DEFAULT FORMAT PARQUET", "ERROR"),
            ("COPY corpus_t", "syntax error"),
        ),
    ),
)

# In this order: the last ones change what the others read.
PAGES = (*TABLES, *TYPES, *QUERIES, *FUNCTIONS, *LOADS, *WRITES)
