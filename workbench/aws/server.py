"""The process: one port on 127.0.0.1, started once per state directory."""

from __future__ import annotations

import fcntl
import logging
import os
import random
import signal
import socket
import threading
import time
from pathlib import Path
from typing import Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from workbench.aws import keys
from workbench.aws.faults import Faults
from workbench.aws.guard import Guard
from workbench.aws.protocol import Context
from workbench.aws.requests import Requests
from workbench.aws.router import Router
from workbench.daemon import start_time

log = logging.getLogger(__name__)

HOST = "127.0.0.1"
# Below Linux's ephemeral range: while we are down no outgoing connection is given our port.
PORTS = range(20000, 32000)
# Seconds for which a slow disk may hold up the end of a server that was killed in a write; and
# those between its lock and its port.
DYING, CLOSING = 30.0, 1.0


class StartError(Exception):
    """The local AWS cannot start. The message says why and what to do."""


class Handler(WSGIRequestHandler):
    """HTTP/1.1 without delay and without an access log: URLs can hold presigned credentials."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def make_environ(self) -> dict[str, Any]:
        return {**super().make_environ(), "workbench.headers": self.headers}

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        pass


def serve(state: Path) -> None:
    """Serve until SIGTERM or SIGINT. Raises StartError, JournalError."""
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = _lock(state)
    server, kept = _listen(state)
    context = Context(
        state=state,
        url=kept.url,
        region=kept.region,
        account=keys.ACCOUNT,
        access_key=kept.access_key,
        secret_key=kept.secret_key,
    )
    router = Router(context, Guard(kept.port, kept.access_key))
    drilled = (state / "faults.json").exists()
    server.app = Requests(Faults(router, state) if drilled else router, state)
    _stop_on_signals(server)
    log.info("listening on %s", kept.url)
    server.serve_forever(poll_interval=0.05)
    server.server_close()
    router.close()
    os.close(lock)


def _lock(state: Path) -> int:
    """Only one process may write to a state; the lock goes with the process, however it ends.

    One that was killed keeps it until its last write has ended: it is waited for.
    """
    lock = os.open(state / "server.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    deadline = time.monotonic() + DYING
    while not _taken(lock):
        holder = os.pread(lock, 20, 0)
        if start_time(int(holder or 0)) or time.monotonic() > deadline:
            raise StartError(f"another local AWS already serves {state}")
        time.sleep(0.02)
    os.ftruncate(lock, 0)
    os.pwrite(lock, str(os.getpid()).encode(), 0)
    return lock


def _taken(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _listen(state: Path) -> tuple[BaseWSGIServer, keys.Kept]:
    kept = keys.load(state)
    if kept is None:
        server = _listen_anywhere()
        return server, keys.create(state, server.port)
    deadline = time.monotonic() + CLOSING
    while True:
        try:
            return _server(kept.port), kept
        except OSError as error:
            if time.monotonic() > deadline:
                raise StartError(
                    f"port {kept.port}, kept in {state / 'endpoint.json'}, cannot be used: "
                    f"{error.strerror}. Stop the program that listens there, or delete that file "
                    "to get a new port and new keys."
                ) from None
        time.sleep(0.02)


def _listen_anywhere() -> BaseWSGIServer:
    for port in random.SystemRandom().sample(PORTS, 50):
        try:
            return _server(port)
        except OSError:
            continue  # taken; the next one
    raise StartError(f"none of 50 ports between {PORTS.start} and {PORTS.stop} is free")


def _server(port: int) -> BaseWSGIServer:
    """Bound and listening. Werkzeug exits the process when it binds a taken port: we bind."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(128)
        return make_server(
            HOST, port, _not_ready, threaded=True, request_handler=Handler, fd=listener.fileno()
        )


def _not_ready(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    raise AssertionError("the router is set before the first request is taken")


def _stop_on_signals(server: BaseWSGIServer) -> None:
    def stop(signum: int, frame: Any) -> None:
        # shutdown() waits for serve_forever(), which this very thread runs.
        threading.Thread(target=server.shutdown).start()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
