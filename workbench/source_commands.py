"""``workbook seed`` and ``workbook init``: a source to move, and a first contract of one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from etl_lib.errors import BadInput
from etl_lib.source import Source
from workbench import init as contract_init
from workbench import source_option, stack
from workbench.bars import bars
from workbench.home import Home
from workbench.messages import say
from workbench.mysql import change as changes
from workbench.mysql import csv_files, dumps
from workbench.mysql.schema import MIN_ROWS
from workbench.mysql.server import Server
from workbench.options import DatabaseOption

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def seed(
    rows: Annotated[
        int, typer.Option(min=MIN_ROWS, help="Apartments to make; the other tables follow.")
    ] = 10_000,
    change: Annotated[
        str,
        typer.Option(metavar="PERCENT", help="Change the source instead: 1%"),
    ] = "",
    from_csv: Annotated[
        Path | None, typer.Option(help="Load <table>.csv files of this directory instead.")
    ] = None,
    from_sql: Annotated[
        list[Path] | None, typer.Option(help="Run these SQL dumps instead, in order.")
    ] = None,
    database: DatabaseOption = stack.DATABASE,
) -> None:
    """Fill the source database, or change what is in it."""
    from workbench.mysql import seed as sample  # numpy and Arrow: other commands start without

    share = _share(change) if change else 0.0
    made = stack.up(Home.find(), say)
    with bars(err) as progress:
        if share:
            counts = changes.change(made.server, database, share, progress=_callback(progress))
            found = {
                name: ", ".join(f"{count:,} {what}" for what, count in vars(each).items())
                for name, each in counts.items()
            }
        elif from_csv:
            loaded = csv_files.load_csv(made.server, database, from_csv, _callback(progress))
            found = {name: f"{count:,}" for name, count in loaded.items()}
        elif from_sql:
            dumps.load_sql(made.server, database, from_sql, _callback(progress))
            found = {database: "loaded"}
        else:
            seeded = sample.seed(made.server, database, rows, progress=_callback(progress))
            found = {name: f"{count:,}" for name, count in seeded.items()}
    for name, text in found.items():
        out.print(f"{name:<22} {text}")


def init(
    source: Annotated[str, typer.Argument(metavar="mysql://USER@HOST:PORT/DB")] = "",
    database: DatabaseOption = stack.DATABASE,
    contract: Annotated[Path, typer.Option(help="File to write.")] = Path("tables.toml"),
) -> None:
    """Write a first table contract from a live database's information_schema."""
    home = Home.find()
    if contract.exists():
        raise BadInput(f"{contract} exists already; give another name with --contract")
    secret = source_option.parse(source) if source else stack.up(home, say).server.secret(database)
    draft = contract_init.draft(Source.of(secret))
    contract.parent.mkdir(parents=True, exist_ok=True)
    contract.write_text(draft.text, encoding="utf-8")
    for warning in draft.warnings:
        err.print(f"[yellow]warning[/] {warning}", soft_wrap=True)
    out.print(
        f"wrote {contract}: {draft.tables} table{'s' * (draft.tables != 1)}. "
        f"Next: workbook run --contract {contract}"
        + (f" --source {source}" if source else f" --database {database}"),
        soft_wrap=True,
    )


def seed_if_empty(server: Server) -> None:
    """Fill the sample's database if nobody has."""
    with server.cursor(stack.DATABASE) as cursor:
        cursor.execute("SELECT COUNT(*) FROM (SELECT 1 FROM apartments LIMIT 1) AS t")
        row = cursor.fetchone()
    if row and row[0]:
        return
    from workbench.mysql import seed as sample

    say("seeding the sample database")
    with bars(err) as progress:
        sample.seed(server, stack.DATABASE, progress=_callback(progress))


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not text.endswith("%") or not 0 < share <= 1:  # a forgotten % would change every row
        raise typer.BadParameter(
            f"{text!r} is not a share such as 1%: above 0% and up to 100%", param_hint="--change"
        )
    return share


def _callback(progress: Progress) -> Any:
    tasks: dict[str, Any] = {}

    def report(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(what, total=total)
        progress.update(tasks[what], completed=done, total=total)

    return report
