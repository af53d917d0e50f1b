"""How many bytes a row will have in S3: some that would be moved are written as a run does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from etl_lib import parts, reading, window
from etl_lib.contract import Table
from etl_lib.run import Plan
from etl_lib.source import Source

ROWS = 5_000  # of fewer, the bytes of a Parquet file are mostly its footer


def row_bytes(source: Source, table: Table, plan: Plan) -> float:
    """Bytes of Parquet a row; 0 for a window without rows. The file is thrown away.

    Raises SourceError for a value that does not fit, as the run would.
    """
    where, parameters = window.predicate(table, plan.window)
    query = reading.select(source, table, plan.columns, f"({where}) LIMIT {ROWS}", parameters)
    batches = (batch for batch, _ in reading.batches(source, query))
    written = parts.write(batches, query.schema, _measured)
    rows = sum(each["rows"] for each in written)
    return sum(each["bytes"] for each in written) / rows if rows else 0.0


def _measured(path: Path, rows: int) -> dict[str, Any]:
    return {"rows": rows, "bytes": path.stat().st_size}
