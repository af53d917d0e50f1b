"""What a run started now would move of each table. Reads only: nothing is stored anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from etl_lib import drift, ledger, planning
from etl_lib.bookmarks import Bookmark
from etl_lib.contract import Table
from etl_lib.errors import EtlError, WarehouseBehind
from etl_lib.expectations import Judged
from etl_lib.run import Run
from etl_lib.source import Source, checked_columns
from etl_lib.types import Column
from workbench.plan import sample

ROWS_THAT_TELL = 1_000  # of an earlier run: its files say how many bytes a row has


@dataclass(frozen=True)
class Forecast:
    """What is expected of one table. ``stop`` is the error that would end the run, if any.

    ``row_bytes`` are those of Parquet, ``measured`` by an earlier run or by a sample of the rows.
    ``size`` is InnoDB's estimate of the whole table, which is 0 for a while after it was filled:
    then it is what is to be moved.
    """

    table: str
    mode: str
    tier: str = ""
    why: str = ""
    low: str | None = None
    high: str | None = None
    rows: int = 0
    row_bytes: float = 0.0
    measured: bool = False  # by an earlier run
    size: int = 0
    keys_changed: bool = False  # or nobody knows whether they did: they are compared
    drift: tuple[str, ...] = ()
    checks: tuple[Judged, ...] = ()  # what the contract expects of the table as a whole
    adopts: str | None = None  # the unfinished run whose window is taken up
    repairs: str | None = None  # the run that has loaded, and whose bookmark is to follow
    stop: str | None = None
    keys_known: bool = True  # what the keys were when the last run had loaded
    unknown: tuple[str, ...] = ()  # names in the contract's SQL that are no columns

    @property
    def bytes(self) -> int:
        return round(self.rows * self.row_bytes)

    @property
    def idle(self) -> bool:
        """Whether the run has nothing to do with the table but to look at it."""
        return not (self.rows or self.keys_changed or self.stop)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "bytes": self.bytes, "idle": self.idle}


def forecasts(run: Run, source: Source) -> list[Forecast]:
    """One for each table of ``run``. Raises SourceError where ``workbook run`` does not begin."""
    columns = {table.name: checked_columns(source, table) for table in run.tables}
    sizes = _sizes(source)
    loaded = "ledger" in ledger.tables(run.warehouse)
    return [
        _forecast(run, source, table, columns[table.name], sizes[table.name], loaded)
        for table in run.tables
    ]


def _forecast(
    run: Run,
    source: Source,
    table: Table,
    columns: Sequence[Column],
    size: int,
    loaded: bool,
) -> Forecast:
    mode = "incremental" if table.cursor else "full"
    try:
        return _expected(run, source, table, columns, size, loaded)
    except EtlError as error:
        return Forecast(table.name, mode, size=size, stop=str(error))


def _expected(
    run: Run,
    source: Source,
    table: Table,
    columns: Sequence[Column],
    size: int,
    loaded: bool,
) -> Forecast:
    mark = ledger.foreseen(run, table.name) if loaded else _unloaded(run, table)
    planning.refuse_other_source(run, table, source, mark)
    if loaded:
        planning.refuse_other_contract(run, table)
    drift.settle(table, mark, planning.described(columns, table))  # before it is counted, as a run
    besides = ledger.besides(run, table.name) if loaded else 0
    plan = planning.upcoming(run, source, table, columns, mark, besides)
    window, earlier = plan.window, _row_bytes(run, mark)
    row_bytes = earlier or (sample.row_bytes(source, table, plan) if window.rows else 0.0)
    return Forecast(
        table.name, window.mode, window.tier, window.why, window.low, window.high, window.rows,
        row_bytes, bool(earlier), max(size, round(window.rows * row_bytes)), plan.sweep,
        tuple(plan.drift),
        tuple(map(dict, plan.checks)),
        adopts=mark.open_run if planning.unfinished(table, mark) else None,
        keys_known=mark.keys_digest is not None and mark.besides == besides,
        repairs=mark.run_id if run.bookmarks.get(table.name).run_id != mark.run_id else None,
    )  # fmt: skip


def _unloaded(run: Run, table: Table) -> Bookmark:
    """The bookmark beside an empty warehouse, which ``ledger.current`` would refuse as well."""
    mark = run.bookmarks.get(table.name)
    if mark.run_id:
        raise WarehouseBehind(table.name, mark.run_id)
    return mark


def _row_bytes(run: Run, mark: Bookmark) -> float | None:
    """As the files of the last run that moved rows have them; None if they do not tell."""
    meta = ((run.zone.get_json(mark.manifest) or {}) if mark.manifest else {}).get("meta")
    if meta and meta["record_count"] >= ROWS_THAT_TELL:
        return float(meta["content_length"]) / float(meta["record_count"])
    return None


def _sizes(source: Source) -> dict[str, int]:
    rows = source.rows(
        "SELECT table_name AS name, data_length AS size "
        "FROM information_schema.tables WHERE table_schema = %s",
        [source.database],
    )
    return {row["name"]: int(row["size"] or 0) for row in rows}
