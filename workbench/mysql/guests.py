"""What the sample's people do: look at apartments, and book them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cache

import numpy as np
import pyarrow as pa

from workbench.mysql.columns import days, decimal, micros, pick, seconds, take
from workbench.mysql.draw import Draw, Ints
from workbench.mysql.listings import Listings
from workbench.mysql.market import (
    ACTIONS,
    CURRENCIES,
    DAY,
    DAYS,
    DIRT,
    FIRST_DAY,
    GROWTH,
    NIGHTS,
    SEASON,
    STATUSES,
)


@dataclass(frozen=True)
class Guests:
    """Viewings and bookings of ``apartments`` listings."""

    draw: Draw
    listings: Listings
    apartments: int
    all_viewings: int

    def viewings(self, n: Ints) -> pa.Table:
        """In the order of the key, which is how the server stores them fastest."""
        draw, tie = self.draw, self.draw.dirty("viewings.cursor tie", n) & (n > 0)
        share = ((n << 32) // self.all_viewings).astype(np.uint64)
        squared = ((share * share) >> np.uint64(32)).astype(np.int64)
        user = ((share.astype(np.int64) + squared) // 2 * self._users) >> 32
        # A tied neighbour looks at the next apartment, so that the key stays unique.
        apartment = (draw.below(self.apartments, "viewed", n - tie) + tie) % self.apartments
        return pa.table(
            {
                "user_id": 1 + user,
                "apartment_id": self.listings.ids(apartment),
                "viewed_at": seconds(self._viewed(n - tie)),
                "is_wishlisted": take(["n", "y"], draw.chance(490, "wish", n).astype(np.int64)),
                "call_to_action": take(ACTIONS, draw.below(3, "action", n)),
            }
        )

    @property
    def _users(self) -> int:
        return max(self.apartments // 2, 20)

    def _viewed(self, n: Ints) -> Ints:
        day = self.draw.weighted(_crowd(), "viewed on", n)
        return day * DAY + self.draw.below(DAY, "viewed at", n)

    def bookings(self, n: Ints) -> pa.Table:
        draw = self.draw
        apartment = self._booked_apartment(n)
        booked, checkin, checkout = self._stays(n)
        nights = np.maximum(checkout - checkin, 1)
        known, price = self.listings.ids(apartment), self.listings.monthly_price(apartment)
        missing = draw.dirty("bookings.missing apartment", n)
        currency = self.listings.currency(apartment)
        codes = [code if len(code) == 3 else "USD" for code, _, _ in CURRENCIES]
        return pa.table(
            {
                "booking_id": 7_000_000_000 + 3 * n + draw.below(3, "booking", n),
                "user_id": self._booking_user(n),
                "apartment_id": np.where(missing, 4_999_999_000 + n % 997, known),
                "booking_date": days(booked),
                "checkin_date": days(checkin),
                "checkout_date": days(checkout),
                "total_price": decimal(price * nights // 30, 10, 2),
                "currency": take(codes, currency),
                "booking_status": pick(
                    STATUSES, draw.weighted([w for _, w in STATUSES], "status", n)
                ),
                "updated_at": self._updated(n),
            }
        )

    def _booked_apartment(self, n: Ints) -> Ints:
        """Some apartments are booked often, most seldom; which ones has nothing to do with age."""
        rank = self.draw.skewed(self.apartments, "booked", n)
        apartment: Ints = (rank * 7_919 + 13) % self.apartments
        return apartment

    def _first_of_pair(self, n: Ints) -> Ints:
        """The booking itself, or the one before, of the user who comes back."""
        comes_back = self.draw.chance(2 * DIRT["bookings.comes back"], "comes back", n)
        first: Ints = n - (comes_back & (n % 2 == 1))
        return first

    def _booking_user(self, n: Ints) -> Ints:
        return 1 + self.draw.skewed(self._users, "guest", self._first_of_pair(n))

    def _stays(self, n: Ints) -> tuple[Ints, Ints, Ints]:
        """Booking, check-in and check-out, in days since FIRST_DAY; stays may lie ahead."""
        draw, first = self.draw, self._first_of_pair(n)
        kind = draw.weighted([w for *_, w in NIGHTS], "stay", n)
        spans = [draw.between(shortest, longest, "nights", n) for shortest, longest, _ in NIGHTS]
        nights = np.choose(kind, spans)
        again = (n - first) * draw.between(2, 32, "again", n)
        booked = np.minimum(draw.weighted(_crowd(), "booked on", first) + again, DAYS - 1)
        checkin = booked + draw.skewed(60, "lead", n)
        checkout = checkin + nights
        wrong = self.draw.dirty("bookings.checkout not after checkin", n)
        return booked, checkin, np.where(wrong, checkin - draw.below(4, "wrong", n), checkout)

    def _updated(self, n: Ints) -> pa.Array:
        """When the server last saw the booking change, to the microsecond."""
        n = n - (self.draw.dirty("bookings.cursor tie", n) & (n > 0))
        draw, booked = self.draw, self._stays(n)[0]
        day = np.minimum(booked + draw.skewed(30, "updated on", n), DAYS - 1)
        second = day * DAY + draw.below(DAY, "updated at", n)
        return micros(second * 1_000_000 + draw.below(1_000_000, "micros", n))


@cache
def _crowd() -> Ints:
    """A weight for every day: the season, the second year's growth, fuller weekends."""
    span = [date.fromordinal(FIRST_DAY.toordinal() + day) for day in range(DAYS)]
    return np.array(
        [
            SEASON[day.month - 1]
            * GROWTH[day.year - FIRST_DAY.year]
            * (13 if day.weekday() >= 4 else 10)
            for day in span
        ],
        dtype=np.int64,
    )
