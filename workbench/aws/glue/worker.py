"""The program inside a session's process: it executes statements, one after the other.

Started by file path, never imported: nothing of this repository is visible to a session. It talks
JSON lines over the socket whose number is its argument. In: {"run", "code", "mounts"} and
{"cancel"}. Out: {"ready"} once, then one {"id", "output", "cancelled"} for each statement. A spare
is ready when it is told {"adopt"}, with what its session has on sys.path.
"""

from __future__ import annotations

import ast
import base64
import builtins
import contextlib
import ctypes
import importlib
import io
import json
import linecache
import os
import queue
import re
import signal
import socket
import sys
import tempfile
import threading
import traceback
import types
from concurrent.futures import Future
from typing import Any

PR_SET_PDEATHSIG = 1
HEADER = "Traceback (most recent call last):"
MATPLOT = re.compile(r"^%matplot[ \t]+([A-Za-z_]\w*)[ \t]*$", re.MULTILINE)
NAMES_SPARK = re.compile(r"\b(spark|sc)\b")
# Spark's own cancellation ends a job cleanly; only what goes on after it is interrupted.
GRACE_SECONDS = 0.3


class Spark:
    """The session's SparkSession, made in the background as soon as the session is ready; a
    spare's before."""

    def __init__(self) -> None:
        self._made: Future[Any] = Future()
        self._mounted: tuple[dict[str, str], int] = ({}, 0)
        self.spare = False  # nobody waits for it yet

    def warm(self) -> None:
        threading.Thread(target=self._warm, name="spark", daemon=True).start()

    def _warm(self) -> None:
        self._make()
        for step in (_count, _write_and_read):
            if self.spare and self.started():
                with contextlib.suppress(Exception):  # it was adopted meanwhile, and cancelled
                    step(self.session())

    def _make(self) -> None:
        try:
            from pyspark.sql import SparkSession

            session = SparkSession.builder.getOrCreate()
            session.sparkContext.setLogLevel("WARN")
            self._made.set_result(session)
        except BaseException as error:  # reported by the statement that needs Spark
            self._made.set_exception(error)

    def session(self) -> Any:
        """Waits for it. Raises what its start raised."""
        return self._made.result()

    def started(self) -> bool:
        return self._made.done() and self._made.exception() is None

    def context(self) -> Any:
        """The SparkContext that runs now; None before the first and after spark.stop()."""
        if not self.started():
            return None
        from pyspark import SparkContext

        return SparkContext._active_spark_context

    def mount(self, mounts: dict[str, str]) -> None:
        """Make buckets that are newer than the JVM visible as s3://<bucket>/."""
        context = self.context()
        if context is not None and (mounts, id(context)) != self._mounted:
            configuration = context._jsc.hadoopConfiguration()
            for name, value in mounts.items():
                configuration.set(name, value)
            self._mounted = (mounts, id(context))

    def cancel(self) -> None:
        context = self.context()
        if context is not None:
            context.cancelAllJobs()


# A rehearsal: what a first query and a first file make the JVM load takes longer than they do.


def _count(session: Any) -> None:
    session.range(10).count()


def _write_and_read(session: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        session.range(10).write.parquet(f"{folder}/rehearsal")
        session.read.parquet(f"{folder}/rehearsal").count()


class Interpreter:
    """One namespace that lives as long as the session."""

    def __init__(self, spark: Spark) -> None:
        self._spark = spark
        self._module = types.ModuleType("__main__")
        self._namespace = self._module.__dict__
        self._namespace["__builtins__"] = builtins
        sys.modules["__main__"] = self._module
        self._stdout = io.TextIOWrapper(
            io.BytesIO(), encoding="utf-8", errors="backslashreplace", write_through=True
        )
        self._image: str | None = None
        setattr(builtins, "__matplot__", self._matplot)  # noqa: B010

    def run(self, number: int, code: str, mounts: dict[str, str]) -> tuple[dict[str, Any], bool]:
        """The statement's Output, and whether it was interrupted."""
        sys.stdout = self._stdout
        self._image = None
        failure: BaseException | None = None
        try:
            self._prepare_spark(code, mounts)
            self._execute(number, code)
        except BaseException as error:
            failure = error
        printed = self._drain()
        if failure is None:
            return self._success(number, printed), False
        return _error(number, printed, failure), isinstance(failure, KeyboardInterrupt)

    def _prepare_spark(self, code: str, mounts: dict[str, str]) -> None:
        wanted = "spark" not in self._namespace and NAMES_SPARK.search(code)
        if wanted or (self._spark.started() and "spark" not in self._namespace):
            session = self._spark.session()
            jvm_session = session._jsparkSession
            session._jvm.SparkSession.setActiveSession(jvm_session)  # it is per JVM thread
            self._namespace.setdefault("spark", session)
            self._namespace.setdefault("sc", session.sparkContext)
        self._spark.mount(mounts)

    def _execute(self, number: int, code: str) -> None:
        source = _with_matplot(code)
        name = f"<statement {number}>"
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        body = ast.parse(source, name).body
        last = [body.pop()] if body and isinstance(body[-1], ast.Expr) else []
        exec(compile(ast.Module(body, []), name, "exec"), self._namespace)
        if last:  # "single" prints the value's repr unless it is None
            exec(compile(ast.Interactive(list(last)), name, "single"), self._namespace)

    def _matplot(self, pyplot: Any) -> None:
        """``%matplot plt``: the current figure becomes the statement's image and is closed."""
        if self._image is not None:
            raise ValueError("%matplot: a statement returns one image; use one cell for each")
        if not pyplot.get_fignums():
            raise ValueError("%matplot: there is no figure; plot something first")
        figure = pyplot.gcf()
        png = io.BytesIO()
        figure.savefig(png, format="png")
        pyplot.close(figure)
        self._image = base64.b64encode(png.getvalue()).decode()

    def _drain(self) -> str:
        buffer = self._stdout.buffer
        assert isinstance(buffer, io.BytesIO)
        text = buffer.getvalue().decode(errors="backslashreplace")
        buffer.seek(0)
        buffer.truncate()
        return text

    def _success(self, number: int, printed: str) -> dict[str, Any]:
        # The kernel ends what it prints with a newline of its own.
        data = {"TextPlain": printed.removesuffix("\n")}
        if self._image is not None:
            data |= {"MimeType": "image/png", "Result": self._image, "StdOut": data["TextPlain"]}
        return {"Status": "ok", "ExecutionCount": number, "Data": data}


def _with_matplot(code: str) -> str:
    """``%matplot plt`` lines as calls; code that is Python as it stands is left alone."""
    if not MATPLOT.search(code):
        return code
    try:
        ast.parse(code)
    except SyntaxError:
        return MATPLOT.sub(r"__matplot__(\1)", code)
    return code


def _error(number: int, printed: str, failure: BaseException) -> dict[str, Any]:
    """What the statement printed stands before the first "Traceback" line as well: the kernel
    drops an error's Data."""
    report = traceback.TracebackException.from_exception(failure)
    _hide_own_frames(report, set())
    lines = "".join(report.format()).splitlines()
    if lines[:1] != [HEADER]:
        lines.insert(0, HEADER)
    return {
        "Status": "error",
        "ExecutionCount": number,
        "ErrorName": type(failure).__name__,
        "ErrorValue": str(report).strip(),
        "Traceback": printed.splitlines() + lines,
        "Data": {"TextPlain": printed.removesuffix("\n")},
    }


def _hide_own_frames(report: traceback.TracebackException, seen: set[int]) -> None:
    if id(report) in seen:
        return
    seen.add(id(report))
    report.stack = traceback.StackSummary.from_list(
        [frame for frame in report.stack if frame.filename not in (__file__, ast.__file__)]
    )
    for other in (report.__cause__, report.__context__, *(report.exceptions or [])):
        if other is not None:
            _hide_own_frames(other, seen)


class Worker:
    """The socket's end in the process: a thread reads, the main thread executes."""

    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._spark = Spark()
        self._interpreter = Interpreter(self._spark)
        self._requests: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._running: int | None = None
        self._cancelled: set[int] = set()

    def serve(self, spare: bool) -> None:
        signal.signal(signal.SIGINT, self._interrupt)
        threading.Thread(target=self._read, name="requests", daemon=True).start()
        if spare:
            self._wait_for_a_session()
        self._send({"ready": True})
        if not spare:
            self._spark.warm()
        while True:
            self._run(self._requests.get())

    def _wait_for_a_session(self) -> None:
        self._spark.spare = True
        self._spark.warm()
        path = self._requests.get()["adopt"]
        self._spark.spare = False  # what is left of the rehearsal would be in its way
        sys.path[1:1] = path  # [0] is the folder of .py files
        importlib.invalidate_caches()

    def _run(self, request: dict[str, Any]) -> None:
        number = request["run"]
        signal.signal(signal.SIGINT, self._interrupt)  # pyspark installs one of its own
        try:
            self._running = number
            output, interrupted = self._interpreter.run(number, request["code"], request["mounts"])
        except KeyboardInterrupt as error:  # it came while the output was put together
            output, interrupted = _error(number, "", error), True
        finally:
            self._running = None
        cancelled = interrupted or number in self._cancelled
        self._send({"id": number, "output": output, "cancelled": cancelled})

    def _interrupt(self, *_: object) -> None:
        if self._running is not None and self._running in self._cancelled:
            raise KeyboardInterrupt

    def _read(self) -> None:
        for line in self._channel.makefile("r", encoding="utf-8"):
            request = json.loads(line)
            if "cancel" in request:
                threading.Thread(target=self._cancel, args=(request["cancel"],)).start()
            else:
                self._requests.put(request)
        os._exit(0)  # the local AWS is gone

    def _cancel(self, number: int) -> None:
        self._cancelled.add(number)
        if self._spark.started():
            self._spark.cancel()
            threading.Event().wait(GRACE_SECONDS)
        if self._running == number:
            signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    def _send(self, message: dict[str, Any]) -> None:
        self._channel.sendall(json.dumps(message).encode() + b"\n")


def _die_with(parent: int) -> None:
    """SIGKILL for this process when the local AWS dies, however it dies."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(0)


def main() -> None:
    descriptor, parent = int(sys.argv[1]), int(sys.argv[2])
    _die_with(parent)
    os.set_inheritable(descriptor, False)  # the JVM must not keep it open
    spare = sys.argv[3:] == ["spare"]
    sys.argv = [""]
    Worker(socket.socket(fileno=descriptor)).serve(spare)


if __name__ == "__main__":
    main()
