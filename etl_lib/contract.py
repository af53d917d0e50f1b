"""The table contract: what is moved, how, and what a good row is. One TOML file.

Nothing else in this library knows the name of a table. ``workbook init`` writes one from a
live database; ``tables.toml`` beside this file is the rental marketplace's.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from etl_lib import contract_limits
from etl_lib.decisions import DECISIONS
from etl_lib.errors import ContractError
from etl_lib.identifiers import REDSHIFT_LIMIT, REFUSED, folded

try:
    import tomllib
except ImportError:  # Python 3.9, as in Glue Python shell jobs
    import tomli as tomllib  # type: ignore[import-not-found, no-redef]

ALL = "all"
SOFT = "soft:"
CHOICES = {
    "deletes": "none, sweep, soft:<column>",
    "zero_dates": "fail, null",
    "drift": "freeze, evolve",
}


@dataclass(frozen=True)
class Reference:
    """A rule that looks a value up in another table of the contract, one that is loaded in full."""

    table: str
    on: Mapping[str, str]  # column here -> column there


@dataclass(frozen=True)
class Rule:
    """What a good row is: a Spark SQL condition, or a reference. Others are quarantined."""

    name: str
    expect: str = "true"
    reference: Reference | None = None


@dataclass(frozen=True)
class CuratedColumn:
    """A column of the curated table that is not just the source's: Spark SQL and Redshift type."""

    expression: str
    type: str


@dataclass(frozen=True)
class Table:
    """One source table. ``cursor`` None means: no such column, compare and load in full."""

    name: str
    keys: tuple[str, ...]
    cursor: str | None = None
    append_only: bool = False  # the cursor is AUTO_INCREMENT, and rows are never changed
    lookback: int = 0  # seconds read again before the bookmark
    lag: int = 60  # seconds kept away from now where the source hides its statements
    deletes: str = "none"  # none | sweep | soft:<column>
    zero_dates: str = "fail"  # fail | null
    min_rows: int = 1  # fewer in the source than this is taken for a mistake
    quarantine_limit: float = 0.05  # share of a batch; unless 0, five bad rows are never too many
    skip: tuple[str, ...] = ()  # columns that stay in the source
    decide: Mapping[str, str] = field(default_factory=dict)  # column -> one of DECISIONS
    drift: str = "freeze"  # freeze | evolve
    distkey: str | None = None
    sortkey: tuple[str, ...] = ()
    columns: Mapping[str, CuratedColumn] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

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
    title: str
    period: str
    touched_by: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Contract:
    """A parsed contract. ``name`` keeps the bookmarks of several contracts apart."""

    name: str
    tables: Mapping[str, Table]
    indicators: tuple[Indicator, ...] = ()
    setup: tuple[str, ...] = ()  # SQL files to run once tables exist, e.g. views
    checks: tuple[str, ...] = ()  # SQL files whose result must be empty

    def select(self, names: Sequence[str]) -> tuple[Table, ...]:
        """The tables named, in the contract's order; all of them if none is named."""
        for name in names:
            if name not in self.tables:
                raise ContractError(
                    "--tables", name, f"no such table.{_nearest(name, self.tables)}"
                )
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
    tables = {name: _table(name, body, where) for name, body in _named(document, "tables", where)}
    if not tables:
        raise ContractError(where, "tables", "no table is named: add [tables.<name>]")
    document["tables"] = tables
    document["indicators"] = [
        _record(Indicator, {"name": name, **body}, where, f"indicators.{name}")
        for name, body in _named(document, "indicators", where)
    ]
    contract = _record(Contract, document, where, "contract")
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


def _table(name: str, body: Mapping[str, Any], where: str) -> Table:
    at = f"tables.{name}"
    body = dict(body, name=name)
    body["columns"] = {
        column: _record(CuratedColumn, value, where, f"{at}.columns.{column}")
        for column, value in _named(body, "columns", where, f"{at}.")
    }
    rules = body.get("rules", [])
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        raise ContractError(where, f"{at}.rules", f"expected sections [[{at}.rules]]")
    body["rules"] = [_rule(rule, where, f"{at}.rules") for rule in rules]
    table = _record(Table, body, where, at)
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


def _rule(body: Mapping[str, Any], where: str, at: str) -> Rule:
    body = dict(body)
    if "reference" in body:
        body["reference"] = _record(Reference, body["reference"], where, f"{at}.reference")
    return _record(Rule, body, where, f"{at}.{body.get('name', '?')}")


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
                raise ContractError(where, at, f"no such table.{_nearest(name, contract.tables)}")
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


Record = TypeVar("Record")


def _record(kind: type[Record], body: Any, where: str, at: str) -> Record:
    """Make a ``kind`` from a TOML table; every key must be a field of it, of its type."""
    if not isinstance(body, dict):
        raise ContractError(where, at, f"expected a table of settings, not {body!r}")
    fields = {each.name: each for each in dataclasses.fields(kind)}  # type: ignore[arg-type]
    for key in body:
        if key not in fields:
            raise ContractError(where, f"{at}.{key}", f"unknown setting.{_nearest(key, fields)}")
    for name, each in fields.items():
        required = each.default is dataclasses.MISSING and (
            each.default_factory is dataclasses.MISSING
        )
        if required and name not in body:
            raise ContractError(where, f"{at}.{name}", "is missing")
    return kind(**{key: _typed(value, fields[key], where, at) for key, value in body.items()})


def _typed(value: Any, definition: dataclasses.Field[Any], where: str, at: str) -> Any:
    kind = str(definition.type)
    expected: Mapping[str, tuple[type, ...]] = {
        "str": (str,),
        "str | None": (str,),
        "int": (int,),
        "float": (int, float),
        "bool": (bool,),
    }
    at = f"{at}.{definition.name}"
    if kind in expected:
        if not isinstance(value, expected[kind]) or (isinstance(value, bool) != (kind == "bool")):
            raise ContractError(where, at, f"expected {kind}, not {value!r}")
        return value
    if kind == "tuple[str, ...]":
        return _strings(value, where, at)
    if kind.startswith("Mapping[") and not isinstance(value, dict):
        raise ContractError(where, at, f"expected a table of settings, not {value!r}")
    if kind == "Mapping[str, str]" and not all(isinstance(each, str) for each in value.values()):
        raise ContractError(where, at, f"expected names of columns, not {value!r}")
    if kind == "Mapping[str, tuple[str, ...]]":
        return {
            key: (ALL,) if each == ALL else _strings(each, where, f"{at}.{key}")
            for key, each in value.items()
        }
    return tuple(value) if isinstance(value, list) else value


def _strings(value: Any, where: str, at: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise ContractError(where, at, f"expected a list of strings, not {value!r}")
    return tuple(value)


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" Did you mean {close[0]!r}?" if close else f" Known: {', '.join(known)}."
