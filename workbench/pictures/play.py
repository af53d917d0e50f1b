"""The run that the pictures are of: the sample, a first load, changes, then the notebooks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from etl_lib.errors import RunFailed
from workbench import execution, pipeline, runner, stack
from workbench.home import Home
from workbench.mysql import change, seed
from workbench.pictures import render, shots
from workbench.preparation import Prepared, prepare
from workbench.stack import DATABASE, Stack
from workbench.summary import Summary

SHARE = 0.1  # of the sample that changes between the two runs

Run = Callable[[Stack, Prepared, Console], Summary]


def make(
    folder: Path, console: Console, images: Path = shots.IMAGES, rows: int = 10_000
) -> list[str]:
    """Write every stage's picture; returns their names.

    Empties ``folder``, which has a source and a local AWS of its own meanwhile. Raises RunFailed.
    """
    shutil.rmtree(folder, ignore_errors=True)
    home = Home(folder)
    try:
        made = stack.up(home, lambda text: console.print(f"[dim]·[/] {text}"))
        seed.seed(made.server, DATABASE, rows)
        _succeed(made, execution.run, "before", console)
        change.change(made.server, DATABASE, share=SHARE, seed=1)
        _succeed(made, runner.run, "pictures", console)
        return _draw(home.runs / "pictures", images)
    finally:
        stack.down(home)
        shutil.rmtree(folder, ignore_errors=True)


def _succeed(made: Stack, run: Run, run_id: str, console: Console) -> None:
    secret = made.server.secret(DATABASE)
    summary = run(made, prepare(made, pipeline.CONTRACT, secret, "", run_id), console)
    if summary.status != "SUCCEEDED":
        raise RunFailed(f"the run for the pictures: {summary.error}")


def _draw(notebooks: Path, images: Path) -> list[str]:
    with render.browser() as opened:
        for stage in shots.SHOTS:
            cells = shots.cells(notebooks / f"{stage}.ipynb")
            (images / f"{stage}.png").write_bytes(render.png(opened, cells, shots.digest(stage)))
    return [f"{stage}.png" for stage in shots.SHOTS]
