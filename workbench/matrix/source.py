"""The matrix as a MySQL database, and as a contract."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pymysql.cursors import Cursor

from etl_lib.contract import Contract, parse
from etl_lib.identifiers import mysql
from workbench.matrix import names
from workbench.matrix.cells import CELLS, GROUPS, Cell
from workbench.mysql.server import Server

KEYS = "id INT PRIMARY KEY, at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6)"
NAMES = "names"
# Only what one day of 2024 needs: summer time began at 01:00 UTC on 31 March.
BERLIN = (
    "INSERT IGNORE INTO mysql.time_zone (Time_zone_id, Use_leap_seconds) VALUES (9001, 'N')",
    "INSERT IGNORE INTO mysql.time_zone_name VALUES ('Europe/Berlin', 9001)",
    "INSERT IGNORE INTO mysql.time_zone_transition_type VALUES (9001, 0, 3600, 0, 'CET'), "
    "(9001, 1, 7200, 1, 'CEST')",
    "INSERT IGNORE INTO mysql.time_zone_transition VALUES (9001, 1698541200, 0), "
    "(9001, 1711846800, 1), (9001, 1729990800, 0)",
)


@dataclass(frozen=True)
class Place:
    """Where a cell stands in the source."""

    table: str
    column: str


def places() -> dict[Cell, Place]:
    """Cells that move share a table by their group; each that is refused has its own."""
    found = {}
    for group, cells in GROUPS.items():
        for number, cell in enumerate(cells):
            table = f"refused_{group}_{number:03}" if cell.refused else group
            found[cell] = Place(table, f"c{number:03}")
    return found


def create(server: Server, database: str) -> None:
    with server.cursor() as cursor:
        for statement in (f"DROP DATABASE IF EXISTS {database}", f"CREATE DATABASE {database}"):
            cursor.execute(statement)
        for statement in BERLIN:
            cursor.execute(statement)
    with server.cursor(database) as cursor:
        _create_cells(cursor)
        _create_names(cursor)


def contract(only: Iterable[str] | None = None) -> tuple[str, Contract]:
    """The contract of all tables that move, or of ``only`` these; as text and parsed."""
    decisions: dict[str, dict[str, str]] = {}
    for cell, place in places().items():
        decided = decisions.setdefault(place.table, {})
        if cell.decision:
            decided[place.column] = cell.decision
    decisions |= {NAMES: {}} | {each.mysql: {} for each in names.TABLES}
    if only is None:
        refused = {each.mysql for each in names.TABLES if each.refused}
        only = [name for name in decisions if not name.startswith("refused_")]
        only = [name for name in only if name not in refused]
    text = 'name = "matrix"\n'
    text += "".join(_section(name, decisions.get(name, {})) for name in only)
    return text, parse(text, "the matrix")


def _section(table: str, decided: Mapping[str, str]) -> str:
    lines = [f"[tables.{_toml(table)}]", 'keys = ["id"]', 'cursor = "at"', 'deletes = "sweep"']
    pairs = ", ".join(f'{column} = "{decision}"' for column, decision in decided.items())
    return "\n".join([*lines, f"decide = {{{pairs}}}", ""])


def _toml(name: str) -> str:
    return json.dumps(name, ensure_ascii=False)


def _create_cells(cursor: Cursor) -> None:
    columns: dict[str, list[str]] = {}
    for cell, place in places().items():
        columns.setdefault(place.table, []).append(f"{place.column} {cell.type}")
    for table, listed in columns.items():
        cursor.execute(f"CREATE TABLE {table} ({KEYS}, {', '.join(listed)})")
        cursor.execute(f"INSERT INTO {table} (id) VALUES (1)")
    for cell, place in places().items():
        if cell.value == "DEFAULT":
            continue
        cursor.execute("SET sql_mode = %s, time_zone = %s", [cell.mode, cell.zone])
        cursor.execute(f"UPDATE {place.table} SET {place.column} = {cell.value} WHERE id = 1")
    cursor.execute("SET time_zone = '+00:00'")
    for table in columns:  # what sessions in other zones have stamped
        cursor.execute(f"UPDATE {table} SET at = NOW(6) - INTERVAL 1 MINUTE")


def _create_names(cursor: Cursor) -> None:
    kept = [each for each in names.COLUMNS if not each.refused]
    listed = ", ".join(
        f"{mysql(each.mysql)} INT DEFAULT {number}" for number, each in enumerate(kept)
    )
    cursor.execute(f"CREATE TABLE {NAMES} ({KEYS}, {listed})")
    cursor.execute(f"INSERT INTO {NAMES} (id) VALUES (1)")
    for number, each in enumerate(each for each in names.COLUMNS if each.refused):
        cursor.execute(f"CREATE TABLE refused_names_{number} ({KEYS}, {mysql(each.mysql)} INT)")
        cursor.execute(f"INSERT INTO refused_names_{number} (id) VALUES (1)")
    for each in names.TABLES:
        cursor.execute(f"CREATE TABLE {mysql(each.mysql)} ({KEYS}, v INT)")
        cursor.execute(f"INSERT INTO {mysql(each.mysql)} (id, v) VALUES (1, 7)")


assert len(places()) == len(CELLS), "a cell is there twice"
