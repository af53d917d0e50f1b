# ruff: noqa: E501, F811 (a statement stands on one line; data is a fixture)
"""SUPER: documents in a column, navigated and unnested as PartiQL does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.test_redshift_data import (  # noqa: F401  (data is a fixture)
    AT,
    batch,
    data,
    fresh,
    rows,
    run,
)
from workbench import endpoint as local_aws

ORDERS = """{"id": 7, "total": 19.90, "paid": true, "note": null, "who": {"Name": "A", "city": "Bonn "},
 "items": [{"sku": "x", "n": 2, "tags": ["a", "b"]}, {"sku": "y", "n": 3, "tags": []}]}"""


@pytest.fixture(scope="module")
def name(data: Any) -> str:
    name = fresh()
    run(data, f"CREATE TABLE {name} (id INTEGER, doc SUPER)")
    for row in (
        f"1, JSON_PARSE('{ORDERS}')",
        """2, JSON_PARSE('{"id": "7", "items": []}')""",
        "3, NULL",
    ):
        made = run(data, f"INSERT INTO {name} VALUES ({row})")
        assert made["Status"] == "FINISHED", made["Error"]
    return name


@pytest.mark.parametrize(
    "expression, expected",
    [
        ("doc.id", ["7", '"7"', None]),
        ("t.doc.items[1].sku", ['"y"', None, None]),
        ("public.t.doc.total", None),
        ("doc.total", ["19.90", None, None]),
        ("doc.who.Name", [None, None, None]),  # attributes are looked for in lower case
        ("doc.items[0].tags", ['["a","b"]', None, None]),
        ("doc.items[9].sku", [None, None, None]),
        ("doc.id.nothing[0]", [None, None, None]),
        ("doc.note IS NULL", [True, True, True]),
        ("doc.id::INTEGER + 1", [8, 8, None]),
        ("doc.total::DECIMAL(9,2)", ["19.90", None, None]),
        ("doc.items[0].sku::INTEGER", [None, None, None]),
        ("doc.items[0].sku::VARCHAR", ["x", None, None]),
        ("doc.items::VARCHAR", [None, None, None]),
        ("doc.paid::BOOLEAN", [True, None, None]),
        ("doc.id = 7", [True, False, None]),
        ("doc.id = '7'", [False, True, None]),
        ("doc.id < 8", [True, None, None]),
        ("doc.who.city = 'Bonn'", [True, None, None]),
        ("doc.total = 19.9", [True, None, None]),
        ("doc.items[0].tags = ARRAY('a', 'b')", [True, None, None]),
        ("IS_OBJECT(doc)", [True, True, False]),
        ("IS_INTEGER(doc.id)", [True, False, False]),
        ("IS_DECIMAL(doc.total)", [True, False, False]),
        ("IS_ARRAY(doc.items)", [True, True, False]),
        ("GET_ARRAY_LENGTH(doc.items)", [2, 0, None]),
        ("JSON_SERIALIZE(doc.who)", ['{"Name":"A","city":"Bonn "}', None, None]),
        ("JSON_SIZE(doc.items[1].tags)", [2, None, None]),
    ],
)  # fmt: skip
def test_navigation_casts_and_comparisons(
    data: Any,
    name: str,
    expression: str,
    expected: list[Any] | None,
) -> None:
    if expected is None:
        assert run(data, f"SELECT {expression} FROM {name} t")["Status"] == "FAILED"
        return
    found = rows(data, f"SELECT {expression} FROM {name} AS t ORDER BY t.id")
    assert [row[0] for row in found] == expected


@pytest.mark.parametrize(
    "query, expected",
    [
        ("SELECT i.sku, i.n::INT FROM {} t, t.doc.items AS i WHERE t.id = 1 ORDER BY 2", [['"x"', 2], ['"y"', 3]]),
        ("SELECT i, at_ FROM {} t, t.doc.items[0].tags AS i AT at_", "syntax error"),
        ("SELECT t.id, k, g FROM {} t, t.doc.items AS i, i.tags AS g AT k ORDER BY k", [[1, 0, '"a"'], [1, 1, '"b"']]),
        ("SELECT SUM(i.n::INT) FROM {} AS t, t.doc.items i WHERE i.sku = 'y'", [[3]]),
        ("SELECT i.sku, COUNT(*) FROM {} t, t.doc.items i GROUP BY i.sku ORDER BY 1", [['"x"', 1], ['"y"', 1]]),
        ("SELECT k, JSON_TYPEOF(v) FROM {} t, UNPIVOT t.doc.who AS v AT k WHERE t.id = 1 ORDER BY k", [["Name", "string"], ["city", "string"]]),
        ("SELECT t.id FROM {} t WHERE EXISTS (SELECT 1 FROM t.doc.items AS i WHERE i.n > 2)", [[1]]),
        ("SELECT s.d.id FROM (SELECT doc AS d FROM {} WHERE id = 1) AS s", [["7"]]),
        ("WITH w AS (SELECT doc FROM {}) SELECT i.sku FROM w, w.doc.items AS i ORDER BY 1", [['"x"'], ['"y"']]),
        ("SELECT i FROM {} t, t.doc.id AS i", "that is no array"),
        ("SELECT 1 FROM {} t LEFT JOIN t.doc.items AS i ON TRUE", "outer or conditional join"),
        ("SELECT doc || 'x' FROM {}", "ERROR: || of SUPER without a cast"),
        ("SELECT UPPER(doc) FROM {}", "SUPER is not supported"),
        ("SELECT doc.items[id] FROM {}", "that is no constant"),
        ("SELECT id.x FROM {}", "not SUPER"),
        ("UPDATE {} SET doc.id = 1", "partial update"),
        ("INSERT INTO {} VALUES (4, 'x')", "SUPER is not supported"),
    ],
)  # fmt: skip
def test_unnesting_and_what_is_refused(
    data: Any,
    name: str,
    query: str,
    expected: list[list[Any]] | str,
) -> None:
    if isinstance(expected, str):
        assert expected in run(data, query.format(name))["Error"]
    else:
        assert rows(data, query.format(name)) == expected


@pytest.mark.parametrize(
    "expression, expected",
    [
        ('JSON_PARSE(\'[1, 2.50, "ä", null, {"a": true}]\')', '[1,2.50,"ä",null,{"a":true}]'),
        ("JSON_PARSE('null')", None),
        ("ARRAY(1, 'abc', NULL, 3.14, ARRAY())", '[1,"abc",null,3.14,[]]'),
        ("OBJECT('a', 1, 'b', OBJECT())", '{"a":1,"b":{}}'),
        ("5::SUPER::BOOLEAN", True),
        ("5.0::SUPER::BOOLEAN", None),
        ("JSON_TYPEOF(JSON_PARSE('[1]'))", "array"),
        ("CAN_JSON_PARSE('{a')", False),
        ("IS_VALID_JSON('[1]')", False),
        ("IS_VALID_JSON_ARRAY('[\"a\", [1]]')", True),
        ("IS_VALID_JSON_ARRAY('[1,2,]')", False),
        ("JSON_ARRAY_LENGTH('[11, 12]')", 2),
        ("JSON_ARRAY_LENGTH('[11', TRUE)", None),
        ("JSON_EXTRACT_PATH_TEXT('{\"f4\": {\"f6\": \"star\"}}', 'f4', 'f6')", "star"),
        ("JSON_EXTRACT_PATH_TEXT('{\"a\": 1.50}', 'a')", "1.50"),
        ("JSON_EXTRACT_PATH_TEXT('{\"a\"', 'a', TRUE)", None),
        ("JSON_EXTRACT_PATH_TEXT('[null]', 0)", None),
        ("JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[111, 112, \"x\"]', 2)", "x"),
        ("JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[1]', 5)", None),
    ],
)
def test_values_and_json_in_texts(data: Any, expression: str, expected: Any) -> None:
    assert rows(data, f"SELECT {expression} AS v") == [[expected]]


@pytest.mark.parametrize(
    "sql, message",
    [
        ('SELECT JSON_PARSE(\'{"a": 1, "a": 2}\')', "appears twice"),
        ("SELECT JSON_PARSE('{a}')", "JSON parsing error"),
        ("SELECT JSON_PARSE('[NaN]')", "JSON parsing error"),
        ("SELECT JSON_PARSE('[1e5]')", "ERROR: A number with an exponent"),
        ("SELECT JSON_PARSE('\"' || REPEAT('x', 65536) || '\"')", "65535 bytes"),
        ("SELECT CAST('2019-09-09'::DATE AS SUPER)", "cannot cast type date to super"),
        ("SELECT JSON_TYPEOF(NULL::SUPER)", "JSON_TYPEOF of null"),
        ("SELECT JSON_EXTRACT_PATH_TEXT('{\"a\"', 'a')", "JSON parsing error"),
        ("SELECT JSON_EXTRACT_PATH_TEXT('{}', 'a', 'b', 'c', 'd', 'e', 'f')", "more than five"),
        ("SELECT ARRAY_FLATTEN(ARRAY(1))", "ARRAY_FLATTEN"),
        ("SELECT SUBARRAY(ARRAY(1), 0, 1)", "SUBARRAY"),
        ("CREATE TABLE {n} (a SUPER DEFAULT JSON_PARSE('1'))", "DEFAULT of SUPER"),
    ],
)
def test_what_super_refuses(data: Any, sql: str, message: str) -> None:
    described = run(data, sql.replace("{n}", fresh()))
    assert message in described.get("Error", "it ran")


def test_values_order_as_the_types_do_and_are_typed(data: Any) -> None:
    name = fresh()
    values = (
        "'AWS'::SUPER",
        "1::SUPER",
        "ARRAY(1, 'abc', NULL)",
        "CAST(-2.5 AS SUPER)",
        "'Amazon'::SUPER",
        "TRUE::SUPER",
    )
    made = batch(
        data,
        f"CREATE TABLE {name} (v SUPER)",
        *(f"INSERT INTO {name} SELECT {value}" for value in values),
        f"SELECT v FROM {name} WHERE v = 1",
    )
    assert made["Status"] == "FINISHED", made["Error"]
    found = rows(data, f"SELECT v FROM {name} ORDER BY v")
    assert [row[0] for row in found] == ["true", "-2.5", "1", '"AWS"', '"Amazon"', '[1,"abc",null]']
    described = data.describe_table(**AT, Table=name)["ColumnList"]
    assert [each["typeName"] for each in described] == ["super"]
    kinds = f"SELECT type FROM pg_table_def WHERE tablename = '{name}'"
    assert rows(data, kinds) == [["super"]]


def test_merge_moves_documents_whole(data: Any) -> None:
    t, s = fresh(), fresh()
    for name in (t, s):
        run(data, f"CREATE TABLE {name} (id INTEGER, doc SUPER)")
    run(data, f"INSERT INTO {s} VALUES (1, ARRAY(1, 'John'))")
    merge = (
        f"MERGE INTO {t} USING {s} ON {t}.id = {s}.id WHEN MATCHED THEN UPDATE SET doc = {s}.doc "
        f"WHEN NOT MATCHED THEN INSERT VALUES ({s}.id, {s}.doc)"
    )
    for _ in range(2):
        assert run(data, merge)["Status"] == "FINISHED"
    assert rows(data, f"SELECT id, doc FROM {t}") == [[1, '[1,"John"]']]
    partial = merge.replace(f"doc = {s}.doc", f"doc = {s}.doc[0]")
    assert "Partial reference of SUPER" in run(data, partial)["Error"]


def test_documents_outlive_the_server(tmp_path: Path) -> None:
    state = tmp_path / "aws"
    data = local_aws.start(state).client("redshift-data")
    try:
        run(data, "CREATE TABLE d (doc SUPER)")
        run(data, "INSERT INTO d VALUES (JSON_PARSE('{\"a\": [1.50]}'))")
        run(data, "CREATE VIEW v AS SELECT d.doc.a[0] AS first FROM d")
        local_aws.stop(state)
        data = local_aws.start(state).client("redshift-data")
        assert rows(data, "SELECT doc.a, v.first FROM d, v") == [["[1.50]", "1.50"]]
    finally:
        local_aws.stop(state)
