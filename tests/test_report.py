"""The page that each run leaves: the verdict first, what moved, what failed, what to type next."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from markupsafe import Markup
from playwright.sync_api import Browser, Page, sync_playwright

from workbench import (
    graph,
    pace,
    pipeline,
    report,
    source_address,
    source_option,
    verdict,
)
from workbench.history import Visit
from workbench.home import REPOSITORY
from workbench.panels import Panel
from workbench.prerequisites import chromium
from workbench.summary import COUNTS, StageResult, Summary

BROWSER = chromium()
MOVED = {"extracted": 12, "loaded": 12, "deleted": 0, "quarantined": 2, "source": 12, "raw": 12}
WINDOW = {"mode": "incremental", "tier": "proven", "low": "2026-01-01 00:00:00.000000"}
STAGES = ("01_extract", "02_raw_ingest", "03_transform", "04_load", "05_bookmark", "06_finalize")


def table(**more: Any) -> dict[str, Any]:
    bare = {**dict.fromkeys(COUNTS), "why": "asked", "high": "2026-01-02 00:00:00.000000"}
    lists = {"drift": [], "changed": {}, "rules": {}, "expectations": [], "stages": {}}
    return {**bare, **lists, **WINDOW, "missing": 0, **more}


def ran(runs: Path, run_id: str, status: str = "SUCCEEDED", **more: Any) -> Summary:
    summary = Summary(
        run_id, str(pipeline.CONTRACT), f"2026-01-02 00:00:{len(run_id):02}", "state machine"
    )
    summary.status, summary.seconds = status, 30.0
    summary.tables = {"bookings": table(**MOVED)}
    summary.stages = [StageResult(stage, "SUCCEEDED", 5.0) for stage in STAGES]
    for name, value in more.items():
        setattr(summary, name, value)
    (runs / run_id).mkdir(parents=True, exist_ok=True)
    summary.write(runs / run_id)
    return summary


def failed(runs: Path, **more: Any) -> Summary:
    stages = [StageResult("01_extract", "SUCCEEDED", 2.0), StageResult("04_load", "FAILED", 1.0)]
    tables = {"bookings": table(extracted=12)}
    given = {"stages": stages, "tables": tables, "error": "RunFailed: <bad> & worse"}
    given |= {"counted": True, **more}
    return ran(runs, "broken", "FAILED", **given)


def page(runs: Path, summary: Summary, **shown: Any) -> str:
    folder = runs / summary.run_id
    return report.write(folder, summary.as_dict(), report.Shown(**shown)).read_text()


def headings(text: str) -> list[str]:
    return re.findall(r"<h[12]>(.*?)</h[12]>", text)


def test_the_verdict_stands_first_and_the_sections_follow_in_order(tmp_path: Path) -> None:
    found = headings(page(tmp_path, ran(tmp_path, "one")))
    assert found == [
        "12 rows of one table were loaded in 30.0 seconds; 2 were refused and set aside in "
        "quarantine.",
        "The states of this run",
        "What moved",
        "Windows and bookmarks",
        "Checks",
        "The indicators",
        "Drift",
        "How long it took",
        "What to type next",
    ]


def test_a_run_that_found_nothing_says_so(tmp_path: Path) -> None:
    nothing = {"one": table(**dict.fromkeys(MOVED, 0)), "two": table(**dict.fromkeys(MOVED, 0))}
    text = page(tmp_path, ran(tmp_path, "idle", tables=nothing))
    assert headings(text)[0] == (
        "Nothing had changed: 2 tables were compared in 30.0 seconds, no row was moved, "
        "none was refused."
    )
    assert "workbook replay" not in text


def test_rows_past_the_window_are_told_as_such_and_others_as_a_reason_to_look(
    tmp_path: Path,
) -> None:
    short = table(source=30, raw=10, later=20)
    text = page(tmp_path, ran(tmp_path, "hot", tables={"one": short}))
    assert "20 of the source" in text and "each once it rests" in text
    for counts in ({"later": 0}, {"later": 19}, {"raw": 40}):  # which explain nothing
        text = page(tmp_path, ran(tmp_path, "lost", tables={"one": {**short, **counts}}))
        assert "another run will not mend it" in text and "each once it rests" not in text, counts


def test_a_run_that_found_indicators_waiting_says_so(tmp_path: Path) -> None:
    nothing = {"one": table(**dict.fromkeys(MOVED, 0))}
    text = page(tmp_path, ran(tmp_path, "late", tables=nothing, stale=["bookings_weekly"]))
    assert headings(text)[0].endswith(
        "One indicator was computed anew, for rows that an earlier run had loaded."
    )


def test_a_failed_run_names_the_stage_the_error_and_the_command(tmp_path: Path) -> None:
    text = page(tmp_path, failed(tmp_path))
    assert headings(text)[:2] == [
        "The run failed in 04_load, after 30.0 seconds: nothing was loaded.",
        "What happened",
    ]
    assert "RunFailed: &lt;bad&gt; &amp; worse" in text and "<bad>" not in text
    assert text.index("<pre>workbook redrive broken</pre>") < text.index("The states of this run")
    assert "<title>04_load: FAILED</title>" in text
    assert "<title>01_extract: SUCCEEDED</title>" in text
    sign = re.search(r"<title>04_load: .*?</g>", text, re.DOTALL)
    assert sign and "✕" in sign[0]  # not by its colour alone
    assert "04_load FAILED; it failed in 04_load" in text  # for those who do not see the picture
    assert "not moved" in text and "The run did not come to its checks." in text


@pytest.mark.parametrize(
    ("more", "command"),
    [
        ({"via": "notebooks"}, "workbook run --via notebooks"),
        ({"contract": "/my shop/c.toml", "via": "notebooks"}, "workbook run --via notebooks "
         "--contract &#39;/my shop/c.toml&#39;"),
        ({"error": "LeaseHeld: by run x", "stages": [], "tables": {}}, "workbook run"),
        ({"error": "job 04_load FAILED: Fenced: a newer run has loaded it"}, "workbook run"),
        ({"error": "job 01_extract FAILED: SchemaDrift: columns differ"}, "workbook run"),
        ({"error": "job 03_transform FAILED: QuarantineLimit: 9 of 9 rows"}, "workbook run"),
        ({}, "workbook redrive broken"),
        ({"error": "BadInput: x", "asked": "--database &lt;x&gt;"},
         "workbook run --database &amp;lt;x&amp;gt;"),
        ({"via": "notebooks", "asked": "--source mysql://me@h:1/shop"},
         "workbook run --via notebooks --source mysql://me@h:1/shop"),
    ],
)  # fmt: skip
def test_the_command_is_the_one_that_goes_on(
    tmp_path: Path, more: dict[str, Any], command: str
) -> None:
    text = page(tmp_path, failed(tmp_path, **more))
    assert f"<dt><pre>{command}</pre></dt>" in text


def test_the_stage_that_failed_is_the_one_whose_job_did_not_one_that_was_stopped_with_it() -> None:
    stages = [
        {"stage": "01_extract", "status": "FAILED"},
        {"stage": "03_transform", "status": "FAILED"},
    ]
    run = {"error": "job x-03_transform FAILED: 01_extract", "stages": stages}
    assert verdict.failed_place(run) == "03_transform"
    assert verdict.failed_place({**run, "error": "a cause without a job"}) == "01_extract"
    first = {"stage": "01_extract", "status": "STOPPED"}
    assert verdict.failed_place({"error": None, "stages": [first, stages[1]]}) == "03_transform"
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    visits = [
        Visit("03_transform", moment, "a", moment, "FAILED", "States.TaskFailed"),
        Visit("01_extract", moment, "b", moment, "FAILED", "States.TaskFailed"),
    ]
    own = {"error": "job x-01_extract FAILED: no connection", "stages": stages}
    assert verdict.failed_place(own, visits) == "01_extract of b"


def test_what_was_loaded_before_a_failure_is_told_and_what_nobody_counted_too(
    tmp_path: Path,
) -> None:
    tables = {"bookings": table(loaded=3, deleted=0), "fx_rates": table()}
    some = failed(tmp_path, tables=tables).as_dict()
    assert "3 rows of one table were loaded before that, and they stay." in verdict.sentence(some)
    gone = failed(tmp_path, tables={}, counted=False).as_dict()
    assert "is safe, and was not counted" in verdict.sentence(gone)


def test_a_table_that_drifted_a_warning_and_a_changed_value_are_told(tmp_path: Path) -> None:
    stale = {"check": "freshness", "found": "9 days", "allowed": "36 hours", "state": "warning"}
    odd = table(
        **{**MOVED, "raw": 11},
        drift=["column note was added"],
        changed={"body": 4},
        rules={"stay_has_nights": 2},
        expectations=[stale],
    )
    checks = [{"check": "keys_are_unique.sql", "rows": 3, "healthy": False, "first": []}]
    text = page(tmp_path, ran(tmp_path, "odd", tables={"<bookings>": odd}, checks=checks))
    drift = text[text.index("<h2>Drift") :]
    assert "<td>&lt;bookings&gt;</td>" in drift and "column note was added" in drift
    warnings = text[text.index('class="warnings"') : text.index("The states of this run")]
    for told in ("9 days; the contract expects 36 hours", "finds 3 rows", "raw has 11"):
        assert told in warnings
    assert "4 values of body were changed" in text and "<td>stay_has_nights</td>" in text
    assert "No column of the source has changed" in page(tmp_path, ran(tmp_path, "plain"))


@pytest.mark.parametrize(
    ("first", "told"),
    [
        ((True, True), "This was the first run of each of these tables: there are no earlier"),
        ((False, True), "has changed since the last run. This was the first run of fx_rates"),
        ((False, False), "<p>No column of the source has changed since the last run.</p>"),
    ],
)
def test_of_a_first_run_nobody_says_that_no_column_has_changed(
    tmp_path: Path, first: tuple[bool, bool], told: str
) -> None:
    names = ("bookings", "fx_rates")
    tables = {name: table(first=new) for name, new in zip(names, first, strict=True)}
    text = page(tmp_path, ran(tmp_path, "one", tables=tables))
    assert told in text
    assert ("No column of the source" in text) == (first != (True, True))


def test_bookmarks_stand_before_and_after(tmp_path: Path) -> None:
    moved = {"05_bookmark": {"before": "2026-01-01 00:00:00", "after": "2026-01-02 07:00:00"}}
    text = page(tmp_path, ran(tmp_path, "one", tables={"bookings": table(**MOVED, stages=moved)}))
    row = text[text.index("<h2>Windows") :].partition("</table>")[0]
    assert re.findall(r'<td class="when">(.*?)</td>', row) == [
        "2026-01-01 00:00:00",
        "2026-01-02 00:00:00",
        "2026-01-01 00:00:00",
        "2026-01-02 07:00:00",
    ]


def test_stages_are_beside_the_median_of_the_last_ten_of_their_kind(tmp_path: Path) -> None:
    for number in range(1, 13):  # the first two are too old: 3 to 12 count
        name = "r" * number
        ran(tmp_path, name, stages=[StageResult("01_extract", "SUCCEEDED", float(number))])
    ran(tmp_path, "other", via="notebooks", seconds=1000.0)
    ran(tmp_path, "failed", "FAILED")
    ran(tmp_path, "another", contract="shop.toml")
    now = ran(tmp_path, "r" * 20).as_dict()
    ran(tmp_path, "later" * 9)
    found = pace.earlier(tmp_path, now)
    assert [len(each["run_id"]) for each in found] == list(range(12, 2, -1))
    lines = {each.name: (each.seconds, each.usual) for each in pace.paces(now, found)}
    assert lines["01_extract"] == (5.0, 7.5)
    assert lines["04_load"] == (5.0, None)
    assert lines[pace.WHOLE] == (30.0, 30.0)
    text = report.write(tmp_path / now["run_id"], now, report.Shown()).read_text()
    assert "here 10; they loaded 12 rows (median), this one 12" in text
    assert f"workbook runs diff {'r' * 12} {now['run_id']}" in text


def test_the_first_run_has_nothing_to_be_compared_with(tmp_path: Path) -> None:
    assert "there is nothing to compare with" in page(tmp_path, ran(tmp_path, "one"))


def test_a_plot_has_its_claim_and_an_indicator_without_one_says_why(tmp_path: Path) -> None:
    panels = [
        Panel("By week", "It rises", Markup('<svg role="img" aria-label="It rises"></svg>')),
        Panel("By month", rows=[{"month": "2026-01-01", "n": "<5>"}]),
        Panel("By day", told="It has no period yet, so there is nothing to draw."),
    ]
    text = page(tmp_path, ran(tmp_path, "one"), panels=panels)
    assert '<strong>It rises</strong><span class="soft">By week</span>' in text
    assert '<svg role="img" aria-label="It rises">' in text and "<td>&lt;5&gt;</td>" in text
    assert "<strong>By day</strong>" in text and "<p>It has no period yet" in text


def test_the_states_shown_are_the_way_to_success_and_what_was_entered() -> None:
    definition = json.loads((REPOSITORY / "stepfunctions/pipeline.asl.json").read_text())
    whole = graph.of(definition)
    shown = graph.part(whole, {"Tell of the failure"})
    assert set(shown.states) == {*whole.main, "Tell of the failure"} < set(whole.states)
    assert all({*arrow[:2]} <= set(shown.states) for arrow in shown.arrows)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if BROWSER is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        made = playwright.chromium.launch(
            executable_path=str(BROWSER), args=["--no-sandbox", "--disable-gpu"]
        )
        yield made
        made.close()


def opened(browser: Browser, path: Path, width: int, scheme: Any) -> tuple[Page, list[str]]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    shown, asked = context.new_page(), list[str]()
    shown.on("request", lambda request: asked.append(request.url))
    shown.goto(path.as_uri())
    return shown, asked


@pytest.mark.parametrize("status", ["SUCCEEDED", "FAILED"])
def test_at_a_phones_width_only_a_table_scrolls_and_nothing_is_fetched(
    tmp_path: Path, browser: Browser, status: str
) -> None:
    tables = {f"a_table_with_a_rather_long_name_{number}": table(**MOVED) for number in range(3)}
    error = "x" * 300 if status == "FAILED" else None
    summary = ran(tmp_path, "one", status, tables=tables, error=error)
    page(tmp_path, summary)
    shown, asked = opened(browser, tmp_path / "one" / "report.html", 390, "light")
    assert shown.evaluate("document.documentElement.scrollWidth") == 390
    scrolls = "[...document.querySelectorAll('.scroll')].filter(e => e.scrollWidth > e.clientWidth)"
    assert shown.evaluate(f"{scrolls}.length") >= 2
    assert len(asked) == 1


def test_text_can_be_read_in_the_dark_and_paper_is_light(tmp_path: Path, browser: Browser) -> None:
    page(tmp_path, ran(tmp_path, "one"))
    shown, _ = opened(browser, tmp_path / "one" / "report.html", 1280, "dark")
    colours = "(e => { const s = getComputedStyle(e); return [s.color, s.backgroundColor, "
    colours += "getComputedStyle(e.querySelector('svg text')).fill] })(document.body)"
    dark = ["rgb(228, 232, 237)", "rgb(20, 24, 29)", "rgb(228, 232, 237)"]
    assert shown.evaluate(colours) == dark
    shown.emulate_media(media="print")
    assert shown.evaluate(colours) == ["rgb(27, 27, 27)", "rgb(255, 255, 255)", "rgb(27, 27, 27)"]


SOURCE = {"host": "db.example.org", "port": 3306, "username": "me@work", "dbname": "my shop"}


def test_the_source_of_a_run_stands_in_its_report_as_it_is_typed_and_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(source_option.PASSWORD, "secret!")
    address = source_address.address({**SOURCE, "password": "secret!"})
    assert source_option.parse(address) == {**SOURCE, "engine": "mysql", "password": "secret!"}
    verified = {**SOURCE, "ssl": "verify-full", "ssl_ca": "/etc/ca.pem"}
    again = source_option.parse(source_address.address(verified))
    assert again == {**verified, "engine": "mysql", "password": "secret!"}
    asked = source_address.asked(SOURCE, None)
    text = page(tmp_path, ran(tmp_path, "one", source=address, asked=asked))
    assert (
        "<pre>workbook run --source mysql://me%40work@db.example.org:3306/my%20shop</pre>" in text
    )
    assert f"Source {address}." in text and source_option.PASSWORD in text
    assert "secret!" not in text
