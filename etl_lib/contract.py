"""The table contract: what is moved, how, and what a good row is. One TOML file.

Nothing else in this library knows the name of a table. ``workbook init`` writes one from a
live database; ``tables.toml`` beside this file is the rental marketplace's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from etl_lib import contract_limits, expectations, masks, plot_settings, rules
from etl_lib.decisions import DECISIONS
from etl_lib.errors import ContractError
from etl_lib.expectations import Freshness, Rows
from etl_lib.identifiers import REDSHIFT_LIMIT, REFUSED, folded
from etl_lib.plot_settings import Plot
from etl_lib.rules import Rule
from etl_lib.settings import ALL, nearest, record, refuse_unknown

try:
    import tomllib
except ImportError:  # Python 3.9, as in Glue Python shell jobs
    import tomli as tomllib  # type: ignore[import-not-found, no-redef]

SOFT = "soft:"
CHOICES = {
    "deletes": "none, sweep, soft:<column>",
    "zero_dates": "fail, null",
    "drift": "freeze, evolve",
}


@dataclass(frozen=True)
class CuratedColumn:
    """A column of the curated table that is not just the source's: Spark SQL and Redshift type."""

    expression: str  # Spark SQL over the source's columns
    type: str  # Redshift's, of the curated column


@dataclass(frozen=True)
class Table:
    """One source table."""

    name: str
    keys: tuple[str, ...]  # columns that name a row; never NULL
    cursor: str | None = None  # column that tells what changed; without: compare, load in full
    append_only: bool = False  # the cursor is AUTO_INCREMENT, and rows are never changed
    lookback: int = 0  # seconds read again before the bookmark
    lag: int = 60  # seconds kept away from now where the source hides its statements
    deletes: str = "none"  # none; sweep: compare keys; soft:<column>: the source marks them
    zero_dates: str = "fail"  # fail, or null: load dates like 0000-00-00 as NULL
    min_rows: int = 1  # fewer in the source than this is taken for a mistake
    rows: Rows = Rows()  # how many rows are expected; its table's least is min_rows
    freshness: Freshness = Freshness()  # how old the newest row may be
    quarantine_limit: float = 0.05  # share of a batch; unless 0, five bad rows are never too many
    skip: tuple[str, ...] = ()  # columns that stay in the source
    decide: Mapping[str, str] = field(default_factory=dict)  # column -> what types.md offers
    mask: Mapping[str, str] = field(default_factory=dict)  # column -> hash, drop, truncate:<n>
    drift: str = "freeze"  # freeze: changed columns stop the run; evolve: take up what is safe
    distkey: str | None = None  # Redshift's DISTKEY; without: DISTSTYLE AUTO
    sortkey: tuple[str, ...] = ()  # Redshift's SORTKEY
    columns: Mapping[str, CuratedColumn] = field(default_factory=dict)  # computed or retyped
    rules: tuple[Rule, ...] = ()  # what a good row is; bad ones are quarantined

    @property
    def soft(self) -> str | None:
        """The column that marks deleted rows, where the source keeps them."""
        return self.deletes[len(SOFT) :] or None if self.deletes.startswith(SOFT) else None

    def decision(self, column: str, can_be_zero_date: bool) -> str:
        """What is decided for a column; empty for nothing."""
        general = self.zero_dates if can_be_zero_date and self.zero_dates != "fail" else ""
        return self.decide.get(column, general)


@dataclass(frozen=True)
class Indicator:
    """A presentation table, refreshed for the periods that a batch touched.

    ``touched_by`` maps a source table to two SQL expressions over its curated row, the first and
    the last period it can change; or to "all".
    """

    name: str
    title: str  # of its plot
    period: str  # its column that names the period
    touched_by: Mapping[str, tuple[str, ...]]  # source table -> first and last period, or "all"
    plot: Plot | None = None  # how it is drawn; without: the report shows its last rows


@dataclass(frozen=True)
class Contract:
    """A parsed contract. ``name`` keeps the bookmarks of several contracts apart."""

    name: str  # of the pipeline; another database needs another
    tables: Mapping[str, Table]
    indicators: tuple[Indicator, ...] = ()  # presentation tables
    setup: tuple[str, ...] = ()  # SQL files to run once tables exist, e.g. views
    checks: tuple[str, ...] = ()  # SQL files whose result must be empty

    def select(self, names: Sequence[str]) -> tuple[Table, ...]:
        """The tables named, in the contract's order; all of them if none is named."""
        for name in names:
            if name not in self.tables:
                near = nearest(name, self.tables)
                raise ContractError("the contract", name, f"no such table.{near}")
        return tuple(table for table in self.tables.values() if not names or table.name in names)


def parse(text: str, where: str) -> Contract:
    """Read a contract. ``where`` names it in errors.

    Raises ContractError for anything unknown, missing or of the wrong type: a typo never
    becomes a default.
    """
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ContractError(where, "not TOML", str(error)) from None
    document = dict(document)
    # First: half of what was meant may stand under the right name, and would be what is wrong.
    refuse_unknown(Contract, document, where, "contract")
    tables = {name: _table(name, body, where) for name, body in _named(document, "tables", where)}
    document["tables"] = tables
    document["indicators"] = [
        _indicator(name, body, where) for name, body in _named(document, "indicators", where)
    ]
    contract = record(Contract, document, where, "contract")
    if not tables:
        raise ContractError(where, "tables", "no table is named: add [tables.<name>]")
    _check_links(contract, where)
    contract_limits.check(contract, where)
    return contract


def _named(
    document: Mapping[str, Any], section: str, where: str, under: str = ""
) -> Sequence[tuple[str, Any]]:
    body = document.get(section, {})
    if not isinstance(body, dict) or not all(isinstance(value, dict) for value in body.values()):
        raise ContractError(where, under + section, f"expected sections [{under}{section}.<name>]")
    return list(body.items())


def _indicator(name: str, body: Mapping[str, Any], where: str) -> Indicator:
    at = f"indicators.{name}"
    body = dict(body, name=name)
    if "plot" in body:
        body["plot"] = plot_settings.parsed(
            body["plot"], str(body.get("period")), where, f"{at}.plot"
        )
    return record(Indicator, body, where, at)


def _table(name: str, body: Mapping[str, Any], where: str) -> Table:
    at = f"tables.{name}"
    body = dict(body, name=name)
    body["columns"] = {
        column: record(CuratedColumn, value, where, f"{at}.columns.{column}")
        for column, value in _named(body, "columns", where, f"{at}.")
    }
    written = body.get("rules", [])
    if not isinstance(written, list) or not all(isinstance(rule, dict) for rule in written):
        raise ContractError(where, f"{at}.rules", f"expected sections [[{at}.rules]]")
    body["rules"] = [rule for each in written for rule in rules.parsed(each, where, f"{at}.rules")]
    table = _with_freshness(record(Table, body, where, at), body, where, at)
    table = _with_rows(table, body, where, at)
    dropped = tuple(name for name, mask in table.mask.items() if mask == masks.DROP)
    table = replace(table, skip=(*table.skip, *(set(dropped) - set(table.skip))))
    if not table.keys:
        raise ContractError(where, f"{at}.keys", "a table needs at least one key column")
    if table.append_only and (not table.cursor or table.lookback):
        wanted = "needs a cursor: the AUTO_INCREMENT column, and no lookback"
        raise ContractError(where, f"{at}.append_only", wanted)
    deletes = ("none", "sweep", *([table.deletes] if table.soft else []))
    for option, allowed in (
        ("deletes", deletes),
        ("zero_dates", ("fail", "null")),
        ("drift", ("freeze", "evolve")),
    ):
        if getattr(table, option) not in allowed:
            raise ContractError(
                where,
                f"{at}.{option}",
                f"{getattr(table, option)!r} is not one of {CHOICES[option]}",
            )
    for column, decision in table.decide.items():
        if decision not in DECISIONS:
            raise ContractError(
                where, f"{at}.decide.{column}", f"{decision!r} is not one of {', '.join(DECISIONS)}"
            )
    return table


def _with_freshness(table: Table, body: Mapping[str, Any], where: str, at: str) -> Table:
    if "freshness" not in body:
        return table
    if not table.cursor or table.append_only:
        problem = "needs a cursor that is a moment: nothing else tells how old a row is"
        raise ContractError(where, f"{at}.freshness", problem)
    parsed = expectations.freshness(body["freshness"], where, f"{at}.freshness")
    return replace(table, freshness=parsed)


def _with_rows(table: Table, body: Mapping[str, Any], where: str, at: str) -> Table:
    if "rows" not in body:
        return table
    parsed = expectations.rows(body["rows"], where, f"{at}.rows")
    if parsed.batch and not table.cursor:
        problem = "a table without a cursor moves as a whole: rows.table is its band"
        raise ContractError(where, f"{at}.rows.batch", problem)
    if parsed.table and "min_rows" in body:
        raise ContractError(where, f"{at}.min_rows", "is the least of rows.table: give one")
    least = parsed.table[0] if parsed.table else table.min_rows
    return replace(table, rows=parsed, min_rows=least)


def _check_links(contract: Contract, where: str) -> None:
    _check_names(contract, where)
    for table in contract.tables.values():
        for rule in table.rules:
            there = rule.reference and contract.tables.get(rule.reference.table)
            if rule.reference and (not there or there.cursor):
                raise ContractError(
                    where,
                    f"tables.{table.name}.rules.{rule.name}.reference",
                    f"{rule.reference.table!r} must be a table of this contract without a cursor",
                )
    for indicator in contract.indicators:
        for name, span in indicator.touched_by.items():
            at = f"indicators.{indicator.name}.touched_by.{name}"
            if name not in contract.tables:
                raise ContractError(where, at, f"no such table.{nearest(name, contract.tables)}")
            if span != (ALL,) and len(span) != 2:
                raise ContractError(where, at, 'expected ["first period", "last period"] or "all"')


def _check_names(contract: Contract, where: str) -> None:
    seen: dict[str, str] = {}
    for name in contract.tables:
        at = f"tables.{name}"
        if set(name) & set(REFUSED):
            raise ContractError(where, at, f"a table name with one of {REFUSED} is not supported")
        if len(name.encode()) > REDSHIFT_LIMIT:
            problem = f"{len(name.encode())} bytes; names in Redshift have at most {REDSHIFT_LIMIT}"
            raise ContractError(where, at, problem)
        if folded(name) in seen:
            other = seen[folded(name)]
            raise ContractError(where, at, f"is the table {other} in Redshift, which folds case")
        seen[folded(name)] = name
