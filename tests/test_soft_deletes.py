"""Soft deletes: what the source marks leaves curated, and raw says when it was found."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from etl_lib import repair
from etl_lib.contract import parse
from etl_lib.errors import ContractError
from etl_lib.planning import store_shapes
from workbench import comparison, layers
from workbench.drill.lane import CONTRACT, Lane
from workbench.home import Home
from workbench.mysql.server import Server

from .emptied import emptied

NUMBER = pytest.param("removed", marks=pytest.mark.drill)


@dataclass(frozen=True)
class Marked:
    """A lane whose orders have a column that marks deleted rows."""

    lane: Lane
    mark: str
    unmark: str

    def execute(self, *statements: str) -> None:
        with self.lane.source.server.cursor(self.lane.source.database) as cursor:
            for statement in statements:
                cursor.execute(statement)

    def run(self) -> dict[str, int]:
        """Run; what the ledger says of orders."""
        run_id = self.lane.new_run()
        self.lane.run(run_id)
        rows = self.lane.opened(run_id)[0].warehouse.rows(
            "SELECT loaded, deleted, quarantined FROM etl.ledger "
            "WHERE run_id = :run AND table_name = 'orders'",
            {"run": run_id},
        )
        return rows[0]

    def ids(self, query: str) -> list[int]:
        rows = self.lane.opened("x")[0].warehouse.rows(f"SELECT id FROM {query} ORDER BY id")
        return [row["id"] for row in rows]

    def differing(self) -> int:
        run, source = self.lane.opened("x")
        table = run.contract.tables["orders"]
        found = comparison.compare(run, source, table)
        assert found is not None
        return len(found.damaged) + found.pending


@pytest.fixture(scope="module", params=["removed_at", NUMBER])
def marked(
    request: pytest.FixtureRequest,
    lanes: Home,
    tmp_path_factory: pytest.TempPathFactory,
    mysql_server: Server,
) -> Iterator[Marked]:
    column = str(request.param)
    folder = tmp_path_factory.mktemp("contract") / "contract"
    shutil.copytree(CONTRACT.parent, folder)
    contract = folder / CONTRACT.name
    text = contract.read_text().replace('"sweep"', f'"soft:{column}"')
    contract.write_text(text)
    lane = Lane(lanes, mysql_server, f"soft_{column}", contract)
    emptied(lane.stack)
    lane.source.create()
    kind, mark, unmark = {
        "removed_at": ("DATETIME NULL", "NOW()", "NULL"),
        "removed": ("TINYINT NOT NULL DEFAULT 0", "1", "0"),
    }[column]
    made = Marked(lane, f"{column} = {mark}", f"{column} = {unmark}")
    made.execute(
        f"ALTER TABLE orders ADD COLUMN {column} {kind}",
        f"UPDATE orders SET {made.mark} WHERE id = 1",
    )
    lane.begin()
    yield made
    lane.leave()


def test_marked_rows_leave_curated_and_come_back_unmarked(marked: Marked) -> None:
    assert marked.run() == {"loaded": 12, "deleted": 1, "quarantined": 4}
    assert marked.ids('"raw".orders WHERE _deleted_at IS NOT NULL') == [1]
    assert 1 not in marked.ids("curated.orders")

    marked.execute(f"UPDATE orders SET {marked.mark} WHERE id IN (2, 3)")  # 2 is quarantined
    assert marked.run() == {"loaded": 2, "deleted": 2, "quarantined": 0}
    assert marked.ids('"raw".orders WHERE _deleted_at IS NOT NULL') == [1, 2, 3]
    assert not {2, 3} & {*marked.ids("curated.orders"), *marked.ids("quarantine.orders")}
    assert marked.run() == {"loaded": 0, "deleted": 0, "quarantined": 0}

    marked.execute(f"UPDATE orders SET {marked.unmark} WHERE id = 3")
    assert marked.run() == {"loaded": 1, "deleted": 0, "quarantined": 0}
    assert marked.ids('"raw".orders WHERE _deleted_at IS NOT NULL') == [1, 2]
    assert 3 in marked.ids("curated.orders")


def test_a_marked_row_that_is_read_again_is_not_deleted_again(marked: Marked) -> None:
    marked.execute("UPDATE orders SET updated_at = NOW(6) WHERE id = 1")
    marked.run()
    marked.execute("DELETE FROM orders WHERE id = 12")
    assert marked.run()["deleted"] == 0, "what the source deletes for good stays"


def test_a_batch_that_passes_as_it_is_is_copied_by_s3_and_staged_once(marked: Marked) -> None:
    def batch(quantity: int) -> tuple[bool, bool]:
        """Did stage 03 pass it as it is, and are its files those of stage 01?"""
        marked.execute(f"UPDATE orders SET quantity = {quantity} WHERE id = 5")
        run_id = marked.lane.new_run()
        marked.lane.run(run_id)
        run = marked.lane.opened(run_id)[0]
        zone = run.zone
        raw, curated = (
            zone.get_json(key("orders", "manifest.json")) or {}
            for key in (run.raw_key, run.curated_key)
        )
        s3 = marked.lane.stack.endpoint.client("s3")
        files = [
            [
                s3.get_object(Bucket=zone.bucket, Key=each["url"].split("/", 3)[3])["Body"].read()
                for each in manifest["entries"]
            ]
            for manifest in (raw, curated)
        ]
        assert "/curated/" in "".join(each["url"] for each in curated["entries"]) or not files[1]
        return bool(curated["meta"].get("as_raw")), files[0] == files[1]

    assert batch(7) == (True, True)
    assert 5 in marked.ids("curated.orders WHERE quantity = 7")
    assert batch(-1) == (False, False)
    assert 5 not in marked.ids("curated.orders") and 5 in marked.ids("quarantine.orders")
    assert batch(8) == (True, True)
    assert 5 in marked.ids("curated.orders WHERE quantity = 8")
    assert 5 not in marked.ids("quarantine.orders")
    assert marked.differing() == 0


def test_reconcile_knows_them_and_repairs_what_is_wrong_with_them(marked: Marked) -> None:
    assert marked.differing() == 0
    run_id = marked.lane.new_run()
    run, source = marked.lane.opened(run_id)
    table = run.contract.tables["orders"]
    run.warehouse.rows('UPDATE "raw".orders SET _deleted_at = NULL WHERE id = 2')
    found = comparison.compare(run, source, table)
    assert found is not None and found.altered == [("2",)]
    repair.store(run, table, found.damaged)
    store_shapes(run, source)
    marked.lane.run(run_id, tables="orders")
    assert marked.differing() == 0
    assert layers.compare(run, table, run.shapes()["orders"]).damaged == []


@pytest.mark.parametrize("deletes", ["soft", "sometimes", "soft:"])
def test_other_policies_are_refused(deletes: str) -> None:
    text = f'name = "x"\n[tables.t]\nkeys = ["id"]\ndeletes = "{deletes}"\n'
    with pytest.raises(ContractError, match="is not one of none, sweep, soft:<column>"):
        parse(text, "here")
