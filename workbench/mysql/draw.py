"""Random numbers that are a pure function of (what, row): the same on every machine, forever.

No generator state: any slice of a column can be made alone, in any order, at any scale. Integers
only, since the last bit of a float may differ between machines.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.mysql.market import DIRT

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)


@dataclass(frozen=True)
class Draw:
    """Columns of random numbers, one stream per name."""

    seed: int

    def below(self, bound: int, what: str, rows: Ints) -> Ints:
        """A number in [0, bound) for each row."""
        high = self._bits(what, rows) >> np.uint64(32)
        return _signed((high * np.uint64(bound)) >> np.uint64(32))

    def between(self, first: int, last: int, what: str, rows: Ints) -> Ints:
        """A number in [first, last] for each row."""
        return first + self.below(last - first + 1, what, rows)

    def chance(self, per_mille: int, what: str, rows: Ints) -> Bools:
        """True for ``per_mille`` of a thousand rows."""
        chosen: Bools = self.below(1000, what, rows) < per_mille
        return chosen

    def dirty(self, what: str, rows: Ints) -> Bools:
        """True for the rows that have the dirt ``what``, as often as DIRT says."""
        return self.chance(DIRT[what], what, rows)

    def weighted(self, weights: Any, what: str, rows: Ints) -> Ints:
        """An index into ``weights`` for each row, as often as its weight says."""
        steps = np.cumsum(np.asarray(weights, dtype=np.int64))
        drawn = self.below(int(steps[-1]), what, rows)
        return np.searchsorted(steps, drawn, side="right").astype(np.int64)

    def skewed(self, bound: int, what: str, rows: Ints) -> Ints:
        """A number in [0, bound), small ones far more often: the product of two uniform ones."""
        bits = self._bits(what, rows)
        product = ((bits >> np.uint64(32)) * (bits & np.uint64(0xFFFFFFFF))) >> np.uint64(32)
        return _signed((product * np.uint64(bound)) >> np.uint64(32))

    def _bits(self, what: str, rows: Ints) -> NDArray[np.uint64]:
        """The splitmix64 generator, jumped to each row."""
        name = hashlib.sha256(f"{self.seed}/{what}".encode()).digest()
        start = np.uint64(int.from_bytes(name[:8], "big"))
        with np.errstate(over="ignore"):
            z = start + (rows.astype(np.uint64) + np.uint64(1)) * _GOLDEN
            z = (z ^ (z >> np.uint64(30))) * _MIX_1
            z = (z ^ (z >> np.uint64(27))) * _MIX_2
            return z ^ (z >> np.uint64(31))


def _signed(numbers: NDArray[np.uint64]) -> Ints:
    return numbers.astype(np.int64)
