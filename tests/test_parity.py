"""`workbook parity`: exported jobs make the warehouse that the notebooks make, row by row."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rich.console import Console

from workbench import deployment, parity
from workbench.mysql import change, seed
from workbench.mysql.server import Server
from workbench.stack import DATABASE

QUIET = Console(quiet=True)


def test_a_full_load_and_two_increments_are_equal_and_an_altered_job_is_seen(
    mysql_server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seed.create_tables(mysql_server, DATABASE)
    seed.seed(mysql_server, DATABASE, rows=300)
    with parity.pair(tmp_path / "pair", mysql_server) as sides:
        assert parity.run_both(sides, QUIET) == []
        for step in (1, 2):
            change.change(mysql_server, DATABASE, share=0.05, seed=step)
            assert parity.run_both(sides, QUIET) == []

        folder = tmp_path / "stepfunctions"
        shutil.copytree(deployment.FOLDER, folder)
        script = folder / "jobs" / "04_load.py"
        assert "load.refresh(run)" in script.read_text()
        script.write_text(script.read_text().replace("load.refresh(run)", "pass"))
        monkeypatch.setattr(deployment, "FOLDER", folder)
        change.change(mysql_server, DATABASE, share=0.05, seed=3)
        found = parity.run_both(sides, QUIET)
    assert {each.table.partition(".")[0] for each in found} == {"presentation"}
