"""What an indicator says: the words are its contract's, the numbers those of the plot."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from string import Formatter
from types import SimpleNamespace
from typing import Any

AGAINST = "a_year_before"
ROWS = ("first", "last", "most", "least", "mean")
PLACE = re.compile(rf"(?:{'|'.join(ROWS)})\.([^\W\d_]\w*)|{AGAINST}")

Frame = Any  # a pandas.DataFrame, as indicator_plots.points gives it


class _Unknown(Exception):
    """A value that the sentence needs is NULL."""


class _Sentence(Formatter):
    def format_field(self, value: Any, spec: str) -> str:
        if value is None or value != value:
            raise _Unknown
        return str(super().format_field(value, spec))


def problem(claim: str, columns: Sequence[str]) -> str:
    """What is wrong with the words of a claim; nothing if they can be told. ``columns``: all that
    the plot has, if that is known."""
    try:
        places = [each[1:] for each in Formatter().parse(claim) if each[1] is not None]
    except ValueError as error:
        return f"{error}: a brace that is not a place is written twice"
    for name, spec, conversion in places:
        place = PLACE.fullmatch(name or "")
        if not place or place[0] != place[0].lower():
            rows = ", ".join(f"{row}.<column>" for row in ROWS)
            return f"{{{name}}} is not one of {rows}, {AGAINST}, in lower case"
        if columns and place[1] and place[1] not in columns:
            return f"{{{name}}}: the plot has only {', '.join(columns)}"
        if conversion or re.search(r"[{]|\d{4}", spec or ""):
            return f"{{{name}}} may only have a short format behind a colon"
    return ""


def of(title: str, claim: str, y: str, period: str, points: Frame) -> str:
    """``claim`` with its numbers; ``title`` where there is none, or a number of it is NULL.

    ``y`` is the column that ``most`` and ``least`` go by, ``points`` what is drawn, by period.
    """
    known = points.dropna(subset=[y])
    if not claim or not len(known):
        return title
    try:
        rows = {"first": 0, "last": -1, "most": known[y].argmax(), "least": known[y].argmin()}
        facts = {name: _row(known, place, period) for name, place in rows.items()}
        facts["mean"] = SimpleNamespace(**known.mean(numeric_only=True))
        return _Sentence().vformat(claim, (), {**facts, AGAINST: _against(known, y, period)})
    except _Unknown:
        return title
    except AttributeError as error:
        return f"{title} (its claim names no column: {error.name})"
    except (ArithmeticError, ValueError, TypeError) as error:
        return f"{title} (its claim cannot be told: {error})"


def _row(known: Frame, place: int, period: str) -> SimpleNamespace:
    (values,) = known.iloc[[place]].to_dict("records")
    if period in values and values[period] == values[period].normalize():
        values[period] = values[period].date()
    return SimpleNamespace(**values)


def _against(known: Frame, y: str, period: str) -> str:
    """The last period beside the one a year before; of weeks, the same weekday."""
    import pandas as pd

    if period not in known:
        return ""
    last = known[period].iloc[-1]
    year = [last - pd.DateOffset(years=1), last - pd.Timedelta(weeks=52)]
    then = known[known[period].isin(year)][y].max()
    change = 100 * (known[y].iloc[-1] / then - 1) if then > 0 else math.nan
    if not math.isfinite(change):
        return ""
    if abs(change) < 0.05:  # it would be told as 0.0 %
        return ", as much as a year before"
    return f", {abs(change):.1f} % {'more' if change > 0 else 'less'} than a year before"
