"""What S3 knows of an object beyond its bytes, kept beside the buckets.

A record belongs to one state of one file (inode, size, times). Whatever Spark or a person writes
over it is a new object without attributes, as it should be.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
import time
from dataclasses import asdict, dataclass, field
from io import BufferedReader
from pathlib import Path

DEFAULT_TYPE = "binary/octet-stream"
CACHED = 50_000
# A file may change again within one tick of its clock; younger ones are not remembered.
SETTLED = 0.1


@dataclass(frozen=True)
class Attributes:
    """Headers to give back with an object, and its ETag where that is not its MD5."""

    headers: dict[str, str] = field(default_factory=dict)
    etag: str | None = None

    @property
    def plain(self) -> bool:
        return not self.etag and self.headers.items() <= {"Content-Type": DEFAULT_TYPE}.items()


class AttributeStore:
    """One small JSON file per object that has attributes; nothing for the others."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._etags: dict[str, tuple[list[int], str]] = {}
        self._lock = threading.Lock()

    def write(self, bucket: str, key: str, source: Path, attributes: Attributes) -> None:
        """Note ``attributes`` for the file that ``source`` is, before it gets its name."""
        if attributes.plain:
            return
        status = source.stat()
        record = self._record(bucket, key, status)
        record.parent.mkdir(parents=True, exist_ok=True)
        new = record.with_suffix(".new")
        new.write_text(json.dumps({"file": identity(status), **asdict(attributes)}))
        new.replace(record)

    def read(self, bucket: str, key: str, status: os.stat_result) -> Attributes:
        try:
            kept = json.loads(self._record(bucket, key, status).read_text())
        except FileNotFoundError:
            return Attributes()
        if kept.pop("file") != identity(status):
            return Attributes()
        return Attributes(**kept)

    def forget(self, bucket: str, key: str, status: os.stat_result) -> None:
        """Drop the record of a file that is no longer the object."""
        self._record(bucket, key, status).unlink(missing_ok=True)

    def etag(self, path: Path, file: BufferedReader, attributes: Attributes) -> str:
        """The multipart ETag that was recorded, else the MD5 of the open ``file``."""
        if attributes.etag:
            return attributes.etag
        status = os.fstat(file.fileno())
        known = self._etags.get(str(path))
        if known and known[0] == identity(status):
            return known[1]
        etag = hashlib.file_digest(file, "md5").hexdigest()
        file.seek(0)
        if time.time() - status.st_mtime > SETTLED:
            self.remember(path, status, etag)
        return etag

    def remember(self, path: Path, status: os.stat_result, etag: str) -> None:
        with self._lock:
            if len(self._etags) >= CACHED:
                self._etags.clear()
            self._etags[str(path)] = (identity(status), etag)

    def _record(self, bucket: str, key: str, status: os.stat_result) -> Path:
        """A key's old and new file have a record each: a kill between the two mixes nothing."""
        name = hashlib.sha256(key.encode()).hexdigest()
        return self._folder / bucket / f"{name}.{status.st_ino}.json"


def identity(status: os.stat_result) -> list[int]:
    return [status.st_ino, status.st_size, status.st_mtime_ns]
