"""What reconcile says of rows whose load let them pass as they were, when columns change."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from etl_lib import staging
from workbench import layers
from workbench.drill.lane import Lane
from workbench.home import Home
from workbench.layers import Layers
from workbench.mysql.server import Server

from .emptied import emptied

AT = "at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6)"
COLUMNS = f"(id INT PRIMARY KEY, v INT, s VARCHAR(10), b VARBINARY(5), gone DATETIME, {AT})"
ROWS = "(id, v, s, b) VALUES (1, 7, 'a', 'x'), (2, 7, 'bad', NULL), (3, 7, 'c', NULL)"
# Ways in which a row leaves curated, and comes back.
TABLES = {
    "swept": 'deletes = "sweep"',
    "judged": """rules = [{ name = "good", expect = "s <> 'bad'" }]""",
    "marked": 'deletes = "soft:gone"',
}
LEAVES = ("DELETE FROM swept WHERE id = 1", "UPDATE marked SET gone = NOW() WHERE id = 1")
RETURNS = (
    "INSERT INTO swept (id, s) VALUES (1, 'back')",
    "UPDATE judged SET s = 'ok' WHERE id = 2",
    "UPDATE marked SET gone = NULL WHERE id = 1",
)


def _contract() -> str:
    sections = (
        f'[tables.{name}]\nkeys = ["id"]\ncursor = "at"\ndrift = "evolve"\n'
        f"quarantine_limit = 1\n{own}\n"
        for name, own in TABLES.items()
    )
    return 'name = "layers"\n' + "\n".join(sections)


@pytest.fixture(scope="module")
def lane(
    lanes: Home, tmp_path_factory: pytest.TempPathFactory, mysql_server: Server
) -> Iterator[Lane]:
    """Loaded; then rows left curated, a column left the source, and the rows came back."""
    contract = tmp_path_factory.mktemp("layers") / "tables.toml"
    made = Lane(lanes, mysql_server, "layers", contract)
    contract.write_text(_contract())
    with mysql_server.cursor() as cursor:
        cursor.execute(f"CREATE OR REPLACE DATABASE {made.source.database}")
    _execute(made, *(f"CREATE TABLE {name} {COLUMNS}" for name in TABLES))
    _execute(made, *(f"INSERT INTO {name} {ROWS}" for name in TABLES))
    emptied(made.stack)
    made.begin()
    made.run(made.new_run())
    _execute(made, *LEAVES)
    made.run(made.new_run())
    _execute(made, *(f"ALTER TABLE {name} DROP COLUMN v" for name in TABLES), *RETURNS)
    made.run(made.new_run())
    yield made
    made.leave()


def _execute(lane: Lane, *statements: str) -> None:
    with lane.source.server.cursor(lane.source.database) as cursor:
        for statement in statements:
            cursor.execute(statement)


def _found(lane: Lane, name: str) -> Layers:
    run, _ = lane.opened(lane.new_run())
    table = run.contract.tables[name]
    return layers.compare(run, table, json.loads(run.bookmarks.get(name).columns or ""))


def _set(lane: Lane, name: str, value: str, key: int) -> None:
    run, _ = lane.opened(lane.new_run())
    target = staging.curated_table(run.contract.tables[name])
    run.warehouse.rows(f"UPDATE {target} SET {value} WHERE id = {key}")


@pytest.mark.parametrize("name", list(TABLES))
def test_a_row_that_comes_back_after_its_column_was_dropped_is_no_damage(
    lane: Lane, name: str
) -> None:
    assert _found(lane, name).damaged == []


@pytest.mark.parametrize(
    ("altered", "as_it_was"),
    [("s = 'C'", "s = 'c'"), ("s = NULL", "s = 'c'"), ("v = 8", "v = 7"), ("b = 'y'", "b = NULL")],
)
def test_what_is_altered_is_found_in_every_column(lane: Lane, altered: str, as_it_was: str) -> None:
    _set(lane, "swept", altered, 3)
    assert _found(lane, "swept").altered == [("3",)]
    _set(lane, "swept", as_it_was, 3)
    assert _found(lane, "swept").damaged == []


def test_a_column_that_only_curated_has_is_of_other_loads(lane: Lane) -> None:
    run, _ = lane.opened(lane.new_run())
    run.warehouse.rows("ALTER TABLE curated.swept ADD COLUMN total BIGINT")
    assert _found(lane, "swept").damaged == []
    _set(lane, "swept", "total = 6", 3)
    assert _found(lane, "swept").altered == [("3",)]
    _set(lane, "swept", "total = NULL", 3)
    assert _found(lane, "swept").damaged == []
