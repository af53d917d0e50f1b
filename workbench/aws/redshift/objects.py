"""The objects that COPY reads: by manifest or by prefix, and never outside of their buckets."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from workbench.aws.redshift.refusals import SqlError, not_here

Object = tuple[str, Path]  # its URL, and the file that holds it
ELSEWHERE = re.compile(r"(dynamodb|emr|ssh)://")
MAX_DOCUMENT = 16 * 1024 * 1024  # of a manifest or a JSONPaths file


def find(state: Path, url: str, manifest: bool, columnar: bool) -> list[Object]:
    """What the URL after FROM names."""
    if match := ELSEWHERE.match(url):
        raise not_here(f"COPY from {match[1]}://")
    return _manifest(state, url, columnar) if manifest else _prefix(state, url, columnar)


def document(state: Path, url: str, what: str) -> Any:
    """The JSON of one object."""
    path = file(state, url)
    if not path.is_file():
        raise SqlError(f"Problem reading {what} file - S3ServiceException: NoSuchKey, {url}")
    if path.stat().st_size > MAX_DOCUMENT:
        raise SqlError(f"The {what} file is larger than {MAX_DOCUMENT} bytes: {url}")
    try:
        return json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        reason = f"{type(error).__name__}: {error}"
        name = what.capitalize() if what.islower() else what
        raise SqlError(f"{name} file is not in correct json format: {url}: {reason}") from None


def _manifest(state: Path, url: str, columnar: bool) -> list[Object]:
    """The files that a manifest lists, each as long as it says."""
    listed = document(state, url, "manifest")
    try:
        entries = listed["entries"]
        if not isinstance(entries, list) or not entries:
            raise ValueError("entries must be a list that is not empty")
        found = [_entry(state, entry, columnar) for entry in entries]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        reason = f"{type(error).__name__}: {error}"
        raise SqlError(f"Manifest file is not in correct json format: {url}: {reason}") from None
    there = [each for each in found if each is not None]
    if not there:
        raise SqlError(f"None of the files that the manifest lists exists: {url}")
    return there


def _entry(state: Path, entry: dict[str, Any], columnar: bool) -> Object | None:
    """The file of a manifest's entry; None if it is missing and need not be there."""
    url = entry["url"]
    length = entry.get("meta", {}).get("content_length")
    if not isinstance(length, int) and (columnar or length is not None):
        raise SqlError(f"Manifest entry of a columnar file needs meta.content_length: {url}")
    path = file(state, url)
    if not path.is_file():
        if entry.get("mandatory", False):
            raise SqlError(f"The specified S3 object is mandatory and does not exist: {url}")
        return None
    if length is not None and path.stat().st_size != length:
        raise SqlError(
            f"Manifest entry {url} has content_length {length}; the object has "
            f"{path.stat().st_size} bytes"
        )
    return url, path


def _prefix(state: Path, url: str, columnar: bool) -> list[Object]:
    """The files whose keys begin with what the URL says."""
    bucket, prefix = split(url)
    # Redshift's columnar COPY leaves out what begins with _ or a dot, such as Spark's _SUCCESS.
    found = [
        (f"s3://{bucket}/{key}", file(state, f"s3://{bucket}/{key}"))
        for key in keys(state, bucket, prefix)
        if not columnar or not key.rpartition("/")[2].startswith((".", "_"))
    ]
    if not found:
        raise SqlError(f"The specified S3 prefix '{prefix}' does not exist")
    return found


def keys(state: Path, bucket: str, prefix: str) -> list[str]:
    """The keys of a bucket that begin with ``prefix``, in order."""
    root = state / "s3" / bucket
    if not root.is_dir():
        raise SqlError(f"S3ServiceException: The specified bucket does not exist: {bucket}")
    every = (
        str((Path(inner) / name).relative_to(root))
        for inner, _, names in os.walk(root)
        for name in names
    )
    return sorted(key for key in every if key.startswith(prefix))


def file(state: Path, url: str) -> Path:
    """The file of an object. SqlError if its key would lead out of its bucket."""
    bucket, key = split(url)
    root = folder(state, bucket)
    path = Path(os.path.realpath(root / key))
    if not path.is_relative_to(root):
        raise SqlError(f"S3ServiceException: the key leads out of its bucket: {url}")
    return path


def folder(state: Path, bucket: str) -> Path:
    """The folder of a bucket. SqlError if it is a link to elsewhere."""
    root = Path(os.path.realpath(state / "s3" / bucket))
    if root.parent != Path(os.path.realpath(state / "s3")):
        raise SqlError(f"S3ServiceException: the bucket leads elsewhere: {bucket}")
    return root


def split(url: object) -> tuple[str, str]:
    match = re.fullmatch(r"s3://([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])/([^\0]*)", str(url))
    if match is None:
        raise SqlError(f"{url!r} is not an S3 URL such as s3://bucket/key")
    return match[1], match[2]
