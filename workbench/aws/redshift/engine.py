"""The warehouse: one DuckDB file; a cursor and a transaction for each statement or batch."""

from __future__ import annotations

import re
import threading
from collections.abc import Collection
from pathlib import Path
from typing import Any

import duckdb
from sqlglot import exp

from workbench.aws.redshift import (
    catalog,
    copy,
    existence,
    history,
    identity,
    json_functions,
    merge,
    sums,
    unload,
)
from workbench.aws.redshift.catalog import DEFAULT_SCHEMA
from workbench.aws.redshift.history import Load
from workbench.aws.redshift.locks import Locks
from workbench.aws.redshift.partiql import Supers
from workbench.aws.redshift.plan import Translated
from workbench.aws.redshift.refusals import SqlError

# How DuckDB compresses texts, unless told not to: to find out whether it pays takes longer than to
# insert the rows.
SLOW = "dict_fsst"


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
        self._database.execute(f"SET GLOBAL disabled_compression_methods = '{SLOW}'")
        json_functions.prepare(self._database)
        for statement in (*catalog.PREPARE, *history.PREPARE):
            self._database.execute(statement)
        # Writes are checked against IDENTITY columns only once there are any.
        held = self._database.execute("SELECT 1 FROM duckdb_sequences() LIMIT 1").fetchone()
        self.identities = held is not None
        self.semistructured = bool(json_functions.columns(self._database))

    def cursor(self) -> duckdb.DuckDBPyConnection:
        cursor = self._database.cursor()
        cursor.execute(f"USE warehouse.{DEFAULT_SCHEMA}")
        cursor.execute("SET integer_division = true")  # 7 / 2 is 3; cursors do not inherit it
        return cursor

    def keep(self, loads: list[Load]) -> None:
        """Record what was rolled back: the errors of a failed COPY outlive it."""
        cursor = self.cursor()
        try:
            history.write(cursor, loads)
        finally:
            cursor.close()

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
        self._snapshot = 0
        self._written: dict[str, str] = {}  # tables, and what was done to them
        self._loads: list[Load] = []
        self.cursor = session or warehouse.cursor()

    def run(self, statement: Translated, query: int = 0) -> int:
        """Run one statement; returns its rows, or -1 where ``cursor`` holds a result.

        ``query``: the number by which system views know it.
        """
        if self._cancelled.is_set():
            raise SqlError("Query cancelled on user's request")
        if statement.alone and self._block:
            raise SqlError(f"{statement.alone} cannot run inside a transaction block")
        if statement.kind == "nothing" and not statement.named:
            return 0
        self._warehouse.semistructured |= statement.semistructured
        if statement.kind == "lock":
            self._lock(statement.tables)
            return 0
        for table in statement.tables:
            self._warehouse.locks.acquire(self, table, self._cancelled.is_set)
        try:
            self._begin()
            self._check_snapshot(statement)
            return self._run(statement, query)
        except duckdb.Error as error:
            raise self._failure(error, statement) from None

    def supers(self) -> Supers:
        """The SUPER columns that this transaction sees."""
        if not self._warehouse.semistructured:
            return {}
        try:
            return json_functions.columns(self.cursor)
        except duckdb.Error as error:  # it can be interrupted, too
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
                raise translated_error(error, self._written) from None
            self._warehouse.locks.committed(self._written)
        self._written = {}
        self._loads.clear()
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
            if self._loads:
                self._warehouse.keep(self._loads)

    def _begin(self) -> None:
        if not self._begun:
            self._snapshot = self._warehouse.locks.now()
            self.cursor.execute("BEGIN TRANSACTION")
            self._begun = True

    def _check_snapshot(self, statement: Translated) -> None:
        """SqlError where another transaction has overtaken this one since its snapshot."""
        locks, own = self._warehouse.locks, self._written
        if locks.now() > self._snapshot:
            for name in statement.names() - own.keys():
                if locks.since(self._snapshot, name, "drop"):
                    raise SqlError(f'relation "{name.rpartition(".")[2]}" does not exist')
            for table in statement.tables if statement.does == "change" else ():
                if locks.since(self._snapshot, table, "change"):
                    raise conflict([table])
        for table in statement.tables:
            own[table] = statement.does if own.get(table, "insert") == "insert" else own[table]

    def _failure(self, error: duckdb.Error, statement: Translated) -> SqlError:
        """A table that came after the snapshot is not there, and Redshift says why."""
        found = translated_error(error, self._written)
        created = (self._warehouse.locks.since(self._snapshot, name, "create")
                   for name in statement.names() - self._written.keys())  # fmt: skip
        if "does not exist" in str(found) and any(created):
            return SqlError("1018 DETAIL: Relation does not exist.")
        return found

    def _run(self, statement: Translated, query: int) -> int:
        if statement.kind == "nothing":
            existence.check(self.cursor, statement.named)
            return 0
        if self._warehouse.identities:
            identity.check_write(self.cursor, statement.tree)
        if statement.kind == "identity":
            identity.create(self.cursor, statement.tree)
            self._warehouse.identities = True
            return 0
        if statement.kind == "copy":
            if self._warehouse.identities:
                identity.check_copy(self.cursor, statement.sql)
            return self._copy(statement.sql, query)
        if statement.kind == "unload":
            where = (self._warehouse.state, statement.sql, statement.database)
            return unload.run(self.cursor, *where, self.supers())
        if statement.kind in ("like", "rebuild"):
            catalog.define(self.cursor, statement.tree)
            return 0
        if statement.kind == "merge":
            return merge.remove_duplicates(self.cursor, statement.tree)
        if isinstance(statement.tree, exp.Merge):
            return merge.run(self.cursor, statement.tree, statement.sql)
        self.cursor.execute(self._sql(statement))
        if statement.kind == "query":
            return -1
        if statement.kind == "truncate":  # ends the transaction: no rollback after it
            self.commit()
            return 0
        row = self.cursor.fetchone()
        return row[0] if row and isinstance(row[0], int) else 0

    def _sql(self, statement: Translated) -> str:
        tree = statement.tree
        if isinstance(tree, exp.Create) and tree.args.get("kind") == "TABLE":
            if isinstance(tree.args.get("expression"), exp.Query):
                return sums.typed(self.cursor, tree)
        return statement.sql

    def _copy(self, sql: str, query: int) -> int:
        load = Load(query)
        self._loads.append(load)
        rows = copy.run(self.cursor, self._warehouse.state, sql, load)
        history.write(self.cursor, [load])
        return rows

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
    (r"INTERRUPT", "Query cancelled on user's request"),
)


def conflict(tables: Collection[str]) -> SqlError:
    told = ", ".join(sorted(tables))
    return SqlError(f"1023 DETAIL: Serializable isolation violation on table - {told}")


def translated_error(error: duckdb.Error, written: Collection[str] = ()) -> SqlError:
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
