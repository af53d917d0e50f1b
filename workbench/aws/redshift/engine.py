"""The warehouse: one DuckDB file; a cursor and a transaction for each statement or batch."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import duckdb

from workbench.aws.redshift import catalog, copy
from workbench.aws.redshift.catalog import DEFAULT_SCHEMA
from workbench.aws.redshift.dialect import Translated
from workbench.aws.redshift.refusals import SqlError


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
        for statement in catalog.PREPARE:
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

    def __init__(
        self,
        warehouse: Warehouse,
        cancelled: threading.Event,
        block: bool = False,
        session: duckdb.DuckDBPyConnection | None = None,
    ) -> None:
        """``block``: several statements; ``session``: the cursor to use and to leave open."""
        self._warehouse = warehouse
        self._cancelled = cancelled
        self._block = block
        self._kept = session is not None
        self._begun = False
        self._written: set[str] = set()
        self.cursor = session or warehouse.cursor()

    def run(self, statement: Translated) -> int:
        """Run one statement; returns its rows, or -1 where ``cursor`` holds a result."""
        if self._cancelled.is_set():
            raise SqlError("Query cancelled on user's request")
        if statement.alone and self._block:
            raise SqlError(f"{statement.alone} cannot run inside a transaction block")
        if statement.kind == "nothing":
            return 0
        if statement.kind == "lock":
            self._lock(statement.tables)
            return 0
        try:
            self._begin()
            self._written.update(statement.tables)
            return self._run(statement)
        except duckdb.Error as error:
            raise translated_error(error, self._written) from None

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
                raise translated_error(error, self._written) from None
        self._written.clear()
        self._warehouse.locks.release(self)

    def interrupt(self) -> None:
        self.cursor.interrupt()

    def close(self) -> None:
        """Roll back what is not committed, and let go of the locks."""
        try:
            if self._begun:
                self.cursor.execute("ROLLBACK")
            self._begun = False
        except duckdb.TransactionException:
            pass  # a failed COMMIT has rolled back already
        finally:
            if not self._kept:
                self.cursor.close()
            self._warehouse.locks.release(self)

    def _begin(self) -> None:
        if not self._begun:
            self.cursor.execute("BEGIN TRANSACTION")
            self._begun = True

    def _run(self, statement: Translated) -> int:
        if statement.kind == "copy":
            return copy.run(self.cursor, self._warehouse.state, statement.sql)
        if statement.kind in ("like", "rebuild"):
            catalog.define(self.cursor, statement.tree)
            return 0
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
    (r"Could not convert string '(.*)' to INT\d+", 'invalid input syntax for integer: "{}"'),
    (r"CHECK constraint failed .*= length\(", "CHAR string contains invalid ASCII character"),
    (r"Cannot access file \"([^\"]+)\"", 'relation "{}" does not exist'),
    (
        r"cannot affect the same target row more than once",
        "Found multiple matches to update the same tuple.",
    ),
    (r"Divide by zero", "Divide by zero"),
    (r"INTERRUPT", "Query cancelled on user's request"),
)


def translated_error(error: duckdb.Error, written: Collection[str] = ()) -> SqlError:
    """DuckDB's error in Redshift's words; where there are none, in DuckDB's.

    ``written``: the tables of the transaction, of which one is that of a conflict.
    """
    text = str(error)
    if isinstance(error, duckdb.TransactionException) and re.search("(?i)conflict|altered", text):
        tables = ", ".join(sorted(written))
        return SqlError(f"1023 DETAIL: Serializable isolation violation on table - {tables}")
    for pattern, message in MESSAGES:
        if match := re.search(pattern, text, re.M | re.S if "(.*)" in pattern else re.M):
            return SqlError(message.format(*match.groups()))
    return SqlError(text.split("\n")[0].partition(": ")[2] or text)
