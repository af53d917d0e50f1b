"""Parquet parts of a stream: every row once, in order, each file sent while the next is written."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from etl_lib import parts

SCHEMA = pa.schema([("id", pa.int64()), ("word", pa.string())])


def stream(sizes: list[int]) -> Iterator[pa.RecordBatch]:
    first = 0
    for size in sizes:
        ids = list(range(first, first + size))
        yield pa.RecordBatch.from_pydict({"id": ids, "word": ["w"] * size}, schema=SCHEMA)
        first += size


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 40), max_size=12), st.integers(1, 60))
def test_every_row_is_in_one_file(sizes: list[int], limit: int) -> None:
    found: list[int] = []

    def send(path: Path, rows: int) -> dict[str, Any]:
        ids = pq.read_table(path)["id"].to_pylist()
        assert len(ids) == rows > 0  # a reader that finds nothing gives an empty batch
        found.extend(ids)
        return {"name": path.name}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART_ROWS", limit)
        sent = parts.write(stream(sizes), SCHEMA, send)
    assert found == list(range(sum(sizes)))
    assert [each["name"] for each in sent] == [f"{at:05}.parquet" for at in range(len(sent))]


def test_a_file_is_sent_while_the_next_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    went_on = threading.Event()

    def batches() -> Iterator[pa.RecordBatch]:
        for number, batch in enumerate(stream([1, 1])):
            if number:
                went_on.set()
            yield batch

    def send(path: Path, rows: int) -> dict[str, Any]:
        assert went_on.wait(5), "the stream stood still"
        return {}

    assert len(parts.write(batches(), SCHEMA, send)) == 2


def test_a_file_that_cannot_be_sent_ends_the_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    read = 0

    def batches() -> Iterator[pa.RecordBatch]:
        nonlocal read
        for batch in stream([1] * 50):
            read += 1
            time.sleep(0.005)
            yield batch

    def send(path: Path, rows: int) -> dict[str, Any]:
        raise OSError("no room")

    with pytest.raises(OSError, match="no room"):
        parts.write(batches(), SCHEMA, send)
    assert read < 10
