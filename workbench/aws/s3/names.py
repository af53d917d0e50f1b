"""Bucket names and keys, and which of them can be files."""

from __future__ import annotations

import os
import re
from pathlib import Path

from workbench.aws.protocol import AwsError

BUCKET = re.compile(r"(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check_bucket(name: str) -> None:
    """Raises InvalidBucketName."""
    if not BUCKET.fullmatch(name):
        raise AwsError("InvalidBucketName", f"The specified bucket is not valid: {name!r}")


def check_key(key: str) -> None:
    """Raises KeyTooLongError, or InvalidArgument for a key that S3 allows and a file system not."""
    if len(key.encode()) > 1024:
        raise AwsError("KeyTooLongError", "A key may have 1024 bytes of UTF-8.")
    segments = key.split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise _refused(key, "an empty segment, '.' or '..'")
    if CONTROL.search(key):
        raise _refused(key, "a control character")
    if any(len(segment.encode()) > 255 for segment in segments):
        raise _refused(key, "a segment of more than 255 bytes")


def path_of(folder: Path, key: str) -> Path:
    """The file of ``key`` in a bucket's ``folder``; no symbolic link on the way leads out."""
    check_key(key)
    path = folder / key
    if os.path.realpath(path) != str(path):
        raise _refused(key, "a symbolic link")
    return path


def _refused(key: str, reason: str) -> AwsError:
    return AwsError(
        "InvalidArgument", f"The local S3 keeps objects as files and refuses {reason}: key {key!r}"
    )
