"""The files that UNLOAD writes: by partition and slice, one part after the other."""

from __future__ import annotations

import bz2
import gzip
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workbench.aws.redshift.unload_rows import Column, Plan

SLICES = 2  # of PARALLEL ON
OPEN = 500  # files at a time
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
# What Hive writes as %XX in the name of a partition's folder.
HIVE = set("\"#%'*/:=?\\{[]^\x7f") | {chr(code) for code in range(32)}


@dataclass
class Written:
    """A file, and the object that it is to be."""

    key: str
    path: Path
    rows: int = 0
    size: int = 0

    def __hash__(self) -> int:
        return hash(self.key)


class Part:
    """One file while it is written. ``size`` is that of its uncompressed text."""

    def __init__(self, plan: Plan, written: Written) -> None:
        self.written, self.size = written, 0
        self._plan = plan
        self._text: IO[bytes] | None = None
        if plan.form == "PARQUET":
            self._parquet = pq.ParquetWriter(written.path, plan.schema, version="1.0")
            return
        self._text = _opened(written.path, plan.compression)
        if heading := plan.heading():
            self.write_line(heading)

    def write_line(self, line: bytes) -> None:
        assert self._text is not None
        self._text.write(line)
        self.size += len(line)
        self.written.rows += 1

    def write_batch(self, batch: pa.RecordBatch) -> None:
        schema = self._plan.schema
        arrays = [
            _cast(array, each.type) for array, each in zip(batch.columns, schema, strict=True)
        ]
        self._parquet.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))
        self.size += batch.nbytes
        self.written.rows += batch.num_rows

    def close(self) -> None:
        if self._text is None:
            self._parquet.close()
        else:
            self._text.close()
        self.written.size = self.written.path.stat().st_size


def _cast(array: pa.Array, kind: pa.DataType) -> pa.Array:
    """SUPER is written as its JSON."""
    if pa.types.is_struct(array.type):
        return pc.struct_field(array, "super")
    return array if array.type == kind else array.cast(kind)


def _opened(path: Path, compression: str) -> IO[bytes]:
    if compression == "GZIP":
        return cast(IO[bytes], gzip.open(path, "wb"))
    if compression == "BZIP2":
        return cast(IO[bytes], bz2.open(path, "wb"))
    if compression == "ZSTD":
        return cast(IO[bytes], pa.output_stream(str(path), compression="zstd"))
    return open(path, "wb")


@dataclass
class Files:
    """All files of an UNLOAD: for each partition and slice, one part after the other."""

    plan: Plan
    prefix: str
    aside: Path
    rows: int = 0
    written: list[Written] = field(default_factory=list)
    _parts: dict[tuple[str, int], Part] = field(default_factory=dict)
    _numbers: dict[tuple[str, int], int] = field(default_factory=dict)

    def write(self, batch: pa.RecordBatch) -> None:
        self.rows += batch.num_rows
        half = batch.num_rows if self.plan.serial else (batch.num_rows + SLICES - 1) // SLICES
        for slice_ in range(1 if self.plan.serial else SLICES):
            share = batch.slice(slice_ * half, half)
            for folder, rows in self._partitioned(share):
                self._write(folder, slice_, rows)

    def close(self) -> None:
        if not self.written and not self.plan.partition:
            self._next("", 0)  # without rows there is a file too
        for part in self._parts.values():
            part.close()
        self._parts.clear()

    def _write(self, folder: str, slice_: int, batch: pa.RecordBatch) -> None:
        part = self._parts.get((folder, slice_)) or self._next(folder, slice_)
        if self.plan.form == "PARQUET":
            if part.size > self.plan.largest:
                part = self._next(folder, slice_)
            part.write_batch(batch)
            return
        for line in self.plan.rows(batch):
            if part.size + len(line) > self.plan.largest and part.size:
                part = self._next(folder, slice_)
            part.write_line(line)

    def _next(self, folder: str, slice_: int) -> Part:
        """The next part of a partition and slice."""
        place = (folder, slice_)
        if place in self._parts:
            self._parts.pop(place).close()
        if len(self._parts) >= OPEN:
            self._parts.pop(next(iter(self._parts))).close()
        number = self._numbers[place] = self._numbers.get(place, -1) + 1
        name = f"{number:03}" if self.plan.serial else f"{slice_:04}_part_{number:02}"
        key = f"{self.prefix}{folder}{name}{self.plan.extension}"
        self.written.append(Written(key, self.aside / f"{len(self.written):06}"))
        self._parts[place] = Part(self.plan, self.written[-1])
        return self._parts[place]

    def _partitioned(self, batch: pa.RecordBatch) -> Iterator[tuple[str, pa.RecordBatch]]:
        """The rows of each partition, without the columns that its folder tells."""
        kept = [at for at, each in enumerate(self.plan.columns) if each in self.plan.kept]
        if not batch.num_rows:
            return
        if not self.plan.partition:
            yield "", batch
            return
        found: dict[str, list[int]] = {}
        for row, folder in enumerate(self._folders(batch)):
            found.setdefault(folder, []).append(row)
        for folder, rows in found.items():
            yield folder, batch.take(pa.array(rows)).select(kept)

    def _folders(self, batch: pa.RecordBatch) -> Iterator[str]:
        names = [each.name for each in self.plan.columns]
        places = [names.index(name) for name in self.plan.partition]
        columns = [(self.plan.columns[at], batch.column(at).to_pylist()) for at in places]
        for row in range(batch.num_rows):
            yield "".join(
                f"{_hive(column.name)}={_value(column, values[row])}/" for column, values in columns
            )


def _value(column: Column, value: Any) -> str:
    text = "" if value is None else column.text(value)
    return _hive(text) if text else NO_VALUE


def _hive(text: str) -> str:
    return "".join(f"%{ord(each):02X}" if each in HIVE else each for each in text)
