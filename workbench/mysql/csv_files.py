"""Load CSV files into the server, one file per table."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path

import pymysql
from pymysql.cursors import Cursor

from workbench.mysql.load import Load
from workbench.mysql.schema import Progress, silent
from workbench.mysql.server import Server, quoted

# Files of the public data set that are not named like their table.
ALIASES = {"user_viewings": "apartment_viewings"}

_TEXT = {"char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json", "enum", "set"}
_LINES = 200_000
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\\t", "\n": "\\\n"})


class CsvError(Exception):
    """A CSV file that does not fit its table. The message names file, line and column."""


@dataclass(frozen=True)
class CsvFile:
    """A file, the table it fills, and which of the table's columns are text."""

    path: Path
    table: str
    text: dict[str, bool]


def load_csv(
    server: Server,
    database: str,
    directory: Path,
    progress: Progress = silent,
) -> dict[str, int]:
    """Replace the content of tables by that of ``<table>.csv`` in ``directory``; rows of each.

    The first line of a file names columns, in any order; a column that it leaves out gets its
    default. The server checks every value as strictly as it checks an INSERT. An empty field is
    NULL, or the empty text where the column is text. All files or none: raises CsvError naming
    file, line and column, and then nothing has changed.
    """
    with server.cursor(database) as cursor:
        files = _files(cursor, database, directory)
        return {file.table: _replace(server, cursor, file, progress) for file in files}


def _files(cursor: Cursor, database: str, directory: Path) -> list[CsvFile]:
    cursor.execute(
        "SELECT table_name, column_name, data_type FROM information_schema.columns "
        "WHERE table_schema = %s ORDER BY table_name, ordinal_position",
        [database],
    )
    columns: dict[str, dict[str, bool]] = {}
    for table, column, kind in cursor.fetchall():
        columns.setdefault(table, {})[column] = kind in _TEXT
    files: list[CsvFile] = []
    for path in sorted(directory.glob("*.csv")):
        table = ALIASES.get(path.stem, path.stem)
        if table not in columns:
            known = ", ".join(sorted(columns)) or "no table"
            raise CsvError(f"{path}: no table {table!r} in database {database}, which has {known}")
        if table in {file.table for file in files}:
            raise CsvError(f"{path}: a second file for table {table!r}")
        files.append(CsvFile(path, table, columns[table]))
    if not files:
        raise CsvError(f"{directory}: no .csv file")
    return files


def _replace(server: Server, cursor: Cursor, file: CsvFile, progress: Progress) -> int:
    """DELETE, not TRUNCATE: that would commit. Progress counts bytes of the file."""
    cursor.execute(f"DELETE FROM {quoted(file.table)}")
    total, done = file.path.stat().st_size, 0
    with open(file.path, "rb") as binary, Load(server, cursor, file.table) as load:
        reader = csv.reader(TextIOWrapper(binary, "utf-8-sig", newline=""), strict=True)
        header = _header(file, reader)
        progress(file.table, 0, total)
        for numbers, block in _blocks(file, reader, header):
            try:
                load.lines(header, block.encode())
            except pymysql.err.IntegrityError as error:
                line = _repeated_key(file, _primary_key(cursor, file.table))
                raise CsvError(f"{file.path}{line}: {error.args[-1]}") from None
            except pymysql.err.MySQLError as error:
                raise _located(file, numbers, error) from None
            done += len(numbers)
            progress(file.table, binary.tell(), total)
    return done


def _header(file: CsvFile, reader: Iterator[list[str]]) -> list[str]:
    header = next(reader, [])
    for name in header:
        if name not in file.text:
            raise CsvError(
                f"{file.path}, line 1: table {file.table} has no column {name!r}. "
                f"It has: {', '.join(file.text)}"
            )
    if not header or len(set(header)) != len(header):
        raise CsvError(f"{file.path}, line 1: must name each column once")
    return header


def _blocks(
    file: CsvFile, reader: Iterator[list[str]], header: list[str]
) -> Iterator[tuple[list[int], str]]:
    """Line numbers and lines for the server, some hundred thousand at a time."""
    text = [file.text[name] for name in header]
    numbers: list[int] = []
    lines: list[str] = []
    for number, record in _records(file, reader):
        if len(record) != len(header):
            raise CsvError(
                f"{file.path}, line {number}: {len(record)} fields, "
                f"but line 1 names {len(header)} columns"
            )
        numbers.append(number)
        lines.append(
            "\t".join(
                value.translate(_ESCAPES) if value or is_text else "\\N"
                for value, is_text in zip(record, text, strict=True)
            )
        )
        if len(lines) == _LINES:
            yield numbers, "\n".join(lines) + "\n"
            numbers, lines = [], []
    if lines:
        yield numbers, "\n".join(lines) + "\n"


def _records(file: CsvFile, reader: Iterator[list[str]]) -> Iterator[tuple[int, list[str]]]:
    """Each record with the line on which it begins; blank lines are none."""
    while True:
        number = reader.line_num + 1  # type: ignore[attr-defined]
        try:
            record = next(reader)
        except StopIteration:
            return
        except (csv.Error, UnicodeDecodeError) as error:
            raise CsvError(f"{file.path}, line {number}: {error}") from None
        if record:
            yield number, record


def _located(file: CsvFile, numbers: list[int], error: pymysql.err.MySQLError) -> CsvError:
    """The server's error with the file's line in place of its own row number."""
    message = str(error.args[-1])
    row = re.search(r"\s*at row (\d+)$", message)
    if row is None:
        return CsvError(f"{file.path}, table {file.table}: {message}")
    line = numbers[int(row.group(1)) - 1]
    return CsvError(f"{file.path}, line {line}: {message[: row.start()]}")


def _repeated_key(file: CsvFile, keys: set[str]) -> str:
    """Where the first key stands that stood before; the server does not say the row of those."""
    seen: set[tuple[str, ...]] = set()
    with open(file.path, newline="", encoding="utf-8-sig") as text:
        reader = csv.reader(text, strict=True)
        places = [place for place, name in enumerate(next(reader)) if name in keys]
        for number, record in _records(file, reader):
            key = tuple(record[place] for place in places)
            if key in seen:
                return f", line {number}"
            seen.add(key)
    return ""


def _primary_key(cursor: Cursor, table: str) -> set[str]:
    cursor.execute(f"SHOW KEYS FROM {quoted(table)} WHERE Key_name = 'PRIMARY'")
    return {str(row[4]) for row in cursor.fetchall()}
