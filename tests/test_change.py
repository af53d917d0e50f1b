"""The source changes like a living one, and the counts told are what really changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from workbench.mysql import seed
from workbench.mysql.change import TableChange, change
from workbench.mysql.server import Server, ServerError

KEYS = {
    "apartments": 1,
    "apartment_attributes": 1,
    "apartment_viewings": 3,
    "bookings": 1,
    "fx_rates": 2,
}
CURSORS = {
    "apartments": "last_modified_timestamp",
    "apartment_viewings": "viewed_at",
    "bookings": "updated_at",
}

State = dict[str, dict[tuple[Any, ...], tuple[Any, ...]]]


def state(server: Server, database: str) -> State:
    found: State = {}
    with server.cursor(database) as cursor:
        for table, keys in KEYS.items():
            cursor.execute(f"SELECT * FROM {table}")
            found[table] = {row[:keys]: row for row in cursor.fetchall()}
    return found


def difference(before: State, after: State) -> dict[str, TableChange]:
    return {
        table: TableChange(
            inserted=len(after[table].keys() - before[table].keys()),
            updated=sum(
                before[table][key] != after[table][key]
                for key in after[table].keys() & before[table].keys()
            ),
            deleted=len(before[table].keys() - after[table].keys()),
        )
        for table in KEYS
    }


def now(server: Server) -> datetime:
    with server.cursor() as cursor:
        cursor.execute("SELECT NOW(6)")
        row = cursor.fetchone()
        assert row is not None
        moment: datetime = row[0]
        return moment


@pytest.mark.parametrize(("rows", "share"), [(1000, 0.01), (100, 0.001), (100, 1.0)])
def test_the_counts_are_what_changed(mysql_server: Server, rows: int, share: float) -> None:
    seed.seed(mysql_server, "changing", rows=rows)
    for _ in range(2):
        before = state(mysql_server, "changing")
        counts = change(mysql_server, "changing", share)
        assert counts == difference(before, state(mysql_server, "changing"))
        assert min(counts[table].inserted for table in CURSORS) >= 1
        assert min(counts[table].deleted for table in CURSORS) >= 1
        assert counts["fx_rates"].total


def test_every_new_stamp_lies_before_the_second_in_which_it_returns(mysql_server: Server) -> None:
    seed.seed(mysql_server, "stamped", rows=200)
    began = now(mysql_server).replace(microsecond=0)
    counts = change(mysql_server, "stamped", 0.05)
    ended = now(mysql_server).replace(microsecond=0)
    assert ended - began >= timedelta(seconds=1)
    with mysql_server.cursor("stamped") as cursor:
        for table, stamp in CURSORS.items():
            cursor.execute(
                f"SELECT COUNT(*), MAX({stamp}) FROM {table} WHERE {stamp} >= %s", [began]
            )
            row = cursor.fetchone()
            assert row is not None
            assert row[0] == counts[table].inserted + counts[table].updated
            assert row[1] < ended


def test_the_same_seed_chooses_the_same_rows(mysql_server: Server) -> None:
    chosen = []
    for number in (7, 7, 8):
        seed.seed(mysql_server, "chosen", rows=200)
        before = state(mysql_server, "chosen")
        change(mysql_server, "chosen", 0.05, seed=number)
        chosen.append(before["bookings"].keys() - state(mysql_server, "chosen")["bookings"].keys())
    assert chosen[0] == chosen[1] != chosen[2]


def test_attributes_come_and_go_with_their_apartments(mysql_server: Server) -> None:
    seed.seed(mysql_server, "paired", rows=200)
    change(mysql_server, "paired", 0.2)
    after = state(mysql_server, "paired")
    assert after["apartments"].keys() == after["apartment_attributes"].keys()


def test_empty_tables_stay_empty(mysql_server: Server) -> None:
    seed.create_tables(mysql_server, "void", replace=True)
    assert set(change(mysql_server, "void").values()) == {TableChange()}


@pytest.mark.parametrize("share", [0, -0.1, 1.1])
def test_a_share_that_is_none_is_refused(mysql_server: Server, share: float) -> None:
    with pytest.raises(ValueError, match="must be more than 0 and at most 1"):
        change(mysql_server, "changing", share)


def test_a_database_without_the_tables_is_told(mysql_server: Server) -> None:
    with pytest.raises(ServerError, match="database nowhere has no table apartment_attributes"):
        change(mysql_server, "nowhere")
