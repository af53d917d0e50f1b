"""What ``workbook bookmarks`` shows: where each table stands, and how it came there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from textwrap import fill
from typing import Any

from rich.table import Table as Picture

from etl_lib import ledger
from etl_lib.bookmarks import Bookmark
from etl_lib.contract import Table
from etl_lib.run import Run
from workbench.tables import Column, fits, fitted

NARROW = 26  # as a moment: a longer name of a run goes on in the next line, after a hyphen
COUNTS = ("loaded", "deleted", "quarantined")


def rows(run: Run) -> list[dict[str, Any]]:
    """One dict a table: where its bookmark stands, and whether the warehouse is behind it."""
    ages = _ages(run)
    return [_shown(run, table, ages) for table in run.tables]


def history(run: Run, table: Table, last: int) -> list[dict[str, Any]]:
    """What was loaded and what was changed by hand, the newest first."""
    found = [*_loads(run, table, last), *_changes(run, table)]
    return sorted(found, key=lambda row: str(row["at"]), reverse=True)[:last]


def stands(table: Table, mark: Bookmark) -> str:
    if not mark.version:
        return "no bookmark"
    if table.cursor:
        return mark.high or "the beginning"
    return "loaded in full" if mark.digest else "to be loaded in full"


def _shown(run: Run, table: Table, ages: Mapping[str, str]) -> dict[str, Any]:
    mark = run.bookmarks.get(table.name)
    return {
        "table": table.name,
        "stands at": stands(table, mark),
        "version": mark.version,
        "last run": mark.run_id,
        "open run": mark.open_run,
        "age": ages.get(table.name),
        "missing": bool(mark.run_id and not ledger.has(run, table.name, mark.run_id)),
    }


def _ages(run: Run) -> dict[str, str]:
    """Table -> how long ago a run has loaded it, be it nothing, by the warehouse's clock."""
    rows = run.warehouse.rows(
        "SELECT table_name, MAX(loaded_at) AS loaded, GETDATE() AS now FROM etl.ledger "
        "WHERE pipeline = :pipeline GROUP BY table_name",
        {"pipeline": run.contract.name},
    )
    moment = datetime.fromisoformat
    return {
        row["table_name"]: _age((moment(row["now"]) - moment(row["loaded"])).total_seconds())
        for row in rows
    }


def _age(seconds: float) -> str:
    for name, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds // length:.0f} {name}"
    return f"{max(0, seconds):.0f} s"


def _loads(run: Run, table: Table, last: int) -> Iterator[dict[str, Any]]:
    found = run.warehouse.rows(
        "SELECT loaded_at, run_id, mode, tier, low, high, loaded, deleted, quarantined "
        "FROM etl.ledger WHERE pipeline = :pipeline AND table_name = :name "
        f"ORDER BY loaded_at DESC, sequence DESC LIMIT {int(last)}",
        {"pipeline": run.contract.name, "name": table.name},
    )
    for row in found:
        yield {**row, "at": row["loaded_at"], "run": row["run_id"]}


def _changes(run: Run, table: Table) -> Iterator[dict[str, Any]]:
    for each in run.bookmarks.by_hand(table.name):
        stood = f"was {stands(table, each['was'])}"
        yield {"at": each["at"], "run": each["who"], "mode": each["why"], "low": stood}


def shown(found: Sequence[Mapping[str, Any]], width: int) -> Picture:
    """``rows`` on a terminal."""
    columns = [
        Column("table"),
        Column("stands at"),
        Column("version", 1, right=True),
        Column("last run"),
        *([Column("open run")] if any(row["open run"] for row in found) else []),
        Column("age", 2),
    ]
    whole = [[_text(row[column.name]) for column in columns] for row in found]
    if not fits(columns, whole, width):
        whole = [[row[0], _moment(row[1]), *row[2:]] for row in whole]
    return fitted(columns, whole, width)


def past(found: Sequence[Mapping[str, Any]], width: int) -> Picture:
    """``history`` on a terminal: what belongs together stands in one column."""
    columns = [Column(name) for name in ("when, by", "what, from, to", "rows")]
    return fitted(columns, [_cells(row) for row in found], width)


def _cells(row: Mapping[str, Any]) -> list[str]:
    by = f"{str(row['at'])[:19]}\n{fill(str(row['run']), NARROW)}"
    if "loaded" not in row:  # changed by hand
        return [by, f"{row['mode']}\n{row['low']}", "—"]
    tier = "" if row["tier"] == row["mode"] else f", {row['tier']}"
    span = f"{row['low'] or 'the beginning'}\n{row['high']}" if row["high"] else "as a whole"
    counts = "\n".join(f"{row[name]:,} {name}" for name in COUNTS if row[name])
    return [by, f"{row['mode']}{tier}\n{span}", counts or "none"]


def _moment(value: str) -> str:
    """In two lines, where it is one."""
    return value.replace(" ", "\n", 1) if value[:1].isdigit() else value


def _text(value: object) -> str:
    return "—" if value is None else str(value)
