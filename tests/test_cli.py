"""The command as a user types it: bad input ends with 2, one message, and nothing written."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from workbench import cli, options, pipeline
from workbench.home import REPOSITORY, Home
from workbench.mysql import seed
from workbench.mysql import server as mysql
from workbench.stack import DATABASE, Stack

Workbook = Callable[..., subprocess.CompletedProcess[str]]
Main = Callable[..., tuple[Any, str]]  # exit code and stderr


@pytest.fixture(scope="module")
def seeded(stack: Stack) -> Stack:
    seed.seed(stack.server, DATABASE, rows=100)
    return stack


@pytest.fixture
def workbook(home: Home) -> Workbook:
    def call(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "workbench.cli", *arguments],
            env={**os.environ, "WORKBOOK_HOME": str(home.root), "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            timeout=120,
        )

    return call


@pytest.fixture
def main(home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Main:
    """The command in this process: what main() lets through fails the test."""

    def call(*arguments: str, **environment: str) -> tuple[Any, str]:
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["workbook", *arguments])
            for name, value in {"WORKBOOK_HOME": str(home.root), **environment}.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                cli.main()
        return left.value.code, capsys.readouterr().err

    return call


def contract(path: Path, old: str, new: str) -> str:
    """Our contract with one mistake in it, beside the same SQL files."""
    text = pipeline.CONTRACT.read_text()
    assert old in text
    (path / "tables.toml").write_text(text.replace(old, new, 1))
    (path / "sql").symlink_to(pipeline.CONTRACT.parent.parent / "sql")
    return str(path / "tables.toml")


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("[tables.fx_rates]", "[tables.fx_rate]", ["fx_rates"]),
        ('keys = ["booking_id"]', 'keys = ["booking_no"]', ["bookings", "keys", "booking_no"]),
        ('cursor = "updated_at"', 'cursor = "changed"', ["bookings", "cursor", "changed"]),
        ('cursor = "updated_at"', 'cursr = "updated_at"', ["bookings", "cursr", "cursor"]),
        ("[tables.bookings]\n", "[tables.bookings]\nmin_rows = 900000\n", ["bookings", "min_rows"]),
        ('name = "rental_apartments"', 'name = "rental_apartments', ["tables.toml", "line"]),
    ],
)
def test_a_contract_with_a_mistake_is_exit_code_2_and_names_the_place(
    seeded: Stack, main: Main, tmp_path: Path, old: str, new: str, named: list[str]
) -> None:
    before = kept(seeded)
    code, told = main("run", "--contract", contract(tmp_path, old, new))
    assert code == 2, told
    assert all(word in told for word in named), told
    assert "Traceback" not in told
    assert kept(seeded) == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--tables", "bokings"], ["bokings", "bookings"]),
        (["--contract", "/nowhere/tables.toml"], ["/nowhere/tables.toml"]),
        (["--run-id", "../../evil"], ["--run-id", "letters"]),
        (["--source", "mysql://me@127.0.0.1:9/db"], ["127.0.0.1:9"]),
        (["--source", "mysql://me:secret@127.0.0.1:9/db"], ["WORKBOOK_SOURCE_PASSWORD"]),
        (["--source", "postgres://me@127.0.0.1/db"], ["mysql://user@host:port/database"]),
    ],
)
def test_a_run_of_what_is_not_there_is_exit_code_2(
    seeded: Stack, main: Main, arguments: list[str], named: list[str]
) -> None:
    before = kept(seeded)
    code, told = main("run", *arguments, WORKBOOK_SOURCE_PASSWORD="wrong")
    assert code == 2, told
    assert all(word in told for word in named), told
    assert "Traceback" not in told
    assert kept(seeded) == before


def test_a_wrong_password_is_exit_code_2_and_is_not_shown(
    seeded: Stack, workbook: Workbook
) -> None:
    secret = seeded.server.secret(DATABASE)
    source = f"mysql://{secret['username']}@{secret['host']}:{secret['port']}/{DATABASE}"
    done = workbook("run", "--source", source, WORKBOOK_SOURCE_PASSWORD="open sesame")
    assert done.returncode == 2, done.stderr
    assert "Access denied" in done.stderr
    assert "sesame" not in done.stdout + done.stderr


def test_status_env_and_sql_speak_to_people_and_to_programs(
    seeded: Stack, workbook: Workbook
) -> None:
    status = json.loads(workbook("status", "--json").stdout)
    assert status["local AWS"] == seeded.endpoint.url
    assert f"export AWS_ENDPOINT_URL='{seeded.endpoint.url}'" in workbook("env").stdout
    assert "unset AWS_PROFILE" in workbook("env").stdout
    assert workbook("sql", "SELECT 1 AS one, 'a,b' AS letter").stdout == 'one,letter\n1,"a,b"\n'
    rows = workbook("sql", "--json", "SELECT 1 AS one, 'a' AS letter").stdout
    assert json.loads(rows) == [{"one": 1, "letter": "a"}]
    wrong = workbook("sql", "SELECT 1 FROM nowhere")
    assert wrong.returncode == 2
    assert 'ERROR: relation "nowhere" does not exist' in wrong.stderr
    two = workbook("sql", "SELECT 1; SELECT 2")
    assert (two.returncode, two.stdout) == (2, "")
    assert "error Multiple SQL statements are not allowed" in two.stderr


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_PROFILE", "of-somebody-else"),
        ("AWS_ENDPOINT_URL", "http://127.0.0.1:9"),
        ("AWS_ENDPOINT_URL_REDSHIFT_DATA", "http://127.0.0.1:9"),
        ("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true"),  # it would go to AWS itself
    ],
)
def test_local_commands_speak_to_the_local_aws_whatever_the_shell_says(
    seeded: Stack, workbook: Workbook, name: str, value: str
) -> None:
    done = workbook("sql", "SELECT 1 AS one", **{name: value})
    assert (done.returncode, done.stdout) == (0, "one\n1\n"), done.stderr
    unset = workbook("env", **{name: value}).stdout.splitlines()[0]
    assert name in unset.split()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--change", "1"],
        ["--change", "abc%"],
        ["--from-csv", "/nowhere"],
        ["--from-sql", "/nowhere.sql"],
    ],
)
def test_a_seed_that_cannot_be_is_exit_code_2(
    seeded: Stack, main: Main, arguments: list[str]
) -> None:
    code, told = main("seed", *arguments)
    assert code == 2, told
    assert "Traceback" not in told


def kept(stack: Stack) -> list[str]:
    """Everything that stands in the bucket and in the runs' folder."""
    pages = stack.endpoint.client("s3").get_paginator("list_objects_v2")
    found = [
        item["Key"]
        for page in pages.paginate(Bucket=pipeline.BUCKET)
        for item in page.get("Contents", ())
    ]
    return found + [str(path) for path in stack.home.runs.glob("*")]


def test_a_local_aws_that_dies_under_a_command_is_told_of(
    main: Main, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Before an execution has begun, too, where nobody watches one."""
    start = cli.stack.up

    def dying(home: Home, say: Any) -> Stack:
        made = start(home, say)
        os.kill(int((home.aws / "aws.pid").read_text().split()[0]), signal.SIGKILL)
        return made

    monkeypatch.setattr(cli.stack, "up", dying)
    monkeypatch.setenv("COLUMNS", "500")
    own = tmp_path / "own"
    code, said = main("sql", "SELECT 1", WORKBOOK_HOME=str(own))
    mysql.stop(own / "mysql")
    assert code == 1 and "The local AWS has died meanwhile" in said and "Traceback" not in said


def test_the_version_is_that_of_pyproject(workbook: Workbook) -> None:
    written = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    said = workbook("--version")
    assert said.returncode == 0 and said.stdout == f"{written['name']} {written['version']}\n"


def test_what_is_advised_is_for_the_tables_that_were_asked_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    words = ["workbook", "reconcile", "--contract=my shop.toml", "--source", "mysql://a@b/c"]
    monkeypatch.setattr(sys, "argv", [*words, "--tables", "orders", "--json"])
    assert options.as_here() == " --contract 'my shop.toml' --source mysql://a@b/c"
    monkeypatch.setattr(sys, "argv", ["workbook", "reconcile"])
    assert options.as_here() == ""


def test_too_small_a_sample_and_a_dump_that_is_none_are_bad_input(
    seeded: Stack, workbook: Workbook, tmp_path: Path
) -> None:
    small = workbook("seed", "--rows", "50")
    assert small.returncode == 2 and "Traceback" not in small.stderr
    (tmp_path / "dump.sql").write_text("CREATE TABL a (id INT);")
    wrong = workbook("seed", "--from-sql", str(tmp_path / "dump.sql"), "--database", "of_a_dump")
    assert wrong.returncode == 2 and "dump.sql" in wrong.stderr and "Traceback" not in wrong.stderr


def test_an_interrupted_command_says_so(workbook: Workbook) -> None:
    code = (
        "import sys; from workbench import cli, source_commands\n"
        "def interrupt(*_): raise KeyboardInterrupt\n"
        "source_commands.stack.up = interrupt; sys.argv = ['workbook', 'seed']; cli.main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert ended.returncode == 130 and "what was finished is safe" in ended.stderr


def test_whoever_names_a_source_is_told_where_the_key_of_masks_is_read_from(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["workbook", "run", "--source", "mysql://me@db.example.org/s"])
    with pytest.raises(SystemExit):
        cli._fail("column email: mask = 'hash' needs mask_key in the source's secret", 2)
    assert "WORKBOOK_MASK_KEY" in capsys.readouterr().err
