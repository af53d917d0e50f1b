"""AWS's dialect of cron: six fields, ? for one of the two days, L, W and #.

No cron library here reads a year field together with L, W, # and Sunday as 1. The rules are those
of the EventBridge Scheduler user guide, "Schedule types".
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

MONTHS = {name.upper(): number for number, name in enumerate(calendar.month_abbr) if name}
DAYS = {name: number for number, name in enumerate("SUN MON TUE WED THU FRI SAT".split(), 1)}
YEARS = (1970, 2199)
# A 29 February that is a given day of the week comes at the latest after 40 years.
HORIZON = timedelta(days=366 * 41)

Days = Callable[[date], bool]


class InvalidCron(ValueError):
    """An expression that is not AWS cron. The message says what of it."""


@dataclass(frozen=True)
class Cron:
    """When a cron expression fires, in local time."""

    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    years: frozenset[int]
    on: Days

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime | None:
        """The first time after ``moment``, in UTC; None if there is none any more.

        A local time that a change of clocks skips is skipped; one that it repeats fires once.
        """
        start = moment.astimezone(zone).date()
        for day in self._days(start):
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    local = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone)
                    found = local.astimezone(UTC)
                    exists = found.astimezone(zone).replace(tzinfo=None) == local.replace(
                        tzinfo=None
                    )
                    if exists and found > moment:
                        return found
        return None

    def _days(self, start: date) -> Iterator[date]:
        day, end = start, start + HORIZON
        while day <= end and day.year <= max(self.years):
            if day.year in self.years and day.month in self.months and self.on(day):
                yield day
            day += timedelta(days=1)


def parse(fields: str) -> Cron:
    """``fields``: minutes hours day-of-month month day-of-week year. Raises InvalidCron."""
    parts = fields.upper().split()
    if len(parts) != 6:
        raise InvalidCron(f"cron({fields}) has {len(parts)} fields instead of 6")
    minutes, hours, of_month, months, of_week, years = parts
    if (of_month == "?") == (of_week == "?"):
        raise InvalidCron(f"cron({fields}): one of day-of-month and day-of-week must be ?")
    return Cron(
        minutes=_numbers(minutes, 0, 59),
        hours=_numbers(hours, 0, 23),
        months=_numbers(months, 1, 12, MONTHS),
        years=_numbers(years, *YEARS),
        on=_of_month(of_month) if of_week == "?" else _of_week(of_week),
    )


def _numbers(
    field: str, least: int, most: int, names: dict[str, int] | None = None
) -> frozenset[int]:
    """The numbers of ``*``, ``a``, ``a-b``, ``a/step``, ``*/step`` and lists of them."""
    found: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        start = least if first == "*" else _number(first, names)
        end = _number(last, names) if last else most if step or first == "*" else start
        if not least <= start <= end <= most or (step and not (step.isdigit() and int(step))):
            raise InvalidCron(f"{part!r} is not within {least}-{most}")
        found.update(range(start, end + 1, int(step or 1)))
    return frozenset(found)


def _number(text: str, names: dict[str, int] | None) -> int:
    if names and text in names:
        return names[text]
    if not (text.isascii() and text.isdigit()):
        raise InvalidCron(f"{text!r} is not a number")
    return int(text)


def _of_month(field: str) -> Days:
    if field == "L":
        return lambda day: day.day == _length(day)
    if field == "LW":
        return lambda day: day.day == _weekday_near(day, _length(day))
    if found := re.fullmatch(r"(\d+)W", field):
        wanted = _one(int(found[1]), 31)
        return lambda day: day.day == _weekday_near(day, min(wanted, _length(day)))
    numbers = _numbers(field, 1, 31)
    return lambda day: day.day in numbers


def _of_week(field: str) -> Days:
    """Days of the week count from Sunday = 1."""
    if field == "L":
        return lambda day: _of(day) == 7
    if found := re.fullmatch(r"(\w+)L", field):
        last = _one(_number(found[1], DAYS), 7)
        return lambda day: _of(day) == last and day.day + 7 > _length(day)
    if found := re.fullmatch(r"(\w+)#(\d)", field):
        wanted, week = _one(_number(found[1], DAYS), 7), _one(int(found[2]), 5)
        return lambda day: _of(day) == wanted and (day.day - 1) // 7 == week - 1
    numbers = _numbers(field, 1, 7, DAYS)
    return lambda day: _of(day) in numbers


def _one(number: int, most: int) -> int:
    if not 1 <= number <= most:
        raise InvalidCron(f"{number} is not within 1-{most}")
    return number


def _of(day: date) -> int:
    return day.isoweekday() % 7 + 1


def _length(day: date) -> int:
    return calendar.monthrange(day.year, day.month)[1]


def _weekday_near(day: date, wanted: int) -> int:
    """The day, Monday to Friday, that is nearest to day ``wanted`` of the month of ``day``."""
    weekday = day.replace(day=wanted).isoweekday()
    if weekday == 6:
        return wanted - 1 if wanted > 1 else wanted + 2
    if weekday == 7:
        return wanted + 1 if wanted < _length(day) else wanted - 2
    return wanted
