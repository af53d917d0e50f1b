"""``workbook types``: what becomes of each MySQL type."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from etl_lib import decisions, types
from etl_lib.errors import BadInput, EtlError
from workbench.tables import Column, fits, fitted

out = Console(highlight=False)
COLUMNS = [Column(name) for name in ("MySQL", "Redshift", "unsigned", "decide", "note")]
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
        for part in shown(out.width):
            out.print(part)
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


def shown(width: int) -> Iterator[Table | Text]:
    """The table, and its notes below it where they do not fit beside the rest."""
    rows = [
        [
            kind.mysql,
            kind.redshift or "—",
            kind.unsigned or "",
            decisions.offered_to(name).replace('"', ""),
            kind.note,
        ]
        for name, kind in types.KINDS.items()
    ]
    if fits(COLUMNS, rows, width):
        yield fitted(COLUMNS, rows, width)
        return
    yield fitted(COLUMNS[:-1], rows, width)
    for kind in types.KINDS.values():
        if kind.note:
            yield Text.assemble((kind.mysql, "bold"), f": {kind.note}")
