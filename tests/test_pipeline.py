"""The six notebooks, end to end: unmodified Glue kernel, real MySQL, real Spark, real SQL; and the
jobs that are made from them, beside them: they make the same warehouse, row by row.
"""

from __future__ import annotations

import io
import json
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from rich.console import Console

from etl_lib.errors import BadInput
from etl_lib.warehouse import Warehouse
from workbench import deployment, execution, parity, pipeline, runner, screen
from workbench.mysql import change, seed
from workbench.mysql.change import ChangeCounts
from workbench.mysql.server import Server, quoted
from workbench.parity import Pair
from workbench.preparation import prepare
from workbench.stack import DATABASE, Stack
from workbench.summary import Summary

from . import equality, news
from .equality import TABLES, assert_raw_equals_source
from .killing import killed_when

QUIET = Console(quiet=True)
LINES = quoted("order lines")


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, mysql_server: Server, spark_classes: None
) -> Iterator[Pair]:
    """A warehouse of the notebooks' and one of the jobs', on one source of 300 apartments; each
    has a local AWS of its own, which may be killed."""
    seed.create_tables(mysql_server, DATABASE)
    seed.seed(mysql_server, DATABASE, rows=300)
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("WORKBOOK_JVMS")  # here jobs have two, as they do for a user
        with parity.pair(tmp_path_factory.mktemp("pair"), mysql_server) as sides:
            yield sides


@pytest.fixture(scope="module")
def seeded(pair: Pair) -> Stack:
    """The notebooks' side."""
    return pair[0]


def run(stack: Stack, run_id: str = "", console: Console = QUIET) -> Summary:
    secret = stack.server.secret(DATABASE)
    prepared = prepare(stack, pipeline.CONTRACT, secret, "", run_id)
    return runner.run(stack, prepared, console)


def own() -> Warehouse:
    """That of the side which is active."""
    return Warehouse("rental-apartments", "dev", "")


def run_as_jobs(
    stack: Stack, contract: Path = pipeline.CONTRACT, database: str = DATABASE
) -> Summary:
    """A run that is not what is tested here: the state machine's jobs are quicker."""
    prepared = prepare(stack, contract, stack.server.secret(database), "", "")
    return execution.run(stack, prepared, QUIET)


@pytest.fixture(scope="module")
def first(pair: Pair) -> Summary:
    return parity.run_both(pair, QUIET)[0]


@pytest.fixture(scope="module")
def second(pair: Pair, first: Summary) -> Summary:
    return parity.run_both(pair, QUIET)[0]


def test_the_first_run_moves_everything(seeded: Stack, first: Summary) -> None:
    assert first.status == "SUCCEEDED", first.error
    assert first.total("extracted") == first.total("loaded") == first.total("source")
    assert_raw_equals_source(seeded)


def test_the_second_run_moves_nothing(seeded: Stack, first: Summary, second: Summary) -> None:
    assert second.status == "SUCCEEDED", second.error
    assert (second.total("extracted"), second.total("loaded")) == (0, 0)
    assert_raw_equals_source(seeded)
    halves = (f"SELECT COUNT(*) FROM {half}.bookings" for half in ("curated", "quarantine"))
    with seeded.active():
        assert sum(map(own().scalar, halves)) == first.tables["bookings"]["raw"]


def test_jobs_make_the_warehouse_that_notebooks_make(pair: Pair, second: Summary) -> None:
    """After a full load and a run without news: the rows, and what the ledger tells of them."""
    assert parity.differences(*pair) == []


def test_a_run_keeps_its_notebooks_its_summary_and_a_report(
    seeded: Stack, first: Summary, second: Summary
) -> None:
    moved = (seeded.home.runs / first.run_id / "report.html").read_text()
    assert moved.count('<svg role="img" aria-label="') == 7  # the indicators
    assert moved.count('<svg class="states') == 1
    folder = seeded.home.runs / second.run_id
    assert json.loads((folder / "summary.json").read_text())["status"] == "SUCCEEDED"
    page = (folder / "report.html").read_text()
    assert "SUCCEEDED" in page and "Nothing had changed: 5 tables were compared in" in page
    assert page.count('<svg role="img" aria-label="') == 0  # no indicator has changed
    assert "the last ten at most, here 1; they loaded" in page  # the first run
    pictures = 0
    for stage in runner.STAGES:
        notebook = nbformat.read(folder / f"{stage}.ipynb", as_version=4)
        outputs = [each for cell in notebook.cells for each in cell.get("outputs", ())]
        assert not [each for each in outputs if each.output_type == "error"]
        pictures += sum("image/png" in each.get("data", {}) for each in outputs)
    assert pictures >= 2


def shown(summary: Summary, stack: Stack) -> str:
    console = Console(file=io.StringIO(), width=80)
    screen.show(summary, stack, console)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def test_a_run_fits_on_one_screen_with_its_indicators(seeded: Stack, first: Summary) -> None:
    told = shown(first, seeded)
    for indicator in pipeline.read_contract(pipeline.CONTRACT).indicators:
        assert indicator.name.replace("_", " ") in told
    assert str(seeded.home.runs / first.run_id / "report.html") in told.replace("\n", "")
    for stage in first.stages:  # as the report has them, which rounds them so, too
        assert f"{stage.stage} {stage.seconds:.1f} s" in " ".join(told.split())


def test_a_run_that_moved_nothing_says_so_and_no_more(seeded: Stack, second: Summary) -> None:
    told = shown(second, seeded)
    assert told.startswith("Nothing had changed: 5 tables were compared in")
    assert len(told.splitlines()) <= 6


@pytest.fixture(scope="module")
def changed(seeded: Stack, second: Summary) -> tuple[ChangeCounts, Summary]:
    return change.change(seeded.server, DATABASE, share=0.02, seed=7), run(seeded)


def test_after_a_change_just_the_changed_rows_move_and_raw_equals_the_source(
    seeded: Stack, changed: tuple[ChangeCounts, Summary]
) -> None:
    counts, summary = changed
    assert summary.status == "SUCCEEDED", summary.error
    assert_raw_equals_source(seeded)
    for table in ("apartments", "apartment_viewings", "bookings"):
        changed = counts[table]
        assert summary.tables[table]["loaded"] <= changed.inserted + changed.updated, table
        assert summary.tables[table]["deleted"] == changed.deleted, table


def test_an_altered_job_is_seen(
    pair: Pair,
    changed: tuple[ChangeCounts, Summary],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = tmp_path / "stepfunctions"
    shutil.copytree(deployment.FOLDER, folder)
    script = folder / "jobs" / "04_load.py"
    assert "indicators.refresh(run)" in script.read_text()
    script.write_text(script.read_text().replace("indicators.refresh(run)", "pass"))
    monkeypatch.setattr(deployment, "FOLDER", folder)
    assert run_as_jobs(pair[1]).status == "SUCCEEDED"
    found = parity.differences(*pair)
    assert {each.table.partition(".")[0] for each in found} == {"presentation"}


@pytest.mark.drill  # test_drill.py dies there, too, in the jobs
def test_a_run_that_died_before_its_bookmark_is_repaired_from_the_ledger(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    change.change(seeded.server, DATABASE, share=0.02, seed=8)
    with monkeypatch.context() as patch:
        patch.setattr(runner, "STAGES", runner.STAGES[:4])
        died = run(seeded)
    assert died.tables["bookings"]["bookmark"] is None
    summary = run_as_jobs(seeded)
    assert summary.status == "SUCCEEDED", summary.error
    assert summary.total("extracted") == 0
    assert_raw_equals_source(seeded)


@pytest.mark.drill  # as above
def test_a_run_that_died_after_its_plan_has_its_windows_adopted(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    change.change(seeded.server, DATABASE, share=0.02, seed=9)
    with monkeypatch.context() as patch:
        patch.setattr(runner, "STAGES", runner.STAGES[:1])
        died = run(seeded)
    summary = run_as_jobs(seeded)
    assert summary.status == "SUCCEEDED", summary.error
    for table in TABLES:
        assert summary.tables[table]["high"] == died.tables[table]["high"]
    assert_raw_equals_source(seeded)


def test_an_interrupted_run_says_how_it_goes_on(
    seeded: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(runner, "_execute", interrupt)
        stopped = run(seeded)
    assert stopped.status == "FAILED" and stopped.stages[0].status == "FAILED"
    assert (
        stopped.error is not None and "Type `workbook run --via notebooks` again" in stopped.error
    )


def test_an_endpoint_killed_in_mid_run_fails_it_within_30_seconds_and_the_next_run_heals(
    seeded: Stack, changed: tuple[ChangeCounts, Summary]
) -> None:
    news.of_bookings(seeded.server)
    begun = seeded.home.runs / "doomed" / "03_transform.ipynb"
    said = io.StringIO()
    with killed_when(seeded, begun.exists) as killed:
        failed = run(seeded, run_id="doomed", console=Console(file=said, width=300))
        assert time.monotonic() - killed[0] < 30
    assert failed.status == "FAILED"
    assert failed.error is not None and failed.error.startswith(
        ("EndpointConnectionError", "ConnectionClosedError")
    )
    assert "start it with `workbook up`. Type `workbook run --via notebooks` again" in failed.error
    assert "could not be stopped" in said.getvalue() and ".py:" not in said.getvalue()
    with pytest.raises(BadInput, match="one of notebooks, which has nothing to redrive"):
        execution.known(seeded, "doomed")
    healed = run_as_jobs(seeded)
    assert healed.status == "SUCCEEDED", healed.error
    assert_raw_equals_source(seeded)


def loads(side: Stack) -> int:
    with side.active():
        return int(own().scalar("SELECT COUNT(*) FROM etl.ledger"))


@pytest.mark.drill  # test_quarantine.py sees it through the state machine
def test_too_many_bad_rows_stop_the_run_before_anything_is_loaded(seeded: Stack) -> None:
    before = loads(seeded)
    with seeded.server.cursor(DATABASE) as cursor:
        cursor.execute("UPDATE bookings SET booking_status = 'lost' ORDER BY booking_id LIMIT 500")
        cursor.execute("SELECT SLEEP(1)")
    failed = run(seeded)
    assert failed.status == "FAILED"
    assert failed.error is not None and failed.error.startswith("QuarantineLimit: table bookings")
    assert "500 of 500 rows break its rules (status_is_known: " in failed.error
    assert failed.exit_code == 1
    assert failed.stages[-1].stage == "03_transform"
    assert loads(seeded) == before
    with seeded.server.cursor(DATABASE) as cursor:
        cursor.execute(
            "UPDATE bookings SET booking_status = 'confirmed' WHERE booking_status = 'lost'"
        )
        cursor.execute("SELECT SLEEP(1)")
    healed = run_as_jobs(seeded)
    assert healed.status == "SUCCEEDED", healed.error
    run_as_jobs(seeded)
    assert_raw_equals_source(seeded)


def test_any_database_moves_with_the_contract_that_init_writes(pair: Pair, tmp_path: Path) -> None:
    from etl_lib.source import Source
    from workbench import init

    stack = pair[1]
    with stack.server.cursor() as cursor:
        cursor.execute("DROP DATABASE IF EXISTS shop")
        cursor.execute("CREATE DATABASE shop")
    with stack.server.cursor("shop") as cursor:
        cursor.execute(
            "CREATE TABLE orders (id INT UNSIGNED PRIMARY KEY, price DECIMAL(9,2), "
            "`Group` VARCHAR(20), colour ENUM('red','blue'), made YEAR, "
            "updated_at TIMESTAMP NOT NULL DEFAULT NOW() ON UPDATE NOW())"
        )
        cursor.execute(
            "INSERT INTO orders VALUES (1, 9.99, 'a\\nb', 'red', 2024, '2024-05-05 05:05:05'), "
            "(4294967295, NULL, NULL, NULL, NULL, '2024-05-06 05:05:05')"
        )
        cursor.execute(f"CREATE TABLE {LINES} (id INT, no INT, PRIMARY KEY (id, no))")
        cursor.execute(f"INSERT INTO {LINES} VALUES (1, 1), (1, 2)")
    secret = stack.server.secret("shop")
    path = tmp_path / "tables.toml"
    path.write_text(init.draft(Source.of(secret)).text)
    summary = run_as_jobs(stack, path, "shop")
    assert summary.status == "SUCCEEDED", summary.error
    for table in ("orders", "order lines"):
        columns = equality.columns_of(stack.server, "shop", table)
        of_source = equality.of_source(stack.server, "shop", table, columns)
        with stack.active():
            assert equality.of_raw(table, [name.lower() for name in columns]) == of_source


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("interrupted, and stopped: workbook redrive 7 goes on", "interrupted, and stopped"),
        (
            f"ValueError: bad: row 7\nGo on with it: workbook redrive 7\n{execution.AS_BEGUN}run",
            "ValueError: bad: row 7",
        ),
        ("EtlError: no room. Mend it.", "EtlError: no room. Mend it."),
    ],
)
def test_of_a_run_that_parity_throws_away_no_redrive_is_advised(error: str, told: str) -> None:
    assert parity.without_advice(error) == told
