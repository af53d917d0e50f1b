"""The beginning of an S3 object, for a person: text, or the first rows of Parquet."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
from pyarrow import parquet

TEXT = 64 * 1024  # bytes
PARQUET = 64 * 1024 * 1024  # bytes; what is larger is not read
ROWS = 20
CELL = 200  # characters


@dataclass(frozen=True)
class Preview:
    """``text``, or ``schema`` and ``rows``, and what should be known of them."""

    note: str = ""
    text: str = ""
    schema: Sequence[tuple[str, str]] = ()
    rows: Sequence[Sequence[str | None]] = ()


def of(s3: Any, bucket: str, key: str, size: int) -> Preview:
    """As much of the object as a page should show."""
    if not size:
        return Preview("The object is empty.")
    head = _bytes(s3, bucket, key, TEXT)
    if head.startswith(b"PAR1"):
        if size > PARQUET:
            return Preview(f"A Parquet file of more than {PARQUET:,} bytes is not read here.")
        return _table(_bytes(s3, bucket, key, size))
    return _text(head, size)


def _bytes(s3: Any, bucket: str, key: str, most: int) -> bytes:
    reply = s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{most - 1}")
    body: bytes = reply["Body"].read()
    return body


def _text(head: bytes, size: int) -> Preview:
    if b"\0" in head:
        return Preview("This is no text: it is not shown.")
    whole = len(head) == size
    text = head.decode("utf-8", "replace")
    if whole and "\n" not in text.strip() and text.lstrip().startswith(("{", "[")):
        with suppress(ValueError, RecursionError):
            text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    return Preview("" if whole else f"The first {len(head):,} of {size:,} bytes.", text)


def _table(body: bytes) -> Preview:
    try:
        file = parquet.ParquetFile(io.BytesIO(body))
        batch = next(file.iter_batches(batch_size=ROWS), None)
    except (pa.ArrowException, OSError) as error:
        return Preview(f"It begins as Parquet does, and cannot be read: {error}")
    schema = [(field.name, str(field.type)) for field in file.schema_arrow]
    rows = _rows(batch) if batch else []
    return Preview(_many(len(rows), file.metadata.num_rows), "", schema, rows)


def _rows(batch: Any) -> list[Sequence[str | None]]:
    return [[_cell(column[n]) for column in batch.columns] for n in range(batch.num_rows)]


def _many(shown: int, total: int) -> str:
    return f"The first {shown} of {total:,} rows." if shown < total else f"All {total} rows."


def _cell(value: Any) -> str | None:
    if not value.is_valid:
        return None
    text = str(value.as_py())
    return text if len(text) <= CELL else f"{text[:CELL]}…"
