"""The drill's source: two small tables, and a change to both before every case."""

from __future__ import annotations

from dataclasses import dataclass

from workbench.mysql.server import Server

TABLES = {"orders": ("id",), "rates": ("currency",)}
CREATE = (
    "CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, quantity INT, note VARCHAR(40), "
    "ordered_on DATE NOT NULL, updated_at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6))",
    "CREATE TABLE rates (currency CHAR(3) PRIMARY KEY, rate DECIMAL(9,4))",
    "INSERT INTO rates VALUES ('EUR', 1), ('USD', 1), ('GBP', 1)",
)
INSERT = (
    "INSERT INTO orders (quantity, note, ordered_on) "
    "VALUES (1, 'new', '2026-01-01' + INTERVAL {0} DAY), (0, 'bad', '2026-01-01'), "
    "(2, 'kept', '2026-01-01' + INTERVAL {0} DAY)"
)
CHANGE = (
    INSERT,
    "UPDATE orders SET quantity = quantity + 1, note = 'changed' ORDER BY RAND({0}) LIMIT 2",
    "DELETE FROM orders ORDER BY RAND({0} + 7) LIMIT 1",
    "UPDATE rates SET rate = rate + 0.5 ORDER BY RAND({0}) LIMIT 1",
)
MOST = 40  # orders: more are deleted again, the oldest first


@dataclass(frozen=True)
class DrillSource:
    """A database of its own on a server."""

    server: Server
    database: str

    def create(self) -> None:
        with self.server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE IF EXISTS {self.database}")
            cursor.execute(f"CREATE DATABASE {self.database}")
        self._run(*CREATE, *(INSERT.format(day) for day in range(4)))

    def change(self, seed: int) -> None:
        """Insert, update and delete a few rows."""
        self._run(
            *(statement.format(seed % 28) for statement in CHANGE),
            f"DELETE FROM orders WHERE id < (SELECT MAX(id) - {MOST} FROM orders)",
        )

    def rows(self, table: str) -> set[tuple[str | None, ...]]:
        """Every row as texts."""
        with self.server.cursor(self.database) as cursor:
            cursor.execute(f"SELECT * FROM {table}")
            return {tuple(map(text, row)) for row in cursor.fetchall()}

    def _run(self, *statements: str) -> None:
        with self.server.cursor(self.database) as cursor:
            for statement in statements:
                cursor.execute(statement)


def text(value: object) -> str | None:
    """One spelling for a value: fractions of a second without trailing zeros."""
    if value is None:
        return None
    found = str(value)
    return found.rstrip("0").rstrip(".") if found[19:20] == "." else found
