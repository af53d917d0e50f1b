"""What to type to reach a source again, made of its secret. No password is in it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urlencode

from etl_lib import tls
from workbench.mysql.schema import DATABASE
from workbench.mysql.server import READER, Server


def address(secret: Mapping[str, Any]) -> str:
    """What ``--source`` takes."""
    user, database = (quote(str(secret[name]), safe="") for name in ("username", "dbname"))
    host = f"[{secret['host']}]" if ":" in str(secret["host"]) else secret["host"]
    return f"mysql://{user}@{host}:{secret['port']}/{database}{_asking(secret)}"


def asked(secret: Mapping[str, Any], server: Server | None) -> str:
    """What to type for this source again; ``server`` is the sample's."""
    name = str(secret["dbname"])
    place = (secret["host"], secret["port"], secret["username"])
    if server is not None and place == (server.host, server.port, READER):
        return "" if name == DATABASE else f"--database {shlex.quote(name)}"
    return f"--source {shlex.quote(address(secret))}"


def _asking(secret: Mapping[str, Any]) -> str:
    ca = str(secret.get("ssl_ca", ""))
    given = {
        "ssl-mode": tls.MODES.get(secret.get("ssl", "")),
        "ssl-ca": "" if ca.startswith("-----") else ca,  # a secret may hold the text itself
    }
    query = urlencode({name: value for name, value in given.items() if value}, safe="/:")
    return f"?{query}" if query else ""
