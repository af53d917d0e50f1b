"""Lines of the tables and the plot, and their figures. Ours counts twice: movement, and whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from statistics import median

from workbench.bench.job import FULL
from workbench.bench.measures import MB, RUN, Experiment, Measure
from workbench.bench.peers import ALL

# What a role of the sampler is counted as. A peer has the first two only.
GROUPS = {"JVM": ("JVM",), "Python": ("command", "jobs"), "warehouse": ("server",)}


@dataclass(frozen=True)
class Line:
    """One that takes part. ``part``: of a run's wall time; all of it if empty."""

    name: str
    tool: str
    title: str
    part: str = ""

    def seconds(self, experiment: Experiment, phase: str) -> list[float]:
        measures = experiment.of(self.tool, phase)
        return [each.parts.get(self.part, 0.0) if self.part else each.seconds for each in measures]

    def middle(self, experiment: Experiment, phase: str) -> float | None:
        return middle(self.seconds(experiment, phase))


MOVEMENT = Line("movement", RUN, "`workbook run`: movement", "movement")
WHOLE = Line("whole", RUN, "`workbook run`: whole")
LINES = (MOVEMENT, WHOLE, *(Line(peer.name, peer.name, peer.title) for peer in ALL.values()))


def middle(values: Iterable[float]) -> float | None:
    """Their median; None of nothing."""
    listed = list(values)
    return median(listed) if listed else None


def cpu(experiment: Experiment, tool: str, phase: str) -> float | None:
    return middle(each.cpu_seconds for each in experiment.of(tool, phase))


def peak(experiment: Experiment, tool: str, phase: str) -> float | None:
    """MB of all processes together."""
    return middle(each.peak / MB for each in experiment.of(tool, phase))


def split(sizes: Mapping[str, int]) -> Mapping[str, float]:
    """MB by group, of bytes by role."""
    return {
        group: sum(sizes.get(role, 0) for role in roles) / MB for group, roles in GROUPS.items()
    }


def highest(experiment: Experiment, tool: str, phase: str) -> Measure | None:
    """The one with the highest peak."""
    return max(experiment.of(tool, phase), key=lambda each: each.peak, default=None)


def missing(experiment: Experiment, line: Line) -> tuple[str, str]:
    """What stands in place of a full load, and why; empty if there is one, or nobody asked."""
    if why := experiment.absent.get(line.tool):
        return "cannot be had", f"{line.title} cannot be had on this machine: {short(why)}"
    wrong = [each for each in experiment.measures if each.tool == line.tool and each.wrong]
    if wrong and not experiment.of(line.tool, FULL):
        return "does not count", ""  # why is among the failures
    return "", ""


def failures(experiment: Experiment) -> Iterator[str]:
    """What did not count, one sentence each."""
    for each in experiment.measures:
        if each.wrong:
            yield f"{each.tool}, {each.phase}, round {each.round + 1}: {short(each.wrong)}"


def short(text: str, longest: int = 200) -> str:
    """On one line, for a table."""
    line = " ".join(text.split())
    return line if len(line) <= longest else f"{line[:longest]}…"


def number(value: float | None, unit: str = "") -> str:
    """With three digits or so; a dash where there is none."""
    if value is None:
        return "–"
    places = 2 if value < 1 else 1 if value < 100 else 0
    return f"{value:,.{places}f}{unit}"


def ratio(value: float | None, to: float | None) -> str:
    return "–" if value is None or not to else f"{value / to:.2f}"
