"""COPY: Parquet by position, exact types, all of it or nothing."""

from __future__ import annotations

import datetime
import io
import json
import time
import uuid
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.test_redshift_data import batch, data, rows, run  # noqa: F401  (data is a fixture)
from workbench import endpoint as local_aws
from workbench.endpoint import Endpoint

BUCKET = "copy-tests"
ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/copy'"
NOW = datetime.datetime(2024, 1, 2, 3, 4, 5, 6)
TYPES = (
    "id BIGINT NOT NULL, n INTEGER, s SMALLINT, d DECIMAL(12,2), at TIMESTAMP, day DATE, "
    "b BOOLEAN, f DOUBLE PRECISION, t VARCHAR(5)"
)
MOMENT = pa.timestamp("us", tz="UTC")
COLUMNS: dict[str, pa.Array] = {
    "a": pa.array([1, 2], pa.int64()),
    "b": pa.array([1, None], pa.int32()),
    "c": pa.array([1, None], pa.int16()),
    "d": pa.array([Decimal("1.50"), None], pa.decimal128(12, 2)),
    "e": pa.array([NOW, None], MOMENT),
    "f": pa.array([NOW.date(), None], pa.date32()),
    "g": pa.array([True, None]),
    "h": pa.array([0.5, None], pa.float64()),
    "i": pa.array(["äb", None]),
}


def decimals(*unscaled: int) -> pa.Array:
    """Of the type DECIMAL(12,2), whether they fit in it or not."""
    numbers = b"".join(number.to_bytes(16, "little", signed=True) for number in unscaled)
    kept = [None, pa.py_buffer(numbers)]
    return pa.Array.from_buffers(pa.decimal128(12, 2), len(unscaled), kept)


@pytest.fixture(scope="module")
def s3(endpoint: Endpoint) -> Any:
    client = endpoint.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@pytest.fixture
def table(data: Any) -> str:  # noqa: F811
    name = f"t_{uuid.uuid4().hex[:10]}"
    assert run(data, f"CREATE TABLE {name} ({TYPES})")["Status"] == "FINISHED"
    return name


def put(s3: Any, **changed: Any) -> dict[str, Any]:
    """A Parquet file; returns its entry for a manifest."""
    body = io.BytesIO()
    pq.write_table(pa.table({**COLUMNS, **changed}), body)
    key = f"files/{uuid.uuid4().hex}.parquet"
    s3.put_object(Bucket=BUCKET, Key=key, Body=body.getvalue())
    return entry(key, len(body.getvalue()))


def entry(key: str, length: int, mandatory: bool = True) -> dict[str, Any]:
    return {
        "url": f"s3://{BUCKET}/{key}",
        "mandatory": mandatory,
        "meta": {"content_length": length},
    }


def copy(data: Any, s3: Any, table: str, *entries: Any, columns: str = "") -> dict[str, Any]:  # noqa: F811
    key = f"manifests/{uuid.uuid4().hex}.json"
    body = json.dumps({"entries": entries, "meta": {"record_count": 9, "keys": {"entries": []}}})
    s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())
    return run(
        data,
        f'COPY "public"."{table}" {columns} FROM \'s3://{BUCKET}/{key}\' {ROLE} '
        "FORMAT AS PARQUET MANIFEST",
    )


def test_every_type_arrives_as_it_was(data: Any, s3: Any, table: str) -> None:  # noqa: F811
    copied = copy(data, s3, table, put(s3), put(s3))
    assert copied["Status"] == "FINISHED", copied["Error"]
    assert copied["ResultRows"] == 4
    assert rows(data, f"SELECT * FROM {table} WHERE id = 1")[0] == [
        1, 1, 1, "1.50", "2024-01-02 03:04:05.000006", "2024-01-02", True, 0.5, "äb",
    ]  # fmt: skip
    assert rows(data, f"SELECT * FROM {table} WHERE id = 2")[0] == [2, *[None] * 8]


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"b": pa.array([1, 2], pa.int64())}, "column n"),
        ({"d": pa.array([Decimal("1.5")] * 2, pa.decimal128(13, 2))}, "column d"),
        ({"e": pa.array([NOW, NOW], pa.timestamp("ns"))}, "column at"),
        ({"f": pa.array(["2024-01-01"] * 2)}, "column day"),
        ({"i": pa.array(["fits", "ääé"])}, "data column t is longer"),
        ({"a": pa.array([1, None], pa.int64())}, "NULL value into column id"),
        ({"z": pa.array([1, 2])}, "Number of columns"),
        ({"e": pa.array([-(2**63), 0], pa.timestamp("us"))}, "column at is beyond TIMESTAMP"),
        ({"e": pa.array([2**63 - 1, 0], MOMENT)}, "column at is beyond TIMESTAMP"),
        ({"d": decimals(10**12, 0)}, "column d is beyond DECIMAL(12,2)"),
        ({"d": decimals(0, -(10**12))}, "column d is beyond DECIMAL(12,2)"),
    ],
)
def test_what_does_not_fit_fails_and_loads_nothing(
    data: Any,  # noqa: F811
    s3: Any,
    table: str,
    changed: Any,
    message: str,
) -> None:
    copied = copy(data, s3, table, put(s3), put(s3, **changed))
    assert copied["Status"] == "FAILED"
    assert message in copied["Error"]
    assert rows(data, f"SELECT COUNT(*) FROM {table}") == [[0]]


def test_the_least_and_the_greatest_of_a_type_are_in_it(data: Any, s3: Any, table: str) -> None:  # noqa: F811
    ends = decimals(10**12 - 1, -(10**12) + 1)
    moments = pa.array([datetime.datetime(1, 1, 1), datetime.datetime.max], MOMENT)
    copied = copy(data, s3, table, put(s3, d=ends, e=moments))
    assert copied["Status"] == "FINISHED", copied["Error"]
    assert rows(data, f"SELECT d, CAST(at AS VARCHAR) FROM {table} ORDER BY id") == [
        ["9999999999.99", "0001-01-01 00:00:00"],
        ["-9999999999.99", "9999-12-31 23:59:59.999999"],
    ]


def test_a_damaged_page_is_told_and_loads_nothing(data: Any, s3: Any, table: str) -> None:  # noqa: F811
    good = put(s3)
    key = put(s3)["url"].partition(f"{BUCKET}/")[2]
    body = bytearray(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    body[4:40] = b"\xff" * 36
    s3.put_object(Bucket=BUCKET, Key=key, Body=bytes(body))
    said = copy(data, s3, table, good, entry(key, len(body)))["Error"]
    name = key.rpartition("/")[2]
    assert said.startswith(f"ERROR: Spectrum Scan Error: {name} cannot be read: "), said
    assert rows(data, f"SELECT COUNT(*) FROM {table}") == [[0]]


@pytest.mark.parametrize("name", ["a*", "a?", "a[b]", "*", "**", "{a,b}", "a=b/%20'\\[x"])
def test_an_object_is_read_whatever_it_is_called(data: Any, s3: Any, table: str, name: str) -> None:  # noqa: F811
    """Not as a pattern, which may name others, too."""
    folder = f"odd/{uuid.uuid4().hex}"
    for key, first in ((f"{folder}/{name}", 1), (f"{folder}/ab", 3), (f"{folder}/a", 5)):
        body = io.BytesIO()
        values = pa.array([first, first + 1], pa.int64())
        pq.write_table(pa.table({**COLUMNS, "a": values}), body)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body.getvalue())
    size = s3.head_object(Bucket=BUCKET, Key=f"{folder}/{name}")["ContentLength"]
    done = copy(data, s3, table, entry(f"{folder}/{name}", size))
    assert done["Status"] == "FINISHED", done["Error"]
    assert rows(data, f"SELECT id FROM {table} ORDER BY id") == [[1], [2]]


def test_the_folder_of_the_local_aws_may_have_any_name(tmp_path: Path) -> None:
    odd = local_aws.start(tmp_path / "[a] b* {c} 'd'")
    try:
        client, found = odd.client("s3"), odd.client("redshift-data")
        client.create_bucket(Bucket=BUCKET)
        assert run(found, f"CREATE TABLE t ({TYPES})")["Status"] == "FINISHED"
        done = copy(found, client, "t", put(client))
        assert done["Status"] == "FINISHED", done["Error"]
        assert rows(found, "SELECT id FROM t ORDER BY id") == [[1], [2]]
    finally:
        local_aws.stop(odd.state)


def test_a_footer_that_lies_about_its_chunks_fails_the_copy_alone(
    data: Any,  # noqa: F811
    s3: Any,
    table: str,
) -> None:
    key = put(s3)["url"].partition(f"{BUCKET}/")[2]
    good = s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    length = int.from_bytes(good[-8:-4], "little")
    footer, lied = range(len(good) - 8 - length, len(good) - 8), 0
    for place in footer:
        body = bytearray(good)
        body[place] ^= 1
        try:
            sizes = [
                pq.read_metadata(io.BytesIO(body)).row_group(0).column(at).total_compressed_size
                for at in range(len(COLUMNS))
            ]
        except (OSError, pa.ArrowException, IndexError):
            continue
        if min(sizes) < 0:
            lied += 1
            s3.put_object(Bucket=BUCKET, Key=key, Body=bytes(body))
            said = copy(data, s3, table, entry(key, len(body)))["Error"]
            assert "its footer tells of a column chunk" in said, said
            assert rows(data, "SELECT 1") == [[1]]
    assert lied


def test_no_file_is_a_table(data: Any, s3: Any, endpoint: Endpoint) -> None:  # noqa: F811
    """DuckDB takes a path for a table, and reads the objects for COPY where they lie."""
    path = endpoint.state / "s3" / put(s3)["url"].removeprefix("s3://")
    assert path.is_file()
    halves = f'"{path.parent / path.stem}"."{path.suffix[1:]}"'  # DuckDB joins them by a full stop
    for named in (f'"{path}"', f'"file:{path}"', halves, f"'{path}'", f"read_parquet('{path}')"):
        for sql in (f"SELECT * FROM {named}", f"CREATE TABLE taken AS SELECT * FROM {named}"):
            assert run(data, sql)["Status"] == "FAILED", sql


def test_columns_are_filled_in_the_order_that_is_listed(data: Any, s3: Any, table: str) -> None:  # noqa: F811
    body = io.BytesIO()
    pq.write_table(pa.table({"x": pa.array(["t"]), "y": pa.array([7], pa.int64())}), body)
    s3.put_object(Bucket=BUCKET, Key="two.parquet", Body=body.getvalue())
    copied = copy(
        data, s3, table, entry("two.parquet", len(body.getvalue())), columns='("t", "id")'
    )
    assert copied["Status"] == "FINISHED", copied["Error"]
    assert rows(data, f"SELECT id, t, n FROM {table}") == [[7, "t", None]]


def test_manifest_entries_are_checked(data: Any, s3: Any, table: str) -> None:  # noqa: F811
    good = put(s3)
    longer = {**good, "meta": {"content_length": 1}}
    assert "content_length 1" in copy(data, s3, table, longer)["Error"]
    without = {"url": good["url"], "mandatory": True}
    assert "content_length" in copy(data, s3, table, without)["Error"]
    assert "mandatory" in copy(data, s3, table, good, entry("gone.parquet", 1))["Error"]
    optional = copy(data, s3, table, good, entry("gone.parquet", 1, mandatory=False))
    assert optional["Status"] == "FINISHED"
    assert "leads out" in copy(data, s3, table, entry("../../endpoint.json", 1))["Error"]
    assert "not an S3 URL" in copy(data, s3, table, {**good, "url": "/etc/passwd"})["Error"]


def test_a_prefix_names_files_too(data: Any, s3: Any, table: str) -> None:  # noqa: F811
    for name in ("a.parquet", "b.parquet"):
        source = put(s3)["url"].removeprefix(f"s3://{BUCKET}/")
        s3.copy_object(Bucket=BUCKET, Key=f"prefix/{table}/{name}", CopySource=f"{BUCKET}/{source}")
    s3.put_object(Bucket=BUCKET, Key=f"prefix/{table}/_SUCCESS", Body=b"")
    sql = f"COPY {table} FROM 's3://{BUCKET}/prefix/{table}/' {ROLE} FORMAT PARQUET"
    assert run(data, sql)["ResultRows"] == 4
    missing = sql.replace(f"prefix/{table}/", "nothing/")
    assert "does not exist" in run(data, missing)["Error"]


@pytest.mark.parametrize(
    "options, message",
    [
        ("FORMAT AS ORC", "ORC"),
        ("FORMAT AS AVRO", "AVRO"),
        ("FORMAT PARQUET MAXERROR 5", "MAXERROR"),
        ("FORMAT PARQUET TRUNCATECOLUMNS", "TRUNCATECOLUMNS"),
    ],
)
def test_other_options_are_refused_by_name(
    data: Any,  # noqa: F811
    table: str,
    options: str,
    message: str,
) -> None:
    copied = run(data, f"COPY {table} FROM 's3://{BUCKET}/x' {ROLE} {options}")
    assert copied["Status"] == "FAILED"
    assert message in copied["Error"]


def test_the_count_of_the_last_copy_is_its_connections(data: Any, s3: Any, table: str) -> None:  # noqa: F811
    source = put(s3)["url"]
    counted = batch(
        data,
        f"COPY {table} FROM '{source}' {ROLE} FORMAT PARQUET",
        "SELECT pg_last_copy_count()",
    )
    result = data.get_statement_result(Id=f"{counted['Id']}:2")
    assert result["Records"] == [[{"longValue": 2}]]
    assert rows(data, "SELECT pg_last_copy_count()") == [[0]]


def test_copy_is_part_of_its_transaction(data: Any, s3: Any, table: str) -> None:  # noqa: F811
    source = put(s3)["url"]
    failed = batch(
        data, f"COPY {table} FROM '{source}' {ROLE} FORMAT PARQUET", "SELECT * FROM missing"
    )
    assert failed["Status"] == "FAILED"
    assert failed["SubStatements"][0]["ResultRows"] == 2
    assert rows(data, f"SELECT COUNT(*) FROM {table}") == [[0]]


def test_half_a_million_rows_load_in_seconds(data: Any, s3: Any) -> None:  # noqa: F811
    name = f"t_{uuid.uuid4().hex[:10]}"
    run(data, f"CREATE TABLE {name} (id BIGINT, t VARCHAR(40))")
    count = 500_000
    body = io.BytesIO()
    pq.write_table(
        pa.table({"i": pa.array(range(count)), "t": pa.array([f"text {n}" for n in range(count)])}),
        body,
    )
    s3.put_object(Bucket=BUCKET, Key=f"big/{name}.parquet", Body=body.getvalue())
    begun = time.monotonic()
    sql = f"COPY {name} FROM 's3://{BUCKET}/big/{name}' {ROLE} FORMAT PARQUET"
    assert run(data, sql)["ResultRows"] == count
    assert time.monotonic() - begun < 20
    assert rows(data, f"SELECT COUNT(*), MAX(id) FROM {name}") == [[count, count - 1]]
