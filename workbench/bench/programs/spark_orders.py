"""The script of AWS's own examples: Spark JDBC → Parquet → COPY and MERGE, here into DuckDB.

BENCH_SOURCE is the JDBC address, BENCH_USER and BENCH_PASSWORD who reads, BENCH_JAR the driver,
BENCH_DESTINATION the DuckDB file.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import duckdb
from pyspark.sql import SparkSession

TABLE = "orders"
PARTITIONS = 4
MERGE = f"""
MERGE INTO {TABLE} USING staging AS s ON {TABLE}.id = s.id
WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT"""


def main(destination: Path) -> None:
    files = destination.with_suffix(".raw")
    with duckdb.connect(str(destination)) as warehouse:
        newest = watermark(warehouse)
        extract(files, f"updated_at > '{newest}'" if newest else "TRUE")
        parquet = f"read_parquet('{files}/*.parquet')"
        if newest is None:
            warehouse.execute(f"CREATE TABLE {TABLE} AS SELECT * FROM {parquet}")
        else:
            warehouse.execute(f"CREATE TEMP TABLE staging AS SELECT * FROM {parquet}")
            warehouse.execute(MERGE)
    shutil.rmtree(files)


def watermark(warehouse: duckdb.DuckDBPyConnection) -> str | None:
    known = "SELECT 1 FROM duckdb_tables() WHERE table_name = ?"
    if not warehouse.execute(known, [TABLE]).fetchone():
        return None
    row = warehouse.execute(f"SELECT CAST(MAX(updated_at) AS VARCHAR) FROM {TABLE}").fetchone()
    return row[0] if row else None


def extract(files: Path, where: str) -> None:
    spark = session()
    options = {
        "driver": "org.mariadb.jdbc.Driver",
        "url": os.environ["BENCH_SOURCE"],
        "user": os.environ["BENCH_USER"],
        "password": os.environ["BENCH_PASSWORD"],
        "fetchsize": "10000",
    }
    reader = spark.read.format("jdbc").options(**options)
    bounds = f"(SELECT MIN(id) AS low, MAX(id) AS high FROM {TABLE} WHERE {where}) AS t"
    found = reader.option("dbtable", bounds).load().first()
    assert found is not None
    rows = reader.option("dbtable", f"(SELECT * FROM {TABLE} WHERE {where}) AS t")
    if found["low"] is not None:
        rows = rows.options(
            partitionColumn="id",
            lowerBound=str(found["low"]),
            upperBound=str(found["high"]),
            numPartitions=str(PARTITIONS),
        )
    rows.load().write.parquet(str(files))
    spark.stop()


def session() -> SparkSession:
    settings = {
        "spark.master": "local[2]",
        "spark.driver.memory": "2g",
        "spark.jars": os.environ["BENCH_JAR"],
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
        "spark.ui.enabled": "false",
    }
    builder: SparkSession.Builder = SparkSession.builder
    for name, value in settings.items():
        builder = builder.config(name, value)
    return builder.getOrCreate()


if __name__ == "__main__":
    main(Path(os.environ["BENCH_DESTINATION"]))
