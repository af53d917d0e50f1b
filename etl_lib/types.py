"""MySQL and MariaDB column types: what they become in Redshift, and how they are read exactly.

``KINDS`` is the whole of it. The SELECT casts whatever the fast reader would change (decimals
beyond 38 digits, TIME over 24 h, FLOAT printed with six digits, TINYINT(1) taken for a boolean);
the Parquet type follows from the Redshift type. What does not fit is refused, unless the contract
has decided otherwise for that column: ``decisions``. Sources:
https://dev.mysql.com/doc/refman/8.0/en/data-types.html, https://mariadb.com/kb/en/data-types/,
https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl_lib import decisions, identifiers, masks
from etl_lib.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

VARCHAR_LIMIT = 65_535  # bytes
VARBYTE_LIMIT = 1_024_000  # bytes, as the older of AWS's texts has it
DECIMAL_PRECISION, DECIMAL_SCALE = 38, 37
TEMPORAL_CURSORS = ("datetime", "timestamp", "date")

NUMERIC = "r_Numeric_types201.html"
CHARACTER = "r_Character_types.html"
DATETIME = "r_Datetime_types.html"
VARBYTE = "r_VARBYTE_type.html"


@dataclass(frozen=True)
class Kind:
    """A family of MySQL types. ``redshift`` may hold ``n``, ``p`` and ``s``, which follow from the
    column; empty: no type of Redshift's holds it, so the contract must decide."""

    mysql: str
    redshift: str
    page: str  # of Redshift's guide
    read: str = "{0}"  # MySQL expression
    unsigned: str = ""
    note: str = ""


_INTEGER = "CAST({0} AS SIGNED)"
_TEXT = "CAST({0} AS CHAR)"
_FLOAT = "{0} + 0e0"
_SIZED = "four bytes for each character, as utf8mb4 may take"

KINDS: Mapping[str, Kind] = {
    "tinyint": Kind("TINYINT, BOOLEAN", "SMALLINT", NUMERIC, _INTEGER, "SMALLINT"),
    "smallint": Kind("SMALLINT", "SMALLINT", NUMERIC, _INTEGER, "INTEGER"),
    "mediumint": Kind("MEDIUMINT", "INTEGER", NUMERIC, _INTEGER, "INTEGER"),
    "int": Kind("INT", "INTEGER", NUMERIC, _INTEGER, "BIGINT"),
    "bigint": Kind("BIGINT", "BIGINT", NUMERIC, _INTEGER, "DECIMAL(20,0)"),
    "decimal": Kind(
        "DECIMAL",
        "DECIMAL(p,s)",
        NUMERIC,
        _TEXT,
        note="precision 19 becomes 20: Redshift's DECIMAL(19,0) ends with a 64-bit integer; "
        "over 38 digits, or 37 behind the point, the contract must decide",
    ),
    "float": Kind(
        "FLOAT", "DOUBLE PRECISION", NUMERIC, _FLOAT, note="MySQL itself shows six digits only"
    ),
    "double": Kind("DOUBLE", "DOUBLE PRECISION", NUMERIC, _FLOAT),
    "bit": Kind(
        "BIT",
        "BIGINT",
        NUMERIC,
        "CAST(CAST({0} AS UNSIGNED) AS CHAR)",
        note="BIT(64) becomes DECIMAL(20,0)",
    ),
    "year": Kind("YEAR", "SMALLINT", NUMERIC, _INTEGER),
    "date": Kind("DATE", "DATE", DATETIME, note="zero and partial dates: the contract must decide"),
    "datetime": Kind("DATETIME", "TIMESTAMP", DATETIME, note="as DATE"),
    "timestamp": Kind("TIMESTAMP", "TIMESTAMP", DATETIME, note="in UTC; as DATE"),
    "time": Kind(
        "TIME", "VARCHAR(17)", DATETIME, _TEXT, note="up to 838 hours, and below 0: no TIME"
    ),
    "char": Kind("CHAR", "VARCHAR(n)", CHARACTER, note=_SIZED),
    "varchar": Kind("VARCHAR", "VARCHAR(n)", CHARACTER, note=_SIZED),
    "tinytext": Kind("TINYTEXT", "VARCHAR(n)", CHARACTER, note=_SIZED),
    "text": Kind("TEXT", "VARCHAR(65535)", CHARACTER),
    "mediumtext": Kind("MEDIUMTEXT", "VARCHAR(65535)", CHARACTER, note="longer: refused"),
    "longtext": Kind("LONGTEXT", "VARCHAR(65535)", CHARACTER, note="longer: refused"),
    "json": Kind("JSON", "VARCHAR(65535)", CHARACTER, _TEXT, note="as its text; longer: refused"),
    "enum": Kind("ENUM", "VARCHAR(n)", CHARACTER, _TEXT),
    "set": Kind("SET", "VARCHAR(n)", CHARACTER, _TEXT, note="a comma list"),
    "uuid": Kind("UUID", "VARCHAR(36)", CHARACTER, _TEXT),
    "inet4": Kind("INET4", "VARCHAR(15)", CHARACTER, _TEXT),
    "inet6": Kind("INET6", "VARCHAR(39)", CHARACTER, _TEXT),
    "binary": Kind("BINARY", "VARBYTE(n)", VARBYTE, note="with its padding"),
    "varbinary": Kind("VARBINARY", "VARBYTE(n)", VARBYTE),
    "tinyblob": Kind("TINYBLOB", "VARBYTE(n)", VARBYTE),
    "blob": Kind("BLOB", "VARBYTE(n)", VARBYTE),
    "mediumblob": Kind("MEDIUMBLOB", "VARBYTE(1024000)", VARBYTE, note="longer: refused"),
    "longblob": Kind("LONGBLOB", "VARBYTE(1024000)", VARBYTE, note="longer: refused"),
    "geometry": Kind(
        "GEOMETRY and its kinds", "", VARBYTE, note="its SRID has no place: the contract decides"
    ),
    "vector": Kind("VECTOR", "", VARBYTE, note="no type of Redshift's: the contract decides"),
}
ALIASES = dict.fromkeys(
    (
        "point",
        "linestring",
        "polygon",
        "multipoint",
        "multilinestring",
        "multipolygon",
        "geometrycollection",
        "geomcollection",
    ),
    "geometry",
)


@dataclass(frozen=True)
class Column:
    """A column as information_schema describes it, and what the contract has decided for it."""

    table: str
    name: str
    data_type: str  # e.g. "int"
    column_type: str  # e.g. "int(10) unsigned"
    nullable: bool
    characters: int | None  # of a binary column: bytes
    precision: int | None
    scale: int | None
    fraction: int | None  # digits of a second
    stamped: bool = False  # by the server itself, at an insert or at every change
    renewed: bool = False  # by the server itself, at every change
    numbered: bool = False  # by the server itself: AUTO_INCREMENT
    decision: str = ""  # one of decisions.DECISIONS
    mask: str = ""  # hash or truncate:<characters>: what leaves the source of it

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self.column_type

    @property
    def can_be_zero_date(self) -> bool:
        return self.data_type in TEMPORAL_CURSORS

    @property
    def kind(self) -> str:
        """The key of KINDS; empty if there is none."""
        kind = ALIASES.get(self.data_type, self.data_type)
        return kind if kind in KINDS else ""

    @property
    def binary(self) -> bool:
        return self.kind in decisions.BINARIES

    @property
    def hashed(self) -> str:
        """The MySQL expression whose text tells any two values apart, as far as they may be known:
        even a digest of a masked one could be guessed."""
        name = identifiers.mysql(self.name)
        if self.mask:
            return value_expression(self)
        return _FLOAT.format(name) if self.data_type == "float" else name


def redshift_type(column: Column) -> str:
    """The Redshift type that holds every value of ``column``, read as the contract has decided.

    SourceError if there is none.
    """
    decided = masks.redshift_type(column) or decisions.redshift_type(column)
    if decided:
        return decided
    if not column.kind or not KINDS[column.kind].redshift:
        raise _no_type(column)
    kind = KINDS[column.kind]
    if column.unsigned and kind.unsigned:
        return kind.unsigned
    if column.kind == "decimal":
        return _decimal(column)
    if column.kind == "bit":
        return "DECIMAL(20,0)" if (column.precision or 1) > 63 else "BIGINT"
    return kind.redshift.replace("(n)", f"({_bytes(column, kind.redshift)})")


def select_expression(column: Column) -> str:
    """The SELECT item that gives every value of ``column`` exactly, under its own name."""
    return f"{value_expression(column)} AS {identifiers.mysql(column.name)}"


def value_expression(column: Column) -> str:
    """The MySQL expression that gives every value of ``column`` exactly."""
    name = identifiers.mysql(column.name)
    if column.mask:
        return masks.read(column, KINDS[column.kind].read.format(name))
    decided = decisions.read(column, name)
    if decided:
        return decided
    if column.kind == "bigint" and column.unsigned:
        return _TEXT.format(name)  # more than a signed integer holds
    return KINDS[column.kind].read.format(name)


def arrow_type(redshift: str) -> pa.DataType:
    """The Parquet type that Redshift's COPY takes for a column of type ``redshift``."""
    import pyarrow as pa

    simple = {
        "SMALLINT": pa.int16(),
        "INTEGER": pa.int32(),
        "BIGINT": pa.int64(),
        "DOUBLE PRECISION": pa.float64(),
        "DATE": pa.date32(),
        "TIMESTAMP": pa.timestamp("us"),
        "BOOLEAN": pa.bool_(),
    }
    decimal = re.fullmatch(r"DECIMAL\((\d+),(\d+)\)", redshift)
    if decimal:
        return pa.decimal128(int(decimal[1]), int(decimal[2]))
    return simple.get(redshift, pa.binary() if redshift.startswith("VARBYTE") else pa.string())


def length(redshift: str) -> int | None:
    """The bytes that a value of this type may have; None for numbers and moments."""
    found = re.fullmatch(r"(?:VARCHAR|VARBYTE)\((\d+)\)", redshift)
    return int(found[1]) if found else None


def _bytes(column: Column, redshift: str) -> int:
    if redshift.startswith("VARBYTE"):
        return max(1, min(column.characters or 1, VARBYTE_LIMIT))
    # MySQL counts characters, Redshift bytes.
    return max(1, min(4 * (column.characters or 1), VARCHAR_LIMIT))


def _decimal(column: Column) -> str:
    precision, scale = column.precision or 10, column.scale or 0
    if precision > DECIMAL_PRECISION or scale > DECIMAL_SCALE:
        raise _no_type(column, f"; its own ends at DECIMAL({DECIMAL_PRECISION},{DECIMAL_SCALE})")
    return f"DECIMAL({20 if precision == 19 else precision},{scale})"


def _no_type(column: Column, why: str = "") -> SourceError:
    offered = decisions.offered(column)
    choice = f" Or decide how to read it: {offered}." if offered else ""
    return SourceError(
        f"table {column.table}, column {column.name}: MySQL type {column.column_type} has no "
        f"Redshift type{why}. Leave it out: skip = [{column.name!r}] in the contract.{choice}"
    )
