"""``workbook bookmarks``: see how far each table has come, and move a bookmark with care."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console

from etl_lib import lease, ledger, moments
from etl_lib.bookmarks import Bookmark
from etl_lib.contract import Table
from etl_lib.errors import BadInput
from etl_lib.run import Run
from etl_lib.source import Source, moving_columns
from workbench import bookmark_views as views
from workbench import operations, options, pipeline, source_option, stack
from workbench.options import ContractOption, DatabaseOption, SourceOption
from workbench.stack import Stack
from workbench.where import HERE, Where, somewhere

app = typer.Typer(help="How far each table has come.", no_args_is_help=True)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)
TableArgument = Annotated[str, typer.Argument(help="A table of the contract.")]
SkipOption = Annotated[
    bool, typer.Option("--skip-rows", help="Allow it to pass rows that were never moved.")
]
JsonOption = Annotated[bool, typer.Option("--json")]


@app.command()
@somewhere
def show(
    contract: ContractOption = pipeline.CONTRACT,
    as_json: JsonOption = False,
    where: Where = HERE,
) -> None:
    """Where each bookmark stands, which run has not ended, and when the last one loaded."""
    with operations.opened(contract, where) as (_, run):
        rows = views.rows(run)
    if as_json:
        out.print_json(json.dumps(rows))
        return
    out.print(views.shown(rows, out.width))
    for row in rows:
        if row["missing"]:
            out.print(
                f"[yellow]{row['table']}: the warehouse does not have run {row['last run']}. "
                "What to load again: workbook replay[/]",
                soft_wrap=True,
            )


@app.command()
@somewhere
def history(
    table: TableArgument,
    contract: ContractOption = pipeline.CONTRACT,
    last: Annotated[int, typer.Option(min=1, help="How many.")] = 20,
    as_json: JsonOption = False,
    where: Where = HERE,
) -> None:
    """What the ledger says was loaded, and what was changed by hand; the newest first."""
    with operations.opened(contract, where) as (_, run):
        chosen = run.contract.select([table])[0]
        rows = views.history(run, chosen, last)
    if as_json:
        out.print_json(json.dumps(rows, default=str))
    else:
        out.print(views.past(rows, out.width))


@app.command()
@somewhere
def seed(
    table: TableArgument,
    moment: Annotated[
        str, typer.Argument(help="All before it is loaded already; without: what the ledger says.")
    ] = "",
    skip_rows: SkipOption = False,
    contract: ContractOption = pipeline.CONTRACT,
    source: SourceOption = "",
    database: DatabaseOption = stack.DATABASE,
    where: Where = HERE,
) -> None:
    """Give a table its first bookmark: it was loaded by other means, or DynamoDB was lost.

    Never changes a bookmark that is there.
    """
    with operations.opened(contract, where) as (made, run), _leased(run):
        chosen = run.contract.select([table])[0]
        mark = run.bookmarks.get(table)
        if mark.version:
            raise BadInput(
                f"table {table} has a bookmark: it stands at {views.stands(chosen, mark)}. "
                f"Nothing was changed. To move it: workbook bookmarks set {table} …"
                f"{options.as_here()}"
            )
        if moment:
            value = moments.parsed(
                chosen, _cursor_type(made, chosen, mark, source, database), moment
            )
            changes = {"high": value, "cursor": chosen.cursor}
            before = (ledger.last(run, table) or {}).get("high")
            _refuse_forward(chosen, before, value, skip_rows)
        else:
            changes = of_ledger(run, chosen)
        _move(run, chosen, mark, changes, "seed")


@app.command("set")
@somewhere
def set_(
    table: TableArgument,
    moment: Annotated[str, typer.Argument(help="Where the next run is to begin; UTC.")] = "",
    beginning: Annotated[
        bool, typer.Option("--beginning", help="Read the whole table again.")
    ] = False,
    as_ledger: Annotated[
        bool, typer.Option("--ledger", help="Begin where the warehouse's ledger ends.")
    ] = False,
    version: Annotated[
        int, typer.Option(help="Only if it still has this version, as `show` told.")
    ] = 0,
    skip_rows: SkipOption = False,
    contract: ContractOption = pipeline.CONTRACT,
    source: SourceOption = "",
    database: DatabaseOption = stack.DATABASE,
    where: Where = HERE,
) -> None:
    """Move a bookmark. Back is safe: rows are read again. Forward passes rows by."""
    if sum((bool(moment), beginning, as_ledger)) != 1:
        raise BadInput("give one of: a moment, --beginning, --ledger")
    with operations.opened(contract, where) as (made, run), _leased(run):
        chosen = run.contract.select([table])[0]
        mark = _movable(run, chosen, version)
        changes: Mapping[str, Any]
        if as_ledger:
            changes = of_ledger(run, chosen)
        elif beginning:
            changes = {**_ANEW, "high": None, "run_id": None, "columns": None}
        else:
            value = moments.parsed(
                chosen, _cursor_type(made, chosen, mark, source, database), moment
            )
            _refuse_forward(chosen, mark.high, value, skip_rows)
            changes = {**_ANEW, "high": value, "cursor": chosen.cursor}
        _move(run, chosen, mark, changes, "set")


@app.command()
@somewhere
def undo(
    table: TableArgument,
    version: Annotated[int, typer.Option(help="Only if it still has this version.")] = 0,
    contract: ContractOption = pipeline.CONTRACT,
    where: Where = HERE,
) -> None:
    """Take the last change by hand back, if no run has moved the bookmark since."""
    with operations.opened(contract, where) as (_, run), _leased(run):
        chosen = run.contract.select([table])[0]
        mark = _movable(run, chosen, version)
        found = [each for each in run.bookmarks.by_hand(table) if each["version"] == mark.version]
        if not found:
            raise BadInput(
                f"table {table}: its last change was run {mark.run_id}, not one by hand. Nothing "
                f"was changed. What there was: workbook bookmarks history {table}"
            )
        was = vars(found[0]["was"])
        changes = {name: value for name, value in was.items() if name not in ("table", "version")}
        _move(run, chosen, mark, changes, "undo")


# What tells a run that nothing has changed: without it, the next one looks for itself.
_ANEW: Mapping[str, Any] = {"digest": None, "keys_digest": None}


@contextmanager
def _leased(run: Run) -> Iterator[None]:
    """No run plans while a bookmark is moved."""
    name, what = run.contract.name, "of workbook bookmarks"
    with lease.held(run.bookmarks.dynamodb_table, name, what, lambda text: err.print(f"· {text}")):
        yield


def _movable(run: Run, table: Table, version: int) -> Bookmark:
    """The bookmark, if it may be moved by hand. Raises BadInput."""
    mark = run.bookmarks.get(table.name)
    if not mark.version:
        raise BadInput(
            f"table {table.name} has no bookmark yet: type `workbook run`, which reads it from the "
            f"beginning, or workbook bookmarks seed {table.name} …"
        )
    if version and version != mark.version:
        raise BadInput(
            f"table {table.name}: its bookmark has version {mark.version} by now, not {version}: "
            f"it stands at {views.stands(table, mark)}. Nothing was changed."
        )
    if mark.open_run:
        raise BadInput(
            f"table {table.name}: run {mark.open_run} has begun and not ended. Nothing was changed."
            f" End it first: workbook redrive {mark.open_run}, or workbook run"
        )
    return mark


def _move(run: Run, table: Table, mark: Bookmark, changes: Mapping[str, Any], command: str) -> None:
    newest = ledger.last(run, table.name)
    least = int(newest["sequence"]) + 1 if newest else 0  # else its next run would be fenced out
    who = f"{getpass.getuser()}@{socket.gethostname()}"
    moved = run.bookmarks.move(mark, changes, who, f"bookmarks {command}", least)
    out.print(
        f"{table.name}: {views.stands(table, mark)} (version {mark.version}) → "
        f"{views.stands(table, moved)} (version {moved.version})",
        soft_wrap=True,
    )
    out.print(
        f"To undo it: workbook bookmarks undo {table.name} --version {moved.version}"
        f"{options.as_here(without=('--source', '--database'))}",
        soft_wrap=True,
    )


def of_ledger(run: Run, table: Table) -> dict[str, Any]:
    """What a bookmark is by the ledger's newest run. Raises BadInput if none has loaded it."""
    newest = ledger.last(run, table.name)
    if newest is None:
        raise BadInput(
            f"table {table.name}: the ledger has no run that loaded it. Nothing was changed. "
            "Read it from the beginning: `workbook run` without a bookmark, or set … --beginning"
        )
    # Where rows were missing, the whole table was to be read next.
    high = newest["high"] if table.cursor and not newest["missing"] else None
    return {**_ANEW, "high": high, "cursor": table.cursor, "run_id": newest["run_id"]}


def _refuse_forward(table: Table, before: str | None, value: str, skip_rows: bool) -> None:
    if before and moments.after(table, value, before) and not skip_rows:
        raise BadInput(
            f"table {table.name}: {value} lies after {before}: rows in between would never be "
            "moved. Nothing was changed. If that is what you want: --skip-rows"
        )


def _cursor_type(made: Stack, table: Table, mark: Bookmark, source: str, database: str) -> str:
    """The cursor's MySQL type: as it was at the last run, or as the source says."""
    if table.cursor is None:
        raise BadInput(
            f"table {table.name} has no cursor: it is compared and loaded in full. Nothing was "
            f"changed. To load it again: workbook bookmarks set {table.name} --beginning"
            f"{options.as_here()}"
        )
    for each in json.loads(mark.columns or "[]"):
        if each["source"] == table.cursor:
            return str(each["source_type"])
    secret = source_option.parse(source) if source else made.secret(database)
    reader = Source.of(secret)
    columns = moving_columns(reader, table)
    return next(each.column_type for each in columns if each.name == table.cursor)
