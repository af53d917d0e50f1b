"""``workbook init``: a first table contract, written from a live database."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from etl_lib import identifiers, types
from etl_lib.errors import SourceError
from etl_lib.source import Source
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
        f"name = {json.dumps(source.database)}\n"
    )
    for table, engine in source.base_tables().items():
        keys = source.primary_key(table)
        if engine != "InnoDB" or not keys:
            reason = f"engine {engine}" if engine != "InnoDB" else "no primary key"
            made.warnings.append(f"table {table} left out: {reason}")
            continue
        made.text += "\n" + _section(source, table, keys, made.warnings)
        made.tables += 1
    if not made.tables:
        raise SourceError(f"{source.name} has no table that can be moved")
    return made


def _section(source: Source, table: str, keys: Sequence[str], warnings: list[str]) -> str:
    columns = source.columns(table)
    skipped = [column.name for column in columns if not _supported(column)]
    warnings += [f"table {table}: column {name} skipped: its type is not moved" for name in skipped]
    cursor = _cursor(columns)
    lines = [f"[tables.{_toml_key(table)}]", f"keys = {json.dumps(list(keys))}"]
    if cursor:
        lines += [f"cursor = {json.dumps(cursor)}", 'deletes = "sweep"']
    else:
        lines.append("# No column tells when a row changed: compared by checksum, loaded in full.")
    if skipped:
        lines.append(f"skip = {json.dumps(skipped)}")
    if not source.rows(f"SELECT 1 FROM {identifiers.mysql(table)} LIMIT 1"):
        lines.append("min_rows = 0 # it is empty now")
    return "\n".join(lines) + "\n"


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)


def _cursor(columns: Sequence[Column]) -> str | None:
    """A column that the server stamps by itself, or one whose name says so; never NULL."""
    temporal = {
        column.name.lower(): column.name
        for column in columns
        if column.data_type in ("datetime", "timestamp") and not column.nullable
    }
    return next((temporal[name] for name in CURSORS if name in temporal), None)


def _supported(column: Column) -> bool:
    try:
        types.redshift_type(column)
    except SourceError:
        return False
    return True
