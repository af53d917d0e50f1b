"""Every order of events between two writers and an extractor: is a row ever lost for good?

Runs of the extractor go on between the writers' events, and one more after them: a schedule loses
if a row is then not what it is in the source. Orders that lead to equal states are explored once
and counted as often as they are.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from tests.models.events import NO_HIGH, Bound, Events, Scenario, State


@dataclass(frozen=True)
class Result:
    """``example`` is the shortest losing schedule, in words."""

    schedules: int
    losing: int
    states: int
    example: tuple[str, ...] = ()

    def __add__(self, other: Result) -> Result:
        examples = sorted(filter(None, (self.example, other.example)), key=len)
        return Result(
            self.schedules + other.schedules,
            self.losing + other.losing,
            self.states + other.states,
            examples[0] if examples else (),
        )


ALONE = (((0,), ()), ((0, 0), ()))  # the shortest examples come from these
PAIRS = (((0,), (1,)), ((0,), (0,)), ((0, 0), (1,)), ((0, 0), (0,)), ((0, 1), (0,)), ((0, 1), (1,)))
SMALL = tuple(Scenario(writers, ticks=2) for writers in (*ALONE, *PAIRS))
FULL = tuple(Scenario(writers, ticks=5, runs=3) for writers in PAIRS)
SAVEPOINT = tuple(Scenario(writers, ticks=2, undo=True) for writers in (ALONE[1], PAIRS[2]))

SAFE = Bound()
LISTED = replace(SAFE, listed=True)
CLOCK_ONLY = replace(SAFE, statements=False, check=False)
MUTANTS = {
    "above the largest stamp seen (`>`)": replace(SAFE, window=False, closed_start=False),
    "from the largest stamp seen (`>=`)": replace(SAFE, window=False),
    "the clock alone": CLOCK_ONLY,
    "the clock less a lag": replace(CLOCK_ONLY, lag=1),
    "the transaction list alone": replace(CLOCK_ONLY, transactions=True),
    "no uncommitted check": replace(SAFE, check=False),
    "no uncommitted check, transaction list instead": replace(SAFE, check=False, transactions=True),
    "no statement list": replace(SAFE, statements=False),
    "the check after rows are moved": replace(SAFE, check_first=False),
    "the statement list after the check": replace(SAFE, list_first=False),
    "the statement list after the transactions'": replace(LISTED, list_first=False),
    "transactions' list, no statement list": replace(LISTED, statements=False),
    "compared by stamp, not content": replace(SAFE, content=False),
    "closed upper end": replace(SAFE, closed_start=False, open_end=False),
    "open at both ends": replace(SAFE, closed_start=False),
}
REDUNDANT = {"closed at both ends": replace(SAFE, open_end=False)}


def check(bound: Bound, scenarios: tuple[Scenario, ...] = SMALL) -> Result:
    """Explore every schedule of every scenario under ``bound``."""
    return sum((Explorer(bound, each).result() for each in scenarios), Result(0, 0, 0))


class Explorer:
    """One scenario. ``known`` holds per state: schedules from there, losing ones, steps to one.

    ``merge`` off walks every schedule by itself: the same figures, far more slowly.
    """

    def __init__(self, bound: Bound, scenario: Scenario, merge: bool = True) -> None:
        self.events, self.merge = Events(bound, scenario), merge
        self.known: dict[State, tuple[int, int, int]] = {}

    def result(self) -> Result:
        state = self.events.first
        schedules, losing, _ = self.explore(state)
        example = []
        while losing and not self.events.done(state):
            said, state = min(
                self.events.successors(state), key=lambda each: self.explore(each[1])[2]
            )
            example.append(said)
        return Result(schedules, losing, len(self.known), tuple(example))

    def explore(self, state: State) -> tuple[int, int, int]:
        known = self.known.get(state)
        if known and self.merge:
            return known
        if self.events.done(state):
            lost = self.events.loses(state)
            found = 1, int(lost), 0 if lost else NO_HIGH
        else:
            below = [self.explore(after) for _, after in self.events.successors(state)]
            schedules, losing, steps = zip(*below, strict=True)
            found = sum(schedules), sum(losing), min(steps) + 1
        self.known[state] = found
        return found


def main() -> None:
    print("| how `high` is found | schedules that lose | distinct states | shortest example |")
    print("|---|---|---|---|")
    began = time.perf_counter()
    _report("all safeguards", check(SAFE, FULL))
    _report("all safeguards, transactions listed", check(LISTED))
    for name, bound in {**MUTANTS, **REDUNDANT}.items():
        _report(name, check(bound))
    _report("all safeguards, and a statement undone alone", check(SAFE, SAVEPOINT))
    print(f"\n{time.perf_counter() - began:.1f} s")


def _report(name: str, found: Result) -> None:
    share = f"{found.losing:,} of {found.schedules:,} ({found.losing / found.schedules:.1%})"
    print(f"| {name} | {share} | {found.states:,} | {'; '.join(found.example) or 'none'} |")


if __name__ == "__main__":
    main()
