"""A canary for a password: after runs that passed and failed, it sings nowhere but in its cage."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from etl_lib.errors import SourceError
from etl_lib.source import Source
from workbench import cli, execution, runner, source_option
from workbench.home import REPOSITORY
from workbench.preparation import prepare
from workbench.stack import Stack

from . import evidence
from .emptied import emptied
from .evidence import Pieces

DATABASE = "canary"
USER = "keeper"
WORD = "c4naryBird7x9"
PASSWORD = f"{WORD}'\"<&%+é /@:\\"  # whatever a URL, SQL or a page would choke on
OTHER = "c4naryInAnother2k"  # of a secret that no run reads
# Which files may have it: what was given it to keep, readable by its owner only.
CAGES = (
    "aws/journal",  # the local Secrets Manager's memory
    "mysql/server.json",  # the passwords of MariaDB's two users
    "mysql/client.cnf",  # its administrator's, for a client of the owner's own
)
CHANNELS = (
    "summaries", "reports", "executed notebooks", "jobs", "job runs with their arguments",
    "sessions", "statements of sessions", "state machines", "executions", "execution histories",
    "job logs", "objects", "object names", "bookmarks and leases", "warehouse rows",
    "warehouse statements", "schedules", "console pages", "process arguments",
    "process environments", "workbook init", "workbook run", "a run by notebooks",
    "a run", "a failed run", "a failed run by notebooks", "plan", "reconcile", "runs", "status",
    "wrong password", "unreachable host", "no such database", "objects shown", "tracebacks",
)  # fmt: skip


def workbook(stack: Stack, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "workbench.cli", *arguments],
        cwd=REPOSITORY,
        env={
            **os.environ,
            "WORKBOOK_HOME": str(stack.home.root),
            source_option.PASSWORD: PASSWORD,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def typed(stack: Stack, *arguments: str) -> bytes:
    """What the terminal shows of a command; in this process, which has all modules already."""
    shown = StringIO()
    with (
        pytest.MonkeyPatch.context() as patch,
        contextlib.redirect_stdout(shown),
        contextlib.redirect_stderr(shown),
        contextlib.suppress(SystemExit),
    ):
        patch.setattr(sys, "argv", ["workbook", *arguments])
        patch.setenv("WORKBOOK_HOME", str(stack.home.root))
        patch.setenv(source_option.PASSWORD, PASSWORD)
        cli.main()
    return shown.getvalue().encode()


@pytest.fixture(scope="module")
def url(stack: Stack) -> Iterator[str]:
    emptied(stack)
    with stack.server.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {DATABASE}")
        cursor.execute(f"CREATE DATABASE {DATABASE}")
        cursor.execute(f"CREATE TABLE {DATABASE}.birds (id INT PRIMARY KEY, name VARCHAR(20))")
        cursor.execute(f"INSERT INTO {DATABASE}.birds VALUES (1, 'serin')")
        cursor.execute(f"CREATE USER {USER}@'127.0.0.1' IDENTIFIED BY %s", [PASSWORD])
        cursor.execute(f"GRANT SELECT ON {DATABASE}.* TO {USER}@'127.0.0.1'")
    stack.pipeline.put_secret("another", {"password": OTHER})
    yield f"mysql://{USER}@127.0.0.1:{stack.server.port}/{DATABASE}"
    with stack.server.cursor() as cursor:
        cursor.execute(f"DROP USER {USER}@'127.0.0.1'")


@pytest.fixture(scope="module")
def seen(stack: Stack, url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Pieces]:
    """What there is to see after it all, by channel."""
    folder = tmp_path_factory.mktemp("canary")
    contract = folder / "birds.toml"
    (folder / "sql").mkdir()
    given = ["--source", url, "--contract", str(contract)]
    said: dict[str, bytes] = {}
    own: set[int] = set()
    since = datetime.now(UTC).replace(microsecond=0)
    before = {*stack.home.runs.glob("*")}

    def call(*arguments: str) -> subprocess.Popen[bytes]:
        child = workbook(stack, *arguments)
        own.add(child.pid)
        return child

    with evidence.watched(own) as processes:
        child = call("init", url, "--contract", str(contract))
        said["workbook init"] = child.communicate()[0]
        assert child.returncode == 0, said["workbook init"]
        child = call("run", *given)
        said["workbook run"] = child.communicate()[0]
        assert child.returncode == 0, said["workbook run"]
        runs = [*{*stack.home.runs.iterdir()} - before]
        os.environ[source_option.PASSWORD] = PASSWORD  # as in the shell of who types the command
        secret = source_option.parse(url)
        for fails in (False, True):
            with stack.server.cursor(DATABASE) as cursor:
                cursor.execute("INSERT INTO birds SELECT MAX(id) + 1, 'siskin' FROM birds")
            for name, how in (("a {}run", execution.run), ("a {}run by notebooks", runner.run)):
                prepared = prepare(stack, contract, secret, "", "")
                runs.append(prepared.folder)
                if fails:
                    _password(stack, "changed meanwhile")
                console = Console(file=StringIO(), width=200)
                summary = how(stack, prepared, console)
                _password(stack, PASSWORD)
                assert summary.status == ("FAILED" if fails else "SUCCEEDED"), summary.error
                assert isinstance(console.file, StringIO)
                told = console.file.getvalue() + repr(summary) + repr(prepared)
                said[name.format("failed " if fails else "")] = told.encode()
        assert b"Access denied" in said["a failed run by notebooks"]
        del os.environ[source_option.PASSWORD]
        _password(stack, "changed meanwhile")
        said["wrong password"] = typed(stack, "run", *given)
        _password(stack, PASSWORD)
        nowhere = url.replace(str(stack.server.port), "9")
        said |= {
            "unreachable host": typed(stack, "run", "--source", nowhere),
            "no such database": typed(stack, "run", "--source", f"{url}2"),
            "plan": typed(stack, "plan", "--json", *given),
            "reconcile": typed(stack, "reconcile", *given),
            "runs": typed(stack, "runs", "--json"),
            "status": typed(stack, "status"),
        }
    source = Source.of(secret)
    return {
        **evidence.channels(stack, [folder.name for folder in runs], since),
        **processes,
        **{name: {"terminal": text} for name, text in said.items()},
        "objects shown": {"repr": repr([source, stack, source.tls, source.name]).encode()},
        "tracebacks": {"traceback": _traceback(source)},
    }


def _password(stack: Stack, password: str) -> None:
    with stack.server.cursor() as cursor:
        cursor.execute(f"ALTER USER {USER}@'127.0.0.1' IDENTIFIED BY %s", [password])


def _traceback(source: Source) -> bytes:
    """With what each frame of our own knows, as JupyterLab's verbose mode shows it."""
    try:
        Source(source.host, 1, source.username, source.password, source.database).base_tables()
    except SourceError as error:
        told = traceback.TracebackException.from_exception(error, capture_locals=True)
        return "".join(told.format()).encode()
    raise AssertionError("port 1 answered")


def words(stack: Stack) -> list[str]:
    server = stack.server
    return [WORD, OTHER, server.reader_password, server.admin_password]


@pytest.mark.parametrize("channel", CHANNELS)
def test_no_channel_has_the_password(stack: Stack, seen: dict[str, Pieces], channel: str) -> None:
    pieces = seen[channel]
    assert pieces and any(pieces.values()), "an empty channel proves nothing"
    assert evidence.found(words(stack), pieces) == []


def test_every_channel_is_looked_at(seen: dict[str, Pieces]) -> None:
    assert set(seen) == set(CHANNELS)


def test_no_file_has_it_but_those_that_keep_it_for_their_owner(
    stack: Stack, seen: dict[str, Pieces]
) -> None:
    places = [path for path in stack.home.root.glob("*/*") if path.name != "data"]  # of MariaDB
    kept = evidence.files(*places)
    having = {
        str(Path(path).relative_to(stack.home.root)): Path(path)
        for path in evidence.found(words(stack), kept)
    }
    assert all(name.startswith(CAGES) for name in having), having
    assert {cage for cage in CAGES for name in having if name.startswith(cage)} == set(CAGES)
    assert {path.stat().st_mode & 0o077 for path in having.values()} == {0}


@pytest.mark.parametrize("form", range(7))
def test_a_canary_is_heard_in_whatever_form_it_is_written(form: int, tmp_path: Path) -> None:
    (tmp_path / "log").write_bytes(b"before " + evidence.forms(WORD)[form] + b" after")
    assert evidence.found([WORD], evidence.files(tmp_path)) == [str(tmp_path / "log")]
