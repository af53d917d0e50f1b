"""Every order of the steps of concurrent, crashing, repeated runs: does the target end right?

Executors work for runs. Each may die at any step, begin again or begin another run, or go on late
beside its successor; the source is written to in between; any reply may be lost after its effect.
In every state all of them may fall silent: ordinary runs must then bring the target to the source.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from tests.models.steps import (
    FRESH,
    LOOK,
    NO_PLAN,
    OFF,
    TWICE,
    WORDS,
    Memo,
    Protocol,
    Rules,
    World,
)

Slot = tuple[int, int, Memo]  # an executor: its next step, its run, what it remembers
State = tuple[World, tuple[Slot, ...], int, int]  # ..., starts left, runs begun
IDLE: Slot = (OFF, 0, ())


@dataclass(frozen=True)
class Limits:
    """How much may happen: executors at a time, runs, starts of executors, writes to the source."""

    executors: int = 2
    runs: int = 2
    starts: int = 3
    writes: int = 2


@dataclass(frozen=True)
class Result:
    """``wrong`` is what was found broken, or empty; ``example`` the shortest way there."""

    states: int
    complete: bool
    wrong: str = ""
    example: tuple[str, ...] = ()


SAFE = Rules()
SMALL = Limits(starts=2)
THREE = Limits(runs=3)
FULL = (THREE, Limits(executors=3))
# What is broken, and the least that must happen for it to show.
MUTANTS = {
    "retries plan anew": (replace(SAFE, plan_once=False, adopt=False), SMALL),
    "a stored plan is overwritten": (replace(SAFE, plan_once=False), SMALL),
    "the ledger's plan is not asked for": (replace(SAFE, same_plan=False), SMALL),
    "the bookmark moves before the load": (replace(SAFE, bookmark_last=False), SMALL),
    "prefix instead of manifest": (replace(SAFE, manifest=False), SMALL),
    "one staging table for all runs": (replace(SAFE, own_staging=False), Limits()),
    "COPY adds to staging": (replace(SAFE, new_staging=False), SMALL),
    "no fence": (replace(SAFE, fence=False), THREE),
    "neither ledger nor fence": (replace(SAFE, ledger=False, fence=False), SMALL),
    "the bookmark is put unconditionally": (replace(SAFE, conditional=False), SMALL),
}
REDUNDANT = {
    "an open plan is not adopted": replace(SAFE, adopt=False),
    "a manifest is overwritten": replace(SAFE, manifest_once=False),
    "a loaded run is not looked up": replace(SAFE, ledger=False),
    "keys are not checked in staging": replace(SAFE, unique=False),
    "no fence, but rows are guarded by sequence": replace(SAFE, fence=False, guard=True),
}


def explore(rules: Rules, limits: Limits = SMALL, most: int = 10_000_000) -> Result:
    """Explore what can happen under ``rules``, until something is wrong or ``most`` states."""
    gc.disable()  # states hold no cycles, and looking for some takes most of the time
    try:
        return _Explorer(rules, limits).result(most)
    finally:
        gc.enable()


class _Explorer:
    """Breadth first: the first thing found broken has been reached in the fewest steps."""

    def __init__(self, rules: Rules, limits: Limits) -> None:
        self.steps, self.limits = Protocol(rules).steps, limits
        self.verdicts: dict[tuple[object, ...], str] = {}
        size = limits.runs + 1
        world: World = (
            (1, 0, 0), (0, 1, 0, 0, NO_PLAN), (0,) * 4, (NO_PLAN,) * size, (FRESH,) * size
        )  # fmt: skip
        self.first: State = (world, (IDLE,) * limits.executors, limits.starts, 0)

    def result(self, most: int) -> Result:
        parents: dict[State, State] = {self.first: self.first}
        level = [self.first]
        while level and len(parents) < most:
            deeper = []
            for state in level:
                for _, after in self.successors(state):
                    if after in parents:
                        continue
                    parents[after] = state
                    wrong = self.wrong(state[0], after[0])
                    if wrong:
                        return Result(len(parents), False, wrong, self.example(parents, after))
                    deeper.append(after)
            level = deeper
        return Result(len(parents), not level)

    def successors(self, state: State) -> Iterator[tuple[tuple[int, Slot, int], State]]:
        """What may happen next: (which executor, what it is then, which of its ways), the state."""
        world, slots, starts, runs = state
        for source in self.written(*world[0]):
            yield (-1, IDLE, 0), ((source, *world[1:]), slots, starts, runs)
        for index, (step, run, memo) in enumerate(slots):
            ways = self.steps[step](world, run, memo) if step else ()
            for way, (changed, then, kept) in enumerate(ways):
                new = (then, run, kept) if then else IDLE
                yield (index, new, way), (changed, _with(slots, index, new), starts, runs)
            if starts:
                for begun in range(1, min(runs + 1, self.limits.runs) + 1):
                    new = (LOOK, begun, ())
                    after = (world, _with(slots, index, new), starts - 1, max(runs, begun))
                    yield (index, new, -1), after

    def written(self, clock: int, first: int, second: int) -> tuple[tuple[int, ...], ...]:
        """The source after a write to either key."""
        if clock > self.limits.writes:
            return ()
        return (clock + 1, clock, second), (clock + 1, first, clock)

    def wrong(self, before: World, world: World) -> str:
        if any(old > new for old, new in zip(before[2], world[2], strict=True)):
            return "a row goes back to an older version"
        found = self.verdicts.get(world[:4])
        if found is None:
            found = self.verdicts[world[:4]] = self.verdict(world)
        return found

    def verdict(self, world: World) -> str:
        """What is wrong after one ordinary run, after the next, and after an idle third; or ''.

        The first may have a window to take over, and then leaves the rest to the second.
        """
        size = len(world[3])
        world = (*world[:3], (*world[3], *[NO_PLAN] * 3), (FRESH,) * (size + 3))
        for run in range(size, size + 3):
            before, world = world, self.alone(world, run)
            wrong = _disagreement(world, run)
            if wrong:
                return wrong
        if world[2] != before[2] or world[2][:2] != world[0][1:] or world[1][1] != world[0][0]:
            return "the target is not the source after ordinary runs"
        return ""

    def alone(self, world: World, run: int) -> World:
        """The world after one run that nobody disturbs."""
        step, memo = LOOK, ()
        while step:
            world, step, memo = self.steps[step](world, run, memo)[0]
        return world

    def example(self, parents: dict[State, State], state: State) -> tuple[str, ...]:
        path = [state]
        while path[-1] != self.first:
            path.append(parents[path[-1]])
        names, said = list("ABC"), []
        for before, after in pairwise(reversed(path)):
            what = next(what for what, each in self.successors(before) if each == after)
            said.append(_words(names, before[1], *what))
            names = _renamed(names, before[1], *what[:2])
        return tuple(said)


def _with(slots: tuple[Slot, ...], index: int, new: Slot) -> tuple[Slot, ...]:
    """``slots`` with one replaced, in one order: executors are alike."""
    return tuple(sorted((*slots[:index], new, *slots[index + 1 :])))


def _disagreement(world: World, run: int) -> str:
    """What an ordinary run that just ended has left wrong."""
    (_, *source), (_, high, last, open_run, _), target, ledger, _ = world
    newest = max((entry for entry in ledger if entry), key=lambda entry: entry[2], default=NO_PLAN)
    if last != run or not ledger[run]:
        return "an ordinary run cannot end"
    if newest != ledger[run] or newest[1] != high or open_run:
        return "ledger and bookmark disagree"
    if TWICE in target:
        return "a key is there twice"
    if any(old != new for old, new in zip(source, target[:2], strict=True) if old < high):
        return "a row below high is missing or old"
    return ""


def _words(names: list[str], slots: tuple[Slot, ...], index: int, new: Slot, way: int) -> str:
    if index < 0:
        return "the source is written to"
    step = slots[index][0]
    if way < 0:
        return f"{names[index]} {'dies and ' if step else ''}starts run {new[1]}"
    return f"{names[index]} {WORDS[step]}{', but hears no reply' if way else ''}"


def _renamed(names: list[str], slots: tuple[Slot, ...], index: int, new: Slot) -> list[str]:
    """The executors' names in the order of the slots after."""
    if index < 0:
        return names
    named = [(new if at == index else slot, names[at]) for at, slot in enumerate(slots)]
    return [name for _, name in sorted(named, key=lambda each: each[0])]


def main() -> None:
    print("| safeguard off | verdict | states | steps | shortest example |\n|---|---|---|---|---|")
    began = time.perf_counter()
    for at in FULL:
        _report(f"none: {at.executors} executors, {at.runs} runs", explore(SAFE, at))
    for name, (rules, least) in MUTANTS.items():
        _report(name, explore(rules, least))
    for name, rules in REDUNDANT.items():
        _report(name, explore(rules, THREE))
    print(f"\n{time.perf_counter() - began:.1f} s")


def _report(name: str, found: Result) -> None:
    verdict = found.wrong or ("safe" if found.complete else "nothing found")
    said = "; ".join(found.example) or "none"
    print(f"| {name} | {verdict} | {found.states:,} | {len(found.example)} | {said} |", flush=True)


if __name__ == "__main__":
    main()
