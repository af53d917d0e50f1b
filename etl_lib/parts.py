"""Parquet files of a stream of rows: written one after another, each sent while the next is."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pyarrow as pa

PART_ROWS = 500_000  # in one file
REPEATED = 0.1  # texts are written as a dictionary where so few of them are different

Send = Callable[[Path, int], dict[str, Any]]


def write(batches: Iterable[pa.RecordBatch], schema: pa.Schema, send: Send) -> list[dict[str, Any]]:
    """Write ``batches`` as ``00000.parquet``, ``00001.parquet`` and so on; none for no rows.

    ``send`` is given each file and how many rows it has, and returns what stands for it in the
    result; it runs beside the writing. An error of either ends both.
    """
    import pyarrow.parquet as pq

    sent: list[Future[dict[str, Any]]] = []
    writer: pq.ParquetWriter | None = None
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(1) as sender:
        for batch in batches:
            if not batch.num_rows:
                continue  # a reader that finds nothing gives one of these
            if writer is None:
                path, rows = Path(scratch) / f"{len(sent):05}.parquet", 0
                writer = pq.ParquetWriter(path, schema, use_dictionary=_repeated(batch))
            writer.write_batch(batch)
            rows += batch.num_rows
            if rows >= PART_ROWS:
                writer.close()
                writer = None
                sent.append(sender.submit(_send, send, path, rows))
                _wait(sent[:-1])  # two files at a time lie on the disk
        if writer is not None:
            writer.close()
            sent.append(sender.submit(_send, send, path, rows))
        return _wait(sent)


def _send(send: Send, path: Path, rows: int) -> dict[str, Any]:
    entry = send(path, rows)
    path.unlink()
    return entry


def _wait(sent: list[Future[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [each.result() for each in sent]


def _repeated(batch: pa.RecordBatch) -> list[str]:
    """The text columns that a dictionary makes smaller; for others it is work for nothing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    return [
        name
        for name, values in zip(batch.schema.names, batch.columns)
        if pa.types.is_string(values.type)
        and pc.count_distinct(values).as_py() < REPEATED * len(values)
    ]
