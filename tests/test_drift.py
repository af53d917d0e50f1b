"""Columns that change between runs: each kind of change under both policies, with the data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etl_lib import staging
from etl_lib.drift import wider
from etl_lib.errors import RunFailed
from workbench import comparison, layers
from workbench.drill.lane import Lane
from workbench.home import Home
from workbench.mysql.server import Server

from .emptied import emptied

COLUMNS = (
    "id INT PRIMARY KEY, v INT, s VARCHAR(10), d DATE, m DECIMAL(6,2), b BIGINT, "
    "at DATETIME(6) NOT NULL DEFAULT NOW(6) ON UPDATE NOW(6)"
)
ROW = "(id, v, s, d, m) VALUES ({}, 7, 'seven', '2024-01-07', 7.77)"
# What the change is: the ALTER, and a piece of what a frozen table says of it.
TAKEN = {
    "added": ("ADD COLUMN n INT", "column n INTEGER was added, int(11) in MySQL"),
    "added_default": ("ADD COLUMN n INT NOT NULL DEFAULT 5", "column n INTEGER was added"),
    "dropped": ("DROP COLUMN v", "column v INTEGER was dropped"),
    "renamed": ("RENAME COLUMN v TO w", "column w INTEGER was added (renamed?)"),
    "wider_text": ("MODIFY s VARCHAR(200)", "column s was VARCHAR(40) and is VARCHAR(800)"),
    "wider_number": ("MODIFY v BIGINT", "column v was INTEGER and is BIGINT"),
    "wider_decimal": ("MODIFY m DECIMAL(12,4)", "column m was DECIMAL(6,2) and is DECIMAL(12,4)"),
    "wider_date": ("MODIFY d DATETIME", "column d was DATE and is TIMESTAMP"),
    "narrower_number": ("MODIFY b INT", "column b was BIGINT and is INTEGER"),
    "narrower_text": ("MODIFY s VARCHAR(5)", "column s was VARCHAR(40) and is VARCHAR(20)"),
}
STOPPED = {
    "retyped": ("MODIFY v VARCHAR(20)", "column v was INTEGER and is VARCHAR(80)"),
    "wider_key": ("MODIFY id BIGINT", "column id"),
}
UNSEEN = {"reordered": "MODIFY v INT AFTER m"}
FROZEN = "freeze_each"  # changed in each way in turn
ALTERS = {
    **{name: change for name, (change, _) in {**TAKEN, **STOPPED}.items()},
    **UNSEEN,
}


@pytest.fixture(scope="module")
def lane(
    lanes: Home, tmp_path_factory: pytest.TempPathFactory, mysql_server: Server
) -> Iterator[Lane]:
    """Loaded once; then every table but FROZEN was changed, one row updated, another inserted."""
    contract = tmp_path_factory.mktemp("drift") / "tables.toml"
    made = Lane(lanes, mysql_server, "drift", contract)
    names = [*(f"evolve_{name}" for name in ALTERS), "freeze_reordered"]
    _write(contract, [*names, FROZEN])
    with mysql_server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {made.source.database}")
        cursor.execute(f"CREATE DATABASE {made.source.database}")
    with mysql_server.cursor(made.source.database) as cursor:
        for name in (*names, FROZEN):
            _create(cursor, name)
    emptied(made.stack)
    made.begin()
    made.run(made.new_run())
    with mysql_server.cursor(made.source.database) as cursor:
        for name in names:
            _change(cursor, name, ALTERS[name.partition("_")[2]])
    yield made
    made.leave()


@pytest.fixture(scope="module")
def evolved(lane: Lane) -> Lane:
    """After a run of what can evolve."""
    lane.run(lane.new_run(), tables=",".join(f"evolve_{name}" for name in (*TAKEN, *UNSEEN)))
    return lane


@pytest.mark.parametrize("name", [*TAKEN, *UNSEEN])
def test_what_loses_nothing_evolves(evolved: Lane, name: str) -> None:
    table = f"evolve_{name}"
    raw, source = _raw(evolved, table), _source(evolved, table)
    shared = set(raw[0]) & set(source[0])
    old = {"added_default": {"n"}, "renamed": {"w"}}.get(name, set())
    for mine, theirs in zip(raw, source, strict=True):
        for column in shared:
            if column in old and mine["id"] == "1":
                assert mine[column] is None, "until a backfill"
            else:
                assert mine[column] == theirs[column], (column, mine, theirs)


def test_a_dropped_column_stays_as_it_was(evolved: Lane) -> None:
    rows = _raw(evolved, "evolve_dropped", "id", "v")
    assert [row["v"] for row in rows] == ["7", "7", None]


def test_a_backfill_brings_the_values_of_older_rows(evolved: Lane) -> None:
    from etl_lib import backfill

    run_id = evolved.new_run()
    run, reader = evolved.opened(run_id)
    table = run.contract.tables["evolve_added_default"]
    before = comparison.compare(run, reader, table)
    assert before is not None and before.altered == [("1",)]
    backfill.plan(run, reader, table, "", "")
    stages = ("01_extract", "02_raw_ingest", "03_transform", "04_load")
    evolved.run(run_id, stages, tables=table.name)
    after = comparison.compare(run, reader, table)
    assert after is not None and after.damaged == []
    assert [row["n"] for row in _raw(evolved, table.name)] == ["5", "5", "5"]


@pytest.mark.parametrize("name", [*TAKEN, *UNSEEN])
def test_rows_that_were_loaded_before_a_change_are_as_their_load_wrote_them(
    evolved: Lane, name: str
) -> None:
    run, _ = evolved.opened(evolved.new_run())
    table = run.contract.tables[f"evolve_{name}"]
    columns = json.loads(run.bookmarks.get(table.name).columns or "")
    target = staging.curated_table(table)
    assert layers.compare(run, table, columns).damaged == []
    # What only another load knew, too: of before the change, or of after it.
    column, was = {"added": ("n", "NULL"), "dropped": ("v", "7")}.get(name, ("b", "NULL"))
    run.warehouse.rows(f"UPDATE {target} SET {column} = 99 WHERE id = 1")
    assert layers.compare(run, table, columns).altered == [("1",)]
    run.warehouse.rows(f"UPDATE {target} SET {column} = {was} WHERE id = 1")
    assert layers.compare(run, table, columns).damaged == []


@pytest.mark.parametrize("name", [*TAKEN, *STOPPED])
def test_a_frozen_table_stops_with_the_difference_shown(lane: Lane, name: str) -> None:
    before = _raw(lane, FROZEN)
    with lane.source.server.cursor(lane.source.database) as cursor:
        _create(cursor, FROZEN)  # as it was loaded: nothing moved since
        _change(cursor, FROZEN, ALTERS[name])
    with pytest.raises(RunFailed) as caught:
        lane.run(lane.new_run(), tables=FROZEN)
    told = str(caught.value)
    assert {**TAKEN, **STOPPED}[name][1] in told
    assert "Nothing was moved" in told and "--beginning" in told
    assert _raw(lane, FROZEN) == before


@pytest.mark.parametrize("name", STOPPED)
def test_what_no_alter_takes_up_stops_under_either_policy(lane: Lane, name: str) -> None:
    with pytest.raises(RunFailed, match="No ALTER makes the one of the other"):
        lane.run(lane.new_run(), tables=f"evolve_{name}")


def test_another_order_of_columns_is_no_change(lane: Lane) -> None:
    lane.run(lane.new_run(), tables="freeze_reordered")
    assert _raw(lane, "freeze_reordered") == _source(lane, "freeze_reordered")


def test_other_keys_are_refused(lane: Lane, tmp_path: Path) -> None:
    lane.run(lane.new_run(), tables="freeze_reordered")
    other = tmp_path / "tables.toml"
    _write(other, ["freeze_reordered"], keys='["id", "d"]')
    url = lane.stack.pipeline.publish(other)
    with pytest.raises(RunFailed, match=r"its keys were \['id'\] and are \['d', 'id'\]"):
        lane.run(lane.new_run(), tables="freeze_reordered", contract=url)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [
        ("SMALLINT", "BIGINT", "BIGINT"),
        ("BIGINT", "DECIMAL(20,0)", "DECIMAL(20,0)"),
        ("INTEGER", "DECIMAL(10,4)", "DECIMAL(14,4)"),
        ("DECIMAL(38,0)", "DECIMAL(10,2)", None),
        ("DECIMAL(18,4)", "DECIMAL(16,5)", "DECIMAL(20,5)"),
        ("VARCHAR(4)", "VARCHAR(40)", "VARCHAR(40)"),
        ("VARCHAR(4)", "VARBYTE(4)", None),
        ("DATE", "TIMESTAMP", "TIMESTAMP"),
        ("INTEGER", "DOUBLE PRECISION", None),
        ("BOOLEAN", "SMALLINT", None),
    ],
)
def test_the_type_that_holds_both(one: str, other: str, both: str | None) -> None:
    assert wider(one, other) == wider(other, one) == both


def _create(cursor: Any, name: str) -> None:
    cursor.execute(f"CREATE OR REPLACE TABLE {name} ({COLUMNS})")
    for number in (1, 2):
        cursor.execute(f"INSERT INTO {name} {ROW.format(number)}")


def _change(cursor: Any, name: str, alter: str) -> None:
    cursor.execute(f"ALTER TABLE {name} {alter}")
    cursor.execute(f"UPDATE {name} SET m = 8.88 WHERE id = 2")
    cursor.execute(f"INSERT INTO {name} (id, m) VALUES (3, 9.99)")


def _write(path: Path, names: list[str], keys: str = '["id"]') -> None:
    sections = [
        f'[tables.{name}]\nkeys = {keys}\ncursor = "at"\ndrift = "{name.partition("_")[0]}"\n'
        for name in names
    ]
    path.write_text("\n".join(['name = "drift"', *sections]))


def _raw(lane: Lane, table: str, *columns: str) -> list[dict[str, str | None]]:
    listed = ", ".join(columns) or "*"
    rows = lane.opened("x")[0].warehouse.rows(f'SELECT {listed} FROM "raw".{table} ORDER BY id')
    return [
        {key: _text(value) for key, value in row.items() if not key.startswith("_")} for row in rows
    ]


def _source(lane: Lane, table: str) -> list[dict[str, str | None]]:
    rows = lane.opened("x")[1].rows(f"SELECT * FROM {table} ORDER BY id")
    return [{key: _text(value) for key, value in row.items()} for row in rows]


def _text(value: object) -> str | None:
    """Numbers without trailing zeros, moments without midnight."""
    if value is None:
        return None
    text = str(value).removesuffix(" 00:00:00")
    return text.rstrip("0").rstrip(".") if "." in text else text
