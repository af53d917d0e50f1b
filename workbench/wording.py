"""Numbers, times and states as the pages write them."""

from __future__ import annotations

from datetime import UTC, datetime

# state -> (kind, sign): never by colour alone.
GOOD, BAD, BUSY = ("good", "✓"), ("bad", "✕"), ("busy", "▶")
STOPPED, IDLE = ("idle", "■"), ("idle", "–")
KINDS = {
    **dict.fromkeys(("SUCCEEDED", "READY", "AVAILABLE", "FINISHED", "done"), GOOD),
    **dict.fromkeys(("FAILED", "TIMED_OUT", "TIMEOUT", "ABORTED", "ERROR", "failed"), BAD),
    **dict.fromkeys(("STOPPED", "CANCELLED"), STOPPED),
    **dict.fromkeys(
        ("RUNNING", "STARTING", "PROVISIONING", "STOPPING", "WAITING", "CANCELLING", "running"),
        BUSY,
    ),
}


def kind(state: str) -> str:
    """good, bad, busy or idle: a class of the style sheet."""
    return KINDS.get(state, IDLE)[0]


def sign(state: str) -> str:
    return KINDS.get(state, IDLE)[1]


def number(value: int | None) -> str:
    return "—" if value is None else f"{value:,}"


def moment(value: datetime | float | str | None) -> str:
    """To the second, in UTC, and says so. A text is one of ISO 8601."""
    if value is None:
        return "—"
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    at = value if isinstance(value, datetime) else datetime.fromtimestamp(value, UTC)
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def bound(value: object) -> str:
    """Of a window, as it is stored, without the fraction of a second that it has not."""
    return str(value).removesuffix(".000000")


def clock(value: datetime) -> str:
    return f"{value.astimezone(UTC):%H:%M:%S}"


def duration(seconds: float | None) -> str:
    if seconds is None:
        return "—"
    if seconds < 60:
        return f"{max(0.0, seconds):.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def lasted(begun: datetime, ended: datetime | None) -> float:
    """Seconds until its end, or until now."""
    return ((ended or datetime.now(UTC)) - begun).total_seconds()


def size(count: int) -> str:
    amount = float(count)
    for unit in ("B", "KB", "MB"):
        if amount < 1000:
            return f"{amount:.0f} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:,.1f} GB"


FILTERS = (kind, sign, number, moment, bound, clock, duration, size)
