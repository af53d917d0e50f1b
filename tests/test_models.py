"""The incremental protocol survives all that two explorers can do to it; less of it does not."""

from __future__ import annotations

import pytest

from tests.models import bound, commit
from tests.models.bound import Explorer
from tests.models.commit import Limits
from tests.models.events import Bound, Scenario

SLOW = {"no fence"}  # shows after a million states only


@pytest.mark.parametrize("rules", [bound.SAFE, bound.LISTED])
def test_no_schedule_of_two_writers_loses_a_row(rules: Bound) -> None:
    found = bound.check(rules)

    assert (found.losing, found.example) == (0, ())
    assert found.schedules > 1_000_000


@pytest.mark.parametrize("name", bound.MUTANTS)
def test_a_weaker_bound_loses_rows(name: str) -> None:
    found = bound.check(bound.MUTANTS[name])

    assert 0 < found.losing < found.schedules
    assert found.example


@pytest.mark.parametrize("name", bound.REDUNDANT)
def test_a_stronger_bound_than_needed_loses_none(name: str) -> None:
    assert bound.check(bound.REDUNDANT[name]).losing == 0


def test_a_statement_undone_alone_is_a_known_limit_of_the_bound() -> None:
    """Its row may fall back to a stamp that is below ``high`` already; a lookback covers it."""
    found = bound.check(bound.SAFE, bound.SAVEPOINT)

    assert found.losing
    assert any("undoes its statement" in each for each in found.example)


@pytest.mark.parametrize(
    ("rules", "scenario"),
    [
        (bound.SAFE, Scenario(((0,), ()), ticks=1)),
        (bound.SAFE, Scenario(((0,), (0,)), ticks=0, runs=1)),
        (bound.CLOCK_ONLY, Scenario(((0,), ()), ticks=2)),
        (bound.MUTANTS["closed upper end"], Scenario(((0, 0), ()), ticks=1, runs=1)),
    ],
)
def test_merging_equal_states_changes_no_count(rules: Bound, scenario: Scenario) -> None:
    merged, walked = (Explorer(rules, scenario, merge).result() for merge in (True, False))

    assert (merged.schedules, merged.losing) == (walked.schedules, walked.losing)


def test_no_crash_retry_or_late_executor_breaks_the_commit() -> None:
    found = commit.explore(commit.SAFE, Limits(writes=1))

    assert (found.wrong, found.example) == ("", ())
    assert found.complete and found.states > 100_000


@pytest.mark.parametrize("name", [name for name in commit.MUTANTS if name not in SLOW])
def test_the_commit_needs_each_of_its_safeguards(name: str) -> None:
    _broken(name)


@pytest.mark.parametrize("name", commit.REDUNDANT)
def test_a_redundant_safeguard_of_the_commit_can_be_off(name: str) -> None:
    found = commit.explore(commit.REDUNDANT[name], commit.SMALL)

    assert found.complete and not found.wrong


@pytest.mark.drill
def test_no_schedule_loses_a_row_in_three_runs() -> None:
    found = bound.check(bound.SAFE, bound.FULL)

    assert found.losing == 0
    assert found.states > 1_000_000


@pytest.mark.drill
@pytest.mark.parametrize("limits", commit.FULL)
def test_nothing_breaks_the_commit_in_a_million_states(limits: Limits) -> None:
    found = commit.explore(commit.SAFE, limits)

    assert found.complete and not found.wrong
    assert found.states > 1_000_000


@pytest.mark.drill
@pytest.mark.parametrize("name", sorted(SLOW))
def test_the_commit_needs_its_slowest_safeguards(name: str) -> None:
    _broken(name)


@pytest.mark.drill
@pytest.mark.parametrize("name", commit.REDUNDANT)
def test_a_redundant_safeguard_can_be_off_in_a_million_states(name: str) -> None:
    found = commit.explore(commit.REDUNDANT[name], commit.THREE)

    assert found.complete and not found.wrong


def _broken(name: str) -> None:
    rules, limits = commit.MUTANTS[name]
    found = commit.explore(rules, limits)

    assert found.wrong and found.example
