"""What a SELECT left in S3: entries of a manifest, and the sums that were read beside the rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from etl_lib import parts, reading
from etl_lib.reading import HASH, Query
from etl_lib.source import Source
from etl_lib.zone import Zone

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class Written:
    """Entries of a manifest, and sums by name."""

    entries: list[dict[str, Any]]
    sums: Mapping[str, int] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self._total("record_count")

    @property
    def meta(self) -> dict[str, Any]:
        changed = {name: count for name, count in self.sums.items() if count and name != HASH}
        return {
            "content_length": self._total("content_length"),
            "record_count": self.rows,
            "digest": f"{self.rows}:{self.sums.get(HASH, 0)}",
            "changed": changed,
        }

    def _total(self, name: str) -> int:
        return sum(entry["meta"][name] for entry in self.entries)


def together(written: Iterable[Written]) -> Written:
    entries: list[dict[str, Any]] = []
    sums: Counter[str] = Counter()
    for each in written:
        entries += each.entries
        sums.update(each.sums)
    return Written(entries, sums)


def write(
    zone: Zone, source: Source, query: Query, stem: str, told: Callable[[int], object]
) -> Written:
    """Stream a SELECT into Parquet parts whose keys begin with ``stem``; ``told`` hears of rows."""
    sums: Counter[str] = Counter()

    def counted() -> Iterator[pa.RecordBatch]:
        for batch, found in reading.batches(source, query):
            sums.update(found)
            told(batch.num_rows)
            yield batch

    def upload(path: Path, rows: int) -> dict[str, Any]:
        return entry(zone, path, f"{stem}-{path.name}", rows)

    return Written(parts.write(counted(), query.schema, upload), sums)


def entry(zone: Zone, path: Path, key: str, rows: int) -> dict[str, Any]:
    """Upload a file; what a manifest says of it."""
    zone.upload(path, key)
    return {
        "url": zone.url(key),
        "mandatory": True,
        "meta": {"content_length": path.stat().st_size, "record_count": rows},
    }
