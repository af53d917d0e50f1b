"""A papermill engine for the Glue kernel that does not believe the kernel's "ok".

Version 1.0.9 of the kernel answers "ok" when the endpoint is down, a session fails or times out, a
statement is cancelled or a magic is unknown; and a Python error reaches papermill without message.
So after each cell this engine asks the Glue API itself what became of the statement. It needs
nothing but that API: it works the same on AWS.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import tempfile
import uuid
import warnings
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.session
import nbformat
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from jupyter_client.manager import AsyncKernelManager
from jupyter_core.utils import ensure_event_loop, run_sync
from nbclient.exceptions import CellExecutionComplete, CellExecutionError, DeadKernelError
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import Engine, NotebookExecutionManager

from workbench import kernel

Cell = Any
READY = "READY"
REPLY_GRACE = 3.0  # seconds between "I am idle" and the answer that then will not come
CELL_MAGICS = ("%%configure", "%%sql", "%%tags", "%%assume_role")

# What the kernel writes to stderr when a magic fails. tests/test_engine.py runs each of them.
MAGIC_FAILED = re.compile(
    r"UsageError: .*|.*(?:Exception|exception) (?:was )?encountered.*"
    r"|No configuration values were provided\.|Invalid .*"
)

FORGET = """
for _name in [_name for _name in list(globals()) if not _name.startswith('_')
              and _name not in ('spark', 'sc', 'glueContext', 'sqlContext')]:
    del globals()[_name]
"""


class CellFailed(Exception):
    """What went wrong in a cell, as it is written into the notebook."""

    def __init__(self, ename: str, evalue: str, traceback: list[str] | None = None) -> None:
        super().__init__(f"{ename}: {evalue}")
        self.ename, self.evalue = ename, evalue
        self.traceback = traceback or [f"{ename}: {evalue}"]


class GlueKernel:
    """One kernel process and one Glue session, for one notebook or several in a row.

    A context manager: on leaving it, the session is stopped, however the notebooks ended.
    """

    def __init__(self) -> None:
        self.session_id = f"workbook-{uuid.uuid4()}"
        # Sockets in a folder of our own: two runs in one directory would share the default names.
        self._sockets = tempfile.TemporaryDirectory(prefix="workbook-")
        self.manager = AsyncKernelManager(
            kernel_name=kernel.NAME, transport="ipc", ip=f"{self._sockets.name}/kernel"
        )
        self.log = open(f"{self._sockets.name}/kernel.log", "w+")
        self.client: Any = None
        self.last_statement = 0
        self._glue: Any = None

    def __enter__(self) -> GlueKernel:
        return self

    def __exit__(self, *exception: object) -> None:
        try:
            if self.client is not None:
                self.client.stop_channels()
            if self.manager.has_kernel:
                run_sync(self.manager.shutdown_kernel)()
            run_sync(self.manager.cleanup_resources)()
        finally:
            self.log.close()
            self._sockets.cleanup()
            self._stop_session()

    @contextlib.contextmanager
    def explained(self) -> Iterator[None]:
        """A kernel that did not start, or died before it answered, has said why."""
        try:
            yield
        except RuntimeError as error:
            self.log.seek(0)
            raise RuntimeError(f"{error}. {self.log.read()[-1000:]}".strip()) from error

    @property
    def environment(self) -> dict[str, str]:
        """The kernel's: its session gets our id, so that we can ask for it."""
        return {**os.environ, "session_id": self.session_id}

    @property
    def glue(self) -> Any:
        """A Glue client with the kernel's model of the API, configured as the kernel is."""
        if self._glue is None:
            session = botocore.session.Session()
            session.set_config_variable("data_path", str(kernel.models()))
            retries = {"max_attempts": 2, "mode": "standard"}
            config = Config(connect_timeout=5, read_timeout=60, retries=retries)
            self._glue = boto3.Session(botocore_session=session).client("glue", config=config)
        return self._glue

    def statement(self) -> dict[str, Any] | None:
        """The statement after the last one seen, or None if the kernel did not send one."""
        try:
            found: dict[str, Any] = self.glue.get_statement(
                SessionId=self.session_id, Id=self.last_statement + 1
            )["Statement"]
        except ClientError as error:
            if error.response["Error"]["Code"] in NOT_THERE:
                return None
            raise
        self.last_statement += 1
        return found

    def status(self) -> tuple[str, str]:
        """The session's status and error message."""
        try:
            session = self.glue.get_session(Id=self.session_id)["Session"]
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        return session["Status"], session.get("ErrorMessage", "")

    def forget(self) -> None:
        """Delete the names that the last notebook left: the next one starts clean."""
        if not self.last_statement:
            return
        sent = self.glue.run_statement(SessionId=self.session_id, Code=FORGET)["Id"]
        while True:
            state = self.glue.get_statement(SessionId=self.session_id, Id=sent)["Statement"]
            if state["State"] not in ("WAITING", "RUNNING"):
                break
        self.last_statement = sent

    def _stop_session(self) -> None:
        """The kernel stops its session when it shuts down; one that was killed did not."""
        try:
            if self.status()[0] in (READY, "PROVISIONING"):
                self.glue.stop_session(Id=self.session_id)
        except (BotoCoreError, ClientError) as error:
            warnings.warn(
                f"Glue session {self.session_id} could not be stopped ({error}); "
                "it ends by its idle timeout",
                stacklevel=2,
            )


NOT_THERE = ("EntityNotFoundException", "InvalidInputException", "IllegalSessionStateException")


class GlueClient(PapermillNotebookClient):  # type: ignore[misc]
    """Runs cells, and after each finds out what really happened."""

    glue_kernel: GlueKernel

    def run_notebook(self, glue_kernel: GlueKernel) -> None:
        self.glue_kernel = glue_kernel
        self.reset_execution_trackers()
        self.kc = glue_kernel.client
        # What the kernel writes besides its answers is of use only where there is none.
        given = {"env": glue_kernel.environment, "stderr": glue_kernel.log}
        with glue_kernel.explained(), self.setup_kernel(**given, cleanup_kc=False):
            glue_kernel.client = self.kc
            glue_kernel.forget()
            try:
                for index, cell in enumerate(self.nb.cells):
                    if not self._run_cell(index, cell):
                        break
            except KeyboardInterrupt:
                _cancel_tasks()
                raise

    def process_message(self, msg: dict[str, Any], cell: Cell, cell_index: int) -> Any:
        """As nbclient, but a kernel that went idle and never answers does not hang the run.

        That is what 1.0.9 does when it is interrupted, or when the endpoint vanishes in a cell.
        """
        try:
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            waiting = self.task_poll_for_reply
            asyncio.get_running_loop().call_later(REPLY_GRACE, waiting.cancel)
            raise

    def _run_cell(self, index: int, cell: Cell) -> bool:
        """Run one cell; False if it failed, with the error in its outputs."""
        self.nb_man.cell_start(cell, index)
        try:
            with _failures():
                self._execute(index, cell)
            return True
        except CellFailed as failure:
            error = _output(
                "error", ename=failure.ename, evalue=failure.evalue, traceback=failure.traceback
            )
            kept = [output for output in cell.get("outputs", ()) if output.output_type != "error"]
            cell.outputs = [*kept, error]
            self.nb_man.cell_exception(cell, cell_index=index, exception=failure)
            return False
        finally:
            self.nb_man.cell_complete(cell, cell_index=index)

    def _execute(self, index: int, cell: Cell) -> None:
        if cell.cell_type != "code" or not cell.source.strip():
            return
        status = "ok"
        try:
            self.execute_cell(cell, index)
        except CellExecutionError as error:  # the kernel's own view; the statement tells more
            status = error.ename or "error"
        except DeadKernelError:
            if not run_sync(self.km.is_alive)():
                raise
            status = "NoReply"
        self._raise_for_magics(cell)
        if sends_statement(cell.source):
            self._raise_for_statement(cell, status)
        elif status != "ok":
            raise CellFailed(status, _text(cell, "stderr") or "the cell failed in the kernel")
        else:
            cell.outputs = []  # what magics say is about this one session

    def _raise_for_magics(self, cell: Cell) -> None:
        if not cell.source.lstrip().startswith("%"):
            return
        for line in _text(cell, "stderr").splitlines():
            if MAGIC_FAILED.fullmatch(line.strip()):
                self.glue_kernel.status()  # an endpoint that is gone is the better error
                raise CellFailed("MagicError", line.strip(), [_text(cell, "stderr")])

    def _raise_for_statement(self, cell: Cell, status: str) -> None:
        statement = self.glue_kernel.statement()
        if statement is None:
            raise self._session_failure(cell)
        output = statement.get("Output") or {}
        state = statement["State"]
        if state != "AVAILABLE":
            ename = output.get("ErrorName") or f"Statement{state.capitalize()}"
            evalue = output.get("ErrorValue") or f"Glue statement {statement['Id']} ended {state}"
            raise CellFailed(ename, f"{evalue}{self._why()}", output.get("Traceback"))
        if output.get("Status") == "error":
            raise CellFailed(output["ErrorName"], output["ErrorValue"], output.get("Traceback"))
        if status != "ok":
            raise CellFailed(status, _text(cell, "stderr") or "the kernel reported an error")
        _clean(cell, output)

    def _session_failure(self, cell: Cell) -> CellFailed:
        """Nothing was run: the session failed, ended, or never came to be."""
        status, reason = self.glue_kernel.status()
        said = _text(cell, "stderr") or _text(cell, "stdout")
        denied = re.search(r"An error occurred \((\w+)\).*", said)
        if status == "EntityNotFoundException":
            ename = denied[1] if denied else "SessionNotCreated"
            message = denied[0] if denied else "no Glue session could be created"
        else:
            ename = f"Session{status.capitalize()}"
            message = f"Glue session {self.glue_kernel.session_id} is {status}"
        return CellFailed(ename, f"{message}{f': {reason}' if reason else ''}", [said or message])

    def _why(self) -> str:
        status, reason = self.glue_kernel.status()
        return "" if status == READY else f" (session {status}{f': {reason}' if reason else ''})"


class GlueEngine(Engine):  # type: ignore[misc]
    """``papermill --engine glue``: a session for this notebook, or the one given as ``kernel``."""

    @classmethod
    def execute_managed_notebook(
        cls,
        nb_man: NotebookExecutionManager,
        kernel_name: str,
        log_output: bool = False,
        start_timeout: int = 60,
        execution_timeout: int | None = None,
        kernel: GlueKernel | None = None,
        **kwargs: Any,
    ) -> None:
        with contextlib.ExitStack() as stack:
            shared = kernel or stack.enter_context(GlueKernel())
            client = GlueClient(
                nb_man,
                km=shared.manager,
                kernel_name=kernel_name,
                timeout=execution_timeout,
                startup_timeout=start_timeout,
                coalesce_streams=True,
                log_output=log_output,
                record_timing=False,
            )
            client.run_notebook(shared)


def sends_statement(source: str) -> bool:
    """Whether the kernel sends Glue some of this cell: all but leading magics and comments."""
    for line in source.splitlines():
        if line.startswith(CELL_MAGICS):
            return line.startswith("%%sql")
        if line.strip() and not line.startswith(("%", "!", "#")):
            return True
        if line and not line.startswith(("%", "!", "#")):
            return True
    return False


def _cancel_tasks() -> None:
    """What still waits for the kernel would complain of its death, once it is shut down."""
    loop = ensure_event_loop()
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


@contextlib.contextmanager
def _failures() -> Iterator[None]:
    """Errors of the kernel and of the endpoint are failures of the cell too."""
    try:
        yield
    except ClientError as error:
        said = error.response["Error"]
        raise CellFailed(said["Code"], said["Message"]) from error
    except (BotoCoreError, DeadKernelError, TimeoutError) as error:
        raise CellFailed(type(error).__name__, str(error)) from error


def _clean(cell: Cell, output: dict[str, Any]) -> None:
    """Keep what the statement printed and drew; drop what the kernel says about the session."""
    data = output.get("Data") or {}
    text = data.get("TextPlain") or data.get("StdOut") or ""
    pictures = [each for each in cell.outputs if each.output_type in ("display_data",)]
    stream = [_output("stream", name="stdout", text=text)] if text.strip() else []
    cell.outputs = [*stream, *pictures]


def _output(kind: str, **content: Any) -> Any:
    return nbformat.v4.new_output(kind, **content)  # type: ignore[no-untyped-call]


def _text(cell: Cell, name: str) -> str:
    streams = [
        output.text
        for output in cell.get("outputs", ())
        if output.output_type == "stream" and output.name == name
    ]
    return "".join(streams).strip()
