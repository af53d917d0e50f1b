"""All that a run started now would find. Reads only: nothing is stored anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from etl_lib import indicators, privileges
from etl_lib.planning import described
from etl_lib.run import Run
from etl_lib.source import Source, checked_columns
from workbench import operations
from workbench.plan.holder import holder
from workbench.plan.refusal import misnamed
from workbench.plan.windows import Forecast, forecasts
from workbench.stack import Stack


@dataclass(frozen=True)
class Outlook:
    """What is expected of each table, and what else a run would meet."""

    tables: Sequence[Forecast]
    held: str | None = None  # who holds the lease
    hidden: str | None = None  # what the source hides, and so keeps back from windows with a cursor
    stale: Sequence[str] = ()  # indicators that wait for a run to compute them

    @property
    def refused(self) -> bool:
        """Whether the run would not begin, of what the contract says."""
        return any(each.unknown for each in self.tables)

    @property
    def stops(self) -> bool:
        """Whether the run would not begin, or not come to its end."""
        return bool(self.held or self.refused or any(each.stop for each in self.tables))


def look(stack: Stack, contract: Path, secret: dict[str, Any], names: Sequence[str]) -> Outlook:
    """What a run of these tables, or of all if none is named, would find."""
    source = Source.of(secret)
    with stack.active():
        run = operations.unnamed(contract, stack.target)
        run = replace(run, tables=run.contract.select(list(names)))
        found, held = forecasts(run, source), holder(run)
        waiting = indicators.stale(run.warehouse, run.contract)
    columns = {each.name: described(checked_columns(source, each), each) for each in run.tables}
    wrong = misnamed(contract, columns)
    found = [replace(each, unknown=tuple(wrong[each.table])) for each in found]
    return Outlook(found, held, _hidden(run, source), waiting)


def _hidden(run: Run, source: Source) -> str | None:
    lags = [table.lag for table in run.tables if table.cursor]
    return privileges.hidden(source, max(lags)) if lags else None
