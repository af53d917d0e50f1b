"""Rounds: every tool in turn, on the same rows; equal to the source, or no time."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from pymysql.cursors import DictCursor

from etl_lib.errors import EtlError
from workbench.bench.digest import Digest, query
from workbench.bench.job import FULL, IDLE, INCREMENT
from workbench.bench.measures import Experiment, Measure
from workbench.bench.orders import Orders
from workbench.bench.tool import Tool

Say = Callable[[str], None]


@dataclass(frozen=True)
class Rounds:
    """``updates``: how many rows an increment changes. A measure is kept once it is taken."""

    experiment: Experiment
    tools: Sequence[Tool]
    orders: Orders
    updates: int
    say: Say

    def play(self) -> None:
        for number in range(self.experiment.rounds):
            self.orders.ready(self.experiment.rows)
            # Whoever is first finds the disk's cache as the last one left it: take turns at that.
            at = number % len(self.tools)
            self._round(number, [*self.tools[at:], *self.tools[:at]])

    def _round(self, number: int, tools: Sequence[Tool]) -> None:
        try:
            for tool in tools:
                self._keep(_started(tool, number))
            self._phase(FULL, number, tools)
            if any(INCREMENT in tool.phases for tool in tools):
                changed = self.orders.change(self.updates, number + 1)
                self.experiment.changed = changed.as_dict()
                self._phase(INCREMENT, number, tools)
                self._phase(IDLE, number, tools)
        finally:
            for tool in tools:
                tool.clear()

    def _phase(self, phase: str, number: int, tools: Sequence[Tool]) -> None:
        wanted = source_digest(self.orders)  # reads it all: it is as warm for each that follows
        for tool in tools:
            if phase in tool.phases and not self._failed(tool, number):
                self._keep([measured(tool, phase, number, wanted)])

    def _failed(self, tool: Tool, number: int) -> bool:
        """Is its destination not what it should be in this round?"""
        mine = [each for each in self.experiment.measures if each.tool == tool.name]
        return any(each.wrong for each in mine if each.round == number)

    def _keep(self, measures: Iterator[Measure] | Sequence[Measure]) -> None:
        for measure in measures:
            self.experiment.measures.append(measure)
            self.say(told(measure))


def source_digest(orders: Orders) -> Digest:
    connection = orders.server.connect(orders.database)
    with connection, connection.cursor(DictCursor) as cursor:
        cursor.execute(query("mariadb", orders.table))
        row = cursor.fetchone()
    assert row is not None
    return Digest.of(row)


def _started(tool: Tool, number: int) -> Iterator[Measure]:
    """What starting cost, where that is measured."""
    try:
        for what, used in tool.fresh().items():
            yield Measure.of(tool.name, what, 0, number, used)
    except EtlError as error:
        yield Measure(tool.name, "start", 0, number, wrong=str(error))


def measured(tool: Tool, phase: str, number: int, wanted: Digest) -> Measure:
    """One phase of one tool. Figures of a result that is not the source's do not count."""
    os.sync()  # to bring to the disk what the one before has written is not this one's work
    try:
        used = tool.play(phase)
        found, types = tool.found()
        parts = dict(tool.parts())
    except EtlError as error:
        return Measure(tool.name, phase, wanted.rows, number, wrong=str(error))
    measure = Measure.of(tool.name, phase, wanted.rows, number, used)
    differences = wanted.differences(found) if found is not None else []
    return replace(measure, parts=parts, types=dict(types), wrong="; ".join(differences))


def told(measure: Measure) -> str:
    if measure.wrong:
        return f"{measure.tool} {measure.phase}: does not count: {measure.wrong}"
    return (
        f"{measure.tool} {measure.phase}: {measure.seconds:.2f} s, "
        f"CPU {measure.cpu_seconds:.1f} s, peak {measure.peak / 2**20:,.0f} MB"
    )
