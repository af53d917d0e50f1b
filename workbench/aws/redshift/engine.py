"""The warehouse: one DuckDB file; a cursor and a transaction for each statement or batch."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

from workbench.aws.redshift import copy
from workbench.aws.redshift.dialect import Translated
from workbench.aws.redshift.refusals import SqlError

DEFAULT_SCHEMA = "public"
PREPARE = (
    f"CREATE SCHEMA IF NOT EXISTS {DEFAULT_SCHEMA}",
    "CREATE OR REPLACE MACRO main.rs_now() AS CAST(now() AS TIMESTAMP)",
    """CREATE OR REPLACE VIEW main.rs_svv_tables AS
        SELECT 'dev' AS table_catalog, table_schema, table_name, table_type, NULL AS remarks
        FROM information_schema.tables WHERE table_schema <> 'main'""",
    """CREATE OR REPLACE VIEW main.rs_svv_columns AS
        SELECT 'dev' AS table_catalog, table_schema, table_name, column_name, ordinal_position,
            column_default, is_nullable,
            CASE lower(data_type) WHEN 'varchar' THEN 'character varying'
                WHEN 'timestamp' THEN 'timestamp without time zone'
                WHEN 'double' THEN 'double precision'
                ELSE regexp_replace(lower(data_type), 'decimal.*', 'numeric') END AS data_type,
            numeric_precision, numeric_scale
        FROM information_schema.columns WHERE table_schema <> 'main'""",
)


class Warehouse:
    """The database file and what its transactions share."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.locks = Locks()
        self._database = duckdb.connect(
            str(state / "warehouse.duckdb"),
            config={
                "memory_limit": "1GB",
                "threads": 2,
                "preserve_insertion_order": False,
                "enable_external_access": False,  # user statements read no file
                "python_enable_replacements": False,  # nor this process's variables
                "autoinstall_known_extensions": False,
                "TimeZone": "UTC",
            },
        )
        for statement in PREPARE:
            self._database.execute(statement)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._database.cursor()
        cursor.execute(f"USE warehouse.{DEFAULT_SCHEMA}")
        cursor.execute("SET integer_division = true")  # 7 / 2 is 3; cursors do not inherit it
        return cursor

    def close(self) -> None:
        self._database.close()


class Transaction:
    """Statements that take effect together. Begins at the first one that is not LOCK.

    DuckDB's snapshot is taken there, so a transaction sees what the one before its lock has done.
    """

    def __init__(self, warehouse: Warehouse, cancelled: threading.Event) -> None:
        self._warehouse = warehouse
        self._cancelled = cancelled
        self._begun = False
        self.cursor = warehouse.cursor()

    def run(self, statement: Translated) -> int:
        """Run one statement; returns its rows, or -1 where ``cursor`` holds a result."""
        if self._cancelled.is_set():
            raise SqlError("Query cancelled on user's request")
        if statement.kind == "nothing":
            return 0
        if statement.kind == "lock":
            self._lock(statement.tables)
            return 0
        self._begin()
        try:
            return self._run(statement)
        except duckdb.Error as error:
            raise translated_error(error) from None

    def description(self) -> list[Any]:
        """Name and type of the columns of the result."""
        return list(self.cursor.description or ())

    def fetch(self, rows: int) -> list[tuple[Any, ...]]:
        """The next ``rows`` of the result."""
        try:
            return self.cursor.fetchmany(rows)
        except duckdb.Error as error:
            raise translated_error(error) from None

    def commit(self) -> None:
        if self._begun:
            self._begun = False
            try:
                self.cursor.execute("COMMIT")
            except duckdb.Error as error:
                raise translated_error(error) from None

    def interrupt(self) -> None:
        self.cursor.interrupt()

    def close(self) -> None:
        """Roll back what is not committed, and let go of the locks."""
        try:
            if self._begun:
                self.cursor.execute("ROLLBACK")
        except duckdb.TransactionException:
            pass  # a failed COMMIT has rolled back already
        finally:
            self.cursor.close()
            self._warehouse.locks.release(self)

    def _begin(self) -> None:
        if not self._begun:
            self.cursor.execute("BEGIN TRANSACTION")
            self._begun = True

    def _run(self, statement: Translated) -> int:
        if statement.kind == "copy":
            return copy.run(self.cursor, self._warehouse.state, statement.sql)
        self.cursor.execute(statement.sql)
        if statement.kind == "query":
            return -1
        if statement.kind == "truncate":  # ends the transaction: no rollback after it
            self.commit()
            return 0
        row = self.cursor.fetchone()
        return row[0] if row and isinstance(row[0], int) else 0

    def _lock(self, tables: tuple[str, ...]) -> None:
        for name in sorted(tables):
            schema, _, table = name.rpartition(".")
            where = [schema or DEFAULT_SCHEMA, table]
            self.cursor.execute(
                "SELECT 1 FROM information_schema.tables WHERE table_schema = ? AND table_name = ?",
                where,
            )
            if not self.cursor.fetchall():
                raise SqlError(f'relation "{name}" does not exist')
            self._warehouse.locks.acquire(self, ".".join(where), self._cancelled.is_set)


class Locks:
    """Table locks, each held by one transaction until it ends."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._holders: dict[str, object] = {}
        self._waiting: dict[object, str] = {}

    def acquire(self, owner: object, table: str, cancelled: Callable[[], bool]) -> None:
        """Wait for ``table``. SqlError when cancelled, or when the wait would never end."""
        with self._changed:
            try:
                while self._holders.get(table, owner) is not owner:
                    self._waiting[owner] = table
                    if self._waits_for_itself(owner):
                        raise SqlError("deadlock detected")
                    if cancelled():
                        raise SqlError("Query cancelled on user's request")
                    self._changed.wait(0.2)
                self._holders[table] = owner
            finally:
                self._waiting.pop(owner, None)

    def release(self, owner: object) -> None:
        with self._changed:
            self._holders = {name: who for name, who in self._holders.items() if who is not owner}
            self._changed.notify_all()

    def _waits_for_itself(self, owner: object) -> bool:
        at: object | None = owner
        for _ in range(len(self._waiting)):
            at = self._holders.get(self._waiting.get(at, ""))
            if at is owner:
                return True
        return False


# DuckDB's message: Redshift's.
MESSAGES = (
    (r"(?:Table|View) with name (\S+) does not exist", 'relation "{}" does not exist'),
    (r"Schema with name (\S+) does not exist", 'schema "{}" does not exist'),
    (
        r"(?:Table|View|Schema) with name \"?([^\s\"]+)\"? already exists",
        'relation "{}" already exists',
    ),
    (r"Function with name (\S+) does not exist", "function {}() does not exist"),
    (r'Referenced column "([^"]+)"', 'column "{}" does not exist'),
    (r'Referenced table "([^"]+)"', 'invalid reference to FROM-clause entry for table "{}"'),
    (r"NOT NULL constraint failed: \S*?([^.\s]+)$", "Cannot insert a NULL value into column {}"),
    (
        r"CHECK constraint failed .*strlen\((\S+)\) <= (\d+)",
        "value too long for type character varying({1}) (column {0})",
    ),
    (r"Could not convert string '(.*)' to INT\d+", 'invalid input syntax for integer: "{}"'),
    (
        r"cannot affect the same target row more than once",
        "Found multiple matches to update the same tuple.",
    ),
    (r"Divide by zero", "Divide by zero"),
    (r"INTERRUPT", "Query cancelled on user's request"),
    (r"[Cc]onflict", "1023 DETAIL: Serializable isolation violation on table"),
)


def translated_error(error: duckdb.Error) -> SqlError:
    """DuckDB's error in Redshift's words; where there are none, in DuckDB's."""
    text = str(error)
    for pattern, message in MESSAGES:
        if match := re.search(pattern, text, re.M | re.S if "(.*)" in pattern else re.M):
            return SqlError(message.format(*match.groups()))
    return SqlError(text.split("\n\nLINE ")[0].partition(": ")[2] or text)
