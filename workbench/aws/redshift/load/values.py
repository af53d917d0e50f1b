"""Redshift's rules for a field of text: which value it is in its column, or why it is none."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_HALF_UP, Context, Decimal
from typing import Any

import pyarrow as pa

from workbench.aws.redshift.load import moments
from workbench.aws.redshift.load.options import Options
from workbench.aws.redshift.refusals import NotHere, SqlError, not_here
from workbench.aws.redshift.semistructured import STORAGE, parse

Parser = Callable[[str], object]

INTEGERS = {
    "SMALLINT": ("Short", 2**15),
    "INTEGER": ("Integer", 2**31),
    "BIGINT": ("Long", 2**63),
}
WHOLE = re.compile(r"-?\d+", re.ASCII)
EXACT = re.compile(r"-?(?:\d+\.?\d*|\.\d+)", re.ASCII)
FLOATING = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?|NaN|-?Infinity", re.ASCII)
FLOAT_MAX = 3.4028235677973366e38  # of 4 bytes, with what still rounds down to it
TRUE = {"t", "true", "y", "yes", "1"}
FALSE = {"f", "false", "n", "no", "0"}
BAD = re.compile("[\udc80-\udcff]+|\0")
HALF = re.compile("[\ud800-\udfff]")
# What is UTF-8 and no character: ACCEPTINVCHARS replaces it too.
INVALID = re.compile(
    "[\udc80-\udcff\ufdd0-\ufdef"
    + "".join(chr(plane + end) for plane in range(0, 0x110000, 0x10000) for end in (0xFFFE, 0xFFFF))
    + "]"
)
# DuckDB's name of a type: the one in stl_load_errors, and Arrow's type.
TYPES: dict[str, tuple[str, pa.DataType]] = {
    "BOOLEAN": ("bool", pa.bool_()),
    "SMALLINT": ("int2", pa.int16()),
    "INTEGER": ("int4", pa.int32()),
    "BIGINT": ("int8", pa.int64()),
    "FLOAT": ("float4", pa.float32()),
    "DOUBLE": ("float8", pa.float64()),
    "DATE": ("date", pa.date32()),
    "TIMESTAMP": ("timestamp", pa.timestamp("us")),
    "TIMESTAMP WITH TIME ZONE": ("timestamptz", pa.timestamp("us", tz="UTC")),
    "TIME": ("time", pa.time64("us")),
    "VARCHAR": ("varchar", pa.string()),
    "BLOB": ("varbyte", pa.binary()),
    STORAGE: ("super", pa.string()),  # as JSON, of which the INSERT makes what is stored
}


class Misfit(Exception):
    """Why a row is not loaded: the code and the reason that stl_load_errors shows."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(frozen=True)
class Field:
    """A column to be filled."""

    name: str
    kind: str  # DuckDB's
    length: int  # of a text or binary, in bytes
    char: bool
    nullable: bool

    @property
    def decimal(self) -> tuple[int, int] | None:
        """Precision and scale."""
        if not self.kind.startswith("DECIMAL("):
            return None
        precision, scale = map(int, self.kind[8:-1].split(","))
        return precision, scale

    @property
    def semistructured(self) -> bool:
        return self.kind == STORAGE

    @property
    def arrow(self) -> pa.DataType:
        if self.decimal:
            return pa.decimal128(*self.decimal)
        if self.kind not in TYPES:
            raise not_here(f"COPY of text into a column of type {self.kind}")
        return TYPES[self.kind][1]

    @property
    def type_name(self) -> str:
        return "numeric" if self.decimal else "char" if self.char else TYPES[self.kind][0]

    @property
    def type_length(self) -> str:
        """Filled where a type has a length."""
        if self.decimal:
            return "{}, {}".format(*self.decimal)
        return str(self.length) if self.kind in ("VARCHAR", "BLOB") else "0"


def converter(field: Field, options: Options) -> Callable[[str | None], Any]:
    """What makes the column's value of a field; None stands for NULL. Raises Misfit."""
    parse, text = _parser(field, options), field.kind == "VARCHAR"
    null = options.null if options.form != "JSON" else None

    def convert(value: str | None) -> object:
        if value is None or value == null or _is_null(value, text, options):
            found = None
        elif "\0" in value and null == "\0":
            raise Misfit(1218, "NULL AS '\\0': a field holds more than the NUL")
        else:
            found = parse(value)
        if found is None and not field.nullable:
            raise Misfit(1213, "Missing data for not-null field")
        return found

    return convert


def _is_null(value: str, text: bool, options: Options) -> bool:
    if not text:
        return not value or value.isspace()
    return (options.empty_as_null and not value) or (options.blanks_as_null and value.isspace())


def _parser(field: Field, options: Options) -> Parser:
    if field.kind == "VARCHAR":
        return _char(field, options) if field.char else _varchar(field, options)
    if field.kind in INTEGERS:
        return _integer(*INTEGERS[field.kind])
    if field.decimal:
        return _decimal(*field.decimal, options)
    if field.kind in ("FLOAT", "DOUBLE"):
        return _floating(math.inf if field.kind == "DOUBLE" else FLOAT_MAX)
    if field.semistructured:
        return _super
    if field.kind in ("DATE", "TIME") or field.kind.startswith("TIMESTAMP"):
        return _moment(field.kind, options)
    return _boolean if field.kind == "BOOLEAN" else _binary(field)


def _varchar(field: Field, options: Options) -> Parser:
    def parse(text: str) -> str:
        text = text.rstrip() if options.trim else text
        if options.replacement and not text.isascii():
            text = INVALID.sub(lambda bad: options.replacement * _bytes(bad[0]), text)
        if bad := BAD.search(text):
            raise _not_utf8(bad[0])
        if len(text) * 4 <= field.length or len(text.encode()) <= field.length:
            return text
        if options.truncate:
            return text.encode()[: field.length].decode(errors="ignore")
        raise Misfit(1204, "String length exceeds DDL length")

    return parse


def _char(field: Field, options: Options) -> Parser:
    def parse(text: str) -> str:
        if "\0" in text:
            raise _not_utf8("\0")
        if not text.isascii():
            first = next(at for at, each in enumerate(text) if not each.isascii())
            found = text[first : first + 1].encode(errors="surrogateescape").hex(" ")
            hint = "(Hint: Try using VARCHAR)"
            raise Misfit(
                1220, f"Multibyte character not supported for CHAR {hint}. Invalid char: {found}"
            )
        text = text.rstrip(" ")  # blanks that fill a CHAR mean nothing
        if len(text) > field.length and not options.truncate:
            raise Misfit(1204, "Char length exceeds DDL length")
        return text[: field.length]

    return parse


def _bytes(character: str) -> int:
    return len(character.encode(errors="surrogateescape"))


def _not_utf8(bad: str) -> Misfit:
    found = bad.encode(errors="surrogateescape")
    number = 1 if found[0] >= 0xF8 else 2 if found[0] >= 0xC2 else 3
    return Misfit(
        1220,
        "String contains invalid or unsupported UTF-8 codepoints. "
        f"Bad UTF-8 hex sequence: {found[:4].hex(' ')} (error {number})",
    )


def _digit(text: str, name: str, fits: re.Pattern[str]) -> Misfit:
    """The first character that is no part of a number."""
    match = fits.match(text)
    at = match.end() if match else len(text) - len(text.lstrip("-"))
    shown = text[at : at + 1] if text.isascii() else "."
    return Misfit(1207, f"Invalid digit, Value '{shown}', Pos {at}, Type: {name}")


def _integer(name: str, beyond: int) -> Parser:
    def parse(text: str) -> int:
        if not WHOLE.fullmatch(text):
            raise _digit(text, name, WHOLE)
        digits = text.lstrip("-0") or "0"
        value = int(digits[:20]) * (-1 if text[0] == "-" else 1)
        if len(digits) > 19 or not -beyond <= value < beyond:
            raise Misfit(1222, f"Overflow, Type: {name}")
        return value

    return parse


def _decimal(precision: int, scale: int, options: Options) -> Parser:
    rounding = ROUND_HALF_UP if options.round else ROUND_DOWN
    unit, beyond = Decimal(1).scaleb(-scale), Decimal(10) ** (precision - scale)
    if precision <= 19:  # held in 8 bytes
        beyond = min(beyond, Decimal(2**63).scaleb(-scale, Context(prec=60)))

    def parse(text: str) -> Decimal:
        if not EXACT.fullmatch(text):
            raise _digit(text, "Decimal", EXACT)
        context = Context(prec=len(text) + scale + 2, rounding=rounding)
        value = Decimal(text).quantize(unit, context=context)
        if value.copy_abs() >= beyond:  # abs() would round
            raise Misfit(1204, f"Overflow for NUMERIC({precision},{scale})")
        return value

    return parse


def _floating(most: float) -> Parser:
    def parse(text: str) -> float:
        if not FLOATING.fullmatch(text):
            reason = _digit(text, "Float", FLOATING).reason
            raise Misfit(1208, reason)
        value = float(text)
        written = text.lower().partition("e")[0]
        vanished = value == 0 and written.strip("+-0.")
        overflown = math.isinf(value) and "Inf" not in text
        if vanished or overflown or (most < abs(value) < math.inf):
            raise Misfit(1204, "Value out of range for a floating-point column")
        return value

    return parse


def _boolean(text: str) -> bool:
    word = text.lower()
    if word not in TRUE and word not in FALSE:
        raise Misfit(1210, "Unknown boolean format")
    return word in TRUE


def _binary(field: Field) -> Parser:
    def parse(text: str) -> bytes:
        if not re.fullmatch(r"(?:[0-9a-fA-F]{2})*", text):
            raise Misfit(1219, "VARBYTE: hexadecimal digits in pairs are expected")
        if len(text) // 2 > field.length:
            raise Misfit(1204, "Varbyte length exceeds DDL length")
        return bytes.fromhex(text)

    return parse


def _super(text: str) -> str | None:
    """JSON's null is NULL, as it is to JSON_PARSE here."""
    if bad := BAD.search(text):
        raise _not_utf8(bad[0])
    try:
        found = parse(text)
    except NotHere:
        raise
    except SqlError as error:
        raise Misfit(1224, f"SUPER: {str(error).removeprefix('ERROR: ')}") from None
    if HALF.search(found):
        raise Misfit(1224, "SUPER: half of a surrogate pair")
    return None if found == "null" else found


def _moment(kind: str, options: Options) -> Parser:
    default = "YYYY-MM-DD HH:MI:SS"
    form = options.date_format if kind == "DATE" else options.time_format
    if kind == "DATE":
        read, shape = moments.reader(form, "YYYY-MM-DD"), form or "YYYY-MM-DD"
    elif kind == "TIME":  # no option names its form
        read, shape = moments.reader("", "YYYY-MM-DD HH:MI:SS"), "HH24:MI:SS"
    else:
        zone = "OF" if kind != "TIMESTAMP" else ""
        read, shape = moments.reader(form, default + zone), form or "YYYY-MM-DD HH24:MI:SS"

    def parse(text: str) -> object:
        try:
            return _of_kind(read(f"2000-01-01 {text}" if kind == "TIME" else text), kind, text)
        except (ValueError, OverflowError):
            if options.any_date and kind != "TIME":
                return None
            raise _no_moment(text, kind, shape, not form) from None

    return parse


def _of_kind(found: datetime.datetime, kind: str, text: str) -> object:
    if kind == "TIMESTAMP WITH TIME ZONE":
        moment = found if found.tzinfo else found.replace(tzinfo=datetime.UTC)
        return moment.astimezone(datetime.UTC)
    if found.utcoffset():
        raise not_here(f"The time zone of {text[:40]!r} in a {kind}")
    plain = found.replace(tzinfo=None)
    return plain.date() if kind == "DATE" else plain.time() if kind == "TIME" else plain


def _no_moment(text: str, kind: str, shape: str, default: bool) -> Misfit:
    if kind == "DATE":
        short = default and len(text) < 10
        why = "Invalid Date Format - length must be 10 or more" if short else ""
        return Misfit(1205, why or f"Invalid date format or value [{shape}]")
    return Misfit(
        1206, f"Invalid {'time' if kind == 'TIME' else 'timestamp'} format or value [{shape}]"
    )
