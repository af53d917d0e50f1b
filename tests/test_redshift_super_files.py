# ruff: noqa: F811 (data is a fixture)
"""SUPER in files: COPY reads documents into it, UNLOAD writes them as JSON."""

from __future__ import annotations

import io
import uuid
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.test_redshift_data import data, fresh, rows, run  # noqa: F401  (data is a fixture)
from workbench.endpoint import Endpoint

BUCKET = "documents"
ROLE = "IAM_ROLE 'arn:aws:iam::123456789012:role/documents'"
DOCUMENT = '{"a":[1.50,{"b":"x|y, \\"z\\"\\n"}]}'
ROWS = [[1, DOCUMENT, "q"], [2, None, "z"], [3, '"text"', "r"]]


class Documents:
    """Tables with a document in each row, and the files of a bucket."""

    def __init__(self, client: Any, s3: Any) -> None:
        self.data, self.s3 = client, s3

    def table(self) -> str:
        name = fresh()
        made = run(self.data, f"CREATE TABLE {name} (id INTEGER, doc SUPER, s VARCHAR(5))")
        assert made["Status"] == "FINISHED", made["Error"]
        return name

    def put(self, body: str) -> str:
        key = uuid.uuid4().hex
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body.encode())
        return f"s3://{BUCKET}/{key}"

    def copy(self, table: str, url: str, options: str) -> dict[str, Any]:
        return run(self.data, f"COPY {table} FROM '{url}' {ROLE} {options}")

    def loaded(self, body: str, options: str) -> list[list[Any]]:
        table = self.table()
        copied = self.copy(table, self.put(body), options)
        assert copied["Status"] == "FINISHED", copied["Error"]
        return rows(self.data, f"SELECT * FROM {table} ORDER BY id")

    def unload(self, query: str, options: str) -> tuple[str, bytes]:
        """The URL and the body of the one file that an UNLOAD writes."""
        prefix = f"{uuid.uuid4().hex}/"
        sql = f"UNLOAD ('{query}') TO 's3://{BUCKET}/{prefix}' {ROLE} {options} PARALLEL OFF"
        told = run(self.data, sql)
        assert told["Status"] == "FINISHED", told["Error"]
        listed = self.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
        assert len(listed) == 1
        body = self.s3.get_object(Bucket=BUCKET, Key=listed[0]["Key"])["Body"].read()
        return f"s3://{BUCKET}/{prefix}", body


@pytest.fixture(scope="module")
def documents(data: Any, endpoint: Endpoint) -> Documents:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return Documents(data, s3)


@pytest.fixture(scope="module")
def filled(documents: Documents) -> str:
    name = documents.table()
    parsed = DOCUMENT.replace("\\", "\\\\")  # a backslash escapes in a literal
    values = f"(1, JSON_PARSE('{parsed}'), 'q'), (2, NULL, 'z'), (3, JSON_PARSE('\"text\"'), 'r')"
    made = run(documents.data, f"INSERT INTO {name} VALUES {values}")
    assert made["Status"] == "FINISHED", made["Error"]
    return name


@pytest.mark.parametrize(
    "options", ["JSON", "CSV", "CSV NULL AS 'none'", "ESCAPE", "ESCAPE ADDQUOTES GZIP"]
)
def test_documents_that_are_unloaded_are_loaded_as_they_were(
    documents: Documents, filled: str, options: str
) -> None:
    url, _ = documents.unload(f"SELECT * FROM {filled}", options)
    table = documents.table()
    reading = options.replace("ADDQUOTES", "REMOVEQUOTES")
    copied = documents.copy(table, url, reading)
    assert copied["Status"] == "FINISHED", copied["Error"]
    assert rows(documents.data, f"SELECT * FROM {table} ORDER BY id") == ROWS


def test_documents_are_written_as_json(documents: Documents, filled: str) -> None:
    query = f"SELECT id, doc FROM {filled} ORDER BY id"
    _, lines = documents.unload(query, "CSV NULL AS 'none'")
    assert lines.decode().splitlines()[1:] == ["2,null", '3,"""text"""']  # whatever NULL AS says
    _, lines = documents.unload(f"SELECT id, doc.a[0] AS first FROM {filled} ORDER BY id", "JSON")
    assert lines.decode().splitlines()[:2] == ['{"id":1,"first":1.50}', '{"id":2,"first":null}']
    _, parquet = documents.unload(query, "PARQUET")
    found = pq.read_table(io.BytesIO(parquet)).column("doc").to_pylist()
    assert found == [DOCUMENT, None, '"text"']


@pytest.mark.parametrize(
    "body, options, expected",
    [
        ('1|{"a": 1.50}|x\n2||y\n3|null|z\n', "", [['{"a":1.50}'], [None], [None]]),
        ('{"id": 1, "doc": "1"}\n{"id": 2}\n', "JSON 'auto'", [['"1"'], [None]]),
        ('{"ID": 1, "Doc": {"A": 1}}\n', "JSON 'auto ignorecase'", [['{"A":1}']]),
    ],
)
def test_fields_become_documents(
    documents: Documents, body: str, options: str, expected: list[list[Any]]
) -> None:
    found = documents.loaded(body, options)
    assert [[row[1]] for row in found] == expected


def test_jsonpaths_lead_to_documents(documents: Documents) -> None:
    paths = documents.put('{"jsonpaths": ["$.id", "$.who.names", "$.s"]}')
    found = documents.loaded('{"id": 1, "who": {"names": ["a", "b"]}, "s": "x"}', f"JSON '{paths}'")
    assert found == [[1, '["a","b"]', "x"]]


def test_noshred_takes_whole_documents(documents: Documents) -> None:
    table = fresh()
    run(documents.data, f"CREATE TABLE {table} (doc SUPER)")
    url = documents.put('{"a": [1, 2.50]}\n[3]\n')
    assert documents.copy(table, url, "JSON 'noshred'")["ResultRows"] == 2
    found = rows(documents.data, f"SELECT doc FROM {table} ORDER BY doc")
    assert found == [["[3]"], ['{"a":[1,2.50]}']]
    assert "single column" in documents.copy(documents.table(), url, "JSON 'noshred'")["Error"]


def test_what_is_no_document_is_noted(documents: Documents) -> None:
    table = documents.table()
    url = documents.put('1|{"a": 1|x\n2|[1]|y\n3|"\\ud800"|z\n')
    copied = documents.copy(table, url, "MAXERROR 3")
    assert copied["Status"] == "FINISHED", copied["Error"]
    assert rows(documents.data, f"SELECT id FROM {table}") == [[2]]
    noted = rows(
        documents.data,
        "SELECT line_number, colname, type, err_code FROM stl_load_errors "
        f"WHERE query = {copied['RedshiftQueryId']} ORDER BY line_number",
    )
    assert noted == [[1, "doc", "super", 1224], [3, "doc", "super", 1224]]


@pytest.mark.parametrize(
    "sql, message",
    [
        ("COPY {t} FROM '{url}' {role} FORMAT PARQUET", "PARQUET into a column of type SUPER"),
        ("COPY {t} FROM '{url}' {role} FORMAT PARQUET SERIALIZETOJSON", "SERIALIZETOJSON"),
        ("UNLOAD ('SELECT * FROM {t}') TO '{url}-' {role} PARTITION BY (doc)", "type SUPER"),
    ],
)
def test_what_files_cannot_do_with_documents_is_refused_by_name(
    documents: Documents, filled: str, sql: str, message: str
) -> None:
    told = run(documents.data, sql.format(t=filled, url=documents.put("1"), role=ROLE))
    assert message in told["Error"]
    assert "STRUCT" not in told["Error"]
