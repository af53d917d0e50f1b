"""Glue interactive sessions: real processes, real Spark, spoken to through boto3."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import time
import uuid
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from workbench.aws.glue import classes
from workbench.aws.glue.service import GlueService
from workbench.aws.protocol import AwsError, Context
from workbench.endpoint import ROLE, Endpoint
from workbench.home import REPOSITORY

COMMAND = {"Name": "glueetl", "PythonVersion": "3"}
BUCKET = "glue-sessions"


@pytest.fixture(scope="module")
def glue(endpoint: Endpoint) -> Any:
    return endpoint.client("glue")


@pytest.fixture(scope="module")
def store(endpoint: Endpoint) -> Any:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket=BUCKET)
    return s3


@pytest.fixture(scope="module")
def session(glue: Any, store: Any) -> Iterator[str]:
    """A session that the tests of this module share, with a library of its own."""
    store.put_object(Bucket=BUCKET, Key="lib/demo.zip", Body=_zip({"demo/__init__.py": "NUMBER=7"}))
    arguments = {
        "--extra-py-files": f"s3://{BUCKET}/lib/demo.zip",
        "--additional-python-modules": "pandas>=2,pyarrow",
        "--conf": "spark.sql.ansi.enabled=true --conf spark.demo=a b",
        "--enable-glue-datacatalog": "true",
    }
    identifier = _create(glue, DefaultArguments=arguments)
    assert _ready(glue, identifier) == "READY"
    yield identifier
    glue.stop_session(Id=identifier)


def test_a_session_is_ready_within_seconds(glue: Any) -> None:
    begun = time.monotonic()
    identifier = _create(glue, Description="quick", IdleTimeout=5)
    assert _ready(glue, identifier) == "READY"
    assert time.monotonic() - begun < 2.5
    described = glue.get_session(Id=identifier)["Session"]
    assert (described["GlueVersion"], described["WorkerType"]) == ("5.1", "G.1X")
    assert (described["NumberOfWorkers"], described["IdleTimeout"]) == (2, 5)
    assert described["Command"] == COMMAND
    glue.stop_session(Id=identifier)
    assert glue.get_session(Id=identifier)["Session"]["Status"] == "STOPPED"
    glue.delete_session(Id=identifier)
    with _refused("EntityNotFoundException"):
        glue.get_session(Id=identifier)


def test_names_live_on_and_the_last_expression_is_printed(glue: Any, session: str) -> None:
    assert _text(glue, session, "x = 20\nprint('set')") == "set"
    assert _text(glue, session, "print('is')\nx + 1") == "is\n21"
    assert _text(glue, session, "None") == ""
    source = "from dataclasses import dataclass\n@dataclass\nclass P:\n    a: int\nP(1)"
    assert _text(glue, session, source) == "P(a=1)"


def test_a_trivial_statement_takes_milliseconds(glue: Any, session: str) -> None:
    _text(glue, session, "spark.range(1).count()")  # Spark's start is over
    times = []
    for _ in range(10):
        begun = time.monotonic()
        _text(glue, session, "1")
        times.append(time.monotonic() - begun)
    assert min(times) < 0.1


def test_its_jvm_maps_the_archive_of_spark_s_classes(glue: Any, session: str) -> None:
    pid = _text(glue, session, "print(sc._jvm.java.lang.ProcessHandle.current().pid())")
    assert str(classes.archive()) in Path(f"/proc/{pid}/maps").read_text()


def test_an_error_keeps_what_was_printed_and_shows_no_frame_of_ours(
    glue: Any, session: str
) -> None:
    code = "def f():\n    return 1 / 0\nprint('before')\nf()"
    output = _output(glue, session, code)
    assert (output["Status"], output["ErrorName"]) == ("error", "ZeroDivisionError")
    assert output["ErrorValue"] == "division by zero"
    assert output["Traceback"][:2] == ["before", "Traceback (most recent call last):"]
    trace = "\n".join(output["Traceback"])
    assert "return 1 / 0" in trace and "line 4, in <module>" in trace
    assert "worker.py" not in trace
    assert output["Data"]["TextPlain"] == "before"
    assert _output(glue, session, "a b")["ErrorName"] == "SyntaxError"
    assert _output(glue, session, "import sys; sys.exit(3)")["ErrorName"] == "SystemExit"


def test_matplot_returns_the_figure_and_closes_it(glue: Any, session: str) -> None:
    figure = "import matplotlib.pyplot as plt\nprint('drawn')\n_ = plt.plot([1, 2])\n%matplot plt"
    number = glue.run_statement(SessionId=session, Code=figure)["Id"]
    data = _raw_statement(glue, session, number)["Output"]["Data"]
    assert data["MimeType"] == "image/png" and data["StdOut"] == "drawn"
    assert data["Result"].startswith("iVBORw0KGgo")  # the PNG signature
    assert _text(glue, session, "plt.get_fignums()") == "[]"
    assert "no figure" in _output(glue, session, "1\n%matplot plt")["ErrorValue"]


def test_libraries_modules_and_conf_arrive(glue: Any, session: str) -> None:
    assert _text(glue, session, "import demo; demo.NUMBER") == "7"
    assert _text(glue, session, "spark.conf.get('spark.demo')") == "'a b'"
    workers = (
        "def there(_):\n    import demo, importlib.util\n"
        "    return [(demo.NUMBER, importlib.util.find_spec('workbench') is None)]\n"
        "sc.parallelize([1], 1).mapPartitions(there).collect()"
    )
    assert _text(glue, session, workers) == "[(7, True)]"


def test_the_repository_is_not_importable(glue: Any, session: str) -> None:
    for name in ("workbench", "etl_lib"):
        assert _output(glue, session, f"import {name}")["ErrorName"] == "ModuleNotFoundError"
    assert str(REPOSITORY) not in json.loads(
        _text(glue, session, "import json, sys; print(json.dumps(sys.path))")
    )


def test_only_our_own_aws_is_in_the_environment(
    glue: Any, session: str, endpoint: Endpoint
) -> None:
    code = "import os, json; print(json.dumps({k: v for k, v in os.environ.items() if 'AWS' in k}))"
    assert json.loads(_text(glue, session, code)) == {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": endpoint.access_key,
        "AWS_SECRET_ACCESS_KEY": endpoint.secret_key,
        "AWS_REGION": endpoint.region,
        "AWS_DEFAULT_REGION": endpoint.region,
    }
    assert int(
        _text(glue, session, "import boto3; len(boto3.client('s3').list_buckets()['Buckets'])")
    )


def test_spark_writes_and_reads_s3_in_a_bucket_made_later(
    glue: Any, session: str, store: Any
) -> None:
    _text(glue, session, "spark.range(1).count()")
    bucket = f"made.later-{uuid.uuid4().hex[:8]}"
    store.create_bucket(Bucket=bucket)
    code = f"spark.range(5).write.parquet('s3://{bucket}/t/')\nspark.read.parquet('s3://{bucket}/t').count()"
    assert _text(glue, session, code) == "5"
    keys = [found["Key"] for found in store.list_objects_v2(Bucket=bucket)["Contents"]]
    assert any(key.endswith(".parquet") for key in keys)
    assert not any(key.endswith(".crc") for key in keys)
    settings = "from pyspark.sql import SparkSession\nSparkSession.builder.getOrCreate() is spark"
    assert _text(glue, session, settings) == "True"
    assert _text(glue, session, "sc.master, spark.conf.get('spark.sql.session.timeZone')") == (
        "('local[2]', 'UTC')"
    )


@pytest.mark.parametrize(
    "code",
    [
        "import time\nwhile True:\n    time.sleep(0.1)",
        "sc.parallelize([1], 1).map(lambda x: __import__('time').sleep(60)).count()",
        "import subprocess\nsubprocess.run(['sleep', '60'])",
    ],
    ids=["python", "spark", "subprocess"],
)
def test_a_cancelled_statement_ends_and_the_session_goes_on(
    glue: Any, session: str, code: str
) -> None:
    _text(glue, session, "spark.range(1).count()")
    number = glue.run_statement(SessionId=session, Code=code)["Id"]
    waiting = glue.run_statement(SessionId=session, Code="print('never')")["Id"]
    time.sleep(0.5)
    glue.cancel_statement(SessionId=session, Id=waiting)
    begun = time.monotonic()
    glue.cancel_statement(SessionId=session, Id=number)
    assert _statement(glue, session, number)["State"] == "CANCELLED"
    assert time.monotonic() - begun < 5
    assert _statement(glue, session, waiting)["State"] == "CANCELLED"
    assert _text(glue, session, "x = 1; spark.range(3).count() + x") == "4"


def test_statements_wait_for_their_turn_and_are_listed(glue: Any, session: str) -> None:
    first = glue.run_statement(SessionId=session, Code="import time; time.sleep(0.3)")["Id"]
    second = glue.run_statement(SessionId=session, Code="'second'")["Id"]
    assert second == first + 1
    listed = {s["Id"]: s for s in glue.list_statements(SessionId=session)["Statements"]}
    assert listed[second]["State"] == "WAITING"
    assert _statement(glue, session, second)["Output"]["Data"]["TextPlain"] == "'second'"
    with _refused("EntityNotFoundException"):
        glue.get_statement(SessionId=session, Id=9999)


@pytest.mark.parametrize("death", ["os._exit(3)", "os.kill(os.getpid(), 9)"])
def test_a_dying_process_fails_its_statement_and_session(glue: Any, death: str) -> None:
    identifier = _create(glue)
    _ready(glue, identifier)
    number = glue.run_statement(SessionId=identifier, Code=f"import os; {death}")["Id"]
    statement = _statement(glue, identifier, number)
    code = "3" if "3" in death else "-9"
    assert statement["State"] == "ERROR"
    assert statement["Output"]["Status"] == "error"
    assert statement["Output"]["ErrorValue"] == (
        f"the session's process ended with exit code {code}"
    )
    failed = glue.get_session(Id=identifier)["Session"]
    assert failed["Status"] == "FAILED" and f"exit code {code}" in failed["ErrorMessage"]
    with _refused("IllegalSessionStateException"):
        glue.run_statement(SessionId=identifier, Code="1")


def test_stop_ends_the_process_its_jvm_and_sparks_workers(glue: Any) -> None:
    identifier = _create(glue)
    _ready(glue, identifier)
    code = "sc.parallelize([1], 1).map(lambda x: __import__('time').sleep(60)).count()"
    number = glue.run_statement(SessionId=identifier, Code=code)["Id"]
    deadline = time.monotonic() + 30
    while len(_processes(identifier)) < 4:  # worker, JVM, Spark's Python daemon and its child
        assert time.monotonic() < deadline
        time.sleep(0.1)
    begun = time.monotonic()
    glue.stop_session(Id=identifier)
    _await_none(identifier)
    assert time.monotonic() - begun < 2
    assert _statement(glue, identifier, number)["State"] == "CANCELLED"
    with _refused("IllegalSessionStateException"):
        glue.stop_session(Id=identifier)


def test_what_cannot_be_loaded_fails_the_session_by_name(glue: Any, store: Any) -> None:
    store.put_object(Bucket=BUCKET, Key="lib/evil.zip", Body=_zip({"../evil.py": ""}))
    store.put_object(Bucket=BUCKET, Key="lib/text.zip", Body=b"no zip")
    for argument, value, reason in [
        ("--extra-py-files", f"s3://{BUCKET}/lib/none.zip", "none.zip does not exist"),
        ("--extra-py-files", f"s3://{BUCKET}/lib/evil.zip", "unsafe member '../evil.py'"),
        ("--extra-py-files", f"s3://{BUCKET}/lib/text.zip", "is not a zip file"),
        ("--extra-py-files", f"s3://{BUCKET}/../x.zip", "is not s3://bucket/key"),
        ("--extra-jars", f"s3://{BUCKET}/lib/none.jar", "none.jar does not exist"),
        ("--additional-python-modules", "no-such-module==1", "no-such-module==1 is not installed"),
        ("--additional-python-modules", "pandas==1.0", "pandas==1.0 is asked for"),
    ]:
        identifier = _create(glue, DefaultArguments={argument: value})
        assert _ready(glue, identifier) == "FAILED", value
        message = glue.get_session(Id=identifier)["Session"]["ErrorMessage"]
        assert argument in message and reason in message


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"GlueVersion": "4.0"}, "GlueVersion 4.0"),
        ({"WorkerType": "G.3X"}, "WorkerType 'G.3X'"),
        ({"MaxCapacity": 2.0}, "MaxCapacity"),
        ({"SessionType": "SPARK_CONNECT"}, "SessionType"),
        ({"Command": {"Name": "glueray"}}, "glueray"),
        ({"DefaultArguments": {"--conf": "nonsense"}}, "nonsense"),
        ({"DefaultArguments": {"--conf": "spark.master=yarn"}}, "spark.master"),
    ],
)
def test_what_does_not_run_here_is_refused_by_name(
    glue: Any, fields: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError) as refused:
        _create(glue, **fields)
    assert refused.value.response["Error"]["Code"] == "InvalidInputException"
    assert reason in refused.value.response["Error"]["Message"]


def test_an_id_is_used_once_and_code_has_a_limit(glue: Any, session: str) -> None:
    with _refused("AlreadyExistsException"):
        _create(glue, Id=session)
    with _refused("InvalidInputException"):
        glue.run_statement(SessionId=session, Code="#" * 68_001)
    with _refused("EntityNotFoundException"):
        glue.run_statement(SessionId="none", Code="1")


def test_tags_select_sessions(glue: Any, session: str) -> None:
    arn = f"arn:aws:glue:us-east-1:123456789012:session/{session}"
    glue.tag_resource(ResourceArn=arn, TagsToAdd={"owner": "me", "stage": "dev"})
    glue.untag_resource(ResourceArn=arn, TagsToRemove=["stage"])
    assert glue.get_tags(ResourceArn=arn)["Tags"] == {"owner": "me"}
    assert glue.list_sessions(Tags={"owner": "me"})["Ids"] == [session]
    first = glue.list_sessions(MaxResults=1)
    rest = glue.list_sessions(NextToken=first["NextToken"])
    assert set(first["Ids"]).isdisjoint(rest["Ids"])


@pytest.mark.parametrize("limit", ["IdleTimeout", "Timeout"])
def test_a_session_times_out(tmp_path: Path, limit: str) -> None:
    context = Context(tmp_path, "http://127.0.0.1:9", "us-east-1", "123456789012", "K", "S")
    service = GlueService(context, minute=1.0)
    request = {"Id": "short", "Role": ROLE, "Command": COMMAND, limit: 1}
    service.handle("CreateSession", request, context)
    get = {"Id": "short"}
    if limit == "Timeout":  # it ends a session that works, too
        service.handle("GetSession", get, context)
        busy = {"SessionId": "short", "Code": "import time; time.sleep(60)"}
        service.handle("RunStatement", busy, context)
    deadline = time.monotonic() + 10
    while service.handle("GetSession", get, context)["Session"]["Status"] != "TIMEOUT":
        assert time.monotonic() < deadline
        time.sleep(0.05)
    with pytest.raises(AwsError, match="InvalidInputException"):
        service.handle("RunStatement", {"SessionId": "short", "Code": "1"}, context)
    service.close()


def test_sessions_die_with_a_killed_server(tmp_path: Path) -> None:
    """A server of its own, with a session whose JVM runs and whose Python is busy, killed -9."""
    program = (
        "import sys, time\nfrom pathlib import Path\n"
        "from workbench.aws.glue.service import GlueService\n"
        "from workbench.aws.protocol import Context\n"
        "c = Context(Path(sys.argv[1]), 'http://127.0.0.1:9', 'us-east-1', '1', 'K', 'S')\n"
        "s = GlueService(c)\n"
        "s.handle('CreateSession', {'Id': sys.argv[2], 'Role': sys.argv[3],"
        " 'Command': {'Name': 'glueetl'}}, c)\n"
        "s.handle('GetSession', {'Id': sys.argv[2]}, c)\n"
        "code = 'spark.range(1).count()'\n"
        "s.handle('RunStatement', {'SessionId': sys.argv[2], 'Code': code}, c)\n"
        "s.handle('GetStatement', {'SessionId': sys.argv[2], 'Id': 1}, c)\n"
        "s.handle('RunStatement', {'SessionId': sys.argv[2], 'Code': 'while True: pass'}, c)\n"
        "print('busy', flush=True)\ntime.sleep(60)\n"
    )
    identifier = f"orphan-{uuid.uuid4().hex}"
    with subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path), identifier, ROLE],
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
    ) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == b"busy\n"
        assert len(_processes(identifier)) >= 2
        server.send_signal(signal.SIGKILL)
    _await_none(identifier)


def _create(glue: Any, **fields: Any) -> str:
    request = {
        "Id": f"test-{uuid.uuid4().hex}",
        "Role": ROLE,
        "Command": COMMAND,
        "GlueVersion": "5.1",
        "WorkerType": "G.1X",
        "NumberOfWorkers": 2,
    }
    answer = glue.create_session(**(request | fields))["Session"]
    assert answer["Status"] == "PROVISIONING"
    return str(answer["Id"])


def _ready(glue: Any, session: str) -> str:
    """The status after PROVISIONING."""
    for _ in range(30):
        status = str(glue.get_session(Id=session)["Session"]["Status"])
        if status != "PROVISIONING":
            return status
    raise AssertionError("still PROVISIONING")


def _statement(glue: Any, session: str, number: int) -> dict[str, Any]:
    while True:
        statement: dict[str, Any] = glue.get_statement(SessionId=session, Id=number)["Statement"]
        if statement["State"] in ("AVAILABLE", "ERROR", "CANCELLED"):
            return statement


def _output(glue: Any, session: str, code: str) -> dict[str, Any]:
    number = glue.run_statement(SessionId=session, Code=code)["Id"]
    statement = _statement(glue, session, number)
    assert statement["State"] == "AVAILABLE", statement
    output: dict[str, Any] = statement["Output"]
    return output


def _text(glue: Any, session: str, code: str) -> str:
    output = _output(glue, session, code)
    assert output["Status"] == "ok", "\n".join(output.get("Traceback", []))
    return str(output["Data"]["TextPlain"])


def _raw_statement(glue: Any, session: str, number: int) -> dict[str, Any]:
    """With the fields that only the kernel's own service model knows."""
    _statement(glue, session, number)
    bodies: list[bytes] = []
    glue.meta.events.register_last(
        "before-parse.glue.GetStatement",
        lambda response_dict, **_: bodies.append(response_dict["body"]),
        unique_id="raw",
    )
    glue.get_statement(SessionId=session, Id=number)
    glue.meta.events.unregister("before-parse.glue.GetStatement", unique_id="raw")
    statement: dict[str, Any] = json.loads(bodies[0])["Statement"]
    return statement


def _zip(members: dict[str, str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return file.getvalue()


class _refused:
    """The call inside must be refused with this AWS error code."""

    def __init__(self, code: str) -> None:
        self._code = code

    def __enter__(self) -> None:
        return None

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        assert isinstance(error, ClientError), f"not refused: {error!r}"
        assert error.response["Error"]["Code"] == self._code, error
        return True


def _processes(session: str) -> list[str]:
    """All processes that work in the session's folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(process / "cwd")
        except OSError:
            continue
        if where.removesuffix(" (deleted)").endswith(f"/sessions/{session}"):
            found.append(process.name)
    return found


def _await_none(session: str) -> None:
    deadline = time.monotonic() + 5
    while _processes(session):
        assert time.monotonic() < deadline, "processes of the session are left"
        time.sleep(0.05)
