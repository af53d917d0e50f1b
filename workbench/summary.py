"""What a run did, as data: ``summary.json`` beside its executed notebooks."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from etl_lib.zone import Zone
from workbench.home import Home

WINDOW = ("mode", "tier", "why", "low", "high")
COUNTS = ("extracted", "loaded", "deleted", "quarantined", "source", "raw", "missing")


@dataclass
class StageResult:
    """One stage: how long it took, and whether it came to its end."""

    stage: str
    status: str
    seconds: float


@dataclass
class Summary:
    """A run from start to end. ``tables`` maps each table to its window and counts."""

    run_id: str
    contract: str
    started: str
    via: str
    status: str = "RUNNING"
    seconds: float = 0.0
    error: str | None = None
    stages: list[StageResult] = field(default_factory=list)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def exit_code(self) -> int:
        """0 if it succeeded, or 1. Bad input that is found before a run begins is 2, not a run."""
        return 0 if self.status == "SUCCEEDED" else 1

    def total(self, count: str) -> int:
        return sum(table[count] or 0 for table in self.tables.values())

    def as_dict(self) -> dict[str, Any]:
        totals = {f"rows_{name}": self.total(name) for name in COUNTS[:4]}
        return {**asdict(self), **totals}

    def write(self, folder: Path) -> Path:
        path = folder / "summary.json"
        path.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        return path


def status_of(folder: Path) -> str | None:
    """The status of the run whose folder this is; None if there was none."""
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return str(summary["status"])


def last_run(home: Home) -> str | None:
    """One line about the run that ended last."""
    found = sorted(home.runs.glob("*/summary.json"), key=lambda path: path.stat().st_mtime)
    if not found:
        return None
    summary = json.loads(found[-1].read_text())
    return f"{summary['run_id']} {summary['status']} in {summary['seconds']:.1f} s"


def tables_of(zone: Zone, run_id: str, stages: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Each table's window and counts, from what the stages published in S3 so far."""
    tables: dict[str, dict[str, Any]] = {}
    for key, _ in zone.list(f"runs/{run_id}/plans/"):
        name = key.rpartition("/")[2].removesuffix(".json")
        planned = zone.get_json(key) or {}
        window = {key: planned["window"].get(key) for key in WINDOW}
        tables[name] = {**window, **dict.fromkeys(COUNTS), "bookmark": None, "stages": {}}
        tables[name] |= {"drift": planned.get("drift", []), "changed": {}}
    for stage in stages:
        for key, _ in zone.list(f"runs/{run_id}/results/{stage}/"):
            result = zone.get_json(key) or {}
            table = tables.get(str(result.get("table")))
            if table is not None:
                _add(table, stage, result)
    return tables


def remarks(name: str, table: dict[str, Any]) -> list[str]:
    """What a person should know of a table besides its counts."""
    told = [f"{name}: {change}" for change in table["drift"]]
    told += [
        f"{name}: {count:,} values of {column} were changed on the way, as the contract decides"
        for column, count in table["changed"].items()
    ]
    return told


def _add(table: dict[str, Any], stage: str, result: dict[str, Any]) -> None:
    table["stages"][stage] = result
    if stage == "01_extract":
        table["extracted"] = result["rows"]
        table["changed"] = result.get("changed", {})
    if stage == "05_bookmark":
        table["bookmark"] = result["after"]
    for count in COUNTS:
        if count in result and not (stage == "03_transform" and count == "good"):
            table[count] = result[count]
