"""The bench: what counts is equal to the source, what does not is told, the page is the code's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from etl_lib.errors import BadInput
from workbench.bench import peers, plot, report, tools, usage
from workbench.bench.digest import Digest, query
from workbench.bench.figures import LINES, number
from workbench.bench.job import FULL, INCREMENT, PHASES, Job
from workbench.bench.measures import RUN, Experiment, Measure, load
from workbench.bench.orders import Orders
from workbench.bench.ours import split
from workbench.bench.plan import Plan
from workbench.bench.rounds import measured, source_digest
from workbench.bench.sections import made_of
from workbench.bench.tool import PeerTool
from workbench.home import REPOSITORY
from workbench.mysql.server import Server

ROWS = 2_000


@pytest.fixture
def orders(mysql_server: Server) -> Orders:
    found = Orders(mysql_server, "bench_test")
    found.ready(ROWS)
    return found


def by_hand(orders: Orders, folder: Path) -> PeerTool:
    return PeerTool(peers.BY_HAND, Job(orders.server.secret(orders.database), folder))


@pytest.mark.drill  # a minute, and it is nothing that a run of the pipeline needs
def test_the_quick_bench_counts_our_line_and_those_that_need_no_installing(tmp_path: Path) -> None:
    page = report.DOCUMENT.read_bytes()
    environment = {**os.environ, "WORKBOOK_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "workbench.bench", "--quick"]
    ran = subprocess.run(
        command, env=environment, cwd=REPOSITORY, capture_output=True, text=True, timeout=280
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = load(tmp_path / "bench/last.json")["turns 20000"]
    assert not [each.wrong for each in found.measures if each.wrong]
    assert all(found.of(name, phase) for name in (RUN, "by-hand") for phase in PHASES)
    assert found.of("limit", FULL) and found.changed == {"updated": 200, "inserted": 20}
    run = found.of(RUN, FULL)[0]
    assert 0 < run.parts["movement"] < run.parts["execution"] < run.seconds
    assert {"JVM", "command", "server", "jobs"} <= set(run.at_peak)
    assert {"JVM", "jobs"} <= set(run.extracting)
    assert 0 < sum(run.extracting.values()) <= run.peak
    assert report.DOCUMENT.read_bytes() == page
    assert "Side by side: 20,000 rows" in ran.stdout
    assert {path.name for path in (tmp_path / "bench").iterdir()} == {"last.json", "mysql"}


def test_a_destination_that_is_not_the_source_does_not_count(
    orders: Orders, tmp_path: Path
) -> None:
    tool = by_hand(orders, tmp_path)
    wanted = source_digest(orders)
    assert measured(tool, FULL, 0, wanted).wrong == ""
    changes = (
        "UPDATE orders SET city = 'Wien' WHERE id = 7",
        "UPDATE orders SET note = '' WHERE id = 14",
        "UPDATE orders SET score = score + 0.001 WHERE id = 21",
        "UPDATE orders SET created_at = created_at + INTERVAL 1 MICROSECOND WHERE id = 28",
        "DELETE FROM orders WHERE id = 35",
    )
    for change in changes:
        with duckdb.connect(str(tool.job.destination)) as warehouse:
            warehouse.execute("BEGIN")
            warehouse.execute(change)
            row = warehouse.execute(query("duckdb", "orders")).fetchone()
            names = [column[0] for column in warehouse.description or []]
            warehouse.execute("ROLLBACK")
        assert row and wanted.differences(Digest.of(dict(zip(names, row, strict=True)))), change


def test_an_increment_is_moved_and_taken_back(orders: Orders, tmp_path: Path) -> None:
    """The next round finds the source as it was first made."""
    first = source_digest(orders)
    tool = by_hand(orders, tmp_path)
    assert not measured(tool, FULL, 0, first).wrong
    changed = orders.change(20, 1)
    assert (changed.updated, changed.inserted) == (20, 2)
    assert not measured(tool, INCREMENT, 0, source_digest(orders)).wrong
    orders.ready(ROWS)
    assert source_digest(orders) == first


def test_a_table_that_was_not_finished_is_made_anew(orders: Orders) -> None:
    first = source_digest(orders)
    with orders.server.cursor(orders.database) as cursor:
        cursor.execute("DELETE FROM orders WHERE id < 100")
        cursor.execute("ALTER TABLE orders COMMENT ''")
    orders.ready(ROWS)
    assert source_digest(orders) == first


def test_a_command_that_fails_does_not_count_and_says_why(orders: Orders, tmp_path: Path) -> None:
    tool = by_hand(orders, tmp_path)
    tool.job.destination.write_text("no database")
    measure = measured(tool, FULL, 0, source_digest(orders))
    assert "not a valid DuckDB database file" in measure.wrong and not measure.seconds


CHILD = """
import time
held = bytearray(60 << 20)
print(flush=True)
time.sleep(2)
sum(range(5_000_000))
"""
PARENT = f"""
import subprocess, sys, time
command = [sys.executable, "-c", {CHILD!r}]
for child in [subprocess.Popen(command, stdout=subprocess.PIPE) for _ in range(2)]:
    child.stdout.readline()
time.sleep(1)
"""


def test_memory_and_time_are_those_of_the_whole_tree(tmp_path: Path) -> None:
    """What two children use counts, also after their parent has left them behind."""
    used = usage.measure([sys.executable, "-c", PARENT], usage.plain(), tmp_path)
    assert 120 << 20 < used.peak < 250 << 20
    assert used.seconds > 1 and sum(used.cpu.values()) > 0.1


def test_a_peer_that_cannot_be_had_is_told_in_the_table_and_not_silently_left_out() -> None:
    experiment = Experiment("turns", ROWS, 1, {}, absent={"dlt": "ERROR: no matching distribution"})
    experiment.measures = [
        Measure(RUN, FULL, ROWS, 0, 9.0, parts={"movement": 4.0}),
        Measure("sling", FULL, ROWS, 0, 8.0),
        Measure("ingestr", FULL, ROWS, 0, wrong="rows 1,999 instead of 2,000"),
    ]
    section = made_of({experiment.key: experiment})[0]
    rows = {row[0]: row for row in section.rows}
    assert rows[peers.DLT.title][1] == "cannot be had"
    assert rows[peers.INGESTR.title][1] == "does not count"
    notes = "\n".join(section.notes)
    assert f"{peers.DLT.title} cannot be had on this machine: ERROR: no matching" in notes
    assert "ingestr, full, round 1: rows 1,999 instead of 2,000" in notes
    assert rows[peers.SLING.title][1:4] == ("8.0", "8.0–8.0", "2.00")
    assert peers.SPARK.title not in rows  # nobody asked for it


def test_a_run_that_started_and_then_failed_is_told_in_the_table_on_one_line() -> None:
    measures = [Measure(RUN, "cold", 0, 0, 9.0), Measure(RUN, FULL, ROWS, 0, wrong="exit 1:\nno")]
    experiment = Experiment("turns", ROWS, 1, {}, measures=measures)
    section = made_of({experiment.key: experiment})[0]
    assert [row[1] for row in section.rows] == ["does not count"] * 2
    assert "run, full, round 1: exit 1: no" in section.notes


def test_a_version_that_no_registry_has_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """pip is told to look nowhere."""
    (tmp_path / "dlt.txt").write_text("dlt==0.0.0\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setattr(tools, "PINS", tmp_path)
    monkeypatch.setattr(tools, "FOLDER", tmp_path / "tools")
    with pytest.raises(
        tools.NotInstalled, match=r"No matching distribution found for dlt==0\.0\.0"
    ):
        tools.environment("dlt")


def test_time_of_a_load_is_told_apart_by_what_its_statements_fill() -> None:
    statements = {
        'MERGE INTO "raw".orders USING tmp.orders__1 ON …': 1,
        "CREATE TABLE tmp.orders__1__good AS …": 10,
        "MERGE INTO curated.orders USING …": 100,
        "DELETE FROM presentation.orders_daily WHERE …": 1000,
        "SELECT COUNT(*) FROM curated.orders": 10_000,
    }
    subs = [{"QueryString": sql, "Duration": s * 10**9} for sql, s in statements.items()]
    assert split(subs) == (10_001.0, 1110.0)


@pytest.mark.parametrize(
    ("lines", "rows", "said"),
    [
        ("run", "many", "a comma list of numbers"),
        ("run", "10", "at least 1,000 rows"),
        ("run,airbyte", "1000000", "airbyte: known are run, limit"),
        ("", "1000000", "name some of run, limit"),
    ],
)
def test_what_cannot_be_measured_is_refused(lines: str, rows: str, said: str) -> None:
    with pytest.raises(BadInput, match=said):
        Plan.parse(lines, rows, rounds=1, memory=0)


def test_the_page_is_what_its_code_makes_of_its_figures() -> None:
    """Not so? python -m workbench.bench --redraw"""
    kept = load(report.FIGURES)
    assert report.DOCUMENT.read_text(encoding="utf-8") == report.document(kept)
    assert report.PICTURE.read_bytes() == plot.png(kept)


def test_the_page_has_every_line_at_every_size() -> None:
    """Those that could not be had, too."""
    kept = load(report.FIGURES)
    for section in made_of(kept):
        if section.title.startswith("Side by side"):
            assert [row[0] for row in section.rows] == [line.title for line in LINES]


def test_what_the_readme_says_of_the_peers_is_what_was_measured_last() -> None:
    found = load(REPOSITORY / "docs" / "benchmarks.json")["turns 5000000"]
    told = (REPOSITORY / "README.md").read_text(encoding="utf-8")
    full = {line.name: number(line.middle(found, FULL)) for line in LINES}
    more = {line.name: line.middle(found, INCREMENT) for line in LINES}
    others = sorted(more[name] or 0.0 for name in ("ingestr", "dlt", "spark", "sling"))
    rounds = {1: "one round", 3: "medians of three rounds"}[found.rounds]
    assert f"on {found.machine['date'].split()[0]}, {rounds}:" in told
    assert (
        f"5,000,000 rows to raw {full['movement']} s (ingestr {full['ingestr']}, "
        f"dlt {full['dlt']}, a Spark script {full['spark']}, Sling {full['sling']}), "
        f"all stages {full['whole']}; +1 % {number(more['movement'])} s "
        f"({number(others[0])} to {number(others[-1])})"
    ) in told
