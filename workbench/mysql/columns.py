"""Arrow columns of the types that MySQL has, from whole numbers."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from workbench.mysql.draw import Bools, Ints
from workbench.mysql.market import DAY, DAYS, EPOCH_DAY, FIRST_DAY


def take(values: Any, index: Any) -> pa.Array:
    return pa.array(values, pa.string()).take(pa.array(index))


def pick(weighted: Any, index: Ints) -> pa.Array:
    return take([value for value, _ in weighted], index)


def text(numbers: Ints) -> pa.Array:
    return pc.cast(pa.array(numbers), pa.string())


def join(parts: list[Any], separator: str) -> pa.Array:
    return pc.binary_join_element_wise(*parts, separator)


def where(condition: Bools, yes: Any, no: Any) -> pa.Array:
    return pc.if_else(pa.array(condition), yes, no)


def null_where(condition: Bools, values: pa.Array) -> pa.Array:
    return where(condition, pa.scalar(None, pa.string()), values)


def seconds(since_first_day: Ints) -> pa.Array:
    return pa.array(since_first_day + EPOCH_DAY * DAY).cast(pa.timestamp("s"))


def micros(since_first_day: Ints) -> pa.Array:
    return pa.array(since_first_day + EPOCH_DAY * DAY * 1_000_000).cast(pa.timestamp("us"))


def days(since_first_day: Ints) -> pa.Array:
    return pa.array((since_first_day + EPOCH_DAY).astype(np.int32)).cast(pa.date32())


def day_first(ordinal: Ints) -> pa.Array:
    names = [
        date.fromordinal(FIRST_DAY.toordinal() + day).strftime("%d/%m/%Y") for day in range(DAYS)
    ]
    return take(names, ordinal - FIRST_DAY.toordinal())


def decimal(unscaled: Ints, precision: int, scale: int, null: Bools | None = None) -> pa.Array:
    """``unscaled`` / 10**scale, exactly. An Arrow decimal is two 64-bit halves, low half first."""
    halves = np.stack([unscaled, unscaled >> 63], axis=1).astype("<i8")
    type_ = pa.decimal128(precision, scale)
    whole = pa.Array.from_buffers(type_, len(unscaled), [None, pa.py_buffer(halves.tobytes())])
    return whole if null is None else pc.if_else(pa.array(null), pa.scalar(None, type_), whole)
