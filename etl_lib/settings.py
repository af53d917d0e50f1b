"""Settings: tables of TOML as dataclasses. A typo never becomes a default."""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping
from typing import Any, TypeVar

from etl_lib.errors import ContractError

ALL = "all"

Record = TypeVar("Record")


def record(kind: type[Record], body: Any, where: str, at: str) -> Record:
    """Make a ``kind`` from a TOML table; every key must be a field of it, of its type."""
    if not isinstance(body, dict):
        raise ContractError(where, at, f"expected a table of settings, not {body!r}")
    fields = refuse_unknown(kind, body, where, at)
    for name, each in fields.items():
        required = each.default is dataclasses.MISSING and (
            each.default_factory is dataclasses.MISSING
        )
        if required and name not in body:
            raise ContractError(where, f"{at}.{name}", "is missing")
    return kind(**{key: _typed(value, fields[key], where, at) for key, value in body.items()})


def refuse_unknown(
    kind: type[Any], body: Mapping[str, Any], where: str, at: str
) -> dict[str, dataclasses.Field[Any]]:
    """The fields of ``kind`` by name. Raises ContractError for a key that is none of them."""
    fields = {each.name: each for each in dataclasses.fields(kind)}
    for key in body:
        if key not in fields:
            raise ContractError(where, f"{at}.{key}", f"unknown setting.{nearest(key, fields)}")
    return fields


def _typed(value: Any, definition: dataclasses.Field[Any], where: str, at: str) -> Any:
    kind = str(definition.type)
    expected: Mapping[str, tuple[type, ...]] = {
        "str": (str,),
        "str | None": (str,),
        "int": (int,),
        "float": (int, float),
        "float | None": (int, float),
        "bool": (bool,),
    }
    at = f"{at}.{definition.name}"
    if kind in expected:
        if not isinstance(value, expected[kind]) or (isinstance(value, bool) != (kind == "bool")):
            raise ContractError(where, at, f"expected {kind}, not {value!r}")
        return value
    if kind == "tuple[str, ...]":
        return strings(value, where, at)
    if kind.startswith("Mapping[") and not isinstance(value, dict):
        raise ContractError(where, at, f"expected a table of settings, not {value!r}")
    if kind == "Mapping[str, str]" and not all(isinstance(each, str) for each in value.values()):
        raise ContractError(where, at, f"expected names of columns, not {value!r}")
    if kind == "Mapping[str, tuple[str, ...]]":
        return {
            key: (ALL,) if each == ALL else strings(each, where, f"{at}.{key}")
            for key, each in value.items()
        }
    return tuple(value) if isinstance(value, list) else value


def strings(value: Any, where: str, at: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ContractError(where, at, f"expected a list of strings, not {value!r}")
    return tuple(value)


def nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known)}."
