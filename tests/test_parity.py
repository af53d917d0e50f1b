"""`workbook parity`: exported jobs make the warehouse that the notebooks make, row by row.

test_pipeline.py compares them, too, after a full load, a run without news, and a job that differs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from rich.console import Console

from workbench import parity
from workbench.mysql import change, seed
from workbench.mysql.server import Server
from workbench.parity import Pair
from workbench.stack import DATABASE

QUIET = Console(quiet=True)
pytestmark = pytest.mark.drill


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
    parity.run_both(pair, QUIET)
    assert parity.differences(*pair) == []


@pytest.mark.parametrize("step", [1, 2])
def test_an_increment_is_equal(pair: Pair, step: int) -> None:
    change.change(pair[0].server, DATABASE, share=0.05, seed=step)
    parity.run_both(pair, QUIET)
    assert parity.differences(*pair) == []
