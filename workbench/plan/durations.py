"""How long job runs take, by what earlier runs on this machine took."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.preparation import STAGES

# A guess, where nothing was measured.
SECONDS, ROWS_A_SECOND = 10.0, 10_000.0
# Of fewer rows, the seconds tell more of the machine than of the rows.
ROWS_THAT_TELL = 50_000
NEWEST = 50  # runs that are looked at

Sample = tuple[int, float]  # rows, seconds


@dataclass(frozen=True)
class Rate:
    """A job run takes ``seconds`` and ``per_row`` more for each row. ``runs`` were measured."""

    seconds: float
    per_row: float
    runs: int = 0

    def of(self, rows: int) -> float:
        return self.seconds + rows * self.per_row


def rates(runs: Path) -> dict[str, Rate]:
    """Stage -> rate, from the summaries of the runs that succeeded."""
    samples: dict[str, list[Sample]] = {stage: [] for stage in STAGES}
    for summary in _summaries(runs):
        for stage, sample in _samples(summary):
            samples[stage].append(sample)
    return {stage: fitted(found) for stage, found in samples.items()}


def fitted(samples: Iterable[Sample]) -> Rate:
    """The quickest is what a job run takes without rows; what the others took more is the rows'."""
    found = list(samples)
    if not found:
        return Rate(SECONDS, 1 / ROWS_A_SECOND)
    least = min(seconds for _, seconds in found)
    rows = sum(rows for rows, _ in found)
    if rows < ROWS_THAT_TELL:
        return Rate(least, 1 / ROWS_A_SECOND, len(found))
    return Rate(least, sum(seconds - least for _, seconds in found) / rows, len(found))


def _summaries(runs: Path) -> Iterator[dict[str, Any]]:
    found = sorted(runs.glob("*/summary.json"), key=lambda path: path.stat().st_mtime)
    for path in found[-NEWEST:]:
        summary: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if summary["status"] == "SUCCEEDED":
            yield summary


def _samples(summary: Mapping[str, Any]) -> Iterator[tuple[str, Sample]]:
    tables = summary["tables"].values()
    for table in tables:
        for stage in STAGES[:3]:
            if stage in table["stages"] and table["extracted"] is not None:
                yield stage, (table["extracted"], table["stages"][stage]["seconds"])
    total = sum(table["extracted"] or 0 for table in tables)
    for each in summary["stages"]:
        if each["stage"] in STAGES[3:]:
            yield each["stage"], (total, each["seconds"])
