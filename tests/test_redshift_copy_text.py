"""COPY of text, CSV and JSON: Redshift's rules for each field, its errors for each row."""

from __future__ import annotations

import base64
import bz2
import gzip
import json
import uuid
from typing import Any

import pyarrow as pa
import pytest

from tests.test_redshift_data import batch, data, fresh, rows, run  # noqa: F401  (data is a fixture)
from workbench.endpoint import Endpoint

BUCKET = "copy-text"
ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/copy'"
FAILED = "Check 'stl_load_errors' system table for details."
WORDS = "a VARCHAR(20), b VARCHAR(20)"


class Loader:
    """Puts files, loads them into tables of their own, and tells what came of it."""

    def __init__(self, client: Any, s3: Any) -> None:
        self.data, self.s3 = client, s3
        self._empty: dict[str, str] = {}  # tables, by columns, into which nothing is loaded

    def put(self, body: bytes, key: str = "") -> str:
        key = key or f"files/{uuid.uuid4().hex}"
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)
        return f"s3://{BUCKET}/{key}"

    def table(self, columns: str) -> str:
        name = fresh()
        made = run(self.data, f"CREATE TABLE {name} ({columns})")
        assert made["Status"] == "FINISHED", made["Error"]
        return name

    def copy(self, table: str, url: str, options: str = "") -> dict[str, Any]:
        return run(self.data, f"COPY {table} FROM '{url}' {ROLE} {options}")

    def rows(self, table: str) -> list[list[Any]]:
        return rows(self.data, f"SELECT * FROM {table} ORDER BY 1")

    def loaded(self, columns: str, body: bytes | str, options: str = "") -> list[list[Any]]:
        """The rows of a load that must succeed."""
        table = self.table(columns)
        url = self.put(body if isinstance(body, bytes) else body.encode())
        copied = self.copy(table, url, options)
        assert copied["Status"] == "FINISHED", (copied["Error"], self.errors(copied))
        return self.rows(table)

    def refused(self, columns: str, body: bytes | str, options: str = "") -> list[Any]:
        """Line, column, code and reason of the error of a load that must fail."""
        table = self._empty.setdefault(columns, "") or self.table(columns)
        self._empty[columns] = table
        url = self.put(body if isinstance(body, bytes) else body.encode())
        copied = self.copy(table, url, options)
        assert copied["Status"] == "FAILED"
        assert self.rows(table) == []
        assert copied["Error"] == f"ERROR: Load into table '{table}' failed.  {FAILED}"
        found = self.errors(copied)
        assert len(found) == 1
        return found[0]

    def errors(self, copied: dict[str, Any]) -> list[list[Any]]:
        return rows(
            self.data,
            "SELECT line_number, colname, err_code, err_reason FROM stl_load_errors "
            f"WHERE query = {copied['RedshiftQueryId']} ORDER BY line_number",
        )


@pytest.fixture(scope="module")
def loader(data: Any, endpoint: Endpoint) -> Loader:  # noqa: F811
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return Loader(data, s3)


EVERY = (
    "id BIGINT NOT NULL, n INTEGER, s SMALLINT, d DECIMAL(12,2), at TIMESTAMP, zone TIMESTAMPTZ, "
    "day DATE, t TIME, b BOOLEAN, f DOUBLE PRECISION, r REAL, c CHAR(3), v VARCHAR(5), x VARBYTE(2)"
)
ROW = [
    "1", "-2", "3", "4.50", "2024-01-02 03:04:05.000006", "2024-01-02 03:04:05+02", "2024-01-02",
    "03:04:05.5", "t", "1.5e3", "0.5", "ab", "äb", "00ff",
]  # fmt: skip
VALUES = [
    1, -2, 3, "4.50", "2024-01-02 03:04:05.000006", "2024-01-02 01:04:05+00", "2024-01-02",
    "03:04:05.500000", True, 1500.0, 0.5, "ab", "äb", "AP8=",
]  # fmt: skip


@pytest.mark.parametrize(
    "body, options",
    [
        ("|".join(ROW), ""),
        ("|".join(ROW) + "|\r\n", ""),
        (",".join(ROW) + "\n", "CSV"),
        (",".join(f'"{each}"' for each in ROW), "FORMAT AS CSV"),
        ("\t".join(ROW) + "\n", r"DELIMITER AS '\t'"),
        ("\t".join(ROW) + "\n", r"DELIMITER '\011' ESCAPE"),
        ("|".join(f"'{each}'" for each in ROW), "REMOVEQUOTES"),
    ],
)
def test_every_type_is_read(loader: Loader, body: str, options: str) -> None:
    found = loader.loaded(EVERY, body, options)[0]
    assert [_plain(each) for each in found] == VALUES


def _plain(value: Any) -> Any:
    return base64.b64encode(value).decode() if isinstance(value, bytes) else value


@pytest.mark.parametrize(
    "kind, text, code, reason",
    [
        ("INTEGER", "a", 1207, "Invalid digit, Value 'a', Pos 0, Type: Integer"),
        ("INTEGER", "12.0", 1207, "Invalid digit, Value '.', Pos 2, Type: Integer"),
        ("SMALLINT", "32768", 1222, "Overflow, Type: Short"),
        ("INTEGER", "-2147483649", 1222, "Overflow, Type: Integer"),
        ("BIGINT", "9" * 5000, 1222, "Overflow, Type: Long"),
        ("DECIMAL(4,2)", "100", 1204, "Overflow for NUMERIC(4,2)"),
        ("DECIMAL(19,0)", "9999999999999999999", 1204, "Overflow for NUMERIC(19,0)"),
        ("DECIMAL(4,2)", "1e1", 1207, "Invalid digit, Value 'e', Pos 1, Type: Decimal"),
        ("DOUBLE PRECISION", "1,5", 1208, "Invalid digit, Value ',', Pos 1, Type: Float"),
        ("REAL", "1e39", 1204, "Value out of range"),
        ("DOUBLE PRECISION", "1e-999", 1204, "Value out of range"),
        ("DATE", "2024-1-2", 1205, "Invalid Date Format - length must be 10 or more"),
        ("DATE", "2023-02-29", 1205, "Invalid date format or value [YYYY-MM-DD]"),
        ("TIMESTAMP", "yesterday", 1206, "Invalid timestamp format or value [YYYY-MM-DD HH24:MI"),
        ("TIMESTAMP", "2024-01-01 24:00:00", 1206, "Invalid timestamp format or value"),
        ("BOOLEAN", "maybe", 1210, "Unknown boolean format"),
        ("VARCHAR(3)", "äb1", 1204, "String length exceeds DDL length"),
        ("CHAR(2)", "abc", 1204, "Char length exceeds DDL length"),
        ("CHAR(9)", "aé", 1220, "Multibyte character not supported for CHAR (Hint: Try using VARC"),
        ("VARBYTE(2)", "0g", 1219, "hexadecimal"),
        ("INTEGER NOT NULL", "", 1213, "Missing data for not-null field"),
        ("VARCHAR(3) NOT NULL", r"\N", 1213, "Missing data for not-null field"),
    ],
)
def test_what_does_not_fit_its_column(
    loader: Loader, kind: str, text: str, code: int, reason: str
) -> None:
    found = loader.refused(f"id INTEGER, v {kind}", f"1|{text}\n")
    assert found[:3] == [1, "v", code]
    assert reason in found[3]


@pytest.mark.parametrize(
    "body, options, code, reason",
    [
        ("1\n", "", 1214, "Delimiter not found"),
        ("\n", "", 1214, "Delimiter not found"),
        ("1|a|b\n", "", 1202, "Extra column(s) found"),
        ("1|a||\n", "", 1202, "Extra column(s) found"),
        ("1,a,\n", "CSV", 1202, "Extra column(s) found"),
        ('1,"a\n', "CSV", 1214, "Delimited value missing end quote"),
        ('1,a"b\n2,c', "CSV MAXERROR 1", 1214, "Invalid quote formatting for CSV"),
        ('1,"a"b\n', "CSV", 1214, "Invalid quote formatting for CSV"),
        ("1|'a\n", "REMOVEQUOTES", 1214, "Delimited value missing end quote"),
        ("1|'\n", "REMOVEQUOTES", 1214, "Delimited value missing end quote"),
        ("1|a\rOb\n", "", 1201, "Missing newline: Unexpected character 0x4f found at location 4"),
        ("1,a\rOb\n", "CSV", 1201, "Missing newline: Unexpected character 0x4f"),
        ("1|a\0,b\n", "", 1201, "Missing newline: Unexpected character 0x2c found at location 4"),
        ("1|a\0", r"NULL AS '\0'", 1218, "more than the NUL"),
        ("1|a\\", "ESCAPE", 1201, "escape character"),
        (b"1|a\xa4\n", "", 1220, "Bad UTF-8 hex sequence: a4 (error 3)"),
        (b"1|\xe2\x82\n", "", 1220, "Bad UTF-8 hex sequence: e2 82 (error 2)"),
    ],
)
def test_rows_that_are_malformed(
    loader: Loader, body: str | bytes, options: str, code: int, reason: str
) -> None:
    found = loader.refused("id INTEGER, v VARCHAR(9)", body, options)
    assert found[2] == code
    assert reason in found[3]


@pytest.mark.parametrize(
    "columns, body, options, expected",
    [
        (WORDS, "a|\n", "", [["a", ""]]),
        (WORDS, "a|\\N\n", "", [["a", None]]),
        (WORDS, "a|NULL\n", "NULL AS 'NULL'", [["a", None]]),
        (WORDS, "a|\\N\n", "NULL 'x'", [["a", r"\N"]]),
        (WORDS, "a|\0\n", r"NULL AS '\000'", [["a", None]]),
        (WORDS, "a|\n", "EMPTYASNULL", [["a", None]]),
        (WORDS, "a|  \n", "", [["a", "  "]]),
        (WORDS, "a|  \n", "BLANKSASNULL", [["a", None]]),
        (WORDS, "a| b  \n", "TRIMBLANKS", [["a", " b"]]),
        (WORDS, "\na|b\n\r\n", "IGNOREBLANKLINES", [["a", "b"]]),
        (WORDS, "x\ny\na|b\n", "IGNOREHEADER AS 2", [["a", "b"]]),
        (WORDS, "a\n", "FILLRECORD", [["a", ""]]),
        (WORDS, "a\n", "FILLRECORD EMPTYASNULL", [["a", None]]),
        ("a INTEGER, b CHAR(3), c INTEGER", "1\n", "FILLRECORD", [[1, None, None]]),
        ("a VARCHAR(3), b CHAR(2)", "äöü|xyz\n", "TRUNCATECOLUMNS", [["ä", "xy"]]),
        ("a INTEGER, b CHAR(2)", "1|x   \n", "", [[1, "x"]]),
        ("a DECIMAL(8,2)", "20.259\n", "", [["20.25"]]),
        ("a DECIMAL(8,2)", "20.259\n", "ROUNDEC", [["20.26"]]),
        ("a DECIMAL(38,2)", f"{'9' * 36}.999\n", "", [[f"{'9' * 36}.99"]]),
        ("a INTEGER, b DATE", " | \n", "", [[None, None]]),
        ("a DOUBLE PRECISION", "Infinity\n", "", [[float("inf")]]),
        (WORDS, "a\\|b|c\\\nd\n", "ESCAPE", [["a|b", "c\nd"]]),
        (WORDS, "a\\\\|\\N\n", "ESCAPE", [["a\\", None]]),
        (WORDS, "a\\012|\\\\N\n", "ESCAPE", [["a012", None]]),
        (WORDS, "\"pipe (|) x\"|'Black'\n", "REMOVEQUOTES", [["pipe (|) x", "Black"]]),
        (WORDS, "Blue'|' 'Black' '\n", "REMOVEQUOTES", [["Blue'", " 'Black' "]]),
        (WORDS, "' '|'Night\\'s'\n", "REMOVEQUOTES ESCAPE", [[" ", "Night's"]]),
        (WORDS, 'a,"b, ""c""\nd"\n', "CSV", [["a", 'b, "c"\nd']]),
        (WORDS, '"a" ,  "b"  \r\n', "CSV", [["a", "b"]]),
        (WORDS, '%a "b"%,%c%%d%\n', "CSV QUOTE AS '%'", [['a "b"', "c%d"]]),
        (WORDS, "a;b,c\n", "FORMAT CSV DELIMITER ';'", [["a", "b,c"]]),
        (WORDS, "", "", []),
        (WORDS, b"a|\xc3(b\n", "ACCEPTINVCHARS", [["a", "?(b"]]),
        (WORDS, b"a|\xe2\x82b\n", "ACCEPTINVCHARS AS '^'", [["a", "^^b"]]),
        (WORDS, "a|\ufdd0b\n", "ACCEPTINVCHARS '^'", [["a", "^^^b"]]),
        (WORDS, "a|b\n", "COMPUPDATE PRESET STATUPDATE ON COMPROWS 9 ENCODING UTF8", [["a", "b"]]),
        (WORDS, "a|b\n", "NOLOAD", []),
    ],
)
def test_options_change_what_a_field_is(
    loader: Loader, columns: str, body: str | bytes, options: str, expected: Any
) -> None:
    assert loader.loaded(columns, body, options) == expected


@pytest.mark.parametrize(
    "kind, text, options, expected",
    [
        ("DATE", "03/31/2003", "DATEFORMAT AS 'MM/DD/YYYY'", "2003-03-31"),
        ("DATE", "March 31, 2003", "DATEFORMAT 'MON DD, YYYY'", "2003-03-31"),
        ("DATE", "Jan-01-1999", "DATEFORMAT 'auto'", "1999-01-01"),
        ("DATE", "20240229", "DATEFORMAT 'auto'", "2024-02-29"),
        ("DATE", "2024-02-29T01:02:03Z", "DATEFORMAT 'auto'", "2024-02-29"),
        ("DATE", "00/00/00 00:00:00", "ACCEPTANYDATE DATEFORMAT 'YYYY-MM-DD'", None),
        ("TIMESTAMP", "03.31.2003 18:45:05.12", "TIMEFORMAT 'MM.DD.YYYY HH:MI:SS'",
         "2003-03-31 18:45:05.12"),
        ("TIMESTAMP", "2024-01-02 12:00:00 AM", "TIMEFORMAT 'YYYY-MM-DD HH12:MI:SS AM'",
         "2024-01-02 00:00:00"),
        ("TIMESTAMP", "2019-02-11T05:09:12.195Z", "TIMEFORMAT 'auto'", "2019-02-11 05:09:12.195"),
        ("TIMESTAMP", "19960108 040809", "TIMEFORMAT 'auto'", "1996-01-08 04:08:09"),
        ("TIMESTAMP", "2024-01-02", "TIMEFORMAT 'auto'", "2024-01-02 00:00:00"),
        ("TIMESTAMP", "1493596800", "TIMEFORMAT 'epochsecs'", "2017-05-01 00:00:00"),
        ("TIMESTAMP", "1493596800123", "TIMEFORMAT AS 'epochmillisecs'", "2017-05-01 00:00:00.123"),
        ("TIMESTAMP", "-1", "TIMEFORMAT 'epochmillisecs'", "1969-12-31 23:59:59.999"),
        ("TIMESTAMPTZ", "1997-12-17 07:37:16-08", "TIMEFORMAT 'auto'", "1997-12-17 15:37:16+00"),
    ],
)  # fmt: skip
def test_dates_and_times_by_their_format(
    loader: Loader, kind: str, text: str, options: str, expected: str | None
) -> None:
    found = loader.loaded(f"a {kind}", text, f"CSV DELIMITER '|' {options}")
    assert found == [[expected]]


@pytest.mark.parametrize(
    "options, body, message",
    [
        ("TIMEFORMAT 'auto'", "J2451187", "with 'auto' is not supported by the local Redshift"),
        ("TIMEFORMAT 'auto'", "17 Dec 07:37:16 1997 PST", "not supported by the local Redshift"),
        ("TIMEFORMAT 'auto'", "1997-12-17 07:37:16-08", "time zone"),
        ("TIMEFORMAT 'nonsense'", "1", "Invalid date or time format 'nonsense'"),
        ("FIXEDWIDTH 'a:3'", "1", "FIXEDWIDTH of COPY is not supported by the local Redshift"),
        ("AVRO 'auto'", "1", "AVRO of COPY is not supported by the local Redshift"),
        ("ENCODING UTF16", "1", "ENCODING UTF16 is not supported by the local Redshift"),
        ("LZOP", "1", "LZOP of COPY is not supported by the local Redshift"),
        ("EXPLICIT_IDS", "1", "EXPLICIT_IDS of COPY is not supported by the local Redshift"),
        ("IGNOREALLERRORS", "1", "IGNOREALLERRORS of COPY is not supported by the local"),
        ("REGION 'eu-west-1'", "1", "eu-west-1 is not supported by the local Redshift"),
        ("CSV ESCAPE", "1", "CSV is not compatible with ESCAPE"),
        ("CSV REMOVEQUOTES", "1", "CSV is not compatible with REMOVEQUOTES"),
        ("JSON NULL AS 'x'", "1", "JSON is not compatible with NULL"),
        ("CSV JSON", "1", "conflicting or redundant options"),
        ("GZIP ZSTD", "1", "conflicting or redundant options"),
        ("GZIP GZIP", "1", "conflicting or redundant options: GZIP"),
        ("QUOTE '%'", "1", "QUOTE can only be used with CSV"),
        ("DELIMITER '|~|'", "1", "several characters is not supported by the local Redshift"),
        ("DELIMITER 'é'", "1", "DELIMITER must be a single ASCII character"),
        ("MAXERROR 100001", "1", "MAXERROR must be between 0 and 100000"),
        ("MAXERROR", "1", "syntax error"),
        ("SURPRISE", "1", 'syntax error at or near "SURPRISE"'),
        ("JSON 'noshred'", "{}", "needs a single column, of type SUPER"),
        ("JSON 'other'", "{}", "JSON must be"),
    ],
)
def test_other_options_are_refused(loader: Loader, options: str, body: str, message: str) -> None:
    table = loader.table("a TIMESTAMP")
    copied = loader.copy(table, loader.put(body.encode()), options)
    assert copied["Status"] == "FAILED"
    assert message in copied["Error"]
    assert loader.rows(table) == []


@pytest.mark.parametrize(
    "name, compress",
    [
        ("GZIP", gzip.compress),
        ("GZIP", lambda body: gzip.compress(body[:6]) + gzip.compress(body[6:])),
        ("BZIP2", bz2.compress),
        ("ZSTD", lambda body: pa.compress(body, codec="zstd", asbytes=True)),
    ],
)
def test_compressed_files(loader: Loader, name: str, compress: Any) -> None:
    body = b"".join(b"%d|row\n" % n for n in range(2000))
    columns = "id INTEGER, v VARCHAR(3)"
    assert len(loader.loaded(columns, compress(body), name)) == 2000
    table = loader.table(columns)
    for broken in (compress(body)[:-9], compress(body)[9:], body, b"\x1f\x8b"):
        copied = loader.copy(table, loader.put(broken), name)
        assert copied["Status"] == "FAILED"
        assert "cannot be read" in copied["Error"], copied["Error"]
    assert loader.rows(table) == []


def test_a_prefix_and_a_manifest_name_files(loader: Loader) -> None:
    table = loader.table("id INTEGER NOT NULL, v VARCHAR(3) DEFAULT 'd'")
    first = loader.put(b"1\n", f"many/{table}/a")
    loader.put(b"2\n3\n", f"many/{table}/b")
    assert loader.copy(f"{table} (id)", f"s3://{BUCKET}/many/{table}/")["ResultRows"] == 3
    manifest = loader.put(json.dumps({"entries": [{"url": first}, {"url": first}]}).encode())
    assert loader.copy(f"{table} (id)", manifest, "MANIFEST")["ResultRows"] == 2
    assert loader.rows(table) == [[n, "d"] for n in (1, 1, 1, 2, 3)]
    for entry, message in (
        ({"url": first, "meta": {"content_length": 9}}, "content_length 9"),
        ({"url": f"s3://{BUCKET}/absent", "mandatory": True}, "mandatory"),
        ({"url": f"s3://{BUCKET}/absent"}, "None of the files"),
        ({"url": f"s3://{BUCKET}/../../endpoint.json", "mandatory": True}, "leads out"),
        ({"url": "/etc/passwd"}, "not an S3 URL"),
    ):
        manifest = loader.put(json.dumps({"entries": [entry]}).encode())
        assert message in loader.copy(f"{table} (id)", manifest, "MANIFEST")["Error"]
    not_loaded = loader.copy(table, f"s3://{BUCKET}/../../endpoint.json", "CSV")
    assert not_loaded["Status"] == "FAILED"


def test_credentials_of_either_form(loader: Loader) -> None:
    table, url = loader.table("a INTEGER"), loader.put(b"1")
    for given in (
        "CREDENTIALS 'aws_iam_role=arn:x'",
        "WITH CREDENTIALS AS 'x'",
        "IAM_ROLE DEFAULT",
    ):
        assert run(loader.data, f"COPY {table} FROM '{url}' {given}")["ResultRows"] == 1
    refused = run(loader.data, f"COPY {table} FROM '{url}' CSV")
    assert "IAM_ROLE or CREDENTIALS" in refused["Error"]


def test_errors_below_the_maximum_leave_their_rows_out(loader: Loader) -> None:
    body = "1|a\nx|b\n3|c\n4\n5|e|f\n6|g\n"
    columns = "id INTEGER, v VARCHAR(9)"
    table, url = loader.table(columns), loader.put(body.encode())
    copied = loader.copy(table, url, "MAXERROR 4")
    assert (copied["Status"], copied["ResultRows"]) == ("FINISHED", 3)
    assert loader.rows(table) == [[1, "a"], [3, "c"], [6, "g"]]
    assert [each[:3] for each in loader.errors(copied)] == [
        [2, "id", 1207], [4, "", 1214], [5, "", 1202],
    ]  # fmt: skip
    failed = loader.copy(table, url, "MAXERROR AS 3")
    assert FAILED in failed["Error"]
    assert len(loader.errors(failed)) == 3
    assert len(loader.rows(table)) == 3


def test_the_views_tell_of_each_load(loader: Loader) -> None:
    table = loader.table("id INTEGER, v VARCHAR(9)")
    url = loader.put("1|äb\nx|äb\n".encode())
    failed = loader.copy(table, url)
    number = failed["RedshiftQueryId"]
    errors = rows(
        loader.data,
        "SELECT userid, slice, session > 0, query, filename, line_number, colname, type, "
        "col_length, position, raw_line, raw_field_value, err_code, err_reason, is_partial, "
        f"start_offset FROM stl_load_errors WHERE query = {number}",
    )
    assert errors == [
        [100, 0, True, number, url, 2, "id", "int4", "0", 0, "x|.b", "x", 1207,
         "Invalid digit, Value 'x', Pos 0, Type: Integer", 0, 0]
    ]  # fmt: skip
    detail = rows(
        loader.data,
        "SELECT database_name, table_id > 0, file_name, line_number, column_name, column_type, "
        "column_length, position, error_code, error_message FROM sys_load_error_detail "
        f"WHERE query_id = {number}",
    )
    assert detail == [["dev", True, url, 2, "id", "int4", "0", 0, 1207, errors[0][13]]]
    copied = loader.copy(table, url, "MAXERROR 2")
    history = (
        "SELECT status, table_name, data_source, file_format, loaded_rows, source_file_count, "
        "source_file_bytes, file_count_scanned, error_count, duration >= 0, copy_job_id "
        "FROM sys_load_history WHERE query_id = {}"
    )
    assert rows(loader.data, history.format(number)) == [
        ["aborted", table, url, "txt", 0, 1, 12, 0, 1, True, 0]
    ]
    assert rows(loader.data, history.format(copied["RedshiftQueryId"])) == [
        ["completed", table, url, "txt", 1, 1, 12, 1, 1, True, 0]
    ]


def test_a_batch_sees_its_load_and_a_rollback_keeps_its_errors(loader: Loader) -> None:
    table, url = loader.table("id INTEGER"), loader.put(b"1\nx\n")
    load = f"COPY {table} FROM '{url}' {ROLE} MAXERROR 9"
    found = "SELECT COUNT(*) FROM stl_load_errors WHERE query = pg_last_copy_id()"
    done = batch(loader.data, load, "SELECT pg_last_copy_count()", found)
    assert done["Status"] == "FINISHED"
    for number in (2, 3):
        result = loader.data.get_statement_result(Id=f"{done['Id']}:{number}")
        assert result["Records"] == [[{"longValue": 1}]]
    undone = batch(loader.data, load, "SELECT * FROM missing")
    assert undone["Status"] == "FAILED"
    assert len(loader.rows(table)) == 1
    number = undone["SubStatements"][0]["RedshiftQueryId"]
    kept = rows(loader.data, f"SELECT line_number FROM stl_load_errors WHERE query = {number}")
    assert kept == [[2]]


def test_parquet_is_in_the_history_too(loader: Loader, data: Any) -> None:  # noqa: F811
    table, url = loader.table("id INTEGER"), loader.put(b"not Parquet")
    failed = loader.copy(table, url, "FORMAT PARQUET")
    found = rows(
        data,
        "SELECT status, file_format FROM sys_load_history "
        f"WHERE query_id = {failed['RedshiftQueryId']}",
    )
    assert found == [["aborted", "parquet"]]


def test_a_large_file_is_read_in_pieces(loader: Loader) -> None:
    body = b"".join(b"%d,%d.50,some text %d\n" % (n, n, n) for n in range(50_000))
    table = loader.table("id INTEGER, d DECIMAL(12,2), t VARCHAR(40)")
    assert loader.copy(table, loader.put(body), "CSV")["ResultRows"] == 50_000
    found = rows(loader.data, f"SELECT SUM(id), SUM(d), MAX(t) FROM {table}")
    assert found == [[1249975000, "1250000000.00", "some text 9999"]]


def test_a_row_may_have_four_megabytes(loader: Loader) -> None:
    table = loader.table("t VARCHAR(65535)")
    long = b"x" * (4 * 1024 * 1024 + 1)
    for body, options in ((long, ""), (b'"\n' + b"x\n" * 2**21, "CSV"), (b"[" + long, "JSON")):
        copied = loader.copy(table, loader.put(body), options)
        assert "longer than the maximum" in copied["Error"]


OBJECT = {
    "a": 1, "B": "x", "c": 2.50, "d": None, "e": {"f": [1, {"g": "ü"}]}, "h": True, "other": [],
}  # fmt: skip
COLUMNS = "a INTEGER, b VARCHAR(9), c DECIMAL(5,2), d DATE, e VARCHAR(30), h BOOLEAN"


@pytest.mark.parametrize("text", [json.dumps(OBJECT), json.dumps(OBJECT, indent=2) + "\n"])
def test_objects_fill_the_columns_of_their_keys(loader: Loader, text: str) -> None:
    nested = '{"f":[1,{"g":"ü"}]}'
    assert loader.loaded(COLUMNS, text, "JSON") == [[1, None, "2.50", None, nested, True]]
    assert (
        loader.loaded(COLUMNS, text + text, "FORMAT AS JSON 'auto ignorecase'")
        == [[1, "x", "2.50", None, nested, True]] * 2
    )


@pytest.mark.parametrize(
    "paths, expected",
    [
        (["$.a", "$.e.f[1].g"], [[1, "ü"]]),
        (["$['a']", "$['e']['f'][0]"], [[1, "1"]]),
        (["$.a", "$.absent.more"], [[1, None]]),
        (["$.a", "$.e.f[2]"], "Not an array or index out of range."),
        (["$.a", "$.B.c"], "Member is not an object"),
    ],
)
def test_jsonpaths_fill_the_columns_in_order(loader: Loader, paths: Any, expected: Any) -> None:
    url = loader.put(json.dumps({"jsonpaths": paths}).encode())
    columns, text, options = "n INTEGER, s VARCHAR(9)", json.dumps(OBJECT), f"JSON '{url}'"
    if isinstance(expected, str):
        assert expected in loader.refused(columns, text, options)[3]
    else:
        assert loader.loaded(columns, text, options) == expected
    arrays = loader.put(b'{"jsonpaths": ["$[1]", "$[0]"]}')
    assert loader.loaded(columns, '["x", 2]\n["y",3]', f"JSON '{arrays}'") == [[2, "x"], [3, "y"]]


@pytest.mark.parametrize(
    "paths, message",
    [
        (
            '{"jsonpaths": ["$.a"]}',
            "JSONPath size: 1, Number of columns in table or column list: 2",
        ),
        ('{"jsonpaths": ["$.a", "$[\'b\']"]}', "Supported notations"),
        ('{"jsonpaths": ["$.a", "$.*"]}', "Supported notations"),
        ('{"jsonpaths": ["$.a", "$..b"]}', "Supported notations"),
        ('{"jsonpaths": ["$.a", ""]}', "array of texts"),
        ('{"jsonpaths": ["$.a", 1]}', "array of texts"),
        ('{"jsonpaths": "$.a"}', "array of texts"),
        ('["$.a"]', "one object is expected"),
        ('{"jsonpaths": ["$.a", "$.b"]} {}', "correct json format"),
        ("{", "correct json format"),
        ("[" * 100_000, "correct json format"),
        ("\xff", "correct json format"),
    ],
)
def test_malformed_jsonpaths(loader: Loader, paths: str, message: str) -> None:
    url, table = loader.put(paths.encode("latin-1")), loader.table("n INTEGER, s VARCHAR(9)")
    copied = loader.copy(table, loader.put(b"{}"), f"JSON '{url}'")
    assert message in copied["Error"]
    for other in (f"s3://{BUCKET}/absent", f"s3://{BUCKET}/../../endpoint.json"):
        assert loader.copy(table, loader.put(b"{}"), f"JSON '{other}'")["Status"] == "FAILED"


def test_a_jsonpaths_file_with_another_key_means_auto(loader: Loader) -> None:
    url = loader.put(b'{"other": ["$.x"]}')
    assert loader.loaded("a INTEGER", '{"a": 1}', f"JSON '{url}'") == [[1]]


@pytest.mark.parametrize(
    "text, code",
    [
        ('{"a": 1} x\n', 1216),
        ("[1]\n", 1216),
        ('{"a": 1\n', 1216),
        ('{"a": NaN}\n', 1216),
        ('{"a": "x"}\n', 1207),
        ('{"a": 1.0}\n', 1207),
        ('{"a": {"b": 1}}\n', 1207),
        ('{"a": "\\ud800"}\n', 1216),
        ('{"a": 1},\n', 1216),
        ('"a"\n', 1216),
        ("[" * 100_000 + "]" * 100_000, 1216),
    ],
)
def test_malformed_documents(loader: Loader, text: str, code: int) -> None:
    assert loader.refused("a INTEGER", text, "JSON 'auto'")[2] == code
    good = '{"a": 7}\n'
    table, url = loader.table("a INTEGER"), loader.put((good + text).encode())
    copied = loader.copy(table, url, "JSON MAXERROR 5")
    assert copied["Status"] == "FINISHED", copied["Error"]
    assert [7] in loader.rows(table)


def test_empty_texts_and_nulls_of_json(loader: Loader) -> None:
    text = '{"a": "", "b": "", "c": null}'
    columns = "a INTEGER, b VARCHAR(9), c VARCHAR(9)"
    assert loader.loaded(columns, text, "JSON") == [[None, "", None]]
    assert loader.loaded(columns, text, "JSON EMPTYASNULL") == [[None, None, None]]
    assert loader.refused("a INTEGER NOT NULL", "{}", "JSON")[2] == 1213


def test_nested_json_keeps_its_digits(loader: Loader) -> None:
    text = '{"a": {"b": [2.50, 1e400, -0.0, 12345678901234567890, true, null, "\\u00e4\\n"]}}'
    expected = '{"b":[2.50,1e400,-0.0,12345678901234567890,true,null,"ä\\n"]}'
    assert loader.loaded("a VARCHAR(80)", text, "JSON") == [[expected]]


@pytest.mark.parametrize("name", ["rs_rejected", "rs_loads", "rs_stl_load_errors"])
def test_what_the_views_stand_on_is_out_of_reach(loader: Loader, name: str) -> None:
    for sql in (
        "DROP TABLE {}", "DROP VIEW {}", "DELETE FROM {}", "TRUNCATE {}", "SELECT * FROM {}",
        "INSERT INTO {} SELECT 1", "ALTER TABLE {} ADD COLUMN x INTEGER", "UPDATE {} SET query = 1",
        "CREATE TABLE {} (a INTEGER)", "CREATE VIEW {} AS SELECT 1 AS a", 'DROP TABLE "{}"',
        "ALTER TABLE {} RENAME TO mine",
    ):  # fmt: skip
        told = run(loader.data, sql.format(name))
        assert told["Status"] == "FAILED", sql
    assert rows(loader.data, "SELECT COUNT(*) >= 0 FROM stl_load_errors") == [[True]]
