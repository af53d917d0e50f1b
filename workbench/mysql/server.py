"""A MariaDB server of our own on 127.0.0.1: stands in for Aurora MySQL."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import secrets
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from workbench import prerequisites
from workbench.daemon import Daemon, DaemonError

ADMIN = "workbook"
READER = "etl"  # what the pipeline logs in as
HOST = "127.0.0.1"
TAKEN = "already in use"  # what its log says of a port

# What MySQL 8 does by default, where MariaDB's default differs.
_LIKE_MYSQL_8 = {
    "sql-mode": "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION",
    "character-set-server": "utf8mb4",
    # utf8mb4_0900_ai_ci is not in MariaDB; this one also counts trailing blanks.
    "collation-server": "utf8mb4_unicode_520_nopad_ci",
    "default-time-zone": "+00:00",
    "explicit-defaults-for-timestamp": "ON",
}
_SMALL = {
    "innodb-buffer-pool-size": "128M",
    "innodb-log-file-size": "64M",
    "innodb-buffer-pool-dump-at-shutdown": "OFF",
    "innodb-buffer-pool-load-at-startup": "OFF",
    "key-buffer-size": "1M",
    "aria-pagecache-buffer-size": "8M",
    "performance-schema": "OFF",
    "max-connections": "151",  # MySQL's default
    "max-connect-errors": "1000000",  # the readiness check knocks often
}


class ServerError(Exception):
    """The MariaDB server could not be made ready."""


@dataclass(frozen=True)
class Server:
    """A server made by ``start``. Its passwords never show in its repr."""

    directory: Path
    port: int
    admin_password: str = field(repr=False)
    reader_password: str = field(repr=False)
    host: str = HOST

    @property
    def imports(self) -> Path:
        """The one directory from which the server itself may load files."""
        return self.directory / "imports"

    @property
    def client_options(self) -> Path:
        """For the administrator's own client: ``mariadb --defaults-file=FILE``."""
        return self.directory / "client.cnf"

    @property
    def temporary(self) -> Path:
        """Its own: a server that starts deletes the temporary tables of all that share a place."""
        return self.directory / "tmp"

    def connect(self, database: str | None = None) -> Connection[Cursor]:
        """An administrator's connection; the caller closes it."""
        return pymysql.connect(
            host=self.host,
            port=self.port,
            user=ADMIN,
            password=self.admin_password,
            database=database,
            charset="utf8mb4",
            connect_timeout=10,
            # It is this machine. PyMySQL would read all its certificates first: 50 ms each time.
            ssl_disabled=True,
        )

    @contextmanager
    def cursor(self, database: str | None = None) -> Iterator[Cursor]:
        """One administrator's transaction: committed at the end, rolled back on an error."""
        with self.connect(database) as connection, connection.cursor() as cursor:
            yield cursor
            connection.commit()

    def secret(self, database: str) -> dict[str, Any]:
        """What the pipeline's reader needs to reach ``database``, shaped as RDS writes secrets.

        The reader is granted SELECT and SHOW VIEW on that database, nothing else in it.
        """
        pattern = quoted(database.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%"))
        with self.cursor() as cursor:
            cursor.execute(f"GRANT SELECT, SHOW VIEW ON {pattern}.* TO '{READER}'@'{HOST}'")
        return {
            "engine": "mysql",
            "host": self.host,
            "port": self.port,
            "username": READER,
            "password": self.reader_password,
            "dbname": database,
            "mask_key": self.mask_key,
        }

    @property
    def mask_key(self) -> str:
        """The key by which columns are hashed: the same as long as the server has its passwords."""
        return hashlib.sha256(f"mask {self.admin_password}".encode()).hexdigest()

    def answers(self) -> bool:
        """Whether it can be logged in to."""
        try:
            self.connect().close()
        except pymysql.err.MySQLError:
            return False
        return True


def quoted(identifier: str) -> str:
    """``identifier`` as MySQL reads it, whatever is in it."""
    return "`" + identifier.replace("`", "``") + "`"


def start(directory: Path, options: Sequence[str] = ()) -> Server:
    """Start the server that lives in ``directory``; the first time, make it.

    Does nothing if it runs already. Port and passwords are kept over restarts. ``options`` are
    MariaDB's own, such as ``--ssl-cert=FILE``.
    Raises ServerError with the end of the server's log if it does not come up, and
    MissingPrerequisite if this machine has no MariaDB.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(directory):
        kept = load(directory)
        if kept and running(directory) and kept.answers():
            if not kept.client_options.exists():  # an earlier version's server
                write_private(kept.client_options, _client_options(kept))
            return kept
        programs = prerequisites.mariadb()
        if not (directory / "data").exists():
            _install(programs, directory)
        if kept:
            return _launch(programs, kept, options)
        return _launch_new(programs, directory, options)


def stop(directory: Path) -> bool:
    """Stop it in an orderly way. False if it did not run."""
    return _daemon(directory).stop()


def running(directory: Path) -> bool:
    """Whether the server of ``directory`` runs."""
    return _daemon(directory).pid() is not None


def load(directory: Path) -> Server | None:
    """The server that ``start`` once made in ``directory``, running or not."""
    try:
        kept = json.loads((directory / "server.json").read_text())
    except FileNotFoundError:
        return None
    return Server(directory, kept["port"], kept["admin_password"], kept["reader_password"])


def _daemon(directory: Path) -> Daemon:
    return Daemon("mysql", directory)


def _settle(directory: Path) -> Server:
    """Choose port and passwords, and keep them."""
    kept = {
        "port": _free_port(),
        "admin_password": secrets.token_urlsafe(24),
        "reader_password": secrets.token_urlsafe(24),
    }
    write_private(directory / "server.json", json.dumps(kept))
    server = load(directory)
    assert server is not None
    return server


def _install(programs: prerequisites.Mariadb, directory: Path) -> None:
    """Make an empty data directory. It gets its name only when it is whole.

    In a folder for temporary tables of its own: a server that starts removes those of all others.
    """
    fresh = directory / "data.new"
    command = [
        str(programs.install_db),
        "--no-defaults",
        f"--basedir={programs.basedir}",
        f"--datadir={fresh}",
        "--auth-root-authentication-method=normal",
        "--skip-test-db",
        "--skip-name-resolve",
        *_as_root(),
    ]
    subprocess.run(["rm", "-rf", str(fresh)], check=True)
    fresh.mkdir(mode=0o700)
    with tempfile.TemporaryDirectory(dir=directory) as temporary:
        environment = {**programs.environment(), "TMPDIR": temporary}
        made = subprocess.run(
            command, capture_output=True, text=True, env=environment, cwd=directory
        )
    if made.returncode:
        raise ServerError(f"no data directory in {fresh}: {made.stdout}{made.stderr}".strip())
    fresh.rename(directory / "data")


def _launch_new(
    programs: prerequisites.Mariadb, directory: Path, options: Sequence[str], attempts: int = 3
) -> Server:
    """Start it on a port that is free: between the choice and the start, others may take it."""
    try:
        return _launch(programs, _settle(directory), options)
    except ServerError as error:
        if TAKEN not in str(error) or attempts == 1:
            raise
    return _launch_new(programs, directory, options, attempts - 1)


def _launch(programs: prerequisites.Mariadb, server: Server, options: Sequence[str]) -> Server:
    """Start it and wait for it. Its users are set before it takes the first connection."""
    for directory in (server.imports, server.temporary):
        directory.mkdir(mode=0o700, exist_ok=True)
    users = server.directory / "users.sql"
    write_private(users, _users(server))
    write_private(server.client_options, _client_options(server))
    try:
        _daemon(server.directory).start(
            [*_command(programs, server, users), *options],
            server.answers,
            environment=programs.environment(),
        )
    except DaemonError as error:
        raise ServerError(f"MariaDB in {server.directory} on port {server.port}: {error}") from None
    finally:
        users.unlink()
    return server


def _command(programs: prerequisites.Mariadb, server: Server, users: Path) -> list[str]:
    options = {
        "datadir": server.directory / "data",
        "bind-address": server.host,
        "port": server.port,
        "socket": "mysql.sock",  # relative to the data directory: a full path may be too long
        "pid-file": "mysql.pid",
        "init-file": users,
        "secure-file-priv": server.imports,
        "tmpdir": server.temporary,
        **_LIKE_MYSQL_8,
        **_SMALL,
    }
    return [
        str(programs.server),
        "--no-defaults",
        *programs.options(),
        *(f"--{name}={value}" for name, value in options.items()),
        "--skip-name-resolve",
        *_as_root(),
    ]


def _users(server: Server) -> str:
    """Two users, and no other: the administrator, and the pipeline's reader.

    PROCESS and REPLICATION CLIENT let the reader see running statements and the binary log's
    position, by which it proves that a window lost nothing. init-file wants one line each.
    """
    admin, reader = f"'{ADMIN}'@'{HOST}'", f"'{READER}'@'{HOST}'"
    return "\n".join(
        [
            "DELETE FROM mysql.global_priv WHERE User IN ('', 'root');",
            "FLUSH PRIVILEGES;",
            f"CREATE USER IF NOT EXISTS {admin};",
            f"ALTER USER {admin} IDENTIFIED BY '{server.admin_password}';",
            f"GRANT ALL PRIVILEGES ON *.* TO {admin} WITH GRANT OPTION;",
            f"CREATE USER IF NOT EXISTS {reader};",
            f"ALTER USER {reader} IDENTIFIED BY '{server.reader_password}';",
            f"GRANT PROCESS, REPLICATION CLIENT ON *.* TO {reader};",
            "",
        ]
    )


def _client_options(server: Server) -> str:
    return (
        f"[client]\nprotocol=tcp\nhost={server.host}\nport={server.port}\nuser={ADMIN}\n"
        f'password="{server.admin_password}"\n'
    )


def _as_root() -> list[str]:
    return ["--user=root"] if os.geteuid() == 0 else []


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def write_private(path: Path, text: str) -> None:
    """Write ``text`` to ``path``, readable by its owner only from the first moment on."""
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Two commands that start at once must not make two servers."""
    with open(directory / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
