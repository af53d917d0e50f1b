"""What a run is given, checked before anything is written: its name, tables, contract, source."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from etl_lib import indicators
from etl_lib.contract import Contract
from etl_lib.errors import BadInput
from etl_lib.planning import described
from etl_lib.source import Source, checked_columns
from workbench import pipeline, source_address
from workbench.plan.refusal import refuse_misnamed
from workbench.stack import DATABASE, SECRET, Stack
from workbench.summary import Summary, status_of

STAGES = (
    "01_extract",
    "02_raw_ingest",
    "03_transform",
    "04_load",
    "05_bookmark",
    "06_finalize",
)
RUN_ID = re.compile(r"[0-9A-Za-z_-]{1,80}")  # an execution's name is one


@dataclass(frozen=True)
class Prepared:
    """A run that may start. ``folder`` is where its report will stand."""

    run_id: str
    folder: Path
    contract: Path
    parsed: Contract | None  # as it is published; None if that cannot be read
    contract_url: str
    tables: tuple[str, ...]
    source_secret: str
    started: datetime
    source: str = ""  # its address, and what to type for it
    asked: str = ""
    stale: tuple[str, ...] = ()  # indicators that wait for a run to compute them

    def summary(self, via: str) -> Summary:
        started = self.started.strftime("%Y-%m-%d %H:%M:%S")
        summary = Summary(self.run_id, str(self.contract), started, via)
        summary.source, summary.asked = self.source, self.asked
        summary.stale = list(self.stale)
        return summary


def prepare(
    stack: Stack, contract: Path, secret: Mapping[str, Any] | None, tables: str, run_id: str
) -> Prepared:
    """Hold contract and source against each other, then publish both.

    Raises BadInput before anything is written if they disagree. Without ``secret`` the source is
    not looked at: that of an account may be out of reach from here, and 01_extract looks.
    """
    if run_id and not RUN_ID.fullmatch(run_id):
        raise BadInput(f"--run-id: {run_id!r} is not 1 to 80 letters, digits, - and _")
    if run_id and status_of(stack.home.runs / run_id) == "SUCCEEDED":
        raise BadInput(f"--run-id: run {run_id} has succeeded; a new run needs a new name")
    chosen = _checked(stack, contract, secret, tables)
    started, parsed = datetime.now(UTC), pipeline.read_contract(contract)
    folder = _folder(stack.home.runs, run_id, started)
    return Prepared(
        run_id=folder.name,
        folder=folder,
        contract=Path(os.path.abspath(contract)),  # it is read from elsewhere, too
        parsed=parsed,
        contract_url=stack.pipeline.publish(contract),
        tables=chosen,
        source_secret=_secret(stack, secret),
        started=started,
        source=source_address.address(secret) if secret else "",
        asked=_asked(stack, secret),
        stale=stale(stack, parsed),
    )


def standing(stack: Stack, contract: Path, secret: Mapping[str, Any]) -> dict[str, str]:
    """The input of executions that move the same again and again. As ``prepare`` raises."""
    _checked(stack, contract, secret, "")
    return {
        "contract": stack.pipeline.publish(contract),
        "source_secret": _secret(stack, secret),
    }


def stale(stack: Stack, parsed: Contract) -> tuple[str, ...]:
    """The indicators that earlier runs' rows have touched, and that none has computed since."""
    with stack.active():
        return tuple(indicators.stale(stack.target.warehouse(), parsed))


def _secret(stack: Stack, secret: Mapping[str, Any] | None) -> str:
    """The secret's name; what an account keeps is not touched."""
    if secret is None or stack.target.stack:
        return stack.target.secret
    return stack.pipeline.put_secret(secret_name(secret), secret)


def _asked(stack: Stack, secret: Mapping[str, Any] | None) -> str:
    """What to type to move the same again."""
    if secret is None or stack.target.stack:
        return stack.target.options
    return source_address.asked(secret, stack.maria)


def _checked(
    stack: Stack, contract: Path, secret: Mapping[str, Any] | None, tables: str
) -> tuple[str, ...]:
    """The names of the tables to move, each of which the source has as the contract says."""
    names = [name.strip() for name in tables.split(",") if name.strip()]
    selected = pipeline.read_contract(contract).select(names)
    columns = {}
    if secret is not None:
        source = Source.of(secret)
        columns = {
            table.name: described(checked_columns(source, table), table) for table in selected
        }
    chosen = tuple(table.name for table in selected)
    refuse_misnamed(stack.home, contract, chosen, columns)
    return chosen


def _folder(runs: Path, run_id: str, started: datetime) -> Path:
    """The run's folder; two runs that begin in the same second get two."""
    if run_id:
        (runs / run_id).mkdir(parents=True, exist_ok=True)
        return runs / run_id
    stamp = started.strftime("%Y%m%dT%H%M%SZ")
    number = 1
    while True:
        folder = runs / (stamp if number == 1 else f"{stamp}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder


def secret_name(secret: Mapping[str, Any]) -> str:
    if secret["dbname"] == DATABASE and secret["username"] == "etl":
        return SECRET
    return f"{SECRET}/{secret['host']}-{secret['port']}-{secret['dbname']}"
