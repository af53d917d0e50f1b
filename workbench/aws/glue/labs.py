"""Whether a JupyterLab of `workbook lab` is open on this local AWS.

Each holds a lock on one file for as long as its process lives, however that ends.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


def hold(state: Path) -> None:
    """This process is an open lab until it ends, whichever program it becomes by exec."""
    lock = os.open(_file(state), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(lock, fcntl.LOCK_SH)
    os.utime(lock)
    os.set_inheritable(lock, True)


def since(state: Path) -> float | None:
    """When the last one was opened, as time.time() says; None if none is open."""
    try:
        lock = os.open(_file(state), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return os.fstat(lock).st_mtime
    finally:
        os.close(lock)


def _file(state: Path) -> Path:
    return state / "labs.lock"
