"""Bytes from one object to another, without the client between."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Iterable, Iterator
from typing import IO
from urllib.parse import unquote

from workbench.aws.protocol import AwsError, not_supported
from workbench.aws.s3 import body
from workbench.aws.s3.attributes import identity
from workbench.aws.s3.request import S3Request
from workbench.aws.s3.store import StoredObject, failed


def source(request: S3Request) -> tuple[str, str]:
    """Bucket and key that x-amz-copy-source names."""
    named, _, version = (request.header("x-amz-copy-source") or "").partition("?")
    if version:
        raise not_supported("s3", "copy of a version")
    bucket, _, key = unquote(named).removeprefix("/").partition("/")
    return bucket, key


def check(request: S3Request, source: StoredObject) -> None:
    wanted = request.header("x-amz-copy-source-if-match")
    if wanted and wanted.strip('"') != source.etag:
        raise failed("x-amz-copy-source-if-match")


def write(file: IO[bytes], blocks: Iterable[bytes]) -> str:
    md5 = hashlib.md5(usedforsecurity=False)
    for block in blocks:
        md5.update(block)
        file.write(block)
    return md5.hexdigest()


def whole(file: IO[bytes], source: StoredObject) -> str:
    """Write all of an object; returns its MD5, which its ETag is unless it came in parts, or was
    overwritten in place since that was taken."""
    if not source.attributes.etag:
        shutil.copyfileobj(source.file, file, body.BLOCK)
        if identity(os.fstat(source.file.fileno())) == identity(source.status):
            return source.etag
        file.seek(0)
        file.truncate()
    return write(file, blocks(source))


def blocks(source: StoredObject, header: str | None = None) -> Iterator[bytes]:
    """The content, or the part of it that an x-amz-copy-source-range names."""
    size = source.status.st_size
    first, last = _range(header, size) if header else (0, size - 1)
    source.file.seek(first)
    left = last - first + 1
    while left > 0 and (block := source.file.read(min(left, body.BLOCK))):
        left -= len(block)
        yield block


def _range(header: str, size: int) -> tuple[int, int]:
    found = re.fullmatch(r"bytes=(\d{1,15})-(\d{1,15})", header)
    if not found or not int(found[1]) <= int(found[2]) < size:
        raise AwsError("InvalidArgument", f"x-amz-copy-source-range {header!r} of {size} bytes")
    return int(found[1]), int(found[2])
