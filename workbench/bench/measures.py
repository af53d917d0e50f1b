"""What was measured: raw figures as JSON, and what is read from them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from workbench.bench.usage import Usage

MB = 1 << 20
RUN = "run"  # our pipeline's name among the tools


@dataclass(frozen=True)
class Measure:
    """One run of one tool. ``wrong`` says why its figures do not count; ``parts``: seconds;
    ``others``: cores that were not ours meanwhile."""

    tool: str
    phase: str
    rows: int
    round: int
    seconds: float = 0.0
    cpu: Mapping[str, float] = field(default_factory=dict)
    peak: int = 0
    at_peak: Mapping[str, int] = field(default_factory=dict)
    extracting: Mapping[str, int] = field(default_factory=dict)
    parts: Mapping[str, float] = field(default_factory=dict)
    types: Mapping[str, str] = field(default_factory=dict)
    others: float = 0.0
    wrong: str = ""

    @classmethod
    def of(cls, tool: str, phase: str, rows: int, number: int, usage: Usage) -> Measure:
        kept = asdict(usage)
        del kept["rises"]
        return cls(tool, phase, rows, number, **kept)

    @property
    def cpu_seconds(self) -> float:
        return sum(self.cpu.values())


@dataclass
class Experiment:
    """What was measured on a table of ``rows`` rows, on which machine, with which code."""

    name: str
    rows: int
    rounds: int
    machine: Mapping[str, str]
    changed: Mapping[str, int] = field(default_factory=dict)
    row_bytes: int = 0
    remark: str = ""  # what a reader must know, by who measured
    absent: dict[str, str] = field(default_factory=dict)
    measures: list[Measure] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.name} {self.rows}"

    def of(self, tool: str, phase: str) -> list[Measure]:
        """What counts."""
        found = [each for each in self.measures if (each.tool, each.phase) == (tool, phase)]
        return [each for each in found if not each.wrong]


def load(path: Path) -> dict[str, Experiment]:
    """Earlier experiments by their key; none if there were none."""
    if not path.exists():
        return {}
    kept = json.loads(path.read_text(encoding="utf-8"))
    return {key: _experiment(body) for key, body in kept.items()}


def _experiment(body: dict[str, Any]) -> Experiment:
    measures = [Measure(**each) for each in body.pop("measures")]
    return Experiment(**body, measures=measures)


def save(path: Path, experiments: Mapping[str, Experiment]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{json.dumps(key)}: {json.dumps(asdict(each))}" for key, each in experiments.items()]
    path.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
