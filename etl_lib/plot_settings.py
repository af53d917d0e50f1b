"""How a contract wants an indicator drawn, and what it says: ``[indicators.<name>.plot]``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from etl_lib import claims
from etl_lib.errors import ContractError
from etl_lib.identifiers import folded
from etl_lib.settings import record

KINDS = ("line", "bars", "ranking")
OF_PERIOD = {"max": "MAX", "min": "MIN", "mean": "AVG", "sum": "SUM"}  # and in SQL


@dataclass(frozen=True)
class Plot:
    """One panel of the last stage's figure, and of the report.

    A claim is a sentence with places for what the plot shows, as Python's format strings have them:
    ``{last.price:,.0f}`` is a column of a row, of the ``first`` or ``last`` period, of the one with
    the ``most`` or ``least`` of the first column of ``y``, or the ``mean`` of all; ``{last.month:%B
    %Y}`` writes a date; ``{a_year_before}`` is ", 3.1 % more than a year before", or nothing.
    """

    y: tuple[str, ...]  # columns of numbers; the first is the one that is told of
    unit: str  # of the axis
    kind: str = "line"  # line, bars; or ranking: the eight with the largest sum over all periods
    by: tuple[str, ...] = ()  # of a ranking: the columns that name what is ranked
    of_period: str = ""  # where a period has several rows: their max, min, mean or sum
    factor: float = 1.0  # that numbers are told by: 100 for shares in per cent
    names: tuple[str, ...] = ()  # of several lines, in the legend; without: their columns
    from_zero: bool = True  # false: a line's axis begins where its numbers do
    claim: str = ""  # the sentence above it; without: the title


def parsed(body: Any, period: str, where: str, at: str) -> Plot:
    """Raises ContractError."""
    plot = record(Plot, body, where, at)
    plot = replace(plot, y=tuple(map(folded, plot.y)), by=tuple(map(folded, plot.by)))
    for field, problem in _problems(plot, folded(period)):
        raise ContractError(where, f"{at}.{field}", problem)
    return plot


def _problems(plot: Plot, period: str) -> Iterator[tuple[str, str]]:
    if not plot.y or "" in plot.y:
        yield "y", "names no column"
    named = [*plot.y, *plot.by, *([] if plot.by else [period])]
    for name in named:
        if named.count(name) > 1:
            yield "y", f"{name!r} is named twice, by the period or by the plot"
    if plot.kind not in KINDS:
        yield "kind", f"{plot.kind!r} is not one of {', '.join(KINDS)}"
    if plot.kind == "ranking" and not plot.by:
        yield "by", "a ranking needs the columns that name what is ranked"
    if plot.kind != "ranking" and plot.by:
        yield "by", "is for a ranking"
    if plot.of_period not in ("", *OF_PERIOD):
        yield "of_period", f"{plot.of_period!r} is not one of {', '.join(OF_PERIOD)}"
    if plot.of_period and plot.kind == "ranking":
        yield "of_period", "a ranking adds up all periods"
    if not 0 < abs(plot.factor) < 1e12:
        yield "factor", "is no factor such as 100"
    if plot.kind != "line" and len(plot.y) > 1:
        yield "y", f"{plot.kind} draw one column"
    if plot.names and len(plot.names) != len(plot.y):
        yield "names", f"{len(plot.names)} for {len(plot.y)} columns"
    shown = named if plot.by or plot.of_period else []  # of others there is not one value
    if problem := claims.problem(plot.claim, shown):
        yield "claim", problem
