"""Statements as the Data API keeps them: records that outlive the server, and their results."""

from __future__ import annotations

import itertools
import json
import logging
import sqlite3
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench.aws.redshift import results
from workbench.aws.redshift.dialect import translate
from workbench.aws.redshift.engine import Transaction
from workbench.aws.redshift.refusals import SqlError
from workbench.aws.redshift.sessions import Session, Sessions
from workbench.aws.redshift.warehouse import Warehouse

log = logging.getLogger(__name__)

WORKERS = 16
CANCELLED = "Query cancelled on user's request"
AGAIN = 0.05  # seconds between two interrupts of a statement that was cancelled

DAY = 24 * 3600
TOKEN_LIFE = 8 * 3600
ENDED = ("FINISHED", "FAILED", "ABORTED")
SCHEMA = """
CREATE TABLE IF NOT EXISTS statement (id TEXT PRIMARY KEY, created REAL, token TEXT, body TEXT);
CREATE INDEX IF NOT EXISTS statement_token ON statement (token);
CREATE TABLE IF NOT EXISTS page (id TEXT, number INTEGER, body TEXT, PRIMARY KEY (id, number));
"""


@dataclass
class Sub:
    """One SQL statement: the only one of ExecuteStatement, one of several of a batch."""

    id: str
    sql: str
    status: str = "SUBMITTED"
    error: str = ""
    rows: int = -1
    size: int = 0
    columns: list[dict[str, Any]] | None = None  # of a result set
    started: float = 0.0
    updated: float = field(default_factory=time.time)
    duration: float = 0.0
    query_id: int = 0


@dataclass
class Statement:
    """One call of ExecuteStatement or BatchExecuteStatement."""

    id: str
    subs: list[Sub]
    batch: bool
    database: str
    target: dict[str, str]  # WorkgroupName or ClusterIdentifier, as asked
    name: str = ""
    token: str = ""
    parameters: list[dict[str, str]] = field(default_factory=list)
    session: str = ""
    auto_commit: bool = False
    status: str = "SUBMITTED"
    error: str = ""
    created: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    duration: float = 0.0

    @property
    def ended(self) -> bool:
        return self.status in ENDED


def new(sqls: list[str], batch: bool, **known: Any) -> Statement:
    """A statement that is to run, with an id of its own."""
    identity = str(uuid.uuid4())
    subs = [Sub(f"{identity}:{at}" if batch else identity, sql) for at, sql in enumerate(sqls, 1)]
    return Statement(identity, subs, batch, **known)


class Statements:
    """The records in STATE/statements.sqlite. Written before and after each statement runs.

    One that had not ended when the server was killed is ABORTED: what it did, if it committed
    just before, stands only in the warehouse.
    """

    def __init__(self, state: Path) -> None:
        self._lock = threading.RLock()
        self._file = sqlite3.connect(
            state / "statements.sqlite", check_same_thread=False, isolation_level=None
        )
        # A killed process loses nothing of what it has written; only a power cut could.
        self._file.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;" + SCHEMA)
        self._known: dict[str, Statement] = {}
        self._by_token: dict[str, Statement] = {}
        self._running: list[Statement] = []
        self._query_ids = itertools.count(time.time_ns() // 1000)  # rises over restarts too
        self._forget_old()
        for (body,) in self._file.execute("SELECT body FROM statement ORDER BY created"):
            statement = _loaded(body)
            self._remember(statement)
            if not statement.ended:
                self._abort(statement)

    def of_token(self, token: str) -> Statement | None:
        """The statement that was started with ``token`` in the last 8 hours."""
        with self._lock:
            found = self._by_token.get(token) if token else None
        return found if found and found.created > time.time() - TOKEN_LIFE else None

    def add(self, statement: Statement) -> Statement:
        """Keep a new statement; if its token is known already, return that one instead."""
        with self._lock:
            if other := self.of_token(statement.token):
                return other
            self._expire()
            for sub in statement.subs:
                sub.query_id = next(self._query_ids)
            self._remember(statement)
            self._running.append(statement)
            self.save(statement)
            return statement

    def save(self, statement: Statement) -> None:
        with self._lock:
            self._file.execute(
                "INSERT OR REPLACE INTO statement VALUES (?, ?, ?, ?)",
                (statement.id, statement.created, statement.token, json.dumps(asdict(statement))),
            )

    def get(self, identity: str) -> Statement | None:
        """The statement of an id, or of the id of one of a batch's statements."""
        found = self._known.get(identity.partition(":")[0])
        return None if found is None or _expired(found) else found

    def newest_first(self) -> list[Statement]:
        with self._lock:
            return [each for each in reversed(self._known.values()) if not _expired(each)]

    def active(self) -> int:
        with self._lock:
            self._running = [each for each in self._running if not each.ended]
            return len(self._running)

    def add_page(self, identity: str, number: int, records: list[list[dict[str, Any]]]) -> None:
        body = json.dumps(records)
        with self._lock:
            self._file.execute(
                "INSERT OR REPLACE INTO page VALUES (?, ?, ?)", (identity, number, body)
            )

    def page(self, identity: str, number: int) -> list[list[dict[str, Any]]] | None:
        """A page of a result; None behind the last."""
        with self._lock:
            row = self._file.execute(
                "SELECT body FROM page WHERE id = ? AND number = ?", (identity, number)
            ).fetchone()
        records: list[list[dict[str, Any]]] | None = json.loads(row[0]) if row else None
        return records

    def close(self) -> None:
        with self._lock:
            self._file.close()

    def _remember(self, statement: Statement) -> None:
        self._known[statement.id] = statement
        self._by_token[statement.token] = statement

    def _abort(self, statement: Statement) -> None:
        statement.status, statement.updated = "ABORTED", time.time()
        statement.error = "The local AWS ended while this statement ran."
        for sub in statement.subs:
            if sub.status not in ENDED:
                sub.status, sub.error = "ABORTED", statement.error
        self.save(statement)

    def _expire(self) -> None:
        """Drop the oldest statements, whose time is over, while the server runs."""
        old = list(itertools.takewhile(_expired, self._known.values()))
        for statement in old:
            del self._known[statement.id]
            if self._by_token.get(statement.token) is statement:
                del self._by_token[statement.token]
        if old:
            self._forget_old()

    def _forget_old(self) -> None:
        """Results are kept for 24 hours, as in AWS."""
        self._file.execute("DELETE FROM statement WHERE created < ?", (time.time() - DAY,))
        self._file.execute(
            "DELETE FROM page WHERE substr(id, 1, 36) NOT IN (SELECT id FROM statement)"
        )


def _expired(statement: Statement) -> bool:
    return statement.ended and statement.created < time.time() - DAY


def _loaded(body: str) -> Statement:
    values = json.loads(body)
    return Statement(**{**values, "subs": [Sub(**sub) for sub in values["subs"]]})


class Runner:
    """Runs statements on threads of its own, so that a call returns before its SQL does."""

    def __init__(self, warehouse: Warehouse, statements: Statements) -> None:
        self._warehouse = warehouse
        self._statements = statements
        self._pool = ThreadPoolExecutor(WORKERS, "redshift")
        self._changed = threading.Condition()
        self._cancelled: dict[str, threading.Event] = {}
        self._running: dict[str, Transaction] = {}
        self.sessions = Sessions(warehouse)

    def submit(self, statement: Statement, session: Session | None = None) -> None:
        """Run ``statement`` soon; ``session`` has been taken for it and is released after it."""
        self._cancelled[statement.id] = threading.Event()
        self._pool.submit(self._run, statement, session)

    def wait(self, statement: Statement, seconds: float) -> None:
        """Return when ``statement`` has ended, at the latest after ``seconds``."""
        with self._changed:
            self._changed.wait_for(lambda: statement.ended, seconds)

    def cancel(self, statement: Statement) -> bool:
        """Ask a statement to end. False if it has ended already."""
        with self._changed:
            event = self._cancelled.get(statement.id)
            if event is None or statement.ended:
                return False
            event.set()
        self._interrupt(statement.id)
        return True

    def _interrupt(self, identity: str) -> None:
        """Again and again until it has ended: DuckDB forgets one that comes between two of the
        statements that ours is made of."""
        with self._changed:
            running = self._running.get(identity)
            if running is None:
                return
            running.interrupt()
            again = threading.Timer(AGAIN, self._interrupt, [identity])
            again.daemon = True
            again.start()

    def close(self) -> None:
        """Cancel what runs and wait for it: nothing writes after this."""
        for statement in self._statements.newest_first():
            self.cancel(statement)
        self._pool.shutdown(wait=True)
        self.sessions.close()

    def _run(self, statement: Statement, session: Session | None) -> None:
        event = self._cancelled[statement.id]
        begun = time.time()
        statement.status = "PICKED"
        error, status = "", "FINISHED"
        try:
            self._transaction(statement, event, session)
        except SqlError as failure:
            error, status = str(failure), "ABORTED" if event.is_set() else "FAILED"
        except Exception as failure:
            log.exception("statement %s failed", statement.id)
            error, status = f"ERROR: internal: {type(failure).__name__}: {failure}", "FAILED"
        if session is not None:
            self.sessions.release(session)
        with self._changed:
            for sub in statement.subs:
                if sub.status == "SUBMITTED":
                    sub.status = "ABORTED"
            statement.error, statement.updated = error, time.time()
            statement.duration = statement.updated - begun
            statement.status = status
            self._statements.save(statement)
            self._cancelled.pop(statement.id)
            self._changed.notify_all()

    def _transaction(
        self, statement: Statement, event: threading.Event, session: Session | None
    ) -> None:
        if statement.auto_commit:
            self._each_alone(statement, event, session)
            return
        cursor = session.cursor if session is not None else None
        transaction = Transaction(self._warehouse, event, len(statement.subs) > 1, cursor)
        statement.status = "STARTED"
        with self._changed:
            self._running[statement.id] = transaction
        try:
            for number, sub in enumerate(statement.subs, 1):
                try:
                    self._one(transaction, statement, sub)
                except SqlError as error:
                    if statement.batch:
                        raise SqlError(f"Query #{number} failed with {error}", "") from None
                    raise
            transaction.commit()
        finally:
            with self._changed:
                self._running.pop(statement.id)
            transaction.close()

    def _each_alone(
        self, statement: Statement, event: threading.Event, session: Session | None
    ) -> None:
        """AUTO_COMMIT: a transaction for each; the failure of one does not stop the others."""
        statement.status = "STARTED"
        failures: list[str] = []
        for number, sub in enumerate(statement.subs, 1):
            alone = replace(statement, subs=[sub], batch=False, auto_commit=False)
            try:
                self._transaction(alone, event, session)
            except SqlError as error:
                if event.is_set():
                    raise
                failures.append(f"Query #{number} failed with {error}")
        if failures:
            raise SqlError("; ".join(failures), "")

    def _one(self, transaction: Transaction, statement: Statement, sub: Sub) -> None:
        sub.status, sub.started = "STARTED", time.time()
        try:
            values = {each["name"]: each["value"] for each in statement.parameters}
            translated = translate(sub.sql, statement.database, values, transaction.supers())
            sub.rows = transaction.run(translated, sub.query_id)
            if sub.rows < 0:
                self._fetch(transaction, sub)
            sub.status = "FINISHED"
        except SqlError as error:
            sub.error, sub.columns = str(error), None
            sub.status = "ABORTED" if CANCELLED in sub.error else "FAILED"
            raise
        finally:
            sub.updated = time.time()
            sub.duration = sub.updated - sub.started

    def _fetch(self, transaction: Transaction, sub: Sub) -> None:
        """Keep a result, page by page."""
        sub.columns, sub.rows = results.metadata(transaction.description()), 0
        for number, (records, size) in enumerate(results.pages(transaction.fetch)):
            self._statements.add_page(sub.id, number, records)
            sub.rows += len(records)
            sub.size += size
