"""COPY from S3: all or nothing. Parquet by position, its types exact; text as its options say."""

from __future__ import annotations

import glob
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.aws.redshift import objects
from workbench.aws.redshift.command import NAME, clauses, identifiers, table_path
from workbench.aws.redshift.history import Load
from workbench.aws.redshift.load import documents
from workbench.aws.redshift.load.options import GRAMMAR, Options, options, unknown
from workbench.aws.redshift.load.rows import Rows
from workbench.aws.redshift.load.values import Field
from workbench.aws.redshift.refusals import GUIDE, SqlError, not_here
from workbench.aws.redshift.semistructured import STORAGE

COMMAND = re.compile(
    rf'\s*COPY\s+(?P<table>{NAME}(?:\.{NAME})?)\s*(?:\((?P<columns>(?:"[^"]*"|[^)"])*)\))?\s*'
    rf"FROM\s+'(?P<url>(?:[^']|'')*)'(?P<options>.*?);?\s*",
    re.I | re.S,
)
COLUMNAR = {"IAM_ROLE", "FORMAT", "PARQUET", "MANIFEST", "STATUPDATE"}
COLUMNAR_NOT_HERE = ("ACCEPTINVCHARS", "FILLRECORD", "CREDENTIALS", "WITH")
PAGE = f"{GUIDE}/copy-usage_notes-copy-from-columnar.html"
# https://docs.aws.amazon.com/redshift/latest/dg/r_Datetime_types.html
LEAST = "4713-01-01 (BC) 00:00:00"
# The Arrow type that a file's column must have, by the table column's DuckDB type.
ARROW = {
    "BOOLEAN": pa.bool_(),
    "SMALLINT": pa.int16(),
    "INTEGER": pa.int32(),
    "BIGINT": pa.int64(),
    "FLOAT": pa.float32(),
    "DOUBLE": pa.float64(),
    "DATE": pa.date32(),
    "TIMESTAMP": pa.timestamp("us"),
    "VARCHAR": pa.string(),
    "BLOB": pa.binary(),
}

# What DuckDB raises of a file that is damaged; of others, such as an interrupt, it is the class.
DAMAGED = (duckdb.Error, duckdb.InvalidInputException, duckdb.IOException)


@dataclass(frozen=True)
class Command:
    """A COPY statement, read."""

    schema: str
    table: str
    columns: tuple[str, ...]  # empty: all of the table
    url: str
    manifest: bool
    options: Options = Options()


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # DuckDB's
    arrow: pa.DataType


def run(cursor: duckdb.DuckDBPyConnection, state: Path, desk: Path, sql: str, load: Load) -> int:
    """Load what a COPY names into its table, in the cursor's transaction; returns the rows.

    ``desk``: the only folder in which DuckDB may open files.

    Raises SqlError where it does not fit: then the transaction must not be committed. ``load``
    is filled with what happens.
    """
    command = parse(sql)
    load.table, load.source = command.table, command.url
    load.table_id = _table_id(cursor, command)
    load.form = {"TEXT": "txt"}.get(command.options.form, command.options.form.lower())
    if command.options.form == "PARQUET":
        _columnar(cursor, state, desk, command, load)
    else:
        _text(cursor, state, command, load)
    load.status, load.ended = "completed", datetime.now(UTC).replace(tzinfo=None)
    cursor.execute(f"SET VARIABLE rs_copied = {load.rows}")
    cursor.execute(f"SET VARIABLE rs_copy_id = {load.query}")
    return load.rows


def _columnar(
    cursor: duckdb.DuckDBPyConnection, state: Path, desk: Path, command: Command, load: Load
) -> None:
    columns = _columns(cursor, command)
    files = [path for _, path in objects.find(state, command.url, command.manifest, True)]
    load.rows = sum(_rows(file, columns) for file in files)
    load.files = load.scanned = len(files)
    load.size = load.scanned_size = sum(file.stat().st_size for file in files)
    if load.rows:
        _insert(cursor, desk, command, columns, files, load.rows)


def _text(cursor: duckdb.DuckDBPyConnection, state: Path, command: Command, load: Load) -> None:
    fields = _fields(cursor, command)
    form = command.options
    pick = documents.picker(state, form.json, fields) if form.form == "JSON" else None
    found = objects.find(state, command.url, command.manifest, False)
    load.files, load.size = len(found), sum(path.stat().st_size for _, path in found)
    rows = Rows(fields, found, form, pick, load)
    if form.load:
        _insert_rows(cursor, command, rows)
    else:
        for _ in rows.batches():
            pass
        load.rows = 0
    if rows.failure is not None:
        load.rows, load.ended = 0, datetime.now(UTC).replace(tzinfo=None)
        raise rows.failure


def parse(sql: str) -> Command:
    """Read a COPY; SqlError for what Redshift refuses or nobody here executes, by name."""
    match = COMMAND.fullmatch(sql)
    if match is None:
        raise SqlError('syntax error at or near "COPY"')
    given = clauses(match["options"], GRAMMAR, unknown)
    if "PARQUET" in given:
        _check_columnar(given)
    if "IAM_ROLE" not in given and "CREDENTIALS" not in given:
        raise SqlError("COPY needs IAM_ROLE or CREDENTIALS")
    schema, table = table_path(match["table"])
    url = match["url"].replace("''", "'")
    columns = identifiers(match["columns"] or "")
    return Command(schema, table, columns, url, "MANIFEST" in given, options(given))


def _check_columnar(given: Mapping[str, str]) -> None:
    for word in given:
        if word in COLUMNAR_NOT_HERE:
            raise not_here(f"COPY of PARQUET with {word}")
        if word not in COLUMNAR:
            raise SqlError(f"COPY option {word} is not supported for PARQUET. See {PAGE}")


def _columns(cursor: duckdb.DuckDBPyConnection, command: Command) -> list[Column]:
    """The columns to fill, in the order of the files."""
    return [Column(name, kind, _arrow(kind)) for name, kind, _ in _kinds(cursor, command)]


def _table_id(cursor: duckdb.DuckDBPyConnection, command: Command) -> int:
    row = cursor.execute(
        "SELECT table_oid FROM duckdb_tables() WHERE schema_name = ? AND table_name = ?",
        [command.schema, command.table],
    ).fetchone()
    if row is None:
        raise SqlError(f'relation "{command.table}" does not exist')
    return int(row[0])


def _kinds(cursor: duckdb.DuckDBPyConnection, command: Command) -> list[tuple[str, str, bool]]:
    """Name, type, and whether it may be NULL, of each column to fill."""
    rows = cursor.execute(
        "SELECT column_name, data_type, is_nullable FROM duckdb_columns() WHERE schema_name = ? "
        "AND table_name = ? ORDER BY column_index",
        [command.schema, command.table],
    ).fetchall()
    kinds = {name.lower(): (name.lower(), kind, nullable) for name, kind, nullable in rows}
    for name in command.columns:
        if name not in kinds:
            raise SqlError(f'column "{name}" of relation "{command.table}" does not exist')
    return [kinds[name] for name in command.columns or kinds]


def _fields(cursor: duckdb.DuckDBPyConnection, command: Command) -> list[Field]:
    """The columns to fill from text, with what their lengths allow."""
    kinds = _kinds(cursor, command)
    rows = cursor.execute(
        "SELECT lower(column_name), length, is_char FROM main.rs_lengths "
        "WHERE schema_name = ? AND table_name = ?",
        [command.schema, command.table],
    ).fetchall()
    lengths = {name: (length or 65535, char) for name, length, char in rows}
    return [
        Field(name, kind, *lengths.get(name, (65535, False)), nullable)
        for name, kind, nullable in kinds
    ]


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("DECIMAL("):
        precision, scale = map(int, kind[8:-1].split(","))
        return pa.decimal128(precision, scale)
    if kind == STORAGE:
        raise not_here("COPY of PARQUET into a column of type SUPER")
    if kind not in ARROW:
        raise not_here(f"COPY into a column of type {kind}")
    return ARROW[kind]


def _rows(file: Path, columns: list[Column]) -> int:
    """How many it announces. Redshift takes Parquet columns by position, and converts nothing."""
    try:
        footer = pq.read_metadata(file)
        schema = footer.schema.to_arrow_schema()
        _check_places(file.stat().st_size, footer)
    except (pa.ArrowInvalid, OSError) as error:
        raise SqlError(f"Spectrum Scan Error: {file.name} is not a Parquet file: {error}") from None
    if len(schema) != len(columns):
        raise SqlError(
            "COPY: Number of columns in the parquet file does not match the table: "
            f"{len(schema)} and {len(columns)}, file {file.name}"
        )
    for field, column in zip(schema, columns, strict=True):
        if _comparable(field.type) != column.arrow:
            raise SqlError(
                f"Spectrum Scan Error: File {file.name} has an incompatible Parquet schema for "
                f"column {column.name}. Column type: {column.kind}, Parquet schema: {field.type}"
            )
    return int(footer.num_rows)


def _check_places(size: int, footer: pq.FileMetaData) -> None:
    """A footer that tells of chunks outside of its file ends DuckDB, not only the statement."""
    for group in map(footer.row_group, range(footer.num_row_groups)):
        for chunk in map(group.column, range(group.num_columns)):
            first = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
            places = [each for each in (first, chunk.data_page_offset) if each is not None]
            length, values = chunk.total_compressed_size, chunk.num_values
            if min(*places, length, values, chunk.total_uncompressed_size, group.num_rows) < 0 or (
                min(places) + length > size
            ):
                raise OSError(f"its footer tells of a column chunk at {places} of {length} bytes")


def _comparable(kind: pa.DataType) -> pa.DataType:
    """The same physical type without what Redshift does not tell apart."""
    if pa.types.is_large_string(kind):
        return pa.string()
    if pa.types.is_large_binary(kind):
        return pa.binary()
    if pa.types.is_dictionary(kind):
        return _comparable(kind.value_type)
    if pa.types.is_timestamp(kind):
        return pa.timestamp(kind.unit)  # Redshift's TIMESTAMP is UTC
    return kind


def _insert(
    cursor: duckdb.DuckDBPyConnection,
    desk: Path,
    command: Command,
    columns: list[Column],
    files: list[Path],
    rows: int,
) -> None:
    """File by file: the columns of one may have other names than those of the next."""
    names = ", ".join(_quoted(column.name) for column in columns)
    target = f"{_quoted(command.schema)}.{_quoted(command.table)}"
    places = ", ".join(f"c{at}" for at in range(len(columns)))
    values = ", ".join(_within(f"c{at}", column) for at, column in enumerate(columns))
    sql = (
        f"INSERT INTO {target} ({names}) SELECT {values} "
        f"FROM read_parquet(?, hive_partitioning = false) AS file({places})"
    )
    read = 0
    for file in files:
        try:
            with _on(desk, file) as path:
                (found,) = cursor.execute(sql, [path]).fetchall()[0]
        except duckdb.ConstraintException as error:
            raise _misfit(error, command) from None
        except duckdb.Error as error:
            raise _unreadable(error, desk, file) if type(error) in DAMAGED else error from None
        read += int(found)
    if read != rows:
        raise SqlError(f"Spectrum Scan Error: {rows} rows were announced, {read} came")


def _within(value: str, column: Column) -> str:
    """SQL: the value, where its type can hold it. A file can hold others, and the text of some of
    them breaks DuckDB's database."""
    if column.kind == "TIMESTAMP":
        value = f"CAST({value} AS TIMESTAMP)"
        beyond = f"NOT isfinite({value}) OR {value} < TIMESTAMP '{LEAST}'"
    elif pa.types.is_decimal(column.arrow):
        precision, scale = column.arrow.precision, column.arrow.scale
        most = f"CAST('{'9' * (precision - scale)}.{'9' * scale}' AS {column.kind})"
        beyond = f"{value} NOT BETWEEN -{most} AND {most}"
    else:
        return value
    reason = f"a value of column {column.name} is beyond {column.kind}".replace("'", "''")
    return f"CASE WHEN {beyond} THEN error('{reason}') ELSE {value} END"


@contextmanager
def _on(desk: Path, file: Path) -> Iterator[str]:
    """An object under a name of its own: to DuckDB a path is a pattern, and no other statement may
    open a file whose name it can guess."""
    link = desk / secrets.token_hex(16)
    os.link(file, link)
    try:
        yield glob.escape(str(link))
    finally:
        link.unlink()


def _insert_rows(cursor: duckdb.DuckDBPyConnection, command: Command, rows: Rows) -> None:
    reader = pa.RecordBatchReader.from_batches(rows.schema, rows.batches())
    names = ", ".join(_quoted(each.name) for each in rows.columns)
    values = ", ".join(
        f"main.rs_super(c{at})" if each.semistructured else f"c{at}"
        for at, each in enumerate(rows.columns)
    )
    target = f"{_quoted(command.schema)}.{_quoted(command.table)}"
    cursor.register("__copy", reader)
    cursor.execute(f"INSERT INTO {target} ({names}) SELECT {values} FROM __copy")
    cursor.unregister("__copy")  # a failure rolls its view back


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _unreadable(error: duckdb.Error, desk: Path, file: Path) -> SqlError:
    named = rf"{re.escape(glob.escape(str(desk)))}/\w+|{re.escape(str(desk))}/\w+"
    reason = re.sub(named, lambda _: file.name, str(error)).partition("\n")[0]
    return SqlError(f"Spectrum Scan Error: {file.name} cannot be read: {reason or 'damaged'}")


def _misfit(error: duckdb.ConstraintException, command: Command) -> SqlError:
    """A value that does not fit, in the words of Redshift's COPY."""
    text = str(error)
    if match := re.search(r"(?:strlen|rs_bytes)\((\S+)\) <= (\d+)", text):
        return SqlError(
            f"Spectrum Scan Error: The length of the data column {match[1]} is longer than the "
            f"length defined in the table. Table: {match[2]}, table {command.table}"
        )
    if match := re.search(r"NOT NULL constraint failed: \S*?([^.\s]+)$", text, re.M):
        return SqlError(f"Cannot insert a NULL value into column {match[1]}")
    return SqlError(text)
