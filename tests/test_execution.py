"""`workbook run` as a state machine: jobs do what notebooks do, and a failure is a failure."""

from __future__ import annotations

import io
import json
import re
import shutil
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from etl_lib.errors import BadInput
from workbench import (
    deployment,
    execution,
    executions,
    history,
    outcome,
    past,
    pipeline,
    preparation,
    scheduling,
    screen,
    verdict,
)
from workbench.home import REPOSITORY
from workbench.mysql import seed
from workbench.plan.outlook import look
from workbench.plan.screen import show_plan
from workbench.preparation import STAGES, Prepared, prepare
from workbench.stack import DATABASE, Stack
from workbench.summary import Summary

from . import news
from .consoles import get, let_in
from .emptied import emptied
from .equality import assert_raw_equals_source
from .killing import killed_when
from .states import over, types, until

QUIET = Console(quiet=True)
# Between the transaction of a table and what the stage publishes of it.
DIES_BEFORE_ITS_RESULT = """
import os
from etl_lib import ledger

entry = ledger.entry
ledger.entry = lambda run, table: os._exit(7) if table == "bookings" else entry(run, table)
loaded = load.load(run)
"""


@pytest.fixture(scope="module")
def own(stack: Stack) -> Stack:
    """An empty warehouse, against a database of 300 apartments."""
    seed.seed(stack.server, DATABASE, rows=300)
    return emptied(stack)


def prepared(own: Stack, tables: str = "", run_id: str = "") -> Prepared:
    return prepare(own, pipeline.CONTRACT, own.server.secret(DATABASE), tables, run_id)


def run(own: Stack, tables: str = "", run_id: str = "") -> Summary:
    return execution.run(own, prepared(own, tables, run_id), QUIET)


def job_runs(own: Stack) -> list[dict[str, Any]]:
    glue = own.endpoint.client("glue")
    names = [job["Name"] for job in glue.get_jobs()["Jobs"]]
    return [each for name in names for each in glue.get_job_runs(JobName=name)["JobRuns"]]


@pytest.fixture(scope="module")
def moved(own: Stack) -> Summary:
    """The first run. What comes after it finds nothing to move."""
    return run(own)


def test_a_run_goes_through_every_state_and_moves_everything(own: Stack, moved: Summary) -> None:
    summary = moved
    assert summary.status == "SUCCEEDED", summary.error
    assert [stage.stage for stage in summary.stages] == list(STAGES)
    assert summary.total("loaded") == summary.total("source") > 0
    assert_raw_equals_source(own)
    report = (own.home.runs / summary.run_id / "report.html").read_text()
    assert "by state machine" in report and "; it failed in" not in report
    assert report.count('<svg role="img" aria-label="') == 7  # the indicators
    assert report.count('<svg class="states') == 1
    again = run(own, "bookings,apartments")
    assert again.status == "SUCCEEDED" and again.total("extracted") == 0
    assert set(again.tables) == {"bookings", "apartments"}
    idle = (own.home.runs / again.run_id / "report.html").read_text()
    assert "No row was moved, so they are not drawn anew" in idle
    # What has no news costs no job of 02 and 03.
    assert [stage.stage for stage in again.stages] == [STAGES[0], *STAGES[3:]]


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        ('{"tabels": []}', "unknown fields: tabels"),
        ('{"tables": "bookings"}', "tables must be a list"),
        ('{"tables": ["bokings"]}', "The contract has no table bokings"),
        ('{"tables": [null]}', "tables must be a list"),
        ('{"tables": ["bookings", 7]}', "tables must be a list"),
        ('{"contract": "s3://nobucket/x/tables.toml"}', "No list of tables"),
        ('{"contract": "/etc/tables.toml"}', "contract must be the address"),
        ('{"contract": "s3://rental-apartments-etl/none/tables.toml"}', "No list of tables"),
        ('{"run_id": "../x"}', "run_id must be the name"),
        ('{"source_secret": ""}', "source_secret must be"),
        ("[]", "not an object"),
    ],
)
def test_bad_input_is_refused_by_the_first_states(own: Stack, given: str, cause: str) -> None:
    client = own.endpoint.client("stepfunctions")
    machine = deployment.Deployment(own.endpoint).apply(lambda text: None)
    before = len(job_runs(own))
    arn = client.start_execution(stateMachineArn=machine, input=given)["executionArn"]
    done = finished(client, arn)
    assert (done["status"], done["error"]) == ("FAILED", "BadInput")
    assert cause in done["cause"]
    assert len(job_runs(own)) == before


def finished(client: Any, arn: str) -> dict[str, Any]:
    found: dict[str, Any] = over(client, arn, 300)
    return found


def running(own: Stack, stage: str) -> list[dict[str, Any]]:
    """Waits for a job run of a stage; it and its like."""
    seen: list[dict[str, Any]] = until(lambda: _running(own, stage), 120)
    return seen


def _running(own: Stack, stage: str) -> list[dict[str, Any]]:
    return [each for each in _runs(own, stage) if each["JobRunState"] == "RUNNING"]


@pytest.fixture
def broken(own: Stack, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Deploys stage 04, or another, with a script of the test's."""
    folder = tmp_path / "stepfunctions"
    shutil.copytree(deployment.FOLDER, folder)

    def deploy(script: str, stage: str = "04_load") -> None:
        (folder / "jobs" / f"{stage}.py").write_text(script)
        monkeypatch.setattr(deployment, "FOLDER", folder)

    return deploy


@pytest.mark.parametrize(
    ("script", "error"),
    [
        ("raise ValueError('bad row 7')", "ValueError: bad row 7"),
        # test_glue_jobs.py has every way in which a job can end
        pytest.param("import sys; sys.exit(3)", "exit code 3", marks=pytest.mark.drill),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by signal 9 (SIGKILL)"),
    ],
)
def test_a_job_that_fails_fails_the_run_releases_the_lease_and_is_told_of(
    own: Stack, moved: Summary, broken: Any, script: str, error: str
) -> None:
    broken(script)
    summary = run(own)
    assert summary.status == "FAILED" and summary.exit_code == 1
    assert summary.error is not None and error in summary.error
    assert [(stage.stage, stage.status) for stage in summary.stages] == [
        ("01_extract", "SUCCEEDED"),  # which found nothing to move
        ("04_load", "FAILED"),
    ]
    page = (own.home.runs / summary.run_id / "report.html").read_text()
    assert "The run failed in 04_load, after" in page and "; it failed in 04_load" in page
    assert f"<pre>workbook redrive {summary.run_id}</pre>" in page
    with own.active():
        s3, dynamodb = own.endpoint.client("s3"), own.endpoint.client("dynamodb")
        failed = s3.get_object(Bucket=pipeline.BUCKET, Key=f"runs/{summary.run_id}/failed.json")
        assert summary.run_id in failed["Body"].read().decode()
        lease = {"table": {"S": "lease/rental_apartments"}}
        assert "Item" not in dynamodb.get_item(TableName=pipeline.BOOKMARKS, Key=lease)
    assert not [each for each in job_runs(own) if each["JobRunState"] in ("STARTING", "RUNNING")]


def test_a_run_that_dies_before_the_indicators_says_so_and_the_next_computes_and_shows_them(
    own: Stack, moved: Summary, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    news.of_bookings(own.server)
    load = (deployment.FOLDER / "jobs" / "04_load.py").read_text()
    dies = load.replace("loaded = load.load(run)", DIES_BEFORE_ITS_RESULT)
    assert dies != load
    with monkeypatch.context():
        broken(dies)
        failed = run(own)
    assert failed.status == "FAILED" and "04_load" not in failed.tables["bookings"]["stages"]
    assert failed.counted and failed.tables["bookings"]["loaded"] > 0  # as the ledger has it
    (own.home.runs / failed.run_id / "summary.json").unlink()  # as of a run of a schedule
    seen = past.one(own.home, own, failed.run_id)
    assert seen["counted"] and seen["rows_loaded"] == failed.total("loaded")
    assert seen["still_stale"] == failed.still_stale
    touched = [each.name for each in pipeline.read_contract(pipeline.CONTRACT).indicators]
    assert set(failed.still_stale) <= set(touched) and len(failed.still_stale) > 1
    waiting = (
        f"Indicators that were not computed since the last load: {', '.join(failed.still_stale)}"
    )
    assert waiting in shown(own, failed) and waiting in report_of(own, failed)
    monkeypatch.setattr(deployment, "FOLDER", REPOSITORY / "stepfunctions")
    found = look(own, pipeline.CONTRACT, own.server.secret(DATABASE), [])
    assert found.stale == failed.still_stale and not any(each.rows for each in found.tables)
    told = Console(file=io.StringIO(), width=200)
    show_plan(found, told)
    assert "to be computed anew" in told.file.getvalue()  # type: ignore[attr-defined]

    healed = run(own)
    assert healed.status == "SUCCEEDED" and not healed.moved and not healed.still_stale
    assert healed.stale == failed.still_stale
    sentence = f"{len(healed.stale)} indicators were computed anew"
    assert sentence in shown(own, healed) and sentence in report_of(own, healed)
    assert report_of(own, healed).count('<svg role="img" aria-label="') == len(touched)
    assert look(own, pipeline.CONTRACT, own.server.secret(DATABASE), []).stale == []
    before = len(job_runs(own))
    with pytest.raises(BadInput, match=r"overtaken: table \w+ is run .* Type `workbook run`"):
        execution.redrive(own, execution.known(own, failed.run_id), QUIET)
    assert len(job_runs(own)) == before  # nothing was begun


def shown(own: Stack, summary: Summary) -> str:
    console = Console(file=io.StringIO(), width=200)
    screen.show(summary, own, console)
    return str(console.file.getvalue())  # type: ignore[attr-defined]


def report_of(own: Stack, summary: Summary) -> str:
    return (own.home.runs / summary.run_id / "report.html").read_text()


def test_a_table_that_was_stopped_as_another_failed_is_told_as_stopped(
    own: Stack, broken: Any
) -> None:
    script = """import sys, time
time.sleep(60 if "apartments" in sys.argv else 2)
raise ValueError("no bookings today")
"""
    broken(script, "01_extract")
    said = io.StringIO()
    summary = execution.run(own, prepared(own, "apartments,bookings"), Console(file=said))
    deployment.Deployment(own.endpoint).apply(lambda text: None)
    assert summary.status == "FAILED" and "no bookings today" in str(summary.error)
    assert summary.failed_in == "01_extract of bookings"
    told = [line.split() for line in said.getvalue().splitlines() if line.startswith("01_extract")]
    assert [line[1:3] for line in told] == [["bookings", "FAILED"], ["apartments", "STOPPED"]]
    assert [(each.stage, each.status) for each in summary.stages] == [("01_extract", "FAILED")]
    stopped = {each["JobRunState"] for each in job_runs(own) if each["JobName"].endswith("extract")}
    assert "STOPPED" in stopped
    page = (own.home.runs / summary.run_id / "report.html").read_text()
    assert "The run failed in 01_extract of bookings, after" in page


def test_a_run_that_was_redriven_to_its_end_is_not_redriven_again(own: Stack, broken: Any) -> None:
    """Its first execution stays FAILED for ever; the one that went on with it counts."""
    broken("raise ValueError('bad row 7')")
    assert run(own, run_id="twice").status == "FAILED"
    broken((REPOSITORY / "stepfunctions" / "jobs" / "04_load.py").read_text())
    deployment.Deployment(own.endpoint).apply(lambda text: None)
    said = io.StringIO()
    healed = execution.redrive(own, execution.known(own, "twice"), Console(file=said, width=200))
    assert (healed.status, healed.run_id) == ("SUCCEEDED", "twice")
    newest = executions.newest(own, "twice")
    assert newest is not None and re.search(r":twice-again-20\d{6}T\d{6}Z$", newest.arn)
    assert newest.arn.rpartition(":")[2] in said.getvalue()
    assert [run["run_id"] for run in past.runs(own.home, own, 50)].count("twice") == 1
    with pytest.raises(BadInput, match="run twice is SUCCEEDED: nothing to redrive"):
        execution.redrive(own, execution.known(own, "twice"), QUIET)


def test_a_job_run_that_somebody_stops_fails_the_run_by_name(own: Stack, broken: Any) -> None:
    broken("import time; time.sleep(60)")

    def stop() -> None:
        own.endpoint.client("glue").batch_stop_job_run(
            JobName=f"{deployment.PREFIX}04_load", JobRunIds=[running(own, "04_load")[0]["Id"]]
        )

    threading.Thread(target=stop, daemon=True).start()
    summary = run(own)
    assert summary.status == "FAILED"
    assert summary.error is not None and "STOPPED" in summary.error


def test_an_interrupted_run_stops_and_goes_on_under_its_name_only_by_a_redrive(
    own: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(execution, "_tell", interrupt)
        stopped = run(own, run_id="interrupted")
    assert stopped.status == "FAILED" and stopped.error is not None
    assert "workbook redrive interrupted" in stopped.error
    client = own.endpoint.client("stepfunctions")
    arn = execution.execution_arn("interrupted")
    assert finished(client, arn)["status"] == "ABORTED"
    with pytest.raises(BadInput, match="Go on with it: workbook redrive interrupted"):
        run(own, run_id="interrupted")
    said = io.StringIO()
    console = Console(file=said, width=200)
    healed = execution.redrive(own, execution.known(own, "interrupted"), console)
    assert healed.status == "SUCCEEDED", healed.error
    assert "06_finalize" in said.getvalue() and "FAILED" not in said.getvalue()
    assert {stage.status for stage in healed.stages} == {"SUCCEEDED"}
    assert past.one(own.home, own, "interrupted")["seconds"] == healed.seconds
    seconds = f"{history.seconds(execution.events(client, arn)):.1f} s"
    assert f"<dd>{seconds}</dd>" in get(let_in(own.home), "/executions/interrupted").text
    assert f'<td class="n">{seconds}</td>' in get(let_in(own.home), "/executions/").text
    page = (own.home.runs / "interrupted" / "report.html").read_text()
    assert "\N{BALLOT X}" not in page  # no state is drawn as failed


def test_a_warehouse_that_cannot_be_asked_is_told_and_nothing_is_claimed_of_it(
    own: Stack, moved: Summary
) -> None:
    failed = replace(moved, status="FAILED", error="job 04_load FAILED", failed_in="04_load")
    elsewhere = replace(own, target=replace(own.target, database="nobody_s"))
    with own.active():
        outcome.gather(failed, elsewhere, pipeline.read_contract(pipeline.CONTRACT))
    assert failed.error is not None and "could not be asked what the run has loaded" in failed.error
    assert "nobody_s" in failed.error and not failed.counted
    assert "was not counted" in verdict.sentence(failed.as_dict(), "04_load")


def test_a_statement_of_a_failed_run_that_is_still_at_work_is_told(
    own: Stack, moved: Summary
) -> None:
    failed = replace(moved, run_id="at-work", status="FAILED", error="stopped", failed_in="04_load")
    client = own.endpoint.client("redshift-data")
    long = "SELECT COUNT(*) FROM etl.ledger a, svv_columns b, svv_columns c, svv_columns d"
    identity = client.execute_statement(
        WorkgroupName=own.target.workgroup,
        Database=own.target.database,
        Sql=f"{long}, svv_columns e, svv_columns f WHERE b.column_name || f.column_name = 'x'",
        StatementName="at-work: load bookings",
    )["Id"]
    with own.active():
        final = outcome.gather(failed, own, pipeline.read_contract(pipeline.CONTRACT), patience=0.3)
    client.cancel_statement(Id=identity)
    assert not final and not failed.counted
    assert failed.error is not None and "still" in failed.error


def test_what_a_run_advises_can_be_typed_in_any_folder(
    own: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(pipeline.CONTRACT.parent)
    found = prepare(own, Path("../etl_lib/tables.toml"), None, "", "")
    assert found.contract == pipeline.CONTRACT


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_a_job_without_its_script_fails_the_run_by_name(
    own: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = deployment.Deployment._put_job

    def lost(self: Any, stem: str, job: Any, library: str) -> bool:
        key = f"jobs/{stem}.py"
        self.endpoint.client("s3").delete_object(Bucket=pipeline.BUCKET, Key=key)
        return put(self, stem, job, library)

    monkeypatch.setattr(deployment.Deployment, "_put_job", lost)
    summary = run(own)
    assert summary.status == "FAILED"
    assert summary.error is not None and "jobs/01_extract.py does not exist" in summary.error


def test_a_run_that_handled_its_failure_goes_on_under_its_name(
    own: Stack, broken: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    news.of_bookings(own.server)
    folder = deployment.FOLDER
    broken("raise ValueError('not today')")
    failed = run(own)
    assert failed.status == "FAILED"
    monkeypatch.setattr(deployment, "FOLDER", folder)
    deployment.Deployment(own.endpoint).apply(lambda text: None)
    healed = execution.redrive(own, execution.known(own, failed.run_id), QUIET)
    assert healed.status == "SUCCEEDED", healed.error
    assert healed.run_id == failed.run_id
    assert_raw_equals_source(own)


def test_two_runs_at_once_are_one_run_and_one_clear_error(own: Stack) -> None:
    client = own.endpoint.client("stepfunctions")
    machine = deployment.Deployment(own.endpoint).apply(lambda text: None)
    first = client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    until(lambda: "MapStateEntered" in types(client, first), 60)
    second = client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    held = finished(client, second)
    assert held["error"] == "LeaseHeld" and held["cause"].startswith("Run ")
    name = first.rpartition(":")[2]  # nor does it help to give oneself for the run that holds it
    again = client.start_execution(stateMachineArn=machine, input=json.dumps({"run_id": name}))
    assert finished(client, again["executionArn"])["error"] == "LeaseHeld"
    assert finished(client, first)["status"] == "SUCCEEDED"


def test_a_stopped_execution_stops_its_jobs_and_its_lease_does_not_block_the_next(
    own: Stack,
) -> None:
    client = own.endpoint.client("stepfunctions")
    machine = deployment.Deployment(own.endpoint).apply(lambda text: None)
    arn = client.start_execution(stateMachineArn=machine, input="{}")["executionArn"]
    running(own, "01_extract")
    client.stop_execution(executionArn=arn)
    assert finished(client, arn)["status"] == "ABORTED"
    until(lambda: not [e for e in job_runs(own) if e["JobRunState"] in ("RUNNING", "STOPPING")])
    after = run(own)
    assert after.status == "SUCCEEDED", after.error


def test_an_execution_that_nobody_here_started_can_be_redriven(own: Stack) -> None:
    client = own.endpoint.client("stepfunctions")
    machine = deployment.Deployment(own.endpoint).apply(lambda text: None)
    arn = client.start_execution(stateMachineArn=machine, input="{}", name="foreign")
    client.stop_execution(executionArn=arn["executionArn"])
    assert finished(client, arn["executionArn"])["status"] == "ABORTED"
    healed = execution.redrive(own, execution.known(own, "foreign"), QUIET)
    assert healed.status == "SUCCEEDED", healed.error


def test_a_killed_local_aws_fails_the_run_and_a_redrive_completes_it(own: Stack) -> None:
    news.of_bookings(own.server)
    assert _runs(own, "03_transform")
    given = prepared(own, run_id="killed")
    with killed_when(own, lambda: _running(own, "03_transform")) as killed:
        failed = execution.run(own, given, QUIET)
    assert killed and failed.status == "FAILED"
    assert failed.error is not None and "workbook redrive killed" in failed.error
    healed = execution.redrive(own, execution.known(own, "killed"), QUIET)
    assert healed.status == "SUCCEEDED", healed.error
    assert_raw_equals_source(own)


def _runs(own: Stack, stage: str) -> list[dict[str, Any]]:
    glue = own.endpoint.client("glue")
    name = f"{deployment.PREFIX}{stage}"
    found: list[dict[str, Any]] = glue.get_job_runs(JobName=name)["JobRuns"]
    return found


def test_a_schedule_that_is_none_is_bad_input_and_an_example_is_given(own: Stack) -> None:
    with pytest.raises(BadInput, match=r"'hourly' is not.*rate\(1 hour\)"):
        scheduling.put(own, "hourly", lambda text: None)
    assert scheduling.current(own) is None


@pytest.mark.parametrize(
    ("expression", "hint"),
    [
        ("rate(5 minutes)", ""),
        ("rate(1 hour)", '\nTo wait for the full hour: "cron(0 * * * ? *)"'),
        ("rate(2 hours)", ""),
        ("rate(1 day)", '\nTo wait for midnight: "cron(0 0 * * ? *)"'),
    ],
)
def test_a_rate_says_when_it_begins_and_what_begins_at_full_hours(
    expression: str, hint: str
) -> None:
    assert scheduling.with_first("set", expression, "first: now") == f"set;\nfirst: now{hint}"
    assert scheduling.with_first("set", "cron(0 5 * * ? *)", "first: now") == "set"


def test_a_schedule_runs_it_unattended(own: Stack) -> None:
    client = own.endpoint.client("stepfunctions")
    machine = deployment.Deployment(own.endpoint).apply(lambda text: None)
    before = {e["executionArn"] for e in _executions(client, machine)}
    told = scheduling.put(own, "rate(1 minute)", lambda text: None)
    try:
        assert told.endswith(", by the sample's contract, on its database;\nthe first begins now")
        assert scheduling.current(own) == "rate(1 minute)"
        deadline = time.monotonic() + 90
        new: set[str] = set()
        while not new and time.monotonic() < deadline:
            time.sleep(0.2)
            new = {e["executionArn"] for e in _executions(client, machine)} - before
        arn = new.pop()
        assert finished(client, arn)["status"] == "SUCCEEDED"
        scheduled = past.one(own.home, own, arn.rpartition(":")[2])
        assert scheduled["status"] == "SUCCEEDED" and set(scheduled["tables"])
        page = past.report_again(own, scheduled["run_id"]).read_text()
        assert "Nothing had changed: 5 tables were compared in" in page
        changed = scheduling.put(own, "rate(2 hours)", lambda text: None)
        assert "counted from 20" in changed and "begins now" not in changed
        assert "first" not in scheduling.put(own, "cron(0 5 * * ? *)", lambda text: None)
        given = preparation.standing(own, pipeline.CONTRACT, own.server.secret(DATABASE))
        told = scheduling.put(own, "cron(0 6 * * ? *)", lambda text: None, given)
        assert "by this contract as it is now" in told
        kept = own.endpoint.client("scheduler").get_schedule(Name=scheduling.NAME)
        assert json.loads(kept["Target"]["Input"]) == given
        assert given["contract"] == own.pipeline.publish(pipeline.CONTRACT)
    finally:
        assert scheduling.remove(own)
    assert scheduling.current(own) is None


def _executions(client: Any, machine: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = client.list_executions(stateMachineArn=machine)["executions"]
    return found
