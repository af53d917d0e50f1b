"""Plays histories side by side and compares what arrived with the source."""

from __future__ import annotations

import operator
import random
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime

from pymysql.cursors import Cursor
from pymysql.err import MySQLError

from tests.histories.pipeline import Crash, KeptSource, Pipeline
from tests.histories.writers import (
    DATABASE,
    KINDS,
    TEMPERS,
    WEIGHTS,
    Kind,
    Script,
    Temper,
    Writer,
    connect,
)
from workbench.mysql.server import READER, Server

CRASHES = ("", "", "", "", "plan", "extract", "load")
PATIENCE = 10.0
Aim = tuple[Kind, Temper]

passes = operator.gt  # whether a window that ends at the first has the second behind it


@dataclass(frozen=True)
class Result:
    seed: int
    kind: str
    runs: int
    rows: int
    wrong: tuple[str, ...]
    log: tuple[str, ...]

    def __str__(self) -> str:
        told = "\n".join((*self.log, *self.wrong))
        return f"history {self.seed} ({self.kind}), {len(self.wrong)} rows wrong\n{told}"


@contextmanager
def quick(server: Server) -> Iterator[None]:
    """A server that does not wait for its disk at every commit, and a database for histories."""
    with server.cursor() as cursor:
        cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 0")
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
    server.secret(DATABASE)  # grants the reader what it reads
    try:
        yield
    finally:
        with server.cursor() as cursor:
            cursor.execute(f"DROP DATABASE {DATABASE}")
            cursor.execute("SET GLOBAL innodb_flush_log_at_trx_commit = 1")


def play_all(
    server: Server, seeds: Iterable[int], lanes: int = 10, aim: Aim | None = None
) -> Iterator[Result]:
    """Play many, ``lanes`` at a time; each result as it comes."""
    with ThreadPoolExecutor(lanes) as pool:
        futures = [pool.submit(play, server, seed, aim) for seed in seeds]
        try:
            for future in as_completed(futures):
                yield future.result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def play(server: Server, seed: int, aim: Aim | None = None) -> Result:
    """One history: its writers, runs and crashes in between, and a last run when all is quiet.

    ``aim`` is a kind of table and a temper of its writers, instead of those that the seed draws.
    """
    chance = random.Random(seed)
    drawn = chance.choices(KINDS, WEIGHTS)[0], chance.choice(TEMPERS)
    kind, temper = aim or drawn
    name = f"h{seed}"
    log: list[str] = []
    script = Script(kind, name, chance, temper)
    with closing(connect(server)) as session, session.cursor() as cursor:
        for statement in (kind.create(name), *script.first_rows()):
            cursor.execute(statement)
        source = _source(server, random.Random(seed + 1))
        pipeline = Pipeline(source, kind.table(name), pieces=1 + seed % 3)
        writers = [
            Writer(server, each, _sayer(log, f"writer {number}"))
            for number, each in enumerate(script.writers())
        ]
        with _playing(writers):
            _run_beside(pipeline, kind, chance, _sayer(log, "runs"))
        _end_prepared(cursor, name)
        moving = _run_when_quiet(pipeline, kind, _sayer(log, "runs"))
        wrong = pipeline.wrong() if moving else ["stalled: windows do not move"]
        rows = len(pipeline.truth())
        source.close()
        cursor.execute(f"DROP TABLE {name}")
    return Result(seed, kind.name, pipeline.started, rows, tuple(wrong), tuple(log))


@contextmanager
def _playing(writers: list[Writer]) -> Iterator[None]:
    threads = [threading.Thread(target=writer.play) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        for thread in threads:
            thread.join()


def _run_beside(
    pipeline: Pipeline, kind: Kind, chance: random.Random, say: Callable[[str], None]
) -> None:
    begun = time.monotonic()
    moments = sorted(chance.uniform(0.02, kind.seconds * 1.1) for _ in range(chance.randint(3, 6)))
    for moment in moments:
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        _run(pipeline, chance.choice(CRASHES), chance.random() < 0.5, say)


def _run(pipeline: Pipeline, crash: str, retry: bool, say: Callable[[str], None]) -> None:
    """A run; one that died is taken up by itself again or by another."""
    last = pipeline.copy.entries[-1]["run_id"] if pipeline.copy.entries else ""
    died = pipeline.run_id not in ("", last)
    say(f"run begins: {crash or 'to its end'}")
    try:
        plan = pipeline.run(crash, retry=retry and died)
        window = plan.window
        say(f"{pipeline.run_id}: [{window.low}, {window.high}) {window.rows} rows {window.tier}")
    except Crash as stage:
        say(f"{pipeline.run_id} died after {stage}")


def _run_when_quiet(pipeline: Pipeline, kind: Kind, say: Callable[[str], None]) -> bool:
    """Run until a window has passed every stamp; other histories' statements may hold it back."""
    _run(pipeline, "", False, say)  # perhaps the plan of a run that died
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        _run(pipeline, "", False, say)
        if not kind.cursor or _passed(pipeline):
            return True
        time.sleep(0.15)
    return False


def _passed(pipeline: Pipeline) -> bool:
    name = pipeline.table.name
    top = pipeline.source.rows(f"SELECT MAX(at) AS top FROM {name}")[0]["top"]
    high = pipeline.store.get(name).high
    return top is None or (high is not None and passes(datetime.fromisoformat(high), top))


def _source(server: Server, chance: random.Random) -> KeptSource:
    """The pipeline's reader. It dawdles now and then, as a process on a busy machine does."""

    def pause() -> None:
        draw = chance.random()
        if draw < 0.35:
            time.sleep(0.1 if draw < 0.1 else chance.uniform(0, 0.02))

    return KeptSource(
        server.host, server.port, READER, server.reader_password, DATABASE, pause=pause
    )


def _end_prepared(cursor: Cursor, name: str) -> None:
    """Roll back what a writer prepared and could not end."""
    cursor.execute("XA RECOVER")
    for row in cursor.fetchall():
        branch = row[3].decode()
        if branch.startswith(f"{name}-"):
            with suppress(MySQLError):  # the server has rolled it back already
                cursor.execute(f"XA ROLLBACK '{branch}'")


def _sayer(log: list[str], who: str) -> Callable[[str], None]:
    return lambda text: log.append(f"{datetime.now():%S.%f} {who}: {text}")
