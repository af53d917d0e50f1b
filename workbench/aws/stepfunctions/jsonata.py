"""JSONata as Step Functions evaluates it: with its bindings and its own functions."""

from __future__ import annotations

import hashlib
import json
import math
import random
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from jsonata.jexception import JException
from jsonata.jsonata import Jsonata
from jsonata.utils import Utils

ALGORITHMS = {
    "MD5": "md5",
    "SHA-1": "sha1",
    "SHA-256": "sha256",
    "SHA-384": "sha384",
    "SHA-512": "sha512",
}
NEWER = ("??", "?:")
LONGEST_RANGE = 1_000_000


class JsonataError(Exception):
    """An expression that cannot be parsed or evaluated, or returns what is no JSON."""


class UndefinedError(JsonataError):
    """An expression that returns nothing."""


def evaluate(expression: str, bindings: Mapping[str, Any]) -> Any:
    """The JSON value of ``expression``; ``bindings`` are its variables, without the $.

    Raises JsonataError, UndefinedError when the value is undefined.
    """
    with _errors():
        program = _program(expression)
        program.set_output_convert_nulls(False)
        value = program.evaluate(None, FUNCTIONS | {k: _given(v) for k, v in bindings.items()})
        if value is None:
            raise UndefinedError("returned nothing (undefined)")
        return _plain(value)


def parse(expression: str) -> None:
    """Raises JsonataError if ``expression`` is no JSONata."""
    with _errors():
        _program(expression)


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except JsonataError:
        raise
    except JException as error:
        raise JsonataError(f"{error.error}: {error}") from None
    except Exception as error:  # the library raises what Python does, say of a 30 February
        raise JsonataError(f"{type(error).__name__}: {error}") from None


def _program(expression: str) -> Jsonata:
    """Step Functions has JSONata 2.0.6, which has not got two operators of the library yet."""
    symbols = Jsonata.get_parser().symbol_table
    for operator in NEWER:
        symbols.pop(operator, None)
    try:
        return Jsonata(expression)
    except KeyError as error:
        if error.args[0] not in NEWER:
            raise
        raise JsonataError(f"S0204: Unknown operator: {error}") from None


def _given(value: Any) -> Any:
    """A copy of a JSON value in which null is null: the library takes None for undefined."""
    if value is None:
        return Utils.NULL_VALUE
    if isinstance(value, dict):
        return {key: _given(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_given(member) for member in value]
    return value


def _plain(value: Any) -> Any:
    """A JSON value out of what the library returns."""
    if value is Utils.NULL_VALUE or value is None:
        return None
    if isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise JsonataError(f"returned {value}, which is not JSON")
        return int(value) if value.is_integer() else value
    if isinstance(value, dict):
        return {key: _plain(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_plain(value[index]) for index in range(len(value))]
    raise JsonataError("returned a function, which is not a supported result type")


# -- the functions that Step Functions adds


def _partition(array: Any, size: Any) -> list[Any]:
    items = array if isinstance(array, list) else [array]
    if not isinstance(size, int | float) or size < 1:
        raise JsonataError(f"$partition: the chunk size {size!r} is not a positive number")
    step = int(size)
    items = [items[index] for index in range(len(items))]
    return [items[start : start + step] for start in range(0, len(items), step)]


def _range(first: Any, last: Any, step: Any) -> list[Any]:
    if not all(isinstance(n, int | float) for n in (first, last, step)) or not step:
        raise JsonataError("$range: takes a first number, a last number and a step that is not 0")
    count = int((last - first) / step) + 1
    if count > LONGEST_RANGE:
        raise JsonataError(f"$range: {count} numbers, the limit is {LONGEST_RANGE}")
    return [first + index * step for index in range(max(count, 0))]


def _hash(value: Any, algorithm: Any) -> str:
    if algorithm not in ALGORITHMS:
        raise JsonataError(f"$hash: {algorithm!r} is not one of {', '.join(ALGORITHMS)}")
    text = value if isinstance(value, str) else json.dumps(_plain(value), separators=(",", ":"))
    return hashlib.new(ALGORITHMS[algorithm], text.encode()).hexdigest()


def _random(seed: Any = None) -> float:
    return random.Random(seed).random()


def _uuid() -> str:
    return str(uuid.uuid4())


def _parse(text: Any) -> Any:
    try:
        return _given(json.loads(text))
    except (TypeError, ValueError) as error:
        raise JsonataError(f"$parse: the argument is not JSON: {error}") from None


def _eval(*arguments: Any) -> Any:
    raise JsonataError("$eval is not supported by Step Functions: use $parse")


FUNCTIONS = {
    "partition": Jsonata.JLambda(_partition),
    "range": Jsonata.JLambda(_range),
    "hash": Jsonata.JLambda(_hash),
    "random": Jsonata.JLambda(_random),
    "uuid": Jsonata.JLambda(_uuid),
    "parse": Jsonata.JLambda(_parse),
    "eval": Jsonata.JLambda(_eval),
}
