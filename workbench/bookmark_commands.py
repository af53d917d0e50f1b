"""``workbook bookmarks``: see how far each table has come, and move a bookmark with care."""

from __future__ import annotations

import getpass
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table as Picture

from etl_lib.bookmarks import Bookmark, BookmarkStore
from etl_lib.contract import Contract, Table
from etl_lib.errors import BadInput
from etl_lib.warehouse import Warehouse
from workbench import pipeline, stack
from workbench.home import Home

app = typer.Typer(help="How far each table has come.", no_args_is_help=True)
out = Console(highlight=False)
ContractOption = Annotated[Path, typer.Option(help="Table contract.")]
TableArgument = Annotated[str, typer.Argument(help="A table of the contract.")]


@app.command()
def show(contract: ContractOption = pipeline.CONTRACT) -> None:
    """Where each bookmark stands, and which run has not ended."""
    parsed, made = pipeline.read_contract(contract), _up()
    picture = _picture("table", "stands at", "version", "last run", "open run")
    with made.active():
        for name, table in parsed.tables.items():
            mark = _store(parsed).get(name)
            picture.add_row(
                name,
                _stands(table, mark),
                str(mark.version),
                mark.run_id or "—",
                mark.open_run or "—",
            )
    out.print(picture)


@app.command()
def history(
    table: TableArgument,
    contract: ContractOption = pipeline.CONTRACT,
    last: Annotated[int, typer.Option(help="How many runs.")] = 20,
) -> None:
    """The runs that loaded a table, as the ledger has them, the newest first."""
    parsed, made = pipeline.read_contract(contract), _up()
    chosen = parsed.select([table])[0]
    columns = ("run_id", "mode", "tier", "low", "high", "loaded", "deleted", "quarantined")
    with made.active():
        rows = Warehouse("rental-apartments", "dev", "").rows(
            f"SELECT {', '.join(columns)} FROM etl.ledger WHERE pipeline = :pipeline "
            f"AND table_name = :name ORDER BY sequence DESC, loaded_at DESC LIMIT {int(last)}",
            {"pipeline": parsed.name, "name": chosen.name},
        )
    picture = _picture(*columns)
    for row in rows:
        picture.add_row(*("—" if row[name] is None else str(row[name]) for name in columns))
    out.print(picture)


@app.command()
def seed(
    table: TableArgument,
    high: Annotated[str, typer.Argument(help="Everything before it is loaded already.")],
    contract: ContractOption = pipeline.CONTRACT,
) -> None:
    """Give a table that was loaded by other means its first bookmark; never changes one."""
    parsed, made = pipeline.read_contract(contract), _up()
    chosen = parsed.select([table])[0]
    value = _moment(chosen, high)
    with made.active():
        mark = _store(parsed).get(chosen.name)
        if mark.version:
            raise BadInput(
                f"table {table} has a bookmark: {_stands(chosen, mark)}. Nothing was changed. To "
                f"move it: workbook bookmarks set {table} '{high}'"
            )
        _store(parsed).move(mark, {"high": value, "cursor": chosen.cursor}, getpass.getuser())
    out.print(f"{table}: the next run begins at {value}")


@app.command("set")
def set_(
    table: TableArgument,
    high: Annotated[str, typer.Argument(help="Where the next run is to begin.")] = "",
    beginning: Annotated[
        bool, typer.Option("--beginning", help="Read the whole table again.")
    ] = False,
    skip_rows: Annotated[
        bool,
        typer.Option("--skip-rows", help="Allow it to move forward: rows in between are lost."),
    ] = False,
    contract: ContractOption = pipeline.CONTRACT,
) -> None:
    """Move a bookmark. Back is safe: rows are read again. Forward loses what lies in between."""
    parsed, made = pipeline.read_contract(contract), _up()
    chosen = parsed.select([table])[0]
    if bool(high) == beginning:
        raise BadInput("give either a moment or --beginning")
    value = None if beginning else _moment(chosen, high)
    with made.active():
        store = _store(parsed)
        mark = store.get(chosen.name)
        _refuse(table, mark, value, skip_rows)
        changes = {"high": value, "digest": None, "keys_digest": None}
        moved = store.move(mark, changes, getpass.getuser())
    out.print(f"{table}: {_stands(chosen, mark)} → {_stands(chosen, moved)}")
    if mark.high:
        out.print(f"To undo it: workbook bookmarks set {table} '{mark.high}' --skip-rows")


def _refuse(table: str, mark: Bookmark, value: str | None, skip_rows: bool) -> None:
    if not mark.version:
        raise BadInput(
            f"table {table} has no bookmark yet: workbook run, or workbook bookmarks seed"
        )
    if mark.open_run:
        raise BadInput(
            f"table {table}: run {mark.open_run} has not ended. Nothing was changed. End it first: "
            f"workbook redrive {mark.open_run}"
        )
    if value and mark.high and value > mark.high and not skip_rows:
        raise BadInput(
            f"table {table}: {value} lies after {mark.high}: rows in between would never be moved. "
            "Nothing was changed. If that is what you want: --skip-rows"
        )


def _moment(table: Table, text: str) -> str:
    """``text`` as a bookmark has it. Raises BadInput."""
    if table.cursor is None:
        raise BadInput(
            f"table {table.name} has no cursor: it is compared and loaded in full. "
            f"To load it again: workbook bookmarks set {table.name} --beginning"
        )
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInput(f"{text!r} is not a moment such as '2026-01-31 12:00:00'") from None
    if moment.tzinfo:
        raise BadInput(f"{text!r}: leave the time zone out; bookmarks are in UTC")
    return moment.isoformat(sep=" ", timespec="microseconds")


def _stands(table: Table, mark: Bookmark) -> str:
    if not mark.version:
        return "no bookmark"
    if table.cursor:
        return mark.high or "the beginning"
    return "loaded in full" if mark.digest else "to be loaded in full"


def _store(contract: Contract) -> BookmarkStore:
    return BookmarkStore(pipeline.BOOKMARKS, contract.name)


def _up() -> stack.Stack:
    return stack.up(Home.find(), lambda text: None)


def _picture(*columns: str) -> Picture:
    picture = Picture(box=SIMPLE, padding=(0, 1, 0, 0))
    for name in columns:
        picture.add_column(name, overflow="fold")
    return picture
