"""``workbook lab``: JupyterLab with the Glue kernel ready."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from workbench import source_option, stack
from workbench.aws.glue import labs
from workbench.home import REPOSITORY, Home
from workbench.messages import say

# For notebooks that have no session cell: the kernel's own are Glue 4.0, 5 workers and two days.
SESSION = {
    "glue_version": "5.1",
    "glue_worker_type": "G.1X",
    "glue_number_of_workers": "2",
    "glue_idle_timeout": "30",
}


def lab(
    browser: Annotated[bool, typer.Option(help="Open a browser.")] = True,
    port: Annotated[int, typer.Option(help="The first port to try.")] = 8888,
    directory: Annotated[Path, typer.Option(help="Notebooks to open.")] = REPOSITORY / "notebooks",
) -> None:
    """Open JupyterLab with the Glue kernel ready on the local AWS."""
    made = stack.up(Home.find(), say)
    labs.hold(made.home.aws)
    made.endpoint.client("glue").list_sessions(MaxResults=1)  # Glue is up: it sees the lab
    for name in stack.elsewhere():
        del os.environ[name]
    _become({**os.environ, **SESSION, **made.environment()}, made.home, directory, browser, port)


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
