"""`workbook parity`: exported jobs make the warehouse that the notebooks make, row by row."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from workbench import deployment, parity
from workbench.mysql import change, seed
from workbench.mysql.server import Server
from workbench.parity import Pair
from workbench.stack import DATABASE

QUIET = Console(quiet=True)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory, mysql_server: Server) -> Iterator[Pair]:
    """Two warehouses on one source of 200 apartments; the tests below go on from each other."""
    seed.create_tables(mysql_server, DATABASE)
    seed.seed(mysql_server, DATABASE, rows=200)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WORKBOOK_JVMS")  # here jobs have two, as they do for a user
        with parity.pair(tmp_path_factory.mktemp("parity"), mysql_server) as sides:
            yield sides


def test_a_full_load_is_equal(pair: Pair) -> None:
    assert parity.run_both(pair, QUIET) == []


@pytest.mark.drill
@pytest.mark.parametrize("step", [1, 2])
def test_an_increment_is_equal(pair: Pair, step: int) -> None:
    change.change(pair[0].server, DATABASE, share=0.05, seed=step)
    assert parity.run_both(pair, QUIET) == []


def test_an_altered_job_is_seen(
    pair: Pair, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "stepfunctions"
    shutil.copytree(deployment.FOLDER, folder)
    script = folder / "jobs" / "04_load.py"
    assert "indicators.refresh(run)" in script.read_text()
    script.write_text(script.read_text().replace("indicators.refresh(run)", "pass"))
    monkeypatch.setattr(deployment, "FOLDER", folder)
    change.change(pair[0].server, DATABASE, share=0.05, seed=3)
    found = parity.run_both(pair, QUIET)
    assert {each.table.partition(".")[0] for each in found} == {"presentation"}


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("interrupted, and stopped: workbook redrive 7 goes on", "interrupted, and stopped"),
        ("ValueError: bad: row 7\nGo on with it: workbook redrive 7", "ValueError: bad: row 7"),
        ("EtlError: no room. Mend it.", "EtlError: no room. Mend it."),
    ],
)
def test_of_a_run_that_is_thrown_away_no_redrive_is_advised(error: str, told: str) -> None:
    assert parity.without_advice(error) == told
