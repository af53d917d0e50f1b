"""The warehouse: one DuckDB file, which is opened again where DuckDB has given it up."""

from __future__ import annotations

import glob
import secrets
import shutil
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from workbench.aws.redshift import catalog, history, json_functions
from workbench.aws.redshift.catalog import DEFAULT_SCHEMA
from workbench.aws.redshift.history import Load
from workbench.aws.redshift.locks import Locks
from workbench.aws.redshift.messages import translated
from workbench.aws.redshift.refusals import SqlError

Cursor = duckdb.DuckDBPyConnection

# How DuckDB compresses texts, unless told not to: to find out whether it pays takes longer than to
# insert the rows.
SLOW = "dict_fsst"
# After these DuckDB refuses every statement of the database, until it is opened again.
FATAL = (duckdb.FatalException, duckdb.InternalException)
CULPRIT = "DuckDB gave up its database for it, which is opened again; this is rolled back"
BYSTANDER = (
    "the database was closed, as another statement broke it, and is opened again; "
    "this is rolled back: start it anew"
)


class Warehouse:
    """The database file and what its transactions share."""

    def __init__(self, state: Path) -> None:
        self.state = state
        self.locks = Locks()
        # COPY lays objects here to be read; nothing reads any other file.
        self.desk = _desk(state)
        self._changed = threading.Condition()
        self._working = 0
        self._lost = False
        self._cursors: set[Cursor] = set()
        self._ending: set[Cursor] = set()
        self._database = self._open()

    @contextmanager
    def working(self, session: Cursor | None = None) -> Iterator[Cursor]:
        """A cursor, or the one of ``session``, to work with. The database is not closed meanwhile;
        of one that is lost all have to leave before it is opened again."""
        with self._entered():
            if session is not None and session not in self._cursors:
                raise SqlError(f"the session has ended: {BYSTANDER}")
            cursor = session or self._cursor()
            try:
                yield cursor
            except duckdb.Error as error:
                raise self.failure(error) from None
            finally:
                if session is None:
                    self.end(cursor)

    def connect(self) -> Cursor:
        """A cursor that outlives its work, to be given to ``working``, and at last to ``end``."""
        with self._entered():
            return self._cursor()

    def connected(self, cursor: Cursor) -> bool:
        """Whether it is one of the database as it is open."""
        return not self._lost and cursor in self._cursors

    def end(self, cursor: Cursor) -> None:
        with self._changed:
            self._cursors.discard(cursor)
            cursor.close()

    def failure(self, error: duckdb.Error, written: Collection[str] = ()) -> SqlError:
        """What Redshift would say of it; ``written``: the tables of the transaction."""
        if self.lost_by(error):
            return SqlError(f"{translated(error)}. {CULPRIT}", "")
        return SqlError(BYSTANDER) if self._lost else translated(error, written)

    def lost_by(self, error: duckdb.Error) -> bool:
        """Whether it is the one that broke the database: then all who work in it are stopped."""
        with self._changed:
            if self._lost or not isinstance(error, FATAL):
                return False
            self._lost = True
            for cursor in self._cursors:
                self.interrupt(cursor)
            return True

    def interrupt(self, cursor: Cursor) -> None:
        with self._changed:
            if cursor not in self._ending:
                cursor.interrupt()

    @contextmanager
    def ending(self, cursor: Cursor) -> Iterator[None]:
        """For COMMIT and ROLLBACK, which are not interrupted: DuckDB would say that a COMMIT was,
        and it would stand."""
        with self._changed:
            self._ending.add(cursor)
        try:
            yield
        finally:
            with self._changed:
                self._ending.discard(cursor)

    def keep(self, loads: list[Load]) -> None:
        """Record what was rolled back: the errors of a failed COPY outlive it."""
        with self.working() as cursor:
            history.write(cursor, loads)

    def close(self) -> None:
        self._database.close()

    @contextmanager
    def _entered(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not (self._lost and self._working))
            if self._lost:
                self._reopen()
            self._working += 1
        try:
            yield
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def _reopen(self) -> None:
        """SqlError where it cannot be opened, as on a full disk: whoever comes next tries again."""
        for cursor in self._cursors:  # those of sessions
            cursor.close()
        self._cursors.clear()
        self._database.close()
        try:
            self._database = self._open()
        except duckdb.Error as error:
            reason = str(error).partition("\n")[0]
            raise SqlError(f"the database cannot be opened again: {reason}") from None
        self._lost = False

    def _cursor(self) -> Cursor:
        cursor = self._database.cursor()
        with self._changed:
            self._cursors.add(cursor)
        try:
            cursor.execute(f"USE warehouse.{DEFAULT_SCHEMA}")
            cursor.execute("SET integer_division = true")  # 7 / 2 is 3; cursors do not inherit it
        except duckdb.Error as error:  # it was lost a moment ago
            self.end(cursor)
            raise self.failure(error) from None
        return cursor

    def _open(self) -> Cursor:
        database = duckdb.connect(
            str(self.state / "warehouse.duckdb"),
            config={
                "memory_limit": "1GB",
                "threads": 2,
                "preserve_insertion_order": False,
                "python_enable_replacements": False,  # nor this process's variables
                "autoinstall_known_extensions": False,
                "TimeZone": "UTC",
            },
        )
        try:
            self._prepare(database)
        except duckdb.Error:
            database.close()
            raise
        return database

    def _prepare(self, database: Cursor) -> None:
        database.execute(f"SET GLOBAL disabled_compression_methods = '{SLOW}'")
        database.execute("SET GLOBAL enable_geoparquet_conversion = false")
        allowed = sorted({str(self.desk), glob.escape(str(self.desk))})
        database.execute("SET GLOBAL allowed_directories = ?", [allowed])
        database.execute("SET GLOBAL enable_external_access = false")  # it cannot be undone
        json_functions.prepare(database)
        for statement in (*catalog.PREPARE, *history.PREPARE):
            database.execute(statement)
        # Writes are checked against IDENTITY columns only once there are any.
        held = database.execute("SELECT 1 FROM duckdb_sequences() LIMIT 1").fetchone()
        self.identities = held is not None
        self.semistructured = bool(json_functions.columns(database))


def _desk(state: Path) -> Path:
    """An empty folder with a name that no statement can guess, beside the objects."""
    for left in state.glob("copy-*"):
        shutil.rmtree(left)
    desk = state / f"copy-{secrets.token_hex(16)}"
    desk.mkdir()
    return desk
