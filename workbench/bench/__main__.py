"""``python -m workbench.bench``, behind ``make bench``."""

from __future__ import annotations

import signal
import sys
from types import FrameType

import typer
from rich.console import Console

from etl_lib.errors import BadInput, EtlError
from workbench.bench.command import bench
from workbench.daemon import DaemonError
from workbench.mysql.server import ServerError
from workbench.prerequisites import MissingPrerequisite


def main() -> int:
    signal.signal(signal.SIGTERM, _stopped)
    app = typer.Typer(pretty_exceptions_enable=False, add_completion=False)
    app.command()(bench)
    try:
        app()
    except (EtlError, DaemonError, ServerError, MissingPrerequisite) as error:
        Console(stderr=True).print(f"error: {error}", markup=False, soft_wrap=True)
        return 2 if isinstance(error, BadInput) else 1
    return 0


def _stopped(signum: int, _frame: FrameType | None) -> None:
    """What it has started ends with it."""
    sys.exit(128 + signum)


if __name__ == "__main__":
    sys.exit(main())
