"""``workbook types``: what becomes of each MySQL type."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from etl_lib import decisions, types
from etl_lib.errors import BadInput, EtlError

out = Console(highlight=False)
GUIDE = "https://docs.aws.amazon.com/redshift/latest/dg"


def type_map(
    matrix: Annotated[
        bool, typer.Option("--matrix", help="Prove it: move every type's edge values. A minute.")
    ] = False,
    write: Annotated[
        bool, typer.Option("--write", help="With --matrix: write docs/type-matrix.md.")
    ] = False,
) -> None:
    """Print what each MySQL type becomes in Redshift, and what a contract may decide for it."""
    if write and not matrix:
        raise BadInput("--write goes with --matrix")
    if not matrix:
        out.print(picture())
        out.print(f"Redshift's types: {GUIDE}/c_Supported_data_types.html", soft_wrap=True)
        return
    from workbench.matrix import document
    from workbench.matrix.lane import played

    found = played()
    for outcome in found.outcomes:
        for each in outcome.wrong:
            out.print(f"{outcome.cell.type} {outcome.cell.value}: {each}", markup=False)
    for named in found.names:
        if named.wrong:
            out.print(f"{named.kind} {named.name.mysql}: {named.refused}", markup=False)
    for name in found.differing:
        out.print(f"the checksums differ: {name}", markup=False)
    if write:
        document.write(found)
    out.print(document.tallied(found))
    if not found.holds:
        raise EtlError("the matrix does not hold")


def picture() -> Table:
    made = Table(box=SIMPLE, padding=(0, 1, 0, 0))
    for name in ("MySQL", "Redshift", "unsigned", "decide", "note"):
        made.add_column(name, overflow="fold")
    for name, kind in types.KINDS.items():
        made.add_row(
            kind.mysql,
            kind.redshift or "—",
            kind.unsigned or "",
            decisions.offered_to(name).replace('"', ""),
            kind.note,
        )
    return made
