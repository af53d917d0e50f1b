"""Values in the middle of two: of numbers, moments, texts and bytes."""

from __future__ import annotations

import os.path
from bisect import bisect_right
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from math import gcd
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

# Letters of ids, in the order that every collation has them; of upper and lower case each has its
# own. Others count as the nearest one.
ALPHABETS = (
    digits + ascii_lowercase,
    digits + ascii_uppercase,
    digits + ascii_uppercase + ascii_lowercase,
)
LENGTH = 12  # letters that count, after those that both have in common


def between(low: Any, high: Any) -> Sequence[Any]:
    """Values above ``low`` and not above ``high``; none for other types, or if there is none.

    Of texts and bytes they are guesses: the server may order them otherwise.
    """
    if isinstance(low, str) and isinstance(high, str):
        return [_text(low, high, letters) for letters in ALPHABETS]
    if isinstance(low, bytes) and isinstance(high, bytes):
        return _bytes(low, high)
    middle = _middle(low, high)
    return [] if middle is None or not low < middle <= high else [middle]


def _middle(low: Any, high: Any) -> Any | None:
    if isinstance(low, (int, Decimal)):
        return (int(low // 1) + int(high // 1) + 1) // 2
    if isinstance(low, date) and isinstance(high, date):  # a zero date is a text
        step = _step(low, high)
        return low + -((low - high) // (2 * step)) * step
    return None


def _step(low: date, high: date) -> timedelta:
    """What lies between two moments of a column is a moment that the column can have.

    Not only for neatness: with a bound finer than the column's own fraction MariaDB 10.11 finds a
    MIN() that is below the bound.
    """
    if not (isinstance(low, datetime) and isinstance(high, datetime)):
        return low.resolution
    return timedelta(microseconds=gcd(low.microsecond, high.microsecond, 10**6))


def _bytes(low: bytes, high: bytes) -> Sequence[bytes]:
    size = max(len(low), len(high))
    ends = [int.from_bytes(each.ljust(size, b"\0"), "big") for each in (low, high)]
    middle = (sum(ends) + 1) // 2
    return [middle.to_bytes(size, "big")] if ends[0] < middle else []


def _text(low: str, high: str, letters: str) -> str:
    common = os.path.commonprefix([low, high])
    middle = (_number(low[len(common) :], letters) + _number(high[len(common) :], letters) + 1) // 2
    found = ""
    for _ in range(LENGTH):
        middle, digit = divmod(middle, len(letters))
        found = letters[digit] + found
    return common + found


def _number(text: str, letters: str) -> int:
    if letters != ALPHABETS[-1]:
        text = text.lower() if letters[-1] == "z" else text.upper()
    number = 0
    for letter in text[:LENGTH].ljust(LENGTH):
        number = number * len(letters) + max(bisect_right(letters, letter) - 1, 0)
    return number
