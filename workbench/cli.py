"""The ``workbook`` command."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import metadata
from typing import Annotated, Any, NoReturn

import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Column, Table

from etl_lib.errors import BadInput, EtlError, StatementFailed
from workbench import (
    bookmark_commands,
    endpoint,
    lab,
    operation_commands,
    options,
    pipeline,
    quarantine_commands,
    run_commands,
    screen,
    source_commands,
    source_option,
    stack,
    type_commands,
)
from workbench.console import command as console_command
from workbench.daemon import DaemonError
from workbench.deploy import command as deploy_command
from workbench.home import Home
from workbench.messages import say
from workbench.mysql import csv_files, dumps
from workbench.mysql import server as mysql
from workbench.options import ContractOption, DatabaseOption, SourceOption
from workbench.preparation import Prepared, prepare, standing
from workbench.stack import Stack
from workbench.summary import Summary
from workbench.where import HERE, Where, somewhere

PACKAGE = "rental-apartments-etl"
INTERRUPTED = 130


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


def _version(wanted: bool) -> None:
    if wanted:
        print(f"{PACKAGE} {metadata.version(PACKAGE)}")
        raise typer.Exit


@app.callback()
def workbook(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Say which it is.")
    ] = False,
) -> None:
    pass


app.add_typer(bookmark_commands.app, name="bookmarks")
app.add_typer(quarantine_commands.app, name="quarantine")
app.add_typer(run_commands.app, name="runs")
for command in operation_commands.COMMANDS:
    app.command()(command)
app.command("types")(type_commands.type_map)
app.command()(console_command.console)
app.command()(deploy_command.deploy)
app.command()(deploy_command.destroy)
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

JsonOption = Annotated[bool, typer.Option("--json", help="Print summary.json.")]
# What would send an SDK elsewhere all the same.
OVERRIDES = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_STS")


@app.command()
def up() -> None:
    """Start the local AWS and MariaDB, and put bucket, secret, library and contract in place."""
    made = stack.up(Home.find(), say)
    out.print(f"local AWS  {made.endpoint.environment()['AWS_ENDPOINT_URL']}")
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
    from workbench import past

    home = Home.find()
    server = mysql.load(home.mysql)
    local = endpoint.load(home.aws)
    found = {
        "home": str(home.root),
        "local AWS": local.url if local and endpoint.running(home.aws) else None,
        "MariaDB": f"{server.host}:{server.port}" if server and mysql.running(home.mysql) else None,
        "its client": f"mariadb --defaults-file={server.client_options}" if server else None,
        "last run": past.last(home),
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
    print(f"unset {' '.join(dict.fromkeys([*OVERRIDES, *stack.elsewhere()]))}")
    for name, value in sorted(local.environment().items()):
        print(f"export {name}='{value}'")


app.command()(source_commands.seed)
app.command()(source_commands.init)


@app.command()
@somewhere
def run(
    contract: ContractOption = pipeline.CONTRACT,
    tables: Annotated[
        str, typer.Option(help="Comma list of tables; default, and if empty, all.")
    ] = "",
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
    where: Where = HERE,
) -> None:
    """Run the six stages: start what is missing, seed an empty sample, move what changed."""
    parsed = pipeline.read_contract(contract)
    parsed.select([name.strip() for name in tables.split(",") if name.strip()])
    if where.of_stack and via is Via.notebooks:
        raise BadInput(
            "--via notebooks makes no sense with --profile or --stage: the kernel is set up for "
            "the laptop's own stack"
        )
    where.refuse(source=source, database="" if database == stack.DATABASE else "database")
    secret = source_option.parse(source) if source else None
    made = where.stack(say)
    if secret is None and not where.of_stack:
        if database == stack.DATABASE and contract == pipeline.CONTRACT:
            source_commands.seed_if_empty(made.server)
        secret = made.server.secret(database)
    prepared = prepare(made, contract, secret, tables, run_id)
    _finish(_runner(via)(made, prepared, err), made, as_json)


@app.command()
@somewhere
def redrive(
    run_id: Annotated[str, typer.Argument(help="The run that did not end well.")],
    as_json: JsonOption = False,
    where: Where = HERE,
) -> None:
    """Go on with a failed run under its own name: what it has done is not done again."""
    from workbench import execution

    made = where.stack(say)
    prepared = execution.known(made, run_id)
    _finish(execution.redrive(made, prepared, err), made, as_json)


@app.command()
@somewhere
def schedule(
    expression: Annotated[
        str,
        typer.Argument(
            metavar="EXPRESSION", help='"cron(0 5 * * ? *)", "rate(1 hour)" or "at(…)"; in UTC.'
        ),
    ] = "",
    off: Annotated[bool, typer.Option("--off", help="Remove the schedule.")] = False,
    contract: ContractOption = pipeline.CONTRACT,
    source: SourceOption = "",
    database: DatabaseOption = stack.DATABASE,
    where: Where = HERE,
) -> None:
    """Run the state machine unattended, by EventBridge Scheduler. Without EXPRESSION: show it.

    A rate starts the first run at once; "cron(0 * * * ? *)" waits for the next full hour.
    """
    from workbench import scheduling

    own = contract != pipeline.CONTRACT or source or database != stack.DATABASE
    where.refuse(source=source, database="" if database == stack.DATABASE else "database")
    if where.of_stack and own:
        raise BadInput("--contract: a stack's schedule runs what `workbook deploy` has put there")
    secret = source_option.parse(source) if source else None
    made = where.stack(say)
    if made.target.stack:
        from workbench.deploy import schedules

        out.print(schedules.changed(made, expression, off, say), soft_wrap=True)
    elif off:
        out.print("schedule removed" if scheduling.remove(made) else "there was no schedule")
    elif expression:
        given = standing(made, contract, secret or made.secret(database)) if own else None
        out.print(scheduling.put(made, expression, say, given), soft_wrap=True)
    else:
        out.print(scheduling.current(made) or "no schedule")


@app.command()
def parity() -> None:
    """Prove that jobs do what notebooks do: one source, both ways, every row compared.

    It changes the sample between two runs, as `workbook seed --change` does.
    """
    from workbench import parity as comparison

    made = stack.up(Home.find(), say)
    source_commands.seed_if_empty(made.server)
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
    """Make the Glue jobs from the notebooks, also in the template, pictures, the reference."""
    from workbench import reference
    from workbench.export import exporter, picture, template

    if check:
        stale = exporter.stale() + template.stale() + picture.stale() + reference.stale()
        if stale:
            _fail(f"stale: {', '.join(stale)}. Type `workbook export`, and commit it", 1)
        out.print("up to date")
        return
    written = exporter.export() + template.write() + picture.draw() + reference.write()
    out.print(f"wrote {', '.join(written)}" if written else "up to date")


@app.command()
@somewhere
def sql(
    query: Annotated[str, typer.Argument(help="One Redshift statement.")],
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON.")] = False,
    where: Where = HERE,
) -> None:
    """Run a statement in the warehouse through the Redshift Data API.

    A table for a terminal, CSV for a pipe or a file.
    """
    made = where.stack(lambda text: None)
    with made.active():
        try:
            rows = made.target.warehouse().rows(query)
        except StatementFailed as error:
            raise BadInput(error.reason) from None
        except ClientError as error:
            said = error.response["Error"]
            if said["Code"] != "ValidationException":
                raise
            raise BadInput(said["Message"]) from None
    if as_json:
        out.print_json(json.dumps(rows, default=str))
    elif not rows and not query.lstrip(" (\n\t").upper().startswith(("SELECT", "WITH", "SHOW")):
        err.print("done")
    else:
        _print_rows(rows)


app.command()(lab.lab)


def main() -> None:
    """Entry point: an error of ours is one message and an exit code, never a traceback."""
    try:
        _refuse_profile(sys.argv[1:])
        app()
    except BadInput as error:
        _fail(str(error), 2)
    except (csv_files.CsvError, dumps.DumpError, FileNotFoundError) as error:
        _fail(str(error), 2)
    except (EtlError, DaemonError, mysql.ServerError, ClientError) as error:
        _fail(str(error), 1)
    except BotoCoreError as error:
        gone = "The local AWS has died meanwhile. What was finished is safe; type the command again"
        away = "AWS was not reached. What was finished is safe; type the command again"
        account = any(each.partition("=")[0] == "--profile" for each in sys.argv)
        _fail(f"{error}. {away if account else gone}", 1)
    except SystemExit as left:
        if left.code == INTERRUPTED:  # Typer's, which says nothing
            err.print("interrupted; what was finished is safe, run again to go on")
        raise


def _fail(message: str, code: int) -> NoReturn:
    err.print("[bold red]error[/]", end=" ")
    err.print(message, soft_wrap=True, markup=False)
    here = options.as_here()
    if "workbook " in message and here and here not in message:
        err.print(f"To each command that is named here add:{here}", soft_wrap=True, markup=False)
    if "mask_key" in message and " --source" in here:
        err.print(f"With --source it is read from {source_option.MASK_KEY}.", soft_wrap=True)
    sys.exit(code)


# What is the laptop's alone, and why.
LAPTOP = {
    "up": "it starts the local AWS and MariaDB",
    "down": "it stops the local AWS and MariaDB",
    "seed": "it fills the sample, which is the local MariaDB's",
    "status": "it tells what runs on this machine",
    "env": "it points other programs at the local AWS; AWS_PROFILE points them at an account",
    "console": "it shows the local AWS; an account has a console of its own",
    "parity": "it compares two local runs",
    "drill": "it makes the local AWS fail",
    "pictures": "it draws a run of the sample",
}


def _refuse_profile(arguments: Sequence[str]) -> None:
    """Raises BadInput: a word on why is better than that there is no such option."""
    names = [each.partition("=")[0] for each in arguments]
    if "--profile" in names and names[0] in LAPTOP:
        raise BadInput(f"workbook {names[0]}: --profile makes no sense: {LAPTOP[names[0]]}")


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
