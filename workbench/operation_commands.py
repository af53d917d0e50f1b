"""``workbook plan``, and ``reconcile``, ``backfill``, ``replay`` for when something went wrong."""

from __future__ import annotations

import json
import time
from typing import Annotated

import typer
from rich.console import Console

from etl_lib.errors import EtlError
from workbench import operations, options, pipeline, source_option, stack
from workbench.drill.command import drill
from workbench.home import Home
from workbench.messages import say
from workbench.options import ContractOption, DatabaseOption, SourceOption
from workbench.pictures.command import pictures
from workbench.plan.command import plan
from workbench.preparation import prepare
from workbench.where import HERE, Where, somewhere

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@somewhere
def reconcile(
    contract: ContractOption = pipeline.CONTRACT,
    tables: Annotated[str, typer.Option(help="Comma list of tables; default all.")] = "",
    source: SourceOption = "",
    database: DatabaseOption = stack.DATABASE,
    repair: Annotated[
        bool, typer.Option("--repair", help="Move what differs again: just those rows.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was found.")] = False,
    where: Where = HERE,
) -> None:
    """Prove that the warehouse is what the source is, by checksums; find and repair what is not."""
    from workbench import reconciliation  # it can run a pipeline: other commands start without

    pipeline.read_contract(contract)
    where.refuse(source=source)
    secret = source_option.parse(source) if source else None
    made = where.stack(say)
    secret = secret or made.secret(database)
    name = time.strftime("reconcile-%Y%m%dT%H%M%SZ", time.gmtime())
    prepared = prepare(made, contract, secret, tables, name)
    found = reconciliation.find(made, prepared, err)
    if as_json:
        out.print_json(json.dumps(found.as_dict()))
    else:
        reconciliation.show(found, out)
    if found.clean:
        return
    if not repair:
        raise EtlError(
            "source and warehouse differ. Repair it with: workbook reconcile --repair"
            f"{options.as_here()}"
        )
    reconciliation.mend(made, prepared, found, err)
    out.print(
        f"repaired; type `workbook reconcile{options.as_here()}` once more to see it proven",
        soft_wrap=True,
    )


def backfill(
    table: Annotated[str, typer.Option(help="A table of the contract.")],
    low: Annotated[
        str, typer.Option("--from", help="The first moment of its cursor, UTC; default all.")
    ] = "",
    high: Annotated[
        str, typer.Option("--to", help="The first one that is left out; default the bookmark.")
    ] = "",
    contract: ContractOption = pipeline.CONTRACT,
    source: SourceOption = "",
    database: DatabaseOption = stack.DATABASE,
) -> None:
    """Move a span of one table again. Runs may go on meanwhile; no bookmark moves."""
    pipeline.read_contract(contract).select([table])
    secret = source_option.parse(source) if source else None
    made = stack.up(Home.find(), say)
    secret = secret or made.server.secret(database)
    planned, loaded = operations.backfill(made, contract, secret, table, low, high, say)
    window, first = planned.window, planned.window.low or "the beginning"
    out.print(
        f"{table}: {window.rows:,} rows from {first} to {window.high}, of which "
        f"{loaded.get('loaded', 0):,} are loaded and judged anew, "
        f"{loaded.get('quarantined', 0):,} of them into quarantine. The bookmark stays.",
        soft_wrap=True,
    )


def replay(
    run_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[RUN_ID]…", help="Without: what is missing.")
    ] = None,
    contract: ContractOption = pipeline.CONTRACT,
) -> None:
    """Load past runs again from their files in S3; the source is not touched.

    For a warehouse that was restored from an older state. Without RUN_ID: tell what it lacks.
    """
    pipeline.read_contract(contract)
    made = stack.up(Home.find(), say)
    if run_ids:
        for line in operations.replay(made, contract, run_ids, say):
            out.print(line, soft_wrap=True)
        return
    lacking = operations.missing(made, contract)
    if not lacking:
        out.print("the warehouse has every run that the bookmarks have passed")
        return
    out.print(f"the warehouse lacks {len(lacking)} runs. To load them again, type:")
    out.print(f"workbook replay {' '.join(lacking)}", soft_wrap=True)


COMMANDS = (plan, reconcile, backfill, replay, drill, pictures)
