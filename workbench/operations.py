"""``workbook backfill`` and ``workbook replay``: rows are moved again, by the jobs of a run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from etl_lib import backfill as backfills
from etl_lib import finalize, lease, ledger
from etl_lib import replay as replays
from etl_lib.bookmarks import BookmarkStore
from etl_lib.lease import Lease
from etl_lib.run import Plan, Run, open_run
from etl_lib.source import Source
from etl_lib.zone import Zone
from workbench import jobs, pipeline
from workbench.deployment import Deployment
from workbench.preparation import secret_name
from workbench.stack import Stack
from workbench.target import LOCAL, Target
from workbench.where import HERE, Where

Say = Callable[[str], None]


def backfill(
    stack: Stack,
    contract: Path,
    secret: Mapping[str, Any],
    name: str,
    low: str,
    high: str,
    say: Say,
) -> tuple[Plan, dict[str, Any]]:
    """Move [low, high) of one table again; returns the plan and the ledger's counts.

    It holds a lease of its own: one backfill of a table at a time, beside the pipeline's runs.
    """
    url = stack.pipeline.publish(contract)
    source = stack.target.secret
    if not stack.target.stack:
        source = stack.pipeline.put_secret(secret_name(secret), secret)
    run_id = f"backfill-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}"
    with stack.active():
        run = open_named(stack.target, run_id, url, name)
        (table,) = run.tables
        own = lease.beside(run.contract.name, table.name)
        with lease.held(stack.target.bookmarks, own, run_id, say) as held:
            planned = backfills.plan(run, Source.from_secret(source), table, low, high)
            if not planned.window.rows:
                return planned, {}
            _deploy(stack, say)
            asked = {"source_secret": source}
            for stage in ("01_extract", "02_raw_ingest", "03_transform", "04_load"):
                _job(stack, run, stage, [name], held, asked if stage == "01_extract" else {}, say)
            finalize.clean_up(run)
        return planned, ledger.entry(run, name) or {}


def replay(stack: Stack, contract: Path, run_ids: Sequence[str], say: Say) -> list[str]:
    """Load these past runs again, in this order; returns a line for each table of each.

    What a run has been loaded of already is left alone.
    """
    name = pipeline.read_contract(contract).name
    told: list[str] = []
    table = stack.target.bookmarks
    with stack.active(), lease.held(table, name, "of workbook replay", say) as held:
        _deploy(stack, say)
        for run_id in run_ids:
            told += _replay(stack, _past(stack, contract, run_id), held, say)
    return told


def missing(stack: Stack, contract: Path) -> list[str]:
    """The runs that the warehouse lacks, in the order in which to replay them."""
    with stack.active():
        run = unnamed(contract, stack.target)
        ledger.prepare(run.warehouse)
        return replays.missing(run)


@contextmanager
def opened(contract: Path, where: Where = HERE) -> Iterator[tuple[Stack, Run]]:
    """The stack, started, and the contract's bookmarks and ledger, as ``unnamed``."""
    pipeline.read_contract(contract)  # a mistake in it is told before anything is started
    made = where.stack(lambda text: None)
    with made.active():
        run = unnamed(contract, made.target)
        ledger.prepare(run.warehouse)
        yield made, run


def unnamed(contract: Path, target: Target = LOCAL) -> Run:
    """The contract's bookmarks and ledger, as a run that has no name and moves nothing."""
    parsed = pipeline.read_contract(contract)
    store = BookmarkStore(target.bookmarks, parsed.name)
    zone, tables = Zone(target.bucket), tuple(parsed.tables.values())
    return Run("", zone, parsed, "", target.warehouse(), store, tables)


def _replay(stack: Stack, run: Run, held: Lease, say: Say) -> list[str]:
    ledger.prepare(run.warehouse)
    tables = replays.tables(run)
    if not tables:
        return [f"run {run.run_id}: loaded already, nothing to do"]
    names = [table.name for table in tables]
    chosen = replace(run, tables=tables)
    for stage in ("02_raw_ingest", "03_transform", "04_load"):
        if stage != "03_transform" or not replays.curated(chosen):
            _job(stack, run, stage, names, held, {}, say)
    finalize.clean_up(chosen)
    entries = [ledger.entry(run, name) or {} for name in names]
    return [
        f"run {run.run_id}: {name}: {entry['loaded']:,} rows loaded, {entry['deleted']:,} deleted, "
        f"{entry['quarantined']:,} quarantined"
        for name, entry in zip(names, entries, strict=True)
    ]


def _job(
    stack: Stack,
    run: Run,
    stage: str,
    names: Sequence[str],
    held: Lease,
    more: Mapping[str, str],
    say: Say,
) -> None:
    held.check()
    say(f"{stage} of {run.run_id}")
    given = {"run_id": run.run_id, "contract": run.contract_url, "tables": ",".join(names)}
    jobs.run(stack.endpoint, stage, {**given, **more}, prefix=stack.target.prefix)


def _past(stack: Stack, contract: Path, run_id: str) -> Run:
    """The past run, with the contract that it was planned by."""
    past = replace(unnamed(contract, stack.target), run_id=run_id)
    url = past.stored_contract() or stack.pipeline.publish(contract)
    return open_named(stack.target, run_id, url, "")


def _deploy(stack: Stack, say: Say) -> None:
    """What a stack has made is changed by `workbook deploy` alone."""
    if not stack.target.stack:
        Deployment(stack.endpoint).apply(say)


def open_named(target: Target, run_id: str, url: str, tables: str) -> Run:
    """A run by its name, with a published contract, while its stack is the active one."""
    return open_run(
        run_id,
        target.bucket,
        url,
        tables,
        target.workgroup,
        target.database,
        "",
        bookmark_table=target.bookmarks,
    )
