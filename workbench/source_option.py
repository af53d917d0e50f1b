"""``--source mysql://user@host:port/database``: a running server instead of the sample's."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote, urlparse

from etl_lib.errors import SourceError
from workbench.mysql.seed import DATABASE
from workbench.mysql.server import READER, Server

PASSWORD = "WORKBOOK_SOURCE_PASSWORD"


def parse(url: str) -> dict[str, Any]:
    """The address as a secret in RDS shape; the password comes from the environment.

    A password within the address is refused: arguments are visible to every process.
    """
    parts = urlparse(url)
    database = unquote(parts.path.strip("/"))
    try:
        port = parts.port or 3306
    except ValueError:
        raise SourceError(f"--source: the port of {parts.hostname} is no number") from None
    if parts.password is not None:
        raise SourceError(
            f"--source: leave the password out and set {PASSWORD} in the environment; "
            "arguments are visible to other processes."
        )
    if parts.scheme != "mysql" or not parts.hostname or not parts.username or not database:
        raise SourceError("--source: expected mysql://user@host:port/database")
    if PASSWORD not in os.environ:
        raise SourceError(f"--source: set the password of {parts.username} in {PASSWORD}")
    return {
        "engine": "mysql",
        "host": parts.hostname,
        "port": port,
        "username": unquote(parts.username),
        "password": os.environ[PASSWORD],
        "dbname": database,
    }


def address(secret: Mapping[str, Any]) -> str:
    """The way back: what ``--source`` takes. No password is in it."""
    user, database = (quote(str(secret[name]), safe="") for name in ("username", "dbname"))
    host = f"[{secret['host']}]" if ":" in str(secret["host"]) else secret["host"]
    return f"mysql://{user}@{host}:{secret['port']}/{database}"


def asked(secret: Mapping[str, Any], server: Server | None) -> str:
    """What to type for this source again; ``server`` is the sample's."""
    name = str(secret["dbname"])
    place = (secret["host"], secret["port"], secret["username"])
    if server is not None and place == (server.host, server.port, READER):
        return "" if name == DATABASE else f"--database {shlex.quote(name)}"
    return f"--source {shlex.quote(address(secret))}"
