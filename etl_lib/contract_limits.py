"""What no setting of a contract may be, though its type is right: names, paths, numbers, types."""

from __future__ import annotations

import re
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from etl_lib import fragments, masks
from etl_lib.errors import ContractError
from etl_lib.identifiers import REFUSED

if TYPE_CHECKING:
    from etl_lib.contract import Contract, Table

Problem = tuple[str, str]  # field, what is wrong with it
# 1 to 64 characters that may stand in a key of S3 and in a SQL literal: no path, no control.
NAME = re.compile(rf"(?!\.{{1,2}}$)[^{re.escape(REFUSED)}\x00-\x1f\x7f]{{1,64}}")
TYPE = re.compile(r"[A-Za-z][A-Za-z0-9 ]*(\(\s*([0-9]+(\s*,\s*[0-9]+)?|max)\s*\))?", re.I)
FILE = re.compile(r"(?!.*(^|/)\.{0,2}(/|$))[^\\\x00-\x1f\x7f]+\.sql")
TEN_YEARS = 10 * 366 * 86_400  # seconds


def check(contract: Contract, where: str) -> None:
    """Raises ContractError for the first problem found."""
    for field, problem in _problems(contract):
        raise ContractError(where, field, problem)


def _problems(contract: Contract) -> Iterator[Problem]:
    yield from _name("contract.name", contract.name)
    for section in ("setup", "checks"):
        for file in getattr(contract, section):
            if not FILE.fullmatch(file):
                yield f"contract.{section}", f"{file!r} is not a path to a .sql file under sql/"
    for indicator in contract.indicators:
        yield from _name(f"indicators.{indicator.name}", indicator.name)
        yield from _name(f"indicators.{indicator.name}.period", indicator.period)
        for table_name, span in indicator.touched_by.items():
            for bound in span:
                at = f"indicators.{indicator.name}.touched_by.{table_name}"
                yield from _sql(at, bound, redshift=True)
    for table in contract.tables.values():
        yield from _table(f"tables.{table.name}", table)
    yield from _cycles(contract)


def _table(at: str, table: Table) -> Iterator[Problem]:
    yield from _name(at, table.name)
    for field in ("keys", "skip", "sortkey"):
        names = getattr(table, field)
        if len(set(names)) < len(names) or not all(names):
            yield f"{at}.{field}", f"{list(names)!r} has a name twice, or an empty one"
    if table.cursor == "" or table.distkey == "":
        yield f"{at}.{'cursor' if table.cursor == '' else 'distkey'}", "may not be empty"
    for name in {*table.keys, table.cursor, table.soft} & set(table.skip):
        yield f"{at}.skip", f"{name!r} is needed: it is a key, the cursor or the mark of deletes"
    for field, least, most in (
        ("lookback", 0, TEN_YEARS),
        ("lag", 0, TEN_YEARS),
        ("min_rows", 0, 2**63 - 1),
        ("quarantine_limit", 0, 1),
    ):
        value = getattr(table, field)
        if not least <= value <= most:  # nor is NaN
            yield f"{at}.{field}", f"{value!r} is not between {least} and {most}"
    for name, column in table.columns.items():
        if not TYPE.fullmatch(column.type):
            yield f"{at}.columns.{name}.type", f"{column.type!r} is not a type such as VARCHAR(40)"
        if not name:
            yield f"{at}.columns.{name}", "name and expression may not be empty"
        yield from _sql(f"{at}.columns.{name}.expression", column.expression)
    yield from _masks(at, table)
    yield from _rules(at, table)


def _masks(at: str, table: Table) -> Iterator[Problem]:
    needed = {*table.keys, table.cursor, table.soft}
    for name, mask in table.mask.items():
        if not masks.MASK.fullmatch(mask):
            yield f"{at}.mask.{name}", f"{mask!r} is not hash, drop or truncate:<characters>"
        if name in needed:
            problem = "is a key, the cursor or the mark of deletes: rows are found by its values"
            yield f"{at}.mask.{name}", problem
        if name in table.decide:
            yield f"{at}.mask.{name}", "decide says something of it, too: give one of them"
        for rule in table.rules:
            if rule.column == name and rule.kind and mask == masks.HASH:
                yield f"{at}.rules.{rule.name}", f"sees the hash of {name!r}, not its value"


def _rules(at: str, table: Table) -> Iterator[Problem]:
    names = [rule.name for rule in table.rules]
    for rule in table.rules:
        yield from _name(f"{at}.rules.{rule.name}", rule.name)
        if names.count(rule.name) > 1:
            yield f"{at}.rules.{rule.name}", "two rules have this name: counts could not be told"
        if not rule.column:  # the short forms are made by us
            yield from _sql(f"{at}.rules.{rule.name}.expect", rule.expect)
        for here in rule.reference.on if rule.reference else ():
            yield from _sql(f"{at}.rules.{rule.name}.reference.on", here)
        if rule.reference and not rule.reference.on:
            yield f"{at}.rules.{rule.name}.reference.on", "names no column"
        for name in set(rule.columns) & set(table.skip):
            yield f"{at}.rules.{rule.name}", f"{name!r} is left in the source by skip"


def _sql(at: str, text: str, redshift: bool = False) -> Iterator[Problem]:
    if problem := fragments.problem(text, redshift):
        yield at, f"{text!r} {problem}"


def _cycles(contract: Contract) -> Iterator[Problem]:
    refers = {
        table.name: {rule.reference.table for rule in table.rules if rule.reference} - {table.name}
        for table in contract.tables.values()
    }
    try:
        TopologicalSorter(refers).prepare()
    except CycleError as error:
        yield "tables", f"their references go round in a circle: {' -> '.join(error.args[1])}"


def _name(at: str, name: str) -> Iterator[Problem]:
    if not NAME.fullmatch(name):
        yield at, f"{name!r} is not a name of 1 to 64 characters without any of {REFUSED!r}"
