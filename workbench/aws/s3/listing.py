"""Keys in S3's order, page by page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Query:
    """What of a bucket to list. ``after``: only what sorts behind it."""

    prefix: str = ""
    delimiter: str = ""
    after: str = ""
    limit: int = 1000


@dataclass
class Page:
    keys: list[str] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    last: str = ""
    truncated: bool = False


def page(folder: Path, query: Query) -> Page:
    """Up to ``query.limit`` keys and common prefixes. ``last`` continues as the next ``after``."""
    found = Page()
    if query.limit == 0:
        return found
    for key in walk(folder, query.prefix, query.after):
        common = _common_prefix(key, query)
        item = common or key
        # The page before has ended with this prefix: it is told, and all keys below it with it.
        if item in (query.after, found.last):
            continue
        if len(found.keys) + len(found.prefixes) == query.limit:
            found.truncated = True
            return found
        (found.prefixes if common else found.keys).append(item)
        found.last = item
    return found


def first(folder: Path) -> str | None:
    return next(walk(folder), None)


def walk(folder: Path, prefix: str = "", after: str = "") -> Iterator[str]:
    """The keys with ``prefix`` behind ``after``, in the order of their UTF-8 bytes."""
    start = prefix.rpartition("/")[0]
    segments = start.split("/") if start else []
    if "\0" in prefix or any(segment in ("", ".", "..") for segment in segments):
        return  # no key looks like this
    if prefix.startswith("/") or os.path.realpath(folder / start) != str(folder / start):
        return
    yield from _below(folder, f"{start}/" if start else "", prefix, after)


def _below(folder: Path, at: str, prefix: str, after: str) -> Iterator[str]:
    for name in _sorted_names(folder / at):
        key = at + name
        if key.endswith("/"):
            wanted = key.startswith(prefix) or prefix.startswith(key)
            passed = key <= after and not after.startswith(key)
            if wanted and not passed:
                yield from _below(folder, key, prefix, after)
        elif key.startswith(prefix) and key > after:
            yield key


def _sorted_names(folder: Path) -> list[str]:
    """A folder sorts with its slash: a.txt comes before a/b. Symbolic links are no objects."""
    try:
        with os.scandir(folder) as entries:
            return sorted(
                entry.name + ("/" if entry.is_dir(follow_symlinks=False) else "")
                for entry in entries
                if _is_utf8(entry.name) and not entry.is_symlink()
            )
    except (FileNotFoundError, NotADirectoryError):
        return []


def _is_utf8(name: str) -> bool:
    """A key is UTF-8; a file whose name is not was not made through any S3."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _common_prefix(key: str, query: Query) -> str | None:
    if not query.delimiter:
        return None
    end = key.find(query.delimiter, len(query.prefix))
    return None if end < 0 else key[: end + len(query.delimiter)]
