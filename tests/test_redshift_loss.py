"""What ends DuckDB's database fails its own statement; the database is opened again behind it."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from botocore.exceptions import ClientError

from tests.test_redshift_data import AT, SLOW, batch, finished, fresh, make_big, rows, run
from tests.test_redshift_isolation import passed, start
from workbench import endpoint as local_aws
from workbench.daemon import Daemon

# The text of a TIMESTAMP below its least, which COPY no longer lets in: a warehouse of before may
# hold one.
DEADLY = "SELECT CAST(at AS VARCHAR) FROM odd"
ROWS = 800  # of 60 kB
CHECKPOINT = 16 * 1024 * 1024  # bytes of DuckDB's log, after which it writes one
TEXT = "MD5(CAST(n * 3 + m AS VARCHAR))"
GONE = "the database was closed"


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("loss") / "aws"


@pytest.fixture(scope="module")
def data(state: Path) -> Iterator[Any]:
    client = local_aws.start(state).client("redshift-data")
    run(client, "CREATE TABLE odd (at TIMESTAMP)")
    make_big(client, "gate")
    run(client, "CREATE TABLE few AS SELECT 0 AS m UNION ALL SELECT 1 UNION ALL SELECT 2")
    local_aws.stop(state)
    with duckdb.connect(str(state / "warehouse.duckdb")) as warehouse:
        moments = pa.table({"at": pa.array([-(2**63)], pa.timestamp("us"))})
        warehouse.register("moments", moments)
        warehouse.execute("INSERT INTO public.odd FROM moments")
        texts = [os.urandom(30_000).hex() for _ in range(ROWS)]
        warehouse.register("texts", pa.table({"n": range(ROWS), "t": texts}))
        warehouse.execute("CREATE TABLE public.wide AS FROM texts")
    yield local_aws.start(state).client("redshift-data")
    local_aws.stop(state)


def test_it_fails_with_its_reason_and_later_statements_work(data: Any) -> None:
    kept, undone = fresh(), fresh()
    run(data, f"CREATE TABLE {kept} AS SELECT 1 AS n")
    for _ in range(3):
        said = run(data, DEADLY)
        assert said["Status"] == "FAILED"
        assert "Date out of range in timestamp conversion" in said["Error"]
        assert rows(data, f"SELECT n FROM {kept}") == [[1]]
    said = batch(data, f"CREATE TABLE {undone} (n INTEGER)", f"DELETE FROM {kept}", DEADLY)
    assert said["Status"] == "FAILED"
    assert said["Error"].startswith("Query #3 failed with ERROR: ")
    assert rows(data, f"SELECT n FROM {kept}") == [[1]]
    assert f'"{undone}" does not exist' in run(data, f"SELECT * FROM {undone}")["Error"]


def test_what_was_open_beside_it_fails_and_leaves_nothing(data: Any) -> None:
    """What computes for minutes, what waits for its lock, and what is a transaction each."""
    tables = [fresh() for _ in range(3)]
    for each in tables:
        run(data, f"CREATE TABLE {each} (n INTEGER)")
    slow = SLOW.replace("big", "gate")
    computes = start(data, f"INSERT INTO {tables[0]} VALUES (1)", "LOCK gate", slow)
    passed(data, computes)
    waits = start(data, f"INSERT INTO {tables[1]} VALUES (1)", "LOCK gate")
    passed(data, waits)
    alone = [f"INSERT INTO {tables[2]} VALUES (1)", slow, f"INSERT INTO {tables[2]} VALUES (2)"]
    each_alone = data.batch_execute_statement(Sqls=alone, ExecutionMode="AUTO_COMMIT", **AT)["Id"]
    passed(data, each_alone)
    assert run(data, DEADLY)["Status"] == "FAILED"
    told = [finished(data, each) for each in (computes, waits, each_alone)]
    assert [each["Status"] for each in told] == ["FAILED"] * 3
    assert all(GONE in each["Error"] for each in told), told
    left = [rows(data, f"SELECT n FROM {each} ORDER BY n") for each in tables]
    assert left == [[], [], [[1], [2]]]


def test_sessions_of_before_have_ended_and_new_ones_begin(data: Any) -> None:
    """A session's temporary tables are gone: it must not go on with others of their names."""
    opened = run(data, "CREATE TEMP TABLE mine AS SELECT 1 AS n", SessionKeepAliveSeconds=60)
    assert run(data, DEADLY)["Status"] == "FAILED"
    with pytest.raises(ClientError, match="does not exist"):
        data.execute_statement(Sql="SELECT n FROM mine", SessionId=opened["SessionId"])
    again = run(data, "CREATE TEMP TABLE mine AS SELECT 2 AS n", SessionKeepAliveSeconds=60)
    told = data.execute_statement(Sql="SELECT n FROM mine", SessionId=again["SessionId"])["Id"]
    assert finished(data, told)["Status"] == "FINISHED"
    run(data, DEADLY)  # in a session, too
    inside = run(data, DEADLY, SessionKeepAliveSeconds=60)
    assert "Date out of range" in inside["Error"]
    assert rows(data, "SELECT 1") == [[1]]


def test_many_at_once_lose_nothing_that_was_committed(data: Any) -> None:
    table = fresh()
    run(data, f"CREATE TABLE {table} (n INTEGER)")

    def one(number: int) -> str:
        insert = f"INSERT INTO {table} VALUES ({number})"
        if number % 4 == 1:
            described = batch(data, f"LOCK {table}", insert, "SELECT 1")
        else:
            described = run(data, insert if number % 4 else DEADLY)
        assert described["Status"] == "FINISHED" or "ERROR: " in described["Error"]
        assert "internal" not in described.get("Error", "")
        return str(described["Status"])

    with ThreadPoolExecutor(12) as pool:
        ended = dict(enumerate(pool.map(one, range(80))))
    assert all(ended[number] == "FAILED" for number in range(0, 80, 4))
    found = [n for (n,) in rows(data, f"SELECT n FROM {table} ORDER BY n")]
    assert found == [number for number, status in ended.items() if status == "FINISHED"]


@pytest.mark.parametrize(
    "sql, status, found",
    [
        ("INSERT INTO {} VALUES (-1, 'x')", "FINISHED", [[-1, 1]]),
        (f"INSERT INTO {{}} SELECT -1, {TEXT} FROM gate CROSS JOIN few", "FAILED", []),
    ],
)
def test_of_a_checkpoint_that_cannot_be_written_the_commit_stands_or_failed(
    data: Any, state: Path, sql: str, status: str, found: list[Any]
) -> None:
    """On a full disk, as a limit of the size of files. DuckDB breaks its database in a checkpoint,
    behind a COMMIT that stands, or as a part of one that does not."""
    table, log = fresh(), state / "warehouse.duckdb.wal"
    run(data, f"CREATE TABLE {table} AS SELECT n, t FROM wide WHERE n < 0")
    filled, fill = 0, f"INSERT INTO {table} SELECT n, t FROM wide WHERE n < 100"
    while not log.exists() or log.stat().st_size < CHECKPOINT:
        assert run(data, fill)["Status"] == "FINISHED"
        filled += 100
    with full(state):
        said = run(data, sql.format(table))
        assert said["Status"] == status, said
        assert "cannot be opened again" in run(data, "SELECT 1")["Error"]
    counted = f"SELECT n, COUNT(*) FROM {table} WHERE n < 0 GROUP BY n"
    assert rows(data, counted) == found
    assert rows(data, f"SELECT COUNT(*) FROM {table} WHERE n >= 0") == [[filled]]


@contextmanager
def full(state: Path) -> Iterator[None]:
    """No file of the local AWS grows beyond the warehouse as it is."""
    pid = Daemon("aws", state).pid()
    assert pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    size = (state / "warehouse.duckdb").stat().st_size
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size + 100_000, hard))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))
