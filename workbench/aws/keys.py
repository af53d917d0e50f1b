"""The address and keys of this local AWS: made once, kept over restarts."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict, dataclass, field
from pathlib import Path

REGION = "us-east-1"
ACCOUNT = "123456789012"


@dataclass(frozen=True)
class Kept:
    """What ``endpoint.json`` holds."""

    url: str
    port: int
    region: str
    access_key: str
    secret_key: str = field(repr=False)


def load(state: Path) -> Kept | None:
    """What an earlier start has kept in ``state``."""
    try:
        return Kept(**json.loads((state / "endpoint.json").read_text()))
    except FileNotFoundError:
        return None


def create(state: Path, port: int) -> Kept:
    """New random keys for ``port``, written so that only the owner can read them."""
    kept = Kept(
        url=f"http://127.0.0.1:{port}",
        port=port,
        region=REGION,
        access_key="LOCAL" + secrets.token_hex(8).upper()[:15],
        secret_key=secrets.token_urlsafe(30),
    )
    new = state / "endpoint.json.new"
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(asdict(kept), file)
        file.flush()
        os.fsync(file.fileno())
    new.replace(state / "endpoint.json")
    return kept
