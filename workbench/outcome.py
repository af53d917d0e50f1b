"""What a run has come to, as its stages have published it and the warehouse has it."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from etl_lib import indicators, ledger
from etl_lib.contract import Contract
from etl_lib.errors import EtlError
from etl_lib.zone import Zone
from workbench.preparation import STAGES
from workbench.stack import Stack
from workbench.summary import Summary, checks_of, tables_of

UNENDED = ("SUBMITTED", "PICKED", "STARTED")
PATIENCE = 60.0  # seconds for a statement of a run that was stopped to come to its end


def gather(summary: Summary, stack: Stack, parsed: Contract | None) -> None:
    """Put it into the summary of a run whose status is known, while its stack is the active one.

    ``parsed`` is its contract, if that can be read: of a run that failed, the warehouse is asked
    what it loaded and what it leaves undone.
    """
    zone = Zone(stack.target.bucket)
    summary.tables = tables_of(zone, summary.run_id, STAGES)
    summary.checks = checks_of(zone, summary.run_id)
    summary.counted = True
    if parsed and summary.status != "SUCCEEDED":
        try:
            _ask(summary, stack, parsed)
        except (EtlError, ClientError) as error:
            summary.counted = False
            told = f"The warehouse could not be asked what the run has loaded: {error}"
            summary.error = f"{summary.error or ''}\n{told}".strip()


def _ask(summary: Summary, stack: Stack, parsed: Contract) -> None:
    _settle(stack, summary.run_id)
    warehouse = stack.target.warehouse()
    for entry in ledger.loads(warehouse, parsed.name, summary.run_id):
        _count(summary, entry)
    summary.still_stale = indicators.stale(warehouse, parsed)


def _settle(stack: Stack, run_id: str) -> None:
    """A transaction outlives the session or the job that sent it: wait for those of the run. Of an
    account, those of our own role are seen."""
    client = stack.endpoint.client("redshift-data")
    until = time.monotonic() + PATIENCE
    for status in UNENDED:
        while time.monotonic() < until:
            found = client.list_statements(StatementName=f"{run_id}: ", Status=status)
            if not found["Statements"]:
                break
            time.sleep(0.2)


def _count(summary: Summary, entry: Mapping[str, Any]) -> None:
    """A stage that was stopped between its transaction and its result has loaded all the same."""
    table = summary.tables.get(entry["table_name"])
    for count in ("loaded", "deleted", "quarantined", "missing"):
        if table is not None and table[count] is None:
            table[count] = entry[count]
