"""Run SQL dumps on the server, with the client that knows DELIMITER."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

from workbench import prerequisites
from workbench.mysql.seed import Progress, silent
from workbench.mysql.server import ADMIN, Server, quoted, write_private


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
    options = server.directory / "client.cnf"  # a password in argv could be read by any user
    write_private(options, _options(server))
    try:
        with open(file, "rb") as dump:
            ran = subprocess.run(
                [str(programs.client), f"--defaults-file={options}", f"--database={database}"],
                stdin=dump,
                capture_output=True,
                text=True,
                errors="replace",
                env=programs.environment(),
            )
    finally:
        options.unlink()
    if ran.returncode:
        errors = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
        raise DumpError(f"{file}: {' '.join(errors) or ran.stderr.strip()}")


def _options(server: Server) -> str:
    settings = {
        "protocol": "tcp",
        "host": server.host,
        "port": server.port,
        "user": ADMIN,
        "password": server.admin_password,
        "default-character-set": "utf8mb4",
    }
    return "[client]\n" + "".join(f"{name}={value}\n" for name, value in settings.items())
