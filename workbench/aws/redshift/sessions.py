"""Sessions of the Data API: a connection that outlives its statements, and its temporary tables."""

from __future__ import annotations

import threading
import time
import uuid
from dataclasses import dataclass, field

from workbench.aws.protocol import AwsError
from workbench.aws.redshift.warehouse import Cursor, Warehouse

MAX_SESSIONS = 500
MAX_KEEP_ALIVE = 24 * 3600


@dataclass
class Session:
    """One connection. It runs one statement at a time, and ends when unused for ``keep_alive``."""

    cursor: Cursor
    target: dict[str, str]
    keep_alive: int
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    busy: bool = True
    used: float = field(default_factory=time.time)


class Sessions:
    """The open sessions. They end with the server, and with its database: a connection cannot be
    kept on disk."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._lock = threading.Lock()
        self._open: dict[str, Session] = {}

    def open(self, target: dict[str, str], keep_alive: int) -> Session:
        """A new session, taken for its first statement."""
        with self._lock:
            self._end_unused()
            if len(self._open) >= MAX_SESSIONS:
                raise AwsError("ActiveSessionsExceededException", f"{MAX_SESSIONS} sessions exist.")
            session = Session(self._warehouse.connect(), target, keep_alive)
            self._open[session.id] = session
            return session

    def take(self, identity: str, keep_alive: int | None) -> Session:
        """The session for one more statement. AwsError if it has ended or runs one."""
        with self._lock:
            self._end_unused()
            session = self._open.get(identity)
            if session is None:
                raise AwsError("ResourceNotFoundException", f"Session {identity} does not exist.")
            if session.busy:
                raise AwsError("ValidationException", f"Session {identity} is running a statement.")
            session.busy = True
            if keep_alive is not None:
                session.keep_alive = keep_alive
            return session

    def release(self, session: Session) -> None:
        """A statement of the session has ended."""
        with self._lock:
            session.busy, session.used = False, time.time()
            self._end_unused()

    def close(self) -> None:
        with self._lock:
            for session in self._open.values():
                self._warehouse.end(session.cursor)
            self._open.clear()

    def _end_unused(self) -> None:
        for session in [each for each in self._open.values() if self._over(each)]:
            del self._open[session.id]
            self._warehouse.end(session.cursor)

    def _over(self, session: Session) -> bool:
        """Its time is, or the database is that its temporary tables were in."""
        return not session.busy and (
            time.time() >= session.used + session.keep_alive
            or not self._warehouse.connected(session.cursor)
        )
