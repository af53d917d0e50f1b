"""The program that starts job runs: it has imported the slow libraries once, and forks.

Started by file path, never imported: nothing of this repository is visible to a job. It talks JSON
lines over the socket whose number is its argument. In: one request a run. Out: {"run", "pid"} when
it has begun, {"run", "status"} (as waitpid gives it) when it has ended.
"""

from __future__ import annotations

import atexit
import contextlib
import ctypes
import functools
import gc
import hashlib
import importlib
import json
import marshal
import os
import random
import runpy
import select
import signal
import socket
import sys
import threading
import time
import traceback
import zipimport
from typing import Any, NoReturn

import numpy

PR_SET_PDEATHSIG = 1
PRELOADED = (
    "boto3",
    "boto3.dynamodb.conditions",
    "boto3.dynamodb.transform",
    "boto3.s3.inject",
    "boto3.s3.transfer",
    "botocore.endpoint",
    "botocore.httpsession",
    "botocore.signers",
    "connectorx",
    "encodings.idna",  # by every request
    "graphlib",
    "pandas",  # by pyarrow, once it has values to convert
    "pyarrow",
    "pyarrow.compute",
    "pyarrow.pandas_compat",
    "pyarrow.parquet",
    "pymysql",
    "pyspark",
    "pyspark.sql",
    "awsglue.utils",
    "tomllib",
)
SERVICES = ("dynamodb", "redshift-data", "s3", "secretsmanager")


def main() -> None:
    channel = socket.socket(fileno=int(sys.argv[1]))
    libc = ctypes.CDLL(None)
    for name in PRELOADED:
        with contextlib.suppress(ImportError):  # a job that needs it will say so
            importlib.import_module(name)
    _read_models()
    _keep_compiled()
    _stop_at_once()
    gc.collect()
    gc.freeze()  # else each child goes through all that was loaded, and copies it page by page
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    children: dict[int, str] = {}
    waiting = b""
    while True:
        ready, _, _ = select.select([channel.fileno(), reader], [], [])
        if reader in ready:
            os.read(reader, 4096)
            for message in _reaped(children):
                _tell(channel, message)
        if channel.fileno() in ready:
            data = channel.recv(65536)
            if not data:
                _end(children)
            *lines, waiting = (waiting + data).split(b"\n")
            for line in lines:
                request = json.loads(line)
                pid = os.fork()
                if not pid:
                    channel.close()
                    os.close(reader)
                    os.close(writer)
                    _run(request, libc)
                children[pid] = request["run"]
                _tell(channel, {"run": request["run"], "pid": pid})


def _read_models() -> None:
    """The descriptions of services, which take a tenth of a second: the default session keeps
    them, and every child has it. Nothing is asked for, and no key is read."""
    with contextlib.suppress(Exception):  # a job that needs them reads them itself
        boto3 = importlib.import_module("boto3")
        boto3.setup_default_session()
        loader = boto3.DEFAULT_SESSION._session.get_component("data_loader")
        for kept in ("endpoints", "partitions", "sdk-default-configuration"):
            loader.load_data(kept)
        for service in SERVICES:
            for kind in ("service-2", "endpoint-rule-set-1", "waiters-2", "paginators-1"):
                with contextlib.suppress(Exception):
                    loader.load_service_model(service, kind)


def _keep_compiled() -> None:
    """What is imported from a zip is compiled anew by every process, which takes longer than most
    runs' work: here, once for each text of a module. The launcher's folder keeps it."""
    module: Any = zipimport
    inner: Any = importlib.import_module("_imp")
    compiled = module._compile_source
    folder = os.path.abspath("compiled")
    os.makedirs(folder, exist_ok=True)

    def kept(path: str, source: bytes) -> Any:
        file = os.path.join(folder, hashlib.sha256(source).hexdigest())
        try:
            with open(file, "rb") as stored:
                code = marshal.load(stored)
            inner._fix_co_filename(code, path)
            return code
        except (OSError, EOFError, ValueError, TypeError):
            code = compiled(path, source)
        with contextlib.suppress(OSError):
            with open(f"{file}.{os.getpid()}", "wb") as stored:
                marshal.dump(code, stored)
            os.replace(f"{file}.{os.getpid()}", file)
        return code

    module._compile_source = kept


def _stop_at_once() -> None:
    """SparkContext.stop() waits for a server that looks every half second whether it is to end."""
    with contextlib.suppress(ImportError):
        server: Any = importlib.import_module("pyspark.accumulators").AccumulatorServer
        server.serve_forever = functools.partialmethod(server.serve_forever, poll_interval=0.02)


def _reaped(children: dict[int, str]) -> list[dict[str, Any]]:
    found = []
    while children:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if not pid:
            break
        found.append({"run": children.pop(pid), "status": status})
    return found


def _tell(channel: socket.socket, message: dict[str, Any]) -> None:
    channel.sendall(json.dumps(message).encode() + b"\n")


def _end(children: dict[int, str]) -> NoReturn:
    """The server is gone: no run outlives it."""
    for pid in children:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(pid, signal.SIGKILL)
    os._exit(0)


def _run(request: dict[str, Any], libc: Any) -> NoReturn:
    """In the child: become a process of its own, run the script, leave. Never returns."""
    code = 1
    try:
        _settle(request, libc)
        code = _execute(request)
    finally:
        os._exit(code)


def _settle(request: dict[str, Any], libc: Any) -> None:
    os.setsid()
    libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for name, number in (("stdout", 1), ("stderr", 2)):
        file = os.open(request[name], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    sys.argv = request["argv"]
    sys.path[:0] = [request["folder"], *request["path"]]
    importlib.invalidate_caches()
    random.seed()  # what was loaded before the fork would draw the same numbers in every run
    numpy.random.seed()
    if request.get("jvms"):
        _borrow_jvms(request["jvms"], request["run"])


def _borrow_jvms(address: str, run: str) -> None:
    """The first SparkContext of the script asks the server for a JVM that is warm."""
    import pyspark.context

    module: Any = pyspark.context
    launch = module.launch_gateway

    def borrowed(*arguments: Any, **options: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as asked:
            asked.connect(address)
            asked.sendall(run.encode() + b"\n")
            with asked.makefile() as lines:
                answer = json.loads(lines.readline())
        if "error" in answer:
            raise RuntimeError(answer["error"])
        os.environ.update(answer)
        return launch(*arguments, **options)

    module.launch_gateway = borrowed


def _execute(request: dict[str, Any]) -> int:
    """Run the script as ``python script.py`` would; its exit code."""
    script = sys.argv[0]
    code = 0
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as leaving:
        code = _exit_code(leaving)
        if code:
            message = str(leaving.code) if isinstance(leaving.code, str) else f"exit code {code}"
            _report(request, "SystemExit", message)
    except BaseException as error:
        code = 1
        _print(error, script)
        _report(request, type(error).__name__, str(error))
    with contextlib.suppress(BaseException):
        _leave()
        open(request["left"], "w").close()  # a script that ended by os._exit() does not come here
    return code


def _exit_code(leaving: SystemExit) -> int:
    if leaving.code is None or isinstance(leaving.code, int):
        return (leaving.code or 0) & 0xFF
    print(leaving.code, file=sys.stderr)
    return 1


def _print(error: BaseException, script: str) -> None:
    """The traceback from the script on: how it was started is nothing to its reader."""
    trace = error.__traceback__
    while trace is not None and trace.tb_frame.f_code.co_filename != script:
        trace = trace.tb_next
    traceback.print_exception(type(error), error, trace or error.__traceback__)


def _report(request: dict[str, Any], name: str, message: str) -> None:
    with open(request["error"], "w", encoding="utf-8") as file:
        json.dump({"name": name, "message": message}, file)


def _leave() -> None:
    """What the interpreter does at its end; and the JVM gets rid of what the script left."""
    threading._shutdown()  # type: ignore[attr-defined]  # they may still need Spark
    context = sys.modules["pyspark"].SparkContext._active_spark_context
    if context is not None:
        context.stop()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()


if __name__ == "__main__":
    main()
