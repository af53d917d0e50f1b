"""`workbook deploy`, rehearsed: the template on the local AWS, changed, failed, destroyed; and the
same commands against an account's own hosts."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError, InvalidProxiesConfigError
from botocore.httpsession import URLLib3Session

from etl_lib.errors import BadInput, EtlError
from workbench import cli, source_option, where
from workbench.account import Account as AwsAccount
from workbench.deploy import after, checks
from workbench.deploy.formation import Formation
from workbench.home import REPOSITORY, Home
from workbench.mysql import seed
from workbench.pipeline import CONTRACT
from workbench.preparation import STAGES
from workbench.stack import DATABASE, Stack

from . import news
from .accounts import Account, account
from .consoles import get, let_in
from .emptied import emptied
from .states import over

NAME = "rental-apartments-dev"
KEPT = {"Bucket", "LogBucket", "BookmarkTable", "Key", "Namespace"}
WRITE = ("Create", "Update", "Delete", "Put", "Execute", "Start", "Upload", "Complete", "Publish")

Main = Callable[..., tuple[Any, str, str]]  # exit code, stdout, stderr


@pytest.fixture(scope="module")
def own(stack: Stack) -> Iterator[Stack]:
    """An empty warehouse, and a source of 100 apartments."""
    seed.seed(stack.server, DATABASE, rows=100)
    yield emptied(stack)
    emptied(stack)


@pytest.fixture
def main(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Main:
    """The command in this process."""

    def call(*arguments: str, **environment: str) -> tuple[Any, str, str]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["workbook", *arguments])
            given = {"WORKBOOK_HOME": str(home.root), "COLUMNS": "200", **environment}
            for name, value in given.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                cli.main()
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return call


@pytest.fixture
def aws(own: Stack, tmp_path: Path) -> Iterator[Account]:
    with account(own.endpoint, tmp_path) as made:  # type: ignore[arg-type]
        yield made


def formation(own: Stack, name: str = NAME) -> Formation:
    return Formation(own.endpoint, name)


def asked(own: Stack, call: Callable[[], Any]) -> list[str]:
    """``service:operation`` of all that the local AWS was asked meanwhile."""
    path = own.endpoint.state / "requests.jsonl"  # type: ignore[attr-defined]
    path.write_text("")
    try:
        call()
        lines = [json.loads(line) for line in path.read_text().splitlines()]
    finally:
        path.unlink()
    return [f"{each['service']}:{each['operation']}" for each in lines]


def updated(own: Stack) -> dict[str, Any]:
    """Logical id -> when it was changed last."""
    return {
        each["LogicalResourceId"]: each["LastUpdatedTimestamp"]
        for each in formation(own).resources()
    }


def run(own: Stack, name: str) -> dict[str, Any]:
    """An execution of the deployed machine, to its end."""
    states, outputs = own.endpoint.client("stepfunctions"), formation(own).outputs()
    started = states.start_execution(
        stateMachineArn=outputs["StateMachineArn"], name=name, input="{}"
    )
    found: dict[str, Any] = over(states, started["executionArn"], 120)
    return found


def entered(own: Stack, name: str) -> list[str]:
    outputs = formation(own).outputs()
    arn = outputs["StateMachineArn"].replace(":stateMachine:", ":execution:") + f":{name}"
    pages = own.endpoint.client("stepfunctions").get_paginator("get_execution_history")
    return [
        event["stateEnteredEventDetails"]["name"]
        for page in pages.paginate(executionArn=arn)
        for event in page["events"]
        if "stateEnteredEventDetails" in event
    ]


def test_a_dry_run_tells_all_and_writes_nothing(own: Stack, main: Main) -> None:
    said: list[tuple[Any, str, str]] = []
    seen = asked(own, lambda: said.append(main("deploy", "--target", "local", "--dry-run")))
    ((code, out, err),) = said
    assert code == 0, err
    assert "Add" in out and "ExtractJob" in out and "nothing was changed" in out
    assert "a month without a run costs" in out
    assert seen and not [each for each in seen if each.split(":")[1].startswith(WRITE)], seen
    assert formation(own).described() is None


def test_without_an_answer_nothing_is_changed(own: Stack, main: Main) -> None:
    seen: list[Any] = []
    calls = asked(own, lambda: seen.append(main("deploy", "--target", "local")))
    ((code, _, err),) = seen
    assert code == 2 and "give --yes" in err
    assert not [each for each in calls if each.split(":")[1].startswith(WRITE)]


@pytest.fixture(scope="module")
def deployed(own: Stack, home: Home) -> str:
    """What the first deployment said."""
    done = workbook(home, "deploy", "--target", "local", "--yes")
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def workbook(
    home: Home, *arguments: str, repository: Path = REPOSITORY
) -> subprocess.CompletedProcess[str]:
    """The command in a process of its own, of this or another copy of the repository."""
    environment = {"WORKBOOK_HOME": str(home.root), "COLUMNS": "200"}
    return subprocess.run(
        [sys.executable, "-m", "workbench.cli", *arguments],
        env={**os.environ, **environment, "PYTHONPATH": str(repository)},
        cwd=repository,
        capture_output=True,
        text=True,
        timeout=180,
    )


def test_a_deployment_shows_what_it_makes_and_what_it_costs(own: Stack, deployed: str) -> None:
    assert "StepFunctions::StateMachine" in deployed
    assert "a month without a run costs" in deployed
    assert "declared, not emulated here: AWS::RedshiftServerless::Workgroup" in deployed
    assert "What a run started now would move" in deployed
    described = formation(own).described()
    assert described and described["StackStatus"] == "CREATE_COMPLETE"


def test_the_deployed_state_machine_moves_everything(own: Stack, deployed: str) -> None:
    assert run(own, "first")["status"] == "SUCCEEDED"
    assert set(STAGES) <= set(entered(own, "first"))
    outputs = formation(own).outputs()
    jobs = own.endpoint.client("glue")
    for stage in STAGES:
        runs = jobs.get_job_runs(JobName=f"{outputs['JobPrefix']}{stage}")["JobRuns"]
        assert runs and {each["JobRunState"] for each in runs} == {"SUCCEEDED"}
    bookmarks = own.endpoint.client("dynamodb").scan(TableName=outputs["BookmarkTable"])["Items"]
    assert len([each for each in bookmarks if each.get("run_id") == {"S": "first"}]) == 5


def test_the_console_shows_the_runs_of_a_stack_that_was_deployed_here(
    own: Stack, deployed: str
) -> None:
    client = let_in(own.home)

    def page(path: str) -> str:
        return str(get(client, path).text)

    row = f'<a href="/executions/first?machine={NAME}">first</a>'
    assert row in page("/executions/") and f"<td>{NAME}</td>" in page("/executions/")
    shown = page(f"/executions/first?machine={NAME}")
    assert f"of the deployed stack {NAME}" in shown
    assert "<title>04_load: SUCCEEDED</title>" in shown and '<th scope="row">bookings' in shown
    jobs = page(f"/jobs/?run=first&machine={NAME}")
    assert (
        jobs.count(f">{NAME}-01_extract</a>") == 5 and f"/executions/first?machine={NAME}" in jobs
    )
    assert f"{NAME}-bookmarks" in page("/bookmarks/") and row in page("/bookmarks/")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository, to change things in."""
    target = tmp_path_factory.mktemp("copy") / "repository"
    skipped = shutil.ignore_patterns(".*", "__pycache__", "tests", "*.png")
    shutil.copytree(REPOSITORY, target, ignore=skipped)
    shutil.copytree(REPOSITORY / "images", target / "images", dirs_exist_ok=True)
    return target


def test_commands_with_a_stage_are_of_the_deployment_on_the_local_aws(
    own: Stack, deployed: str, main: Main
) -> None:
    code, out, err = main("run", "--stage", "dev", "--run-id", "by-stage")
    assert code == 0, err
    assert "06_finalize" in entered(own, "by-stage")
    code, out, err = main("runs", "--stage", "dev")
    assert code == 0 and "by-stage" in out, err
    assert "by-stage" not in main("runs")[1]
    code, out, err = main("plan", "--stage", "dev")
    assert code == 0 and "bookings" in out, err


def test_a_stage_that_was_not_deployed_is_refused_with_what_to_type(own: Stack, main: Main) -> None:
    code, _, err = main("runs", "--stage", "prod")
    assert code == 2
    assert "no stack rental-apartments-prod" in err
    assert "workbook deploy --target local --stage prod" in err


def test_a_changed_notebook_changes_its_job_and_no_other(
    own: Stack, deployed: str, copy: Path, home: Home
) -> None:
    notebook = copy / "notebooks" / "04_load.ipynb"
    book = json.loads(notebook.read_text())
    script = (copy / "stepfunctions" / "jobs" / "04_load.py").read_text()
    shipped = [each for each in book["cells"] if "".join(each["source"]).strip() in script]
    last = [each for each in shipped if each["cell_type"] == "code"][-1]
    last["source"] = "".join(last["source"]) + "\nassert run.tables  # a change"
    notebook.write_text(json.dumps(book))
    stale = workbook(home, "deploy", "--target", "local", "--yes", repository=copy)
    assert stale.returncode == 2 and "04_load.py" in stale.stderr
    assert workbook(home, "export", repository=copy).returncode == 0
    before = updated(own)
    look = workbook(home, "deploy", "--target", "local", "--dry-run", repository=copy)
    assert "LoadJob" in look.stdout and "BookmarkJob" not in look.stdout
    done = workbook(home, "deploy", "--target", "local", "--yes", repository=copy)
    assert done.returncode == 0, done.stderr
    after = updated(own)
    # The role, as it may read that one script.
    assert {name for name in after if after[name] != before[name]} == {"LoadJob", "LoadRole"}
    location = own.endpoint.client("glue").get_job(JobName=f"{NAME}-04_load")["Job"]["Command"]
    bucket, _, key = location["ScriptLocation"].removeprefix("s3://").partition("/")
    body = own.endpoint.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert b"assert run.tables  # a change" in body  # the next run goes through it


def test_a_change_that_fails_is_taken_back_and_told(
    own: Stack, deployed: str, copy: Path, home: Home
) -> None:
    template = copy / "stepfunctions" / "template.yaml"
    whole, before = template.read_text(), own.endpoint.client("glue").get_jobs()["Jobs"]
    template.write_text(whole.replace("    Timeout: 60", "    Timeout: 999999"))
    assert template.read_text() != whole
    done = workbook(home, "deploy", "--target", "local", "--yes", repository=copy)
    template.write_text(whole)
    assert done.returncode == 1
    assert "UPDATE_ROLLBACK_COMPLETE" in done.stderr and "Timeout" in done.stderr
    assert "All is as it was before" in done.stderr
    after = own.endpoint.client("glue").get_jobs()["Jobs"]
    assert [_lasting(each) for each in after] == [_lasting(each) for each in before]
    again = workbook(home, "deploy", "--target", "local", "--yes", repository=copy)
    assert again.returncode == 0 and "up to date" in again.stdout


def _lasting(job: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in job.items() if name != "LastModifiedOn"}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--set", "Colour=red"], "the template has no such parameter"),
        (["--set", "Colour"], "is not KEY=VALUE"),
        (["--set", "LibraryKey=x"], "fills that in itself"),
        (["--set", "SparkWorkers=1"], "not less than 2"),
        (["--region", "eu-west-1"], "--region is for --profile"),
        (["--source", "mysql://me@a.b.rds.amazonaws.com/db"], "ssl_ca is missing"),
        (["--source", "mysql://me@db/x?ssl-ca=/nowhere.pem"], "cannot be read"),
        (["--profile", "work"], "give one of"),
        (["--source", "postgres://x"], "expected mysql://"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_changed(
    own: Stack, main: Main, arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []
    monkeypatch.setenv(source_option.PASSWORD, "secret")
    calls = asked(
        own, lambda: seen.append(main("deploy", "--target", "local", "--dry-run", *arguments))
    )
    ((code, _, err),) = seen
    assert code == 2 and said in err
    assert not [each for each in calls if each.split(":")[1].startswith(WRITE)]


def test_a_parameter_that_a_newer_template_has_lost_is_no_obstacle(
    own: Stack, deployed: str
) -> None:
    before = formation(own).parameters()
    checks.resources({}, {**before, "OfAnEarlierTemplate": "x"}, NAME, "123456789012", "us-east-1")
    with pytest.raises(BadInput, match="--set Colour: the template has no such parameter"):
        checks.resources({"Colour": "red"}, before, NAME, "123456789012", "us-east-1")


def test_a_new_source_keeps_the_key_of_the_masks_and_brings_its_certificates(
    own: Stack, deployed: str, tmp_path: Path
) -> None:
    target = where.deployed(own.endpoint, NAME)
    assert target is not None
    made, client = replace(own, target=target), own.endpoint.client("secretsmanager")
    before = client.get_secret_value(SecretId=target.secret)["SecretString"]
    key = json.loads(before)["mask_key"]
    (tmp_path / "ca.pem").write_text("of the source")
    new = {**json.loads(before), "host": "db.example.org", "ssl_ca": str(tmp_path / "ca.pem")}
    del new["mask_key"]
    try:
        after.publish(made, CONTRACT, new, lambda text: None)
        kept = json.loads(client.get_secret_value(SecretId=target.secret)["SecretString"])
    finally:
        client.put_secret_value(SecretId=target.secret, SecretString=before)
    assert kept["mask_key"] == key and kept["host"] == "db.example.org"
    # Below contract/, which the role of every stage may read.
    assert kept["ssl_ca"].startswith(f"s3://{target.bucket}/contract/ca/")
    bucket, _, name = kept["ssl_ca"].removeprefix("s3://").partition("/")
    body = own.endpoint.client("s3").get_object(Bucket=bucket, Key=name)["Body"].read()
    assert body == b"of the source"


# -- the same against an account's hosts


def test_a_run_with_a_profile_is_made_of_the_stacks_names(
    own: Stack, deployed: str, aws: Account, main: Main, home: Home
) -> None:
    """The run after the change above: through the changed job."""
    news.of_bookings(own.server)
    code, out, err = main("run", "--profile", "work", "--json", **aws.environment)
    assert code == 0, err
    summary = json.loads(out)
    assert summary["status"] == "SUCCEEDED" and summary["rows_loaded"] > 0
    assert {"sts", "cloudformation", "states", "s3", "redshift-data"} <= aws.check()
    assert "StartExecution" in {each.operation for each in aws.sent}
    (folder,) = (home.root / "accounts").iterdir()
    assert folder.name == "123456789012-us-east-1-dev"
    assert (folder / "runs" / summary["run_id"] / "report.html").exists()
    assert not (home.runs / summary["run_id"]).exists()


@pytest.mark.parametrize(
    ("command", "services", "shown"),
    [
        (["plan"], {"secretsmanager", "redshift-data", "dynamodb"}, "nothing was written"),
        (["bookmarks", "show"], {"dynamodb", "redshift-data"}, "bookings"),
        (["bookmarks", "history", "bookings"], {"redshift-data"}, "first"),
        (["reconcile", "--tables", "bookings"], {"secretsmanager", "s3"}, "proven complete"),
        (["sql", 'SELECT COUNT(*) AS n FROM "raw".bookings'], {"redshift-data"}, "n\n"),
        (["runs"], {"sts"}, "SUCCEEDED"),
        (["schedule"], {"cloudformation"}, "rate(1 hour), DISABLED"),
        (
            ["schedule", "rate(2 hours)"],
            {"cloudformation"},
            "rate(2 hours), ENABLED;\nthe first run",
        ),
        (["schedule", "--off"], {"cloudformation"}, "rate(2 hours), DISABLED"),
    ],
)
def test_commands_with_a_profile_ask_the_account(
    deployed: str, aws: Account, main: Main, command: list[str], services: set[str], shown: str
) -> None:
    code, out, err = main(*command, "--profile", "work", **aws.environment)
    assert code == 0, err
    assert shown in out
    assert services <= aws.check()


def test_a_failed_run_is_redriven_in_the_account(
    own: Stack, deployed: str, aws: Account, main: Main
) -> None:
    code, _, err = main("redrive", "first", "--profile", "work", **aws.environment)
    assert code == 2 and "nothing to redrive" in err
    assert "states" in aws.check()


def test_a_deployment_by_profile_uses_the_same_calls(
    deployed: str, aws: Account, main: Main
) -> None:
    code, out, err = main("deploy", "--profile", "work", "--dry-run", **aws.environment)
    assert code == 0, err
    assert "account 123456789012, us-east-1" in out
    assert {"sts", "cloudformation", "states"} <= aws.check()
    assert not [each for each in aws.sent if each.operation.startswith(WRITE)]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["up"], "it starts the local AWS"),
        (["down"], "it stops the local AWS"),
        (["seed"], "the sample"),
        (["run", "--via", "notebooks"], "--via notebooks"),
        (["run", "--source", "mysql://me@host/db"], "--source makes no sense"),
        (["run", "--stage", "prod"], "no stack rental-apartments-prod"),
    ],
)
def test_what_makes_no_sense_with_a_profile_is_refused_by_name(
    own: Stack, aws: Account, main: Main, command: list[str], said: str
) -> None:
    code, _, err = main(*command, "--profile", "work", **aws.environment)
    assert code == 2 and said in err


def test_an_unknown_profile_is_exit_code_2(own: Stack, aws: Account, main: Main) -> None:
    code, _, err = main("plan", "--profile", "nobody", **aws.environment)
    assert code == 2 and "nobody" in err and "aws configure" in err


def test_a_profiles_role_is_asked_for_at_aws_whatever_the_shell_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config").write_text(
        "[profile work]\nregion = us-east-1\naws_access_key_id = a\naws_secret_access_key = b\n"
        "[profile role]\nrole_arn = arn:aws:iam::123456789012:role/x\nsource_profile = work\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9")
    urls = []

    def send(self: Any, request: Any) -> Any:
        urls.append(request.url)
        raise InvalidProxiesConfigError(error="no way out")

    monkeypatch.setattr(URLLib3Session, "send", send)
    with pytest.raises(EtlError, match="Nothing was changed"):
        _ = AwsAccount("role", "us-east-1").number
    assert urls == ["https://sts.us-east-1.amazonaws.com/"]


# -- and out again


def test_destroy_keeps_the_data_and_the_next_deployment_takes_them_up(
    own: Stack, deployed: str, main: Main
) -> None:
    kept = {
        each["LogicalResourceId"]: each["PhysicalResourceId"]
        for each in formation(own).resources()
        if each["LogicalResourceId"] in KEPT
    }
    refused = main("destroy", "--target", "local")
    assert refused[0] == 2 and "give --yes" in refused[2]
    done = main("destroy", "--target", "local", "--yes")
    assert done[0] == 0, done[2]
    assert formation(own).described() is None
    s3, glue = own.endpoint.client("s3"), own.endpoint.client("glue")
    assert s3.list_objects_v2(Bucket=kept["Bucket"], Prefix="raw/")["KeyCount"]
    assert own.endpoint.client("dynamodb").scan(TableName=kept["BookmarkTable"])["Count"]
    with pytest.raises(ClientError, match="EntityNotFound"):
        glue.get_job(JobName="rental-apartments-dev-01_extract")
    again = main("deploy", "--target", "local", "--yes")
    assert again[0] == 0, again[2]
    assert "Import" in again[1]
    assert s3.list_objects_v2(Bucket=kept["Bucket"], Prefix="raw/")["KeyCount"]


def test_lost_bookmarks_are_made_from_the_ledger_and_none_is_overwritten(
    own: Stack, deployed: str, main: Main
) -> None:
    client, table = own.endpoint.client("dynamodb"), formation(own).outputs()["BookmarkTable"]
    items = {each["table"]["S"]: each for each in client.scan(TableName=table)["Items"]}
    name = next(each for each in items if each.endswith("/bookings"))
    client.delete_item(TableName=table, Key={"table": {"S": name}})
    done = main("deploy", "--target", "local", "--yes")
    assert done[0] == 0, done[2]
    assert "bookmark of bookings made from the ledger" in done[2]
    assert done[2].count("made from the ledger") == 1
    after = {each["table"]["S"]: each for each in client.scan(TableName=table)["Items"]}
    assert after[name]["high"] == items[name]["high"]


def test_destroy_with_data_leaves_none(own: Stack, deployed: str, main: Main) -> None:
    outputs = formation(own).outputs()
    done = main("destroy", "--target", "local", "--data", "--yes")
    assert formation(own).described() is None
    with pytest.raises(ClientError, match="404"):
        own.endpoint.client("s3").head_bucket(Bucket=outputs["Bucket"])
    with pytest.raises(ClientError, match="not found|not exist"):
        own.endpoint.client("dynamodb").describe_table(TableName=outputs["BookmarkTable"])
    assert done[0] == 0, done[2]
    # One warehouse serves all of a local AWS: it is nobody's to delete, and the command says so.
    assert "the local warehouse" in done[1] and "Namespace" not in done[1]
    assert re.search(r"KMS::Key +\S+ will be deleted in 30 days", done[1])
