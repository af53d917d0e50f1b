"""Play the matrix: move every value on every path, and read back what arrived."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from etl_lib import backfill, planning, reading, repair, staging, window
from etl_lib.contract import Table
from etl_lib.drift import spelled
from etl_lib.errors import EtlError
from etl_lib.identifiers import redshift
from etl_lib.planning import store_shapes
from etl_lib.run import Run
from etl_lib.source import checked_columns
from workbench import comparison, layers
from workbench.drill.lane import Lane
from workbench.matrix import names, source
from workbench.matrix.cells import CELLS, GROUPS, Cell
from workbench.matrix.names import Name
from workbench.preparation import STAGES

SHORT = 300  # characters
LONG = 60_000  # bytes: more than the Data API returns of a row
PIECE = 32_000  # bytes whose hexadecimal digits a VARCHAR holds
MOVING = STAGES[:4]
Rows = Callable[[str], list[dict[str, Any]]]


@dataclass
class Outcome:
    """What became of a cell: on each path the text that arrived, or the message of a refusal."""

    cell: Cell
    redshift: str = ""
    refused: str = ""
    arrived: dict[str, str | None] = field(default_factory=dict)

    @property
    def wrong(self) -> list[str]:
        if self.cell.refused:
            return [] if self.cell.refused in self.refused else [f"not refused: {self.refused}"]
        if self.refused:
            return [f"refused: {self.refused}"]
        expected = _shortened(self.cell.expected)
        return [
            f"{path}: {found!r}, not {expected!r}"
            for path, found in self.arrived.items()
            if found != expected
        ] or ([] if self.arrived else ["never moved"])


@dataclass
class Named:
    """What became of a name."""

    kind: str
    name: Name
    refused: str = ""
    found: bool = False

    @property
    def wrong(self) -> bool:
        return self.name.refused not in self.refused if self.name.refused else not self.found


@dataclass
class Matrix:
    """All outcomes, and which tables the checksums of reconcile did not find equal."""

    outcomes: list[Outcome]
    names: list[Named]
    differing: list[str] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        wrong = any(each.wrong for each in self.outcomes) or any(each.wrong for each in self.names)
        return not wrong and not self.differing


def play(lane: Lane, again: bool = True) -> Matrix:
    """Play it in a lane that has begun, whose source is the matrix; ``again`` by a repair and by a
    backfill, too."""
    matrix = Matrix([Outcome(cell) for cell in CELLS], [*_names("column"), *_names("table")])
    lane.run(lane.new_run())
    _read(lane, matrix, "run")
    matrix.differing += _differing(lane)
    for path, move in (("repair", _repair), ("backfill", _backfill)) if again else ():
        _lose(lane)
        move(lane)
        _read(lane, matrix, path)
        matrix.differing += [f"after the {path}: {each}" for each in _differing(lane)]
    _refuse(lane, matrix)
    return matrix


def _names(kind: str) -> Iterator[Named]:
    for each in names.COLUMNS if kind == "column" else names.TABLES:
        yield Named(kind, each)


def _read(lane: Lane, matrix: Matrix, path: str) -> None:
    """What is in the warehouse, by cell and by name."""
    rows = lane.opened("read")[0].warehouse.rows
    kinds = _types(rows)
    places = source.places()
    moving = [each for each in matrix.outcomes if not each.cell.refused]
    for table in dict.fromkeys(places[each.cell].table for each in moving):
        own = {places[e.cell].column: e for e in moving if places[e.cell].table == table}
        for layer in ("raw", "curated"):
            found = _values(rows, redshift(layer, table), own)
            for column, outcome in own.items():
                outcome.arrived[f"{layer}, {path}"] = found[column]
                outcome.redshift = kinds.get((table, column), "")
    kept = [each for each in matrix.names if not each.name.refused]
    for number, named in enumerate(each for each in kept if each.kind == "column"):
        named.found = (source.NAMES, named.name.redshift) in kinds and number == _only(
            rows, named.name.redshift, redshift("raw", source.NAMES)
        )
    for named in kept:
        if named.kind == "table":
            named.found = _only(rows, "v", redshift("raw", named.name.redshift)) == 7


def _types(rows: Rows) -> dict[tuple[str, str], str]:
    """(table, column) -> type, of raw."""
    found = rows(
        "SELECT table_name, column_name, data_type, character_maximum_length AS length, "
        "numeric_precision AS digits, numeric_scale AS scale FROM svv_columns "
        "WHERE table_schema = 'raw'"
    )
    return {(str(each["table_name"]), str(each["column_name"])): spelled(each) for each in found}


def _only(rows: Rows, column: str, table: str) -> Any:
    """The value of a column in a table of one row."""
    found = rows(f"SELECT {redshift(column)} AS v FROM {table}")
    return found[0]["v"] if len(found) == 1 else None


def _values(rows: Rows, table: str, own: Mapping[str, Outcome]) -> dict[str, str | None]:
    """The texts of these columns in a table of one row; a long value by itself, since the Data API
    returns rows of 64 KB."""
    long = [column for column, each in own.items() if len(each.cell.expected or "") > SHORT]
    short = ", ".join(column for column in own if column not in long)
    found = rows(f"SELECT {short} FROM {table}")
    assert len(found) == 1, f"{table}: {len(found)} rows"
    texts = {name: _text(value) for name, value in found[0].items()}
    return texts | {column: _long(rows, table, column) for column in long}


def _long(rows: Rows, table: str, column: str) -> str | None:
    try:
        return _shortened(_text(rows(f"SELECT {column} AS v FROM {table}")[0]["v"]))
    except EtlError as error:
        if "exceeds the Data API" not in str(error):
            raise
    hashes = [
        f"MD5(TO_HEX(SUBSTRING({column}, {start}, {PIECE}))) AS p{start}"
        for start in range(1, 1_024_001, PIECE)
    ]
    row = rows(f"SELECT {', '.join(hashes)} FROM {table}")[0]
    return "md5 " + _md5("".join(map(str, row.values())))


def _text(value: Any) -> str | None:
    return value.hex() if isinstance(value, bytes) else None if value is None else str(value)


def _shortened(text: str | None) -> str | None:
    """A long value of hexadecimal digits as the checksum that the warehouse makes of it."""
    if text is None or len(text) <= 2 * LONG:
        return text
    digits = [text[2 * at : 2 * (at + PIECE)] for at in range(0, 1_024_000, PIECE)]
    parts = [_md5(each) for each in digits]
    return "md5 " + _md5("".join(parts))


def _differing(lane: Lane) -> list[str]:
    """Tables that reconcile's checksums do not find equal on both sides."""
    run, reader = lane.opened("reconcile")
    found = []
    for table in run.tables:
        compared = comparison.compare(run, reader, table)
        assert compared is not None
        if compared.damaged or compared.pending:
            found.append(table.name)
        columns = run.bookmarks.get(table.name).columns
        if layers.compare(run, table, json.loads(columns or "")).damaged:
            found.append(f"{table.name}, curated")
    return found


def _lose(lane: Lane) -> None:
    """Empty the tables of the values in the warehouse."""
    run, _ = lane.opened("lose")
    for table in _valued(run):
        for name in (staging.raw_table(table), staging.curated_table(table)):
            run.warehouse.rows(f"DELETE FROM {name}")


def _repair(lane: Lane) -> None:
    run_id = lane.new_run()
    run, reader = lane.opened(run_id)
    for table in _valued(run):
        repair.store(run, table, [("1",)])
    store_shapes(run, reader)
    lane.run(run_id, MOVING, tables=",".join(GROUPS))


def _backfill(lane: Lane) -> None:
    run_id = lane.new_run()
    run, reader = lane.opened(run_id)
    for table in _valued(run):
        assert backfill.plan(run, reader, table, "", "").window.rows
    lane.run(run_id, MOVING, tables=",".join(GROUPS))


def _valued(run: Run) -> list[Table]:
    return [table for table in run.tables if table.name in GROUPS]


def _refuse(lane: Lane, matrix: Matrix) -> None:
    places = source.places()
    for outcome in matrix.outcomes:
        if outcome.cell.refused:
            outcome.refused = _refusal(lane, places[outcome.cell].table)
    refused = [each for each in matrix.names if each.name.refused]
    for number, named in enumerate(each for each in refused if each.kind == "column"):
        named.refused = _refusal(lane, f"refused_names_{number}")
    for named in refused:
        if named.kind == "table":
            named.refused = _refusal(lane, named.name.mysql)


def _refusal(lane: Lane, table: str) -> str:
    """The message with which the planning or the reading of a table ends."""
    reader = lane.opened("refusal")[1]
    try:
        chosen = source.contract([table])[1].tables[table]
        for _ in reading.batches(reader, _query(reader, chosen)):
            pass
    except EtlError as error:
        return str(error)
    return ""


def _query(reader: Any, table: Table) -> reading.Query:
    columns = checked_columns(reader, table)
    window.full(reader, table, columns, None)
    return reading.select(reader, table, planning.described(columns, table), "TRUE")


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
