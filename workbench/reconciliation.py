"""``workbook reconcile``: what differs between source and warehouse, table by table; and repair."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console
from rich.table import Table as Picture

from etl_lib import indicators, ledger, planning, repair
from etl_lib.contract import Table
from etl_lib.errors import RunFailed
from etl_lib.run import Run
from etl_lib.source import Source
from workbench import comparison, execution, layers, operations, options
from workbench.comparison import Comparison, Key
from workbench.layers import Layers
from workbench.preparation import Prepared
from workbench.stack import Stack
from workbench.summary import Summary
from workbench.tables import Column, fitted
from workbench.target import LOCAL, Target

SHOWN = ("rows", "altered", "missing", "extra", "duplicated", "pending")
LAYERS = ("lost", "extra", "both", "duplicated", "altered")
BEGINNING, END = "DATE '0001-01-01'", "DATE '9999-12-31'"


@dataclass
class Findings:
    """All that reconcile found, and the source's clock when it began."""

    at: str
    rows: list[Comparison] = field(default_factory=list)
    layers: list[Layers] = field(default_factory=list)
    stale: dict[str, int] = field(default_factory=dict)  # indicator -> rows that differ
    unloaded: list[str] = field(default_factory=list)  # tables that no run has loaded yet

    @property
    def damaged(self) -> dict[str, list[Key]]:
        """Table -> the keys to repair."""
        found: dict[str, set[Key]] = {}
        pairs = [(each.table, each.damaged) for each in self.rows]
        pairs += [(each.table, each.damaged) for each in self.layers]
        for table, keys in pairs:
            if keys:
                found.setdefault(table, set()).update(keys)
        return {name: sorted(keys) for name, keys in found.items()}

    def as_dict(self) -> dict[str, Any]:
        return {
            "at": self.at,
            "rows": [each.as_dict() for each in self.rows],
            "layers": [each.as_dict() for each in self.layers],
            "stale": self.stale,
            "unloaded": self.unloaded,
            "damaged": {name: keys[:100] for name, keys in self.damaged.items()},
        }

    @property
    def clean(self) -> bool:
        return not self.damaged and not self.stale


def find(stack: Stack, prepared: Prepared, console: Console) -> Findings:
    """Compare every table of the prepared run; reads only. Shows each as it is done."""
    with stack.active():
        run, source = opened(prepared, stack.target)
        found = Findings(str(source.rows("SELECT NOW(6) AS now")[0]["now"]))
        for table in run.tables:
            _find(run, source, table, found, console)
        if not found.unloaded:
            for indicator in run.contract.indicators:
                if rows := layers.stale_periods(run, indicator):
                    found.stale[indicator.name] = rows
    return found


def mend(stack: Stack, prepared: Prepared, found: Findings, console: Console) -> None:
    """Move the damaged keys again, and compute stale indicators anew. Raises RunFailed."""
    with stack.active():
        run, _ = opened(prepared, stack.target)
        _refuse_open_runs(run, list(found.damaged))
        for name in found.stale:
            _touch_all(run, name)
        if found.stale and not found.damaged:
            indicators.refresh(run)
    if found.damaged:
        move_again(stack, prepared, found.damaged, console)


def move_again(
    stack: Stack, prepared: Prepared, keys: Mapping[str, Sequence[Key]], console: Console
) -> Summary:
    """Move these keys of each table again, by a run of its own. Raises RunFailed."""
    with stack.active():
        run, source = opened(prepared, stack.target)
        _refuse_open_runs(run, list(keys))
        _refuse_too_many(keys)
        for table in run.tables:
            if table.name in keys:
                repair.store(run, table, keys[table.name])
        planning.store_shapes(run, source)
    chosen = Prepared(**{**vars(prepared), "tables": tuple(keys)})
    summary = execution.run(stack, chosen, console)
    if summary.status != "SUCCEEDED":
        raise RunFailed(f"repair {prepared.run_id}: {summary.error}")
    return summary


def show(found: Findings, console: Console) -> None:
    """Tables for a person: what differs, and what is proven."""
    if found.rows:
        console.print(_picture("Source against raw", found.rows, console.width, *SHOWN))
        keys, ranges = (sum(getattr(each, n) for each in found.rows) for n in ("moved", "ranges"))
        console.print(f"compared by the checksums of {ranges:,} ranges; {keys:,} rows' keys read")
    if found.layers:
        title = "Raw against curated and quarantine"
        console.print(_picture(title, found.layers, console.width, *LAYERS))
    for name, rows in found.stale.items():
        console.print(f"indicator {name}: {rows:,} rows differ from what its query says")
    for name in found.unloaded:
        console.print(f"{name}: not loaded yet: workbook run")
    for each in found.rows:
        if not each.damaged and each.table not in found.damaged:
            upto = f"up to {each.high}" if each.high else f"as of {found.at}"
            console.print(f"{each.table:<22} proven complete {upto}")


def opened(prepared: Prepared, target: Target = LOCAL) -> tuple[Run, Source]:
    """The prepared run and its source, while the stack is the active one."""
    tables = ",".join(prepared.tables)
    run = operations.open_named(target, prepared.run_id, prepared.contract_url, tables)
    return run, Source.from_secret(prepared.source_secret)


def _find(run: Run, source: Source, table: Table, found: Findings, console: Console) -> None:
    with console.status(f"comparing {table.name}"):
        ledger.prepare(run.warehouse)
        compared = comparison.compare(run, source, table)
        if compared is None:
            found.unloaded.append(table.name)
            return
        found.rows.append(compared)
        columns = json.loads(run.bookmarks.get(table.name).columns or "[]")
        found.layers.append(layers.compare(run, table, columns))


def _refuse_open_runs(run: Run, names: Sequence[str]) -> None:
    for name in names:
        open_one = run.bookmarks.get(name).open_run
        if open_one:
            raise RunFailed(
                f"table {name}: run {open_one} has not ended. Nothing was repaired. Let it end, or "
                f"type `workbook redrive {open_one}`, then reconcile again."
            )


def _refuse_too_many(keys: Mapping[str, Sequence[Key]]) -> None:
    for name, listed in keys.items():
        if len(listed) > repair.MOST_KEYS:
            raise RunFailed(
                f"table {name}: {len(listed):,} rows, more than can be moved one by one "
                f"({repair.MOST_KEYS:,}). Nothing was moved. Load the whole table again: "
                f"workbook bookmarks set {name} --beginning{options.as_here()}, then workbook run."
            )


def _touch_all(run: Run, indicator: str) -> None:
    run.warehouse.rows(
        f"INSERT INTO etl.touched SELECT :pipeline, :name, {BEGINNING}, {END}",
        {"pipeline": run.contract.name, "name": indicator},
    )


def _picture(
    title: str, rows: Sequence[Comparison] | Sequence[Layers], width: int, *names: str
) -> Picture:
    """Every count stays: the narrowest place breaks a table's name."""
    columns = [Column("table"), *(Column(name, right=True) for name in names)]
    dicts = [each.as_dict() for each in rows]
    cells = [[each["table"], *(f"{each[name]:,}" for name in names)] for each in dicts]
    return fitted(columns, cells, width, title)
