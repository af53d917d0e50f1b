"""Records of delimited text and of CSV: where one ends, and what its fields are.

Python's csv reads another dialect: it takes blanks around quotes and quotes within a field as
text, and does not say where a row is malformed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

from workbench.aws.redshift.load.options import Options
from workbench.aws.redshift.load.values import Misfit
from workbench.aws.redshift.refusals import SqlError

MAX_ROW = 4 * 1024 * 1024


@dataclass(frozen=True)
class Record:
    """One row as it stands in a file. ``fields``: None is NULL; or why there are none."""

    line: int
    raw: str
    fields: list[str | None] | Misfit


Line = tuple[int, str]


def lines(stream: IO[bytes], header: int) -> Iterator[Line]:
    """Number and text of each line, its end included. Bytes that are not UTF-8 are surrogates."""
    for number in itertools.count(1):
        line = stream.readline(MAX_ROW + 2)
        if not line:
            return
        if len(line) > MAX_ROW and not line.endswith(b"\n"):
            raise too_long(number)
        if number > header:
            yield number, line.decode("utf-8", "surrogateescape")


def too_long(line: int) -> SqlError:
    return SqlError(f"The row at line {line} is longer than the maximum of {MAX_ROW} bytes")


def records(found: Iterator[Line], options: Options) -> Iterator[Record]:
    """The rows of a file of text or CSV."""
    dialect = _Csv(options) if options.form == "CSV" else _Text(options)
    for number, line in found:
        if "\0" in line and options.null != "\0":
            yield Record(number, line, _end_expected(line, line.index("\0") + 1))
            continue
        raw = dialect.whole(line, found)
        if len(raw) > MAX_ROW:
            raise too_long(number)
        text = dialect.without_end(raw)
        if not text and options.skip_blank:
            continue
        try:
            yield Record(number, text, dialect.fields(text))
        except Misfit as problem:
            yield Record(number, text, problem)


def _end_expected(text: str, at: int) -> Misfit:
    """A NUL or a carriage return ends a record, and only a newline may follow."""
    following = text[at : at + 1].encode(errors="surrogateescape") or b"\n"
    return Misfit(
        1201, f"Missing newline: Unexpected character 0x{following.hex()} found at location {at}"
    )


class _Text:
    """Fields between delimiters; with ESCAPE a backslash makes the next character a plain one."""

    def __init__(self, options: Options) -> None:
        self._delimiter, self._escape = options.delimiter, options.escape
        self._plain = not options.escape and not options.remove_quotes
        self._null = options.null
        end = rf"(?={re.escape(options.delimiter)}|\Z)"
        unit = r"(?:\\.|[^\\])" if options.escape else "."
        other = rf"(?:\\.|[^\\{re.escape(options.delimiter)}])*"
        bare = other if options.escape else rf"[^{re.escape(options.delimiter)}]*"
        quoted = rf"([\"'])({unit}*?)\1{end}|" if options.remove_quotes else ""
        self._quotes = options.remove_quotes
        self._field = re.compile(rf"{quoted}({bare}){end}", re.S)
        plain = r"(?:\\.|[^\\\r])*" if options.escape else r"[^\r]*"
        self._carriage = re.compile(rf"{plain}\r", re.S)

    def whole(self, line: str, more: Iterator[Line]) -> str:
        """A record with the lines that an escaped newline adds."""
        parts, size = [line], len(line)
        while self._escape and _escaped(parts[-1], 1) and size <= MAX_ROW:
            following = next(more, None)
            if following is None:
                break
            parts.append(following[1])
            size += len(following[1])
        return "".join(parts)

    def without_end(self, raw: str) -> str:
        text = raw.removesuffix("\n")
        if text.endswith("\r") and not (self._escape and _escaped(text, 1)):
            text = text[:-1]
        return text

    def fields(self, text: str) -> list[str | None]:
        if "\r" in text and (match := self._carriage.match(text)):
            raise _end_expected(text, match.end())
        if self._plain:
            return list(text.split(self._delimiter))
        return list(self._split(text))

    def _split(self, text: str) -> Iterator[str | None]:
        at = 0
        while True:
            if self._quotes and text[at : at + 1] in ("'", '"'):
                match = self._field.match(text, at)
                if match is None or match[1] is None:
                    raise Misfit(1214, "Delimited value missing end quote")
            else:
                match = self._field.match(text, at)
            if match is None:
                raise Misfit(1201, "An escape character without a character behind it")
            yield self._value(match)
            at = match.end() + 1
            if at > len(text):
                return

    def _value(self, match: re.Match[str]) -> str | None:
        value = match[2] if self._quotes and match[1] else match[match.re.groups]
        if not self._escape:
            return value
        if value == r"\N" == self._null:
            return None
        return re.sub(r"\\(.)", r"\1", value, flags=re.S) if "\\" in value else value


def _escaped(text: str, last: int) -> bool:
    """Whether a backslash that is none's second stands before the last character."""
    if not text.endswith(("\n", "\r")):
        return False
    before = text[:-last]
    return (len(before) - len(before.rstrip("\\"))) % 2 == 1


class _Csv:
    """Fields in quotes may hold delimiters, ends of lines, and quotes that stand twice."""

    def __init__(self, options: Options) -> None:
        quote, delimiter = re.escape(options.quote), re.escape(options.delimiter)
        blank = "[{}]*".format("".join(each for each in " \t" if each != options.delimiter))
        inside = rf"(?:[^{quote}]|{quote}{quote})*"
        self._quote, self._delimiter = options.quote, options.delimiter
        self._field = re.compile(
            rf"(?:{blank}{quote}({inside}){quote}{blank}|([^{quote}{delimiter}\r\n]*))"
            rf"(?={delimiter}|\Z)"
        )
        self._open = re.compile(rf"{blank}{quote}{inside}\Z")

    def whole(self, line: str, more: Iterator[Line]) -> str:
        if line.count(self._quote) % 2 == 0 or not self._is_open(self.without_end(line)):
            return line
        parts, size = [line], len(line)
        while size <= MAX_ROW:
            following = next(more, None)
            if following is None:
                break
            parts.append(following[1])
            size += len(following[1])
            if following[1].count(self._quote) % 2:
                break
        return "".join(parts)

    def without_end(self, raw: str) -> str:
        return raw.removesuffix("\n").removesuffix("\r")

    def fields(self, text: str) -> list[str | None]:
        if self._quote not in text and "\r" not in text:
            return list(text.split(self._delimiter))
        found: list[str | None] = []
        at = 0
        while at <= len(text):
            match = self._field.match(text, at)
            if match is None:
                raise self._malformed(text, at)
            doubled = self._quote * 2
            bare = match[1] is None
            found.append(match[2] if bare else match[1].replace(doubled, self._quote))
            at = match.end() + 1
        return found

    def _is_open(self, text: str) -> bool:
        """Whether a record that has an odd number of quotes goes on in the next line."""
        at = 0
        while match := self._field.match(text, at):
            at = match.end() + 1
            if at > len(text):
                return False
        return self._open.match(text, at) is not None

    def _malformed(self, text: str, at: int) -> Misfit:
        if self._open.match(text, at):
            return Misfit(1214, "Delimited value missing end quote")
        end = re.compile(rf"[^{re.escape(self._quote)}{re.escape(self._delimiter)}\r]*\r")
        if match := end.match(text, at):
            return _end_expected(text, match.end())
        return Misfit(1214, "Invalid quote formatting for CSV")
