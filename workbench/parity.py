"""Is the job what the notebook is? One source, two empty warehouses, and every row compared."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from etl_lib.errors import RunFailed
from etl_lib.identifiers import redshift
from etl_lib.warehouse import Warehouse
from workbench import endpoint, execution, pipeline, runner, stack
from workbench.home import Home
from workbench.mysql import change
from workbench.mysql.server import Server
from workbench.preparation import prepare
from workbench.stack import DATABASE, Stack

SCHEMAS = ("raw", "curated", "quarantine", "presentation")
VOLATILE = ("_run_id", "_loaded_at", "_quarantined_at")  # name or time of the run
WHETHER = ("_deleted_at",)  # a time: only whether there is one is compared
LEDGER = "table_name, sequence, mode, tier, extracted, loaded, deleted, quarantined"
CHANGES = 2


@dataclass(frozen=True)
class Difference:
    """A table that differs: how many rows only one side has, and one of them."""

    table: str
    only_notebooks: int
    only_jobs: int
    example: str


def compare(folder: Path, server: Server, console: Console) -> list[Difference]:
    """Run both ways for a full load and ``CHANGES`` increments; returns what differs.

    Empties ``folder`` and changes the source. Raises RunFailed if a run does not succeed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    sides = [stack.attach(Home(folder / name), server, _silent) for name in ("notebooks", "jobs")]
    try:
        found: list[Difference] = []
        for step in range(1 + CHANGES):
            if step:
                change.change(server, DATABASE, share=0.01, seed=step)
            for side, run in zip(sides, (runner.run, execution.run), strict=True):
                _succeed(side, run, console)
            found += differences(*sides)
            console.print(f"{'increment ' + str(step) if step else 'full load'}: compared")
        return found
    finally:
        for side in sides:
            endpoint.stop(side.home.aws)


def differences(notebooks: Stack, jobs: Stack) -> list[Difference]:
    """What the warehouses of two stacks do not have in common, run ids and times aside."""
    left, right = dict(_tables(notebooks)), dict(_tables(jobs))
    return [
        Difference(
            table=name,
            only_notebooks=sum((one - other).values()),
            only_jobs=sum((other - one).values()),
            example=str(next(iter((one - other) or (other - one)))),
        )
        for name in sorted({*left, *right})
        if (one := left.get(name, Counter())) != (other := right.get(name, Counter()))
    ]


def _succeed(side: Stack, run: Any, console: Console) -> None:
    secret = side.server.secret(DATABASE)
    summary = run(side, prepare(side, pipeline.CONTRACT, secret, "", ""), console)
    if summary.status != "SUCCEEDED":
        raise RunFailed(f"{summary.via}: {summary.error}")


def _tables(side: Stack) -> Iterator[tuple[str, Counter[tuple[Any, ...]]]]:
    """Every table with its rows, as a multiset."""
    with side.active():
        warehouse = Warehouse("rental-apartments", "dev", "")
        for name, columns in _columns(warehouse).items():
            schema, _, table = name.partition(".")
            items = ", ".join(
                f"{redshift(column)} IS NULL AS {redshift(column)}"
                if column in WHETHER
                else redshift(column)
                for column in columns
            )
            rows = warehouse.rows(f"SELECT {items} FROM {redshift(schema, table)}")
            yield name, Counter(tuple(map(str, row.values())) for row in rows)
        ledger = warehouse.rows(f"SELECT {LEDGER} FROM etl.ledger")
        yield "etl.ledger", Counter(tuple(map(str, row.values())) for row in ledger)


def _columns(warehouse: Warehouse) -> Mapping[str, list[str]]:
    found: dict[str, list[str]] = {}
    for row in warehouse.rows(
        "SELECT table_schema AS s, table_name AS t, column_name AS c "
        "FROM information_schema.columns ORDER BY 1, 2, ordinal_position"
    ):
        if row["s"] in SCHEMAS and row["c"] not in VOLATILE:
            found.setdefault(f"{row['s']}.{row['t']}", []).append(row["c"])
    return found


def _silent(text: str) -> None:
    pass
