"""The hand-made line: connectorx → Parquet → DuckDB MERGE. What a good engineer writes in an hour.

BENCH_SOURCE is the source's address, BENCH_DESTINATION the DuckDB file.
"""

from __future__ import annotations

import os
from pathlib import Path

import connectorx
import duckdb
import pyarrow.parquet as pq

TABLE = "orders"
BATCH = 100_000
CREATE = f"""
CREATE TABLE IF NOT EXISTS {TABLE} (
  id BIGINT, user_id INTEGER, quantity SMALLINT, price DECIMAL(10,2), created_at TIMESTAMP,
  updated_at TIMESTAMP, email VARCHAR, city VARCHAR, note VARCHAR, starts_on DATE,
  is_active TINYINT, score DOUBLE)"""
MERGE = f"""
MERGE INTO {TABLE} USING (SELECT * FROM read_parquet(?)) AS s ON {TABLE}.id = s.id
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT"""


def main(source: str, destination: Path) -> None:
    with duckdb.connect(str(destination)) as warehouse:
        warehouse.execute(CREATE)
        row = warehouse.execute(f"SELECT MAX(updated_at) FROM {TABLE}").fetchone()
        newest = row[0] if row else None
        where = f" WHERE updated_at > '{newest}'" if newest else ""
        file = destination.with_suffix(".parquet")
        if extract(source, f"SELECT * FROM {TABLE}{where}", file):
            warehouse.execute(MERGE, [str(file)])
            file.unlink()


def extract(source: str, query: str, file: Path) -> int:
    """Write what ``query`` finds to ``file``; returns its rows."""
    reader = connectorx.read_sql(
        source, query, return_type="arrow_stream", protocol="binary", batch_size=BATCH
    )
    rows = 0
    with pq.ParquetWriter(file, reader.schema) as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


if __name__ == "__main__":
    main(os.environ["BENCH_SOURCE"], Path(os.environ["BENCH_DESTINATION"]))
