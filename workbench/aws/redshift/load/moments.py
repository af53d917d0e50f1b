"""Dates and times as DATEFORMAT and TIMEFORMAT say. ValueError for what does not fit."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from workbench.aws.redshift.refusals import GUIDE, SqlError, not_here

Reader = Callable[[str], datetime]

MONTHS = (
    "january february march april may june july august september october november december"
).split()
PARTS = {
    "YYYY": r"(?P<year>\d{4})",
    "YY": r"(?P<short>\d{2})",
    "MM": r"(?P<month>\d{2})",
    "MON": r"(?P<name>[A-Za-z]{3,9})",
    "DD": r"(?P<day>\d{2})",
    "HH24": r"(?P<hour>\d{2})",
    "HH12": r"(?P<hour>\d{2})",
    "HH": r"(?P<hour>\d{2})",
    "MI": r"(?P<minute>\d{2})",
    "SS": r"(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6}))?",
    "AM": r"(?P<half>[AaPp][Mm])",
    "PM": r"(?P<half>[AaPp][Mm])",
    "OF": r"(?P<zone>[+-]\d{1,2}(?::?\d{2})?)?",
}
PART = re.compile("|".join(PARTS), re.I)
CLOCK = (
    r"(?:[ T](?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:\.(?P<fraction>\d{1,6}))?)?"
    r"\s?(?P<zone>Z|[+-]\d{1,2}(?::?\d{2})?)?)?"
)
AUTO = [
    re.compile(date + CLOCK, re.ASCII)
    for date in (
        r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})",
        r"(?P<year>\d{4})/(?P<month>\d{1,2})/(?P<day>\d{1,2})",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})",
        r"(?P<name>[A-Za-z]{3,9})[ -](?P<day>\d{1,2})(?:, |-| )(?P<year>\d{4})",
        r"(?P<day>\d{1,2})[ -](?P<name>[A-Za-z]{3,9})[ -](?P<year>\d{4})",
    )
] + [
    re.compile(
        r"(?P<year>\d{4})(?P<month>\d{2})(?P<day>\d{2})"
        r"(?: (?P<hour>\d{2})(?P<minute>\d{2})(?P<second>\d{2}))?",
        re.ASCII,
    )
]
EPOCH = datetime(1970, 1, 1)


def reader(form: str, default: str) -> Reader:
    """What reads moments in the form that the option names; ``default`` where it names none."""
    if form == "auto":
        return _automatic
    if form in ("epochsecs", "epochmillisecs"):
        return _since_epoch(1 if form == "epochsecs" else 1000)
    pattern = _pattern(form or default)

    def read(text: str) -> datetime:
        match = pattern.fullmatch(text)
        if match is None:
            raise ValueError(text)
        return _moment(match)

    return read


def _pattern(form: str) -> re.Pattern[str]:
    """A format as a regular expression. SqlError for one that has other letters."""
    if re.search(r"[A-Za-z]", PART.sub("", form)) or not PART.search(form):
        raise SqlError(
            f"Invalid date or time format {form!r}. See "
            f"{GUIDE}/r_DATEFORMAT_and_TIMEFORMAT_strings.html"
        )
    written, at = "", 0
    for part in PART.finditer(form):
        written += re.escape(form[at : part.start()]) + PARTS[part[0].upper()]
        at = part.end()
    try:
        return re.compile(written + re.escape(form[at:]), re.ASCII)
    except re.error:  # a part twice
        raise SqlError(f"Invalid date or time format {form!r}") from None


def _moment(match: re.Match[str]) -> datetime:
    parts = match.groupdict()
    year = int(parts.get("year") or 0)
    if parts.get("short"):
        year = int(parts["short"]) + (2000 if int(parts["short"]) < 70 else 1900)
    month = _named(parts["name"]) if parts.get("name") else int(parts.get("month") or 1)
    fraction = (parts.get("fraction") or "").ljust(6, "0")
    return datetime(
        year,
        month,
        int(parts.get("day") or 1),
        _hour(int(parts.get("hour") or 0), (parts.get("half") or "").upper()),
        int(parts.get("minute") or 0),
        int(parts.get("second") or 0),
        int(fraction or 0),
        _zone(parts.get("zone")),
    )


def _hour(hour: int, half: str) -> int:
    if half and not 1 <= hour <= 12:
        raise ValueError(f"hour {hour} {half}")
    return hour if not half else hour % 12 + (12 if half == "PM" else 0)


def _named(name: str) -> int:
    for number, full in enumerate(MONTHS, 1):
        if name.lower() in (full, full[:3]):
            return number
    raise ValueError(name)


def _zone(text: str | None) -> timezone | None:
    if not text:
        return None
    if text == "Z":
        return UTC
    hours, _, minutes = text[1:].partition(":")
    if len(hours) > 2:
        hours, minutes = hours[:-2], hours[-2:]
    ahead = timedelta(hours=int(hours), minutes=int(minutes or 0))
    return timezone(-ahead if text[0] == "-" else ahead)


def _automatic(text: str) -> datetime:
    """Some of the forms that 'auto' knows. For one that we do not know the COPY fails: to leave
    out a row that Redshift loads would be a silent difference."""
    for pattern in AUTO:
        if match := pattern.fullmatch(text):
            return _moment(match)
    if re.search(r"\d", text):
        raise not_here(f"The date or time {text[:40]!r} with 'auto'")
    raise ValueError(text)


def _since_epoch(parts: int) -> Reader:
    def read(text: str) -> datetime:
        if not re.fullmatch(r"-?\d{1,16}", text, re.ASCII):
            raise ValueError(text)
        try:
            return EPOCH + timedelta(seconds=int(text) // parts, milliseconds=int(text) % parts)
        except OverflowError:
            raise ValueError(text) from None

    return read
