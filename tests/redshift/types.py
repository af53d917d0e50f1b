# ruff: noqa: E501 (a statement stands on one line)
"""Types, their casts and their limits."""

from __future__ import annotations

from tests.redshift.page import Page

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
            (
                "SELECT '-12'::SMALLINT, CAST(' 12 ' AS BIGINT), TRY_CAST('1.5' AS INT)",
                [[-12, 12, None]],
            ),
            ("SELECT CAST('9223372036854775807' AS DECIMAL(19,0))", [["9223372036854775807"]]),
            "INSERT INTO corpus_19 VALUES (-9223372036854775807, 92233720368547758.07)",
            ("SELECT 12345.6789::DECIMAL(10,2)", [["12345.68"]]),
            (
                "SELECT CAST(2.5 AS INTEGER), CAST(3.5 AS INTEGER), CAST(-2.5 AS INTEGER)",
                [[3, 4, -3]],
            ),
        ),
        refused=(  # DECIMAL(19,…) ends with a signed 64-bit integer
            ("SELECT CAST('9999999999999999999' AS DECIMAL(19,0))", "Numeric data overflow"),
            ("INSERT INTO corpus_19 VALUES (9223372036854775808, 0)", "Numeric data overflow"),
            ("INSERT INTO corpus_19 VALUES (0, -92233720368547758.08)", "Numeric data overflow"),
            ("CREATE TABLE {n} (a DECIMAL(39,0))", "DECIMAL precision"),
            ("CREATE TABLE {n} (a DECIMAL(38,38))", "ERROR"),
            ("CREATE TABLE {n} (a NUMERIC(0,0))", "ERROR"),
            ("CREATE TABLE {n} (a DECIMAL(5,6))", "ERROR"),
            ("SELECT CAST(32768 AS SMALLINT)", "ERROR"),
            ("SELECT CAST('x' AS INTEGER)", "invalid input syntax"),
            ("SELECT CAST(99999999999 AS INTEGER)", "ERROR"),
            ("SELECT '1.5'::INT", 'invalid input syntax for integer: "1.5"'),
            ("SELECT '0x1F'::BIGINT", "invalid input syntax for integer"),
            ("SELECT CAST('1_000' AS SMALLINT)", "invalid input syntax for integer"),
            (
                "SELECT (s || '.5')::INT FROM (SELECT '1' AS s) AS t",
                "invalid input syntax for integer",
            ),
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
            ("SELECT 'abcdef'::CHAR(2), 'abc'::CHAR, CAST('abc' AS NCHAR(2))", [["ab", "a", "ab"]]),
            ("SELECT LEN('a  '), LEN(CAST('a' AS CHAR(5)))", [[3, 1]]),
            ("SELECT OCTET_LENGTH('é')", [[2]]),
        ),
        differs=(("SELECT 'a' = 'a  '", [[False]]),),
        refused=(
            ("CREATE TABLE {n} (a VARCHAR(65536))", "cannot exceed 65535"),
            ("CREATE TABLE {n} (a NVARCHAR(65536))", "cannot exceed 65535"),
            ("CREATE TABLE {n} (a CHAR(4097))", "cannot exceed 4096"),
            ("CREATE TABLE {n} (a VARCHAR(0))", "ERROR"),
            ("INSERT INTO corpus_t (id, s) VALUES (9, 'abcdef')", "value too long"),
            ("INSERT INTO corpus_t (id, s) VALUES (9, 'ééé')", "value too long"),
            ("INSERT INTO corpus_c (c) VALUES ('é')", "ASCII"),
            ("SELECT 12345::CHAR(2)", "too long for character type"),
        ),
    ),
    Page(
        "r_Datetime_types.html",
        accepted=(
            "CREATE TABLE {n} (a DATE, b TIMESTAMP, c TIMESTAMPTZ, d TIME, e TIMETZ)",
            "CREATE TABLE {n} (created DATETIME NOT NULL, returned DATETIME DEFAULT NULL)",
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
            "CREATE TABLE {n} (a VARBYTE(16777216))",
        ),
        refused=(("CREATE TABLE {n} (a VARBYTE(16777217))", "cannot exceed 16777216"),),
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
                "DOUBLE",
                "STRING",
                "LONG",
                "NUMBER(10,2)",
                "CLOB",
                "LONGTEXT",
                "TIMESTAMP_NTZ",
            )
        )
        + (
            ("SELECT 1::STRING", 'type "string" does not exist'),
            ("SELECT CAST(1 AS DOUBLE)", 'type "double" does not exist'),
        ),
        unsupported=tuple(
            (f"CREATE TABLE {{n}} (a {kind})", kind)
            for kind in ("GEOMETRY", "GEOGRAPHY", "HLLSKETCH")
        ),
    ),
)
