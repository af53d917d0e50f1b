"""Random histories lose nothing with the planner as it is, and do with any simpler one.

A history that fails prints its log; ``python -m tests.histories --seed N --log`` plays it again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.histories import play
from tests.histories.mutants import MUTANTS, planning_by
from workbench.mysql.server import Server

SECONDS = 60  # within which a mutant must be caught
QUICK = ("greater", "compare-by-timestamp")


@pytest.fixture(scope="module")
def server(mysql_server: Server) -> Iterator[Server]:
    with play.quick(mysql_server):
        yield mysql_server


def check(server: Server, seeds: range) -> None:
    begun, runs = time.monotonic(), 0
    for result in play.play_all(server, seeds):
        assert not result.wrong, str(result)
        runs += result.runs
    print(f"{len(seeds)} histories, {runs} runs, {time.monotonic() - begun:.0f} s, nothing lost")


def test_histories_lose_nothing(server: Server) -> None:
    check(server, range(60))


@pytest.mark.drill
@pytest.mark.parametrize("first", [1000, 1500, 2000, 2500])
def test_two_thousand_histories_lose_nothing(server: Server, first: int) -> None:
    """In four parts: a test that takes longer than five minutes is taken for one that hangs."""
    check(server, range(first, first + 500))


@pytest.mark.parametrize("name", QUICK)
def test_a_planner_that_loses_rows_is_caught(server: Server, name: str) -> None:
    _catch(server, name)


@pytest.mark.drill
@pytest.mark.parametrize("name", [name for name in MUTANTS if name not in QUICK])
def test_every_planner_that_loses_rows_is_caught(server: Server, name: str) -> None:
    _catch(server, name)


def _catch(server: Server, name: str) -> None:
    mutant = MUTANTS[name]
    begun = time.monotonic()
    aim = (mutant.kind, mutant.temper)
    with planning_by(mutant.parts):
        for result in play.play_all(server, range(10_000), mutant.lanes, aim):
            lost = [each for each in result.wrong if "stalled" not in each]
            taken = time.monotonic() - begun
            if lost:
                print(f"{name}: caught after {taken:.1f} s by history {result.seed}: {lost[0]}")
                return
            assert taken < SECONDS, f"{name} was not caught in {SECONDS} s"
    raise AssertionError("unreachable: there are more histories than seconds")
