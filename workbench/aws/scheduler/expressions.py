"""Schedule expressions: cron(…), rate(…) and at(…)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Protocol
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from workbench.aws.scheduler import cron

UNITS = {"minute": 60, "hour": 3600, "day": 86400}


class Expression(Protocol):
    """When a schedule fires."""

    def after(self, moment: datetime) -> datetime | None:
        """The first time after ``moment``, in UTC; None if there is none any more."""
        ...


class Recurring:
    """A cron expression in a time zone."""

    def __init__(self, fields: str, zone: ZoneInfo) -> None:
        self._cron = cron.parse(fields)
        self._zone = zone

    def after(self, moment: datetime) -> datetime | None:
        return self._cron.after(moment, self._zone)


class Rate:
    """Every so often, beginning at ``start`` itself."""

    def __init__(self, period: timedelta, start: datetime) -> None:
        self._period = period
        self._start = start

    def after(self, moment: datetime) -> datetime | None:
        if moment < self._start:
            return self._start
        return self._start + ((moment - self._start) // self._period + 1) * self._period


class Once:
    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def after(self, moment: datetime) -> datetime | None:
        return self._moment if moment < self._moment else None


def parse(text: str, zone: str, start: datetime) -> Expression:
    """Raises ValueError, which says what is wrong. A rate counts from ``start``."""
    try:
        where = ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError):
        raise ValueError(f"{zone!r} is not a time zone") from None
    if found := re.fullmatch(r"cron\((.+)\)", text):
        return Recurring(found[1], where)
    if found := re.fullmatch(r"rate\(([1-9]\d{0,8}) (minute|hour|day)s?\)", text):
        return Rate(timedelta(seconds=int(found[1]) * UNITS[found[2]]), start)
    if found := re.fullmatch(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)", text):
        return Once(datetime.fromisoformat(found[1]).replace(tzinfo=where).astimezone(UTC))
    raise ValueError(f"{text!r} is not a cron(…), rate(…) or at(…) expression")
