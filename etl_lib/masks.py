"""Masked columns: what leaves MySQL of a value that must not be seen, made there by its own SELECT.

``hash`` is HMAC-SHA256 (https://datatracker.ietf.org/doc/html/rfc2104) of the value's text in UTF-8
as 64 hexadecimal digits, by the ``mask_key`` of the source's secret; ``truncate:4`` its first four
characters; ``drop`` is as ``skip``. NULL stays NULL. The key is set in the session, so that the
query itself, which logs and lists of processes show, only names it.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from etl_lib.errors import SourceError

if TYPE_CHECKING:
    from etl_lib.types import Column

HASH, DROP = "hash", "drop"
MASK = re.compile(r"hash|drop|truncate:([1-9][0-9]{0,3})")
INNER, OUTER = "@_etl_inner", "@_etl_outer"  # the two blocks that HMAC makes of a key
LEAST_KEY = 16  # characters
BLOCK = 64  # bytes of SHA-256
NOT_FOR = ("geometry", "vector")
ANEW = """Set it back in the contract, or load the table anew: drop {0} in the schemas raw, \
curated and quarantine, type `workbook bookmarks set {0} --beginning`, then `workbook run`."""


def check(column: Column, key: str) -> None:
    """Raise SourceError if the contract's mask cannot be applied."""
    at = f"table {column.table}, column {column.name}"
    if column.mask and column.kind in (*NOT_FOR, ""):
        raise SourceError(f"{at}: mask = {column.mask!r} is not for {column.column_type}: drop it")
    if column.mask == HASH and len(key) < LEAST_KEY:
        raise SourceError(
            f"{at}: mask = {HASH!r} needs mask_key in the source's secret, {LEAST_KEY} characters "
            f"at least; it has {len(key)}"
        )


def other(table: str, column: str, was: str, now: str) -> str:
    """What to say of a mask that is not the one with which the table was loaded."""
    return f"the mask of {table}.{column} changed: {was or 'none'} → {now or 'none'}"


def redshift_type(column: Column) -> str:
    """The type of what is left; empty without a mask."""
    if column.mask == HASH:
        return "VARCHAR(64)"
    return f"VARCHAR({4 * _length(column)})" if column.mask else ""


def read(column: Column, value: str) -> str:
    """The MySQL expression of what is left of ``value``; empty without a mask."""
    text = f"CONVERT({value} USING utf8mb4)"
    if column.mask == HASH:
        # Bytes stay what they are; SHA2 would take the connection's character set for a text's.
        whole = f"CAST({value if column.binary else text} AS BINARY)"
        inner = f"UNHEX(SHA2(CONCAT({INNER}, {whole}), 256))"
        return f"SHA2(CONCAT({OUTER}, {inner}), 256)"
    return f"LEFT({text}, {_length(column)})" if column.mask else ""


def session(key: str) -> list[str]:
    """What a session is to run first, so that it can hash; nothing without a key."""
    if not key:
        return []
    plain = key.encode()
    block = (hashlib.sha256(plain).digest() if len(plain) > BLOCK else plain).ljust(BLOCK, b"\0")
    inner, outer = (bytes(byte ^ pad for byte in block).hex() for pad in (0x36, 0x5C))
    return [f"SET {INNER} = X'{inner}', {OUTER} = X'{outer}'"]


def _length(column: Column) -> int:
    found = MASK.fullmatch(column.mask)
    assert found is not None and found[1], "the contract was checked"
    return int(found[1])
