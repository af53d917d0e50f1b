"""``workbook lab``: JupyterLab with the Glue kernel ready."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from workbench import kernel, source_option
from workbench import stack as stacks
from workbench.aws.glue import labs
from workbench.home import REPOSITORY, Home
from workbench.messages import say
from workbench.stack import Stack
from workbench.where import Where, somewhere


@somewhere
def lab(
    where: Where,
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8888,
    directory: Annotated[
        Path | None,
        typer.Option(
            help="Notebooks to open; else notebooks/, or with --profile or --stage copies of them "
            "with that stack's names in them."
        ),
    ] = None,
) -> None:
    """Open JupyterLab with the Glue kernel ready.

    Sessions are the local AWS's; with --profile those of an account, which cost.
    """
    from workbench import session_settings

    if where.of_stack:
        stack = where.stack(say)
        settings = _of_stack(where, stack)
        directory = directory or _copies(stack, settings)
    else:
        stack = stacks.up(Home.find(), say)
        settings = session_settings.LOCAL
    if not where.profile:
        labs.hold(Home.find().aws)
        stack.endpoint.client("glue").list_sessions(MaxResults=1)  # Glue is up: it sees the lab
    for name in _of_the_kernel() if where.of_stack else ():
        del os.environ[name]
    own = stack.environment()  # an account's has what is left of the shell's, but what leads astray
    for name in stacks.elsewhere():
        del os.environ[name]
    folder = directory or REPOSITORY / "notebooks"
    _become({**os.environ, **own, **settings}, stack.home, folder, browser, port)


def _of_stack(where: Where, stack: Stack) -> dict[str, str]:
    """What the kernel needs to know to start the stack's sessions; tells what they cost."""
    from workbench import session_settings

    kernel.install(stack.home.jupyter)
    settings = session_settings.of_stack(stack)
    settings["JUPYTER_PATH"] = str(stack.home.jupyter)
    if where.profile:
        settings["glue_profile"] = where.profile  # else it takes [default], whatever that is
        say(
            f"a session costs about {session_settings.hourly(settings):.2f} dollars an hour, from "
            f"its first cell until it is stopped, or {session_settings.IDLE_MINUTES} minutes "
            "after its last cell"
        )
    return settings


def _of_the_kernel() -> list[str]:
    """Names of variables that the Glue kernel reads: of another stack they would be another's."""
    plain = ("region", "session_id", "session_id_prefix", "spark_conf", "request_origin")
    return [name for name in os.environ if name.startswith("glue_") or name in plain]


def _copies(stack: Stack, settings: dict[str, str]) -> Path:
    from workbench import notebook_copies

    folder = stack.home.root / "notebooks"
    older = notebook_copies.make(stack, settings, folder)
    say(f"notebooks with the names of {stack.target.stack}: {folder}")
    if older:
        say(
            f"copies of older notebooks, kept as you left them: {', '.join(older)}; remove them to "
            "have new ones"
        )
    return folder


def _become(
    environment: dict[str, str], home: Home, directory: Path, browser: bool, port: int
) -> NoReturn:
    """JupyterLab in our place: who ends us ends it. Its kernels may show their environment: the
    source's password is not in it."""
    command = [sys.executable, "-m", "jupyterlab", "--ServerApp.ip=127.0.0.1"]
    command += [f"--ServerApp.port={port}", f"--ServerApp.root_dir={directory}"]
    command += ["--ServerApp.allow_remote_access=False", "--LabApp.news_url=None"]
    command += [] if browser else ["--no-browser"]
    command += ["--allow-root"] if os.geteuid() == 0 else []
    given = {
        name: value for name, value in environment.items() if name not in source_option.SECRETS
    }
    runtime = str(home.jupyter / "runtime")
    os.execve(sys.executable, command, {**given, "JUPYTER_RUNTIME_DIR": runtime})
