"""``--source mysql://user@host:port/database``: a running server instead of the sample's."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlparse

from etl_lib import tls
from etl_lib.errors import SourceError

PASSWORD = "WORKBOOK_SOURCE_PASSWORD"
MASK_KEY = "WORKBOOK_MASK_KEY"
SECRETS = (
    PASSWORD,
    MASK_KEY,
)  # of the command that they are given: nothing that it starts has them
# As the clients of MySQL call them. PREFERRED may be plain text, VERIFY_CA takes any host.
MODES = {name: mode for mode, name in tls.MODES.items()}


def parse(url: str) -> dict[str, Any]:
    """The address as a secret in RDS shape; the password comes from the environment.

    A password within the address is refused: arguments are visible to every process. ``ssl-mode``
    and ``ssl-ca`` may be given as to MySQL's own clients.
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
        **_ssl(parts.query),
        **({"mask_key": os.environ[MASK_KEY]} if MASK_KEY in os.environ else {}),
    }


def _ssl(query: str) -> dict[str, str]:
    """``?ssl-mode=VERIFY_IDENTITY&ssl-ca=FILE`` as a secret has it."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    if unknown := sorted(set(given) - {"ssl-mode", "ssl-ca"}):
        raise SourceError(f"--source: {', '.join(unknown)}: only ssl-mode and ssl-ca are known")
    found = {}
    if "ssl-mode" in given:
        mode = given["ssl-mode"].upper()
        if mode not in MODES:
            raise SourceError(f"--source: ssl-mode={mode} is not one of {', '.join(MODES)}")
        found["ssl"] = MODES[mode]
    if "ssl-ca" in given:
        ca = given["ssl-ca"]
        found["ssl_ca"] = ca if ca.startswith("s3://") else str(Path(ca).expanduser().resolve())
    return found
