"""What a run has come to, as its stages have published it and the warehouse has it."""

from __future__ import annotations

from etl_lib import indicators
from etl_lib.contract import Contract
from etl_lib.zone import Zone
from workbench.preparation import STAGES
from workbench.stack import Stack
from workbench.summary import Summary, checks_of, tables_of


def gather(summary: Summary, stack: Stack, parsed: Contract | None = None) -> None:
    """Put it into the summary of a run whose status is known, while its stack is the active one.

    ``parsed`` is its contract, for a run that has ended just now: what it leaves undone is asked.
    """
    zone = Zone(stack.target.bucket)
    summary.tables = tables_of(zone, summary.run_id, STAGES)
    summary.checks = checks_of(zone, summary.run_id)
    if parsed and summary.status != "SUCCEEDED":
        summary.still_stale = indicators.stale(stack.target.warehouse(), parsed)
