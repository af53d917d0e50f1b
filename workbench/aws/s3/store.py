"""Buckets are folders, objects are files: how they come, are found, and go."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import IO

from workbench.aws.protocol import AwsError, not_supported
from workbench.aws.s3 import listing, names
from workbench.aws.s3.attributes import Attributes, AttributeStore


@dataclass(frozen=True)
class StoredObject:
    """An object, opened: what happens to its name meanwhile does not touch these bytes."""

    file: BufferedReader
    status: os.stat_result
    etag: str
    attributes: Attributes


@dataclass(frozen=True)
class Conditions:
    """If-Match and If-None-Match of a request that changes an object."""

    if_match: str | None = None
    if_none_match: str | None = None

    def check(self, etag: str | None) -> None:
        """Raises AwsError when an object with ``etag`` (None: no object) must stay as it is."""
        if self.if_none_match not in (None, "*"):
            raise not_supported("s3", "If-None-Match with an ETag on a write")
        if self.if_none_match and etag is not None:
            raise failed("If-None-Match")
        if self.if_match is None:
            return
        if etag is None:
            raise no_such_key()
        if self.if_match.strip('"') not in ("*", etag):
            raise failed("If-Match")


class Store:
    """All buckets, under ``<state>/s3``; what is not an object lives in ``<state>/s3-side``."""

    def __init__(self, state: Path) -> None:
        self._root = Path(os.path.realpath(state)) / "s3"
        side = self._root.with_name("s3-side")
        self.uploads = side / "uploads"
        self._incoming = side / "incoming"
        shutil.rmtree(self._incoming, ignore_errors=True)  # what a kill left half-written
        for folder in (self._root, self.uploads, self._incoming):
            folder.mkdir(parents=True, exist_ok=True)
        self._attributes = AttributeStore(side / "attributes")
        self._locks = [threading.Lock() for _ in range(64)]

    def buckets(self) -> list[Path]:
        folders = (entry for entry in os.scandir(self._root) if entry.is_dir(follow_symlinks=False))
        return sorted(Path(folder) for folder in folders if names.BUCKET.fullmatch(folder.name))

    def create_bucket(self, bucket: str) -> None:
        """As in us-east-1, creating one's own bucket again changes nothing."""
        names.check_bucket(bucket)
        (self._root / bucket).mkdir(exist_ok=True)

    def bucket(self, bucket: str) -> Path:
        folder = self._root / bucket
        if not names.BUCKET.fullmatch(bucket) or folder.is_symlink() or not folder.is_dir():
            raise AwsError("NoSuchBucket", f"The specified bucket does not exist: {bucket}", 404)
        return folder

    def delete_bucket(self, bucket: str) -> None:
        if not _remove_empty(self.bucket(bucket)):
            raise AwsError("BucketNotEmpty", f"The bucket {bucket} is not empty.", 409)

    @contextmanager
    def open(self, bucket: str, key: str) -> Iterator[StoredObject]:
        """Raises NoSuchKey. The file stays open until the end of the ``with``."""
        with self.open_file(bucket, key) as file:
            yield self._describe(bucket, key, file)

    def open_for_reply(self, bucket: str, key: str) -> StoredObject:
        """Like ``open``, but whoever sends the file closes it."""
        file = self.open_file(bucket, key)
        try:
            return self._describe(bucket, key, file)
        except BaseException:
            file.close()
            raise

    def open_file(self, bucket: str, key: str) -> BufferedReader:
        path = names.path_of(self.bucket(bucket), key)
        try:
            return open(path, "rb")
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            raise no_such_key() from None

    @contextmanager
    def incoming(self) -> Iterator[IO[bytes]]:
        """A file outside all buckets, for bytes that may still turn out to be wrong."""
        with tempfile.NamedTemporaryFile(dir=self._incoming, delete=False) as file:
            try:
                yield file
            finally:
                Path(file.name).unlink(missing_ok=True)

    def commit(
        self,
        bucket: str,
        key: str,
        file: IO[bytes],
        etag: str,
        attributes: Attributes,
        conditions: Conditions,
    ) -> str:
        """Make the incoming ``file`` the object, in one step, if ``conditions`` hold; its ETag."""
        path = names.path_of(self.bucket(bucket), key)
        file.flush()
        source = Path(file.name)
        with self._lock(path):
            conditions.check(self._etag(bucket, key))
            before = _status(path)
            self._attributes.write(bucket, key, source, attributes)
            place(source, path, self.bucket(bucket), exclusive=conditions.if_none_match == "*")
            if before:
                self._attributes.forget(bucket, key, before)
            self._attributes.remember(path, os.fstat(file.fileno()), etag)
        return etag

    def delete(self, bucket: str, key: str, conditions: Conditions) -> None:
        """Delete an object; one that is not there is no error, as in S3."""
        folder = self.bucket(bucket)
        path = names.path_of(folder, key)
        with self._lock(path):
            conditions.check(self._etag(bucket, key))
            before = _status(path)
            if before is None:
                return
            path.unlink(missing_ok=True)
            self._attributes.forget(bucket, key, before)
            prune(path.parent, folder)

    def page(self, bucket: str, query: listing.Query) -> listing.Page:
        return listing.page(self.bucket(bucket), query)

    def _describe(self, bucket: str, key: str, file: BufferedReader) -> StoredObject:
        status = os.fstat(file.fileno())
        attributes = self._attributes.read(bucket, key, status)
        etag = self._attributes.etag(self._root / bucket / key, file, attributes)
        return StoredObject(file, status, etag, attributes)

    def _etag(self, bucket: str, key: str) -> str | None:
        try:
            with self.open(bucket, key) as stored:
                return stored.etag
        except AwsError as error:
            if error.code == "NoSuchKey":
                return None
            raise

    def _lock(self, path: Path) -> threading.Lock:
        return self._locks[hash(path) % len(self._locks)]


def _status(path: Path) -> os.stat_result | None:
    """Of an object; None where there is none."""
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return None if stat.S_ISDIR(status.st_mode) else status


def no_such_key() -> AwsError:
    return AwsError("NoSuchKey", "The specified key does not exist.", 404)


def failed(condition: str) -> AwsError:
    return AwsError("PreconditionFailed", f"The condition {condition} did not hold.", 412)


def place(source: Path, path: Path, bucket: Path, exclusive: bool) -> None:
    """Give the file its final name; a delete that prunes the folder meanwhile is waited out."""
    for _ in range(100):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir() and not _remove_empty(path):
                raise _conflict(path, bucket)
            if exclusive:
                os.link(source, path)
            else:
                source.replace(path)
            return
        except FileNotFoundError:
            if not bucket.is_dir():
                raise AwsError("NoSuchBucket", f"The bucket {bucket.name} is gone.", 404) from None
        except NotADirectoryError:
            raise _conflict(path, bucket) from None
        except FileExistsError:
            if path.is_file():
                raise failed("If-None-Match") from None
            raise _conflict(path, bucket) from None
    raise AwsError("OperationAborted", "The folder of this key is being deleted: try again.", 409)


def _conflict(path: Path, bucket: Path) -> AwsError:
    key = path.relative_to(bucket)
    return AwsError(
        "InvalidRequest",
        f"The local S3 keeps objects as files: {str(key)!r} cannot be an object and at the same "
        "time a prefix of other keys.",
        409,
    )


def _remove_empty(folder: Path) -> bool:
    """Remove ``folder`` if nothing but empty folders is in it."""
    if listing.first(folder) is not None:
        return False
    try:
        for inner, _, _ in os.walk(folder, topdown=False):
            os.rmdir(inner)
    except OSError:
        return False  # something came in meanwhile, or a thing that is no object lies there
    return True


def prune(folder: Path, bucket: Path) -> None:
    """S3 has no folders: one without objects goes, so that Spark does not see it either."""
    while folder != bucket:
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent
