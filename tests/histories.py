"""Random histories on a real server: writers that commit late, wait and roll back; runs between.

A history has a table of its own. Writer threads work on it while runs plan windows with etl_lib,
read them and apply them as the load does. At the end, two quiet runs; then the copy must be the
source, row by row. Seeded: the same seed makes the same statements, if not the same interleaving.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import pymysql

from etl_lib import window
from etl_lib.contract import Table
from etl_lib.source import Source, checked_columns
from etl_lib.types import Column
from workbench.mysql.server import Server

DATABASE = "histories"
KEYS = 8
WRITERS = 3
LONGEST_WAIT = 0.08  # seconds between two statements of a transaction

# (what to read, its parameters, where the next run begins)
Planned = tuple[str, Sequence[str], str | None]
Planner = Callable[[Source, Table, Sequence[Column], str | None], Planned]


def planner(source: Source, table: Table, columns: Sequence[Column], low: str | None) -> Planned:
    """The real one."""
    planned = window.incremental(source, table, columns, low, None)
    where, parameters = window.predicate(table, planned)
    return where, parameters, planned.high


@dataclass
class History:
    """One table, its writers, its runs. ``wrong`` names the keys that differ at the end."""

    server: Server
    source: Source
    seed: int
    planner: Planner
    copy: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    low: str | None = None
    repeat: str = ""  # of a second quiet run: what it still moved

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.fraction = self.random.choice((0, 3, 6, 6, 6))
        self.name = f"h{self.seed}"
        self.table = Table(name=self.name, keys=("id",), cursor="at", min_rows=0)

    def run(self) -> list[int]:
        """Live it; the keys whose rows are lost, stale or too many in the copy."""
        stamp = f"DATETIME({self.fraction})"
        now = f"NOW({self.fraction})"
        with self.server.cursor(DATABASE) as cursor:
            cursor.execute(
                f"CREATE TABLE {self.name} (id INT PRIMARY KEY, note VARCHAR(20), "
                f"at {stamp} NOT NULL DEFAULT {now} ON UPDATE {now}, KEY (at))"
            )
            cursor.execute(f"INSERT INTO {self.name} (id, note) VALUES (0, 'first')")
        self._live()
        self._settle()
        with self.server.cursor(DATABASE) as cursor:
            cursor.execute(f"SELECT id, note, at FROM {self.name}")
            truth = {row[0]: tuple(row) for row in cursor.fetchall()}
            cursor.execute(f"DROP TABLE {self.name}")
        return sorted(key for key in {*truth, *self.copy} if truth.get(key) != self.copy.get(key))

    def _live(self) -> None:
        seeds = [self.random.random() for _ in range(WRITERS)]
        writers = [threading.Thread(target=self._write, args=(seed,)) for seed in seeds]
        if self.random.random() < 0.4:
            writers.append(threading.Thread(target=self._lock, args=(self.random.random(),)))
        for writer in writers:
            writer.start()
        while any(writer.is_alive() for writer in writers):
            self._extract()
            time.sleep(self.random.uniform(0, 0.05))
        for writer in writers:
            writer.join()

    def _settle(self) -> None:
        """Two runs after the last tick has ended; the second finds nothing."""
        for _ in range(2):
            time.sleep(1.05 if self.fraction == 0 else 0.01)
            before = dict(self.copy)
            self._extract()
        if before != self.copy:
            self.repeat = f"the second quiet run moved {before} to {self.copy}"

    # -- one run

    def _extract(self) -> None:
        columns = checked_columns(self.source, self.table)
        where, parameters, high = self.planner(self.source, self.table, columns, self.low)
        if self.random.random() < 0.3:
            self._read(where, parameters)  # an attempt that died: its plan stands
        rows, keys = self._read(where, parameters)
        self.copy.update({row[0]: row for row in rows})
        for gone in set(self.copy) - keys:
            del self.copy[gone]
        self.low = high

    def _read(
        self, where: str, parameters: Sequence[str]
    ) -> tuple[list[tuple[Any, ...]], set[int]]:
        rows = self.source.rows(f"SELECT id, note, at FROM {self.name} WHERE {where}", parameters)
        keys = self.source.rows(f"SELECT id FROM {self.name}")
        return [tuple(row.values()) for row in rows], {row["id"] for row in keys}

    # -- writers

    def _write(self, seed: float) -> None:
        mine = random.Random(seed)
        with self.server.connect(DATABASE) as connection, connection.cursor() as cursor:
            cursor.execute("SET innodb_lock_wait_timeout = 1")
            for number in range(mine.randint(2, 5)):
                with suppress(pymysql.err.OperationalError, pymysql.err.IntegrityError):
                    self._transact(connection, cursor, mine, f"{seed:.6f}/{number}"[:18])
                connection.rollback()
                time.sleep(mine.uniform(0, 0.03))

    def _transact(self, connection: Any, cursor: Any, mine: random.Random, note: str) -> None:
        held = self.fraction == 0 and mine.random() < 0.3  # into the next second
        if held:  # two versions of one row with one stamp, the second committed late
            key = mine.randrange(KEYS)
            self._change(cursor, "replace", key, note)
            connection.commit()
            self._change(cursor, "update", key, note + "b")
            time.sleep(1.1)
        elif mine.random() < 0.1:
            return self._in_xa(cursor, mine, note)
        for _ in range(0 if held else mine.randint(1, 3)):
            kind = mine.choice(("replace", "update", "update", "delete"))
            self._change(cursor, kind, mine.randrange(KEYS), note + mine.choice("xyz"))
            time.sleep(mine.uniform(0, LONGEST_WAIT))
        if mine.random() < 0.85:
            connection.commit()

    def _in_xa(self, cursor: Any, mine: random.Random, note: str) -> None:
        name = f"'{self.name}-{threading.get_ident()}-{note}'"
        cursor.execute(f"XA START {name}")
        self._change(cursor, "update", mine.randrange(KEYS), note)
        cursor.execute(f"XA END {name}")
        cursor.execute(f"XA PREPARE {name}")
        time.sleep(mine.uniform(0, LONGEST_WAIT))
        cursor.execute(f"XA {mine.choice(('COMMIT', 'ROLLBACK'))} {name}")

    def _change(self, cursor: Any, kind: str, key: int, note: str) -> None:
        statements = {
            "replace": f"INSERT INTO {self.name} (id, note) VALUES (%s, %s) "
            "ON DUPLICATE KEY UPDATE note = VALUES(note)",
            "update": f"UPDATE {self.name} SET note = %s WHERE id = %s",
            "delete": f"DELETE FROM {self.name} WHERE id = %s",
        }
        arguments = {"replace": [key, note], "update": [note, key], "delete": [key]}
        cursor.execute(statements[kind], arguments[kind])

    def _lock(self, seed: float) -> None:
        """Metadata-lock waits: statements begin, are stamped, and wait to be let in."""
        mine = random.Random(seed)
        with self.server.connect(DATABASE) as connection, connection.cursor() as cursor:
            for _ in range(2):
                time.sleep(mine.uniform(0, 0.1))
                with suppress(pymysql.err.OperationalError):
                    cursor.execute("SET lock_wait_timeout = 1")
                    cursor.execute(f"LOCK TABLES {self.name} READ")
                    time.sleep(mine.uniform(0.02, 0.1))
                    cursor.execute("UNLOCK TABLES")


@dataclass
class Result:
    """``wrong``: seed -> the keys that differ. ``restless``: seed -> what a quiet run moved."""

    histories: int
    seconds: float
    wrong: dict[int, list[int]]
    restless: dict[int, str]


def live(
    server: Server,
    seeds: Sequence[int],
    plan: Planner = planner,
    at_once: int = 6,
    stop_at_first: bool = False,
) -> Result:
    """Live many histories, some side by side."""
    with server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    secret = server.secret(DATABASE)
    source = Source(
        secret["host"], secret["port"], secret["username"], secret["password"], DATABASE
    )
    result, begun = Result(0, 0.0, {}, {}), time.perf_counter()

    def one(seed: int) -> None:
        if stop_at_first and result.wrong:
            return
        history = History(server, source, seed, plan)
        wrong = history.run()
        result.histories += 1
        if wrong:
            result.wrong[seed] = wrong
        if history.repeat:
            result.restless[seed] = history.repeat

    with ThreadPoolExecutor(at_once) as pool:
        list(pool.map(one, seeds))
    result.seconds = round(time.perf_counter() - begun, 1)
    return result
