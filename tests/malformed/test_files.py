"""A malformed file, library or address gets a clear error, and nothing of it is loaded."""

from __future__ import annotations

import gzip
import io
import json
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from etl_lib.errors import BadInput
from etl_lib.run import open_run
from tests.malformed.sending import BUCKET, ROLE, TABLE, sql
from workbench.endpoint import Endpoint

# Files: what COPY is given, by manifest or by prefix, and what it says.


def parquet(**changes: Any) -> bytes:
    columns = {"id": pa.array([2, 3], pa.int64()), "name": pa.array(["a", "b"])} | changes
    kept = {name: column for name, column in columns.items() if column is not None}
    body = io.BytesIO()
    pq.write_table(pa.table(kept), body, compression="none", use_dictionary=False)
    return body.getvalue()


GOOD = parquet()
MANY = parquet(id=pa.array(range(20_000)), name=pa.array(["abcde"] * 20_000))
FILES: dict[str, bytes] = {
    "empty": b"",
    "text": b"id,name\n2,two\n",
    "gzip": gzip.compress(GOOD),
    "json": b'{"id": 2, "name": "two"}',
    "begins": b"PAR1",
    "begins and ends": b"PAR1" + b"\0" * 100 + b"PAR1",
    "long footer": b"PAR1" + b"\xff" * 4 + b"PAR1",
    "truncated": GOOD[: len(GOOD) // 2],
    "without its last byte": GOOD[:-1],
    "without its first bytes": GOOD[8:],
    "zeros in its footer": GOOD[:-60] + b"\0" * 40 + GOOD[-20:],
    "zeros in its pages": GOOD[:4] + b"\0" * 60 + GOOD[64:],
    "damaged halfway": MANY[:100_000] + b"\xff" * 150_000 + MANY[250_000:],
    "a column less": parquet(name=None),
    "a column more": parquet(more=pa.array([1, 1])),
    "text for a number": parquet(id=pa.array(["2", "3"])),
    "a number for text": parquet(name=pa.array([2, 3])),
    "a smaller number": parquet(id=pa.array([2, 3], pa.int32())),
    "a list": parquet(name=pa.array([["a"], ["b"]])),
    "a struct": parquet(name=pa.array([{"a": 1}, {"a": 2}])),
    "bytes": parquet(name=pa.array([b"a", b"\xff"])),
    "a null where none may be": parquet(id=pa.array([2, None], pa.int64())),
    "a text too long": parquet(name=pa.array(["a", "abcdef"])),
    "a text of too many bytes": parquet(name=pa.array(["a", "äöü"])),
}


def copied(endpoint: Endpoint, body: bytes, options: str = "", into: str = TABLE) -> dict[str, Any]:
    """COPY from an object that holds ``body``; the object is gone afterwards."""
    s3 = endpoint.client("s3")
    s3.put_object(Bucket=BUCKET, Key="given/file", Body=body)
    try:
        from_ = f"COPY {into} FROM 's3://{BUCKET}/given/file' IAM_ROLE '{ROLE}'"
        return sql(endpoint, f"{from_} FORMAT AS PARQUET {options}")
    finally:
        s3.delete_object(Bucket=BUCKET, Key="given/file")


def assert_refused(endpoint: Endpoint, told: dict[str, Any]) -> None:
    print("->", told.get("Error", "")[:250])
    assert told["Status"] == "FAILED" and told["Error"].startswith("ERROR: "), told
    assert "InternalFailure" not in told["Error"]
    rows = sql(endpoint, f"SELECT id, name FROM {TABLE}")
    assert rows["ResultRows"] == 1


@pytest.mark.parametrize("name", FILES)
def test_a_file(unharmed: Endpoint, name: str) -> None:
    assert_refused(unharmed, copied(unharmed, FILES[name]))


def test_a_good_file_and_a_bad_one_load_neither(unharmed: Endpoint) -> None:
    s3 = unharmed.client("s3")
    s3.put_object(Bucket=BUCKET, Key="given/file-1", Body=GOOD)
    assert_refused(unharmed, copied(unharmed, FILES["damaged halfway"]))
    s3.delete_object(Bucket=BUCKET, Key="given/file-1")


def entries(*urls: Any, **more: Any) -> dict[str, Any]:
    meta = {"content_length": 4}
    return {"entries": [{"url": url, "mandatory": True, "meta": meta, **more} for url in urls]}


HERE = f"s3://{BUCKET}"
MANIFESTS: dict[str, Any] = {
    "empty": b"",
    "not JSON": b"{",
    "not UTF-8": b"\xff",
    "a Parquet file": GOOD,
    "nested too deeply": b"[" * 200_000,
    "null": None,
    "a number": 3,
    "a list": [],
    "without entries": {},
    "entries null": {"entries": None},
    "entries text": {"entries": "kept"},
    "entries a table": {"entries": {"url": f"{HERE}/kept"}},
    "no entry": {"entries": []},
    "an entry of text": {"entries": [f"{HERE}/kept"]},
    "an entry of null": {"entries": [None]},
    "no url": {"entries": [{"mandatory": True, "meta": {"content_length": 4}}]},
    "url null": entries(None),
    "url a number": entries(3),
    "url a list": entries([f"{HERE}/kept"]),
    "url empty": entries(""),
    "url of the web": entries("http://127.0.0.1/kept"),
    "url of a file": entries("file:///etc/passwd"),
    "a path": entries("/etc/passwd"),
    "no key": entries(HERE),
    "a folder": entries(f"{HERE}/given/"),
    "a missing file": entries(f"{HERE}/absent"),
    "a missing bucket": entries("s3://absent-bucket/kept"),
    "one is missing": entries(f"{HERE}/kept", f"{HERE}/absent"),
    "outside": entries(f"{HERE}/../../endpoint.json"),
    "outside to another bucket": entries(f"{HERE}/../{BUCKET}-other/kept"),
    "outside encoded": entries(f"{HERE}/%2e%2e/%2e%2e/endpoint.json"),
    "a NUL": entries(f"{HERE}/ke\0pt"),
    "quotes": entries(f"{HERE}/kept'; DROP TABLE kept; --"),
    "no length": {"entries": [{"url": f"{HERE}/kept", "mandatory": True}]},
    "meta text": entries(f"{HERE}/kept", meta="4"),
    "length text": entries(f"{HERE}/kept", meta={"content_length": "4"}),
    "length wrong": entries(f"{HERE}/kept", meta={"content_length": 5}),
    "length below zero": entries(f"{HERE}/kept", meta={"content_length": -1}),
    "not Parquet": entries(f"{HERE}/kept"),
}


@pytest.mark.parametrize("name", MANIFESTS)
def test_a_manifest(unharmed: Endpoint, name: str) -> None:
    given = MANIFESTS[name]
    body = given if isinstance(given, bytes) else json.dumps(given).encode()
    assert_refused(unharmed, copied(unharmed, body, "MANIFEST"))


@pytest.mark.parametrize(
    "statement",
    [
        f"COPY {TABLE} FROM '{HERE}/absent' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} FROM '{HERE}/kept' FORMAT PARQUET",
        f"COPY {TABLE} FROM '{HERE}/kept' IAM_ROLE '{ROLE}' FORMAT PARQUET SURPRISE",
        f"COPY absent FROM '{HERE}/kept' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} (nothing) FROM '{HERE}/kept' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} FROM 's3://{BUCKET}/../../x' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} FROM '/etc/passwd' IAM_ROLE '{ROLE}' FORMAT PARQUET",
        f"COPY {TABLE} FROM '{HERE}/kept' IAM_ROLE '{ROLE}",
        "COPY",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        f"COPY {TABLE} TO '/tmp/escape'",
        "ATTACH '/tmp/escape'",
        "PRAGMA database_list",
        "INSTALL httpfs",
        "SELEKT 1",
        "SELECT (((((1",
        "SELECT " + "(" * 5_000 + "1" + ")" * 5_000,
        "SELECT 'unfinished",
        "/* unfinished",
        f"DROP TABLE {TABLE}, absent",
        f"INSERT INTO {TABLE} VALUES (1)",
        f"INSERT INTO {TABLE} VALUES (NULL, 'x')",
        f"INSERT INTO {TABLE} VALUES (2, 'too long')",
        "SELECT '\\0'::INT",
    ],
    ids=lambda text: text[:40],
)
def test_a_statement(unharmed: Endpoint, statement: str) -> None:
    assert_refused(unharmed, sql(unharmed, statement))


# Libraries of jobs, and names.


def archive(*members: Any) -> bytes:
    body = io.BytesIO()
    with zipfile.ZipFile(body, "w", zipfile.ZIP_DEFLATED) as file:
        for member, content in members:
            file.writestr(member, content)
    return body.getvalue()


def link(name: str) -> zipfile.ZipInfo:
    made = zipfile.ZipInfo(name)
    made.create_system, made.external_attr = 3, 0o120777 << 16
    return made


def lying(size: int) -> bytes:
    """A zip whose directory says that a member unzips to ``size`` bytes."""
    body = bytearray(archive(("a.py", "x = 1")))
    at = body.index(b"PK\x01\x02") + 24
    body[at : at + 4] = size.to_bytes(4, "little")
    return bytes(body)


ZIPS: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "not a zip"),
    "text": (b"import os", "not a zip"),
    "truncated": (archive(("a.py", "x = 1"))[:-10], "not a zip"),
    "upwards": (archive(("../escape.py", "")), "unsafe member"),
    "upwards later": (archive(("a/../../escape.py", "")), "unsafe member"),
    "upwards by backslash": (archive(("..\\escape.py", "")), "unsafe member"),
    "absolute": (archive(("/tmp/escape.py", "")), "unsafe member"),
    "of a drive": (archive(("C:\\escape.py", "")), "unsafe member"),
    "a link": (archive((link("escape.py"), "/etc/passwd")), "unsafe member"),
    "a good one and a bad one": (archive(("a.py", ""), ("../escape.py", "")), "unsafe member"),
    "a bomb": (lying(2**31), "bytes unzipped"),
}


@pytest.fixture
def job_error(unharmed: Endpoint) -> Callable[..., str]:
    """Start a run of a job; why it failed."""

    def run(arguments: dict[str, str]) -> str:
        glue = unharmed.client("glue")
        run_id = glue.start_job_run(JobName=TABLE, Arguments=arguments)["JobRunId"]
        while True:
            found = glue.get_job_run(JobName=TABLE, RunId=run_id)["JobRun"]
            if found["JobRunState"] in ("FAILED", "SUCCEEDED", "ERROR"):
                assert found["JobRunState"] == "FAILED", found
                return str(found["ErrorMessage"])
            time.sleep(0.02)

    return run


@pytest.mark.parametrize("name", ZIPS)
def test_a_library(unharmed: Endpoint, job_error: Callable[..., str], name: str) -> None:
    body, problem = ZIPS[name]
    s3 = unharmed.client("s3")
    s3.put_object(Bucket=BUCKET, Key="given/lib.zip", Body=body)
    message = job_error({"--extra-py-files": f"{HERE}/given/lib.zip"})
    s3.delete_object(Bucket=BUCKET, Key="given/lib.zip")
    assert "--extra-py-files" in message and problem in message


@pytest.mark.parametrize(
    "uri",
    [
        f"{HERE}/absent.zip",
        f"{HERE}/../../endpoint.json",
        f"{HERE}/kept",
        "/etc/passwd",
        "file:///etc/passwd",
        "s3://",
        f"{HERE}/script.py,{HERE}/script.py",
    ],
)
def test_an_address_of_a_library(job_error: Callable[..., str], uri: str) -> None:
    assert "--extra-py-files" in job_error({"--extra-py-files": uri})


@pytest.mark.parametrize(
    "run_id", [".", "..", "../x", "a/b", "/etc/x", "a\\b", "a\0b", "a\nb", "%2e%2e", "x" * 81]
)
def test_a_run_id(unharmed: Endpoint, monkeypatch: pytest.MonkeyPatch, run_id: str) -> None:
    for name, value in unharmed.environment().items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match="run_id"):
        open_run(run_id, BUCKET, "", "", "local", "dev", "", TABLE)
