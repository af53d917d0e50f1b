"""UNLOAD: files as Redshift names and writes them, which COPY reads back."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import uuid
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.test_redshift_data import batch, data, fresh, rows, run  # noqa: F401  (data is a fixture)
from workbench.endpoint import Endpoint

BUCKET = "unloads"
ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/unload'"
VENUES = "id INTEGER, name VARCHAR(40), seats DECIMAL(8,1), day DATE, here BOOLEAN"


class Unloads:
    """Unloads queries to prefixes of their own."""

    def __init__(self, client: Any, s3: Any) -> None:
        self.data, self.s3 = client, s3

    def run(self, query: str, options: str = "", prefix: str = "") -> tuple[dict[str, Any], str]:
        prefix = prefix or f"{uuid.uuid4().hex}/"
        query = query.replace("'", "''")
        sql = f"UNLOAD ('{query}') TO 's3://{BUCKET}/{prefix}' {ROLE} {options}"
        return run(self.data, sql), prefix

    def files(self, query: str, options: str = "", prefix: str = "") -> dict[str, bytes]:
        """The objects of an UNLOAD that must succeed, by what follows the prefix."""
        told, prefix = self.run(query, options, prefix)
        assert told["Status"] == "FINISHED", told["Error"]
        return self.objects(prefix)

    def objects(self, prefix: str) -> dict[str, bytes]:
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
        return {
            each["Key"].removeprefix(prefix): self.s3.get_object(Bucket=BUCKET, Key=each["Key"])[
                "Body"
            ].read()
            for each in listed
        }


@pytest.fixture(scope="module")
def unloads(data: Any, endpoint: Endpoint) -> Unloads:  # noqa: F811
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return Unloads(data, s3)


@pytest.fixture(scope="module")
def venue(unloads: Unloads) -> str:
    name = fresh()
    run(unloads.data, f"CREATE TABLE {name} ({VENUES})")
    run(
        unloads.data,
        f"INSERT INTO {name} VALUES (1, 'Race|track', 1.5, '2024-01-02', TRUE), "
        "(2, 'The \"Crew\"', NULL, NULL, FALSE), (4, NULL, 3, '2024-01-03', NULL)",
    )
    return name


def query(table: str) -> str:
    return f"SELECT * FROM {table} ORDER BY id"


@pytest.mark.parametrize(
    "options, expected",
    [
        ("", '1|Race|track|1.5|2024-01-02|t\n2|The "Crew"|||f\n4||3.0|2024-01-03|\n'),
        (
            "NULL AS 'x'",
            '1|Race|track|1.5|2024-01-02|t\n2|The "Crew"|x|x|f\n4|x|3.0|2024-01-03|x\n',
        ),
        ("ESCAPE", '1|Race\\|track|1.5|2024-01-02|t\n2|The "Crew"|||f\n4||3.0|2024-01-03|\n'),
        (
            "DELIMITER ',' ADDQUOTES ESCAPE HEADER",
            '"id","name","seats","day","here"\n"1","Race|track","1.5","2024-01-02","t"\n'
            '"2","The \\"Crew\\"","","","f"\n"4","","3.0","2024-01-03",""\n',
        ),
        ("CSV", '1,Race|track,1.5,2024-01-02,t\n2,"The ""Crew""",,,f\n4,,3.0,2024-01-03,\n'),
        (
            "FORMAT AS CSV DELIMITER AS '|' HEADER",
            'id|name|seats|day|here\n1|"Race|track"|1.5|2024-01-02|t\n2|"The ""Crew"""|||f\n'
            "4||3.0|2024-01-03|\n",
        ),
        (
            "JSON",
            '{"id":1,"name":"Race|track","seats":1.5,"day":"2024-01-02","here":"t"}\n'
            '{"id":2,"name":"The \\"Crew\\"","seats":null,"day":null,"here":"f"}\n'
            '{"id":4,"name":null,"seats":3.0,"day":"2024-01-03","here":null}\n',
        ),
    ],
)
def test_rows_in_each_format(unloads: Unloads, venue: str, options: str, expected: str) -> None:
    found = unloads.files(query(venue), f"{options} PARALLEL OFF")
    assert {name: body.decode() for name, body in found.items()} == {"000": expected}


def test_parallel_files_have_a_slice_and_a_part(unloads: Unloads, venue: str) -> None:
    told, prefix = unloads.run(query(venue), prefix=f"{uuid.uuid4().hex}/venue_pipe_")
    assert told["ResultRows"] == 3
    found = unloads.objects(prefix)
    assert sorted(found) == ["0000_part_00", "0001_part_00"]
    assert b"".join(found.values()).count(b"\n") == 3
    assert list(unloads.files(f"SELECT * FROM {venue} WHERE id < 0")) == ["0000_part_00"]


def test_parquet_files(unloads: Unloads, venue: str) -> None:
    found = unloads.files(query(venue), "FORMAT AS PARQUET PARALLEL OFF")
    assert list(found) == ["000.parquet"]
    table = pq.read_table(io.BytesIO(found["000.parquet"]))
    assert table.schema.types == [
        pa.int32(), pa.string(), pa.decimal128(8, 1), pa.date32(), pa.bool_(),
    ]  # fmt: skip
    assert table.to_pylist()[0] == {
        "id": 1, "name": "Race|track", "seats": Decimal("1.5"), "day": date(2024, 1, 2),
        "here": True,
    }  # fmt: skip
    sums = unloads.files(f"SELECT SUM(id) AS n, COUNT(*) FROM {venue}", "PARQUET")
    assert pq.read_table(io.BytesIO(sums["0000_part_00.parquet"])).column("n").to_pylist() == [7]


@pytest.mark.parametrize(
    "options, name, decompress",
    [
        ("GZIP", "000.gz", gzip.decompress),
        ("BZIP2", "000.bz2", bz2.decompress),
        (
            "ZSTD",
            "000.zst",
            lambda body: pa.CompressedInputStream(pa.BufferReader(body), "zstd").read(),
        ),
    ],
)
def test_compressed_files(
    unloads: Unloads, venue: str, options: str, name: str, decompress: Any
) -> None:
    found = unloads.files(f"SELECT id FROM {venue} ORDER BY 1", f"{options} PARALLEL OFF")
    assert {key: decompress(body) for key, body in found.items()} == {name: b"1\n2\n4\n"}


def test_a_manifest_lists_the_files(unloads: Unloads, venue: str) -> None:
    found = unloads.files(query(venue), "MANIFEST", prefix := f"{uuid.uuid4().hex}/v_")
    manifest = json.loads(found.pop("manifest"))
    urls = [f"s3://{BUCKET}/{prefix}{name}" for name in sorted(found)]
    assert manifest == {"entries": [{"url": url} for url in urls]}
    verbose = unloads.files(query(venue), "MANIFEST VERBOSE PARALLEL OFF HEADER")
    told = json.loads(verbose["manifest"])
    size = len(verbose["000"])
    assert told["entries"][0]["meta"] == {"content_length": size, "record_count": 4}
    assert told["meta"] == {"content_length": size, "record_count": 4}
    assert told["author"]["name"] == "Amazon Redshift"
    assert [each["name"] for each in told["schema"]["elements"]] == [
        "id", "name", "seats", "day", "here",
    ]  # fmt: skip
    assert told["schema"]["elements"][2]["type"] == {"base": "numeric", "precision": 8, "scale": 1}


def test_partitions_are_folders(unloads: Unloads, venue: str) -> None:
    told, prefix = unloads.run(
        f"SELECT id, here, seats AS s FROM {venue}", "PARTITION BY (here, s) CSV", "p/a"
    )
    assert told["Status"] == "FINISHED", told["Error"]
    none = "__HIVE_DEFAULT_PARTITION__"
    found = unloads.objects("p/a/")
    assert {name.rpartition("/")[0]: body for name, body in found.items()} == {
        "here=t/s=1.5": b"1\n", f"here=f/s={none}": b"2\n", f"here={none}/s=3.0": b"4\n",
    }  # fmt: skip
    kept = unloads.files(f"SELECT id, name FROM {venue}", "PARTITION BY (name) INCLUDE")
    assert kept["name=Race|track/0000_part_00"] == b"1|Race|track\n"
    assert "name=The %22Crew%22/0000_part_00" in kept
    for clause, message in (
        ("PARTITION BY (nothing)", "is not one of the query"),
        ("PARTITION BY (id, name)", "a column that is not one of PARTITION BY"),
        ("INCLUDE", "syntax error"),
    ):
        told, _ = unloads.run(f"SELECT id, name FROM {venue}", clause)
        assert message in told["Error"]


def test_what_is_there_is_not_overwritten_unasked(unloads: Unloads, venue: str) -> None:
    select = f"SELECT id FROM {venue} ORDER BY 1"
    told, prefix = unloads.run(select, "PARALLEL OFF")
    unloads.s3.put_object(Bucket=BUCKET, Key=f"{prefix}other", Body=b"kept")
    again, _ = unloads.run(select, "PARALLEL OFF", prefix)
    assert "Specified unload destination on S3 is not empty" in again["Error"]
    over = unloads.files(f"{select} DESC", "PARALLEL OFF ALLOWOVERWRITE", prefix)
    assert over == {"000": b"4\n2\n1\n", "other": b"kept"}
    clean = unloads.files(select, "CLEANPATH", prefix)
    assert sorted(clean) == ["0000_part_00", "0001_part_00"]
    both, _ = unloads.run(select, "CLEANPATH ALLOWOVERWRITE", prefix)
    assert "conflicting" in both["Error"]


def test_cleanpath_of_partitions_empties_only_those_that_are_written(
    unloads: Unloads, venue: str
) -> None:
    prefix = f"{uuid.uuid4().hex}/"
    for old in ("here=t/old", "here=x/old"):
        unloads.s3.put_object(Bucket=BUCKET, Key=prefix + old, Body=b"old")
    select = f"SELECT id, here FROM {venue} WHERE here"
    found = unloads.files(select, "PARTITION BY (here) CLEANPATH", prefix)
    assert found == {"here=t/0000_part_00": b"1\n", "here=x/old": b"old"}


def test_files_have_a_maximal_size(unloads: Unloads, venue: str) -> None:
    ten = " CROSS JOIN ".join(f"(SELECT 1 AS n UNION ALL SELECT 2) AS t{n}" for n in range(8))
    select = f"SELECT REPEAT('x', 30000) AS text FROM {ten}"
    found = unloads.files(select, "MAXFILESIZE AS 5 MB PARALLEL OFF")
    assert sorted(found) == ["000", "001"]
    assert [len(found[name]) for name in sorted(found)] == [174 * 30001, 82 * 30001]
    for size in ("4", "7 GB", "6.3 GB"):
        told, _ = unloads.run(select, f"MAXFILESIZE {size}")
        assert "between 5 MB and 6.2 GB" in told["Error"]


@pytest.mark.parametrize(
    "sql, message",
    [
        ("SELECT 1 LIMIT 1", "Limit clause is not supported"),
        ("SELECT TOP 1 1", "Limit clause is not supported"),
        ("DELETE FROM x", "UNLOAD needs a SELECT"),
        ("SELECT * FROM missing", "does not exist"),
        ("SELECT 1 / (id - 2) FROM (SELECT 1 AS id UNION ALL SELECT 2) AS t", "Divide by zero"),
        ("SELECT * FROM read_csv('/etc/passwd')", "ERROR"),
        ("SELEC", "syntax error"),
        ("", "ERROR"),
    ],
)
def test_a_query_that_fails_leaves_no_file(unloads: Unloads, sql: str, message: str) -> None:
    told, prefix = unloads.run(sql, "MANIFEST")
    assert message in told["Error"]
    assert unloads.objects(prefix) == {}


@pytest.mark.parametrize(
    "options, message",
    [
        ("FIXEDWIDTH 'a:3'", "FIXEDWIDTH of UNLOAD is not supported by the local Redshift"),
        ("ENCRYPTED", "ENCRYPTED of UNLOAD is not supported by the local Redshift"),
        ("EXTENSION 'x'", "EXTENSION of UNLOAD is not supported by the local Redshift"),
        ("ROWGROUPSIZE 32 MB", "ROWGROUPSIZE of UNLOAD is not supported by the local Redshift"),
        ("REGION 'eu-west-1'", "not supported by the local Redshift"),
        ("CSV ESCAPE", "not supported by the local Redshift"),
        ("PARQUET GZIP", "PARQUET is not compatible with GZIP"),
        ("PARQUET HEADER DELIMITER ','", "PARQUET is not compatible with DELIMITER, HEADER"),
        ("JSON NULL AS 'x'", "JSON is not compatible with NULL"),
        ("CSV PARQUET", "conflicting"),
        ("GZIP ZSTD", "conflicting"),
        ("CSV CSV", "redundant options: CSV"),
        ("DELIMITER 'ab'", "several characters is not supported by the local Redshift"),
        ("PARALLEL MAYBE", "syntax error"),
        ("SURPRISE", "syntax error"),
    ],
)
def test_other_options_are_refused(unloads: Unloads, options: str, message: str) -> None:
    told, prefix = unloads.run("SELECT 1 AS a", options)
    assert message in told["Error"]
    assert unloads.objects(prefix) == {}


@pytest.mark.parametrize(
    "url", ["/tmp/escape", "s3://unloads/../../escape/", "s3://absent-bucket/x", "s3://unloads//x"]
)
def test_no_file_is_written_elsewhere(unloads: Unloads, url: str) -> None:
    told = run(unloads.data, f"UNLOAD ('SELECT 1') TO '{url}' {ROLE}")
    assert told["Status"] == "FAILED"
    assert told["Error"].startswith("ERROR: ")
    without = run(unloads.data, f"UNLOAD ('SELECT 1') TO 's3://{BUCKET}/role/'")
    assert "IAM_ROLE" in without["Error"]


def test_an_unload_sees_its_transaction_and_is_not_undone_with_it(
    unloads: Unloads, venue: str
) -> None:
    prefix = f"{uuid.uuid4().hex}/"
    told = batch(
        unloads.data,
        f"INSERT INTO {venue} (id) VALUES (9)",
        f"UNLOAD ('SELECT id FROM {venue} WHERE id = 9') TO 's3://{BUCKET}/{prefix}' {ROLE}",
        "SELECT pg_last_unload_count()",
        "SELECT * FROM missing",
    )
    assert told["SubStatements"][1]["ResultRows"] == 1
    assert unloads.objects(prefix) == {"0000_part_00": b"9\n"}
    assert rows(unloads.data, f"SELECT COUNT(*) FROM {venue}") == [[3]]


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
ROWS = st.lists(
    st.tuples(
        st.integers(-(2**63), 2**63 - 1) | st.none(),
        (TEXTS | st.text(st.sampled_from("\\|,\"'\n\r\tN ab"), max_size=9)).filter(
            lambda text: text != r"\N"  # is NULL to COPY, escaped or not
        )
        | st.none(),
        st.decimals(-(10**10), 10**10, places=3, allow_nan=False) | st.none(),
        st.floats(allow_nan=False, allow_infinity=False, allow_subnormal=False) | st.none(),
        st.floats(width=32, allow_nan=False, allow_infinity=False, allow_subnormal=False)
        | st.none(),
        st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)) | st.none(),
        st.dates(date(1, 1, 1)) | st.none(),
        st.booleans() | st.none(),
    ),
    max_size=8,
)
FORMATS = [
    (r"ESCAPE NULL AS '\N'", "ESCAPE"),
    (r"ADDQUOTES ESCAPE DELIMITER ',' NULL AS '\N'", "REMOVEQUOTES ESCAPE DELIMITER ','"),
    (r"ESCAPE DELIMITER '\t' NULL '\N' GZIP HEADER", r"ESCAPE DELIMITER '\t' GZIP IGNOREHEADER 1"),
    (r"CSV NULL AS '\N'", "CSV"),
    (r"CSV NULL AS '\N' HEADER ZSTD PARALLEL OFF", "CSV IGNOREHEADER 1 ZSTD"),
    ("JSON", "JSON"),
    ("PARQUET", "PARQUET"),
]
KINDS = (
    "i BIGINT, t VARCHAR(40), d DECIMAL(14,3), f DOUBLE PRECISION, r REAL, at TIMESTAMP, "
    "day DATE, b BOOLEAN"
)
SCHEMA = pa.schema(
    [
        ("i", pa.int64()), ("t", pa.string()), ("d", pa.decimal128(14, 3)), ("f", pa.float64()),
        ("r", pa.float32()), ("at", pa.timestamp("us")), ("day", pa.date32()), ("b", pa.bool_()),
    ]
)  # fmt: skip


@settings(max_examples=25, deadline=None)
@given(found=ROWS, form=st.sampled_from(FORMATS))
def test_what_is_unloaded_is_loaded_as_it_was(
    unloads: Unloads, found: list[Any], form: tuple[str, str]
) -> None:
    body = io.BytesIO()
    names = SCHEMA.names
    table = pa.Table.from_pylist([dict(zip(names, row, strict=True)) for row in found], SCHEMA)
    pq.write_table(table, body)
    prefix = uuid.uuid4().hex
    unloads.s3.put_object(Bucket=BUCKET, Key=f"in/{prefix}", Body=body.getvalue())
    first, second = fresh(), fresh()
    told = batch(
        unloads.data,
        f"CREATE TABLE {first} ({KINDS})",
        f"CREATE TABLE {second} ({KINDS})",
        f"COPY {first} FROM 's3://{BUCKET}/in/{prefix}' {ROLE} PARQUET",
        f"UNLOAD ('SELECT * FROM {first}') TO 's3://{BUCKET}/out/{prefix}/' {ROLE} MANIFEST "
        f"{form[0]}",
        f"COPY {second} FROM 's3://{BUCKET}/out/{prefix}/manifest' {ROLE} MANIFEST {form[1]}",
        f"SELECT COUNT(*) FROM (SELECT * FROM {first} EXCEPT SELECT * FROM {second})",
        f"SELECT COUNT(*) FROM {second}",
    )
    assert told["Status"] == "FINISHED", told["Error"]
    result = unloads.data.get_statement_result
    assert result(Id=f"{told['Id']}:6")["Records"] == [[{"longValue": 0}]]
    assert result(Id=f"{told['Id']}:7")["Records"] == [[{"longValue": len(found)}]]
