"""While a lab is open a session's process is there before its session, with Spark at work."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from workbench.aws.glue import labs, spares
from workbench.aws.glue.service import GlueService
from workbench.aws.glue.spares import Spares
from workbench.aws.protocol import Context
from workbench.endpoint import ROLE
from workbench.home import REPOSITORY

from .states import until

OPEN = (
    "import sys, time\nfrom pathlib import Path\nfrom workbench.aws.glue import labs\n"
    "labs.hold(Path(sys.argv[1]))\nprint('open', flush=True)\ntime.sleep(600)\n"
)
SERVE = (
    "import sys, time\nfrom pathlib import Path\n"
    "from workbench.aws.glue import labs\nfrom workbench.aws.glue.service import GlueService\n"
    "from workbench.aws.protocol import Context\n"
    "labs.hold(Path(sys.argv[1]))\n"
    "GlueService(Context(Path(sys.argv[1]), 'http://127.0.0.1:9', 'us-east-1', '1', 'K', 'S'))\n"
    "print('open', flush=True)\ntime.sleep(600)\n"
)
PID = "import os; os.getpid()"
STARTED = "spark.sparkContext.startTime / 1000"


def running(program: str, state: Path) -> subprocess.Popen[bytes]:
    made = subprocess.Popen(
        [sys.executable, "-c", program, str(state)], stdout=subprocess.PIPE, cwd=REPOSITORY
    )
    assert made.stdout is not None
    assert made.stdout.readline() == b"open\n"
    return made


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running(OPEN, tmp_path) as made:
        yield made
        made.kill()


class Glue:
    """A Glue service of its own, asked without HTTP."""

    def __init__(self, state: Path) -> None:
        self.context = Context(state, "http://127.0.0.1:9", "us-east-1", "123456789012", "K", "S")
        self.service = GlueService(self.context)

    def ask(self, operation: str, **request: Any) -> dict[str, Any]:
        return self.service.handle(operation, request, self.context)

    def session(self, name: str, **arguments: str) -> dict[str, Any]:
        """The session after PROVISIONING."""
        given = {f"--{key.replace('_', '-')}": value for key, value in arguments.items()}
        command = {"Name": "glueetl"}
        self.ask("CreateSession", Id=name, Role=ROLE, Command=command, DefaultArguments=given)
        while True:
            found: dict[str, Any] = self.ask("GetSession", Id=name)["Session"]
            if found["Status"] != "PROVISIONING":
                return found

    def run(self, name: str, code: str) -> str:
        number = self.ask("RunStatement", SessionId=name, Code=code)["Id"]
        while True:
            told = self.ask("GetStatement", SessionId=name, Id=number)["Statement"]
            if told["State"] == "AVAILABLE":
                assert told["Output"]["Status"] == "ok", told
                return str(told["Output"]["Data"]["TextPlain"])


@pytest.fixture
def glue(tmp_path: Path) -> Iterator[Glue]:
    made = Glue(tmp_path)
    yield made
    made.service.close()
    until(lambda: not processes(tmp_path))  # Spark's Python daemon ends when it hears of it


def processes(state: Path) -> set[int]:
    """Those that work in the folder of a spare, or of a session that was one."""
    found = set()
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(process / "cwd")
        except OSError:
            continue
        if where.startswith(f"{state}/sessions/.spare-"):
            found.add(int(process.name))
    return found


def warm(state: Path, but: set[int] | None = None) -> set[int]:
    """The Python process and the JVM of a spare, once they have a SparkContext."""
    new: set[int] = until(
        lambda: found if len(found := processes(state) - (but or set())) == 2 else None
    )
    folder = Path(os.readlink(f"/proc/{min(new)}/cwd"))
    until(lambda: list(folder.glob("tmp/blockmgr-*")), 60)
    return new


def test_the_first_session_finds_spark_running_and_so_does_the_second(
    lab: subprocess.Popen[bytes], glue: Glue, tmp_path: Path
) -> None:
    first = warm(tmp_path)
    session = glue.session("first")
    assert session["Status"] == "READY"
    assert int(glue.run("first", PID)) in first
    assert float(glue.run("first", STARTED)) < session["CreatedOn"]
    assert glue.run("first", "spark.range(10).count()") == "10"
    second = warm(tmp_path, but=first)  # as soon as the first is calm
    assert glue.session("second")["Status"] == "READY"
    assert int(glue.run("second", PID)) in second
    assert glue.run("second", "spark.range(3).count()") == "3"
    glue.ask("StopSession", Id="first")
    until(lambda: not processes(tmp_path) & first)
    assert glue.run("second", "spark.range(4).count()") == "4"


def test_an_adopted_session_has_its_libraries_in_every_process(
    lab: subprocess.Popen[bytes], glue: Glue, tmp_path: Path
) -> None:
    bucket = tmp_path / "s3" / "some"
    bucket.mkdir(parents=True)
    with zipfile.ZipFile(bucket / "demo.zip", "w") as archive:
        archive.writestr("demo/__init__.py", "NUMBER = 7")
    (bucket / "single.py").write_text("NUMBER = 8")
    adopted = warm(tmp_path)
    glue.session("one", extra_py_files="s3://some/demo.zip,s3://some/single.py")
    assert int(glue.run("one", PID)) in adopted
    assert glue.run("one", "import demo, single; demo.NUMBER, single.NUMBER") == "(7, 8)"
    there = (
        "def there(_):\n    import demo, single, importlib.util\n"
        "    return [(demo.NUMBER, single.NUMBER, importlib.util.find_spec('workbench'))]\n"
        "sc.parallelize([1], 1).mapPartitions(there).collect()"
    )
    assert glue.run("one", there) == "[(7, 8, None)]"
    # A bucket that is younger than the JVM.
    (tmp_path / "s3" / "later").mkdir()
    glue.run("one", "spark.range(5).write.parquet('s3://later/five')")
    assert glue.run("one", "spark.read.parquet('s3://later/five').count()") == "5"


def test_a_session_with_settings_of_its_own_starts_its_own_spark(
    lab: subprocess.Popen[bytes], glue: Glue, tmp_path: Path
) -> None:
    spare = warm(tmp_path)
    glue.session("own", conf="spark.sql.ansi.enabled=true")
    assert int(glue.run("own", PID)) not in spare
    assert glue.run("own", "spark.conf.get('spark.sql.ansi.enabled')") == "'true'"
    assert processes(tmp_path) == spare
    failed = glue.session("bad", extra_py_files="s3://some/none.zip")
    assert failed["Status"] == "FAILED" and "none.zip does not exist" in failed["ErrorMessage"]
    until(lambda: not processes(tmp_path) & spare)  # it was half adopted


def test_no_spare_outlives_the_last_lab(
    lab: subprocess.Popen[bytes], glue: Glue, tmp_path: Path
) -> None:
    with running(OPEN, tmp_path) as other:
        warm(tmp_path)
        lab.kill()
        time.sleep(2.5)
        assert processes(tmp_path)
        other.kill()
    until(lambda: not processes(tmp_path))
    until(lambda: not list((tmp_path / "sessions").glob(".spare-*")))


def test_no_spare_outlives_a_killed_server(tmp_path: Path) -> None:
    with running(SERVE, tmp_path) as server:
        warm(tmp_path)
        server.kill()
    until(lambda: not processes(tmp_path))
    Spares(Context(tmp_path, "", "", "", "", ""))  # the next server
    assert not list((tmp_path / "sessions").glob(".spare-*"))


def test_without_a_lab_there_is_none(glue: Glue, tmp_path: Path) -> None:
    time.sleep(2.5)
    assert not processes(tmp_path)


@pytest.mark.parametrize(
    ("idle", "jobs", "opened", "room", "begun"),
    [
        (spares.CALM_SECONDS + 1, False, 9999, 0, True),
        (9999, False, 1, 0, True),  # a lab that was just opened, on an AWS that runs for long
        (0.5, False, 1, 0, False),  # between two cells
        (9999, True, 1, 0, False),  # beside a job run
        (9999, False, 9999, 0, False),  # nobody is there
        (9999, False, 1, 1024**4, False),  # memory is short
    ],
)
def test_a_spare_is_begun_when_it_disturbs_nobody_and_may_be_used(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    idle: float,
    jobs: bool,
    opened: float,
    room: int,
    begun: bool,
) -> None:
    monkeypatch.setattr(spares, "ROOM", room)
    kept = Spares(Context(tmp_path, "", "us-east-1", "1", "K", "S"))
    with running(OPEN, tmp_path) as lab:
        os.utime(tmp_path / "labs.lock", (0, time.time() - opened))
        kept.tick(idle, jobs)
        assert bool(processes(tmp_path)) is begun
        if begun:  # and is swept when nothing is done for long
            os.utime(tmp_path / "labs.lock", (0, time.time() - 9999))
            kept.tick(spares.KEPT_SECONDS + 1, False)
            assert not processes(tmp_path)
        lab.kill()
    kept.close()


def test_a_lab_is_open_until_its_process_ends(tmp_path: Path) -> None:
    assert labs.since(tmp_path) is None
    with running(OPEN, tmp_path) as one:
        opened = labs.since(tmp_path)
        assert opened is not None and abs(time.time() - opened) < 60
        one.kill()
    assert labs.since(tmp_path) is None
