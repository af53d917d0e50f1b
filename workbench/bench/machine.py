"""What the figures were measured on, and with which code."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from workbench.home import REPOSITORY
from workbench.mysql.server import Server

PACKAGES = ("duckdb", "connectorx", "pyarrow", "pyspark")


def facts(server: Server) -> dict[str, str]:
    with server.cursor() as cursor:
        cursor.execute("SELECT VERSION(), @@innodb_buffer_pool_size")
        row = cursor.fetchone()
    assert row is not None
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "code": _commit(),
        "processor": f"{_processor()}, {os.cpu_count()} cores",
        "memory": f"{os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE') / 2**30:.0f} GB",
        "system": f"{_release()}, Linux {platform.release()}, Python {platform.python_version()}",
        "source": f"MariaDB {str(row[0]).partition('-')[0]} on 127.0.0.1, "
        f"buffer pool {int(row[1]) >> 20:,} MB",
        "packages": ", ".join(f"{name} {version(name)}" for name in PACKAGES),
    }


def _commit() -> str:
    """The commit, and whether something differs from it."""
    try:
        found = _git("rev-parse", "--short=10", "HEAD")
        return found + (" and changes" if _git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    command = ["git", "-C", str(REPOSITORY), *words]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _release() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except OSError:
        return platform.system()
