"""A home, a local AWS and a database of the matrix's own."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from workbench.drill.lane import Lane
from workbench.home import Home
from workbench.matrix import play, source
from workbench.mysql import server as mysql
from workbench.mysql.server import Server


@contextmanager
def lane(folder: Path, server: Server) -> Iterator[Lane]:
    """The lane, begun; ``folder`` is for its state."""
    contract = folder / "contract"
    contract.mkdir()
    path = contract / "tables.toml"
    path.write_text(source.contract()[0], encoding="utf-8")
    made = Lane(Home(folder / "home"), server, "matrix", path)
    source.create(server, made.source.database)
    made.begin()
    try:
        yield made
    finally:
        made.close()


def played() -> play.Matrix:
    """The matrix, played on a server of its own."""
    with tempfile.TemporaryDirectory(prefix="workbook-matrix-") as scratch:
        folder = Path(scratch)
        home = Home(folder / "mysql")
        server = mysql.start(home.mysql)
        try:
            with lane(folder, server) as made:
                return play.play(made)
        finally:
            mysql.stop(home.mysql)
