"""The bench's source: one table of twelve mixed columns, made by the server itself."""

from __future__ import annotations

import hashlib
import time
from dataclasses import asdict, dataclass

from workbench.mysql.server import Server, quoted

TABLE = "orders"
SLICE = 1_000_000  # rows in one transaction
CREATE = """
CREATE TABLE {table} (
  id BIGINT NOT NULL PRIMARY KEY,
  user_id INT NOT NULL,
  quantity SMALLINT NOT NULL,
  price DECIMAL(10,2) NOT NULL,
  created_at DATETIME(6) NOT NULL,
  updated_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6) ON UPDATE CURRENT_TIMESTAMP(6),
  email VARCHAR(80) NOT NULL,
  city VARCHAR(40) NOT NULL,
  note VARCHAR(200),
  starts_on DATE NOT NULL,
  is_active TINYINT(1) NOT NULL,
  score DOUBLE NOT NULL,
  KEY (updated_at)
) DEFAULT CHARACTER SET utf8mb4"""
ROWS = """
INSERT INTO {table} SELECT
  seq, 1 + seq * 7919 % 50021, 1 + seq % 9, seq * 37 % 1000000 / 100,
  TIMESTAMPADD(MICROSECOND, seq * 1234567, '2025-01-01'), {stamp},
  CONCAT('user', seq * 7919 % 50021, '@example.org'),
  ELT(1 + seq % 8, 'Berlin', 'München', 'São Paulo', '東京', 'Zürich', 'İzmir', 'Łódź', 'Oslo 🏙'),
  IF(seq % 7 = 0, NULL, CONCAT('note ', MD5(seq), ' ', MD5(seq + 1))),
  '2025-01-01' + INTERVAL seq % 900 DAY, seq % 3 = 0, seq % 100003 / 7e0
FROM seq_{first}_to_{last}"""
SEEDED = "TIMESTAMPADD(MICROSECOND, {key} * 1234567 + 500000, '2025-01-01')"
# Stamps of one day's work: each row its own, all within the half second before now.
FRESH = "NOW(6) - INTERVAL {key} %% 500000 MICROSECOND"
LAST_SEEDED = "2026-01-01"  # before any change, and after every row that was made up to now
FIRST = "quantity = 1 + id % 9, price = id * 37 % 1000000 / 100"
CHANGE = """
UPDATE {table} SET quantity = quantity + 1, price = price + 0.01, updated_at = {stamp}
WHERE id %% %s = %s AND id <= %s"""


@dataclass(frozen=True)
class Changed:
    """What a change did."""

    updated: int
    inserted: int

    def as_dict(self) -> dict[str, int]:
        return asdict(self)


@dataclass(frozen=True)
class Orders:
    """A table in a database of its own on a server."""

    server: Server
    database: str
    table: str = TABLE

    def ready(self, rows: int) -> None:
        """Have ``rows`` rows as they were first made. Makes them if they never were."""
        if self._comment() == self._version(rows):
            self._restore(rows)
        else:
            self._create(rows)

    def _create(self, rows: int) -> None:
        self.drop()
        with self.server.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {quoted(self.database)} CHARACTER SET utf8mb4")
        self._do(CREATE.format(table=self.table))
        stamp = SEEDED.format(key="seq")
        for first in range(1, rows + 1, SLICE):
            last = min(rows, first + SLICE - 1)
            self._do(ROWS.format(table=self.table, stamp=stamp, first=first, last=last))
        self._do(f"ANALYZE TABLE {self.table}")
        # Written last: a table that was begun and not finished is made anew.
        self._do(f"ALTER TABLE {self.table} COMMENT '{self._version(rows)}'")

    def _restore(self, rows: int) -> None:
        """Take the changes back."""
        with self.server.cursor(self.database) as cursor:
            cursor.execute(f"DELETE FROM {self.table} WHERE id > {rows}")
            cursor.execute(
                f"UPDATE {self.table} SET {FIRST}, updated_at = {SEEDED.format(key='id')} "
                f"WHERE updated_at > '{LAST_SEEDED}'"
            )

    def _comment(self) -> object:
        with self.server.cursor() as cursor:
            cursor.execute(
                "SELECT table_comment FROM information_schema.tables "
                "WHERE table_schema = %s AND table_name = %s",
                (self.database, self.table),
            )
            row = cursor.fetchone()
        return row and row[0]

    @staticmethod
    def _version(rows: int) -> str:
        """Of the rows and how they are made: an older bench's table is not taken for this one's."""
        text = f"{rows} {CREATE} {ROWS} {SEEDED}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def drop(self) -> None:
        with self.server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {quoted(self.database)}")

    def count(self) -> int:
        return int(str(self._one(f"SELECT COUNT(*) FROM {self.table}")))

    def bytes_per_row(self) -> int:
        """As InnoDB stores them, without the index."""
        return int(
            str(
                self._one(
                    "SELECT data_length / table_rows FROM information_schema.tables "
                    f"WHERE table_schema = '{self.database}' AND table_name = '{self.table}'"
                )
            ).partition(".")[0]
        )

    def change(self, updates: int, number: int) -> Changed:
        """Update so many rows, spread evenly, and insert a tenth of that; ``number``: which time.

        Waits a second first: whoever read the table just now has stamps behind them.
        """
        time.sleep(1)
        rows = self.count()
        step = max(1, rows // updates)
        stamp = FRESH.format(key="id")
        with self.server.cursor(self.database) as cursor:
            change = CHANGE.format(table=self.table, stamp=stamp)
            updated = cursor.execute(change, (step, number % step, step * updates))
            last = rows + max(1, updates // 10)
            stamp = FRESH.format(key="seq").replace("%%", "%")
            insert = ROWS.format(table=self.table, stamp=stamp, first=rows + 1, last=last)
            inserted = cursor.execute(insert)
        return Changed(updated, inserted)

    def _do(self, statement: str) -> None:
        with self.server.cursor(self.database) as cursor:
            cursor.execute(statement)

    def _one(self, query: str) -> object:
        with self.server.cursor(self.database) as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
        assert row is not None
        return row[0]
