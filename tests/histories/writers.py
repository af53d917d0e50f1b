"""Scripts of concurrent writers: SQL and pauses, all drawn from one seed."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from etl_lib.contract import Table
from workbench.mysql.server import ADMIN, Server

DATABASE = "histories"

RECONNECT = "-- the session is gone"
STAMPED = "DEFAULT NOW({0}) ON UPDATE NOW({0})"


@dataclass(frozen=True)
class Kind:
    """A kind of table, and what its policy covers."""

    name: str
    stamp: str  # the cursor's type
    fraction: int | str = ""
    cursor: bool = True
    deletes: str = "none"
    lookback: int = 0  # more than none: the application stamps, late, or not at all
    seconds: float = 0.6

    def table(self, name: str) -> Table:
        return Table(
            name=name,
            keys=("place", "id"),
            cursor="at" if self.cursor else None,
            deletes=self.deletes,
            lookback=self.lookback,
            min_rows=0,
        )

    def create(self, name: str) -> str:
        stamped = "" if self.lookback else STAMPED.format(self.fraction)
        return (
            f"CREATE TABLE {name} (place INT, id INT, value INT NOT NULL, note VARCHAR(9), "
            f"at {self.stamp} NOT NULL {stamped}, PRIMARY KEY (place, id), KEY (at))"
        )


MICROSECONDS = Kind("microseconds", "DATETIME(6)", 6)
TENTHS = Kind("tenths", "DATETIME(1)", 1)
KINDS = (
    MICROSECONDS,
    TENTHS,
    Kind("hundredths", "TIMESTAMP(2)", 2),
    Kind("seconds", "DATETIME", seconds=2.2),
    Kind("sweep", "DATETIME(2)", 2, deletes="sweep"),
    Kind("lookback", "DATETIME(3)", 3, lookback=600),
    Kind("full", "DATETIME", cursor=False),
)
BRIEF = (0.0, 0.0, 0.002, 0.02, 0.06, 0.12)


@dataclass(frozen=True)
class Temper:
    """What a history has most of: shares of its transactions, and how long they dwell."""

    locks: float = 0.05
    bursts: float = 0.05
    xa: float = 0.1
    alone: float = 0.2
    pauses: tuple[float, ...] = BRIEF
    queue: bool = False  # one writer locks the table again and again, the others wait for it


MIXED = Temper()
QUEUE = Temper(queue=True)
BURSTS = Temper(locks=0, bursts=0.8, xa=0, alone=0.1)
PREPARED = Temper(locks=0, bursts=0, xa=0.6)
TEMPERS = (MIXED, QUEUE, BURSTS, PREPARED)
# One draw in so many; seconds take three times as long as the others.
WEIGHTS = (5, 6, 5, 2, 5, 1, 2)


@dataclass(frozen=True)
class Step:
    sql: str
    pause: float = 0.0


Transaction = Sequence[Step]


@dataclass
class Script:
    """Draws the transactions of one history."""

    kind: Kind
    table: str
    random: random.Random
    temper: Temper
    written: int = 3
    named: int = 0

    def writers(self) -> list[list[Transaction]]:
        count = self.random.randint(2, 4)
        if not self.temper.queue:
            return [self._writer(self._transaction) for _ in range(count)]
        return [self._writer(self._lock), *(self._writer(self._held) for _ in range(count - 1))]

    def first_rows(self) -> list[str]:
        return [self._insert(place, key) for place in range(3) for key in range(4)]

    def _writer(self, make: Callable[[], Transaction]) -> list[Transaction]:
        script: list[Transaction] = []
        total = 0.0
        while total < self.kind.seconds:
            drawn = make()
            script.append(drawn)
            total += 0.004 + sum(step.pause for step in drawn)
        return script

    def _transaction(self) -> Transaction:
        draw = self.random.random()
        temper = self.temper
        for make, share in (
            (self._lock, temper.locks),
            (self._burst, temper.bursts),
            (self._xa, temper.xa),
            (self._alone, temper.alone),
        ):
            draw -= share
            if draw < 0:
                return make()
        begin = self.random.choice(("BEGIN", "BEGIN", "START TRANSACTION WITH CONSISTENT SNAPSHOT"))
        end = self.random.choice(("COMMIT",) * 5 + ("ROLLBACK",))
        return [Step(begin, self._pause() / 4), *self._statements(), Step(end, self._pause() / 2)]

    def _held(self) -> Transaction:
        """One statement, perhaps after a wait, and a commit that is late."""
        end = self.random.choice(("COMMIT",) * 5 + ("ROLLBACK",))
        return [
            Step("BEGIN"),
            Step(self._statement(), self.random.uniform(0.05, 0.25)),
            Step(end, self._pause() / 2),
        ]

    def _alone(self) -> Transaction:
        return [Step(self._statement(), self._pause())]

    def _burst(self) -> Transaction:
        """A row changes, and changes again within the tick; the second is committed late."""
        place, key = self.random.randint(0, 2), self.random.randint(0, 3)
        return [
            Step(self._update(place, key)),
            Step("BEGIN"),
            Step(self._update(place, key), self.random.uniform(0.1, 0.3)),
            Step("COMMIT", self._pause() / 2),
        ]

    def _lock(self) -> Transaction:
        """Others wait for the metadata lock: their stamps are older than their transactions."""
        if self.random.random() < 0.3:
            return [Step(f"ALTER TABLE {self.table} COMMENT = '{self.random.random()}'")]
        return [
            Step(f"LOCK TABLES {self.table} READ", self.random.uniform(0.02, 0.15)),
            Step("UNLOCK TABLES", self._pause()),
        ]

    def _xa(self) -> Transaction:
        self.named += 1
        name = f"'{self.table}-{self.named}'"
        gone = [Step(RECONNECT, self._pause())] if self.random.random() < 0.4 else []
        end = self.random.choice(("COMMIT", "COMMIT", "ROLLBACK"))
        return [
            Step(f"XA START {name}"),
            *self._statements(),
            Step(f"XA END {name}"),
            Step(f"XA PREPARE {name}", self._pause()),
            *gone,
            Step(f"XA {end} {name}"),
        ]

    def _statements(self) -> list[Step]:
        if self.random.random() < 0.35:  # the same row twice, perhaps within one tick
            place, key = self._key()
            return [
                Step(self._update(place, key), self._pause() / 6),
                Step(self._update(place, key), self._pause()),
            ]
        count = self.random.choice((1, 1, 1, 2, 3))
        return [Step(self._statement(), self._pause()) for _ in range(count)]

    def _statement(self) -> str:
        draw = self.random.random()
        place, key = self._key()
        if draw < 0.4:
            return self._insert(*self._key(new=True))
        if draw < 0.85 or (self.kind.cursor and self.kind.deletes == "none"):
            return self._update(place, key)
        if draw < 0.93:
            return f"DELETE FROM {self.table} WHERE place = {place} AND id = {key}"
        return self._insert(place, key)  # comes back, if it was deleted

    def _key(self, new: bool = False) -> tuple[int, int]:
        place = self.random.randint(0, 2)
        if not new:
            return place, self.random.choice((0, 0, 1, 2, 3, self.written // 2))
        self.written += 1
        return place, self.written

    def _value(self) -> int:
        if not self.kind.cursor:
            return self.random.randint(0, 1)  # comes back to what it was
        self.written += 1
        return self.written

    def _insert(self, place: int, key: int) -> str:
        if not self.kind.lookback:
            values = f"({place}, {key}, {self._value()})"
            return f"INSERT INTO {self.table} (place, id, value) VALUES {values}"
        values = f"({place}, {key}, {self._value()}, {self._stamp()})"
        return f"INSERT INTO {self.table} (place, id, value, at) VALUES {values}"

    def _update(self, place: int, key: int) -> str:
        where = f"place = {place} AND id = {key}"
        if self.random.random() < 0.1:
            where = f"place = {place} AND id <= {key}"  # several: ties
        stamp = ""
        if self.kind.lookback:
            stamp = f", at = {self._stamp()}" if self.random.random() < 0.6 else ""
        elif not self.kind.cursor:
            stamp = ", at = at"
        return f"UPDATE {self.table} SET value = {self._value()}{stamp} WHERE {where}"

    def _stamp(self) -> str:
        late = self.random.choice((0, 0, 0.001, 0.05, 1, 60))
        return f"NOW(3) - INTERVAL {late} SECOND"

    def _pause(self) -> float:
        return self.random.choice(self.temper.pauses)


class Writer:
    """One session that plays its transactions, and says what it did when."""

    def __init__(
        self, server: Server, script: Sequence[Transaction], say: Callable[[str], None]
    ) -> None:
        self.server, self.script, self.say = server, script, say
        self.session = connect(server)

    def play(self) -> None:
        for transaction in self.script:
            try:
                for step in transaction:
                    self._take(step)
            except pymysql.err.MySQLError as error:  # deadlocks, duplicates: as in life
                self.say(f"  refused: {error.args[-1]}")
                self._reconnect()
        self.session.close()

    def _take(self, step: Step) -> None:
        self.say(step.sql)
        if step.sql == RECONNECT:
            self._reconnect()
        else:
            with self.session.cursor() as cursor:
                cursor.execute(step.sql)
        self.say(f"  done {step.sql}")
        time.sleep(step.pause)

    def _reconnect(self) -> None:
        self.session.close()
        self.session = connect(self.server)


def connect(server: Server) -> Connection[Cursor]:
    """A writer's session. Without TLS: its certificates take longer than all statements."""
    session = pymysql.connect(
        host=server.host,
        port=server.port,
        user=ADMIN,
        password=server.admin_password,
        database=DATABASE,
        autocommit=True,
        ssl_disabled=True,
    )
    with session.cursor() as cursor:
        cursor.execute("SET SESSION lock_wait_timeout = 3, innodb_lock_wait_timeout = 1")
    return session
