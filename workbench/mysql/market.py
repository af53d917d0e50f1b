"""What the sample's marketplace is like: its two years, its dirt, its cities, its guests."""

from __future__ import annotations

from datetime import date

FIRST_DAY, LAST_DAY = date(2024, 1, 1), date(2025, 12, 31)
DAYS = (LAST_DAY - FIRST_DAY).days + 1

# The dirt: how many rows of a thousand have it. Tests hold the sample to these numbers.
DIRT = {
    "apartments.cursor tie": 30,  # has both stamps of its neighbour
    "apartments.modified before created": 10,
    "apartments.inactive": 170,
    "apartments.no rate": 6,  # priced in CHF, of which fx_rates knows nothing
    "apartments.currency null text": 3,  # the four letters
    "apartments.emoji in title": 20,
    "apartments.quotes in title": 15,
    "attributes.pets NULL": 650,
    "attributes.pets null text": 20,
    "attributes.city and state disagree": 30,
    "attributes.amenities NULL": 160,
    "attributes.address NULL": 250,
    "attributes.address null text": 10,
    "attributes.newline in body": 200,
    "attributes.weekly display": 25,  # '$1,560 Weekly'
    "attributes.day first date": 50,  # 'from 31/12/2024' in body: never month first
    "attributes.no square feet": 15,
    "viewings.cursor tie": 20,
    "bookings.checkout not after checkin": 10,
    "bookings.missing apartment": 5,
    "bookings.cursor tie": 20,
    "bookings.comes back": 220,  # the user of the booking before, at most 35 days later
}

# Currency, how many apartments of a thousand, units per dollar in thousandths at the start.
CURRENCIES = (
    ("USD", 876, 1_000),
    ("EUR", 60, 905),
    ("INR", 30, 83_200),
    ("GBP", 15, 785),
    ("CAD", 10, 1_325),
    ("CHF", DIRT["apartments.no rate"], 842),
    ("null", DIRT["apartments.currency null text"], 1_000),
)
RATED = ("USD", "EUR", "INR", "GBP", "CAD")

SOURCES = (
    ("RentLingo", 640),
    ("RentDigs.com", 240),
    ("ListedBuy", 40),
    ("RealRentals", 25),
    ("GoSection8", 15),
    ("Listanza", 10),
    ("RENTOCULAR", 8),
    ("RENTCafé", 8),
    ("rentbits", 6),
    ("Home Rentals", 3),
    ("Real Estate Agent", 3),
    ("tenantcloud", 2),
)
# City, state, apartments of a thousand, price level in percent, latitude and longitude in 1e-7.
CITIES = (
    ("Austin", "TX", 120, 100, 302_672_000, -977_431_000),
    ("Denver", "CO", 100, 112, 397_392_000, -1_049_903_000),
    ("Seattle", "WA", 90, 135, 476_062_000, -1_223_321_000),
    ("Chicago", "IL", 90, 110, 418_781_000, -876_298_000),
    ("New York", "NY", 80, 190, 407_128_000, -740_060_000),
    ("Los Angeles", "CA", 80, 165, 340_522_000, -1_182_437_000),
    ("San José", "CA", 60, 175, 373_382_000, -1_218_863_000),
    ("Portland", "OR", 60, 108, 455_152_000, -1_226_784_000),
    ("Portland", "ME", 20, 98, 436_591_000, -702_568_000),
    ("Washington", "DC", 60, 140, 389_072_000, -770_369_000),
    ("Coeur d'Alene", "ID", 20, 82, 476_777_000, -1_167_805_000),
    ("Cañon City", "CO", 20, 70, 384_494_000, -1_052_253_000),
    ("Glen Burnie", "MD", 40, 92, 391_626_000, -766_247_000),
    ("Albany", "NY", 40, 85, 426_526_000, -737_562_000),
    ("Uhland", "TX", 30, 76, 299_577_000, -977_861_000),
    ("Omaha", "NE", 90, 74, 412_565_000, -959_345_000),
)
STREETS = (
    "Windmill Cove Dr",
    "Cahuenga Blvd",
    "Torino Court",
    "E Century Blvd",
    "2nd St NE",
    "Schutte Road",
    "East Meadow Lane",
    "North 29th St., #54",
    "O'Brien's Row",
)
HOMES = ("Studio apartment", "One BR", "Two BR", "Three BR", "Four BR")
AMENITIES = ("Gym", "Pool", "Parking", "Dishwasher", "Washer Dryer", "Elevator", "Patio/Deck")
CATEGORIES = (("housing/rent/apartment", 985), ("housing/rent/home", 10), ("housing/rent", 5))
PHOTOS = (("Thumbnail", 550), ("Yes", 350), ("No", 100))
PETS = (("Cats,Dogs", 70), ("Cats", 25), ("Dogs", 5))
ACTIONS = ("contact_agent", "shortlisted", "reported")
STATUSES = (("confirmed", 780), ("canceled", 140), ("pending", 80))

# How long guests stay, from, to, how many of a hundred: a week, some weeks, a month or two.
NIGHTS = ((2, 7, 60), (8, 21, 25), (28, 62, 15))
# Guests by month, January first, and how the second year compares with the first.
SEASON = (62, 66, 80, 92, 105, 124, 140, 138, 104, 92, 74, 96)
GROWTH = (100, 118)
EPOCH_DAY = FIRST_DAY.toordinal() - date(1970, 1, 1).toordinal()
DAY = 86_400
