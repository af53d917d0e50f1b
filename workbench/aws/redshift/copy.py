"""COPY of Parquet files from S3: by manifest or prefix, all or nothing, types exact."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from workbench.aws.redshift.refusals import GUIDE, SqlError, not_here

NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_]\w*)'
TEXT = r"'((?:[^']|'')*)'"
COMMAND = re.compile(
    rf'\s*COPY\s+(?P<table>{NAME}(?:\.{NAME})?)\s*(?:\((?P<columns>(?:"[^"]*"|[^)"])*)\))?\s*'
    rf"FROM\s+'(?P<url>(?:[^']|'')*)'(?P<options>.*?);?\s*",
    re.I | re.S,
)
OPTION = re.compile(
    rf"\s*(?:(?P<role>IAM_ROLE\s+(?:{TEXT}|DEFAULT))|(?P<format>(?:FORMAT\s+(?:AS\s+)?)\w+)"
    r"|(?P<manifest>MANIFEST)|(?P<statupdate>STATUPDATE(?:\s+(?:ON|OFF|TRUE|FALSE))?))(?=\s|$)",
    re.I,
)
PAGE = f"{GUIDE}/copy-usage_notes-copy-from-columnar.html"
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


@dataclass(frozen=True)
class Command:
    """A COPY statement, read."""

    schema: str
    table: str
    columns: tuple[str, ...]  # empty: all of the table
    url: str
    manifest: bool


@dataclass(frozen=True)
class Column:
    name: str
    kind: str  # DuckDB's
    arrow: pa.DataType


def run(cursor: duckdb.DuckDBPyConnection, state: Path, sql: str) -> int:
    """Load what a COPY names into its table, in the cursor's transaction; returns the rows.

    Raises SqlError before anything is loaded where a file does not fit.
    """
    command = parse(sql)
    columns = _columns(cursor, command)
    files = _manifest(state, command.url) if command.manifest else _prefix(state, command.url)
    for file in files:
        _check(file, columns)
    total: int = sum(pq.read_metadata(file).num_rows for file in files)
    if total:
        _insert(cursor, command, columns, files)
    cursor.execute(f"SET VARIABLE rs_copied = {total}")
    return total


def parse(sql: str) -> Command:
    """Read a COPY; SqlError for what Redshift refuses or nobody here executes, by name."""
    match = COMMAND.fullmatch(sql)
    if match is None:
        raise SqlError('syntax error at or near "COPY"')
    options = _options(match["options"])
    if "role" not in options:
        raise SqlError("COPY needs IAM_ROLE")
    form = options.get("format", "FORMAT CSV").split()[-1].upper()
    if form != "PARQUET":
        raise not_here(f"COPY of the format {form}")
    schema, table = _path(match["table"])
    columns = tuple(_unquoted(name) for name in re.findall(NAME, match["columns"] or ""))
    return Command(schema, table, columns, match["url"].replace("''", "'"), "manifest" in options)


def _options(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while text[at:].strip():
        match = OPTION.match(text, at)
        if match is None or match.lastgroup is None:
            word = text[at:].split()[0]
            raise SqlError(f"COPY option {word} is not supported for PARQUET. See {PAGE}")
        name = next(key for key, value in match.groupdict().items() if value)
        if name in found:
            raise SqlError(f"conflicting or redundant options: {match.group().strip()}")
        found[name] = match.group().strip()
        at = match.end()
    return found


def _columns(cursor: duckdb.DuckDBPyConnection, command: Command) -> list[Column]:
    """The columns to fill, in the order of the files."""
    rows = cursor.execute(
        "SELECT column_name, data_type FROM duckdb_columns() WHERE schema_name = ? "
        "AND table_name = ? ORDER BY column_index",
        [command.schema, command.table],
    ).fetchall()
    if not rows:
        raise SqlError(f'relation "{command.table}" does not exist')
    kinds = {name.lower(): kind for name, kind in rows}
    for name in command.columns:
        if name not in kinds:
            raise SqlError(f'column "{name}" of relation "{command.table}" does not exist')
    return [Column(name, kinds[name], _arrow(kinds[name])) for name in command.columns or kinds]


def _arrow(kind: str) -> pa.DataType:
    if kind.startswith("DECIMAL("):
        precision, scale = map(int, kind[8:-1].split(","))
        return pa.decimal128(precision, scale)
    if kind not in ARROW:
        raise not_here(f"COPY into a column of type {kind}")
    return ARROW[kind]


def _manifest(state: Path, url: str) -> list[Path]:
    """The files that a manifest lists, each as long as it says."""
    path = _file(state, url)
    if not path.is_file():
        raise SqlError(f"Problem reading manifest file - S3ServiceException: NoSuchKey, {url}")
    try:
        entries = json.loads(path.read_bytes())["entries"]
        if not isinstance(entries, list) or not entries:
            raise ValueError("entries must be a list that is not empty")
        found = [_entry(state, entry) for entry in entries]
    except (ValueError, KeyError, TypeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise SqlError(f"Manifest file is not in correct json format: {url}: {reason}") from None
    return [path for path in found if path is not None]


def _entry(state: Path, entry: dict[str, Any]) -> Path | None:
    """The file of a manifest's entry; None if it is missing and need not be there."""
    url = entry["url"]
    length = entry.get("meta", {}).get("content_length")
    if not isinstance(length, int):
        raise SqlError(f"Manifest entry of a columnar file needs meta.content_length: {url}")
    path = _file(state, url)
    if not path.is_file():
        if entry.get("mandatory", False):
            raise SqlError(f"The specified S3 object is mandatory and does not exist: {url}")
        return None
    if path.stat().st_size != length:
        raise SqlError(
            f"Manifest entry {url} has content_length {length}; the object has "
            f"{path.stat().st_size} bytes"
        )
    return path


def _prefix(state: Path, url: str) -> list[Path]:
    """The files whose keys begin with what the URL says."""
    bucket, prefix = _split(url)
    root = state / "s3" / bucket
    if not root.is_dir():
        raise SqlError(f"S3ServiceException: The specified bucket does not exist: {bucket}")
    keys = sorted(
        str((Path(folder) / name).relative_to(root))
        for folder, _, names in os.walk(root)
        for name in names
    )
    # Redshift leaves out what begins with _ or a dot, such as Spark's _SUCCESS.
    found = [
        _file(state, f"s3://{bucket}/{key}")
        for key in keys
        if key.startswith(prefix) and not key.rpartition("/")[2].startswith((".", "_"))
    ]
    if not found:
        raise SqlError(f"The specified S3 prefix '{prefix}' does not exist")
    return found


def _file(state: Path, url: str) -> Path:
    """The file of an object. SqlError if its key would lead out of its bucket."""
    bucket, key = _split(url)
    root = Path(os.path.realpath(state / "s3" / bucket))
    path = Path(os.path.realpath(root / key))
    if root.parent != Path(os.path.realpath(state / "s3")) or not path.is_relative_to(root):
        raise SqlError(f"S3ServiceException: the key leads out of its bucket: {url}")
    return path


def _split(url: object) -> tuple[str, str]:
    match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\0]*)", str(url))
    if match is None:
        raise SqlError(f"{url!r} is not an S3 URL such as s3://bucket/key")
    return match[1], match[2]


def _check(file: Path, columns: list[Column]) -> None:
    """Redshift takes Parquet columns by position, and converts nothing."""
    try:
        schema = pq.read_schema(file)
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
    cursor: duckdb.DuckDBPyConnection, command: Command, columns: list[Column], files: list[Path]
) -> None:
    schema = pa.schema([(f"c{at}", column.arrow) for at, column in enumerate(columns)])
    reader = pa.RecordBatchReader.from_batches(schema, _batches(schema, files))
    names = ", ".join('"' + column.name.replace('"', '""') + '"' for column in columns)
    target = ".".join(
        '"' + name.replace('"', '""') + '"' for name in (command.schema, command.table)
    )
    cursor.register("__copy", reader)
    try:
        cursor.execute(f"INSERT INTO {target} ({names}) SELECT * FROM __copy")
    except duckdb.ConstraintException as error:
        raise _misfit(error, command) from None
    cursor.unregister("__copy")  # a failure rolls its view back


def _batches(schema: pa.Schema, files: list[Path]) -> Iterator[pa.RecordBatch]:
    for path in files:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=65536):
                arrays = [
                    array if array.type == field.type else array.cast(field.type)
                    for array, field in zip(batch.columns, schema, strict=True)
                ]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)


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


def _path(text: str) -> tuple[str, str]:
    names = [_unquoted(name) for name in re.findall(NAME, text)]
    return (names[0], names[1]) if len(names) == 2 else ("public", names[0])


def _unquoted(name: str) -> str:
    inner = name[1:-1].replace('""', '"') if name.startswith('"') else name
    return inner.lower()
