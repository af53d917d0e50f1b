"""Glue jobs run the real script in a real process, and end as it ends."""

from __future__ import annotations

import os
import signal
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.states import until
from workbench import endpoint as local_aws
from workbench.aws.glue import classes, process
from workbench.aws.glue.jvms import Jvms
from workbench.aws.glue.service import GlueService
from workbench.aws.protocol import Context
from workbench.endpoint import ROLE, Endpoint

BUCKET = "glue-jobs"
FINAL = ("SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR")
SPARK = "from pyspark.sql import SparkSession\ns = SparkSession.builder.getOrCreate()\n"
Job = Callable[..., str]


@pytest.fixture(scope="module")
def glue(endpoint: Endpoint) -> Any:
    endpoint.client("s3").create_bucket(Bucket=BUCKET)
    return endpoint.client("glue")


@pytest.fixture
def job(glue: Any, endpoint: Endpoint) -> Job:
    def make(script: str | None, kind: str = "pythonshell", **changes: Any) -> str:
        return define(endpoint, script, kind, **changes)

    return make


def define(endpoint: Endpoint, script: str | None, kind: str, **changes: Any) -> str:
    name = f"job-{uuid.uuid4().hex[:8]}"
    if script is not None:
        endpoint.client("s3").put_object(Bucket=BUCKET, Key=f"{name}.py", Body=script.encode())
    command = {"Name": kind, "ScriptLocation": f"s3://{BUCKET}/{name}.py"}
    spark = {"GlueVersion": "5.1", "WorkerType": "G.1X", "NumberOfWorkers": 2}
    capacity = spark if kind == "glueetl" else {"MaxCapacity": 0.0625}
    request = {"Name": name, "Role": ROLE, "Command": command, **capacity, **changes}
    endpoint.client("glue").create_job(**request)
    return name


def begin(glue: Any, name: str, **options: Any) -> str:
    return str(glue.start_job_run(JobName=name, **options)["JobRunId"])


def ended(glue: Any, name: str, run: str, seconds: float = 60) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found: dict[str, Any] = glue.get_job_run(JobName=name, RunId=run)["JobRun"]
        if found["JobRunState"] in FINAL:
            return found
        time.sleep(0.02)
    raise AssertionError(f"still {found['JobRunState']}")


def run(glue: Any, name: str, **options: Any) -> dict[str, Any]:
    return ended(glue, name, begin(glue, name, **options))


def printed(endpoint: Endpoint, found: dict[str, Any], stream: str = "output") -> list[str]:
    events = endpoint.client("logs").get_log_events(
        logGroupName=f"{found['LogGroupName']}/{stream}", logStreamName=found["Id"]
    )["events"]
    return [event["message"] for event in events]


def processes(run_id: str) -> list[str]:
    """Processes whose working directory or command is the run's."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if run_id in os.readlink(entry / "cwd"):
                found.append(entry.name)
        except OSError:
            continue
    return found


def assert_gone(run_id: str) -> None:
    """A killed process takes a moment to vanish on a busy machine."""
    deadline = time.monotonic() + 5
    while processes(run_id) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes(run_id) == []


def test_a_script_runs_with_its_arguments_and_its_print_is_in_the_log(
    glue: Any, job: Job, endpoint: Endpoint
) -> None:
    script = (
        "import sys\nfrom awsglue.utils import getResolvedOptions\n"
        "given = getResolvedOptions(sys.argv, ['JOB_NAME', 'a', 'b'])\n"
        "print(given['JOB_NAME'], given['a'], given['b'])\nprint('x', file=sys.stderr)\n"
    )
    name = job(script, DefaultArguments={"--a": "default", "--b": "two words"})
    done = run(glue, name, Arguments={"--a": ""})
    assert done["JobRunState"] == "SUCCEEDED", done
    assert printed(endpoint, done) == [f"{name}  two words"]
    assert printed(endpoint, done, "error") == ["x"]
    assert done["LogGroupName"] == "/aws-glue/python-jobs"


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30))
@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_an_argument_arrives_as_it_was_given(glue: Any, endpoint: Endpoint, value: str) -> None:
    if value.startswith("-"):
        return  # argparse, which getResolvedOptions is, does not take it on Glue either
    key = "echo.txt"
    script = (
        "import boto3, sys\nfrom awsglue.utils import getResolvedOptions\n"
        "given = getResolvedOptions(sys.argv, ['a'])['a']\n"
        f"boto3.client('s3').put_object(Bucket='{BUCKET}', Key='{key}', Body=given.encode())\n"
    )
    name = define(endpoint, script, "pythonshell")
    done = run(glue, name, Arguments={"--a": value})
    assert done["JobRunState"] == "SUCCEEDED", done
    body = endpoint.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    assert body.decode() == value


def test_a_spark_script_reads_and_writes_s3_and_the_next_one_has_its_warm_jvm(
    glue: Any, job: Job, endpoint: Endpoint
) -> None:
    script = (
        "from pyspark.sql import SparkSession\n"
        "spark = SparkSession.builder.getOrCreate()\n"
        f"spark.range(10).write.mode('overwrite').parquet('s3://{BUCKET}/numbers')\n"
        f"assert spark.read.parquet('s3://{BUCKET}/numbers').count() == 10\n"
        "print(spark._jvm.java.lang.ProcessHandle.current().pid())\n"
    )
    name = job(script, "glueetl")
    done = [run(glue, name) for _ in range(4)]
    assert {each["JobRunState"] for each in done} == {"SUCCEEDED"}
    pids = {pid for each in done for pid in printed(endpoint, each)}
    assert len(pids) == 1, "the pool has one"


def test_its_jvm_maps_the_archive_of_spark_s_classes(
    glue: Any, job: Job, endpoint: Endpoint
) -> None:
    done = run(
        glue, job(f"{SPARK}print(s._jvm.java.lang.ProcessHandle.current().pid())\n", "glueetl")
    )
    (pid,) = printed(endpoint, done)
    assert str(classes.archive()) in Path(f"/proc/{pid}/maps").read_text()


@pytest.mark.parametrize("value", ["0", "-1", "two"])
def test_a_number_of_jvms_that_makes_no_sense_fails_a_spark_job_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("WORKBOOK_JVMS", value)
    context = Context(tmp_path, "http://127.0.0.1:9", "us-east-1", "1", "k", "s")
    with pytest.raises(process.ProcessFailed, match=f"WORKBOOK_JVMS is '{value}': set it to 1"):
        Jvms(context)


def test_what_one_spark_script_left_the_next_does_not_find(glue: Any, job: Job) -> None:
    first = job(
        "from pyspark.sql import SparkSession\n"
        "s = SparkSession.builder.config('spark.sql.shuffle.partitions', '7').getOrCreate()\n"
        "s.range(1).createOrReplaceTempView('left')\nraise ValueError('bad row 7')\n",
        "glueetl",
    )
    failed = run(glue, first)
    assert (failed["JobRunState"], failed["ErrorMessage"]) == ("FAILED", "ValueError: bad row 7")
    second = job(
        "from pyspark.sql import SparkSession\n"
        "s = SparkSession.builder.getOrCreate()\n"
        "assert s.conf.get('spark.sql.shuffle.partitions') == '2'\n"
        "assert not s.catalog.tableExists('left')\n",
        "glueetl",
    )
    assert run(glue, second)["JobRunState"] == "SUCCEEDED"


def test_a_spark_script_that_leaves_without_a_word_does_not_harm_the_next(
    glue: Any, job: Job
) -> None:
    assert run(glue, job(f"{SPARK}import os; os._exit(0)", "glueetl"))["JobRunState"] == "SUCCEEDED"
    after = run(glue, job(f"{SPARK}s.range(3).count()", "glueetl"))
    assert after["JobRunState"] == "SUCCEEDED", after


def test_a_thread_that_still_works_keeps_spark(glue: Any, job: Job, endpoint: Endpoint) -> None:
    script = (
        f"{SPARK}import threading, time\n"
        "def work():\n    time.sleep(1)\n    print(s.range(10).count())\n"
        "threading.Thread(target=work).start()\n"
    )
    done = run(glue, job(script, "glueetl"))
    assert printed(endpoint, done) == ["10"]


def test_a_spark_run_that_is_stopped_while_it_starts_takes_no_jvm_with_it(
    glue: Any, job: Job
) -> None:
    # Other settings than the default's: a JVM of their own must start.
    slow = job(f"{SPARK}s.range(3).count()", "glueetl", DefaultArguments={"--conf": "spark.x=1"})
    for _ in range(2):
        running = begin(glue, slow)
        time.sleep(0.8)
        glue.batch_stop_job_run(JobName=slow, JobRunIds=[running])
        assert ended(glue, slow, running)["JobRunState"] == "STOPPED"
    after = run(glue, slow)
    assert after["JobRunState"] == "SUCCEEDED", after


def test_two_runs_draw_other_numbers_and_a_last_line_needs_no_end(
    glue: Any, job: Job, endpoint: Endpoint
) -> None:
    name = job("import random, numpy\nprint(random.random(), numpy.random.rand(), end='')\n")
    first, second = (printed(endpoint, run(glue, name)) for _ in range(2))
    assert len(first) == len(second) == 1
    assert set(first[0].split()).isdisjoint(second[0].split())


def test_what_a_script_started_in_a_session_of_its_own_ends_with_it(glue: Any, job: Job) -> None:
    script = "import subprocess\nsubprocess.Popen(['sleep', '98'], start_new_session=True)\n"
    done = run(glue, job(script))
    assert done["JobRunState"] == "SUCCEEDED"
    assert_gone(done["Id"])


@pytest.mark.parametrize(
    ("script", "state", "message"),
    [
        ("raise ValueError('bad row 7')", "FAILED", "ValueError: bad row 7"),
        ("import sys; print('why', file=sys.stderr); sys.exit(3)", "FAILED", "exit code 3: why"),
        ("import sys; sys.exit('no tables')", "FAILED", "exit code 1: no tables"),
        ("import os; os._exit(4)", "FAILED", "exit code 4"),
        (
            "import os, signal; os.kill(os.getpid(), signal.SIGKILL)",
            "FAILED",
            "killed by signal 9 (SIGKILL)",
        ),
        ("import os; os.kill(os.getpid(), 40)", "FAILED", "killed by signal 40"),
        ("def f(:", "FAILED", "SyntaxError: "),
        ("import nonsense_here", "FAILED", "ModuleNotFoundError: No module named 'nonsense_here'"),
        ("import sys; sys.exit(0)", "SUCCEEDED", ""),
        ("import workbench", "FAILED", "ModuleNotFoundError: No module named 'workbench'"),
        (None, "FAILED", "does not exist"),
    ],
)
def test_a_run_ends_as_its_script_ends(
    glue: Any, job: Job, script: str | None, state: str, message: str
) -> None:
    done = run(glue, job(script))
    assert done["JobRunState"] == state, done
    assert message in done.get("ErrorMessage", "")
    assert_gone(done["Id"])


def test_a_traceback_begins_in_the_script(glue: Any, job: Job, endpoint: Endpoint) -> None:
    done = run(glue, job("def f():\n    raise ValueError('bad')\n\nf()\n"))
    lines = printed(endpoint, done, "error")
    assert lines[0].startswith("Traceback") and ".py" in lines[1] and "line 4" in lines[1]
    assert not [line for line in lines if "launcher" in line or "runpy" in line]


def stop_one(glue: Any, name: str) -> float:
    """Start a run that has a child, stop it; seconds until it is over."""
    running = begin(glue, name)
    until(lambda: len(processes(running)) == 2, 60)
    clock = time.monotonic()
    stopped = glue.batch_stop_job_run(JobName=name, JobRunIds=[running, "jr_none"])
    assert [each["JobRunId"] for each in stopped["SuccessfulSubmissions"]] == [running]
    assert stopped["Errors"][0]["ErrorDetail"]["ErrorCode"] == "EntityNotFoundException"
    assert ended(glue, name, running)["JobRunState"] == "STOPPED"
    seconds = time.monotonic() - clock
    assert_gone(running)
    return seconds


def test_a_stopped_run_is_over_within_a_second_with_all_it_started(glue: Any, job: Job) -> None:
    name = job("import subprocess, time\nsubprocess.Popen(['sleep', '99'])\ntime.sleep(99)\n")
    # The fastest of three: what else this machine does is not what is asked about.
    assert min(stop_one(glue, name) for _ in range(3)) < 1


def test_a_run_beyond_its_timeout_is_ended(endpoint: Endpoint, glue: Any, tmp_path: Path) -> None:
    """With minutes of a second: no timeout of Glue's is shorter than a minute."""
    name = define(endpoint, "import time\ntime.sleep(99)\n", "pythonshell")
    store = endpoint.state / "s3"
    (tmp_path / "s3").symlink_to(store)
    context = Context(
        tmp_path,
        endpoint.url,
        endpoint.region,
        "123456789012",
        endpoint.access_key,
        endpoint.secret_key,
    )
    service = GlueService(context, minute=1.0)
    try:
        kept = glue.get_job(JobName=name)["Job"]
        wanted = {k: kept[k] for k in ("Role", "Command", "MaxCapacity")}
        service.handle("CreateJob", {"Name": name, **wanted, "Timeout": 1}, context)
        started = service.handle("StartJobRun", {"JobName": name}, context)["JobRunId"]
        done = service.wait_for_run(name, started, 20)
        assert done is not None and done["JobRunState"] == "TIMEOUT"
        assert_gone(started)
    finally:
        service.close()


def test_more_runs_at_once_than_allowed_are_refused(glue: Any, job: Job) -> None:
    name = job("import time; time.sleep(99)", ExecutionProperty={"MaxConcurrentRuns": 2})
    runs = [begin(glue, name), begin(glue, name)]
    with pytest.raises(ClientError) as caught:
        begin(glue, name)
    assert caught.value.response["Error"]["Code"] == "ConcurrentRunsExceededException"
    glue.batch_stop_job_run(JobName=name, JobRunIds=runs)
    for each in runs:
        ended(glue, name, each)
    again = begin(glue, name)
    glue.batch_stop_job_run(JobName=name, JobRunIds=[again])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"Command": {"Name": "glueray", "ScriptLocation": "s3://b/k"}}, "Command.Name 'glueray'"),
        ({"Command": {"Name": "pythonshell", "ScriptLocation": "/x.py"}}, "not s3://bucket/key"),
        ({"WorkerType": "G.1X", "NumberOfWorkers": 2}, "MaxCapacity, not WorkerType"),
        ({"MaxCapacity": 2.0}, "0.0625 or 1"),
        ({"MaxRetries": 2}, "MaxRetries: not supported"),
        ({"Timeout": 10081}, "Timeout 10081 is not a whole number"),
        ({"DefaultArguments": {"a": "b"}}, "does not begin with --"),
        ({"DefaultArguments": {"--JOB_NAME": "b"}}, "reserved by Glue"),
        ({"JobRunQueuingEnabled": True}, "JobRunQueuingEnabled: not supported"),
    ],
)
def test_a_definition_that_glue_or_we_do_not_take_is_refused(
    job: Job, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(ClientError) as caught:
        job("pass", **change)
    assert caught.value.response["Error"]["Code"] == "InvalidInputException"
    assert message in caught.value.response["Error"]["Message"]


def test_an_update_is_what_the_next_run_runs_and_a_deleted_job_is_gone(glue: Any, job: Job) -> None:
    name = job("import sys; sys.exit(3)")
    other = glue.get_job(JobName=job("pass"))["Job"]
    update = {k: other[k] for k in ("Role", "Command", "MaxCapacity")}
    glue.update_job(JobName=name, JobUpdate=update)
    assert run(glue, name)["JobRunState"] == "SUCCEEDED"
    assert [each["Id"] for each in glue.get_job_runs(JobName=name)["JobRuns"]]
    glue.delete_job(JobName=name)
    with pytest.raises(ClientError, match="EntityNotFoundException"):
        glue.start_job_run(JobName=name)


def test_a_killed_server_takes_its_runs_along_and_says_so_when_it_is_back(tmp_path: Path) -> None:
    own = local_aws.start(tmp_path / "aws")
    own.client("s3").create_bucket(Bucket=BUCKET)
    name = define(own, "import time; time.sleep(99)", "pythonshell")
    running = begin(own.client("glue"), name)
    until(lambda: processes(running), 60)
    os.kill(int((tmp_path / "aws" / "aws.pid").read_text().split()[0]), signal.SIGKILL)
    assert_gone(running)
    own = local_aws.start(tmp_path / "aws")
    try:
        found = own.client("glue").get_job_run(JobName=name, RunId=running)["JobRun"]
        assert found["JobRunState"] == "FAILED"
        assert "The local AWS stopped" in found["ErrorMessage"]
    finally:
        local_aws.stop(tmp_path / "aws")
