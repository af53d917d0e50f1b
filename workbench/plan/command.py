"""``workbook plan``: look before you run."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from workbench import pipeline, source_option
from workbench import stack as stacks
from workbench.home import Home
from workbench.messages import say
from workbench.options import ContractOption, DatabaseOption, SourceOption
from workbench.plan import alternatives, cost, durations, machine, screen
from workbench.plan.cost import Basis, Line
from workbench.plan.outlook import Outlook, look
from workbench.plan.windows import Forecast
from workbench.where import HERE, Where, somewhere

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


@somewhere
def plan(
    contract: ContractOption = pipeline.CONTRACT,
    tables: Annotated[
        str, typer.Option(help="Comma list of tables; default, and if empty, all.")
    ] = "",
    source: SourceOption = "",
    database: DatabaseOption = stacks.DATABASE,
    with_cost: Annotated[
        bool, typer.Option("--cost", help="And what it would cost on AWS, by run and month.")
    ] = False,
    every: Annotated[str, typer.Option(help="How often it is run: 1 hour, 1 day.")] = "1 hour",
    rpus: Annotated[
        int, typer.Option("--rpus", min=4, help="Base capacity of Redshift Serverless.")
    ] = 8,
    as_json: Annotated[bool, typer.Option("--json", help="Print it all as JSON.")] = False,
    where: Where = HERE,
) -> None:
    """What a run started now would move, table by table. It changes nothing anywhere.

    Exit code 1 if such a run would stop, or would not begin: as another one holds the lease, or as
    the contract names what is not there. What only the warehouse knows of an indicator's SQL, such
    as the tables that it reads, the run finds out in 04_load.
    """
    hours = cost.hours(every)
    names = [name.strip() for name in tables.split(",") if name.strip()]
    pipeline.read_contract(contract).select(names)
    where.refuse(source=source)
    secret = source_option.parse(source) if source else None
    made = where.stack(say, running=True)
    secret = secret or made.secret(database)
    found = look(made, contract, secret, names)
    basis = _basis(made.home, contract, found.tables, rpus, hours) if with_cost else None
    if as_json:
        out.print_json(json.dumps(_document(found, basis)))
    else:
        screen.show_plan(found, out)
        if basis:
            screen.show_cost(basis, cost.lines(basis), out)
    if found.stops:
        raise typer.Exit(1)


def _basis(home: Home, contract: Path, found: Sequence[Forecast], rpus: int, hours: float) -> Basis:
    waves = pipeline.waves(pipeline.read_contract(contract))
    idle = {each.table for each in found if each.idle}
    flow = machine.flow(waves, {each.table for each in found}, idle)
    return Basis(found, flow, durations.rates(home.runs), cost.settings(), rpus, hours)


def _document(found: Outlook, basis: Basis | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "lease": found.held,
        "hidden": found.hidden,
        "stops": found.stops,
        "rows": sum(each.rows for each in found.tables),
        "bytes": sum(each.bytes for each in found.tables),
        "tables": [each.as_dict() for each in found.tables],
        "stale": list(found.stale),
    }
    if basis:
        document["cost"] = _cost(basis, cost.lines(basis))
    return document


def _cost(basis: Basis, found: Sequence[Line]) -> dict[str, Any]:
    others = {"dms": alternatives.dms(basis), "zero_etl": alternatives.zero_etl(basis)}
    run, month = cost.total(found)
    return {
        "run_dollars": round(run, 6),
        "month_dollars": round(month, 4),
        "runs_a_month": basis.runs,
        "job_runs": basis.flow.job_runs,
        "transitions": basis.flow.transitions,
        "lines": [line.as_dict() for line in found],
        "instead": {
            name: {
                "month_dollars": round(cost.total(lines)[1], 4),
                "lines": [line.as_dict() for line in lines],
            }
            for name, lines in others.items()
        },
        "assumptions": [*screen.assumptions(basis)],
    }
