"""``python -m workbench.packages LOCK``: install the pinned packages into this Python, and say how
far it is. Standard library only.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

from workbench.home import REPOSITORY

_PIP = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "install")


def install(lock: Path) -> int:
    """Install what ``lock`` pins, by hash, then the project itself; pip's exit code."""
    if importlib.util.find_spec("pip") is None:  # making the venv was interrupted
        subprocess.run([sys.executable, "-m", "ensurepip"], check=True)
    total = sum("==" in line for line in lock.read_text().splitlines())
    print(f"Python packages: {total} pinned in {lock.name}", flush=True)
    # Compiling all of them now would take longer than compiling at first use what is used.
    code = _run([*_PIP, "--no-compile", "--require-hashes", "-r", str(lock)], total)
    if code:
        return code
    project = ["--no-deps", "--no-build-isolation", "--editable", str(REPOSITORY)]
    return _run([*_PIP, *project], 1)


def _run(command: list[str], total: int) -> int:
    """Run pip; a line of progress every few seconds, its last words if it fails."""
    last: deque[str] = deque(maxlen=15)
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as pip:
        assert pip.stdout is not None
        _report(pip.stdout, last, total)
    if pip.returncode:
        print("".join(last), end="", flush=True)
    return pip.returncode


def _report(lines: Iterable[str], last: deque[str], total: int) -> None:
    seen, said = 0, time.monotonic()
    for line in lines:
        last.append(line)
        if line.startswith(("Collecting ", "Requirement already satisfied: ")):
            seen += 1
            if time.monotonic() > said + 3:
                said = time.monotonic()
                print(f"  {seen}/{total} fetched", flush=True)
        elif line.startswith("Installing collected packages"):
            print(f"  installing {line.count(',') + 1} of {total} ...", flush=True)


if __name__ == "__main__":
    sys.exit(install(Path(sys.argv[1])))
