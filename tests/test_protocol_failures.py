"""Each way in which polling a cursor loses rows, W1 to W17: shown with its safeguard off, and on.

What no cursor can see is marked: a sweep finds some of it, the rest is the work of reconcile.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest

from etl_lib import source, window
from etl_lib.contract import Table
from etl_lib.errors import SchemaDrift, SourceError
from tests.histories import play
from tests.histories.mutants import MUTANTS, planning_by
from tests.histories.pipeline import Crash, KeptSource, Pipeline
from tests.histories.writers import DATABASE, connect
from workbench.mysql.server import READER, Server

STAMP = "DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6)"
TABLE = Table(name="t", keys=("id",), cursor="at", min_rows=0)
NONE: dict[str, Callable[..., Any]] = {}


@pytest.fixture(scope="module")
def server(mysql_server: Server) -> Iterator[Server]:
    with play.quick(mysql_server):
        yield mysql_server


class World:
    """A table ``t``, sessions that write to it, and pipelines that copy it."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.source = KeptSource(server.host, server.port, READER, server.reader_password, DATABASE)
        self.make()

    def make(self, stamp: str = STAMP) -> None:
        self.do("DROP TABLE IF EXISTS t", f"CREATE TABLE t (id INT PRIMARY KEY, n INT, at {stamp})")
        self.do("INSERT INTO t (id, n) VALUES (1, 0)")
        time.sleep(0.002)

    def do(self, *statements: str) -> None:
        with self.session() as run:
            for statement in statements:
                run(statement)

    @contextmanager
    def session(self) -> Iterator[Callable[[str], None]]:
        with closing(connect(self.server)) as session, session.cursor() as cursor:

            def run(sql: str) -> None:
                cursor.execute(sql)

            yield run

    @contextmanager
    def waiting(self, statement: str) -> Iterator[None]:
        """A session whose statement begins to wait, and ends with the block."""

        def write() -> None:
            with self.session() as run:
                run(statement)

        thread = threading.Thread(target=write)
        thread.start()
        time.sleep(0.1)
        yield
        thread.join()

    def pipeline(self, table: Table = TABLE) -> Pipeline:
        return Pipeline(self.source, table)

    def end(self, pipeline: Pipeline) -> list[str]:
        """Rows that are wrong after a last run, when all is quiet."""
        time.sleep(0.002)
        pipeline.run()
        return pipeline.wrong()


@pytest.fixture
def world(server: Server) -> Iterator[World]:
    made = World(server)
    yield made
    made.source.close()


def safeguard(*mutants: str) -> pytest.MarkDecorator:
    """The case without one of its safeguards loses a row; with them, none."""
    cases = [*((MUTANTS[mutant].parts, True) for mutant in mutants), (NONE, False)]
    ids = [*(f"without: {mutant}" for mutant in mutants), "with"]
    return pytest.mark.parametrize(("parts", "loses"), cases, ids=ids)


# W1
@safeguard("greater-or-equal")
def test_a_late_commit(world: World, parts: Any, loses: bool) -> None:
    pipeline = world.pipeline()
    with planning_by(parts), world.session() as late:
        late("BEGIN")
        late("INSERT INTO t (id, n) VALUES (2, 0)")
        world.do("INSERT INTO t (id, n) VALUES (3, 0)")
        pipeline.run()
        late("COMMIT")
        assert bool(world.end(pipeline)) is loses


# W2
@safeguard("greater")
def test_a_row_of_the_same_tick_as_the_last_one_read(world: World, parts: Any, loses: bool) -> None:
    world.make(STAMP.replace("6", "0"))
    pipeline = world.pipeline()
    time.sleep(1.05 - datetime.now().microsecond / 1e6)
    with planning_by(parts):
        world.do("INSERT INTO t (id, n) VALUES (2, 0)")
        pipeline.run()
        world.do("INSERT INTO t (id, n) VALUES (3, 0)")
        time.sleep(1)
        assert bool(world.end(pipeline)) is loses


# W3
@safeguard("compare-by-timestamp")
def test_a_second_update_within_the_same_tick(world: World, parts: Any, loses: bool) -> None:
    world.make(STAMP.replace("6", "0"))
    pipeline = world.pipeline()
    time.sleep(1.05 - datetime.now().microsecond / 1e6)
    with planning_by(parts), world.session() as late:
        late("UPDATE t SET n = 1")
        late("BEGIN")
        late("UPDATE t SET n = 2")
        time.sleep(1)
        pipeline.run()
        late("COMMIT")
        assert bool(world.end(pipeline)) is loses


# W4
@safeguard("uncommitted-read-only")
def test_a_statement_that_waits_for_a_metadata_lock(world: World, parts: Any, loses: bool) -> None:
    pipeline = world.pipeline()
    with planning_by(parts), world.session() as locker:
        locker("LOCK TABLES t READ")
        with world.waiting("INSERT INTO t (id, n) VALUES (2, 0)"):
            pipeline.run()
            locker("UNLOCK TABLES")
        assert bool(world.end(pipeline)) is loses


# W4: the wait ends between the two looks, and the transaction stays open
@safeguard("list-after-check")
def test_a_wait_that_ends_before_the_statements_are_listed(
    world: World, parts: Any, loses: bool
) -> None:
    pipeline = world.pipeline()
    with planning_by(parts), world.session() as locker:
        locker("LOCK TABLES t READ")
        with world.session() as run:
            run("BEGIN")
            insert = "INSERT INTO t (id, n) VALUES (2, 0)"
            thread = threading.Thread(target=run, args=[insert])
            thread.start()
            time.sleep(0.1)
            unlock = threading.Timer(0.04, locker, ["UNLOCK TABLES"])
            floor = window._floor

            def listed(*bound: Any) -> Any:  # is called when the statements have been listed
                if not unlock.ident:
                    unlock.start()
                return floor(*bound)

            with patch.object(window, "_floor", listed):
                pipeline.run()
            thread.join()
            run("COMMIT")
        assert bool(world.end(pipeline)) is loses


# W4: a trigger's SELECT is all that the list shows of a statement
def test_a_statement_whose_trigger_waits_in_a_select(world: World) -> None:
    world.do(
        "DROP TABLE IF EXISTS g",
        "CREATE TABLE g (id INT PRIMARY KEY, n INT)",
        "INSERT INTO g VALUES (1, 7)",
        "CREATE TRIGGER look BEFORE UPDATE ON t FOR EACH ROW BEGIN DECLARE x INT; "
        "SELECT n INTO x FROM g WHERE id = 1 FOR UPDATE; SET NEW.n = x; END",
    )
    pipeline = world.pipeline()
    with world.session() as locker:
        locker("BEGIN")
        locker("SELECT * FROM g FOR UPDATE")
        with world.waiting("UPDATE t SET n = 1"):
            pipeline.run()
            locker("COMMIT")
    assert world.end(pipeline) == []


# W5
@safeguard("innodb-trx-only", "unproven-list")
def test_a_monitor_that_keeps_the_list_of_transactions_old(
    world: World, parts: Any, loses: bool
) -> None:
    over = threading.Event()

    def monitor() -> None:
        with world.session() as run:
            while not over.wait(0.02):
                run("SELECT COUNT(*) FROM information_schema.innodb_trx")

    thread = threading.Thread(target=monitor)
    thread.start()
    time.sleep(0.1)
    pipeline = world.pipeline()
    with planning_by(parts), world.session() as late:
        late("BEGIN")
        late("INSERT INTO t (id, n) VALUES (2, 0)")
        pipeline.run()
        late("COMMIT")
        assert bool(world.end(pipeline)) is loses
    over.set()
    thread.join()


# W6
@pytest.mark.parametrize(("lookback", "loses"), [(0, True), (600, False)])
def test_rows_that_an_application_stamps_late(world: World, lookback: int, loses: bool) -> None:
    world.make("DATETIME(6) NOT NULL DEFAULT '2024-01-01'")
    pipeline = world.pipeline(replace(TABLE, lookback=lookback))
    plan = pipeline.run()
    assert plan.window.tier == "bounded", "rows that the server does not stamp prove nothing"
    world.do("INSERT INTO t VALUES (2, 0, NOW(6) - INTERVAL 5 MINUTE)")
    assert bool(world.end(pipeline)) is loses


# W7, W10: a sweep finds the new keys; changes that keep the key are reconcile's work
@pytest.mark.parametrize("back_dated", ["SET timestamp = 1000000000", "SET @n = 1"])
@pytest.mark.parametrize(("deletes", "loses"), [("none", True), ("sweep", False)])
def test_new_rows_with_an_old_stamp(
    world: World, back_dated: str, deletes: str, loses: bool
) -> None:
    pipeline = world.pipeline(replace(TABLE, deletes=deletes))
    pipeline.run()
    stamp = "NOW(6)" if "timestamp" in back_dated else "'2001-09-09'"
    with world.session() as session:
        session(back_dated)
        session(f"INSERT INTO t VALUES (2, 0, {stamp})")
    pipeline.run()  # finds that a key is missing
    assert bool(world.end(pipeline)) is loses


# W8: reconcile's work, unless the table is loaded in full
@pytest.mark.parametrize(("cursor", "loses"), [("at", True), (None, False)])
def test_updates_that_leave_the_stamp_alone(world: World, cursor: str | None, loses: bool) -> None:
    pipeline = world.pipeline(replace(TABLE, cursor=cursor))
    pipeline.run()
    world.do("UPDATE t SET n = 1, at = at")
    assert bool(world.end(pipeline)) is loses


# W8: reconcile's work, unless the table is loaded in full
@pytest.mark.parametrize(("cursor", "loses"), [("at", True), (None, False)])
def test_foreign_keys_that_cascade(world: World, cursor: str | None, loses: bool) -> None:
    world.do(
        "DROP TABLE t",
        "DROP TABLE IF EXISTS parents",
        "CREATE TABLE parents (id INT PRIMARY KEY)",
        "INSERT INTO parents VALUES (5)",
        f"CREATE TABLE t (id INT PRIMARY KEY, n INT, at {STAMP}, "
        "FOREIGN KEY (n) REFERENCES parents (id) ON UPDATE CASCADE)",
        "INSERT INTO t (id, n) VALUES (1, 5)",
    )
    time.sleep(0.002)
    pipeline = world.pipeline(replace(TABLE, cursor=cursor))
    pipeline.run()
    world.do("UPDATE parents SET id = 6")
    assert bool(world.end(pipeline)) is loses
    world.do("DROP TABLE t", "DROP TABLE parents")


# W8
def test_a_new_column_that_changes_every_row_is_refused(world: World) -> None:
    pipeline = world.pipeline()
    pipeline.run()
    world.do("ALTER TABLE t ADD COLUMN colour VARCHAR(9) DEFAULT 'red'")
    with pytest.raises(SchemaDrift, match="colour VARCHAR.* was added"):
        pipeline.run()


# W9
@pytest.mark.parametrize(("deletes", "loses"), [("none", True), ("sweep", False)])
def test_deleted_rows(world: World, deletes: str, loses: bool) -> None:
    world.do("INSERT INTO t (id, n) VALUES (2, 0)")
    pipeline = world.pipeline(replace(TABLE, deletes=deletes))
    time.sleep(0.002)
    pipeline.run()
    world.do("DELETE FROM t WHERE id = 2")
    assert bool(world.end(pipeline)) is loses


# W11
def test_rows_without_a_stamp_are_refused(world: World) -> None:
    world.make("DATETIME(6) NULL DEFAULT NOW(6)")
    pipeline = world.pipeline()
    pipeline.run()
    world.do("INSERT INTO t VALUES (2, 0, NULL)")
    with pytest.raises(SourceError, match="cursor 'at' is NULL in 1 rows"):
        pipeline.run()
    with patch.object(window, "_refuse_null_cursors", lambda *_: None):
        assert world.end(pipeline), "without the refusal it is lost"


# W12
@pytest.mark.parametrize(
    ("kind", "lookback", "loses"),
    [("TIMESTAMP(6)", 0, False), ("DATETIME(6)", 0, True), ("DATETIME(6)", 6 * 3600, False)],
)
def test_a_writer_in_another_time_zone(world: World, kind: str, lookback: int, loses: bool) -> None:
    """A DATETIME holds local time, five hours old: within the lookback, or reconcile's work."""
    world.make(STAMP.replace("DATETIME(6)", kind))
    pipeline = world.pipeline(replace(TABLE, lookback=lookback))
    pipeline.run()
    with world.session() as session:
        session("SET time_zone = '-05:00'")
        session("INSERT INTO t (id, n) VALUES (2, 0)")
    assert bool(world.end(pipeline)) is loses


# W12
def test_a_server_in_another_time_zone_is_refused(world: World) -> None:
    """Its NOW() of an hour ago is our now: windows would end where no row is yet."""
    with patch.object(source.Source, "time_zone", lambda _: "Europe/Paris"):
        with pytest.raises(SourceError, match="Only UTC is supported"):
            world.pipeline().run()


# W13, W14 and lists that do not show all are told apart by what the server says of itself.
class Says:
    """A source that answers each statement of the clock in turn."""

    def __init__(self, *answers: dict[str, Any]) -> None:
        self.answers = list(answers)

    @contextmanager
    def connect(self, isolation: str = "") -> Iterator[Any]:
        yield self

    def execute(self, sql: str) -> None:
        self.sql = sql

    def fetchone(self) -> dict[str, Any]:
        return self.answers.pop(0)


NOW = datetime(2026, 1, 1, 12)
MYSQL = {"mariadb": 0, "read_only": 0}


# W13
def test_mysql_may_round_a_stamp_up_and_counts_whole_seconds() -> None:
    running = {"now": NOW, "oldest": 3, "listed": 1}
    said = Says(MYSQL, {"n": 1}, running)
    assert window.clock(said, TABLE) == (NOW, NOW - timedelta(seconds=4.5), "proven")  # type: ignore[arg-type]


def test_a_list_of_statements_that_lacks_our_own_proves_nothing() -> None:
    """As performance_schema's, where it is switched off."""
    said = Says(MYSQL, {"n": 1}, {"now": NOW, "oldest": 0, "listed": 0})
    assert window.clock(said, TABLE) == (NOW, NOW - timedelta(seconds=60), "bounded")  # type: ignore[arg-type]


# W14
def test_a_read_replica_is_refused(world: World, server: Server) -> None:
    with server.cursor() as cursor:
        cursor.execute("SET GLOBAL read_only = 1")
    try:
        with pytest.raises(SourceError, match="read-only.*Name the writer"):
            world.pipeline().run()
    finally:
        with server.cursor() as cursor:
            cursor.execute("SET GLOBAL read_only = 0")


# W15
@safeguard("statements-only")
def test_a_prepared_transaction_whose_session_is_gone(
    world: World, parts: Any, loses: bool
) -> None:
    pipeline = world.pipeline()
    with planning_by(parts):
        with world.session() as gone:
            gone("XA START 'w15'")
            gone("INSERT INTO t (id, n) VALUES (2, 0)")
            gone("XA END 'w15'")
            gone("XA PREPARE 'w15'")
        pipeline.run()
        world.do("XA COMMIT 'w15'")
        assert bool(world.end(pipeline)) is loses


# W16
@pytest.mark.parametrize("loses", [True, False], ids=["without: rounded up", "with"])
def test_a_window_never_ends_after_the_clock(world: World, loses: bool) -> None:
    world.make(STAMP.replace("6", "0"))
    floor = window._floor
    up = patch.object(window, "_floor", lambda *given: floor(*given) + timedelta(seconds=1))
    pipeline = world.pipeline()
    time.sleep(1.05 - datetime.now().microsecond / 1e6)
    with up if loses else patch.object(window, "_floor", floor):
        pipeline.run()
        world.do("INSERT INTO t (id, n) VALUES (2, 0)")
        time.sleep(1)
        assert bool(world.end(pipeline)) is loses


# W17
def test_rows_that_change_between_the_plan_and_its_extraction(world: World) -> None:
    """They leave the window upwards: the extraction's snapshot need not be the plan's."""
    pipeline = world.pipeline()
    with pytest.raises(Crash):
        pipeline.run("plan")
    world.do("UPDATE t SET n = 1", "INSERT INTO t (id, n) VALUES (2, 0)")
    adopted = pipeline.run()
    assert adopted.window.rows == 1, "the plan that was stored, not a new one"
    assert world.end(pipeline) == []


# W17: where each look has a snapshot of its own, the bookmark must be of what was moved
def test_a_table_that_comes_back_to_what_it_was_after_its_extraction(world: World) -> None:
    pipeline = world.pipeline(replace(TABLE, cursor=None))
    with pytest.raises(Crash):
        pipeline.run("plan")  # n = 0
    world.do("UPDATE t SET n = 1, at = at")
    pipeline.run()  # moves n = 1
    world.do("UPDATE t SET n = 0, at = at")
    assert world.end(pipeline) == []


def test_the_reader_need_not_see_what_it_moves_twice(world: World) -> None:
    """Nothing changed: the next run moves nothing."""
    pipeline = world.pipeline()
    pipeline.run()
    assert pipeline.run().idle
    full = world.pipeline(replace(TABLE, cursor=None))
    full.run()
    assert full.run().idle
