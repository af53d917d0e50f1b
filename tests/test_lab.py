"""`workbook lab` on what `workbook deploy` has made: sessions of a stack, by stage or by profile.

The account is the local AWS again, by a profile with its address: the kernel starts as it would for
AWS. What AWS itself says to the calls cannot be seen here.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from etl_lib.errors import BadInput
from workbench import notebook_copies, session_settings
from workbench.home import Home
from workbench.mysql import seed
from workbench.preparation import STAGES
from workbench.stack import DATABASE, Stack
from workbench.target import LOCAL
from workbench.where import deployed as names

from .emptied import emptied
from .labs import asked, opened

NAME = "rental-apartments-dev"
ACCOUNT = "123456789012-us-east-1-dev"


@pytest.fixture(scope="module")
def own(stack: Stack) -> Iterator[Stack]:
    """A stack of `workbook deploy` on the local AWS, and a source of 100 apartments."""
    seed.seed(emptied(stack).server, DATABASE, rows=100)
    workbook(stack.home, "deploy", "--target", "local", "--yes")
    yield stack
    workbook(stack.home, "destroy", "--target", "local", "--data", "--yes")
    emptied(stack)


def workbook(home: Home, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "workbench.cli", *arguments],
        env={**os.environ, "WORKBOOK_HOME": str(home.root)},
        capture_output=True,
        text=True,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def profile(own: Stack, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Two profiles: that of the account, and a [default] that leads nowhere."""
    folder = tmp_path_factory.mktemp("profiles")
    (folder / "config").write_text(
        "[default]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:9\n"
        "aws_access_key_id = nobody\naws_secret_access_key = nobody\n"
        "[profile work]\nregion = us-east-1\n"
        f"endpoint_url = {own.endpoint.url}\n"  # type: ignore[attr-defined]
        f"aws_access_key_id = {own.endpoint.access_key}\n"  # type: ignore[attr-defined]
        f"aws_secret_access_key = {own.endpoint.secret_key}\n"  # type: ignore[attr-defined]
    )
    shell = {"region": "eu-west-3", "glue_connections": "none", "session_id": "another"}
    aws = {"AWS_CONFIG_FILE": str(folder / "config"), "AWS_ACCESS_KEY_ID": "of-another-shell"}
    return {**aws, **shell}


@contextmanager
def kernel(address: str, jupyter: Path) -> Iterator[BlockingKernelClient]:
    """A Glue kernel that the lab has started."""
    found = asked(f"{address}/api/kernels", "POST", {"name": "glue_pyspark"})
    client = BlockingKernelClient(
        connection_file=str(jupyter / "runtime" / f"kernel-{found['id']}.json")
    )
    client.load_connection_file()
    client.start_channels(hb=False)  # on a busy machine a heart that starts late is no death
    client.wait_for_ready(60)
    try:
        yield client
    finally:
        client.stop_channels()
        asked(f"{address}/api/kernels/{found['id']}", "DELETE")


def told(client: BlockingKernelClient, code: str) -> str:
    """What a cell says."""
    texts: list[str] = []

    def hear(message: dict[str, Any]) -> None:
        texts.append(str(message["content"].get("text", "")))

    client.execute_interactive(code, timeout=120, output_hook=hear)
    return "".join(texts)


def sessions(stack: Stack) -> dict[str, dict[str, Any]]:
    client = stack.endpoint.client("glue")
    return {each["Id"]: each for each in client.list_sessions()["Sessions"]}


def code_of(path: Path) -> list[str]:
    return [
        cell.source
        for cell in nbformat.read(path, as_version=4).cells  # type: ignore[no-untyped-call]
        if cell.cell_type == "code" and not cell.source.startswith("figure")
    ]


def test_a_lab_by_profile_runs_a_notebook_in_a_session_of_the_stack(
    own: Stack, profile: dict[str, str], tmp_path: Path
) -> None:
    target, before = names(own.endpoint, NAME), sessions(own)
    assert target
    folder = own.home.root / "accounts" / ACCOUNT
    log = tmp_path / "log"
    with opened(own.home, log, "--profile", "work", **profile) as address:
        listed = {each["name"] for each in asked(f"{address}/api/contents")["content"]}
        assert listed == {f"{stage}.ipynb" for stage in STAGES}
        with kernel(address, folder / "jupyter") as client:
            for source in code_of(folder / "notebooks" / "01_extract.ipynb"):
                said = told(client, source)
            assert "Traceback" not in said, said
            assert "01_extract" in told(client, "print(run.run_id, '01_extract')")
            assert f"'{target.bucket}'" in told(client, "bucket")
            (made,) = [each for name, each in sessions(own).items() if name not in before]
    assert "a session costs about 0.88 dollars an hour" in log.read_text()
    assert made["Role"] == target.session_role
    assert made["Id"] != "another" and not made.get("Connections")  # the shell's are another's
    assert made["SecurityConfiguration"] == NAME
    job = own.endpoint.client("glue").get_job(JobName=f"{NAME}-01_extract")["Job"]
    library = job["DefaultArguments"]["--extra-py-files"]
    assert made["DefaultArguments"]["--extra-py-files"] == library
    assert made["IdleTimeout"] == session_settings.IDLE_MINUTES
    keys = own.endpoint.client("s3").list_objects_v2(Bucket=target.bucket, Prefix="raw/")
    assert keys["KeyCount"]
    assert not os.path.exists(own.home.root / "notebooks")


def test_what_an_analyst_wrote_into_a_copy_stays_and_an_older_copy_is_told_of(
    own: Stack, tmp_path: Path
) -> None:
    folder, log = own.home.root / "stages" / "dev" / "notebooks", tmp_path / "log"
    target = names(own.endpoint, NAME)
    assert target
    stack = Stack(own.home, own.endpoint, None, target)
    notebook_copies.make(stack, session_settings.of_stack(stack), folder)
    (folder / "02_raw_ingest.ipynb").write_text("no JSON")
    path = folder / "03_transform.ipynb"
    book = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    book.cells.append(nbformat.v4.new_code_cell("1 + 1"))  # type: ignore[no-untyped-call]
    book.metadata["workbook"][notebook_copies.ORIGIN] = "of an older notebook"
    nbformat.write(book, path)  # type: ignore[no-untyped-call]
    with opened(own.home, log, "--stage", "dev"):
        said = log.read_text()
    assert code_of(path)[-1] == "1 + 1"
    assert "kept as you left them: 02_raw_ingest.ipynb, 03_transform.ipynb; remove them" in said
    assert (folder / "02_raw_ingest.ipynb").read_text() == "no JSON"
    assert "dollars" not in said
    shutil.rmtree(folder)


def test_a_copy_has_the_stacks_names_as_its_parameters(own: Stack, tmp_path: Path) -> None:
    target = names(own.endpoint, NAME)
    assert target
    stack = Stack(own.home, own.endpoint, None, target)
    settings = {**session_settings.of_stack(stack), "glue_number_of_workers": "7"}
    assert notebook_copies.make(stack, settings, tmp_path) == []
    for stage in STAGES:
        texts = code_of(tmp_path / f"{stage}.ipynb")
        assert "%number_of_workers 7" in texts[0].splitlines()
        (given,) = [text for text in texts if NAME in text]
        values: dict[str, Any] = {}
        exec(given, values)  # what the session would run
        assert values["bucket"] == target.bucket
        assert values["bookmark_table"] == target.bookmarks
        assert ("source_secret" in values) == (stage in ("01_extract", "06_finalize"))
    assert notebook_copies.make(stack, settings, tmp_path) == []
    with pytest.raises(BadInput, match="cannot be copied"):
        notebook_copies.make(stack, settings, tmp_path / "01_extract.ipynb")
    with pytest.raises(BadInput, match="older than they are"):
        session_settings.of_stack(replace(stack, target=LOCAL))


def test_a_session_has_the_network_and_the_encryption_of_the_stacks_job(own: Stack) -> None:
    glue = own.endpoint.client("glue")
    glue.create_job(
        Name="of-a-network-01_extract",
        Role="arn:aws:iam::123456789012:role/extract",
        Command={"Name": "glueetl", "ScriptLocation": "s3://b/01.py", "PythonVersion": "3"},
        DefaultArguments={"--extra-py-files": "s3://b/etl_lib.zip"},
        Connections={"Connections": ["source", "other"]},
        SecurityConfiguration="sealed",
        GlueVersion="5.1",
        WorkerType="G.2X",
        NumberOfWorkers=3,
    )
    target = replace(LOCAL, prefix="of-a-network-", session_role="arn:aws:iam::1:role/analyst")
    found = session_settings.of_stack(Stack(own.home, own.endpoint, None, target))
    glue.delete_job(JobName="of-a-network-01_extract")
    assert found["glue_connections"] == "source,other"
    assert found["glue_security_config"] == "sealed"
    assert found["glue_role_arn"] == "arn:aws:iam::1:role/analyst"
    assert "glue_additional_python_modules" not in found
    assert session_settings.hourly(found) == pytest.approx(3 * 2 * 0.44)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--stage", "prod"], r"no stack rental-apartments-prod[\s\S]*workbook deploy"),
        (["--region", "eu-west-1"], "--region is for --profile"),
    ],
)
def test_a_lab_of_what_is_not_there_is_refused(
    own: Stack, tmp_path: Path, options: list[str], said: str
) -> None:
    with pytest.raises(AssertionError, match=said), opened(own.home, tmp_path / "log", *options):
        pass
