"""The drill, in part: a run that is hit at many points ends well, and no late run changes a row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

import pytest

from etl_lib.errors import RunFailed
from workbench.drill import oracle, report
from workbench.drill.command import spread
from workbench.drill.lane import Lane
from workbench.drill.lanes import find
from workbench.drill.play import play, relay
from workbench.drill.points import Case, Point
from workbench.home import Home
from workbench.mysql.server import Server

from .emptied import emptied

RETRIED = ("kill", "error", "lost")


@pytest.fixture(scope="module")
def lane(lanes: Home, mysql_server: Server) -> Iterator[Lane]:
    made = Lane(lanes, mysql_server, "test")
    emptied(made.stack)
    made.open()
    yield made
    made.leave()


@pytest.fixture(scope="module")
def cases(lane: Lane) -> list[Case]:
    return find(lane)


def test_no_stage_changes_anything_that_the_drill_does_not_know(cases: list[Case]) -> None:
    """A new effect is a new row of docs/drill.md: play the drill and write it again."""
    found = {str(case.point) for case in cases}
    assert found == report.listed()
    assert len(found) * 2 >= 60


@pytest.mark.parametrize("many", [40, pytest.param(100, marks=pytest.mark.drill)])
def test_a_run_that_fails_at_every_turn_comes_to_its_end(
    lane: Lane, cases: list[Case], many: int
) -> None:
    """Each retry of a stage meets the next fault."""
    chosen = spread([case for case in cases if case.kind in RETRIED], many)
    met = relay(lane, chosen, seed=1)
    assert oracle.wrong(lane) == []
    assert len(met) >= many * 0.4
    assert {case.kind for case in met} == set(RETRIED)
    assert len({case.point.stage for case in met}) == 6


@pytest.mark.parametrize(
    ("stage", "effect"),
    [
        ("01_extract", "dynamodb:PutItem drill/orders"),
        pytest.param(
            "02_raw_ingest",
            "redshift-data:BatchExecuteStatement copy orders",
            marks=pytest.mark.drill,
        ),
        ("04_load", "redshift-data:BatchExecuteStatement load orders"),
        pytest.param("05_bookmark", "dynamodb:PutItem drill/orders", marks=pytest.mark.drill),
    ],
)
def test_a_late_run_changes_nothing(lane: Lane, stage: str, effect: str) -> None:
    result = play(lane, Case(Point(stage, effect), "before", "delay"), seed=2)
    assert result.wrong == [], result
    assert "; then" in result.faulted


def test_an_outage_in_the_middle_of_the_load_is_healed(lane: Lane) -> None:
    point = Point("04_load", "redshift-data:BatchExecuteStatement load orders")
    assert play(lane, Case(point, "after", "outage"), seed=3).wrong == []


@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.drill)])
def test_resets_and_throttling_slow_a_run_down_and_harm_nothing(lane: Lane, seed: int) -> None:
    lane.source.change(10 + seed)
    lane.plant(reset=0.03, throttle=0.03, seed=seed)
    with suppress(RunFailed):  # the same call may be hit time and again
        lane.run(lane.new_run())
    assert lane.told("fired")
    lane.plant()
    lane.run(lane.new_run())
    lane.run(lane.new_run())
    assert oracle.wrong(lane) == []
