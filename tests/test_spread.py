"""Spark's executors read a large window: just what one SELECT reads, whatever befalls them.

Two executors, each a JVM of its own with one core, on the local AWS and a real MariaDB.
"""

from __future__ import annotations

import gc
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pyspark
import pytest
from pyspark import SparkContext
from pyspark.serializers import CloudPickleSerializer
from pyspark.sql import SparkSession

from etl_lib import extract, planning, spread, window
from etl_lib.contract import Table
from etl_lib.errors import RunFailed, SourceError
from etl_lib.run import Plan, Run, open_run
from etl_lib.source import Source, checked_columns
from workbench import prerequisites
from workbench.pipeline import BOOKMARKS, BUCKET
from workbench.stack import Stack

# Py4J leaves the closing of its sockets to the garbage collector: see to it here.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
DATABASE, ROWS = "spread", 24_000
CONTRACT = 'name = "spread"\n[tables.things]\nkeys = ["id"]\ncursor = "at"\n'


@pytest.fixture(scope="module")
def active(stack: Stack) -> Iterator[Stack]:
    with stack.active():
        yield stack


@pytest.fixture(scope="module")
def context(active: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SparkContext]:
    """A cluster of two executors. Their logs go below Spark's home, so it has one of its own."""
    home = tmp_path_factory.mktemp("spark")
    for part in ("bin", "jars"):
        (home / part).symlink_to(Path(pyspark.__file__).parent / part)
    os.environ |= {
        "SPARK_HOME": str(home),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "PYSPARK_PYTHON": sys.executable,
        "JAVA_HOME": str(prerequisites.java_home()),
    }
    settings = {
        "spark.ui.enabled": "false",
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.executor.memory": "512m",
        "spark.task.maxFailures": "2",
        "spark.ui.showConsoleProgress": "false",
    }
    builder: Any = SparkSession.builder
    session = builder.master("local-cluster[2,1,1024]").config(map=settings).getOrCreate()
    session.sparkContext.setLogLevel("OFF")
    yield session.sparkContext
    session.stop()
    gateway: Any = SparkContext._gateway
    gateway.shutdown()
    gateway.proc.stdin.close()  # at whose end it ends
    gateway.proc.wait(30)
    SparkContext._gateway = SparkContext._jvm = None
    gc.collect()


@pytest.fixture(scope="module")
def source(active: Stack) -> Source:
    with active.server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4")
    with active.server.cursor(DATABASE) as cursor:
        cursor.execute(
            "CREATE TABLE things (id BIGINT PRIMARY KEY, note VARCHAR(40), price DECIMAL(10,2), "
            "at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6), day DATE, KEY (at))"
        )
        cursor.execute(
            "INSERT INTO things SELECT seq * seq, CONCAT('note ', MD5(seq)), seq / 100, "
            f"'2025-01-01' + INTERVAL seq DIV 7 SECOND, '2025-01-01' FROM seq_1_to_{ROWS}"
        )
        cursor.execute("ANALYZE TABLE things")
    return Source.from_secret(active.pipeline.put_secret(DATABASE, active.server.secret(DATABASE)))


@pytest.fixture
def run(active: Stack, source: Source, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A run for which a window of a thousand rows is large."""
    monkeypatch.setattr(window, "FEW", 1_000)
    for name in ("WIDE", "SCATTERED"):
        monkeypatch.setattr(extract, name, 1_000)
    monkeypatch.setattr(extract, "RANGE", 8_000)
    (tmp_path / "tables.toml").write_text(CONTRACT)
    url = active.pipeline.publish(tmp_path / "tables.toml")
    return open_run("spread", BUCKET, url, "", "rental-apartments", "dev", "", BOOKMARKS)


def planned(source: Source, table: Table, low: str | None = None) -> Plan:
    columns = checked_columns(source, table)
    found = window.incremental(source, table, columns, low, None)
    return Plan(found, planning.described(columns, table), sequence=1, sweep=False)


def moved(run: Run, source: Source, plan: Plan, secret: str = DATABASE) -> dict[str, Any]:
    return extract._extract(run, source, secret, run.tables[0], plan)


def rows(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """What the files hold that a manifest lists."""
    client, found = boto3.client("s3"), []
    for entry in manifest["entries"]:
        key = entry["url"].removeprefix(f"s3://{BUCKET}/")
        body = client.get_object(Bucket=BUCKET, Key=key)["Body"].read()
        assert len(body) == entry["meta"]["content_length"]
        listed = pq.read_table(io.BytesIO(body)).to_pylist()
        assert len(listed) == entry["meta"]["record_count"]
        found += listed
    return sorted(found, key=lambda row: int(row["id"]))


def executors() -> list[int]:
    """Their processes."""
    found = subprocess.run(
        ["pgrep", "-f", "CoarseGrainedExecutorBackend.*--executor-id"],
        capture_output=True,
        text=True,
    )
    ours = [int(each) for each in found.stdout.split()]
    return [each for each in ours if str(os.environ["SPARK_HOME"]) in _command(each)]


def _command(process: int) -> str:
    try:
        return Path(f"/proc/{process}/cmdline").read_text()
    except OSError:
        return ""


@pytest.mark.parametrize("low", [None, "2025-01-01 00:45:00"])
def test_executors_read_what_one_select_reads(
    run: Run, source: Source, context: SparkContext, low: str | None
) -> None:
    plan = planned(source, run.tables[0], low)
    ours, theirs = (moved(run, source, plan, secret) for secret in ("", DATABASE))
    assert len(theirs["entries"]) > len(ours["entries"]) == 1
    assert rows(theirs) == rows(ours)
    assert ours["meta"]["record_count"] == theirs["meta"]["record_count"] == plan.window.rows


@pytest.mark.drill  # half a minute, until Spark has noticed
def test_an_executor_that_dies_meanwhile_leaves_no_row_twice_and_none_out(
    run: Run, source: Source, context: SparkContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = planned(source, run.tables[0])
    monkeypatch.setattr(extract, "RANGE", 2_000)
    found: list[dict[str, Any]] = []
    work = threading.Thread(target=lambda: found.append(moved(run, source, plan)))
    before = executors()
    assert len(before) == 2
    work.start()
    while work.is_alive() and not raw_files():
        time.sleep(0.02)
    os.kill(before[0], signal.SIGKILL)
    assert work.is_alive(), "it had ended before: give it more ranges"
    work.join(120)
    assert [row["id"] for row in rows(found[0])] == [at * at for at in range(1, ROWS + 1)]


def raw_files() -> int:
    listed = boto3.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="raw/spread/things/")
    return int(listed["KeyCount"])


def test_a_value_that_does_not_fit_stops_the_run_with_its_key(
    run: Run, source: Source, context: SparkContext, active: Stack
) -> None:
    plan = planned(source, run.tables[0])
    with active.server.cursor(DATABASE) as cursor:
        cursor.execute("UPDATE things SET note = 'a\\0b', at = at WHERE id = 400000000")
    try:
        with pytest.raises(SourceError) as caught:
            moved(run, source, plan)
    finally:
        with active.server.cursor(DATABASE) as cursor:
            cursor.execute("UPDATE things SET note = 'ab', at = at WHERE id = 400000000")
    assert "table things, column note, row {'id': '400000000'}: a NUL" in str(caught.value)
    assert "Traceback" not in str(caught.value) and "java" not in str(caught.value).lower()


@pytest.mark.drill
def test_what_spark_gives_up_is_told_in_one_line(
    run: Run, source: Source, context: SparkContext
) -> None:
    """Here: there is no bucket to write to. Each range is tried again in vain."""
    plan = planned(source, run.tables[0], "2025-01-01 00:45:00")
    nowhere = replace(run, zone=replace(run.zone, bucket="no-such-bucket-here"))
    with pytest.raises(RunFailed) as caught:
        moved(nowhere, source, plan)
    assert "table things: Spark gave up a range of it: " in str(caught.value)
    assert "NoSuchBucket" in str(caught.value) and "\n" not in str(caught.value)


def test_no_password_travels_to_an_executor(run: Run, source: Source) -> None:
    plan = planned(source, run.tables[0])
    query = extract._query(source, run.tables[0], plan)
    sent = CloudPickleSerializer().dumps(spread.Reader(DATABASE, "", BUCKET, "stem", query))
    assert source.password.encode() not in sent and b"things" in sent


def test_where_spark_has_no_executors_the_driver_reads(
    run: Run, source: Source, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a laptop, where ranges are no faster; a small window does not even ask."""
    monkeypatch.setattr(spread, "cluster", lambda: None)
    plan = planned(source, run.tables[0])
    assert len(moved(run, source, plan)["entries"]) == 1
    monkeypatch.setattr(spread, "cluster", lambda: pytest.fail("it asked"))
    monkeypatch.setattr(extract, "WIDE", ROWS + 1)
    assert len(moved(run, source, plan)["entries"]) == 1
