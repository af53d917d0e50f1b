"""Is the job what the notebook is? One source, two empty warehouses, and every row compared."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from etl_lib.errors import RunFailed
from etl_lib.identifiers import redshift
from etl_lib.warehouse import Warehouse
from workbench import endpoint, execution, pipeline, runner, stack
from workbench.execution import AS_BEGUN
from workbench.home import Home
from workbench.mysql import change
from workbench.mysql.server import Server
from workbench.preparation import Prepared, prepare
from workbench.stack import DATABASE, Stack
from workbench.summary import Summary

SCHEMAS = ("raw", "curated", "quarantine", "presentation")
VOLATILE = ("_run_id", "_loaded_at", "_quarantined_at")  # name or time of the run
WHETHER = ("_deleted_at",)  # a time: only whether there is one is compared
LEDGER = (
    "table_name",
    "sequence",
    "mode",
    "tier",
    "extracted",
    "loaded",
    "deleted",
    "quarantined",
    "missing",
)
CHANGES = 2

Pair = tuple[Stack, Stack]  # the notebooks' side and the jobs'
Run = Callable[[Stack, Prepared, Console], Summary]


@dataclass(frozen=True)
class Difference:
    """A table that differs: how many rows only one side has, and one of them."""

    table: str
    only_notebooks: int
    only_jobs: int
    example: str


def compare(
    folder: Path, server: Server, console: Console, changes: int = CHANGES
) -> list[Difference]:
    """Run both ways for a full load and ``changes`` increments; returns what differs.

    Empties ``folder`` and changes the source. Raises RunFailed if a run does not succeed.
    """
    with pair(folder, server) as sides:
        found: list[Difference] = []
        for step in range(1 + changes):
            if step:
                change.change(server, DATABASE, share=0.01, seed=step)
            run_both(sides, console)
            found += differences(*sides)
            console.print(f"{'increment ' + str(step) if step else 'full load'}: compared")
        return found


@contextmanager
def pair(folder: Path, server: Server) -> Iterator[Pair]:
    """Two empty local AWS on one source: one for notebooks, one for jobs. Empties ``folder``."""
    shutil.rmtree(folder, ignore_errors=True)
    homes = Home(folder / "notebooks"), Home(folder / "jobs")
    try:
        one, other = (stack.attach(home, server, _silent) for home in homes)
        yield one, other
    finally:
        for home in homes:
            endpoint.stop(home.aws)


def run_both(sides: Pair, console: Console) -> tuple[Summary, Summary]:
    """One run by notebooks, one by jobs. Raises RunFailed."""
    notebooks, jobs = sides
    return _succeed(notebooks, runner.run, console), _succeed(jobs, execution.run, console)


def differences(notebooks: Stack, jobs: Stack) -> list[Difference]:
    """What the warehouses of two stacks do not have in common, run ids and times aside."""
    left, right = _queries(notebooks), _queries(jobs)
    one_side, other_side = _digests(notebooks, left), _digests(jobs, right)
    found = []
    for name in sorted({*left, *right}):
        if one_side.get(name) == other_side.get(name):
            continue
        one = _rows(notebooks, left.get(name))
        other = _rows(jobs, right.get(name))
        found.append(
            Difference(
                table=name,
                only_notebooks=sum((one - other).values()),
                only_jobs=sum((other - one).values()),
                example=str(next(iter((one - other) or (other - one)), "its columns")),
            )
        )
    return found


def _succeed(side: Stack, run: Run, console: Console) -> Summary:
    secret = side.server.secret(DATABASE)
    summary = run(side, prepare(side, pipeline.CONTRACT, secret, "", ""), console)
    if summary.status != "SUCCEEDED":
        raise RunFailed(
            f"{summary.via}: {without_advice(summary.error or '')}. Parity keeps nothing of its "
            "own runs: type `workbook parity` again"
        )
    return summary


def without_advice(error: str) -> str:
    """A run's error without what it says about a redrive: that is for runs of a home that stays."""
    said = (line.partition(": workbook redrive")[0] for line in error.splitlines())
    left = (line for line in said if not line.startswith(AS_BEGUN))
    return "\n".join(line for line in left if line not in ("", "Go on with it"))


def _queries(side: Stack) -> dict[str, str]:
    """Table -> a query whose only column is a row as text, without what names a run."""
    with side.active():
        found = {
            name: f"SELECT {_text(columns)} AS line FROM {redshift(*name.split('.', 1))}"
            for name, columns in _columns(_warehouse()).items()
        }
    found["etl.ledger"] = f"SELECT {_text(LEDGER)} AS line FROM etl.ledger"
    return found


def _text(columns: Sequence[str]) -> str:
    parts = (
        f"CASE WHEN {redshift(name)} IS NULL THEN 'null' ELSE "
        + ("'set'" if name in WHETHER else f"'=' || CAST({redshift(name)} AS VARCHAR(65535))")
        + " END"
        for name in columns
    )
    return " || ' | ' || ".join(parts)


def _digests(side: Stack, queries: Mapping[str, str]) -> dict[str, tuple[Any, ...]]:
    """Of each table how many rows, and a checksum that does not depend on their order."""
    total = "SUM(STRTOL(SUBSTRING(MD5(line), 1, 12), 16))"
    with side.active():
        rows = _warehouse().rows
        return {
            name: tuple(rows(f"SELECT COUNT(*) AS n, {total} AS h FROM ({query}) AS t")[0].values())
            for name, query in queries.items()
        }


def _rows(side: Stack, query: str | None) -> Counter[str]:
    if query is None:
        return Counter()
    with side.active():
        return Counter(str(row["line"]) for row in _warehouse().rows(query))


def _columns(warehouse: Warehouse) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in warehouse.rows(
        "SELECT table_schema AS s, table_name AS t, column_name AS c "
        "FROM information_schema.columns ORDER BY 1, 2, ordinal_position"
    ):
        if row["s"] in SCHEMAS and row["c"] not in VOLATILE:
            found.setdefault(f"{row['s']}.{row['t']}", []).append(row["c"])
    return found


def _warehouse() -> Warehouse:
    """That of the side that is active."""
    return Warehouse("rental-apartments", "dev", "")


def _silent(text: str) -> None:
    pass
