"""Are source and destination equal? Count, sums, the newest stamp and a hash over all rows.

Written for MariaDB, DuckDB and Redshift each, and for nothing that is measured here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

COLUMNS = {
    "id": "whole",
    "user_id": "whole",
    "quantity": "whole",
    "price": "decimal",
    "created_at": "moment",
    "updated_at": "moment",
    "email": "text",
    "city": "text",
    "note": "text",
    "starts_on": "date",
    "is_active": "whole",
    "score": "double",
}
# A DOUBLE has no text that all print alike: its 2^20-fold, rounded down, is the same everywhere.
MARIADB = {
    "whole": "CAST({0} AS CHAR)",
    "decimal": "CAST({0} AS CHAR)",
    "moment": "DATE_FORMAT({0}, '%Y-%m-%d %H:%i:%s.%f')",
    "text": "COALESCE({0}, '~')",
    "date": "CAST({0} AS CHAR)",
    "double": "CAST(CAST(FLOOR({0} * 1048576) AS SIGNED) AS CHAR)",
}
DUCKDB = {
    "whole": "CAST(CAST({0} AS BIGINT) AS VARCHAR)",
    "decimal": "CAST(CAST({0} AS DECIMAL(18,2)) AS VARCHAR)",
    "moment": "strftime({0}, '%Y-%m-%d %H:%M:%S.%f')",
    "text": "COALESCE({0}, '~')",
    "date": "CAST(CAST({0} AS DATE) AS VARCHAR)",
    "double": "CAST(CAST(FLOOR(CAST({0} AS DOUBLE) * 1048576) AS BIGINT) AS VARCHAR)",
}
REDSHIFT = {
    "whole": "CAST({0} AS VARCHAR)",
    "decimal": "CAST({0} AS VARCHAR)",
    "moment": "TO_CHAR({0}, 'YYYY-MM-DD HH24:MI:SS.US')",
    "text": "COALESCE({0}, '~')",
    "date": "TO_CHAR({0}, 'YYYY-MM-DD')",
    "double": "CAST(CAST(FLOOR({0} * 1048576) AS BIGINT) AS VARCHAR)",
}
HASHES = {
    "mariadb": (
        MARIADB,
        "CONCAT_WS(',', {0})",
        "CAST(CONV(LEFT(MD5({0}), 8), 16, 10) AS UNSIGNED)",
    ),
    "duckdb": (DUCKDB, "concat_ws(',', {0})", "CAST('0x' || left(md5({0}), 8) AS BIGINT)"),
    "redshift": (REDSHIFT, "{0}", "STRTOL(LEFT(MD5({0}), 8), 16)"),
}
ZONED = "TIMESTAMP WITH TIME ZONE"


@dataclass(frozen=True)
class Digest:
    """What two equal tables have in common."""

    rows: int
    keys: int
    quantities: int
    prices: str
    newest: str
    hash: int

    @classmethod
    def of(cls, row: Mapping[str, object]) -> Digest:
        def whole(name: str) -> int:
            return int(str(row[name]).partition(".")[0])

        return cls(
            rows=whole("rows"),
            keys=whole("keys"),
            quantities=whole("quantities"),
            prices=str(row["prices"]),
            newest=str(row["newest"]),
            hash=whole("hash"),
        )

    def differences(self, other: Digest) -> list[str]:
        """What differs, in words; empty if they are equal."""
        return [
            f"{each.name} {getattr(other, each.name)} instead of {getattr(self, each.name)}"
            for each in fields(self)
            if getattr(self, each.name) != getattr(other, each.name)
        ]


def query(engine: str, relation: str, types: Mapping[str, str] | None = None) -> str:
    """SQL that gives a digest of ``relation``. ``types``: those of its columns, if they vary."""
    forms, joined, hashed = HASHES[engine]
    known = types or {}
    tokens = [forms[kind].format(_utc(name, known)) for name, kind in COLUMNS.items()]
    text = joined.format((" || ',' || " if engine == "redshift" else ", ").join(tokens))
    newest = forms["moment"].format(_utc("updated_at", known, "MAX({0})"))
    characters = "CHAR" if engine == "mariadb" else "VARCHAR"
    items = {
        "rows": "COUNT(*)",
        "keys": "SUM(id)",
        "quantities": "SUM(quantity)",
        "prices": f"CAST(SUM(CAST(price AS DECIMAL(18,2))) AS {characters})",
        "newest": newest,
        "hash": f"SUM({hashed.format(text)})",
    }
    quote = "`" if engine == "mariadb" else '"'
    listed = ", ".join(f"{sql} AS {quote}{name}{quote}" for name, sql in items.items())
    return f"SELECT {listed} FROM {relation}"


def _utc(name: str, types: Mapping[str, str], around: str = "{0}") -> str:
    column = around.format(name)
    return f"({column} AT TIME ZONE 'UTC')" if types.get(name) == ZONED else column
