"""How long a run and its stages took, beside earlier runs of the same kind."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

Run = Mapping[str, Any]  # a summary.json
LAST = 10  # earlier runs that count
WHOLE = "the whole run"


@dataclass(frozen=True)
class Pace:
    """Seconds of a stage in this run and in most earlier ones; None where it did not run."""

    name: str
    status: str
    seconds: float | None
    usual: float | None

    def share(self, seconds: float | None, longest: float) -> float:
        """Of the longest bar, in percent."""
        return round(100 * (seconds or 0) / longest, 1) if longest else 0.0


def earlier(runs: Path, run: Run) -> list[Run]:
    """The last ten before this one that succeeded, with its contract and its engine: newest first.

    Jobs and notebooks take different times for the same rows.
    """
    found = (json.loads(path.read_text(encoding="utf-8")) for path in runs.glob("*/summary.json"))
    alike = [other for other in found if _before(other, run)]
    return sorted(alike, key=_when, reverse=True)[:LAST]


def paces(run: Run, others: Sequence[Run]) -> list[Pace]:
    """A line for each stage of any of them, in their order, and one for the whole run."""
    own = {each["stage"]: each for each in run["stages"]}
    past = [{each["stage"]: each["seconds"] for each in other["stages"]} for other in others]
    names = sorted({*own, *(name for seconds in past for name in seconds)})
    lines = [
        Pace(
            name,
            own[name]["status"] if name in own else "",
            own[name]["seconds"] if name in own else None,
            _median(seconds[name] for seconds in past if name in seconds),
        )
        for name in names
    ]
    whole = Pace(WHOLE, run["status"], run["seconds"], _median(each["seconds"] for each in others))
    return [*lines, whole]


def usual_rows(others: Sequence[Run]) -> float | None:
    """The median of the rows that they loaded."""
    return _median(each["rows_loaded"] for each in others)


def _median(numbers: Iterator[float]) -> float | None:
    found = list(numbers)
    return median(found) if found else None


def _before(other: Run, run: Run) -> bool:
    return (
        other["status"] == "SUCCEEDED"
        and (other["via"], other["contract"]) == (run["via"], run["contract"])
        and _when(other) < _when(run)
    )


def _when(run: Run) -> tuple[str, str]:
    return run["started"], run["run_id"]
