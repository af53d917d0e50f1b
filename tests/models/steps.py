"""The incremental protocol of one run, step by step, on a world of one table with two keys.

A model of etl_lib.extract, ingest, load, bookmark and ledger, for tests.models.commit to explore.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Plan = tuple[int, ...]  # low, high, sequence, whether there are rows
Content = tuple[int, ...]  # per key the stamp of its version; 0 is no row
Bookmark = tuple[int, int, int, int, Plan]  # version, high, last run, open run and its plan
Kept = tuple[tuple[int, ...], ...]  # of a run: plan, manifest, staging, files
# Source (clock, content), bookmark, target (content, per key the sequence that wrote it), ledger
# and what is kept of each run. Run 0 is nobody's; a staging table that is shared stands there.
World = tuple[Content, Bookmark, Content, tuple[Plan, ...], tuple[Kept, ...]]
Memo = tuple[Any, ...]  # what an executor has read and not yet used
Moves = list[tuple[World, int, Memo]]

NO_PLAN: Plan = ()
FRESH: Kept = (NO_PLAN, (), (), ())
TWICE = 99  # instead of a stamp: the key is there more than once
(
    OFF, LOOK, READ, ASK, REPAIR, PLAN, OPEN, KEEP, SELECT, WRITE, LIST, COPY, LOAD, AGAIN, ADVANCE
) = range(15)  # fmt: skip
WORDS = (
    "stops",
    "looks for its plan",
    "reads the bookmark",
    "asks the ledger for the open run",
    "moves the bookmark over the open run",
    "plans",
    "opens its plan in the bookmark",
    "stores its plan",
    "reads rows",
    "writes a file",
    "puts the manifest",
    "copies to staging",
    "loads",
    "reads the bookmark again",
    "advances the bookmark",
)


@dataclass(frozen=True)
class Rules:
    """The protocol's safeguards; each can be switched off."""

    plan_once: bool = True  # a run's plan, once stored, stands
    adopt: bool = True  # the open run's plan is taken over by whoever plans next
    manifest: bool = True  # files count by the manifest that lists them; off: by their prefix
    manifest_once: bool = True  # a run's first manifest stands
    own_staging: bool = True  # staging tables are the run's own
    new_staging: bool = True  # COPY fills a new table; off: it adds to what is there
    unique: bool = True  # keys that are in staging twice stop the run
    ledger: bool = True  # a run that the ledger has does not load again
    fence: bool = True  # a run does not load after one with a larger sequence
    guard: bool = False  # nor a row over one with a larger sequence: not in the protocol
    bookmark_last: bool = True  # the bookmark moves after the load
    conditional: bool = True  # the bookmark is put only over the version that was read
    same_plan: bool = True  # the bookmark moves only over the plan that the ledger has loaded


class Protocol:
    """What an executor does next. Each way it can go is a world, its next step, what it remembers.

    The first way is the plain one. The second, after an effect, is that its reply was lost: the
    world has changed, and the executor does the same step once more.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        # The bookmark moves before the load only where the protocol is broken on purpose.
        order = (LOAD, AGAIN, OFF) if rules.bookmark_last else (AGAIN, OFF, LOAD)
        self.after_copy, self.after_load, self.after_advance = order
        self.steps: tuple[Callable[[World, int, Memo], Moves], ...] = (
            self.look, self.look, self.read, self.ask, self.repair, self.plan, self.open,
            self.keep, self.select, self.write, self.list, self.copy, self.load, self.again,
            self.advance,
        )  # fmt: skip

    def look(self, world: World, run: int, memo: Memo) -> Moves:
        planned = self.rules.plan_once and world[4][run][0]
        return [(world, SELECT if planned else READ, ())]

    def read(self, world: World, run: int, memo: Memo) -> Moves:
        return [(world, ASK, world[1])]

    def ask(self, world: World, run: int, memo: Memo) -> Moves:
        return [(world, REPAIR if self.loaded(world, memo[3], memo[4]) else PLAN, memo)]

    def loaded(self, world: World, run: int, plan: Plan) -> bool:
        """Does the ledger have ``run``, with the plan that the bookmark has?"""
        entry = world[3][run]
        return bool(entry) and (entry == plan or not self.rules.same_plan)

    def repair(self, world: World, run: int, memo: Memo) -> Moves:
        moved = _moved(memo)
        return self.put(world, memo, moved, (PLAN, moved), (REPAIR, memo))

    def plan(self, world: World, run: int, memo: Memo) -> Moves:
        (version, high, _, _, opened), (clock, *stamps) = memo, world[0]
        if opened and opened[3] and self.rules.adopt:
            plan = (opened[0], opened[1], version + 1, 1)
        else:
            plan = (high, clock, version + 1, int(any(stamp >= high for stamp in stamps)))
        return [(world, OPEN, (memo, plan))]

    def open(self, world: World, run: int, memo: Memo) -> Moves:
        before, plan = memo
        opened = (before[0] + 1, before[1], before[2], run, plan)
        return self.put(world, before, opened, (KEEP, (plan,)), (OPEN, memo))

    def put(
        self,
        world: World,
        before: Bookmark,
        bookmark: Bookmark,
        done: tuple[int, Memo],
        again: tuple[int, Memo],
    ) -> Moves:
        if self.rules.conditional and world[1][0] != before[0]:
            return [(world, OFF, ())]
        world = (world[0], bookmark, world[2], world[3], world[4])
        return [(world, *done), (world, *again)]

    def keep(self, world: World, run: int, memo: Memo) -> Moves:
        if self.rules.plan_once and world[4][run][0]:
            return [(world, SELECT, ())]
        after = _kept(world, run, 0, memo[0])
        return [(after, SELECT, ()), (after, KEEP, memo)]

    def select(self, world: World, run: int, memo: Memo) -> Moves:
        plan, manifest, _, files = world[4][run]
        if manifest if self.rules.manifest else any(files):
            return [(world, COPY, ())]
        rows = tuple(s if s and plan[0] <= s < plan[1] else 0 for s in world[0][1:])
        # Files are written either way; those that no manifest lists are seen by nobody.
        return [(world, LIST if self.rules.manifest else WRITE, (rows, 0))]

    def write(self, world: World, run: int, memo: Memo) -> Moves:
        """One file a key, listed with those of all attempts."""
        rows, key = memo
        then = (WRITE, (rows, key + 1)) if key + 1 < len(rows) else (LIST, (rows, 0))
        if not rows[key]:
            return [(world, *then)]
        files = list(world[4][run][3] or (0, 0))
        files[key] = TWICE if files[key] else rows[key]
        return [(_kept(world, run, 3, tuple(files)), *then)]

    def list(self, world: World, run: int, memo: Memo) -> Moves:
        if not self.rules.manifest or (self.rules.manifest_once and world[4][run][1]):
            return [(world, COPY, ())]
        after = _kept(world, run, 1, memo[0])
        return [(after, COPY, ()), (after, LIST, memo)]

    def copy(self, world: World, run: int, memo: Memo) -> Moves:
        rules, (plan, manifest, _, files) = self.rules, world[4][run]
        if not plan[3]:
            return [(world, self.after_copy, ())]
        content = manifest if rules.manifest else files or (0, 0)
        table = run if rules.own_staging else 0
        if not rules.new_staging:
            staged = world[4][table][2] or (0, 0)
            content = tuple(
                TWICE if a and b else a or b for a, b in zip(staged, content, strict=True)
            )
        after = _kept(world, table, 2, content)
        if rules.unique and TWICE in content:
            return [(after, OFF, ())]
        return [(after, self.after_copy, ()), (after, COPY, ())]

    def load(self, world: World, run: int, memo: Memo) -> Moves:
        rules, (source, bookmark, target, ledger, kept) = self.rules, world
        plan, then = kept[run][0], self.after_load
        if rules.ledger and ledger[run]:
            return [(world, then, ())]
        if rules.fence and any(entry and entry[2] > plan[2] for entry in ledger):
            return [(world, OFF, ())]
        if plan[3]:
            staged = kept[run if rules.own_staging else 0][2]
            target = self.merged(target, staged, plan[2])
        ledger = (*ledger[:run], plan, *ledger[run + 1 :])
        after = (source, bookmark, target, ledger, kept)
        return [(after, then, ()), (after, LOAD, ())]

    def merged(self, target: Content, staged: Content, sequence: int) -> Content:
        rows, sequences = list(target[:2]), list(target[2:])
        for key, stamp in enumerate(staged):
            if stamp and not (self.rules.guard and sequences[key] > sequence):
                rows[key] = stamp
                if self.rules.guard:
                    sequences[key] = sequence
        return (*rows, *sequences)

    def again(self, world: World, run: int, memo: Memo) -> Moves:
        _, _, last, open_run, plan = world[1]
        mine = not self.rules.bookmark_last or self.loaded(world, run, plan)
        if open_run == run and mine:
            return [(world, ADVANCE, world[1])]
        return [(world, self.after_advance if last == run else OFF, ())]

    def advance(self, world: World, run: int, memo: Memo) -> Moves:
        return self.put(world, memo, _moved(memo), (self.after_advance, ()), (ADVANCE, memo))


def _moved(bookmark: Memo) -> Bookmark:
    """``bookmark`` over its open run."""
    version, _, _, open_run, plan = bookmark
    return version + 1, plan[1], open_run, 0, NO_PLAN


def _kept(world: World, run: int, part: int, value: Content) -> World:
    kept = world[4]
    mine = (*kept[run][:part], value, *kept[run][part + 1 :])
    return (*world[:4], (*kept[:run], mine, *kept[run + 1 :]))
