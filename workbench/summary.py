"""What a run did, as data: ``summary.json`` beside its executed notebooks."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from etl_lib.expectations import WARNED
from etl_lib.run import IN_TURN
from etl_lib.zone import Zone

WINDOW = ("mode", "tier", "why", "low", "high")
TAKEN_UP = (
    "This run took up the window of one that had failed: what has changed since then is the next "
    "run's."
)
COUNTS = ("extracted", "loaded", "deleted", "quarantined", "source", "raw", "missing", "later")


@dataclass
class StageResult:
    """One stage: how long it took, and whether it came to its end: SUCCEEDED, FAILED, or STOPPED
    as something beside it failed."""

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
    failed_in: str = ""  # the stage, and of which table; what was stopped by it is not named
    counted: bool = False  # whether ``tables`` has all of it: not if nobody was left to ask
    stages: list[StageResult] = field(default_factory=list)
    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    checks: list[dict[str, Any]] = field(default_factory=list)  # of stage 06
    source: str = ""  # as an address, without its password
    asked: str = ""  # what to type for that source: --source …, --database …, or nothing
    # Indicators that earlier runs' rows had touched and no run had computed since: as it began, and
    # as it ended, if it failed.
    stale: list[str] = field(default_factory=list)
    still_stale: list[str] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 if it succeeded, or 1. Bad input that is found before a run begins is 2, not a run."""
        return 0 if self.status == "SUCCEEDED" else 1

    def total(self, count: str) -> int:
        return sum(table[count] or 0 for table in self.tables.values())

    @property
    def moved(self) -> bool:
        """Whether it changed a row of the warehouse's tables."""
        return any(map(self.total, ("loaded", "deleted", "quarantined")))

    @property
    def idle(self) -> bool:
        """Whether it came to its end and had nothing to do."""
        return self.status == "SUCCEEDED" and not (self.moved or self.stale)

    def as_dict(self) -> dict[str, Any]:
        totals = {f"rows_{name}": self.total(name) for name in COUNTS[:4]}
        return {**asdict(self), **totals}

    def write(self, folder: Path) -> Path:
        path = folder / "summary.json"
        new = folder / "summary.json.new"  # another run may be reading it
        new.write_text(json.dumps(self.as_dict(), indent=1) + "\n", encoding="utf-8")
        return new.replace(path)


def status_of(folder: Path) -> str | None:
    """The status of the run whose folder this is; None if there was none."""
    try:
        summary = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    return str(summary["status"])


def tables_of(zone: Zone, run_id: str, stages: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Each table's window and counts, from what the stages published in S3 so far."""
    tables: dict[str, dict[str, Any]] = {}
    for key, _ in zone.list(f"runs/{run_id}/plans/"):
        name = key.rpartition("/")[2].removesuffix(".json")
        planned = zone.get_json(key) or {}
        window = {key: planned["window"].get(key) for key in WINDOW}
        tables[name] = {**window, **dict.fromkeys(COUNTS), "bookmark": None, "stages": {}}
        tables[name] |= {"drift": planned.get("drift", []), "changed": {}, "rules": {}}
        tables[name]["expectations"] = planned.get("checks", [])
        tables[name]["adopted"] = planned.get("adopted", False)
        in_turn = tables[name]["mode"] in IN_TURN
        tables[name]["first"] = in_turn and planned.get("after") is None
    for stage in stages:
        for key, _ in zone.list(f"runs/{run_id}/results/{stage}/"):
            result = zone.get_json(key) or {}
            table = tables.get(str(result.get("table")))
            if table is not None:
                _add(table, stage, result)
    return tables


def checks_of(zone: Zone, run_id: str) -> list[dict[str, Any]]:
    """What the checks of stage 06 found; empty before it."""
    document = zone.get_json(f"runs/{run_id}/checks.json") or {}
    return list(document.get("checks", []))


def failed(checks: Sequence[Mapping[str, Any]]) -> list[str]:
    """What a person should know of the checks."""
    return [
        f"check {each['check']}: finds {each['rows']:,} rows, and should find none"
        for each in checks
        if not each["healthy"]
    ]


def outdated(names: Sequence[str]) -> list[str]:
    """What a person should know of the indicators that a failed run leaves as they were."""
    if not names:
        return []
    return [
        f"Indicators that were not computed since the last load: {', '.join(names)}. The next run "
        "that comes to its end does it, whether or not rows have changed."
    ]


def remarks(name: str, table: Mapping[str, Any]) -> list[str]:
    """What a person should know of a table besides its counts."""
    told = [f"{name}: {change}" for change in table["drift"]]
    return told + warned(name, table) + changed(name, table)


def warned(name: str, table: Mapping[str, Any]) -> list[str]:
    """What the contract expects of the table and was not found, though the run went on."""
    return [
        f"{name}: {each['check']}: {each['found']}; the contract expects {each['allowed']}"
        for each in table.get("expectations", [])
        if each["state"] == WARNED
    ]


def changed(name: str, table: Mapping[str, Any]) -> list[str]:
    """The values that are not as the source has them, by a decision of the contract."""
    return [
        f"{name}: {count:,} values of {column} were changed on the way, as the contract decides"
        for column, count in table["changed"].items()
    ]


def behind(name: str, table: Mapping[str, Any]) -> list[str]:
    """Whether the source has other rows than raw after the run."""
    if table["missing"]:
        return [
            f"{name}: {table['missing']:,} rows of the source have an old stamp and were not "
            "moved. The next run reads the whole table."
        ]
    if table["source"] is not None and table["source"] != table["raw"]:
        counts = f"{name}: the source has {table['source']:,} rows, raw has {table['raw']:,}."
        if table.get("adopted"):
            return [f"{counts} {TAKEN_UP}"]
        if 0 < table["source"] - table["raw"] <= (table.get("later") or 0):
            return [
                f"{counts} {table['later']:,} of the source's lie past the end of this run's "
                "window, and may be why: the runs to come move them, each once it rests for as "
                "long as a run needs to read it. If the difference stays: `workbook reconcile`."
            ]
        return [
            f"{counts} If it did not change during the run, another run will not mend it: type "
            "`workbook reconcile`, which finds out."
        ]
    if table.get("adopted"):
        return [f"{name}: {TAKEN_UP}"]
    return []


def layered(name: str, table: Mapping[str, Any]) -> list[str]:
    """Whether every row of raw is in curated or in quarantine."""
    found = table["stages"].get("06_finalize", {})
    if found.get("complete", True):
        return []
    return [
        f"{name}: raw has {found['raw']:,} rows, curated {found['curated']:,} and quarantine "
        f"{found['in_quarantine']:,}: type `workbook reconcile`, which finds out."
    ]


def _add(table: dict[str, Any], stage: str, result: dict[str, Any]) -> None:
    table["stages"][stage] = result
    if stage == "01_extract":
        table["extracted"] = result["rows"]
        table["changed"] = result.get("changed", {})
    if stage == "03_transform":
        table["rules"] = result.get("rules", {})
    if stage == "05_bookmark":
        table["bookmark"] = result["after"]
    for count in COUNTS:
        if count in result and not (stage == "03_transform" and count == "good"):
            table[count] = result[count]
