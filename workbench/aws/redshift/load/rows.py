"""The rows of a COPY's files, typed, batch by batch; and those that do not fit, counted."""

from __future__ import annotations

import bz2
import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa

from workbench.aws.redshift.history import Load, Rejected
from workbench.aws.redshift.load import documents, lines
from workbench.aws.redshift.load.documents import Pick
from workbench.aws.redshift.load.lines import Record
from workbench.aws.redshift.load.options import Options
from workbench.aws.redshift.load.values import Field, Misfit, converter
from workbench.aws.redshift.objects import Object
from workbench.aws.redshift.refusals import SqlError

BATCH = 8192  # rows, or:
BATCH_SIZE = 8 * 1024 * 1024
UNREADABLE = (OSError, EOFError, zlib.error, ValueError)


@dataclass
class Rows:
    """What the files hold. Reading stops where the load has failed; ``failure`` says why."""

    columns: Sequence[Field]
    objects: Sequence[Object]
    options: Options
    pick: Pick | None  # of JSON
    load: Load
    failure: SqlError | None = None
    _convert: list[Callable[[str | None], Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._convert = [converter(each, self.options) for each in self.columns]
        self.schema = pa.schema([(f"c{at}", each.arrow) for at, each in enumerate(self.columns)])

    def batches(self) -> Iterator[pa.RecordBatch]:
        for url, path in self.objects:
            try:
                yield from self._batches(url, path)
            except SqlError as error:
                self.failure = error
            except UNREADABLE as error:
                self.failure = SqlError(f"S3 file {url} cannot be read: {error}")
            if self.failure:
                return
            self.load.scanned += 1
            self.load.scanned_size += path.stat().st_size

    def _batches(self, url: str, path: Path) -> Iterator[pa.RecordBatch]:
        rows: list[list[Any]] = []
        size = 0
        with opened(path, self.options.compression) as stream:
            for record in self._records(stream):
                try:
                    rows.append(self._row(record))
                except Misfit as problem:
                    if self._rejects(url, record, problem):
                        return
                size += len(record.raw)
                if len(rows) == BATCH or size > BATCH_SIZE:
                    yield self._batch(rows)
                    rows, size = [], 0
        if rows:
            yield self._batch(rows)

    def _records(self, stream: IO[bytes]) -> Iterator[Record]:
        found = lines.lines(stream, self.options.header)
        if self.pick is not None:
            return documents.records(found, self.pick)
        return lines.records(found, self.options)

    def _batch(self, rows: list[list[Any]]) -> pa.RecordBatch:
        self.load.rows += len(rows)
        arrays = [
            pa.array(column, kind.type)
            for column, kind in zip(zip(*rows, strict=True), self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(arrays, schema=self.schema)

    def _row(self, record: Record) -> list[Any]:
        values = self._arranged(record)
        return [convert(value) for convert, value in zip(self._convert, values, strict=True)]

    def _arranged(self, record: Record) -> list[str | None]:
        """As many fields as there are columns."""
        if isinstance(record.fields, Misfit):
            raise record.fields
        values, wanted = record.fields, len(self.columns)
        if len(values) == wanted:
            return values
        if len(values) > wanted:
            if self.options.form == "TEXT" and values[wanted:] == [""]:
                return values[:wanted]  # a delimiter may stand behind the last field too
            raise Misfit(1202, "Extra column(s) found")
        if not self.options.fill:
            raise Misfit(1214, "Delimiter not found")
        missing = self.columns[len(values) :]
        return values + ["" if each.type_name == "varchar" else None for each in missing]

    def _rejects(self, url: str, record: Record, problem: Misfit) -> bool:
        """Note a row that does not fit. True if the load fails with it."""
        at = self._misfit(record)
        column = None if at is None else self.columns[at]
        values = record.fields if isinstance(record.fields, list) else []
        value = "" if at is None or at >= len(values) else values[at] or ""
        self.load.rejected.append(
            Rejected(
                file=url,
                line=record.line,
                column=column.name if column else "",
                type=column.type_name if column else "",
                length=column.type_length if column else "",
                position=sum(len(each or "") + 1 for each in values[:at]) if at else 0,
                raw_line=_shown(record.raw),
                raw_value=_shown(value),
                code=problem.code,
                reason=problem.reason,
            )
        )
        if len(self.load.rejected) < self.options.max_errors:
            return False
        self.failure = SqlError(
            f"Load into table '{self.load.table}' failed.  "
            "Check 'stl_load_errors' system table for details."
        )
        return True

    def _misfit(self, record: Record) -> int | None:
        """The column whose field does not fit; None if the row as a whole does not."""
        try:
            values = self._arranged(record)
        except Misfit:
            return None
        for at, (convert, value) in enumerate(zip(self._convert, values, strict=True)):
            try:
                convert(value)
            except Misfit:
                return at
        return None


def _shown(text: str) -> str:
    """Raw data as stl_load_errors shows it: 1024 characters, a period for each that is no ASCII."""
    return "".join(each if each.isascii() and each != "\0" else "." for each in text[:1024])


def opened(path: Path, compression: str) -> IO[bytes]:
    """A file's bytes, decompressed while they are read."""
    if compression == "GZIP":
        return cast(IO[bytes], gzip.open(path, "rb"))
    if compression == "BZIP2":
        return cast(IO[bytes], bz2.open(path, "rb"))
    if compression == "ZSTD":
        return io.BufferedReader(pa.input_stream(str(path), compression="zstd"))
    return open(path, "rb")
