"""Statements that take effect together, on a cursor of the warehouse."""

from __future__ import annotations

import threading
from contextlib import ExitStack
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
from workbench.aws.redshift.messages import conflict
from workbench.aws.redshift.partiql import Supers
from workbench.aws.redshift.plan import Translated
from workbench.aws.redshift.refusals import SqlError
from workbench.aws.redshift.warehouse import FATAL, Cursor, Warehouse

# DuckDB breaks its database in the checkpoint behind such a COMMIT, which stands all the same.
DURABLE = "FATAL Error: Transaction COMMIT succeeded and is durable"


class Transaction:
    """Statements that take effect together. Begins at the first one that is not LOCK.

    DuckDB's snapshot is taken there, so a transaction sees what the one before its lock has done.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        cancelled: threading.Event,
        block: bool = False,
        session: Cursor | None = None,
    ) -> None:
        """``block``: several statements; ``session``: the cursor to use and to leave open."""
        self._warehouse = warehouse
        self._cancelled = cancelled
        self._block = block
        self._begun = False
        self._snapshot = 0
        self._written: dict[str, str] = {}  # tables, and what was done to them
        self._loads: list[Load] = []
        self._work = ExitStack()
        self.cursor = self._work.enter_context(warehouse.working(session))

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
        try:
            if statement.kind == "lock":
                return self._lock(statement.tables)
            for table in statement.tables:
                self._warehouse.locks.acquire(self, table, self._cancelled.is_set)
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
            raise self._warehouse.failure(error) from None

    def description(self) -> list[Any]:
        """Name and type of the columns of the result."""
        return list(self.cursor.description or ())

    def fetch(self, rows: int) -> list[tuple[Any, ...]]:
        """The next ``rows`` of the result."""
        try:
            return self.cursor.fetchmany(rows)
        except duckdb.Error as error:
            raise self._warehouse.failure(error) from None

    def commit(self) -> None:
        if self._begun:
            self._begun = False
            try:
                self._end("COMMIT")
            except duckdb.Error as error:
                failure = self._warehouse.failure(error, self._written)
                if not str(error).startswith(DURABLE):
                    raise failure from None
            self._warehouse.locks.committed(self._written)
        self._written = {}
        self._loads.clear()
        self._warehouse.locks.release(self)

    def interrupt(self) -> None:
        self._warehouse.interrupt(self.cursor)

    def close(self) -> None:
        """Roll back what is not committed, and let go of the locks."""
        try:
            if self._begun:
                self._end("ROLLBACK")
            self._begun = False
        except duckdb.TransactionException:
            pass  # a failed COMMIT has rolled back already
        except FATAL as error:
            self._warehouse.lost_by(error)  # which has rolled back, too
        finally:
            self._work.close()
            self._warehouse.locks.release(self)
            if self._loads:
                self._warehouse.keep(self._loads)

    def _end(self, how: str) -> None:
        with self._warehouse.ending(self.cursor):
            self.cursor.execute(how)

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
        found = self._warehouse.failure(error, self._written)
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
        rows = copy.run(self.cursor, self._warehouse.state, self._warehouse.desk, sql, load)
        history.write(self.cursor, [load])
        return rows

    def _lock(self, tables: tuple[str, ...]) -> int:
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
        return 0
