"""A run: what all its stages share. Every stage opens the same run and may do so again."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from etl_lib import contract as contracts
from etl_lib import zone as zones
from etl_lib.bookmarks import BookmarkStore
from etl_lib.contract import Contract, Table
from etl_lib.errors import BadInput
from etl_lib.progress import Tables
from etl_lib.warehouse import Warehouse
from etl_lib.window import Window
from etl_lib.zone import Zone

RUN_ID = re.compile(r"(?!\.{1,2}$)[^/\\%`\x00-\x1f\x7f]{1,80}")
LATEST = "runs/latest.json"
AT_ONCE = 2  # tables worked on side by side
# Modes of windows: those that follow each other, and those that are moved again beside them.
IN_TURN = ("incremental", "full")
BACKFILL, REPAIR = "backfill", "repair"  # a span of the cursor; single keys


@dataclass(frozen=True)
class Plan:
    """What this run moves of one table: its window, its columns, its place in the table's history.

    ``sweep`` tells whether keys came or went since the last run; ``columns`` are
    ``{"name", "type"}`` in source order, with Redshift types; ``dropped`` names those that a mask
    leaves in the source. ``after`` is the run that the warehouse must have loaded before;
    ``besides`` is how many loads that were not in turn it had when this one was planned. ``drift``
    tells how the columns changed since then, ``checks`` how the table was judged as a whole, and
    ``rows`` how many it had in the source, if it was counted.
    """

    window: Window
    columns: Sequence[Mapping[str, str]]
    sequence: int
    sweep: bool
    source: str = ""  # which database it was planned on
    cursor: str | None = None
    after: str | None = None
    besides: int = 0
    drift: Sequence[str] = ()
    rows: int | None = None
    checks: Sequence[Mapping[str, str]] = ()
    dropped: Sequence[str] = ()
    adopted: bool = False  # planned by an earlier run, which failed: what came since is not in it

    @property
    def idle(self) -> bool:
        return not self.window.rows and not self.sweep

    @property
    def lists_keys(self) -> bool:
        """Whether keys are staged beside the rows: all of the source's, or those to repair."""
        mode = self.window.mode
        return mode == REPAIR or (self.sweep and mode == "incremental")

    @property
    def in_turn(self) -> bool:
        """Whether it is the table's next window. Others move no bookmark."""
        return self.window.mode in IN_TURN

    def as_dict(self) -> dict[str, Any]:
        listed = {
            name: list(value) if isinstance(value, (list, tuple)) else value
            for name, value in vars(self).items()
        }
        return {**listed, "window": self.window.as_dict()}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Plan:
        return cls(**{**document, "window": Window(**document["window"])})


@dataclass(frozen=True)
class Run:
    """One run of the pipeline. ``run_id`` names it in every path, row and log."""

    run_id: str
    zone: Zone
    contract: Contract
    contract_url: str
    warehouse: Warehouse
    bookmarks: BookmarkStore
    tables: Sequence[Table]

    @property
    def prefix(self) -> str:
        return f"runs/{self.run_id}"

    def plans(self) -> dict[str, Plan]:
        """Table -> plan, as stage 01 stored them."""
        found = {table.name: self.zone.get_json(self.plan_key(table.name)) for table in self.tables}
        missing = [name for name, plan in found.items() if plan is None]
        if missing:
            raise BadInput(
                f"run {self.run_id!r} has no plan for {', '.join(missing)}: run 01_extract first"
            )
        return {name: Plan.from_dict(plan) for name, plan in found.items() if plan is not None}

    def stored_contract(self) -> str | None:
        """The address of the contract that the run was planned by; None if it never was."""
        document: Mapping[str, str] = self.zone.get_json(self.contract_key) or {}
        return document.get("contract")

    def shapes(self) -> dict[str, Sequence[Mapping[str, str]]]:
        """Table -> columns, as in Plan, of every table of the contract that the source has."""
        return self.zone.get_json(self.shapes_key) or {}

    @property
    def contract_key(self) -> str:
        return f"{self.prefix}/contract.json"

    @property
    def shapes_key(self) -> str:
        return f"{self.prefix}/shapes.json"

    @property
    def checks_key(self) -> str:
        return f"{self.prefix}/checks.json"

    def plan_key(self, table: str) -> str:
        return f"{self.prefix}/plans/{table}.json"

    def sql(self, path: str) -> str:
        """A SQL file that stands beside the contract, by its path under ``sql/``."""
        return zones.read_text(f"{self.contract_url.rpartition('/')[0]}/sql/{path}")

    def raw_key(self, table: str, name: str) -> str:
        return f"raw/{self.contract.name}/{table}/run_id={self.run_id}/{name}"

    def curated_key(self, table: str, name: str) -> str:
        return f"curated/{self.contract.name}/{table}/run_id={self.run_id}/{name}"

    def record(self, stage: str, table: str, result: Mapping[str, Any]) -> None:
        """Publish what a stage did with a table: progress while it runs, the report after."""
        self.zone.put_json(f"{self.prefix}/results/{stage}/{table}.json", result)

    def results(self, stage: str) -> dict[str, dict[str, Any]]:
        """Table -> what ``stage`` recorded."""
        found = {}
        for key, _ in self.zone.list(f"{self.prefix}/results/{stage}/"):
            document = self.zone.get_json(key)
            if document is not None:
                found[key.rpartition("/")[2][: -len(".json")]] = document
        return found

    def each(
        self, stage: str, work: Callable[[Table], Mapping[str, Any]], tables: Sequence[Table]
    ) -> list[Mapping[str, Any]]:
        """Do ``work`` for every table, a few side by side; record each result with its seconds.

        The first error stops what has not begun and is raised.
        """

        progress = Tables(stage, len(tables))

        def one(table: Table) -> Mapping[str, Any]:
            with _clocked() as clock:
                result = dict(work(table))
            result = {"table": table.name, **result, "seconds": clock()}
            self.record(stage, table.name, result)
            progress.add()
            return result

        with ThreadPoolExecutor(AT_ONCE) as pool:
            futures = [pool.submit(one, table) for table in tables]
            try:
                return [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise


def open_run(
    run_id: str,
    bucket: str,
    contract: str,
    tables: str,
    workgroup: str,
    database: str,
    copy_role: str,
    bookmark_table: str,
    start: bool = False,
) -> Run:
    """Open the run ``run_id``: load its contract, name its tools. Touches no table.

    ``run_id`` empty means: a new run named by the time (``start=True``), or the one started last.
    ``contract`` empty means the one published at ``contract/current/`` in the bucket. ``tables`` is
    a comma list; empty means all.
    """
    zone = Zone(bucket)
    if not run_id:
        run_id = _new_run_id() if start else _latest(zone)
    if not RUN_ID.fullmatch(run_id):  # it is a part of every key
        raise BadInput(f"run_id {run_id!r} is not 1 to 80 characters, none of them a slash")
    url = contract or zone.url("contract/current/tables.toml")
    parsed = contracts.parse(zones.read_text(url), url)
    names = [name.strip() for name in tables.split(",") if name.strip()]
    return Run(
        run_id=run_id,
        zone=zone,
        contract=parsed,
        contract_url=url,
        warehouse=Warehouse(workgroup, database, copy_role),
        bookmarks=BookmarkStore(bookmark_table, parsed.name),
        tables=parsed.select(names),
    )


def columns_json(columns: Sequence[Mapping[str, str]]) -> str:
    return json.dumps(list(columns), sort_keys=True)


def _new_run_id() -> str:
    return datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S%fZ")


def _latest(zone: Zone) -> str:
    document: Mapping[str, str] | None = zone.get_json(LATEST)
    if document is None:
        raise BadInput("no run has been started yet: run 01_extract first, or give a run_id")
    return document["run_id"]


@contextmanager
def _clocked() -> Iterator[Callable[[], float]]:
    started = time.perf_counter()
    yield lambda: round(time.perf_counter() - started, 3)
