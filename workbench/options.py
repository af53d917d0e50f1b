"""Options that several commands have."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection
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

# Those that say which tables, and where.
PLACES = ("--contract", "--source", "--database", "--profile", "--region", "--stage")


def as_here(without: Collection[str] = ()) -> str:
    """The options of this command that say which tables and where, each with a blank before it: a
    command that is advised to follow it must not look elsewhere. ``without`` those that it has not.
    """
    words, found = sys.argv[1:], ""
    for at, word in enumerate(words):
        name, _, value = word.partition("=")
        if name in PLACES and name not in without and (value or words[at + 1 :]):
            found += f" {name} {shlex.quote(value or words[at + 1])}"
    return found
