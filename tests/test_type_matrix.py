"""Every MySQL type with its edge values, on every path into the warehouse."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from workbench.matrix import cells, document, play
from workbench.matrix.lane import lane
from workbench.mysql.server import Server


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory, mysql_server: Server) -> Iterator[play.Matrix]:
    with lane(tmp_path_factory.mktemp("matrix"), mysql_server) as made:
        yield play.play(made, again=False)


@pytest.mark.drill
def test_a_repair_and_a_backfill_bring_the_same_values(
    tmp_path_factory: pytest.TempPathFactory, mysql_server: Server
) -> None:
    with lane(tmp_path_factory.mktemp("again"), mysql_server) as made:
        found = play.play(made)
    assert found.holds
    assert {len(each.arrived) for each in found.outcomes if each.arrived} == {6}


def test_every_value_arrives_as_it_is_or_is_refused(matrix: play.Matrix) -> None:
    wrong = {
        f"{each.cell.type} {each.cell.value[:60]} {each.cell.decision}": each.wrong
        for each in matrix.outcomes
        if each.wrong
    }
    assert wrong == {}
    assert len(matrix.outcomes) >= 120


def test_every_name_arrives_or_is_refused(matrix: play.Matrix) -> None:
    wrong = {f"{each.kind} {each.name.mysql}": each.refused for each in matrix.names if each.wrong}
    assert wrong == {}
    assert len(matrix.names) >= 60


def test_the_checksums_of_both_sides_agree_on_every_type(matrix: play.Matrix) -> None:
    assert matrix.differing == []


def test_what_others_corrupt_is_in_the_matrix() -> None:
    told = " ".join(cell.peers for cell in cells.CELLS)
    for peer in ("dlt", "Sling", "PipelineWise", "Airbyte", "DMS", "Debezium"):
        assert peer in told


def test_the_page_is_what_was_found(matrix: play.Matrix) -> None:
    """If not: workbook types --matrix --write."""
    assert document.DOCUMENT.read_text(encoding="utf-8") == document.made(matrix)
