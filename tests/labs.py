"""A JupyterLab that `workbook lab` has opened, and what it answers."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from workbench.home import Home

TOKEN = "of-this-test"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def opened(home: Home, log: Path, *options: str, **environment: str) -> Iterator[str]:
    """Its address; ``log`` has what it says. Raises AssertionError, with that, if it ends first."""
    port = free_port()
    settings = {
        f"JUPYTER_{each}_DIR": str(log.parent / each.lower()) for each in ("CONFIG", "DATA")
    }
    given = {"WORKBOOK_HOME": str(home.root), "JUPYTER_TOKEN": TOKEN, **settings, **environment}
    command = [sys.executable, "-m", "workbench.cli", "lab", "--no-browser", "--port", str(port)]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [*command, *options], env={**os.environ, **given}, stdout=output, stderr=output
        )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(address, process, log)
        yield address
    finally:
        process.terminate()
        process.wait(30)


def _wait(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        try:
            asked(f"{address}/api")
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def asked(url: str, method: str = "GET", body: dict[str, Any] | None = None) -> Any:
    """What Jupyter Server's REST API answers."""
    request = urllib.request.Request(
        url,
        json.dumps(body).encode() if body else None,
        {"Authorization": f"token {TOKEN}", "Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        text = reply.read()
    return json.loads(text) if text else None
