"""The rows that UNLOAD writes: each value as Redshift spells it, each row in its format."""

from __future__ import annotations

import datetime
import json
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from workbench.aws.redshift.load.values import TYPES, Field
from workbench.aws.redshift.refusals import GUIDE, SqlError, not_here
from workbench.aws.redshift.semistructured import STORAGE

EXTENSIONS = {"GZIP": ".gz", "BZIP2": ".bz2", "ZSTD": ".zst"}
SAME = {"HUGEINT": "BIGINT", "UBIGINT": "BIGINT", "TINYINT": "SMALLINT", "UINTEGER": "BIGINT"}
NAMES = {
    "FLOAT": "real",
    "DOUBLE": "double precision",
    "TIMESTAMP": "timestamp without time zone",
    "TIMESTAMP WITH TIME ZONE": "timestamp with time zone",
    "TIME": "time without time zone",
    "VARCHAR": "character varying",
    "BLOB": "binary varying",
    STORAGE: "super",
}


class Column:
    """A column of the result."""

    def __init__(self, name: str, kind: str) -> None:
        self.name = name
        self.field = Field(name, SAME.get(kind, kind), 65535, False, True)
        if self.field.decimal is None and self.field.kind not in TYPES:
            raise not_here(f"UNLOAD of a column of type {kind}")

    @property
    def kind(self) -> str:
        return self.field.kind

    @property
    def null(self) -> str | None:
        """NULL as a text; None where the UNLOAD says how. SUPER writes JSON's, whatever it says."""
        return "null" if self.field.semistructured else None

    @cached_property
    def text(self) -> Callable[[Any], str]:
        """What writes a value, which is not NULL."""
        return TEXT.get(self.kind, str) if self.field.decimal is None else _decimal

    def described(self) -> dict[str, Any]:
        """The column in a manifest."""
        kind: dict[str, Any] = {"base": NAMES.get(self.kind, self.kind.lower())}
        if self.field.decimal:
            kind = dict(
                zip(("base", "precision", "scale"), ("numeric", *self.field.decimal), strict=True)
            )
        elif self.kind == "VARCHAR":
            kind["max_length"] = self.field.length
        return {"name": self.name, "type": kind}


def _decimal(value: Any) -> str:
    return format(value, "f")


def _float(value: Any) -> str:
    if math.isnan(value):
        return "NaN"
    return str(value) if math.isfinite(value) else "Infinity" if value > 0 else "-Infinity"


def _moment(value: datetime.datetime) -> str:
    text = value.replace(tzinfo=None).isoformat(" ")
    return (text.rstrip("0") if "." in text else text) + ("+00" if value.tzinfo else "")


def _time(value: datetime.time) -> str:
    text = value.isoformat()
    return text.rstrip("0") if "." in text else text


TEXT: dict[str, Callable[[Any], str]] = {
    "BOOLEAN": lambda value: "t" if value else "f",
    "FLOAT": lambda value: _float(np.float32(value)),
    "DOUBLE": _float,
    "TIMESTAMP": _moment,
    "TIMESTAMP WITH TIME ZONE": _moment,
    "TIME": _time,
    "BLOB": lambda value: value.hex(),
    STORAGE: lambda value: value["super"],
}
NUMBERS = {"SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE"}


@dataclass(frozen=True)
class Plan:
    """How an UNLOAD writes."""

    form: str
    columns: list[Column]
    partition: tuple[str, ...] = ()
    include: bool = False
    delimiter: str = "|"
    null: str = ""
    header: bool = False
    quotes: bool = False
    escape: bool = False
    compression: str = ""
    largest: int = 0
    serial: bool = False

    def __post_init__(self) -> None:
        names = [each.name for each in self.columns]
        if self.form == "JSON" and len(set(names)) < len(names):
            raise SqlError("UNLOAD of JSON needs columns of different names")
        for each in self.columns:
            if each.kind == "BLOB" and self.form in ("JSON", "PARQUET"):
                raise SqlError(
                    f"VARBYTE cannot be unloaded to {self.form}. See {GUIDE}/r_UNLOAD.html"
                )
            if each.kind == "TIME" and self.form == "PARQUET":
                raise not_here("UNLOAD of a TIME to PARQUET")
        for name in self.partition:
            if names.count(name) != 1:
                raise SqlError(f'column "{name}" of PARTITION BY is not one of the query')
            if (kind := self.columns[names.index(name)].kind) in (
                *("DOUBLE", "BLOB", "TIME", "TIMESTAMP WITH TIME ZONE", STORAGE),
            ):
                kind = "SUPER" if kind == STORAGE else kind
                raise SqlError(f"A column of type {kind} cannot be a partition column")
        if not self.kept:
            raise SqlError("UNLOAD needs a column that is not one of PARTITION BY")

    @cached_property
    def kept(self) -> list[Column]:
        """The columns that the files have."""
        return [each for each in self.columns if self.include or each.name not in self.partition]

    @property
    def extension(self) -> str:
        return ".parquet" if self.form == "PARQUET" else EXTENSIONS.get(self.compression, "")

    @property
    def schema(self) -> pa.Schema:
        """Of a Parquet file, in which a TIMESTAMPTZ has no zone."""
        return pa.schema(
            [
                (each.name, pa.timestamp("us") if "TIMESTAMP" in each.kind else each.field.arrow)
                for each in self.kept
            ]
        )

    def rows(self, batch: pa.RecordBatch) -> Iterator[bytes]:
        """The rows of a batch of the kept columns, as lines."""
        columns = [
            [column.null if value is None else column.text(value) for value in array.to_pylist()]
            for column, array in zip(self.kept, batch.columns, strict=True)
        ]
        write = self._document if self.form == "JSON" else self._line
        for values in zip(*columns, strict=True):
            yield write(values).encode() + b"\n"

    def heading(self) -> bytes:
        names = [each.name for each in self.kept]
        write = self._quoted if self.form == "CSV" else self._escaped
        return self.delimiter.join(map(write, names)).encode() + b"\n" if self.header else b""

    def _line(self, values: tuple[str | None, ...]) -> str:
        texts = (each.kind in ("VARCHAR", STORAGE) for each in self.kept)
        if self.form == "CSV":
            written = (self.null if each is None else self._quoted(each) for each in values)
            return self.delimiter.join(written)
        quote = '"' if self.quotes else ""
        return self.delimiter.join(
            self._escaped(each)
            if text and each is not None
            else f"{quote}{self.null if each is None else each}{quote}"
            for each, text in zip(values, texts, strict=True)
        )

    def _quoted(self, text: str) -> str:
        if any(each in text for each in (self.delimiter, '"', "\n", "\r")):
            return '"' + text.replace('"', '""') + '"'
        return text

    def _escaped(self, text: str) -> str:
        if self.escape:
            special = ("\\", "\n", "\r", self.delimiter, *(("'", '"') if self.quotes else ()))
            for each in dict.fromkeys(special):
                text = text.replace(each, f"\\{each}")
        return f'"{text}"' if self.quotes else text

    def _document(self, values: tuple[str | None, ...]) -> str:
        pairs = []
        for column, value in zip(self.kept, values, strict=True):
            number = column.kind in NUMBERS or column.field.decimal
            if number and value is not None and value[-1] in "Ny":
                raise not_here(f"UNLOAD of {value} to JSON")
            plain = value is not None and (number or column.field.semistructured)
            written = value if plain else json.dumps(value, ensure_ascii=False)
            pairs.append(f"{json.dumps(column.name, ensure_ascii=False)}:{written}")
        return "{" + ",".join(pairs) + "}"
