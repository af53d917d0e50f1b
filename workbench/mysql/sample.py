"""The sample: a rental marketplace over two years, with the dirt that real ones have.

A pure function of (rows, seed): the same bytes on every machine. Slices are made one by one, so
that ten million rows need no more memory than ten thousand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from workbench.mysql.draw import Draw, Ints
from workbench.mysql.guests import Guests
from workbench.mysql.listings import Listings
from workbench.mysql.market import DAYS, RATED
from workbench.mysql.rates import fx_rates
from workbench.mysql.schema import MIN_ROWS, PER_APARTMENT

SEED = 2024
SLICE = 100_000


@dataclass(frozen=True)
class Sample:
    """``rows`` apartments and all that belongs to them."""

    rows: int = 10_000
    seed: int = SEED

    def __post_init__(self) -> None:
        if self.rows < MIN_ROWS:
            raise ValueError(f"rows = {self.rows}: a sample has at least {MIN_ROWS} apartments")

    def count(self, table: str) -> int:
        """How many rows ``table`` has."""
        if table == "fx_rates":
            return DAYS * len(RATED)
        return PER_APARTMENT[table] * self.rows

    def slices(self, table: str) -> Iterator[pa.Table]:
        """The rows of ``table`` in order, at most SLICE at a time."""
        if table == "fx_rates":
            yield fx_rates(Draw(self.seed))
            return
        make, total = self._makers()[table], self.count(table)
        for start in range(0, total, SLICE):
            yield make(np.arange(start, min(start + SLICE, total), dtype=np.int64))

    def _makers(self) -> dict[str, Callable[[Ints], pa.Table]]:
        draw = Draw(self.seed)
        listings = Listings(draw)
        guests = Guests(draw, listings, self.rows, self.count("apartment_viewings"))
        return {
            "apartments": listings.apartments,
            "apartment_attributes": listings.attributes,
            "apartment_viewings": guests.viewings,
            "bookings": guests.bookings,
        }
