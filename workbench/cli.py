"""The ``workbook`` command."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from botocore.exceptions import ClientError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn
from rich.table import Column, Table

from etl_lib.errors import BadInput, EtlError
from etl_lib.source import Source
from etl_lib.warehouse import Warehouse
from workbench import (
    bookmark_commands,
    endpoint,
    operation_commands,
    pipeline,
    quarantine_commands,
    screen,
    source_option,
    stack,
    type_commands,
)
from workbench import init as contract_init
from workbench.daemon import DaemonError
from workbench.home import REPOSITORY, Home
from workbench.mysql import change as changes
from workbench.mysql import csv_files, dumps
from workbench.mysql import seed as seeding
from workbench.mysql import server as mysql
from workbench.mysql.server import Server
from workbench.options import ContractOption, DatabaseOption, SourceOption
from workbench.preparation import Prepared, prepare
from workbench.stack import Stack
from workbench.summary import Summary, last_run


class Via(StrEnum):
    """Who runs the stages."""

    states = "states"
    notebooks = "notebooks"


app = typer.Typer(
    help="Move a rental marketplace from MySQL to Redshift with notebooks.\n\n"
    "`workbook run` does everything; the other commands are its parts.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)
app.add_typer(bookmark_commands.app, name="bookmarks")
app.add_typer(quarantine_commands.app, name="quarantine")
for command in operation_commands.COMMANDS:
    app.command()(command)
app.command("types")(type_commands.type_map)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print summary.json.")]
# What would send an SDK elsewhere all the same.
OVERRIDES = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS")


@app.command()
def up() -> None:
    """Start the local AWS and MariaDB, and put bucket, secret, library and contract in place."""
    made = stack.up(Home.find(), _say)
    out.print(f"local AWS  {made.endpoint.url}")
    out.print(f"MariaDB    {made.server.host}:{made.server.port}")
    out.print('Point any AWS SDK or CLI at it with:  eval "$(workbook env)"')


@app.command()
def down() -> None:
    """Stop both. Warehouse, objects, bookmarks, secrets and runs stay for the next `up`."""
    stopped = stack.down(Home.find())
    out.print(f"stopped: {', '.join(stopped)}" if stopped else "nothing was running")


@app.command()
def status(as_json: Annotated[bool, typer.Option("--json")] = False) -> None:
    """What is running, and the last run."""
    home = Home.find()
    server = mysql.load(home.mysql)
    local = endpoint.load(home.aws)
    found = {
        "home": str(home.root),
        "local AWS": local.url if local and endpoint.running(home.aws) else None,
        "MariaDB": f"{server.host}:{server.port}" if server and mysql.running(home.mysql) else None,
        "last run": last_run(home),
    }
    if as_json:
        out.print_json(json.dumps(found))
        return
    for name, value in found.items():
        out.print(f"{name:<10} {value or '—'}", soft_wrap=True)


@app.command()
def env() -> None:
    """Print exports that point any AWS SDK or CLI at the local AWS."""
    home = Home.find()
    local = endpoint.load(home.aws)
    if local is None or not endpoint.running(home.aws):
        _fail("the local AWS is not running: start it with `workbook up`", 2)
    print(f"unset {' '.join(OVERRIDES)}")
    for name, value in sorted(local.environment().items()):
        print(f"export {name}='{value}'")


@app.command()
def seed(
    rows: Annotated[
        int, typer.Option(help="Apartments to make; the other tables follow.")
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
    share = _share(change) if change else 0.0
    made = stack.up(Home.find(), _say)
    with _progress() as progress:
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
            seeded = seeding.seed(made.server, database, rows, progress=_callback(progress))
            found = {name: f"{count:,}" for name, count in seeded.items()}
    for name, text in found.items():
        out.print(f"{name:<22} {text}")


@app.command()
def init(
    source: Annotated[str, typer.Argument(metavar="mysql://USER@HOST:PORT/DB")] = "",
    database: DatabaseOption = stack.DATABASE,
    contract: Annotated[Path, typer.Option(help="File to write.")] = Path("tables.toml"),
) -> None:
    """Write a first table contract from a live database's information_schema."""
    home = Home.find()
    if contract.exists():
        _fail(f"{contract} exists already; give another name with --contract", 2)
    secret = source_option.parse(source) if source else stack.up(home, _say).server.secret(database)
    draft = contract_init.draft(_source(secret))
    contract.write_text(draft.text, encoding="utf-8")
    for warning in draft.warnings:
        err.print(f"[yellow]warning[/] {warning}", soft_wrap=True)
    out.print(
        f"wrote {contract}: {draft.tables} tables. Next: workbook run --contract {contract}"
        + (f" --source {source}" if source else f" --database {database}"),
        soft_wrap=True,
    )


@app.command()
def run(
    contract: ContractOption = pipeline.CONTRACT,
    tables: Annotated[str, typer.Option(help="Comma list of tables; default all.")] = "",
    source: SourceOption = "",
    database: DatabaseOption = stack.DATABASE,
    run_id: Annotated[str, typer.Option(help="Name of the run; default by the time.")] = "",
    via: Annotated[
        Via,
        typer.Option(
            help="states: the state machine and the exported jobs. "
            "notebooks: papermill on the Glue kernel."
        ),
    ] = Via.states,
    as_json: JsonOption = False,
) -> None:
    """Run the six stages: start what is missing, seed an empty sample, move what changed."""
    parsed = pipeline.read_contract(contract)
    parsed.select([name.strip() for name in tables.split(",") if name.strip()])
    secret = source_option.parse(source) if source else None
    made = stack.up(Home.find(), _say)
    if secret is None:
        if database == stack.DATABASE and contract == pipeline.CONTRACT:
            _seed_if_empty(made.server)
        secret = made.server.secret(database)
    prepared = prepare(made, contract, secret, tables, run_id)
    _finish(_runner(via)(made, prepared, err), made, as_json)


@app.command()
def redrive(
    run_id: Annotated[str, typer.Argument(help="The run that did not end well.")],
    as_json: JsonOption = False,
) -> None:
    """Go on with a failed run under its own name: what it has done is not done again."""
    from workbench import execution

    made = stack.up(Home.find(), _say)
    prepared = execution.known(made, run_id)
    _finish(execution.redrive(made, prepared, err), made, as_json)


@app.command()
def schedule(
    expression: Annotated[
        str,
        typer.Argument(
            metavar="EXPRESSION", help='"cron(0 5 * * ? *)", "rate(1 hour)" or "at(…)"; in UTC.'
        ),
    ] = "",
    off: Annotated[bool, typer.Option("--off", help="Remove the schedule.")] = False,
) -> None:
    """Run the state machine unattended, by EventBridge Scheduler. Without EXPRESSION: show it."""
    from workbench import scheduling

    made = stack.up(Home.find(), _say)
    if off:
        out.print("schedule removed" if scheduling.remove(made) else "there was no schedule")
    elif expression:
        out.print(f"runs {scheduling.put(made, expression, _say)} while the local AWS is up")
    else:
        out.print(scheduling.current(made) or "no schedule")


@app.command()
def parity() -> None:
    """Prove that jobs do what notebooks do: one source, both ways, every row compared."""
    from workbench import parity as comparison

    made = stack.up(Home.find(), _say)
    _seed_if_empty(made.server)
    found = comparison.compare(Home.find().root / "parity", made.server, err)
    for each in found:
        out.print(
            f"[bold red]different[/] {each.table}: {each.only_notebooks} rows only by notebooks, "
            f"{each.only_jobs} only by jobs, e.g. {each.example}",
            soft_wrap=True,
        )
    if found:
        raise typer.Exit(1)
    out.print("equal: raw, curated, quarantine, presentation and ledger, row by row")


@app.command()
def export(
    check: Annotated[bool, typer.Option("--check", help="Only say what is stale.")] = False,
) -> None:
    """Make the Glue jobs from the notebooks, and the picture of the state machine."""
    from workbench.export import exporter, picture

    if check:
        stale = exporter.stale() + picture.stale()
        if stale:
            _fail(f"stale: {', '.join(stale)}. Type `workbook export`, and commit it", 1)
        out.print("up to date")
        return
    written = exporter.export() + picture.draw()
    out.print(f"wrote {', '.join(written)}" if written else "up to date")


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One Redshift statement.")],
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON.")] = False,
) -> None:
    """Run a statement in the warehouse through the Redshift Data API.

    A table for a terminal, CSV for a pipe or a file.
    """
    made = stack.up(Home.find(), lambda text: None)
    with made.active():
        rows = Warehouse("rental-apartments", "dev", "").rows(query)
    if as_json:
        out.print_json(json.dumps(rows, default=str))
        return
    _print_rows(rows)


@app.command()
def lab(
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8888,
    directory: Annotated[Path, typer.Option(help="Notebooks to open.")] = REPOSITORY / "notebooks",
) -> None:
    """Open JupyterLab with the Glue kernel ready on the local AWS."""
    made = stack.up(Home.find(), _say)
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={directory}"]
    command += ["--ServerApp.allow_remote_access=False", "--LabApp.news_url=None"]
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    runtime = str(made.home.jupyter / "runtime")
    environment = {**os.environ, **made.environment(), "JUPYTER_RUNTIME_DIR": runtime}
    os.execve(sys.executable, command, environment)  # in our place: who ends us ends it


def main() -> None:
    """Entry point: an error of ours is one message and an exit code, never a traceback."""
    try:
        app()
    except BadInput as error:
        _fail(str(error), 2)
    except (csv_files.CsvError, FileNotFoundError) as error:
        _fail(str(error), 2)
    except (EtlError, DaemonError, mysql.ServerError, ClientError) as error:
        _fail(str(error), 1)
    except KeyboardInterrupt:
        _fail("interrupted; what was finished is safe, run again to go on", 130)


def _fail(message: str, code: int) -> NoReturn:
    err.print("[bold red]error[/]", end=" ")
    err.print(message, soft_wrap=True, markup=False)
    sys.exit(code)


def _say(text: str) -> None:
    err.print(f"[dim]·[/] {text}")


def _runner(via: Via) -> Callable[[Stack, Prepared, Console], Summary]:
    """Imported when needed: papermill and the graph take a second that others need not wait."""
    if via is Via.notebooks:
        from workbench import runner

        return runner.run
    from workbench import execution

    return execution.run


def _finish(summary: Summary, made: Stack, as_json: bool) -> NoReturn:
    if as_json:
        out.print_json(json.dumps(summary.as_dict()))
    else:
        screen.show(summary, made, out)
    raise typer.Exit(summary.exit_code)


def _source(secret: dict[str, Any]) -> Source:
    return Source(
        secret["host"], secret["port"], secret["username"], secret["password"], secret["dbname"]
    )


def _seed_if_empty(server: Server) -> None:
    with server.cursor(stack.DATABASE) as cursor:
        cursor.execute("SELECT COUNT(*) FROM (SELECT 1 FROM apartments LIMIT 1) AS t")
        row = cursor.fetchone()
    if row and row[0]:
        return
    _say("seeding the sample database")
    with _progress() as progress:
        seeding.seed(server, stack.DATABASE, progress=_callback(progress))


def _share(text: str) -> float:
    try:
        share = float(text.removesuffix("%")) / 100
    except ValueError:
        share = -1.0
    if not text.endswith("%") or not 0 < share <= 1:  # a forgotten % would change every row
        raise typer.BadParameter(f"{text!r} is not a share such as 1%", param_hint="--change")
    return share


def _progress() -> Progress:
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn())
    return Progress(*columns, console=err, transient=not err.is_terminal)


def _callback(progress: Progress) -> Any:
    tasks: dict[str, Any] = {}

    def report(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = progress.add_task(what, total=total)
        progress.update(tasks[what], completed=done, total=total)

    return report


def _print_rows(rows: list[dict[str, Any]]) -> None:
    if not rows:
        err.print("no rows")
        return
    if not out.is_terminal:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerows([rows[0], *(row.values() for row in rows)])
        return
    table = Table(*(Column(name, overflow="fold") for name in rows[0]))
    for row in rows:
        table.add_row(*("NULL" if value is None else str(value) for value in row.values()))
    out.print(table)


if __name__ == "__main__":
    main()
