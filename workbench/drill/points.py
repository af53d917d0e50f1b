"""Points: where a stage changes something outside itself, and what may go wrong there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from workbench.deployment import PREFIX

KINDS = ("kill", "error", "lost", "delay", "outage")
SIDES = ("before", "after")
COMMITTING = ("redshift-data:BatchExecuteStatement load ", "dynamodb:PutItem ")
CHANGING = tuple(
    f"redshift-data:BatchExecuteStatement {name} " for name in ("copy", "load", "refresh")
)


@dataclass(frozen=True, order=True)
class Point:
    """An effect of a stage: ``number`` tells apart those of one name."""

    stage: str
    effect: str
    number: int = 1

    @classmethod
    def of(cls, passed: Mapping[str, Any]) -> Point:
        stage = str(passed["stage"])[len(PREFIX) :]
        return cls(stage, str(passed["effect"]), int(passed["number"]))

    def __str__(self) -> str:
        number = f" #{self.number}" if self.number > 1 else ""
        return f"{self.stage} {self.effect}{number}"


@dataclass(frozen=True, order=True)
class Case:
    """One thing that goes wrong at one point. ``statement``: within a warehouse transaction."""

    point: Point
    when: str
    kind: str
    statement: int | None = None

    def rule(self, run_id: str) -> dict[str, Any]:
        """As the local AWS takes it."""
        return {
            "run": run_id,
            "stage": f"{PREFIX}{self.point.stage}",
            "effect": self.point.effect,
            "number": self.point.number,
            "when": self.when,
            "kind": self.kind,
            "statement": self.statement,
        }

    def __str__(self) -> str:
        within = "" if self.statement is None else f", statement {self.statement + 1}"
        return f"{self.kind} {self.when} {self.point}{within}"


def cases_of(passed: Iterable[Mapping[str, Any]]) -> list[Case]:
    """Every case that the points which a run has passed give, in the order they were passed."""
    found: dict[Case, None] = {}
    for each in passed:
        point = Point.of(each)
        for when in SIDES:
            for kind in KINDS:
                if kind != "outage" or _commits(point):
                    found[Case(point, when, kind)] = None
        for number in range(len(each["statements"]) if _changes_data(point) else 0):
            found[Case(point, "before", "error", number)] = None
    return list(found)


def _commits(point: Point) -> bool:
    """Where rows, ledger and bookmarks change. An outage takes long, and elsewhere is a kill."""
    return point.effect.startswith(COMMITTING)


def _changes_data(point: Point) -> bool:
    """Other transactions make tables that are missing, or drop staging: any half is as good."""
    return point.effect.startswith(CHANGING)
