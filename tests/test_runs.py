"""workbook runs: what has run, and what two runs did differently."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from workbench.cli import app
from workbench.home import Home
from workbench.summary import COUNTS, StageResult, Summary


def ask(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "100"}).invoke(app, ["runs", *words])


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path))
    made = Home.find()
    _ran(made, "20260101T000000Z", loaded=100, high="2026-01-01 00:00:00")
    _ran(made, "20260102T000000Z", loaded=7, high="2026-01-02 00:00:00", rules={"dirty": 3})
    return made


def _ran(home: Home, run_id: str, loaded: int, high: str, **more: Any) -> None:
    table = {**dict.fromkeys(COUNTS, 0), "loaded": loaded, "mode": "incremental", "high": high}
    summary = Summary(run_id, "tables.toml", run_id, "state machine", "SUCCEEDED", 3.0)
    summary.stages = [StageResult("01_extract", "SUCCEEDED", 1.0)]
    summary.tables = {"orders": {**table, **more}}
    folder = home.runs / run_id
    folder.mkdir(parents=True)
    summary.write(folder)


def test_the_newest_run_stands_first(home: Home) -> None:
    said = ask().stdout
    assert said.index("20260102T000000Z") < said.index("20260101T000000Z")
    assert [run["rows_loaded"] for run in json.loads(ask("--json").stdout)] == [7, 100]
    assert "20260101T000000Z" not in ask("--last", "1").stdout


def test_what_two_runs_did_differently(home: Home) -> None:
    found = json.loads(ask("diff", "20260101T000000Z", "20260102T000000Z", "--json").stdout)
    assert {each["at"]: (each["A"], each["B"]) for each in found} == {
        "orders: high": ("2026-01-01 00:00:00", "2026-01-02 00:00:00"),
        "orders: loaded": (100, 7),
        "orders: broke dirty": (None, 3),
    }
    assert "no difference" in ask("diff", "20260101T000000Z", "20260101T000000Z").stdout


@pytest.mark.parametrize("name", ["nobody", "../20260101T000000Z"])
def test_an_unknown_run_is_refused_by_name(home: Home, name: str) -> None:
    result = ask("diff", "20260101T000000Z", name)
    assert result.exit_code and f"no run is named {name!r}" in str(result.exception)


def test_nothing_has_run_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / "empty"))
    assert "nothing has run yet" in ask().stdout
