"""What two writers and an extractor do, event by event: for tests.models.bound to explore.

A model of etl_lib.window. A writer's statement takes its stamp when it starts, may then wait for a
metadata lock before its transaction starts, has its row changed when it ends, and is committed or
rolled back any time later. A run of the extractor is its clock and statement list, an uncommitted
read, a clean read that is held against it, and the read that moves rows. The first two reads are
left out where a list of the transactions shows that all have ended that had changed rows.
"""

from __future__ import annotations

from dataclasses import dataclass

State = tuple[int, ...]
# A state: CLOCK, events that the extractor has done, LOW, HIGH, who is WATCHED; then four numbers a
# row and four a writer. A version of a row is one number, stamp * 8 + who wrote it; 0 is what was
# there before.
CLOCK, EXTRACTOR, LOW, HIGH, WATCHED, ROWS = range(6)
COMMITTED, DIRTY, SEEN, TARGET, ROW_SIZE = range(5)  # SEEN: by the run's uncommitted read
EVENT, STAMP, STARTED, UNDO, WRITER_SIZE = range(5)  # STAMP: of the running statement, or 0
NO_HIGH = 99
ROW = (ROWS, ROWS + ROW_SIZE)
WRITERS = (ROWS + 2 * ROW_SIZE, ROWS + 2 * ROW_SIZE + WRITER_SIZE)
LIST, LOOK, COMPARE, MOVE = "lists statements", "reads uncommitted", "compares", "moves rows"
WATCH, AGAIN = "lists transactions", "lists transactions again"
SETTLED = 4  # in WATCHED: all whom the bits 1 and 2 stood for have ended


@dataclass(frozen=True)
class Bound:
    """How a run finds ``high``. The defaults are the protocol; each can be switched off."""

    window: bool = True  # [low, high), high from the clock; off: all above the largest stamp seen
    closed_start: bool = True  # rows stamped ``low`` belong to the run
    open_end: bool = True  # rows stamped ``high`` belong to the next one
    statements: bool = True  # high is not above the stamp of any running statement
    transactions: bool = False  # nor above the start of any open transaction: not in the protocol
    lag: int = 0  # ticks that high stays behind the clock: not in the protocol
    check: bool = True  # high is lowered below what differs between a dirty and a clean read
    content: bool = True  # the two are compared by content; off: by stamp
    listed: bool = False  # the check is left out where all who had changed rows have ended since
    list_first: bool = True  # statements are listed before the check
    check_first: bool = True  # the check is done before rows are moved

    @property
    def script(self) -> tuple[str, ...]:
        """The extractor's events in one run."""
        check = (LOOK, COMPARE) if self.check else ()
        if self.listed:
            check = (WATCH, AGAIN, *check)
        if not self.window:
            return (MOVE,)
        if not self.check_first:
            return (LIST, MOVE, *check)
        return (LIST, *check, MOVE) if self.list_first else (*check, LIST, MOVE)


@dataclass(frozen=True)
class Scenario:
    """``writers``: one transaction each, given as the row that each of its statements changes."""

    writers: tuple[tuple[int, ...], tuple[int, ...]]
    ticks: int = 4
    runs: int = 2
    undo: bool = False  # a transaction's second statement may be undone alone, as by a savepoint


class Events:
    """What may happen next in a scenario, under a bound."""

    def __init__(self, bound: Bound, scenario: Scenario) -> None:
        self.bound, self.scenario = bound, scenario
        self.extractor = bound.script * scenario.runs
        writers = enumerate(scenario.writers)
        self.events = [_events(writer, rows, scenario.undo) for writer, rows in writers]
        self.held = [_held(events) for events in self.events]
        low = 1 if bound.window else 0
        self.first: State = (1, 0, low, NO_HIGH, 0, *[0] * 2 * (ROW_SIZE + WRITER_SIZE))

    def done(self, state: State) -> bool:
        return state[EXTRACTOR] == len(self.extractor) and all(
            state[at] == len(events) for at, events in zip(WRITERS, self.events, strict=True)
        )

    def successors(self, state: State) -> list[tuple[str, State]]:
        """What may happen next, in words, and the state after it."""
        after = []
        for writer, at in enumerate(WRITERS):
            if state[at] < len(self.events[writer]):
                after += self.write(state, writer, at)
        if state[EXTRACTOR] < len(self.extractor):
            after.append(self.extract(state))
        if state[CLOCK] <= self.scenario.ticks:
            after.append(("the clock ticks", (state[CLOCK] + 1, *state[1:])))
        return after

    def write(self, state: State, writer: int, at: int) -> list[tuple[str, State]]:
        """The next event of a writer; none while it waits for the other's row lock."""
        said, kind, row, version = self.events[writer][state[at]]
        new = list(state)
        new[at] += 1
        if kind == "start":
            new[at + STAMP] = state[CLOCK]
        elif kind == "begin" and self.bound.transactions:
            new[at + STARTED] = state[CLOCK]
        elif kind == "change":
            if row in self.held[1 - writer][state[WRITERS[1 - writer]]]:
                return []
            if self.scenario.undo:
                new[at + UNDO] = state[row + DIRTY]
            new[row + DIRTY] = state[at + STAMP] * 8 + version
            new[at + STAMP] = 0
        elif kind == "undo":
            new[row + DIRTY] = state[at + UNDO]
            return [
                (f"{said} keeps its statement", (*state[:at], new[at], *state[at + 1 :])),
                (f"{said} undoes its statement", tuple(new)),
            ]
        elif kind == "end":
            return self.end(state, new, writer, at)
        return [(said, tuple(new))]

    def end(self, state: State, new: list[int], writer: int, at: int) -> list[tuple[str, State]]:
        new[at + STARTED] = new[at + UNDO] = 0
        other = list(new)
        for row in self.held[writer][state[at]]:
            new[row + COMMITTED] = state[row + DIRTY]
            other[row + DIRTY] = state[row + COMMITTED]
        name = "AB"[writer]
        return [(f"{name} commits", tuple(new)), (f"{name} rolls back", tuple(other))]

    def extract(self, state: State) -> tuple[str, State]:
        """The next event of the extractor; after the last of a run, its ``high`` is the new low."""
        kind, new = self.extractor[state[EXTRACTOR]], list(state)
        new[EXTRACTOR] += 1
        if kind == LIST:
            new[HIGH] = min(state[HIGH], self.settled(state))
        elif kind == WATCH:
            new[WATCHED] = self.changing(state)
        elif kind == AGAIN:
            new[WATCHED] = 0 if state[WATCHED] & self.changing(state) else SETTLED
        elif kind == LOOK:
            for row in ROW:
                settled = state[WATCHED] == SETTLED
                new[row + SEEN] = 0 if settled else self.within(state, state[row + DIRTY])
        elif kind == COMPARE:
            if state[WATCHED] != SETTLED:
                new[HIGH] = min([state[HIGH], *self.differing(state)])
            for row in ROW:
                new[row + SEEN] = 0
            new[WATCHED] = 0
        else:
            self.move(state, new)
        if new[EXTRACTOR] % len(self.bound.script) == 0:
            if self.bound.window:
                new[LOW] = max(state[LOW], new[HIGH])
            new[HIGH] = NO_HIGH
        return f"the extractor {kind}", tuple(new)

    def settled(self, state: State) -> int:
        """The clock, or the oldest statement or transaction where these are looked at."""
        high = state[CLOCK] - self.bound.lag
        for at in WRITERS:
            if self.bound.statements and state[at + STAMP]:
                high = min(high, state[at + STAMP])
            if state[at + STARTED]:
                high = min(high, state[at + STARTED])
        return high

    def changing(self, state: State) -> int:
        """A bit for each writer who has changed rows and not ended."""
        held = [self.held[writer][state[at]] for writer, at in enumerate(WRITERS)]
        return sum(bool(rows) << writer for writer, rows in enumerate(held))

    def within(self, state: State, cell: int) -> int:
        """``cell`` if its stamp lies in the run's window, or 0."""
        stamp = cell >> 3
        above = stamp >= state[LOW] if self.bound.closed_start else stamp > state[LOW]
        below = stamp < state[HIGH] if self.bound.open_end else stamp <= state[HIGH]
        return cell if above and below else 0

    def differing(self, state: State) -> list[int]:
        """Stamps of the rows that the dirty and the clean read show otherwise."""
        shift = 0 if self.bound.content else 3
        stamps = []
        for row in ROW:
            dirty, clean = state[row + SEEN], self.within(state, state[row + COMMITTED])
            if dirty >> shift != clean >> shift:
                stamps += [version >> 3 for version in (dirty, clean) if version]
        return stamps

    def move(self, state: State, new: list[int]) -> None:
        for row in ROW:
            cell = self.within(state, state[row + COMMITTED])
            if cell:
                new[row + TARGET] = cell
                if not self.bound.window:
                    new[LOW] = max(new[LOW], cell >> 3)

    def loses(self, state: State) -> bool:
        """Is a row wrong after one more run, long after the last writer ended?"""
        cells = [(state[row + COMMITTED], state[row + TARGET]) for row in ROW]
        return any((self.within(state, cell) or target) != cell for cell, target in cells)


def _events(writer: int, rows: tuple[int, ...], undo: bool) -> list[tuple[str, str, int, int]]:
    """A writer's events in their order: in words, kind, row, version."""
    name, events = "AB"[writer], []
    for number, row in enumerate(rows):
        at, version = ROW[row], 1 + 2 * writer + number
        events.append((f"{name} starts to write row {row}", "start", at, version))
        if not number:
            events.append((f"{name}'s transaction starts", "begin", at, version))
        events.append((f"{name} has written row {row}", "change", at, version))
    if undo and len(rows) > 1:
        events.append((name, "undo", at, version))
    return [*events, (name, "end", 0, 0)] if rows else []


def _held(events: list[tuple[str, str, int, int]]) -> list[frozenset[int]]:
    """Per number of events done: the rows that the writer has locked."""
    locked = [
        frozenset(row for _, kind, row, _ in events[:done] if kind == "change")
        for done in range(len(events))
    ]
    return [*locked, frozenset()]
