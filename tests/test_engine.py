"""Every fault that the Glue kernel answers with "ok" fails the run, with its true error."""

from __future__ import annotations

import gc
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any

import nbformat
import papermill
import pytest
from botocore.exceptions import ClientError
from papermill.exceptions import PapermillExecutionError

from tests.states import until
from workbench import endpoint as local_aws
from workbench import kernel, pipeline
from workbench.endpoint import Endpoint
from workbench.engine import GlueKernel, sends_statement
from workbench.home import REPOSITORY
from workbench.stack import Stack

MAGICS = "%glue_version 5.1\n%worker_type G.1X\n%number_of_workers 2\n%idle_timeout 30"


@pytest.fixture(autouse=True)
def environment(
    endpoint: Endpoint, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    jupyter = tmp_path_factory.mktemp("jupyter")
    kernel.install(jupyter)
    for name, value in kernel.environment(endpoint, jupyter).items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def shared(environment: None) -> Iterator[GlueKernel]:
    with GlueKernel() as opened:
        yield opened


@pytest.fixture(scope="module")
def kept() -> Iterator[GlueKernel]:
    """For all tests that leave their session as it was; it starts with the first of them."""
    with GlueKernel() as opened:
        yield opened


def notebook(path: Path, *sources: str, magics: str = "") -> Path:
    cells = [
        nbformat.v4.new_code_cell(f"{MAGICS}\n{magics}"),
        nbformat.v4.new_code_cell("name = 'nobody'  # who", metadata={"tags": ["parameters"]}),
        *(nbformat.v4.new_code_cell(source) for source in sources),
    ]
    spec = {"name": "glue_pyspark", "display_name": "Glue PySpark", "language": "python"}
    book = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec})
    nbformat.write(book, path / "in.ipynb")
    return path / "in.ipynb"


def run(path: Path, *sources: str, magics: str = "", **options: Any) -> Any:
    return papermill.execute_notebook(
        notebook(path, *sources, magics=magics),
        path / "out.ipynb",
        parameters={"name": "papermill"},
        engine_name="glue",
        language="python",
        progress_bar=False,
        **options,
    )


def failure(path: Path, *sources: str, **options: Any) -> PapermillExecutionError:
    """Run; it must fail, and the written notebook must hold the same error."""
    with pytest.raises(PapermillExecutionError) as caught:
        run(path, *sources, **options)
    written = nbformat.read(path / "out.ipynb", as_version=4)
    outputs = [each for cell in written.cells for each in cell.get("outputs", ())]
    errors = [each for each in outputs if each.output_type == "error"]
    assert [error.ename for error in errors] == [caught.value.ename]
    return caught.value


def later(seconds: float, work: Callable[[], Any]) -> None:
    timer = threading.Timer(seconds, work)
    timer.daemon = True
    timer.start()


def sleeping(glue: Any, shared: GlueKernel) -> int:
    """Waits for a statement that sleeps; its number."""

    def running() -> list[int]:
        with suppress(ClientError):  # the session is not there or not ready yet
            found = glue.list_statements(SessionId=shared.session_id)["Statements"]
            return [s["Id"] for s in found if s["State"] == "RUNNING" and "sleep" in s["Code"]]
        return []

    return int(until(running, 120)[0])


def sessions(endpoint: Endpoint) -> list[str]:
    return [s["Id"] for s in endpoint.client("glue").list_sessions()["Sessions"]]


def ready(endpoint: Endpoint) -> list[str]:
    found = endpoint.client("glue").list_sessions()["Sessions"]
    return [s["Id"] for s in found if s["Status"] == "READY"]


def test_a_good_notebook_runs_with_its_parameters_and_clean_outputs(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    before = ready(endpoint)
    done = run(tmp_path, "print('hello', name)\n1 + 1")
    assert done.cells[0].outputs == []
    assert done.cells[-1].outputs[0].text.split() == ["hello", "papermill", "2"]
    assert ready(endpoint) == before


def test_a_plot_is_kept_and_so_is_what_was_printed_before_it(
    tmp_path: Path, kept: GlueKernel
) -> None:
    code = "import matplotlib.pyplot as plt\nprint('see')\nplt.plot([1, 2])\n%matplot plt"
    outputs = run(tmp_path, code, kernel=kept).cells[-1].outputs
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert any("see" in output.get("text", "") for output in outputs)


def test_a_python_error_has_its_name_message_and_traceback(
    tmp_path: Path, kept: GlueKernel
) -> None:
    code = "def f():\n    raise ValueError('bad row 7')\n\nf()"
    error = failure(tmp_path, code, "print('never')", kernel=kept)
    assert (error.ename, error.evalue) == ("ValueError", "bad row 7")
    assert "in f" in "\n".join(error.traceback)
    written = nbformat.read(tmp_path / "out.ipynb", as_version=4)
    assert written.cells[-1].outputs == []


def test_a_cell_asks_the_warehouse_as_the_tutorial_says_and_sql_is_spark_s(
    tmp_path: Path, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in stack.environment().items():
        monkeypatch.setenv(name, value)
    text = (REPOSITORY / "docs" / "tutorial.md").read_text()
    in_a_stage, own = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    view = 'spark.range(3).createOrReplaceTempView("three")'
    started = "from pyspark import SparkContext\nprint(SparkContext._active_spark_context is None)"
    names = (
        f'"", "{pipeline.BUCKET}", "", "", "rental-apartments", "dev", "", "{pipeline.BOOKMARKS}"'
    )
    opened = "from etl_lib import ledger, show\nfrom etl_lib.run import open_run\n"
    opened += f"run = open_run({names}, start=True)\nledger.prepare(run.warehouse)"
    cells = run(
        tmp_path, started, own, opened, in_a_stage, view, "%%sql\nSELECT id FROM three"
    ).cells
    outputs = ["".join(o.get("text", "") for o in cell.get("outputs", ())) for cell in cells]
    # The first cell has not waited for the JVM, which may be there already on a busy machine.
    assert any(
        text.strip() == "True"
        for text in chain([outputs[-6]], (_said(tmp_path, started) for _ in range(3)))
    )
    assert "tables" in outputs[-5]
    assert "table_name" in outputs[-3] or "Empty DataFrame" in outputs[-3]
    assert outputs[-1].splitlines()[1:4] == ["| id|", "+---+", "|  0|"]


def _said(tmp_path: Path, code: str) -> str:
    """In a session of its own."""
    (output,) = run(tmp_path, code).cells[-1].outputs
    return str(output.text)


def test_two_notebooks_share_a_session_but_not_their_names(
    tmp_path: Path, kept: GlueKernel, endpoint: Endpoint
) -> None:
    run(tmp_path, "left = 1", kernel=kept)
    before = sessions(endpoint)
    error = failure(tmp_path, "left", kernel=kept)
    assert error.ename == "NameError"
    assert sessions(endpoint) == before


def test_an_unknown_magic_fails(tmp_path: Path) -> None:
    error = failure(tmp_path, "%no_such_magic\nprint('on')")
    assert error.ename == "MagicError"
    assert "no_such_magic" in error.evalue


def test_a_bad_configure_fails(tmp_path: Path) -> None:
    error = failure(tmp_path, "%%configure\n{not json")
    assert error.ename == "MagicError"
    assert "configurations" in error.evalue


def test_a_denied_session_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "WRONG")
    error = failure(tmp_path, "print('on')")
    assert error.ename == "UnrecognizedClientException"


def test_a_session_that_fails_to_start_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("glue_extra_py_files", "s3://nowhere/none.zip")
    error = failure(tmp_path, "print('on')")
    assert error.ename == "SessionFailed"
    assert "s3://nowhere/none.zip" in error.evalue


def test_a_session_that_dies_in_a_cell_fails(tmp_path: Path) -> None:
    error = failure(tmp_path, "import os\nos._exit(3)")
    assert "3" in error.evalue
    assert "FAILED" in error.evalue


def test_a_session_stopped_from_outside_fails_and_no_new_one_goes_on(
    tmp_path: Path, shared: GlueKernel, endpoint: Endpoint
) -> None:
    glue = endpoint.client("glue")
    before = ready(endpoint)

    def stop() -> None:
        sleeping(glue, shared)
        glue.stop_session(Id=shared.session_id)

    later(0, stop)
    error = failure(tmp_path, "import time\ntime.sleep(60)", "print('on')", kernel=shared)
    assert "STOPP" in error.evalue
    assert ready(endpoint) == before


@pytest.mark.drill  # test_glue_sessions.py times one out; here it ends as the one above does
def test_a_session_that_timed_out_fails_and_no_new_one_goes_on(
    tmp_path: Path, endpoint: Endpoint
) -> None:
    """Takes a minute: no timeout of Glue's is shorter."""
    before = len(sessions(endpoint))
    error = failure(tmp_path, "import time\ntime.sleep(100)", "print('on')", magics="%timeout 1")
    assert "TIMEOUT" in error.evalue
    assert len(sessions(endpoint)) == before + 1


def test_a_statement_cancelled_from_outside_fails(
    tmp_path: Path, kept: GlueKernel, endpoint: Endpoint
) -> None:
    run(tmp_path, "1", kernel=kept)
    glue = endpoint.client("glue")

    def cancel() -> None:
        number = sleeping(glue, kept)
        glue.cancel_statement(SessionId=kept.session_id, Id=number)

    later(0, cancel)
    error = failure(tmp_path, "import time\ntime.sleep(60)", kernel=kept)
    assert error.ename == "StatementCancelled"


def test_an_interrupt_stops_the_session_and_nothing_complains_of_it(
    tmp_path: Path, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    glue, before = endpoint.client("glue"), signal.getsignal(signal.SIGINT)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with GlueKernel() as opened:
            run(tmp_path, "1", kernel=opened)
            later(0, lambda: sleeping(glue, opened) and os.kill(os.getpid(), signal.SIGINT))
            with pytest.raises(KeyboardInterrupt):
                run(tmp_path, "import time\ntime.sleep(60)", kernel=opened)
    finally:
        signal.signal(signal.SIGINT, before)
    gc.collect()
    assert "never retrieved" not in caplog.text  # asyncio's of a task that nobody waited for
    assert glue.get_session(Id=opened.session_id)["Session"]["Status"] in ("STOPPING", "STOPPED")


def test_a_killed_endpoint_fails_the_run_within_30_seconds(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path_factory.mktemp("doomed")
    doomed = local_aws.start(state)
    for name, value in doomed.environment().items():
        monkeypatch.setenv(name, value)
    pid = int((state / "aws.pid").read_text().split()[0])
    killed: list[float] = []

    def kill() -> None:
        killed.append(time.monotonic())
        os.kill(pid, signal.SIGKILL)

    later(6, kill)
    with pytest.warns(UserWarning, match="could not be stopped"):
        error = failure(tmp_path, "import time\ntime.sleep(120)")
    assert time.monotonic() - killed[0] < 30
    assert error.ename in ("EndpointConnectionError", "ConnectionClosedError")


def test_an_endpoint_that_is_down_from_the_start_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config"
    config.write_text("[default]\nregion = us-east-1\nendpoint_url = http://127.0.0.1:9\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.warns(UserWarning, match="could not be stopped"):
        error = failure(tmp_path, "print('on')")
    assert error.ename == "EndpointConnectionError"


@pytest.mark.parametrize(
    ("source", "sends"),
    [
        ("%glue_version 5.1", False),
        ("# only a comment", False),
        ("%status\nprint(1)", True),
        ("%%sql\nSELECT 1", True),
        ("%%configure\n{}", False),
        ("x = 1\n%matplot plt", True),
        ("", False),
    ],
)
def test_which_cells_reach_glue(source: str, sends: bool) -> None:
    assert sends_statement(source) is sends
