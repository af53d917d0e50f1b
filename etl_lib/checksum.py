"""Row checksums that MySQL and Redshift compute alike: the same values, the same number.

A row is one text: a token for each column, ``~`` for NULL, joined by commas. Numbers are their
digits, moments their microseconds since 1970, texts their MD5, so that no token holds a comma. Its
checksum is the first 60 bits of its MD5. A sum of checksums does not depend on the rows' order.

A DOUBLE has no text that both sides print alike. Its tokens are whole numbers that both compute
exactly: it times 2^20, and its reciprocal if it is below 1. What is smaller than that goes unseen.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from etl_lib import types
from etl_lib.identifiers import mysql, redshift
from etl_lib.types import Column

NULL = "'~'"
EPOCH = "'1970-01-01 00:00:00'"
SCALE = 1 << 20
EXACT = 1 << 53  # whole numbers of a double below this are exact
PIECE = 32_000  # bytes
INLINE = 30_000  # bytes of a row's texts that stand in what is hashed as they are
BITS = "15"  # hexadecimal digits of an MD5: 60 bits, so that a checksum is a BIGINT


def mysql_row(described: Sequence[Mapping[str, str]], columns: Sequence[Column]) -> str:
    """SQL for the checksum of a source row. ``described`` as a plan has its columns."""
    by_name = {column.name: column for column in columns}
    tokens = [_mysql_token(by_name[each["source"]], each["type"]) for each in described]
    text = f"CONCAT_WS(',', {', '.join(tokens)})"
    return f"CAST(CONV(LEFT(MD5({text}), {BITS}), 16, 10) AS UNSIGNED)"


def redshift_row(described: Sequence[Mapping[str, str]], alias: str = "") -> str:
    """SQL for the checksum of a row of raw; the same number as ``mysql_row`` of the same row."""
    tokens = [_redshift_token(_name(alias, each["name"]), each["type"]) for each in described]
    return f"STRTOL(LEFT({_md5(tokens)}, {BITS}), 16)"


def redshift_digest(described: Sequence[Mapping[str, str]], alias: str = "") -> str:
    """SQL for the MD5 of a row as only the warehouse computes it, 32 hexadecimal digits.

    Texts stand in it as they are, with their length before them: an MD5 of each takes twice as
    long. Where they could be longer than a VARCHAR all together, the last ones are hashed first.
    """
    tokens, room = [], INLINE
    for each in described:
        name, kind = _name(alias, each["name"]), each["type"]
        size = (types.length(kind) or 0) if kind.startswith("VARCHAR") else INLINE + 1
        if size <= room:
            room -= size
            tokens.append(f"COALESCE(CAST(LEN({name}) AS VARCHAR) || ':' || {name}, {NULL})")
        else:
            tokens.append(_redshift_token(name, kind))
    return _md5(tokens)


def _md5(tokens: Sequence[str]) -> str:
    return f"MD5({_joined(tokens)})"


def _joined(tokens: Sequence[str]) -> str:
    """``a || ',' || b …`` by halves: one by one, the text so far would be copied each time."""
    if len(tokens) == 1:
        return tokens[0]
    half = len(tokens) // 2
    return f"({_joined(tokens[:half])} || ',' || {_joined(tokens[half:])})"


def mysql_key(column: Column, kind: str) -> str:
    """SQL for a key column's value as text, as ``redshift_key`` gives it, too."""
    if _is_text(kind):
        return f"CONVERT({types.value_expression(column)} USING utf8mb4)"
    return _mysql_token(column, kind)


def redshift_key(name: str, kind: str, alias: str = "") -> str:
    name = _name(alias, name)
    return name if _is_text(kind) else _redshift_token(name, kind)


def is_moment(kind: str) -> bool:
    return kind in ("DATE", "TIMESTAMP")


def _is_text(kind: str) -> bool:
    return kind.startswith(("VARCHAR", "CHAR"))


def _is_binary(kind: str) -> bool:
    return kind.startswith("VARBYTE")


def _parts(value: str, kind: str) -> list[str]:
    """A binary value in pieces whose hexadecimal digits a VARCHAR holds."""
    size = types.length(kind) or 0
    if size <= PIECE:
        return [value]
    return [f"SUBSTRING({value}, {start}, {PIECE})" for start in range(1, size + 1, PIECE)]


def _name(alias: str, name: str) -> str:
    return f"{alias}.{redshift(name)}" if alias else redshift(name)


def _mysql_token(column: Column, kind: str) -> str:
    value = types.value_expression(column)
    if _is_text(kind):
        token = f"MD5(CONVERT({value} USING utf8mb4))"
    elif _is_binary(kind):
        parts = [f"MD5(LOWER(HEX({part})))" for part in _parts(value, kind)]
        token = f"CONCAT({', '.join(parts)})"
    elif is_moment(kind):
        token = f"CAST(TIMESTAMPDIFF(MICROSECOND, {EPOCH}, {value}) AS CHAR)"
    elif kind == "DOUBLE PRECISION":
        token = f"CONCAT({_float(value, 'SIGNED', 'CHAR', ', ')})"
    elif kind.startswith("DECIMAL") and column.data_type == "decimal":
        token = f"CAST({mysql(column.name)} + 0 AS CHAR)"  # without the zeros of ZEROFILL
    else:
        token = f"CAST({value} AS CHAR)"
    return f"COALESCE({token}, {NULL})"


def _redshift_token(name: str, kind: str) -> str:
    if _is_text(kind):
        token = f"MD5({name})"
    elif _is_binary(kind):
        token = " || ".join(f"MD5(TO_HEX({part}))" for part in _parts(name, kind))
    elif kind == "BOOLEAN":
        token = f"CASE WHEN {name} THEN '1' WHEN NOT {name} THEN '0' END"
    elif is_moment(kind):
        token = f"CAST(DATEDIFF(microsecond, TIMESTAMP {EPOCH}, {name}) AS VARCHAR)"
    elif kind == "DOUBLE PRECISION":
        token = _float(name, "BIGINT", "VARCHAR", " || ")
    else:
        fraction = re.fullmatch(r"DECIMAL\((\d+),\1\)", kind)
        if fraction:  # with a digit before the point, which MySQL prints
            name = f"CAST({name} AS DECIMAL({int(fraction[1]) + 1},{fraction[1]}))"
        token = f"CAST({name} AS VARCHAR)"
    return f"COALESCE({token}, {NULL})"


def _float(value: str, whole: str, text: str, join: str) -> str:
    def digits(expression: str) -> str:
        return f"CAST(CAST(FLOOR({expression}) AS {whole}) AS {text})"

    size = f"ABS({value})"
    return join.join(
        [
            f"CASE WHEN {size} < {EXACT // SCALE} THEN {digits(f'({value}) * {SCALE}')} "
            f"WHEN {size} < {EXACT} THEN {digits(value)} "
            f"WHEN {value} > 0 THEN 'large' WHEN {value} < 0 THEN '-large' END",
            "'/'",
            f"CASE WHEN {size} < 1 AND {size} > 2e-16 THEN {digits(f'1e0 / ({value})')} "
            "ELSE '0' END",
        ]
    )
