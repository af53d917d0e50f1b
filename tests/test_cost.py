"""The arithmetic of `workbook plan --cost`, against figures worked out by hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from etl_lib.errors import BadInput
from workbench import pipeline
from workbench.plan import alternatives, cost, durations, machine
from workbench.plan.cost import Basis, Line
from workbench.plan.durations import Rate
from workbench.plan.prices import PRICES
from workbench.plan.windows import Forecast
from workbench.preparation import STAGES

CONTRACT = pipeline.read_contract(pipeline.CONTRACT)
WAVES, NAMES = pipeline.waves(CONTRACT), list(CONTRACT.tables)
SECONDS = dict(zip(STAGES, (120.0, 10.0, 90.0, 30.0, 5.0, 70.0), strict=True))
MEASURED = {stage: Rate(seconds, 0.0, runs=1) for stage, seconds in SECONDS.items()}


def basis(rows: dict[str, int], rates: dict[str, Rate], hours: float = 1.0) -> Basis:
    tables = [
        Forecast(name, "incremental", rows=count, row_bytes=100.0, size=1_000_000)
        for name, count in rows.items()
    ]
    idle = {table.table for table in tables if table.idle}
    return Basis(tables, machine.flow(WAVES, rows, idle), rates, cost.settings(), 8, hours)


def by_name(lines: list[Line]) -> dict[str, Line]:
    return {line.what: line for line in lines}


def test_six_job_runs_of_known_durations_cost_what_was_worked_out_by_hand() -> None:
    found = by_name(cost.lines(basis({"bookings": 1_000_000}, MEASURED)))
    # 2 workers of 1 DPU for 120 s and 90 s
    assert found["Glue, Spark"].run == pytest.approx(420 / 3600)
    assert found["Glue, Spark"].run_dollars == pytest.approx(0.0513333, abs=1e-6)
    # 1/16 DPU for three minutes, which are billed for 10 s, 30 s and 5 s, and 70 s
    assert found["Glue, Python shell"].run_dollars == pytest.approx(0.0019097, abs=1e-6)
    # 8 RPUs for 120 + 60 s of the table's jobs but the transform, and 60 + 60 + 70 s
    assert found["Redshift Serverless"].run == pytest.approx(8 * 370 / 3600)
    assert found["Redshift Serverless"].run_dollars == pytest.approx(0.3083333, abs=1e-6)
    # 6 states to the lease and the Maps, 1 wave, 3 jobs and 2 states that ask whether the table is
    # idle, 3 jobs, release, end; and the start
    assert found["Step Functions"].run == 18
    assert found["Step Functions"].run_dollars == pytest.approx(0.00045)
    # 100 MB raw and as much curated, 730 times
    assert found["S3, files kept"].month_dollars == pytest.approx(0.2 * 730 * 0.023)
    # 33 requests, and one more raw and curated file for each of two times 500,000 rows
    assert found["S3, PUT and LIST"].run == 33 + 4
    assert found["Secrets Manager"].month_dollars == pytest.approx(0.40)
    run, month = cost.total(list(found.values()))
    # 37 PUT, 65 GET, 12 units written, 4 read, 2 secrets, 2.08 MB of logs: 0.001269 together
    assert run == pytest.approx(0.0513333 + 0.0019097 + 0.3083333 + 0.00045 + 0.001269, abs=1e-6)
    kept = 0.2 * 730 * 0.023 + 0.002 * 0.024 + 0.40
    assert month == pytest.approx(730 * run + kept)


def test_five_tables_are_eighteen_job_runs_in_three_rounds() -> None:
    busy = basis(dict.fromkeys(NAMES, 1), MEASURED | {"01_extract": Rate(1.0, 0.0)})
    assert (busy.flow.tables, busy.flow.job_runs, busy.flow.transitions) == (5, 18, 39)
    assert busy.flow.rounds == dict.fromkeys(STAGES[:3], 3)
    found = by_name(cost.lines(busy))
    # 5 extracts of a minute, 5 transforms of 90 s
    assert found["Glue, Spark"].run == pytest.approx(2 * (5 * 60 + 5 * 90) / 3600)
    # 5 + 2 minutes and 70 s
    assert found["Glue, Python shell"].run == pytest.approx(0.0625 * (7 * 60 + 70) / 3600)
    # two rounds in the first wave, one in the second: 3 × (60 + 60) s and 60 + 60 + 70 s
    assert cost.redshift_seconds(busy) == pytest.approx(3 * 120 + 190)


def test_five_tables_without_news_are_eight_job_runs() -> None:
    idle = basis(dict.fromkeys(NAMES, 0), MEASURED)
    assert (idle.flow.tables, idle.flow.job_runs, idle.flow.transitions) == (5, 8, 34)
    assert idle.flow.rounds == {"01_extract": 3}
    found = by_name(cost.lines(idle))
    assert found["Glue, Spark"].run == pytest.approx(2 * 5 * 120 / 3600)
    assert found["Glue, Python shell"].run == pytest.approx(0.0625 * (2 * 60 + 70) / 3600)
    assert cost.redshift_seconds(idle) == pytest.approx(3 * 120 + 190)


def test_one_table_with_news_among_five_has_its_jobs_alone() -> None:
    one = basis({**dict.fromkeys(NAMES, 0), "bookings": 10}, MEASURED)
    assert (one.flow.job_runs, one.flow.transitions) == (10, 35)
    assert one.flow.each["02_raw_ingest"] == one.flow.each["03_transform"] == ["bookings"]
    assert one.flow.rounds == {"01_extract": 3, "02_raw_ingest": 1, "03_transform": 1}
    found = by_name(cost.lines(one))
    assert found["Glue, Spark"].run == pytest.approx(2 * (5 * 120 + 90) / 3600)
    assert found["Glue, Python shell"].run == pytest.approx(0.0625 * (3 * 60 + 70) / 3600)
    # what goes on while another table is extracted is added to it all the same
    assert cost.redshift_seconds(one) == pytest.approx(3 * 120 + 60 + 190)


def test_what_others_cost_a_month_is_what_was_worked_out_by_hand() -> None:
    daily = basis({"bookings": 1_000_000}, MEASURED, hours=24.0)
    dms = by_name(alternatives.dms(daily))
    assert dms["DMS, dms.t3.medium, one zone"].month_dollars == pytest.approx(54.385)
    applied = 8 * 60 / 3600 * 0.375 * 730 / 24
    assert dms["Redshift Serverless, a minute each time"].month_dollars == pytest.approx(applied)
    zero = by_name(alternatives.zero_etl(daily))
    writes = 2 * 1e8 * (730 / 24) / 4096
    line = zero["Aurora, I/O of the enhanced binlog"]
    assert line.month_dollars == pytest.approx(writes * 0.2 / 1e6)
    assert zero["Aurora, export of the first copy, once"].month_dollars == pytest.approx(1e-5)
    assert zero["zero-ETL"].month_dollars == 0
    assert alternatives.without_pause(daily) == pytest.approx(8 * 730 * 0.375)


def test_glue_6_has_a_price_of_its_own() -> None:
    old = basis({"bookings": 10}, MEASURED)
    newer = {
        stage: {**job, "GlueVersion": "6.0"} if "GlueVersion" in job else job
        for stage, job in cost.settings().items()
    }
    found = by_name(cost.lines(replace(old, jobs=newer)))
    assert found["Glue, Spark"].price is PRICES["glue 6"]
    assert found["Glue, Python shell"].price is PRICES["glue"]


COUNTS = st.lists(st.integers(0, 10**10), min_size=len(NAMES), max_size=len(NAMES))
RATES = st.builds(Rate, st.floats(0, 5000), st.floats(0, 0.01))


@given(COUNTS, COUNTS, st.fixed_dictionaries({stage: RATES for stage in STAGES}))
def test_no_line_falls_when_rows_grow_and_a_minute_is_billed_at_least(
    rows: list[int], more: list[int], rates: dict[str, Rate]
) -> None:
    few = basis(dict(zip(NAMES, rows, strict=True)), rates)
    many = basis({name: a + b for name, a, b in zip(NAMES, rows, more, strict=True)}, rates)
    for which in (cost.lines, alternatives.dms, alternatives.zero_etl):
        for less, greater in zip(which(few), which(many), strict=True):
            assert less.what == greater.what
            assert 0 <= less.run <= greater.run
            assert less.run * few.runs <= less.month * 1.000001
            assert less.month <= greater.month
    found = by_name(cost.lines(few))
    busy = sum(map(bool, rows))
    assert found["Glue, Spark"].run >= 2 * (5 + busy) / 60 * 0.999999
    assert found["Glue, Python shell"].run >= 0.0625 * (3 + busy) / 60 * 0.999999
    assert found["Redshift Serverless"].run >= 8 / 60


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1 hour", 1.0), ("15 minutes", 0.25), ("1 day", 24.0), ("rate(6 hours)", 6.0)],
)
def test_how_often_is_said_in_words(text: str, expected: float) -> None:
    assert cost.hours(text) == expected


@pytest.mark.parametrize("text", ["", "hourly", "0 hours", "-1 day", "1 fortnight"])
def test_how_often_that_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(BadInput, match="--every"):
        cost.hours(text)


def test_rates_are_those_of_the_runs_that_succeeded(tmp_path: Path) -> None:
    keep(tmp_path, "one", "SUCCEEDED", rows=0, seconds=2.0)
    keep(tmp_path, "two", "SUCCEEDED", rows=100_000, seconds=12.0)
    keep(tmp_path, "bad", "FAILED", rows=100_000, seconds=500.0)
    found = durations.rates(tmp_path)
    for stage in ("01_extract", "04_load"):
        # 2 s without rows, 10 s more for 100,000
        assert found[stage] == Rate(2.0, pytest.approx(0.0001), 2)
    assert found["02_raw_ingest"] == durations.fitted([])
    assert found["02_raw_ingest"].of(20_000) == pytest.approx(12.0)  # the stated guess


def test_few_rows_tell_no_rate() -> None:
    assert durations.fitted([(10, 1.0), (20, 90.0)]) == Rate(1.0, 1 / durations.ROWS_A_SECOND, 2)


def test_each_price_says_where_it_is_from() -> None:
    for price in PRICES.values():
        assert price.page.startswith("https://aws.amazon.com/") and "pricing" in price.page
        assert price.found in ("page", "quoted", "unverified")
        assert price.found == "unverified" or price.mark == price.seen


def keep(runs: Path, name: str, status: str, rows: int, seconds: float) -> None:
    table = {"extracted": rows, "stages": {"01_extract": {"seconds": seconds}}}
    stages = [{"stage": "04_load", "status": status, "seconds": seconds}]
    summary = {"status": status, "tables": {"t": table}, "stages": stages}
    (runs / name).mkdir()
    (runs / name / "summary.json").write_text(json.dumps(summary))
