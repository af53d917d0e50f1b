"""How far each table of a run has come."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from workbench import progress
from workbench.history import Visit
from workbench.preparation import STAGES

COUNTS = ("extracted", "loaded", "deleted", "quarantined")
STATES = {"RUNNING": "running", "SUCCEEDED": "done", "FAILED": "failed", "STOPPED": "stopped"}


@dataclass(frozen=True)
class Progress:
    """One table. ``stages`` holds running, done, failed, stopped, skipped or waiting for each."""

    table: str
    stages: tuple[str, ...]
    now: str
    counts: Mapping[str, int | None]


def of_tables(
    moved: Mapping[str, Mapping[str, Any]],
    visits: Sequence[Visit],
    wanted: Sequence[str],
    running: bool,
) -> list[Progress]:
    """Every table that the run was given or has come to. ``moved`` as of ``tables_of``."""
    names = dict.fromkeys([*wanted, *moved, *(visit.table for visit in visits if visit.table)])
    return [_of(name, moved.get(name, {}), visits, running) for name in sorted(names)]


def _of(name: str, moved: Mapping[str, Any], visits: Sequence[Visit], running: bool) -> Progress:
    own = [visit for visit in visits if visit.table in ("", name)]
    latest = {visit.state: STATES[visit.status] for visit in own}
    for stage in moved.get("stages", {}):
        if latest.get(stage) == "running":  # with other tables: this one's result is there
            latest[stage] = "done"
    last = max((n for n, stage in enumerate(STAGES) if stage in latest), default=-1)
    idle = any(visit.table == name and visit.state == "Nothing to move" for visit in own)
    states = tuple(
        latest.get(stage) or ("skipped" if n < last or (idle and n < 3) else "waiting")
        for n, stage in enumerate(STAGES)
    )
    return Progress(name, states, _now(states, running), {key: moved.get(key) for key in COUNTS})


def _now(states: Sequence[str], running: bool) -> str:
    """The stage that it is in, in words."""
    by_state = dict(zip(states, STAGES, strict=True))  # of several the last one
    if "failed" in by_state:
        return f"failed in {by_state['failed']}"
    if "stopped" in by_state:
        return f"stopped in {by_state['stopped']}"
    if "running" in by_state:
        return by_state["running"]
    if states[-1] == "done":
        return "done"
    return f"waits for {STAGES[states.index('waiting')]}" if running else "not finished"


def far(tables: Sequence[Progress], visits: Sequence[Visit]) -> list[str]:
    """How far the stages are that have all tables in one job, while they run."""
    rows = {each.table: each.counts["extracted"] for each in tables}
    running = {visit.state for visit in visits if not visit.exited}
    done = {
        stage: [each.table for each in tables if each.stages[STAGES.index(stage)] == "done"]
        for stage in progress.WHOLE
        if stage in running
    }
    return [progress.far(stage, names, rows) for stage, names in done.items()]


def total(tables: Sequence[Progress], count: str) -> int | None:
    """Of all tables; None before the first of them is known."""
    known = [each.counts[count] for each in tables]
    return sum(number or 0 for number in known) if any(n is not None for n in known) else None
