"""The launcher and its children, seen from the server."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from workbench.aws.glue import process
from workbench.aws.protocol import Context

LAUNCHER = Path(__file__).with_name("launcher.py")


class Processes:
    """Starts the launcher with the first process. ``heard`` is told of every begin and end."""

    def __init__(self, context: Context, heard: Callable[[dict[str, Any]], None]) -> None:
        self._context = context
        self._heard = heard
        self._lock = threading.Lock()
        self._child: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None

    def start(self, request: dict[str, Any]) -> None:
        """Fork a process for a run."""
        with self._lock:
            if self._child is None or self._child.poll() is not None:
                self._launch()
            assert self._channel is not None
            self._channel.sendall(json.dumps(request).encode() + b"\n")

    @staticmethod
    def kill(pid: int) -> None:
        """The process and all that it has started."""
        for send in (os.killpg, os.kill):  # a process that has just begun has no group yet
            try:
                send(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
            return

    @staticmethod
    def kill_strays(folder: Path) -> None:
        """What a run has started in a session of its own: it still has the run's environment."""
        mark = f"TMPDIR={folder / 'tmp'}".encode()
        for path in Path("/proc").glob("[0-9]*/environ"):
            with suppress(OSError):  # it is gone, or another user's
                if mark in path.read_bytes().split(b"\0"):
                    os.kill(int(path.parent.name), signal.SIGKILL)

    def close(self) -> None:
        """End the launcher; it takes its children with it."""
        with self._lock:
            if self._child is None or self._channel is None:
                return
            self._channel.shutdown(socket.SHUT_RDWR)
            self._child.wait(10)
            self._channel.close()

    def _launch(self) -> None:
        folder = self._context.state.resolve() / "glue" / "launcher"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "sitecustomize.py").write_text(process.SITE)
        environment = process.environment(self._context, [str(folder)], folder, folder)
        ours, theirs = socket.socketpair()
        with theirs, open(folder / "launcher.log", "ab") as log:
            self._child = subprocess.Popen(
                [sys.executable, "-P", "-X", "utf8", str(LAUNCHER), str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=folder,
                env=environment,
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        self._channel = ours
        threading.Thread(target=self._listen, args=(ours,), name="glue-jobs", daemon=True).start()

    def _listen(self, channel: socket.socket) -> None:
        try:
            with channel.makefile("r", encoding="utf-8") as lines:
                for line in lines:
                    self._heard(json.loads(line))
        except (OSError, ValueError):
            pass  # it ended within a line
        self._heard({"ended": True})
