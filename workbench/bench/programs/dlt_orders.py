"""dlt with its connectorx backend, MariaDB to DuckDB. Runs in an environment of its own.

BENCH_SOURCE is the source's address, BENCH_DESTINATION the DuckDB file.
"""

from __future__ import annotations

import os
from pathlib import Path

import dlt
from dlt.sources.sql_database import sql_table


def main(source: str, destination: Path) -> None:
    pipeline = dlt.pipeline(
        "bench",
        pipelines_dir=str(destination.parent / "pipelines"),
        destination=dlt.destinations.duckdb(str(destination)),
        dataset_name="bench",
    )
    orders = sql_table(
        credentials=source,
        table="orders",
        backend="connectorx",
        backend_kwargs={"return_type": "arrow_stream"},
        chunk_size=100_000,
        incremental=dlt.sources.incremental("updated_at"),
        primary_key="id",
        write_disposition="merge",
    )
    pipeline.run(orders)


if __name__ == "__main__":
    main(os.environ["BENCH_SOURCE"], Path(os.environ["BENCH_DESTINATION"]))
