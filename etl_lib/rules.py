"""Rules: what a good row is. Rows that break one are quarantined by its name.

What is written most often has a short form, and each condition of it is a rule of its own:
``{ column = "status", not_null = true, one_of = ["new", "paid"] }`` makes the rules
``status_not_null`` and ``status_one_of``. They compile to the Spark SQL that ``expect`` takes as it
is. As in SQL's own CHECK, a NULL breaks ``not_null`` and no other short form.
"""

from __future__ import annotations

import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from etl_lib.errors import ContractError
from etl_lib.identifiers import folded
from etl_lib.settings import record, strings

DIGITS = 38  # of a DECIMAL in Spark
# What may be compared with what: a kind of value, and the Redshift types of such columns.
TYPES: Mapping[str, tuple[str, ...]] = {
    "text": ("VARCHAR", "CHAR"),
    "number": ("SMALLINT", "INTEGER", "BIGINT", "DECIMAL", "DOUBLE PRECISION"),
    "moment": ("DATE", "TIMESTAMP"),
    "truth": ("BOOLEAN",),
}
# What some Python does not know in a regular expression, and Java may: Spark will judge it.
JAVA_ONLY = ("bad escape", "unknown extension", "multiple repeat")
LONGEST_NAME = 64


@dataclass(frozen=True)
class Reference:
    """A rule that looks a value up in another table of the contract, one that is loaded in full."""

    table: str  # of the contract, without a cursor
    on: Mapping[str, str]  # column here -> column there


@dataclass(frozen=True)
class Rule:
    """A Spark SQL condition that a good row fulfils, a reference, or columns that are unique.

    Of a reference, ``expect`` is what is true for a row that needs none.
    """

    name: str
    expect: str = "true"
    reference: Reference | None = None
    column: str = ""  # of the short forms
    kind: str = ""  # of the values that it is compared with: one of TYPES
    pattern: str = ""  # Spark SQL: the regular expression of ``matches`` by itself
    unique: tuple[str, ...] = ()  # no other row that is curated has the same values in these

    @property
    def columns(self) -> tuple[str, ...]:
        """The source's columns that it names; those in SQL are not known."""
        return self.unique or ((self.column,) if self.column else ())


@dataclass(frozen=True)
class _Written:
    """A rule as it stands in the contract."""

    name: str = ""  # what quarantine and report call it; short forms make their own
    # Spark SQL that is true for a good row; NULL is not true. Beside reference: that is true for a
    # row that needs none.
    expect: str = ""
    reference: Any = None  # a table that must have a row of these values
    unique: Any = ()  # columns whose values no other curated row has
    column: str = ""  # of the short forms
    not_null: bool = False  # short: the column has a value
    one_of: Any = ()  # short: it has one of these; or NULL, as for the next two
    between: Any = ()  # short: [least, most], both good; inf is an open end
    matches: str = ""  # short: a regular expression of Java's that the whole value matches


SHORT = ("not_null", "one_of", "between", "matches")
FORMS = ("expect", "reference", "unique", "column")


def parsed(body: Mapping[str, Any], where: str, at: str) -> list[Rule]:
    """The rules that one entry of ``rules`` makes. Raises ContractError."""
    named = body.get("name") or body.get("column") or "?"
    if body.get("unique") and not body.get("name") and isinstance(body["unique"], list):
        named = "_".join(map(str, body["unique"]))
    at = f"{at}.{named}"
    written = record(_Written, body, where, at)
    try:
        return [_named(rule) for rule in _rules(written, body, where, at)]
    except _Wrong as wrong:
        raise ContractError(where, f"{at}.{wrong.setting}", wrong.problem) from None


class _Wrong(Exception):
    def __init__(self, setting: str, problem: str) -> None:
        super().__init__(problem)
        self.setting, self.problem = setting, problem


def _rules(written: _Written, body: Mapping[str, Any], where: str, at: str) -> Iterator[Rule]:
    short = [name for name in SHORT if name in body]
    forms = {form for form in FORMS if form in body} - {"expect"}
    if short and not written.column:
        raise _Wrong("column", f"is missing: {short[0]} says something of one column")
    if len(forms) > 1 or ("expect" in body and forms - {"reference"}):
        raise _Wrong("name", "one rule is one of: column, unique, expect, reference")
    if "unique" in body:
        columns = strings(body["unique"], where, f"{at}.unique")
        yield Rule(written.name or f"{'_'.join(columns)}_unique", unique=_unique(columns))
    elif "column" in body:
        yield from _short(written, short)
    else:
        yield _plain(written, body, where, at)


def _named(rule: Rule) -> Rule:
    if len(rule.name) > LONGEST_NAME:
        problem = f"{rule.name!r} has {len(rule.name)} characters, of {LONGEST_NAME}: set a shorter"
        raise _Wrong("name", problem)
    return rule


def _plain(written: _Written, body: Mapping[str, Any], where: str, at: str) -> Rule:
    if not written.name:
        raise _Wrong("name", "is missing")
    if "reference" in body:
        reference = record(Reference, body["reference"], where, f"{at}.reference")
        # What is true for a row that needs no reference: of none, unless it is said.
        return Rule(written.name, str(body.get("expect", "false")), reference)
    if "expect" not in body:
        known = (*SHORT, *FORMS[:3])
        raise _Wrong("expect", f"is missing: the rule says nothing. It may have {', '.join(known)}")
    return Rule(written.name, written.expect)


def _unique(columns: tuple[str, ...]) -> tuple[str, ...]:
    if not all(columns) or len(set(columns)) < len(columns) or not columns:
        raise _Wrong("unique", f"{list(columns)!r} names no column, or one twice")
    return columns


def _short(written: _Written, settings: Sequence[str]) -> Iterator[Rule]:
    if not settings or not written.column:
        raise _Wrong("column", f"needs a name and one of: {', '.join(SHORT)}")
    if written.name and len(settings) > 1:
        raise _Wrong("name", f"{' and '.join(settings)} are two rules: leave the name out")
    column = _quoted(written.column)
    for setting in settings:
        kind, condition = CONDITIONS[setting](column, getattr(written, setting))
        yield Rule(
            name=written.name or f"{written.column}_{setting}",
            expect=condition if setting == "not_null" else f"{column} is null or {condition}",
            column=written.column,
            kind=kind,
            pattern=_literal(written.matches) if setting == "matches" else "",
        )


def _not_null(column: str, wanted: bool) -> tuple[str, str]:
    if not wanted:
        raise _Wrong("not_null", "is true, or left out")
    return "", f"{column} is not null"


def _one_of(column: str, values: Any) -> tuple[str, str]:
    kind = _kind("one_of", values)
    if any(map(_infinite, values)):
        raise _Wrong("one_of", "inf is no value")
    return kind, f"{column} in ({', '.join(map(_literal, values))})"


def _between(column: str, values: Any) -> tuple[str, str]:
    """Both ends are good; ``inf`` and ``-inf`` stand for an open one, whatever the values are."""
    if not isinstance(values, (list, tuple)) or len(values) != 2:
        raise _Wrong("between", f"expected [least, most], not {values!r}")
    open_ends = zip((">=", "<="), values, (-math.inf, math.inf))
    ends = [(sign, value) for sign, value, none in open_ends if value != none]
    if not ends:
        raise _Wrong("between", "has no end that is not open")
    kind = _kind("between", [value for _, value in ends])
    if len(ends) == 2 and not _moment(values[0]) <= _moment(values[1]):
        raise _Wrong("between", f"{values[0]} is more than {values[1]}")
    if kind == "truth" or any(_infinite(value) for _, value in ends):
        raise _Wrong("between", f"{list(values)!r} has an end that is none")
    return kind, "(" + " and ".join(f"{column} {sign} {_literal(v)}" for sign, v in ends) + ")"


def _matches(column: str, pattern: str) -> tuple[str, str]:
    """The whole value, as Java's regular expressions have it, which are Spark's."""
    if not pattern:
        raise _Wrong("matches", "may not be empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Python will understand otherwise one day
            re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        if not str(error).startswith(JAVA_ONLY):
            raise _Wrong("matches", f"{pattern!r}: {error}") from None
    whole = _literal(rf"\A(?:{pattern})\z")
    return "text", f"{column} rlike {whole}"


CONDITIONS: Mapping[str, Callable[[str, Any], tuple[str, str]]] = {
    "not_null": _not_null,
    "one_of": _one_of,
    "between": _between,
    "matches": _matches,
}


def misfit(rule: Rule, keys: Sequence[str], types: Mapping[str, str]) -> str:
    """Why the rule cannot be held against columns of these Redshift types; empty if it can."""
    inexact = [key for key in keys if types.get(key) == "DOUBLE PRECISION"]
    if rule.unique and inexact:
        return f"unique needs keys that can be told exactly: {inexact[0]!r} is DOUBLE PRECISION"
    kind = types.get(rule.column, "")
    if not rule.kind or kind.startswith(TYPES[rule.kind]):
        return ""
    return f"column {rule.column!r} is {kind}, which is no {rule.kind}"


def _kind(setting: str, values: Any) -> str:
    if not isinstance(values, (list, tuple)) or not values:
        raise _Wrong(setting, f"expected a list of values, not {values!r}")
    kinds = {_kind_of(setting, value) for value in values}
    if len(kinds) > 1:
        raise _Wrong(setting, f"{list(values)!r} are not of one kind")
    return kinds.pop()


def _kind_of(setting: str, value: Any) -> str:
    if isinstance(value, bool):
        return "truth"
    if isinstance(value, str):
        return "text"
    if isinstance(value, (int, float)) and (abs(value) < 10**DIGITS or math.isinf(value)):
        return "number"
    if isinstance(value, date) and getattr(value, "tzinfo", None) is None:  # datetime is one
        return "moment"
    raise _Wrong(setting, f"{value!r} is no value to compare with: text, number or moment in UTC")


def _infinite(value: Any) -> bool:
    return isinstance(value, float) and math.isinf(value)


def _moment(value: Any) -> Any:
    """A day as its first moment, so that days and moments can be told apart by size."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime(value.year, value.month, value.day)
    return value


def _literal(value: Any) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return "'" + escaped.replace("$", "\\u0024") + "'"  # ${…} is a variable of Spark's
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return f"timestamp_ntz '{value.isoformat(' ')}'"
    return f"date '{value.isoformat()}'" if isinstance(value, date) else repr(value)


def _quoted(column: str) -> str:
    return "`" + folded(column).replace("`", "``") + "`"
