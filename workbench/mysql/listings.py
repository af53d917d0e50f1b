"""The sample's apartments and their attributes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.mysql.columns import (
    day_first,
    decimal,
    join,
    null_where,
    pick,
    seconds,
    take,
    text,
    where,
)
from workbench.mysql.draw import Bools, Draw, Ints
from workbench.mysql.market import (
    AMENITIES,
    CATEGORIES,
    CITIES,
    CURRENCIES,
    DAY,
    DAYS,
    DIRT,
    FIRST_DAY,
    HOMES,
    PETS,
    PHOTOS,
    SEASON,
    SOURCES,
    STREETS,
)


@dataclass(frozen=True)
class Listings:
    """Every column is a function of the apartment's number, so that bookings can ask for it."""

    draw: Draw

    def ids(self, n: Ints) -> Ints:
        """Ever larger ids with holes, all beyond 32 bits."""
        return 5_508_654_087 + 11 * n + self.draw.below(11, "id", n)

    def currency(self, n: Ints) -> Ints:
        return self.draw.weighted([share for _, share, _ in CURRENCIES], "currency", n)

    def _city(self, n: Ints) -> Ints:
        return self.draw.weighted([city[2] for city in CITIES], "city", n)

    def _bedrooms(self, n: Ints) -> Ints:
        return self.draw.weighted([12, 40, 33, 12, 3], "bedrooms", n)

    def _created(self, n: Ints) -> Ints:
        """Seconds since FIRST_DAY. The marketplace begins with half of its listings."""
        n = self._batch(n)
        day = self.draw.below(DAYS - 10, "created", n)
        day = np.where(self.draw.chance(500, "early", n), day % 28, day)
        return day * DAY + self.draw.between(6 * 3600, 23 * 3600 - 1, "created at", n)

    def monthly_price(self, n: Ints) -> Ints:
        """In cents of the apartment's own currency; newer listings ask for more."""
        level = np.array([city[3] for city in CITIES])[self._city(n)]
        base = np.array([880, 1180, 1560, 2050, 2700])[self._bedrooms(n)]
        noise = 70 + sum(self.draw.below(21, f"price {k}", n) for k in range(3))
        month = np.minimum(self._created(n) // DAY // 30, 23)
        trend = 1000 + 4 * month + np.array(SEASON)[month % 12] // 3
        units = np.array([units for _, _, units in CURRENCIES])[self.currency(n)]
        dollars = base * level * noise // 10_000 * trend // 1000
        whole: Ints = dollars * units // 1000 * 100
        return whole

    def apartments(self, n: Ints) -> pa.Table:
        draw, created = self.draw, self._created(n)
        return pa.table(
            {
                "id": self.ids(n),
                "title": self._titles(n),
                "source": pick(SOURCES, draw.weighted([w for _, w in SOURCES], "source", n)),
                "price": decimal(self.monthly_price(n), 10, 2),
                "currency": take([code for code, _, _ in CURRENCIES], self.currency(n)),
                "listing_created_on": seconds(created),
                "is_active": (~self.draw.dirty("apartments.inactive", n)).astype(np.int8),
                "last_modified_timestamp": seconds(self._modified(n)),
            }
        )

    def _titles(self, n: Ints) -> pa.Array:
        draw = self.draw
        title = join(
            [
                take(HOMES, self._bedrooms(n)),
                text(draw.between(1, 999, "house", n)),
                take(STREETS, draw.below(len(STREETS), "street", n)),
            ],
            " ",
        )
        quotes = self.draw.dirty("apartments.quotes in title", n)
        title = where(quotes, join([title, 'the "Loft", it\'s \\new\\'], ", "), title)
        emoji = self.draw.dirty("apartments.emoji in title", n)
        return where(emoji, join([title, "🏡 ✨"], " "), title)

    def _batch(self, n: Ints) -> Ints:
        """The apartment itself, or its neighbour if one import brought both in one second."""
        return n - (self.draw.dirty("apartments.cursor tie", n) & (n > 0))

    def _modified(self, n: Ints) -> Ints:
        draw, end, created = self.draw, DAYS * DAY - 1, self._created(n)
        n = self._batch(n)
        later = created + draw.below(1 << 30, "modified", n) * (end - created) // (1 << 30)
        before = created - draw.between(3600, 5 * DAY, "modified before", n)
        backwards = self.draw.dirty("apartments.modified before created", n)
        return np.where(backwards, before, later)

    def attributes(self, n: Ints) -> pa.Table:
        draw, city = self.draw, self._city(n)
        elsewhere = self.draw.dirty("attributes.city and state disagree", n)
        rooms = self._bedrooms(n)
        weekly = self.draw.dirty("attributes.weekly display", n)
        categories = draw.weighted([w for _, w in CATEGORIES], "category", n)
        return pa.table(
            {
                "id": self.ids(n),
                "category": pick(CATEGORIES, categories),
                "body": self._bodies(n),
                "amenities": self._amenities(n),
                "bathrooms": decimal(10 + 5 * draw.below(4, "baths", n) * (rooms > 0), 3, 1),
                "bedrooms": decimal(10 * rooms, 3, 1),
                "fee": decimal(5000 * draw.below(4, "fee", n), 10, 2, ~draw.chance(60, "fee?", n)),
                "has_photo": pick(PHOTOS, draw.weighted([w for _, w in PHOTOS], "photo", n)),
                "pets_allowed": self._pets(n),
                "price_display": self._price_display(n, weekly),
                "price_type": take(["Monthly", "Weekly"], weekly.astype(np.int64)),
                "square_feet": pa.array(
                    420 + 280 * rooms + draw.below(300, "area", n),
                    mask=self.draw.dirty("attributes.no square feet", n),
                ),
                "address": self._addresses(n),
                "cityname": take([c[0] for c in CITIES], city),
                "state": take([c[1] for c in CITIES], (city + 3 * elsewhere) % len(CITIES)),
                "latitude": self._coordinate(n, 4, "latitude"),
                "longitude": self._coordinate(n, 5, "longitude"),
            }
        )

    def _bodies(self, n: Ints) -> pa.Array:
        draw, body = self.draw, join([self._titles(n), ". Call for a tour."], "")
        day = day_first(FIRST_DAY.toordinal() + self._created(n) // DAY)
        dated = self.draw.dirty("attributes.day first date", n)
        body = where(dated, join([body, " Available from ", day, "."], ""), body)
        lines = self.draw.dirty("attributes.newline in body", n)
        fees = take(["Fee: No", "Fee: ask", "Fee: 2 %"], draw.below(3, "fee text", n))
        return where(lines, join([body, "\n\n- ", fees, ',\r\n- "as is"\t;'], ""), body)

    def _amenities(self, n: Ints) -> pa.Array:
        """Some of the amenities, always in the same order: 'Gym,Parking,Elevator'."""
        lists = [
            ",".join(name for bit, name in enumerate(AMENITIES) if subset >> bit & 1)
            for subset in range(1, 1 << len(AMENITIES))
        ]
        chosen = take(lists, self.draw.below(len(lists), "amenities", n))
        return null_where(self.draw.dirty("attributes.amenities NULL", n), chosen)

    def _pets(self, n: Ints) -> pa.Array:
        kinds = pick(PETS, self.draw.weighted([weight for _, weight in PETS], "pets", n))
        absent, word = DIRT["attributes.pets NULL"], DIRT["attributes.pets null text"]
        drawn = self.draw.below(1000, "pets?", n)
        pets = where((drawn >= absent) & (drawn < absent + word), pa.scalar("null"), kinds)
        return null_where(drawn < absent, pets)

    def _price_display(self, n: Ints, weekly: Bools) -> pa.Array:
        whole = self.monthly_price(n) // 100 // np.where(weekly, 4, 1)
        rest = pc.utf8_lpad(text(whole % 1000), 3, "0")
        display = where(
            whole < 1000,
            join(["$", text(whole)], ""),
            join(["$", text(whole // 1000), ",", rest], ""),
        )
        return where(weekly, join([display, "Weekly"], " "), display)

    def _addresses(self, n: Ints) -> pa.Array:
        draw = self.draw
        street = take(STREETS, draw.below(len(STREETS), "street", n))
        address = join([text(draw.between(1, 999, "house", n)), street], " ")
        absent, word = DIRT["attributes.address NULL"], DIRT["attributes.address null text"]
        drawn = draw.below(1000, "address?", n)
        address = where((drawn >= absent) & (drawn < absent + word), pa.scalar("null"), address)
        return null_where(drawn < absent, address)

    def _coordinate(self, n: Ints, which: int, what: str) -> pa.Array:
        centre = np.array([city[which] for city in CITIES])[self._city(n)]
        return decimal(centre + self.draw.between(-900_000, 900_000, what, n), 10, 7)
