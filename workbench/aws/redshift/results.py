"""Rows of DuckDB as the Data API's typed records."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from workbench.aws.redshift.refusals import SqlError

PAGE = 1000  # rows
MAX_ROW = 64 * 1024
MAX_RESULT = 500 * 1024 * 1024
# DuckDB's name: Redshift's name, precision.
TYPES = {
    "BOOLEAN": ("bool", 1),
    "TINYINT": ("int2", 5),
    "SMALLINT": ("int2", 5),
    "INTEGER": ("int4", 10),
    "BIGINT": ("int8", 19),
    "UBIGINT": ("int8", 19),
    "HUGEINT": ("int8", 19),
    "FLOAT": ("float4", 8),
    "DOUBLE": ("float8", 17),
    "DATE": ("date", 13),
    "TIMESTAMP": ("timestamp", 29),
    "TIMESTAMP WITH TIME ZONE": ("timestamptz", 35),
    "TIME": ("time", 15),
    "BLOB": ("varbyte", 65535),
}
AGGREGATE = re.compile(r"(count|count_star|sum|min|max|avg)\(")
UNSIGNED = {"bool", "varchar", "date", "timestamp", "timestamptz", "time", "varbyte", "super"}


def metadata(description: Sequence[Sequence[Any]]) -> list[dict[str, Any]]:
    """ColumnMetadata of a DuckDB cursor's description."""
    return [column(_named(str(each[0])), str(each[1])) for each in description]


def _named(name: str) -> str:
    """An aggregate without an alias is called as its function; DuckDB calls it as its text."""
    found = AGGREGATE.match(name)
    return found[1].removesuffix("_star") if found else name


def column(name: str, kind: str, nullable: bool = True) -> dict[str, Any]:
    """One ColumnMetadata of a column called ``name`` of DuckDB's type ``kind``."""
    scale = 0
    if kind.startswith("DECIMAL("):
        redshift, (precision, scale) = "numeric", map(int, kind[8:-1].split(","))
    elif kind.startswith("STRUCT(rank "):
        redshift, precision = "super", 0
    else:
        redshift, precision = TYPES.get(kind, ("varchar", 65535))
    return {
        "name": name.lower(),
        "label": name.lower(),
        "typeName": redshift,
        "precision": precision,
        "scale": scale,
        "nullable": int(nullable),
        "isSigned": redshift not in UNSIGNED,
        "isCurrency": False,
        "isCaseSensitive": redshift == "varchar",
        "length": 0,
        "schemaName": "",
        "tableName": "",
    }


def pages(
    fetch: Callable[[int], list[tuple[Any, ...]]],
) -> Iterator[tuple[list[list[dict[str, Any]]], int]]:
    """The records by page, each with its size in bytes. SqlError over the Data API's limits."""
    total = 0
    while rows := fetch(PAGE):
        records = [[field(value) for value in row] for row in rows]
        sizes = [sum(_size(each) for each in record) for record in records]
        total += sum(sizes)
        if max(sizes) > MAX_ROW:
            raise SqlError(f"a row of {max(sizes)} bytes exceeds the Data API's {MAX_ROW}")
        if total > MAX_RESULT:
            raise SqlError(f"the result exceeds the Data API's {MAX_RESULT} bytes")
        yield records, sum(sizes)


def field(value: Any) -> dict[str, Any]:
    """One Field: what Redshift has no JSON type of is text, decimals too."""
    if value is None:
        return {"isNull": True}
    if isinstance(value, bool):
        return {"booleanValue": value}
    if isinstance(value, int):
        return {"longValue": value} if -(2**63) <= value < 2**63 else {"stringValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, dict):  # SUPER
        return {"stringValue": value["super"]}
    if isinstance(value, (bytes, bytearray)):
        return {"blobValue": base64.b64encode(bytes(value)).decode()}
    return {"stringValue": _text(value)}


def _text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        text = value.replace(tzinfo=None).isoformat(" ")
        text = text.rstrip("0") if "." in text else text
        return text + ("+00" if value.tzinfo else "")
    if isinstance(value, timedelta):
        raise SqlError("an interval cannot be returned by the local Redshift")
    return str(value)


def _size(record: dict[str, Any]) -> int:
    value = next(iter(record.values()))
    return len(value.encode()) if isinstance(value, str) else 8
