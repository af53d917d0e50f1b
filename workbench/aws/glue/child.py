"""The process in which a session's statements run, as the server sees it.

It is started for its session; or before, as a spare (spares.py), and then adopted by one.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from workbench.aws.glue import process, spark
from workbench.aws.protocol import Context

WORKER = Path(__file__).with_name("worker.py")


class Child:
    """One worker.py, its folder and the socket to it.

    The thread that makes one must live as long as the server: the kernel ends a process with the
    *thread* that started it. Raises ProcessFailed.
    """

    def __init__(
        self,
        context: Context,
        folder: Path,
        arguments: Mapping[str, str],
        settings: Mapping[str, str],
        spare: bool = False,
    ) -> None:
        self.folder = folder
        self._context = context
        environment = self._prepare(arguments, settings)
        ours, theirs = socket.socketpair()
        command = [sys.executable, "-P", str(WORKER), str(theirs.fileno()), str(os.getpid())]
        with theirs, open(folder / "session.log", "ab") as log:
            self._process = subprocess.Popen(
                [*command, *(["spare"] if spare else [])],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._channel = ours

    def _prepare(self, arguments: Mapping[str, str], settings: Mapping[str, str]) -> dict[str, str]:
        """Files and environment of the process."""
        if self.folder.exists():  # a session of an earlier server
            shutil.rmtree(self.folder)
        scratch, conf = self.folder / "tmp", self.folder / "conf"
        scratch.mkdir(parents=True, mode=0o700)
        path = process.python_path(self._context, arguments, self.folder / "python")
        jars = [
            str(process.copy(self._context, uri, self.folder, "--extra-jars"))
            for uri in process.split(arguments.get("--extra-jars", ""))
        ]
        mounts = spark.mounts(self._context.state.resolve() / "s3")
        given = {f"spark.hadoop.{name}": value for name, value in mounts.items()}
        given |= {"spark.jars": ",".join(jars)} if jars else {}
        spark.write_configuration(conf, scratch, {**given, **settings})
        return process.environment(self._context, path, scratch, conf)

    def adopt(self, arguments: Mapping[str, str]) -> None:
        """A spare becomes a session's: with its libraries, for the process and all that this one
        starts. Raises ProcessFailed."""
        libraries = self.folder / "python"
        _, *path = process.python_path(self._context, arguments, libraries)
        with open(libraries / "sitecustomize.py", "a") as site:
            site.write(f"sys.path[1:1] = {path!r}\n")
        self.tell({"adopt": path})

    def listen(self, heard: Callable[[dict[str, Any]], None], ended: Callable[[int], None]) -> None:
        """From now on ``heard`` gets what it says, ``ended`` its exit code."""
        threading.Thread(target=self._listen, args=(heard, ended), daemon=True).start()

    def _listen(
        self, heard: Callable[[dict[str, Any]], None], ended: Callable[[int], None]
    ) -> None:
        try:
            with self._channel.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    heard(json.loads(line))
        except (OSError, ValueError):
            pass  # it ended within a line: reported with its exit code
        ended(self._process.wait())

    def tell(self, message: dict[str, Any]) -> None:
        try:
            self._channel.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass  # the process has just ended: who listens is told

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def kill(self) -> None:
        """The process, its JVM and what they wrote for themselves."""
        try:  # the JVM is in its process group
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()
        self._channel.close()
        shutil.rmtree(self.folder / "tmp", ignore_errors=True)
