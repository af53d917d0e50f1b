"""Options that several commands have."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from workbench import source_option

ContractOption = Annotated[Path, typer.Option(help="Table contract.")]
DatabaseOption = Annotated[str, typer.Option(help="Database on the server that `up` started.")]
SourceOption = Annotated[
    str,
    typer.Option(
        metavar="mysql://USER@HOST:PORT/DB",
        help="A running MySQL or MariaDB server instead of the sample's. Its password is read from "
        f"the environment variable {source_option.PASSWORD}.",
    ),
]
