"""``workbook pictures``."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console

from etl_lib.errors import BadInput, EtlError
from workbench.home import Home

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def pictures(
    check: Annotated[bool, typer.Option("--check", help="Only say what is stale.")] = False,
) -> None:
    """Make the stages' pictures in images/ from a real run of the sample. Two minutes."""
    from workbench.pictures import shots
    from workbench.prerequisites import chromium

    if check:
        if stale := shots.stale():
            raise EtlError(f"stale: {', '.join(stale)}. Type `workbook pictures`, and commit them")
        out.print("up to date")
        return
    if chromium() is None:
        install = "python -m workbench.prerequisites chromium"
        raise BadInput(f"Chromium is not installed, and takes the pictures: {install}")
    from workbench.pictures import play

    out.print(f"wrote {', '.join(play.make(Home.find().root / 'pictures', err))}")
