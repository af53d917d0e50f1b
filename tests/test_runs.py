"""workbook runs: what has run, and what two runs did differently."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from typer.testing import CliRunner, Result

from etl_lib.errors import BadInput
from workbench import (
    deployment,
    execution,
    past,
    pipeline,
    published,
    run_commands,
    tables,
    verdict,
)
from workbench.cli import app
from workbench.home import Home
from workbench.stack import Stack
from workbench.summary import COUNTS, StageResult, Summary
from workbench.tables import Column

from .states import over


def ask(*words: str) -> Result:
    return CliRunner().invoke(app, ["runs", *words])


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
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


def test_the_newest_run_stands_first(kept: Home) -> None:
    said = ask().stdout
    assert said.index("20260102T000000Z") < said.index("20260101T000000Z")
    assert [run["rows_loaded"] for run in json.loads(ask("--json").stdout)] == [7, 100]
    assert "20260101T000000Z" not in ask("--last", "1").stdout


def test_what_two_runs_did_differently(kept: Home) -> None:
    found = json.loads(ask("diff", "20260101T000000Z", "20260102T000000Z", "--json").stdout)
    assert {each["at"]: (each["A"], each["B"]) for each in found} == {
        "orders: high": ("2026-01-01 00:00:00", "2026-01-02 00:00:00"),
        "orders: loaded": (100, 7),
        "orders: broke dirty": (None, 3),
    }
    assert "no difference" in ask("diff", "20260101T000000Z", "20260101T000000Z").stdout


@pytest.mark.parametrize("name", ["nobody", "../20260101T000000Z"])
def test_an_unknown_run_is_refused_by_name(kept: Home, name: str) -> None:
    result = ask("diff", "20260101T000000Z", name)
    assert result.exit_code and f"no run is named {name!r}" in str(result.exception)


def test_nothing_has_run_yet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORKBOOK_HOME", str(tmp_path / "empty"))
    assert "nothing has run yet" in ask().stdout


@pytest.fixture
def client(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Of the Step Functions API, where the state machine is; `workbook` looks there, too."""
    monkeypatch.setenv("WORKBOOK_HOME", str(stack.home.root))
    deployment.Deployment(stack.endpoint).apply(lambda text: None)
    return stack.endpoint.client("stepfunctions")


def started(client: Any, name: str, given: str) -> str:
    machine = client.list_state_machines()["stateMachines"][0]["stateMachineArn"]
    made = client.start_execution(stateMachineArn=machine, name=name, input=given)
    return str(made["executionArn"])


def listed(run_id: str) -> dict[str, Any]:
    found = json.loads(ask("--json").stdout)
    return next(run for run in found if run["run_id"] == run_id)


@pytest.fixture
def endless(client: Any, stack: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The client, where a run does not come to its end: stage 01 sleeps."""
    folder = tmp_path / "stepfunctions"
    shutil.copytree(deployment.FOLDER, folder)
    (folder / "jobs" / "01_extract.py").write_text("import time\ntime.sleep(600)\n")
    with monkeypatch.context() as patch:
        patch.setattr(deployment, "FOLDER", folder)
        deployment.Deployment(stack.endpoint).apply(lambda text: None)
    yield client
    deployment.Deployment(stack.endpoint).apply(lambda text: None)


def test_a_run_that_the_api_started_is_listed_as_it_goes_and_as_it_ended(
    stack: Stack, endless: Any
) -> None:
    arn = started(endless, "by-the-api", "{}")
    assert listed("by-the-api")["status"] == "RUNNING"
    over(endless, started(endless, "refused-meanwhile", "[]"), 60)
    assert "by-the-api RUNNING, begun" in CliRunner().invoke(app, ["status"]).stdout
    with pytest.raises(BadInput, match="is RUNNING: its report comes with its end"):
        past.report_again(stack, "by-the-api")
    endless.stop_execution(executionArn=arn)
    assert over(endless, arn, 60)["status"] == "ABORTED"
    found = listed("by-the-api")
    assert found["status"] == "ABORTED" and found["source"].startswith("mysql://etl@127.0.0.1:")
    assert found["contract"].endswith("etl_lib/tables.toml") and found["asked"] == ""
    assert "workbook redrive by-the-api" in found["error"]
    assert "refused-meanwhile FAILED in" in CliRunner().invoke(app, ["status"]).stdout


def test_a_run_of_another_name_is_one_with_the_run_that_it_goes_on_with(
    stack: Stack, client: Any
) -> None:
    over(client, started(client, "first-attempt", "[]"), 60)
    assert listed("first-attempt")["status"] == "FAILED"
    given = json.dumps({"run_id": "first-attempt", "tables": "none"})
    arn = started(client, "first-attempt-again-17", given)
    over(client, arn, 60)
    names = [run["run_id"] for run in json.loads(ask("--json").stdout)]
    assert "first-attempt-again-17" not in names and names.count("first-attempt") == 1
    assert "tables must be a list" in listed("first-attempt")["error"]


def test_an_execution_that_can_be_no_run_stops_neither_the_list_nor_a_redrive(
    stack: Stack, client: Any
) -> None:
    secret, s3 = stack.endpoint.client("secretsmanager"), stack.endpoint.client("s3")
    secret.create_secret(Name="a-list", SecretString="[1]")
    latin = "contract/latin/tables.toml"
    s3.put_object(
        Bucket=pipeline.BUCKET,
        Key=latin,
        Body="# caf\N{LATIN SMALL LETTER E WITH ACUTE}".encode("latin1"),
    )
    odd = {
        "..": {},
        "no-object": [],
        "empty-secret": {"source_secret": ""},
        "list-secret": {"source_secret": "a-list", "tables": "none"},
        "blank-bucket": {"contract": "s3://my bucket/x/tables.toml"},
        "no-key": {"contract": f"s3://{pipeline.BUCKET}/"},
        "half-address": {"contract": "s3://[x/tables.toml"},
        "not-utf-8": {"contract": f"s3://{pipeline.BUCKET}/{latin}"},
    }
    for name, given in odd.items():
        over(client, started(client, name, json.dumps(given)), 60)
    names = [run["run_id"] for run in json.loads(ask("--json").stdout)]
    assert ".." not in names and {*odd} - {".."} <= {*names}
    assert not (stack.home.root / "summary.json").exists()
    assert execution.known(stack, "no-object").source_secret == stack.target.secret


def test_a_run_that_nobody_here_started_is_known_by_the_contract_that_it_began_with(
    stack: Stack, client: Any
) -> None:
    text = pipeline.CONTRACT.read_text().replace('name = "rental_apartments"', 'name = "theirs"')
    key = "contract/theirs/tables.toml"
    stack.endpoint.client("s3").put_object(Bucket=pipeline.BUCKET, Key=key, Body=text.encode())
    given = {"contract": f"s3://{pipeline.BUCKET}/{key}", "tables": "none"}
    over(client, started(client, "theirs", json.dumps(given)), 60)
    found = execution.known(stack, "theirs")
    assert pipeline.read_contract(found.contract).name == "theirs"
    assert found.parsed is not None and found.parsed.name == "theirs"
    current = f"s3://{pipeline.BUCKET}/contract/current/tables.toml"
    assert published.address(stack, {}) == current  # the machine's own default
    again = verdict.run_again(found.summary("state machine").as_dict())
    assert again == f"workbook run --contract {found.contract}"


def test_a_report_is_made_again_from_what_the_run_left(stack: Stack, client: Any) -> None:
    over(client, started(client, "without-report", "[]"), 60)
    result = ask("report", "without-report")
    path = stack.home.runs / "without-report" / "report.html"
    assert result.exit_code == 0 and str(path) in result.stdout.replace("\n", "")
    page = path.read_text()
    assert "The run failed" in page and "BadInput" in page and "by state machine" in page
    assert ask("report", "nobody").exit_code


def test_a_run_whose_process_was_killed_is_no_longer_running(
    stack: Stack, client: Any, kept: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(place: Home, run_id: str, via: str) -> None:
        (place.runs / run_id).mkdir(parents=True)
        Summary(run_id, "tables.toml", "2026-01-03 00:00:00", via).write(place.runs / run_id)

    over(client, started(client, "killed-states", "[]"), 60)
    killed(stack.home, "killed-states", "state machine")
    monkeypatch.setenv("WORKBOOK_HOME", str(stack.home.root))
    assert past.one(stack.home, stack, "killed-states")["status"] == "FAILED"
    for via in ("state machine", "notebooks"):  # of a local AWS that does not run any more
        killed(kept, via.replace(" ", "-"), via)
    assert "workbook redrive state-machine" in past.one(kept, None, "state-machine")["error"]
    assert past.one(kept, None, "notebooks")["status"] == "ABORTED"
    with past.alive(kept.runs / "notebooks"):
        assert past.one(kept, None, "notebooks")["status"] == "RUNNING"


@pytest.mark.parametrize("width", [30, 60, 80, 200])
def test_a_table_leaves_columns_out_rather_than_to_cut_words(width: int) -> None:
    columns = [Column("run"), Column("rows", right=True), Column("via", 2), Column("when", 1)]
    rows = [["2825a70b-a85c-4d59", "1,000,000", "state machine", "2026-01-01 00:00:00\nUTC"]]
    console = Console(width=width, file=io.StringIO())
    console.print(tables.fitted(columns, rows, width))
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert "1,000,000" in said and "\N{HORIZONTAL ELLIPSIS}" not in said
    assert ("when" in said, "via" in said) == (width > 50, width > 70)
    assert ("2825a70b-a85c-4d59" in said) == (width > 35)  # a name is broken, no figure is


def test_what_does_not_fit_is_left_out_and_the_rest_stands_in_a_line_each(
    kept: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_commands.out, "width", 80)
    asked = ask()
    narrow = asked.stdout
    assert "no room here for" in asked.stderr and "source" in asked.stderr
    monkeypatch.setattr(run_commands.out, "width", 160)
    wide = ask().stdout
    for heading in ("run_id", "status", "loaded", "quarantined", "contract"):
        assert heading in narrow and heading in wide
    assert "tables.toml" in narrow and "via" not in narrow and "via" in wide
    assert len(narrow.strip().splitlines()) == 4
