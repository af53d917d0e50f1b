"""A local AWS that is killed in the midst of something: whatever fails then, it runs afterwards."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from workbench import endpoint
from workbench.stack import Stack


@contextmanager
def killed_when(stack: Stack, happens: Callable[[], object]) -> Iterator[list[float]]:
    """Kill it within the block once ``happens`` is true; yields the time of that, when it has come.

    At the end of the block nothing will be killed any more, and it runs again.
    """
    over, killed = threading.Event(), list[float]()

    def wait() -> None:
        while not over.wait(0.05):
            if happens():
                pid = int((stack.home.aws / "aws.pid").read_text().split()[0])
                killed.append(time.monotonic())
                return os.kill(pid, signal.SIGKILL)

    killer = threading.Thread(target=wait, daemon=True)
    killer.start()
    try:
        yield killed
    finally:
        over.set()
        killer.join(60)
        endpoint.start(stack.home.aws)
