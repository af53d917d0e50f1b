"""Warm JVMs for job runs: started once, lent to one run after the other.

A script's first SparkContext asks for one over a Unix socket. A JVM whose run did not end well is
not lent again. Its memory, jars and s3:// mounts are fixed when it starts, so they are its kind.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from workbench.aws.glue import classes, process, spark
from workbench.aws.protocol import Context

MOST = 2  # at once, unless WORKBOOK_JVMS says otherwise; each takes 1 GB of memory
START_SECONDS = 60.0
IDLE_SECONDS = 600.0

Kind = tuple[tuple[str, str], ...]


@dataclass
class Jvm:
    """One JVM with a Py4J gateway that waits for a Python process."""

    kind: Kind
    folder: Path
    child: subprocess.Popen[bytes]
    port: int = 0
    secret: str = field(default="", repr=False)
    run: str | None = None
    idle_since: float = 0.0

    def end(self) -> None:
        try:
            os.killpg(self.child.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        if self.child.stdin:
            self.child.stdin.close()
        shutil.rmtree(self.folder, ignore_errors=True)


class Jvms:
    """The JVMs of one local AWS."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._most = _most()
        self._changed = threading.Condition()
        self._jvms: list[Jvm] = []
        self._starting = 0
        self._kinds: dict[str, Kind] = {}
        self._folder = Path(tempfile.mkdtemp(prefix="workbook-jvms-"))
        self.address = str(self._folder / "socket")  # a Unix address is short
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.address)
        self._listener.listen(16)
        threading.Thread(target=self._listen, name="glue-jvms", daemon=True).start()

    def expect(self, run: str, settings: Mapping[str, str]) -> None:
        """A run may ask for a JVM with these Spark settings."""
        store = self._context.state.resolve() / "s3"
        mounts = {f"spark.hadoop.{name}": value for name, value in spark.mounts(store).items()}
        with self._changed:
            self._kinds[run] = tuple(sorted({**mounts, **settings}.items()))

    def warm(self, run: str) -> None:
        """Start a JVM for it in the background, if none is idle."""
        threading.Thread(target=self._warm, args=(run,), daemon=True).start()

    def release(self, run: str, clean: bool) -> None:
        """The run is over. ``clean``: its SparkContext was stopped in order."""
        with self._changed:
            self._kinds.pop(run, None)
            for jvm in [jvm for jvm in self._jvms if jvm.run == run]:
                if clean and jvm.child.poll() is None:
                    jvm.run, jvm.idle_since = None, time.monotonic()
                else:
                    self._jvms.remove(jvm)
                    jvm.end()
            self._changed.notify_all()

    def expire(self) -> None:
        """End those that nobody has borrowed for long."""
        with self._changed:
            for jvm in list(self._jvms):
                if jvm.run is None and time.monotonic() - jvm.idle_since > IDLE_SECONDS:
                    self._jvms.remove(jvm)
                    jvm.end()

    def close(self) -> None:
        with self._changed:
            for jvm in self._jvms:
                jvm.end()
            self._jvms.clear()
        self._listener.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    # -- lending

    def _listen(self) -> None:
        while True:
            try:
                asked, _ = self._listener.accept()
            except OSError:
                return  # closed
            threading.Thread(target=self._answer, args=(asked,), daemon=True).start()

    def _answer(self, asked: socket.socket) -> None:
        with asked, asked.makefile() as lines:
            run = lines.readline().strip()
            try:
                jvm = self._borrow(run)
                answer = {
                    "PYSPARK_GATEWAY_PORT": str(jvm.port),
                    "PYSPARK_GATEWAY_SECRET": jvm.secret,
                }
            except process.ProcessFailed as error:
                answer = {"error": str(error)}
            try:
                asked.sendall(json.dumps(answer).encode() + b"\n")
            except OSError:
                pass  # the run was stopped meanwhile: its release frees the JVM

    def _borrow(self, run: str) -> Jvm:
        with self._changed:
            while True:
                if run not in self._kinds:  # it was stopped, maybe while it waited here
                    raise process.ProcessFailed(f"no Glue run {run} is known")
                kind = self._kinds[run]
                for jvm in self._jvms:
                    if jvm.run is None and jvm.kind == kind and jvm.child.poll() is None:
                        jvm.run = run
                        return jvm
                if self._room(kind):
                    break
                self._changed.wait()
            self._starting += 1
        return self._start(kind, run)

    def _room(self, kind: Kind) -> bool:
        """Whether one more may start; an idle one of another kind makes room."""
        if len(self._jvms) + self._starting < self._most:
            return True
        idle = [jvm for jvm in self._jvms if jvm.run is None and jvm.kind != kind]
        for jvm in idle[:1]:
            self._jvms.remove(jvm)
            jvm.end()
        return bool(idle)

    def _warm(self, run: str) -> None:
        with self._changed:
            kind = self._kinds.get(run)
            if kind is None or self._starting or any(jvm.kind == kind for jvm in self._jvms):
                return
            if not self._room(kind):
                return
            self._starting += 1
        try:
            self._start(kind, None)
        except process.ProcessFailed:
            pass  # the run that needs it will start one, and say what is wrong

    def _start(self, kind: Kind, run: str | None) -> Jvm:
        try:
            jvm = _launch(self._context, kind, self._folder)
        except BaseException:
            with self._changed:
                self._starting -= 1
                self._changed.notify_all()
            raise
        with self._changed:
            self._starting -= 1
            # A run that was stopped meanwhile takes nothing: it would never give it back.
            jvm.run = run if run in self._kinds else None
            jvm.idle_since = time.monotonic()
            self._jvms.append(jvm)
            self._changed.notify_all()
        return jvm


def _most() -> int:
    """Raises ProcessFailed."""
    given = os.environ.get("WORKBOOK_JVMS") or str(MOST)
    if not given.isdecimal() or not int(given):
        raise process.ProcessFailed(
            f"WORKBOOK_JVMS is {given!r}: set it to 1 or more JVMs at once and start the local "
            "AWS again"
        )
    return int(given)


def _launch(context: Context, kind: Kind, root: Path) -> Jvm:
    """Start Spark's own gateway server. It ends when its standard input does: with us."""
    folder = Path(tempfile.mkdtemp(dir=root))
    (folder / "tmp").mkdir()
    spark.write_configuration(folder / "conf", folder / "tmp", dict(kind))
    told = folder / "connection"
    environment = process.environment(context, [], folder / "tmp", folder / "conf")
    submit = classes.spark_home() / "bin" / "spark-submit"
    with open(folder / "jvm.log", "ab") as log:
        child = subprocess.Popen(
            [str(submit), *shlex.split(environment["PYSPARK_SUBMIT_ARGS"])],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={**environment, "_PYSPARK_DRIVER_CONN_INFO_PATH": str(told)},
            start_new_session=True,
        )
    jvm = Jvm(kind, folder, child)
    deadline = time.monotonic() + START_SECONDS
    while not told.exists():
        if child.poll() is not None or time.monotonic() > deadline:
            end = (folder / "jvm.log").read_text(errors="replace")[-500:]
            jvm.end()
            raise process.ProcessFailed(f"Spark's JVM did not start: {end}")
        time.sleep(0.02)
    content = told.read_bytes()
    (jvm.port, length) = struct.unpack(">ii", content[:8])
    jvm.secret = content[8 : 8 + length].decode()
    return jvm
