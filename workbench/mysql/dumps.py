"""Run SQL dumps on the server, with the client that knows DELIMITER."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from workbench import prerequisites
from workbench.mysql.schema import Progress, silent
from workbench.mysql.server import Server, quoted


class DumpError(Exception):
    """A dump that the server refused. The message has the file, the line and the reason."""


def load_sql(
    server: Server, database: str, files: Sequence[Path], progress: Progress = silent
) -> None:
    """Run ``files`` one after the other, beginning in ``database``, which is made if missing.

    A dump may make and use databases of its own. Raises DumpError at the first error; what was
    run before it stays, as DDL commits by itself.
    """
    with server.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE IF NOT EXISTS {quoted(database)} CHARACTER SET utf8mb4")
    for done, file in enumerate(files):
        progress(file.name, done, len(files))
        _run(server, database, file)
    progress("dumps", len(files), len(files))


def _run(server: Server, database: str, file: Path) -> None:
    programs = prerequisites.mariadb()
    command = [
        str(programs.client),
        f"--defaults-file={server.client_options}",  # a password in argv is read by any user
        "--default-character-set=utf8mb4",
        f"--database={database}",
    ]
    with open(file, "rb") as dump:
        ran = subprocess.run(
            command,
            stdin=dump,
            capture_output=True,
            text=True,
            errors="replace",
            env=programs.environment(),
        )
    if ran.returncode:
        errors = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
        raise DumpError(f"{file}: {' '.join(errors) or ran.stderr.strip()}")
