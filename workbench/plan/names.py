"""Names in a contract's SQL that are no column of their table: a run would fail of them, one stage
after another, when it has moved rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from etl_lib import claims
from etl_lib.contract import Contract, Indicator, Table
from etl_lib.settings import ALL, nearest


def unknown(
    contract: Contract, table: Table, columns: Sequence[Mapping[str, str]]
) -> Iterator[str]:
    """A sentence for each; ``columns`` as a plan has them."""
    source = [each["name"] for each in columns]
    for rule in table.rules:
        here = list(rule.reference.on) if rule.reference else []
        for sql in (rule.expect, *here):
            yield from _unknown(sql, "spark", source, f"rule {rule.name}")
    for name, column in table.columns.items():
        yield from _unknown(column.expression, "spark", source, f"the expression of {name}")
    curated = [*source, *table.columns]
    for indicator in contract.indicators:
        span = indicator.touched_by.get(table.name, (ALL,))
        both = ", ".join(span) if span != (ALL,) else "NULL"
        yield from _unknown(f"({both})", "redshift", curated, f"touched_by of {indicator.name}")


def unknown_there(
    contract: Contract, table: Table, columns: Mapping[str, Sequence[Mapping[str, str]]]
) -> Iterator[str]:
    """A sentence for each column that a rule refers to and that the other table has not, if that is
    among the ``columns``."""
    for rule in table.rules:
        other = rule.reference.table if rule.reference else ""
        if rule.reference and other in columns:
            known = {each["name"].lower(): "" for each in columns[other]}
            for there in rule.reference.on.values():
                if there.lower() not in known:
                    yield (
                        f"rule {rule.name} names {there!r}, which is no column of {other}."
                        f"{nearest(there.lower(), known)}"
                    )


def misnamed_results(contract: Contract, queries: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    """Table -> a sentence for each name in an indicator that it touches that is no column of the
    indicator's query.

    ``queries`` are the SELECTs that make the indicators.
    """
    found: dict[str, list[str]] = {name: [] for name in contract.tables}
    for indicator in contract.indicators:
        known = _results(queries[indicator.name])
        told = [*_misnamed(indicator, known)] if known else []
        for table in indicator.touched_by:
            found[table] += told
    return found


def _misnamed(indicator: Indicator, known: Mapping[str, str]) -> Iterator[str]:
    plot = indicator.plot
    named = [("period", indicator.period)]
    if plot:
        named += [(f"plot.{of}", name) for of in ("y", "by") for name in getattr(plot, of)]
    for field, name in named:
        if name.lower() not in known:
            yield (
                f"{field} of {indicator.name} names {name!r}, which is no column of its query."
                f"{nearest(name.lower(), known)}"
            )
    if plot and (problem := claims.problem(plot.claim, list(known))):
        yield f"plot.claim of {indicator.name}: {problem}."


def _results(sql: str) -> dict[str, str]:
    """The columns of a query's result; none if that cannot be told."""
    try:
        tree = sqlglot.parse_one(sql, dialect="redshift")
    except SqlglotError:
        return {}
    names = [name.lower() for name in tree.named_selects] if isinstance(tree, exp.Query) else []
    return {} if "*" in names or "" in names else dict.fromkeys(names, "")


def _unknown(sql: str, dialect: str, known: Sequence[str], what: str) -> Iterator[str]:
    names = {name.lower(): name for name in known}
    for name in dict.fromkeys(each.lower() for each in _columns(sql, dialect)):
        if name not in names:
            yield f"{what} names {name!r}, which is no column.{nearest(name, names)}"


def _columns(sql: str, dialect: str) -> Iterator[str]:
    """Of what an independent parser can read; what it cannot, Spark and Redshift judge."""
    try:
        tree = sqlglot.parse_one(sql, dialect=dialect)
    except SqlglotError:
        return
    for column in tree.find_all(exp.Column):
        # Not what a query within it names, nor the field of a value.
        if not (column.table or column.find_ancestor(exp.Select) or _own(column, dialect)):
            yield column.name


def _own(column: exp.Column, dialect: str) -> bool:
    """Whether it is a parameter of a lambda that it stands in, or what Spark takes for a function
    where there is no such column."""
    within = column.find_ancestor(exp.Lambda)
    while within:
        if column.name.lower() in {each.name.lower() for each in within.expressions}:
            return True
        within = within.find_ancestor(exp.Lambda)
    return dialect == "spark" and column.name.lower() == "user"
