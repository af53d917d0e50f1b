"""The real planner under every order of writes, runs, crashes and clock steps that is drawn.

All sessions share a clock of ours, so that ticks are shared and steps are possible without waiting.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from etl_lib.contract import Table
from etl_lib.errors import SchemaDrift, SourceError
from tests.histories import play
from tests.histories.mutants import MUTANTS, planning_by
from tests.histories.pipeline import Crash, KeptSource, Pipeline
from tests.histories.writers import DATABASE, connect
from workbench.mysql.server import READER, Server

KEYS = st.integers(1, 2)
OPEN = st.integers(0, 1)  # which session
PAUSES = st.sampled_from((0.0, 0.000001, 0.3, 1.0, 5.0))
TABLE = Table(name="s", keys=("id",), cursor="at", deletes="sweep", min_rows=0)


@pytest.fixture(scope="module")
def server(mysql_server: Server) -> Iterator[Server]:
    with play.quick(mysql_server):
        yield mysql_server


class Machine(RuleBasedStateMachine):
    """One table, three sessions, and runs of one pipeline; then a run when all is quiet."""

    server: Server
    steps = 0
    loses = False  # whether the planner is one that loses rows: it need not come to rest

    @initialize(fraction=st.sampled_from((0, 6)))
    def begin(self, fraction: int) -> None:
        self.now = datetime(2026, 1, 1, 12)
        self.value, self.columns = 0, 0
        self.sessions = [connect(self.server) for _ in range(2)]
        for session in self.sessions:
            self._run(session, "SET SESSION innodb_lock_wait_timeout = 0, autocommit = 0")
        self._run(self.sessions[0], "DROP TABLE IF EXISTS s")
        self._run(
            self.sessions[0],
            f"CREATE TABLE s (id INT PRIMARY KEY, n INT, at DATETIME({fraction}) NOT NULL "
            f"DEFAULT NOW({fraction}) ON UPDATE NOW({fraction}))",
        )
        self.source = KeptSource(
            self.server.host, self.server.port, READER, self.server.reader_password, DATABASE
        )
        self.pipeline = Pipeline(self.source, TABLE)

    def teardown(self) -> None:
        if not hasattr(self, "pipeline"):
            return
        try:
            self.settle()
        finally:
            self.source.close()
            for session in self.sessions:
                session.close()

    @rule(key=KEYS, who=OPEN)
    def insert(self, key: int, who: int) -> None:
        self._write(who, f"INSERT IGNORE INTO s (id, n) VALUES ({key}, {self._value()})")

    @rule(key=KEYS, who=OPEN)
    def update(self, key: int, who: int) -> None:
        self._write(who, f"UPDATE s SET n = {self._value()} WHERE id = {key}")

    @rule(key=KEYS, who=OPEN)
    def update_twice_within_a_tick(self, key: int, who: int) -> None:
        self._write(who, f"UPDATE s SET n = {self._value()} WHERE id = {key}")
        self.commit(who)
        self._write(who, f"UPDATE s SET n = {self._value()} WHERE id = {key}")

    @rule(key=KEYS, who=OPEN)
    def delete(self, key: int, who: int) -> None:
        self._write(who, f"DELETE FROM s WHERE id = {key}")

    @rule(key=KEYS, who=OPEN)
    def delete_and_insert_again(self, key: int, who: int) -> None:
        self._write(who, f"DELETE FROM s WHERE id = {key}")
        self._write(who, f"INSERT IGNORE INTO s (id, n) VALUES ({key}, {self._value()})")

    @rule(who=OPEN)
    def commit(self, who: int) -> None:
        self._run(self.sessions[who], "COMMIT")

    @rule(who=OPEN)
    def roll_back(self, who: int) -> None:
        self._run(self.sessions[who], "ROLLBACK")

    @rule(who=OPEN)
    def back_date(self, who: int) -> None:
        """A key that never was, with an old stamp: the sweep finds it."""
        self.value += 1
        self._write(who, f"INSERT INTO s (id, at) VALUES ({100 + self.value}, '2001-09-09')")

    @rule(pause=PAUSES)
    def run(self, pause: float) -> None:
        self.now += timedelta(seconds=pause)
        self._plan_and_move("")

    @rule(pause=PAUSES, stage=st.sampled_from(("plan", "extract", "load")), again=st.booleans())
    def run_that_dies(self, pause: float, stage: str, again: bool) -> None:
        self.now += timedelta(seconds=pause)
        self._plan_and_move(stage)
        if again:
            self._plan_and_move("", retry=True)

    @precondition(lambda self: self.columns < 1)
    @rule()
    def add_a_column(self) -> None:
        """Refused once the table is known; the contract then leaves the column out."""
        for who in range(2):
            self.commit(who)
        self.columns += 1
        self._run(self.sessions[0], "ALTER TABLE s ADD COLUMN more INT DEFAULT 7")
        if self.pipeline.store.get("s").columns:
            with pytest.raises(SchemaDrift, match="more INTEGER was added"):
                self._plan_and_move("")
        table = replace(TABLE, skip=("more",))
        self.pipeline.table = table

    @rule()
    def the_clock_steps_back(self) -> None:
        """Refused until it is mended: what is stamped meanwhile could be lost."""
        known = self.pipeline.store.get("s").planned_at
        if known is None:
            return
        right, self.now = self.now, datetime.fromisoformat(known) - timedelta(seconds=1)
        if not self.pipeline.store.get("s").plan:
            with pytest.raises(SourceError, match="Mend the clock first"):
                self._plan_and_move("")
        self.now = right

    @invariant()
    def sequences_only_grow(self) -> None:
        Machine.steps += 1
        if hasattr(self, "pipeline"):
            loaded = [entry["sequence"] for entry in self.pipeline.copy.entries]
            assert loaded == sorted(set(loaded))

    def settle(self) -> None:
        for who in range(2):
            self.commit(who)
        self.now += timedelta(seconds=5)
        for _ in range(4):  # a plan of a run that died; a key that is missing; what it brings
            self.now += timedelta(seconds=1)
            self._plan_and_move("")
        assert self.pipeline.wrong() == []
        self.now += timedelta(seconds=1)
        idle = self._plan_and_move("").idle
        assert idle or self.loses, "all has arrived, and yet there is something to do"

    def _plan_and_move(self, crash: str, retry: bool = False) -> Any:
        stamp = f"SET timestamp = {(self.now - datetime(1970, 1, 1)).total_seconds():.6f}"
        self.pipeline.source = replace(self.source, first=stamp, kept=self.source.kept)
        last = self.pipeline.copy.entries[-1]["run_id"] if self.pipeline.copy.entries else ""
        died = self.pipeline.run_id not in ("", last)
        try:
            return self.pipeline.run(crash, retry=retry and died)
        except Crash:
            return None

    def _value(self) -> int:
        self.value += 1
        return self.value

    def _write(self, who: int, sql: str) -> None:
        stamp = (self.now - datetime(1970, 1, 1)).total_seconds()
        try:
            self._run(self.sessions[who], f"SET timestamp = {stamp:.6f}")
            self._run(self.sessions[who], sql)
        except Exception as error:  # another session has the row
            assert "Lock wait timeout" in str(error) or "Deadlock" in str(error), error
            self.roll_back(who)

    def _run(self, session: Any, sql: str) -> None:
        with session.cursor() as cursor:
            cursor.execute(sql)


def explore(server: Server, examples: int, loses: bool = False) -> None:
    Machine.server, Machine.steps, Machine.loses = server, 0, loses
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
            # One that loses rows is not made smaller: that takes minutes.
            phases=(Phase.generate,) if loses else settings.default.phases,
        ),
    )
    print(f"{examples} histories, {Machine.steps} steps")


def test_no_order_of_writes_and_runs_loses_a_row(server: Server) -> None:
    explore(server, 150)


@pytest.mark.parametrize("mutant", ["statements-only", "compare-by-timestamp"])
def test_a_planner_that_loses_rows_is_caught(server: Server, mutant: str) -> None:
    with planning_by(MUTANTS[mutant].parts), pytest.raises(AssertionError, match="stale|lost"):
        explore(server, 500, loses=True)


@pytest.mark.drill
def test_no_order_of_writes_and_runs_loses_a_row_at_length(server: Server) -> None:
    explore(server, 1000)
