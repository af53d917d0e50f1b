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


class StillAtWork(EtlError):
    """A transaction of the run goes on: what it comes to is not known yet."""


def gather(
    summary: Summary, stack: Stack, parsed: Contract | None, patience: float = PATIENCE
) -> bool:
    """Put it into the summary of a run whose status is known, while its stack is the active one.

    ``parsed`` is its contract, if that can be read: of a run that failed, the warehouse is asked
    what it loaded and what it leaves undone; ``counted`` says whether it could be. False if a
    statement of the run was still at work after ``patience`` seconds.
    """
    zone = Zone(stack.target.bucket)
    summary.counted = False
    summary.tables = tables_of(zone, summary.run_id, STAGES)
    summary.checks = checks_of(zone, summary.run_id)
    try:
        if summary.status != "SUCCEEDED" and parsed:
            _ask(summary, stack, parsed, patience)
    except (EtlError, ClientError) as error:
        told = f"The warehouse could not be asked what the run has loaded: {error}"
        summary.error = f"{summary.error or ''}\n{told}".strip()
        return not isinstance(error, StillAtWork)
    summary.counted = summary.status == "SUCCEEDED" or parsed is not None or not summary.tables
    return True


def _ask(summary: Summary, stack: Stack, parsed: Contract, patience: float) -> None:
    _settle(stack, summary.run_id, patience)
    warehouse = stack.target.warehouse()
    for entry in ledger.loads(warehouse, parsed.name, summary.run_id):
        _count(summary, entry)
    summary.still_stale = indicators.stale(warehouse, parsed)


def _settle(stack: Stack, run_id: str, patience: float) -> None:
    """A transaction outlives the session or the job that sent it: wait for those of the run. Of an
    account, those of our own role are seen."""
    client = stack.endpoint.client("redshift-data")
    until = time.monotonic() + patience
    for status in UNENDED:
        while client.list_statements(StatementName=f"{run_id}: ", Status=status)["Statements"]:
            if time.monotonic() >= until:
                raise StillAtWork(f"a statement of it is {status} still")
            time.sleep(0.2)


def _count(summary: Summary, entry: Mapping[str, Any]) -> None:
    """A stage that was stopped between its transaction and its result has loaded all the same."""
    table = summary.tables.get(entry["table_name"])
    for count in ("loaded", "deleted", "quarantined", "missing"):
        if table is not None and table[count] is None:
            table[count] = entry[count]
