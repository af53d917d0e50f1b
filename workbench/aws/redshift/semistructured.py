"""Values of SUPER: JSON texts that keep each number as it was written, and what is done with them.

A column of SUPER is a structure of DuckDB. That is what refuses: neither text nor number compares
with it or becomes one unseen, so what is not rewritten by name fails instead of meaning another
thing. ``rank`` and ``number`` stand in front for ORDER BY: boolean, number, string, array, object.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from functools import lru_cache
from typing import Any

from workbench.aws.redshift.refusals import SqlError, not_here

STORAGE = "STRUCT(rank INTEGER, number DOUBLE, super VARCHAR)"
MOST, LONGEST = 16 * 1024 * 1024, 65_535  # bytes: of a value, and of a text in it
INTEGERS = {"smallint": 2**15, "integer": 2**31, "bigint": 2**63}
TRUTH = dict.fromkeys(("t", "true", "y", "yes", "1", "on"), "true") | dict.fromkeys(
    ("f", "false", "n", "no", "0", "off"), "false"
)


class Number(str):
    """A number's own digits: DuckDB and Python would round them or drop a last zero."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise SqlError("JSON_PARSE: an attribute appears twice in an object")
    return found


@lru_cache(64)
def load(text: str) -> Any:
    """A JSON text as objects, lists, texts and numbers; ValueError if it is none."""
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=constant,
                      object_pairs_hook=_object)  # fmt: skip


def constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def dump(value: Any) -> str:
    if isinstance(value, Number):
        return str(value)
    if isinstance(value, dict):
        return "{" + ",".join(f"{dump(key)}:{dump(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(dump(each) for each in value) + "]"
    return json.dumps(value, ensure_ascii=False)


def _check(value: Any) -> None:
    """SqlError for what SUPER does not hold, and for numbers that AWS does not show the text of."""
    if isinstance(value, Number):
        digits = len(re.sub(r"\D", "", value))
        if "e" in value.lower() or digits > 38:
            raise not_here("A number with an exponent or over 38 digits in SUPER")
    elif isinstance(value, str):
        if len(value.encode("utf-8", "surrogatepass")) > LONGEST:
            raise SqlError(f"JSON_PARSE: a string exceeds {LONGEST} bytes")
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            _check(each)


def parse(text: str) -> str:
    """JSON_PARSE."""
    try:
        value = load(text)
    except (ValueError, RecursionError):
        raise SqlError("JSON parsing error") from None
    _check(value)
    told = dump(value)
    if len(told.encode("utf-8", "surrogatepass")) > MOST:
        raise SqlError("a SUPER value may have 16 MB")
    return told


def can_parse(text: str) -> bool:
    try:
        return bool(parse(text))
    except SqlError:
        return False


def literal(text: str, kind: str) -> str:
    """A value of another type as SUPER's: ``kind`` is DuckDB's name of the type."""
    if kind == "VARCHAR":
        return parse(json.dumps(text))
    if kind == "BOOLEAN" or kind.startswith(
        ("DECIMAL", "TINYINT", "SMALLINT", "INTEGER", "BIGINT")
    ):
        return text
    if kind.startswith(("DATE", "TIME")):
        raise SqlError(f"cannot cast type {kind.lower()} to super")
    raise not_here(f"A cast of {kind} to SUPER")


def get(text: str, path: str) -> str | None:
    """Navigation, lax: NULL where there is nothing, and for JSON's null."""
    value = load(text)
    for step in json.loads(path):
        if isinstance(step, str) and isinstance(value, dict):
            value = value.get(step)
        elif isinstance(step, int) and isinstance(value, list) and step < len(value):
            value = value[step]
        else:
            return None
    return None if value is None else dump(value)


def scalar(text: str, kind: str) -> str | None:
    """What a cast to integer, boolean, number, moment or text reads; NULL if it cannot."""
    value = load(text)
    if isinstance(value, bool):
        return str(value).lower() if kind in ("boolean", "text") else None
    if value is None or isinstance(value, (dict, list)):
        return None
    if isinstance(value, Number):
        return _of_number(value, kind)
    if kind == "boolean":
        return TRUTH.get(value.lower())
    whole = re.fullmatch(r"\s*[-+]?\d+\s*", value) is not None
    return None if kind == "integer" and not whole else str(value)


def _of_number(value: Number, kind: str) -> str | None:
    if kind == "boolean":  # of whole numbers only
        return str(int(value) != 0).lower() if "." not in value else None
    return None if kind == "moment" else str(value)


def elements(text: str) -> list[str]:
    value = load(text)
    if not isinstance(value, list):
        raise not_here("Unnesting of a SUPER value that is no array")
    return [dump(each) for each in value]


def attributes(text: str) -> list[str]:
    return [str(key) for key in _members(text)]


def values(text: str) -> list[str]:
    return [dump(each) for each in _members(text).values()]


def _members(text: str) -> dict[str, Any]:
    value = load(text)
    if not isinstance(value, dict):
        raise not_here("UNPIVOT of a SUPER value that is no object")
    return value


def typeof(text: str) -> str:
    value = load(text)
    for kind, name in ((bool, "boolean"), (Number, "number"), (str, "string"), (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def is_of(text: str, kind: str) -> bool:
    """IS_ARRAY, IS_INTEGER and so on."""
    value, name = load(text), typeof(text)
    if kind in INTEGERS:
        whole = name == "number" and re.fullmatch(r"-?\d+", value)
        return bool(whole) and -INTEGERS[kind] <= int(value) < INTEGERS[kind]
    if kind in ("varchar", "char"):
        return name == "string" and (kind == "varchar" or value.isascii())
    if kind in ("decimal", "float"):  # what JSON_PARSE reads here is never floating point
        return name == "number" and kind == "decimal"
    return name not in ("array", "object") if kind == "scalar" else name == kind


def length(text: str) -> int:
    value = load(text)
    if not isinstance(value, list):
        raise not_here("GET_ARRAY_LENGTH of a SUPER value that is no array")
    return len(value)


def serialize(text: str) -> str:
    if len(text.encode()) > LONGEST:
        raise SqlError(f"JSON_SERIALIZE: the text exceeds {LONGEST} bytes; see JSON_SIZE")
    return text


def size(text: str) -> int:
    return len(text.encode())


def array(texts: list[str | None]) -> str:
    return "[" + ",".join("null" if each is None else each for each in texts) + "]"


def object_(keys: list[str | None], texts: list[str | None]) -> str:
    if None in keys or len(set(keys)) < len(keys):
        raise SqlError("OBJECT: an attribute must have a name that no other has")
    shown = zip(keys, texts, strict=True)
    return "{" + ",".join(f"{dump(key)}:{'null' if v is None else v}" for key, v in shown) + "}"


def equal(one: str, other: str) -> bool:
    """Deep; whatever a number's digits, the order of attributes and blanks at a text's end."""
    return bool(_comparable(load(one)) == _comparable(load(other)))


def order(one: str, other: str) -> int | None:
    """-1, 0 or 1; NULL where the two are not of one type."""
    kinds = typeof(one), typeof(other)
    if kinds[0] != kinds[1]:
        return None
    if kinds[0] in ("array", "object"):
        raise not_here("An order of arrays and objects")
    left, right = (_comparable(load(each)) for each in (one, other))
    return int(left > right) - int(left < right)


def _comparable(value: Any) -> Any:
    if isinstance(value, Number):
        return Decimal(value)
    if isinstance(value, dict):
        return {key: _comparable(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_comparable(each) for each in value]
    return value.rstrip(" ").encode() if isinstance(value, str) else (value,)
