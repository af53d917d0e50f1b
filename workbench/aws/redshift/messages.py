"""DuckDB's errors in Redshift's words."""

from __future__ import annotations

import re
from collections.abc import Collection

import duckdb

from workbench.aws.redshift.refusals import SqlError

# DuckDB's message: Redshift's.
MESSAGES = (
    (r"while executing the UDF: (?:SqlError|NotHere): (?:ERROR: )?(.*)", "{}"),
    (r"Cannot extract field 'super'", "navigation into a value that is not SUPER"),
    (r"STRUCT\(rank INTEGER", "This use of SUPER is not supported by the local Redshift"),
    (r"(?:Table|View) with name (\S+) does not exist", 'relation "{}" does not exist'),
    (r"Schema with name (\S+) does not exist", 'schema "{}" does not exist'),
    (
        r"(?:Table|View|Schema) with name \"?([^\s\"]+)\"? already exists",
        'relation "{}" already exists',
    ),
    (r"argument types 'strftime\(", "TO_CHAR of a number is not supported by the local Redshift"),
    (r"Function with name (\S+) does not exist", "function {}() does not exist"),
    (r'Referenced column "([^"]+)"', 'column "{}" does not exist'),
    (r'Table "[^"]+" does not have a column with name "([^"]+)"', 'column "{}" does not exist'),
    (r"Referenced update column (\S+) not found in table", 'column "{}" does not exist'),
    (r'Ambiguous reference to column name "([^"]+)"', 'column reference "{}" is ambiguous'),
    (r'Referenced table "([^"]+)"', 'invalid reference to FROM-clause entry for table "{}"'),
    (r"NOT NULL constraint failed: \S*?([^.\s]+)$", "Cannot insert a NULL value into column {}"),
    (
        r"CHECK constraint failed .*strlen\((\S+)\) <= (\d+)",
        "value too long for type character varying({1}) (column {0})",
    ),
    (
        r"CHECK constraint failed .*rs_bytes\((\S+)\) <= (\d+)",
        "value too long for type binary varying({1}) (column {0})",
    ),
    (r"CHECK constraint failed .*abs\(", "Numeric data overflow (result precision)"),
    (r"Could not convert string '(.*)' to INT\d+", 'invalid input syntax for integer: "{}"'),
    (r"CHECK constraint failed .*= length\(", "CHAR string contains invalid ASCII character"),
    (r"Cannot access file \"([^\"]+)\"", 'relation "{}" does not exist'),
    (
        r"cannot affect the same target row more than once",
        "Found multiple matches to update the same tuple.",
    ),
    (r"Divide by zero", "Divide by zero"),
    (
        r"^Out of Memory Error: ([^\n]*)",
        "Out of Memory, of which the local Redshift has 1 GB: {}. Take fewer rows at once",
    ),
    (r"INTERRUPT", "Query cancelled on user's request"),
)


def conflict(tables: Collection[str]) -> SqlError:
    told = ", ".join(sorted(tables))
    return SqlError(f"1023 DETAIL: Serializable isolation violation on table - {told}")


def translated(error: duckdb.Error, written: Collection[str] = ()) -> SqlError:
    """DuckDB's error in Redshift's words; where there are none, in DuckDB's.

    ``written``: the tables of the transaction, of which one is that of a conflict.
    """
    text = str(error)
    if isinstance(error, duckdb.TransactionException) and re.search("(?i)conflict|altered", text):
        return conflict(written)
    for pattern, message in MESSAGES:
        if match := re.search(pattern, text, re.M | re.S if "(.*)" in pattern else re.M):
            return SqlError(message.format(*match.groups()))
    return SqlError(text.split("\n")[0].partition(": ")[2] or text)
