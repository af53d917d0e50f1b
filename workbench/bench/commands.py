"""The command line by which each peer moves the table."""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb

from workbench import prerequisites
from workbench.bench import programs, tools
from workbench.bench.job import INCREMENT, Command, Job
from workbench.bench.orders import TABLE
from workbench.bench.usage import plain

PROGRAMS = Path(programs.__file__).parent


def limit(job: Job) -> Command:
    client = prerequisites.mariadb()
    words = [str(client.client), "--no-defaults", "--protocol=tcp", "-q", "-B"]
    words += ["-h", job.secret["host"], "-P", str(job.secret["port"]), "-u", job.secret["username"]]
    words += ["-e", f"SELECT * FROM {TABLE}", job.secret["dbname"]]
    libraries = client.environment()["LD_LIBRARY_PATH"]
    return Command(words, plain(MYSQL_PWD=job.secret["password"], LD_LIBRARY_PATH=libraries))


def by_hand(job: Job) -> Command:
    return Command(
        [sys.executable, str(PROGRAMS / "by_hand.py")],
        job.environment(BENCH_SOURCE=job.url, BENCH_DESTINATION=str(job.destination)),
    )


def dlt(job: Job) -> Command:
    source = job.url.replace("mysql://", "mysql+pymysql://")
    return Command(
        [str(tools.environment("dlt") / "bin/python"), str(PROGRAMS / "dlt_orders.py")],
        job.environment(BENCH_SOURCE=source, BENCH_DESTINATION=str(job.destination)),
    )


def ingestr(job: Job) -> Command:
    """It keeps no watermark: an increment is told where to begin, an idle run is not."""
    folder = tools.environment("ingestr")
    words = [str(folder / "bin/ingestr"), "ingest", "--yes", "--progress", "log"]
    words += ["--source-table", f"{job.secret['dbname']}.{TABLE}", "--dest-table", f"main.{TABLE}"]
    words += ["--primary-key", "id", "--incremental-key", "updated_at"]
    words += ["--incremental-strategy", "merge"]
    if job.phase == INCREMENT:
        words += ["--interval-start", _newest(job.destination)]
    return Command(
        words,
        job.environment(
            SOURCE_URI=job.url,
            DESTINATION_URI=f"duckdb:///{job.destination}",
            ADBC_DRIVER_PATH=str(tools.adbc(folder)),
            LD_PRELOAD=str(tools.python_library()),  # what DuckDB's module is linked against
        ),
    )


def _newest(destination: Path) -> str:
    with duckdb.connect(str(destination), read_only=True) as warehouse:
        row = warehouse.execute(
            f"SELECT strftime(MAX(updated_at), '%Y-%m-%dT%H:%M:%S.%f') FROM main.{TABLE}"
        ).fetchone()
    assert row is not None
    return str(row[0])


def sling(job: Job) -> Command:
    folder = tools.environment("sling")
    packages = next(folder.glob("lib/python*/site-packages"))
    # Its command in Python looks for `sling` on the PATH, finds itself, and so on without an end.
    binary = next(packages.glob("sling_linux_*/bin/sling-linux*"))
    tools.offer_extensions(packages, job.folder)
    words = [str(binary), "run", "--mode", "incremental"]
    words += ["--src-conn", "BENCH_FROM", "--src-stream", f"{job.secret['dbname']}.{TABLE}"]
    words += ["--tgt-conn", "BENCH_TO", "--tgt-object", f"main.{TABLE}"]
    words += ["--primary-key", "id", "--update-key", "updated_at"]
    return Command(
        words,
        job.environment(
            BENCH_FROM=job.url.replace("mysql://", "mariadb://"),
            BENCH_TO=f"duckdb://{job.destination}",
            DUCKDB_PATH=str(packages / "duckdb_cli/duckdb"),
            DUCKDB_USE_INSTALLED_EXTENSIONS="true",
        ),
    )


def spark(job: Job) -> Command:
    home = prerequisites.java_home()
    return Command(
        [sys.executable, str(PROGRAMS / "spark_orders.py")],
        job.environment(
            BENCH_SOURCE=f"jdbc:mysql://{job.at}",
            BENCH_USER=str(job.secret["username"]),
            BENCH_PASSWORD=str(job.secret["password"]),
            BENCH_JAR=str(tools.mariadb_driver()),
            BENCH_DESTINATION=str(job.destination),
            JAVA_HOME=str(home),
            PYSPARK_PYTHON=sys.executable,
        ),
    )
