"""MySQL column types: how to read them exactly, and what they become in Redshift.

The SELECT casts whatever the fast reader would change (decimals beyond 38 digits, TIME over 24 h,
FLOAT printed with six digits, TINYINT(1) taken for a boolean); the Parquet type follows from the
Redshift type. Redshift: https://docs.aws.amazon.com/redshift/latest/dg/c_Supported_data_types.html
MySQL: https://dev.mysql.com/doc/refman/8.0/en/data-types.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from etl_lib import identifiers
from etl_lib.errors import SourceError

if TYPE_CHECKING:
    import pyarrow as pa

VARCHAR_LIMIT = 65535  # bytes
DECIMAL_PRECISION, DECIMAL_SCALE = 38, 37

INTEGERS = {  # signed type, unsigned type: the next wider one that holds every value
    "tinyint": ("SMALLINT", "SMALLINT"),
    "smallint": ("SMALLINT", "INTEGER"),
    "mediumint": ("INTEGER", "INTEGER"),
    "int": ("INTEGER", "BIGINT"),
    "bigint": ("BIGINT", "DECIMAL(20,0)"),
}
TEXTS = ("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "json", "enum", "set")
TEMPORAL_CURSORS = ("datetime", "timestamp", "date")


@dataclass(frozen=True)
class Column:
    """A column as information_schema describes it."""

    table: str
    name: str
    data_type: str  # e.g. "int"
    column_type: str  # e.g. "int(10) unsigned"
    nullable: bool
    characters: int | None
    precision: int | None
    scale: int | None
    fraction: int | None  # digits of a second
    stamped: bool = False  # by the server itself, at an insert or at every change
    renewed: bool = False  # by the server itself, at every change
    numbered: bool = False  # by the server itself: AUTO_INCREMENT

    @property
    def unsigned(self) -> bool:
        return "unsigned" in self.column_type

    @property
    def can_be_zero_date(self) -> bool:
        return self.data_type in TEMPORAL_CURSORS


def redshift_type(column: Column) -> str:
    """The Redshift type that holds every value of ``column``; SourceError if there is none."""
    kind = column.data_type
    if kind in INTEGERS:
        return INTEGERS[kind][column.unsigned]
    if kind == "decimal":
        return _decimal(column)
    if kind in ("float", "double"):
        return "DOUBLE PRECISION"  # REAL would round what MySQL shows of a FLOAT
    if kind in TEXTS:
        # MySQL counts characters, Redshift bytes; utf8mb4 takes up to four for one.
        return f"VARCHAR({max(1, min(4 * (column.characters or 1), VARCHAR_LIMIT))})"
    if kind == "bit":
        return "DECIMAL(20,0)" if (column.precision or 1) > 63 else "BIGINT"
    simple = {
        "date": "DATE",
        "datetime": "TIMESTAMP",
        "timestamp": "TIMESTAMP",
        "time": "VARCHAR(17)",  # -838:59:59.000000: longer than a day, so not Redshift's TIME
        "year": "SMALLINT",
    }
    if kind in simple:
        return simple[kind]
    raise SourceError(
        f"table {column.table}, column {column.name}: MySQL type {column.column_type} has no "
        f'Redshift type here. Leave it out: skip = ["{column.name}"] in the contract.'
    )


def select_expression(column: Column, zero_dates: str = "fail") -> str:
    """The SELECT item that gives every value of ``column`` exactly, under its own name."""
    return f"{value_expression(column, zero_dates)} AS {identifiers.mysql(column.name)}"


def value_expression(column: Column, zero_dates: str = "fail") -> str:
    """The MySQL expression that gives every value of ``column`` exactly."""
    name = identifiers.mysql(column.name)
    kind = column.data_type
    if kind in INTEGERS or kind == "year":
        return f"CAST({name} AS {'CHAR' if _is_decimal_20(column) else 'SIGNED'})"
    if kind == "bit":
        return f"CAST(CAST({name} AS UNSIGNED) AS CHAR)"
    if kind in ("decimal", "time", "enum", "set", "json"):
        return f"CAST({name} AS CHAR)"
    if kind in ("float", "double"):
        return f"{name} + 0e0"
    if column.can_be_zero_date and zero_dates == "null":
        return f"IF(DAY({name}) = 0 OR MONTH({name}) = 0, NULL, {name})"
    return name


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
    return simple.get(redshift, pa.string())


def _decimal(column: Column) -> str:
    precision, scale = column.precision or 10, column.scale or 0
    if precision > DECIMAL_PRECISION or scale > DECIMAL_SCALE:
        raise SourceError(
            f"table {column.table}, column {column.name}: DECIMAL({precision},{scale}) does not "
            f"fit Redshift's DECIMAL({DECIMAL_PRECISION},{DECIMAL_SCALE}). "
            f'Leave it out: skip = ["{column.name}"] in the contract.'
        )
    # DECIMAL(19,0) holds no more than a signed 64-bit integer in Redshift.
    return f"DECIMAL({20 if precision == 19 else precision},{scale})"


def _is_decimal_20(column: Column) -> bool:
    return column.data_type == "bigint" and column.unsigned
