"""``workbook init``: a first table contract, written from a live database."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from etl_lib import contract, decisions, identifiers, privileges, types
from etl_lib.errors import SourceError
from etl_lib.source import Source, check_characters
from etl_lib.types import Column

# Names that mean "when this row was last written", the likeliest first.
CURSORS = (
    "updated_at",
    "last_update",
    "last_updated",
    "last_modified",
    "last_modified_timestamp",
    "modified_at",
    "update_time",
)


@dataclass
class Draft:
    """The text of a contract and what a person should know about it."""

    text: str = ""
    tables: int = 0
    warnings: list[str] = field(default_factory=list)


def draft(source: Source) -> Draft:
    """Write a contract for every base table of ``source`` that has a primary key."""
    made = Draft(
        text=f"# The table contract of {source.name}, written by `workbook init`. Yours to edit.\n"
        f"name = {json.dumps(_name(source.database))}\n"
    )
    for table, engine in source.base_tables().items():
        keys = source.primary_key(table)
        odd = bool(set(table) & set(identifiers.REFUSED))
        if engine != "InnoDB" or not keys or odd:
            reason = (
                "its name"
                if odd
                else "no primary key"
                if engine == "InnoDB"
                else f"engine {engine}"
            )
            made.warnings.append(f"table {table} left out: {reason}")
            continue
        made.text += "\n" + _section(source, table, keys, made.warnings)
        made.tables += 1
    if not made.tables:
        raise SourceError(f"{source.name} has no table that can be moved")
    if "\ncursor = " in made.text and (told := privileges.hidden(source, contract.Table.lag)):
        made.warnings.append(told)
    return made


def _section(source: Source, table: str, keys: Sequence[str], warnings: list[str]) -> str:
    columns = source.columns(table)
    decided = {column.name: _decided(column) for column in columns if not _supported(column)}
    skipped = [name for name, decision in decided.items() if not decision]
    decided = {name: decision for name, decision in decided.items() if decision}
    warnings += [f"table {table}: column {n} is read as {d}" for n, d in decided.items()]
    warnings += [f"table {table}: column {name} skipped: not supported" for name in skipped]
    cursor = _cursor(columns)
    lines = [f"[tables.{_toml_key(table)}]", f"keys = {json.dumps(list(keys))}"]
    if cursor:
        lines += [f"cursor = {json.dumps(cursor.name)}", 'deletes = "sweep"']
        if not cursor.stamped:
            lines.append("lookback = 600 # seconds: an application stamps the rows, maybe late")
            warnings.append(
                f"table {table}: the server does not set {cursor.name}: rows that are stamped more "
                "than lookback = 600 seconds late are not seen"
            )
    else:
        lines += _without_cursor([each for each in columns if each.name not in skipped])
    if decided:
        pairs = ", ".join(f"{_toml_key(name)} = {json.dumps(d)}" for name, d in decided.items())
        lines.append(f"decide = {{ {pairs} }} # Redshift has no such types")
    if skipped:
        lines.append(f"skip = {json.dumps(skipped)}")
    if not source.rows(f"SELECT 1 FROM {identifiers.mysql(table)} LIMIT 1"):
        lines.append("min_rows = 0 # it is empty now")
    return "\n".join(lines) + "\n"


def _without_cursor(columns: Sequence[Column]) -> list[str]:
    """What is done with such a table, and what a person who knows it may write instead."""
    lines = ["# No known column tells of changes: compared by checksum, loaded in full."]
    lines += [
        f"# {column.name} would, if it could not be NULL: a row without a stamp is never seen."
        for column in columns
        if column.nullable and _cursor([replace(column, nullable=False)])
    ]
    lines += [
        f"# If no row is ever changed or deleted: cursor = {json.dumps(column.name)} and "
        "append_only = true move new rows alone, with the PROCESS privilege."
        for column in columns
        if column.numbered
    ]
    return lines


def _name(database: str) -> str:
    """The database's name as a contract's: letters, digits, _, - and . only."""
    return re.sub(r"^\W|[^\w.-]", "_", database)[:64]


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _cursor(columns: Sequence[Column]) -> Column | None:
    """A column that the server sets at every change, or one whose name says so; never NULL."""
    temporal = {
        column.name.lower(): column
        for column in columns
        if column.data_type in ("datetime", "timestamp") and not column.nullable
    }
    known = [temporal[name] for name in CURSORS if name in temporal]
    by_server = [column for column in temporal.values() if column.renewed]
    return next(iter([*by_server, *known]), None)


def _decided(column: Column) -> str:
    """A decision by which the column can move after all, and loses no value; empty if none."""
    for decision in ("binary", "text"):
        if _supported(replace(column, decision=decision)):
            return decision
    return ""


def _supported(column: Column) -> bool:
    try:
        decisions.check(column)
        types.redshift_type(column)
        check_characters(column.name, "")
    except SourceError:
        return False
    return True
