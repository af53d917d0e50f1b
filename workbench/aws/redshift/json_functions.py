"""Functions of SUPER and of texts that hold JSON, as DuckDB calls them."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import wraps
from typing import Any

import duckdb

from workbench.aws.redshift import semistructured as values
from workbench.aws.redshift.refusals import SqlError
from workbench.aws.redshift.semistructured import STORAGE, constant, dump, load


def is_json(text: str, kind: str) -> bool:
    """IS_VALID_JSON, of objects, and IS_VALID_JSON_ARRAY."""
    try:
        return isinstance(json.loads(text, parse_constant=constant), dict if kind == "{" else list)
    except (ValueError, RecursionError):
        return False


def path_text(text: str, path: list[str | None], lax: bool) -> str | None:
    """JSON_EXTRACT_PATH_TEXT and its like for arrays: NULL where there is nothing."""
    if None in path:
        return None
    value = _tolerant(text, lax)
    for step in path:
        assert step is not None
        if isinstance(value, dict):
            value = value.get(step)
        elif isinstance(value, list) and step.isdigit() and int(step) < len(value):
            value = value[int(step)]
        else:
            return None
    if value is None or isinstance(value, str):
        return value
    return dump(value)


def array_size(text: str, lax: bool) -> int | None:
    """JSON_ARRAY_LENGTH."""
    value = _tolerant(text, lax)
    if isinstance(value, list):
        return len(value)
    if lax:
        return None
    raise SqlError("invalid json array object")


def _tolerant(text: str, lax: bool) -> Any:
    """A JSON text; None, if it is none and that is no error."""
    try:
        return load(text)
    except (ValueError, RecursionError):
        if lax:
            return None
        raise SqlError("JSON parsing error") from None


TEXT, FLAG, WHOLE, TEXTS = "VARCHAR", "BOOLEAN", "BIGINT", "VARCHAR[]"
FUNCTIONS: tuple[tuple[str, Callable[..., Any], Any, str], ...] = (
    ("rs_py_parse", values.parse, [TEXT], TEXT),
    ("rs_py_can_parse", values.can_parse, [TEXT], FLAG),
    ("rs_py_literal", values.literal, [TEXT, TEXT], TEXT),
    ("rs_py_get", values.get, [TEXT, TEXT], TEXT),
    ("rs_py_scalar", values.scalar, [TEXT, TEXT], TEXT),
    ("rs_py_elements", values.elements, [TEXT], TEXTS),
    ("rs_py_attributes", values.attributes, [TEXT], TEXTS),
    ("rs_py_values", values.values, [TEXT], TEXTS),
    ("rs_py_typeof", values.typeof, [TEXT], TEXT),
    ("rs_py_is", values.is_of, [TEXT, TEXT], FLAG),
    ("rs_py_length", values.length, [TEXT], WHOLE),
    ("rs_py_serialize", values.serialize, [TEXT], TEXT),
    ("rs_py_size", values.size, [TEXT], WHOLE),
    ("rs_py_array", values.array, [TEXTS], TEXT),
    ("rs_py_object", values.object_, [TEXTS, TEXTS], TEXT),
    ("rs_py_equal", values.equal, [TEXT, TEXT], FLAG),
    ("rs_py_order", values.order, [TEXT, TEXT], WHOLE),
    ("rs_py_is_json", is_json, [TEXT, TEXT], FLAG),
    ("rs_py_path", path_text, [TEXT, TEXTS, FLAG], TEXT),
    ("rs_py_array_size", array_size, [TEXT, FLAG], WHOLE),
)
MACROS = {
    "rs_super(t)": "CASE WHEN t IS NULL OR t = 'null' THEN NULL ELSE struct_pack(rank := CASE "
    "WHEN t IN ('true', 'false') THEN 0 WHEN t[1] = '\"' THEN 2 WHEN t[1] = '[' THEN 3 "
    "WHEN t[1] = '{' THEN 4 ELSE 1 END, number := TRY_CAST(t AS DOUBLE), super := t) END",
    f"rs_text_of(x {STORAGE})": "(x).super, (x) AS rs_py_literal(CAST(x AS VARCHAR), typeof(x))",
    "rs_json_parse(x)": "main.rs_super(rs_py_parse(CAST(x AS VARCHAR)))",
    "rs_to_super(x)": "main.rs_super(main.rs_text_of(x))",
    "rs_nav(x, path)": "main.rs_super(rs_py_get((x).super, path))",
    "rs_scalar(x, kind)": "rs_py_scalar((x).super, kind)",
    "rs_is(x, kind)": "COALESCE(rs_py_is((x).super, kind), FALSE)",
    "rs_json_typeof(x)": "CASE WHEN x IS NULL THEN error('JSON_TYPEOF of null is not supported by "
    "the local Redshift') ELSE rs_py_typeof((x).super) END",
    "rs_json_serialize(x)": "rs_py_serialize((x).super)",
    "rs_json_size(x)": "rs_py_size((x).super)",
    "rs_get_array_length(x)": "rs_py_length((x).super)",
    "rs_array(x)": "main.rs_super(rs_py_array(x))",
    "rs_object(k, v)": "main.rs_super(rs_py_object(k, v))",
}


def _strict(function: Callable[..., Any]) -> Callable[..., Any]:
    """NULL of NULL. DuckDB would see to it, but then takes no NULL for an answer."""

    @wraps(function)  # DuckDB counts the parameters
    def strict(*given: Any) -> Any:
        return None if None in given else function(*given)

    return strict


def prepare(database: duckdb.DuckDBPyConnection) -> None:
    """Functions and macros of SUPER; the functions are this process's, so each start makes them."""
    special: Any = {"null_handling": "special"}
    for name, function, given, returned in FUNCTIONS:
        strict: Any = _strict(function)
        database.create_function(name, strict, given, returned, **special)
    for head, body in MACROS.items():
        database.execute(f"CREATE OR REPLACE MACRO main.{head} AS {body}")


def columns(cursor: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """The SUPER columns of each table and view."""
    found: dict[str, set[str]] = {}
    for schema, table, column in cursor.execute(
        "SELECT schema_name, table_name, column_name FROM duckdb_columns() "
        "WHERE data_type LIKE 'STRUCT(rank %'"
    ).fetchall():
        found.setdefault(f"{schema}.{table}", set()).add(column)
    return found
