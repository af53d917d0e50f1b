"""Records of JSON: objects by their keys, objects and arrays by JSONPaths."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from workbench.aws.redshift import objects
from workbench.aws.redshift.load.lines import MAX_ROW, Line, Record, too_long
from workbench.aws.redshift.load.values import Field, Misfit
from workbench.aws.redshift.refusals import SqlError

Step = str | int
Pick = Callable[[Any], list[str | None]]

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]')
DOTS = re.compile(r"\$(?:\.[^.'\[\]*]+|\[\d+\])+")
BRACKETS = re.compile(r"\$(?:\['[^']+'\]|\[\d+\])+")
STEP = re.compile(r"\.([^.\[]+)|\['([^']+)'\]|\[(\d+)\]")


class Number(float):
    """A JSON number that is no integer, with its digits as they stand in the file."""

    text: str

    @classmethod
    def read(cls, text: str) -> Number:
        number = cls(text)
        number.text = text
        return number


def picker(state: Path, form: str, columns: Sequence[Field]) -> Pick:
    """What takes the columns' values out of a document, as the argument of JSON says."""
    take = _taker(state, form, columns)
    texts = [_json if each.semistructured else _text for each in columns]
    return lambda document: [text(value) for text, value in zip(texts, take(document), strict=True)]


def _taker(state: Path, form: str, columns: Sequence[Field]) -> Callable[[Any], list[Any]]:
    names = [each.name for each in columns]
    paths = _paths(state, form, len(names)) if form.startswith("s3://") else None
    if paths is not None:
        return lambda document: [_walk(document, path) for path in paths]
    if form == "auto ignorecase":
        return lambda document: _by_name(
            {k.lower(): v for k, v in _object(document).items()}, names
        )
    if form == "auto" or form.startswith("s3://"):
        return lambda document: _by_name(_object(document), names)
    if form == "noshred":
        if len(columns) != 1 or not columns[0].semistructured:
            raise SqlError("COPY of JSON 'noshred' needs a single column, of type SUPER")
        return lambda document: [document]
    raise SqlError(
        "JSON must be 'auto', 'auto ignorecase', 'noshred' or the URL of a JSONPaths file: "
        f"{form!r}"
    )


def records(found: Iterator[Line], pick: Pick) -> Iterator[Record]:
    """The rows of a file of JSON: each a document of its own, with only white space between."""
    for number, text in _documents(found):
        try:
            yield Record(number, text, pick(_parsed(text)))
        except Misfit as problem:
            yield Record(number, text, problem)


def _documents(found: Iterator[Line]) -> Iterator[Line]:
    """Each document with the number of its last line; also what stands between them."""
    parts: list[str] = []
    depth = number = size = began = 0
    for number, line in found:
        start = 0
        for token in TOKEN.finditer(line):
            if token[0] in "{[":
                if depth == 0:
                    yield from _between(number, line[start : token.start()])
                    start, began = token.start(), number
                depth += 1
            elif token[0] in "}]" and depth > 0:
                depth -= 1
                if depth == 0:
                    yield number, "".join([*parts, line[start : token.end()]])
                    parts, start, size = [], token.end(), 0
        if depth == 0:
            yield from _between(number, line[start:])
            continue
        parts.append(line[start:])
        size += len(parts[-1])
        if size > MAX_ROW:
            raise too_long(number)
    if len(parts) > 1:  # who knows how many rows it has taken in
        raise SqlError(f"The JSON document that begins at line {began} does not end")
    if parts:
        yield number, parts[0]


def _between(number: int, text: str) -> Iterator[Line]:
    if text.strip(" \t\r\n"):
        yield number, text


def _parsed(text: str) -> Any:
    if "\0" in text:
        raise Misfit(1216, "Invalid value. A document holds a NUL")
    try:
        found = json.loads(text, parse_float=Number.read, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Misfit(1216, "Invalid value.") from None
    if not isinstance(found, (dict, list)):
        raise Misfit(1216, "Invalid value. Neither an object nor an array")
    if r"\ud" in text.lower():
        try:
            json.dumps(found, ensure_ascii=False).encode(errors="surrogateescape")
        except UnicodeEncodeError:
            raise Misfit(1216, "Invalid value. Half of a surrogate pair") from None
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(text)


def _object(document: Any) -> dict[str, Any]:
    if not isinstance(document, dict):
        raise Misfit(1216, "Invalid JSON: an object is expected")
    return document


def _by_name(document: dict[str, Any], names: Sequence[str]) -> list[Any]:
    return [document.get(name) for name in names]


def _text(value: Any) -> str | None:
    """A value as the text that a field would have."""
    return value if value is None or isinstance(value, str) else _written(value)


def _json(value: Any) -> str | None:
    return None if value is None else _written(value)


def _written(value: Any) -> str:
    """A value as JSON without blanks, its numbers with the digits that they have in the file."""
    if isinstance(value, dict):
        pairs = (f"{_written(name)}:{_written(each)}" for name, each in value.items())
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_written, value)) + "]"
    if isinstance(value, Number):
        return value.text
    return json.dumps(value, ensure_ascii=False)


def _paths(state: Path, url: str, columns: int) -> list[list[Step]] | None:
    """The paths of a JSONPaths file; None if it has another key, which is 'auto' in Redshift."""
    found = objects.document(state, url, "JSONPaths")
    if not isinstance(found, dict):
        raise SqlError(f"Invalid JSONPaths file: one object is expected: {url}")
    if "jsonpaths" not in found:
        return None
    paths = found["jsonpaths"]
    if not isinstance(paths, list) or not all(isinstance(path, str) and path for path in paths):
        raise SqlError(f"Invalid JSONPaths file: jsonpaths must be an array of texts: {url}")
    if len(paths) != columns:
        raise SqlError(
            "Number of jsonpaths and the number of columns should match. JSONPath size: "
            f"{len(paths)}, Number of columns in table or column list: {columns}"
        )
    # A path of indexes only is written alike in both notations.
    if not any(all(form.fullmatch(path) for path in paths) for form in (DOTS, BRACKETS)):
        raise SqlError(
            "Invalid JSONPath format: Supported notations are 'dot-notation' and "
            f"'bracket-notation', one of them in a file: {url}"
        )
    return [_steps(path) for path in paths]


def _steps(path: str) -> list[Step]:
    return [int(step[3]) if step[3] else step[1] or step[2] for step in STEP.finditer(path)]


def _walk(value: Any, path: list[Step]) -> Any:
    for step in path:
        if isinstance(step, int):
            if not isinstance(value, list) or step >= len(value):
                raise Misfit(1216, "Invalid JSONPath format: Not an array or index out of range.")
            value = value[step]
        elif value is None:
            return None
        elif not isinstance(value, dict):
            raise Misfit(1216, "Invalid JSONPath format: Member is not an object.")
        else:
            value = value.get(step)
    return value
