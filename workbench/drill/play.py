"""Play one case: change the source, let a run meet its fault, let an ordinary run follow, look."""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError

from etl_lib.errors import EtlError, RunFailed
from workbench import jobs
from workbench.drill import oracle
from workbench.drill.lane import Lane
from workbench.drill.points import Case
from workbench.preparation import STAGES


@dataclass(frozen=True)
class Result:
    """How a case ended. ``faulted``: what the run said that met the fault; empty if nothing."""

    case: Case
    faulted: str
    wrong: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def healed(self) -> bool:
        return not self.wrong


def play(lane: Lane, case: Case, seed: int) -> Result:
    """Play ``case``. Half of the runs that met their fault go on under their own name; the work of
    the others is left to a new run."""
    clock = time.monotonic()
    lane.source.change(seed)
    first = lane.new_run()
    lane.plant(case.rule(first))
    held = ""
    try:
        if case.kind == "delay":
            held = lane.run_until_held(first, case.point.stage)
            faulted = "held until another run had ended"
        else:
            lane.run(first)
            faulted = ""
    except (RunFailed, BotoCoreError) as error:
        faulted = str(error)
    if not lane.told("fired"):
        return Result(case, faulted, [f"the point was not passed: {faulted}"])
    if case.kind == "outage":
        lane.revive()
    again = case.kind != "delay" and random.Random(f"{seed} {case}").random() < 0.5
    try:
        lane.run(first if again and faulted else lane.new_run())
        if held:
            faulted += _let_go(lane, first, case.point.stage, held)
        found = oracle.wrong(lane)
    except EtlError as error:
        found = [f"the next run failed: {error}"]
    return Result(case, faulted, found, round(time.monotonic() - clock, 3))


def relay(lane: Lane, cases: Sequence[Case], seed: int) -> list[Case]:
    """One run that meets many faults, each retry of a stage the next one; those that it met.

    What a retry finds done it does not do again, so some points are not passed any more. The run
    must come to its end; whoever calls asks the oracle.
    """
    lane.source.change(seed)
    run_id = lane.new_run()
    met: list[Case] = []
    for stage in STAGES:
        for case in (case for case in cases if case.point.stage == stage):
            lane.plant(case.rule(run_id))
            with suppress(RunFailed):
                lane.run(run_id, (stage,))
            if lane.told("fired"):
                met.append(case)
        lane.plant()
        lane.run(run_id, (stage,))
    return met


def _let_go(lane: Lane, run_id: str, stage: str, held: str) -> str:
    """The late run goes on, to its end if it can; what it said. It must not change anything."""
    lane.free(run_id)
    try:
        jobs.wait(lane.stack.endpoint.client("glue"), stage, held, poll=0.05)
        lane.run(run_id, STAGES[STAGES.index(stage) + 1 :])
    except RunFailed as error:
        return f"; then: {error}"
    return "; then it ended"
