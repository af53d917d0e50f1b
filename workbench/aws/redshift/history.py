"""What COPY has done and why rows were not loaded: the views stl_load_errors, sys_load_….

The records of a COPY are written in its transaction, so that the statements behind it see them;
if that is rolled back they are written once more, for the errors of a failed load are what one
looks for.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime

import duckdb
import pyarrow as pa

KEPT = 7  # days
USER = 100  # as which all statements run


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


@dataclass(frozen=True)
class Rejected:
    """A row that was not loaded."""

    file: str
    line: int
    column: str
    type: str
    length: str
    position: int
    raw_line: str
    raw_value: str
    code: int
    reason: str


@dataclass
class Load:
    """One COPY."""

    query: int
    table_id: int = 0
    table: str = ""  # none: it has not begun to read
    source: str = ""
    form: str = ""
    status: str = "aborted"
    begun: datetime = field(default_factory=_now)
    ended: datetime = field(default_factory=_now)
    rows: int = 0
    files: int = 0
    size: int = 0
    scanned: int = 0  # files
    scanned_size: int = 0
    rejected: list[Rejected] = field(default_factory=list)


PREPARE = (
    """CREATE TABLE IF NOT EXISTS main.rs_loads (query BIGINT, session INTEGER, table_id BIGINT,
        table_name VARCHAR, source VARCHAR, form VARCHAR, status VARCHAR, begun TIMESTAMP,
        ended TIMESTAMP, loaded BIGINT, files INTEGER, size BIGINT, scanned INTEGER,
        scanned_size BIGINT, errors BIGINT)""",
    """CREATE TABLE IF NOT EXISTS main.rs_rejected (query BIGINT, file VARCHAR, line BIGINT,
        "column" VARCHAR, type VARCHAR, length VARCHAR, position INTEGER, raw_line VARCHAR,
        raw_value VARCHAR, code INTEGER, reason VARCHAR)""",
    f"DELETE FROM main.rs_loads WHERE begun < CAST(now() AS TIMESTAMP) - INTERVAL {KEPT} DAY",
    "DELETE FROM main.rs_rejected WHERE query NOT IN (SELECT query FROM main.rs_loads)",
    f"""CREATE OR REPLACE VIEW main.rs_stl_load_errors AS
        SELECT {USER} AS userid, 0 AS slice, CAST(table_id AS INTEGER) AS tbl,
            begun AS starttime, session, query, file AS filename, line AS line_number,
            "column" AS colname, type, length AS col_length, position, raw_line,
            raw_value AS raw_field_value, code AS err_code, left(reason, 100) AS err_reason,
            0 AS is_partial, 0 AS start_offset
        FROM main.rs_rejected JOIN main.rs_loads USING (query)""",
    f"""CREATE OR REPLACE VIEW main.rs_sys_load_error_detail AS
        SELECT {USER} AS user_id, query AS query_id, query AS transaction_id,
            session AS session_id, 'dev' AS database_name, CAST(table_id AS INTEGER) AS table_id,
            begun AS start_time, file AS file_name, line AS line_number,
            "column" AS column_name, type AS column_type, length AS column_length, position,
            code AS error_code, left(reason, 512) AS error_message
        FROM main.rs_rejected JOIN main.rs_loads USING (query)""",
    f"""CREATE OR REPLACE VIEW main.rs_sys_load_history AS
        SELECT {USER} AS user_id, query AS query_id, query AS transaction_id,
            session AS session_id, 'dev' AS database_name, status, table_name,
            begun AS start_time, ended AS end_time,
            date_diff('microsecond', begun, ended) AS duration, source AS data_source,
            form AS file_format, loaded AS loaded_rows, scanned_size AS loaded_bytes,
            files AS source_file_count, size AS source_file_bytes,
            scanned AS file_count_scanned, scanned_size AS file_bytes_scanned,
            errors AS error_count, CAST(0 AS BIGINT) AS copy_job_id
        FROM main.rs_loads""",
)


def write(cursor: duckdb.DuckDBPyConnection, loads: Sequence[Load]) -> None:
    """Add what these COPYs have done to the views, in the cursor's transaction."""
    for load in loads:
        if not load.table:
            continue
        cursor.execute(
            f"INSERT INTO main.rs_loads VALUES ({', '.join('?' * 15)})",
            [
                *(load.query, os.getpid(), load.table_id, load.table, load.source, load.form),
                *(load.status, load.begun, load.ended, load.rows, load.files, load.size),
                *(load.scanned, load.scanned_size, len(load.rejected)),
            ],
        )
        if load.rejected:
            _write_rejected(cursor, load)


def _write_rejected(cursor: duckdb.DuckDBPyConnection, load: Load) -> None:
    columns = ", ".join(f'"{each.name}"' for each in fields(Rejected))
    cursor.register("__copy", pa.Table.from_pylist([asdict(each) for each in load.rejected]))
    try:
        cursor.execute(f"INSERT INTO main.rs_rejected SELECT {load.query}, {columns} FROM __copy")
    finally:
        cursor.unregister("__copy")
