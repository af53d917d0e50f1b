"""What a contract may decide for a column whose values Redshift cannot hold as they are.

``[tables.<name>.decide]``, column = one of ``DECISIONS``. Without a decision such a value stops the
run before anything is loaded. With one, the values it changes are counted (``lost``), and the count
stands in the manifest and in the report of the run. Never silently.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl_lib.errors import SourceError
from etl_lib.identifiers import mysql

if TYPE_CHECKING:
    from etl_lib.types import Column

DATES = ("date", "datetime", "timestamp")
TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json")
BINARIES = ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob")
CUT = 16_383  # characters that are 65,535 bytes at most
VARCHAR, VARBYTE = "VARCHAR(65535)", "VARBYTE(1024000)"

# Zero, partial and impossible dates (2024-02-31): they are there, and no day can be added to them.
_ZERO = "({0} IS NOT NULL AND {0} + INTERVAL 0 DAY IS NULL)"
_LONG_TEXT = "LENGTH(CONVERT({0} USING utf8mb4)) > 65535"
_LONG_BINARY = "LENGTH({0}) > 1024000"
_NUL = "LOCATE(X'00', CAST({0} AS BINARY)) > 0"


@dataclass(frozen=True)
class Way:
    """One decision for some kinds of column. ``type`` empty: the same as without it.

    ``lost`` is the MySQL condition of a value that it changes; ``fits`` False: a value that it
    changes stops the run.
    """

    kinds: tuple[str, ...]
    read: str
    type: str = ""
    lost: str = ""
    fits: bool = True


DECISIONS: Mapping[str, Sequence[Way]] = {
    "null": (
        Way(DATES, f"IF({_ZERO}, NULL, {{0}})", lost=_ZERO),
        Way(TEXTS, f"IF({_LONG_TEXT}, NULL, {{0}})", lost=_LONG_TEXT),
        Way(BINARIES, f"IF({_LONG_BINARY}, NULL, {{0}})", lost=_LONG_BINARY),
    ),
    "truncate": (
        Way(TEXTS, f"IF({_LONG_TEXT}, LEFT({{0}}, {CUT}), {{0}})", lost=_LONG_TEXT),
        Way(BINARIES, "LEFT({0}, 1024000)", lost=_LONG_BINARY),
    ),
    "strip": (Way(TEXTS, "REPLACE({0}, CHAR(0), '')", lost=_NUL),),
    "text": (
        Way(("decimal",), "CAST({0} AS CHAR)", "VARCHAR(70)"),
        Way(("geometry",), "ST_AsText({0})", VARCHAR),
        Way(("bit",), "BIN({0} + 0)", "VARCHAR(64)"),
    ),
    "boolean": (
        Way(
            ("tinyint", "bit"),
            "CAST({0} + 0 AS SIGNED)",
            "BOOLEAN",
            lost="{0} + 0 NOT IN (0, 1)",
            fits=False,
        ),
    ),
    "binary": (
        Way(("geometry",), "ST_AsBinary({0})", VARBYTE),
        Way(("vector",), "CAST({0} AS BINARY)", VARBYTE),
    ),
    "hex": (
        Way(BINARIES, "LOWER(HEX({0}))", VARCHAR),
        Way(("geometry",), "LOWER(HEX(ST_AsBinary({0})))", VARCHAR),
    ),
}


def no_date(column: str) -> str:
    """MySQL's condition of a date that is none: 0000-00-00, 2024-05-00, 2024-02-31."""
    return _ZERO.format(column)


def check(column: Column) -> None:
    """Raise SourceError if the contract's decision is none for a column of this type."""
    if column.decision and _way(column) is None:
        raise SourceError(
            f"table {column.table}, column {column.name}: decide = {column.decision!r} is not for "
            f"{column.column_type}; it may be {offered(column) or 'nothing'}"
        )


def offered(column: Column) -> str:
    """The decisions that a column of this type can have, as text."""
    return offered_to(column.kind)


def offered_to(kind: str) -> str:
    return ", ".join(
        f'"{name}"' for name, ways in DECISIONS.items() if any(kind in way.kinds for way in ways)
    )


def redshift_type(column: Column) -> str:
    """The type that the decision leads to; empty if it leads to none of its own."""
    way = _way(column)
    return way.type if way else ""


def read(column: Column, name: str) -> str:
    """The MySQL expression to read the column by; empty without a decision."""
    way = _way(column)
    if column.kind == "json":  # functions would give JSON, which the reader knows as another type
        name = f"CAST({name} AS CHAR)"
    return way.read.format(name) if way else ""


def lost(column: Column) -> str:
    """The MySQL condition of a value that the decision changes; empty if it changes none."""
    way = _way(column)
    return way.lost.format(mysql(column.name)) if way else ""


def may_change(column: Column) -> bool:
    """Whether a value may be changed, and just counted."""
    way = _way(column)
    return way is not None and way.fits


def _way(column: Column) -> Way | None:
    for way in DECISIONS.get(column.decision, ()):
        if column.kind in way.kinds:
            return way
    return None
