"""``workbook quarantine``: rows that break a rule, and what to do when they no longer do."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table as Picture

from etl_lib import staging
from etl_lib.contract import Table
from etl_lib.errors import BadInput
from etl_lib.identifiers import literal, redshift
from etl_lib.run import Run
from etl_lib.settings import nearest
from workbench import layers, operations, options, pipeline, source_option, stack
from workbench.comparison import Key
from workbench.options import ContractOption, DatabaseOption, SourceOption
from workbench.preparation import prepare
from workbench.tables import Column, fitted

app = typer.Typer(help="Rows that broke a rule.", no_args_is_help=True)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
TablesOption = Annotated[str, typer.Option(help="Comma list of tables; default all.")]
FEW, MOST = 2, 100  # rows of each rule, for a person and for a program
RuleOption = Annotated[str, typer.Option(help="Only what broke this rule.")]


@app.command("list")
def list_(
    contract: ContractOption = pipeline.CONTRACT,
    tables: TablesOption = "",
    rule: RuleOption = "",
    rows: Annotated[
        int | None,
        typer.Option(min=0, help="Rows to show of each rule; default 2, with --json 100."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="A JSON array: one object for each rule, with its rows.")
    ] = False,
) -> None:
    """How many rows broke which rule, since when, and some of them as the source has them."""
    most = (MOST if as_json else FEW) if rows is None else rows
    with operations.opened(contract) as (_, run):
        chosen = _chosen(run, tables)
        found = [each for table in chosen for each in _counts(run, table, rule, most)]
        if not found:
            _refuse_unknown(chosen, rule)
    if as_json:
        typer.echo(_document(found))
        return
    if not found:
        out.print(f"no row in quarantine broke {rule}" if rule else "quarantine is empty")
        return
    out.print(_picture(found))
    for each in found:
        for row in each["sample"]:
            out.print(f"{each['table']}  {each['rule']}  {row}", markup=False, soft_wrap=True)
    out.print(
        "Once the source, the rule or what it refers to is mended: workbook quarantine retry"
        f"{options.as_here()}, with --database or --source as the run had it",
        soft_wrap=True,
    )


@app.command()
def retry(
    contract: ContractOption = pipeline.CONTRACT,
    tables: TablesOption = "",
    rule: RuleOption = "",
    source: SourceOption = "",
    database: DatabaseOption = stack.DATABASE,
) -> None:
    """Read the rows in quarantine again and judge them anew: the good ones leave it."""
    pipeline.read_contract(contract)
    secret = source_option.parse(source) if source else None
    with operations.opened(contract) as (made, run):
        chosen = _chosen(run, tables)
        keys = {table.name: found for table in chosen if (found := _keys(run, table, rule))}
        if not keys:
            _refuse_unknown(chosen, rule)
    if not keys:
        out.print(f"no row in quarantine broke {rule}" if rule else "nothing is in quarantine")
        return
    name = time.strftime("quarantine-%Y%m%dT%H%M%SZ", time.gmtime())
    given = secret or made.secret(database)
    prepared = prepare(made, contract, given, ",".join(keys), name)
    from workbench import reconciliation  # it can run a pipeline: other commands start without

    summary = reconciliation.move_again(made, prepared, keys, err)
    for table, listed in keys.items():
        stayed = summary.tables[table]["quarantined"] or 0
        out.print(
            f"{table}: {len(listed):,} rows judged again: {stayed:,} stay in quarantine, "
            f"{len(listed) - stayed:,} left it"
        )


def _chosen(run: Run, tables: str) -> list[Table]:
    """The tables asked for that were loaded before."""
    names = [name.strip() for name in tables.split(",") if name.strip()]
    chosen = run.contract.select(names)
    marks = {table.name: run.bookmarks.get(table.name) for table in chosen}
    loaded = [table for table in chosen if marks[table.name].columns]
    if reset := [name for name, mark in marks.items() if mark.version and not mark.columns]:
        err.print(f"not looked at, as read from the beginning by the next run: {', '.join(reset)}")
    if names and len(loaded) < len(chosen):
        missing = {table.name for table in chosen} - {table.name for table in loaded}
        raise BadInput(f"not loaded yet: {', '.join(sorted(missing))}. Type: workbook run")
    return loaded


def _refuse_unknown(tables: Sequence[Table], name: str) -> None:
    """A rule of which there are rows may be gone from the contract; one that is nowhere is a
    mistake."""
    known = {rule.name: "" for table in tables for rule in table.rules}
    if name and name not in known:
        raise BadInput(
            f"--rule: no rule is named {name!r}, and no row broke one.{nearest(name, known)}"
        )


def _keys(run: Run, table: Table, rule: str) -> list[Key]:
    columns = json.loads(run.bookmarks.get(table.name).columns or "[]")
    return layers.quarantined(run, table, columns, rule)


def _counts(run: Run, table: Table, rule: str, most: int) -> list[dict[str, Any]]:
    """One dict for each rule: how many rows broke it, since when, and some of them as JSON."""
    name = staging.quarantine_table(table)
    where = f"_rule = {literal(rule)}" if rule else "TRUE"
    found = run.warehouse.rows(
        "SELECT _rule AS rule, COUNT(*) AS rows, MIN(_quarantined_at) AS since, "
        f"MAX(_quarantined_at) AS last FROM {name} WHERE {where} GROUP BY _rule ORDER BY 2 DESC, 1"
    )
    return [
        {"table": table.name, **each, "sample": _sample(run, name, each, most)} for each in found
    ]


def _sample(run: Run, name: str, counted: dict[str, Any], most: int) -> list[str]:
    if not most:
        return []
    rows = run.warehouse.rows(
        f"SELECT {redshift('_row')} AS row FROM {name} WHERE _rule = {literal(counted['rule'])} "
        f"ORDER BY _quarantined_at DESC, 1 LIMIT {most}"
    )
    return [str(each["row"]) for each in rows]


def _document(found: list[dict[str, Any]]) -> str:
    """Each row as the object that it is, its numbers untouched: a float would round a DECIMAL."""
    rules = []
    for each in found:
        counted = json.dumps({name: value for name, value in each.items() if name != "sample"})
        rules.append(f'{counted[:-1]}, "sample": [{", ".join(map(_object, each["sample"]))}]}}')
    listed = ",\n".join(rules)
    return f"[{listed}]"


def _object(row: str) -> str:
    """A row of which quarantine has only the beginning, as it was too long, is a text."""
    try:
        json.loads(row)
    except ValueError:
        return json.dumps(row)
    return row


def _picture(found: list[dict[str, Any]]) -> Picture:
    columns = (
        Column("table"),
        Column("rule"),
        Column("rows", right=True),
        Column("since", 1),
        Column("last", 2),
    )
    rows = [
        [each["table"], each["rule"], f"{each['rows']:,}", each["since"][:19], each["last"][:19]]
        for each in found
    ]
    return fitted(columns, rows, out.width)
