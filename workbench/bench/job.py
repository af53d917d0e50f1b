"""What a peer is told to do, and the command that does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench.bench.usage import plain

FULL, INCREMENT, IDLE = "full", "increment", "idle"
PHASES = (FULL, INCREMENT, IDLE)


@dataclass(frozen=True)
class Job:
    """What a peer is to do: read ``secret``'s table, keep all that it makes in ``folder``."""

    secret: Mapping[str, Any]
    folder: Path
    phase: str = FULL

    @property
    def destination(self) -> Path:
        return self.folder / "warehouse.duckdb"

    @property
    def url(self) -> str:
        who = f"{self.secret['username']}:{self.secret['password']}"
        return f"mysql://{who}@{self.at}"

    @property
    def at(self) -> str:
        return f"{self.secret['host']}:{self.secret['port']}/{self.secret['dbname']}"

    def environment(self, **more: str) -> dict[str, str]:
        """Ours, with a home of its own: state that a peer keeps there goes with the folder."""
        quiet = {"SLING_DISABLE_TELEMETRY": "true", "RUNTIME__DLTHUB_TELEMETRY": "false"}
        quiet |= {"DISABLE_TELEMETRY": "true", "INGESTR_DISABLE_TELEMETRY": "true"}
        return plain(HOME=str(self.folder), **quiet, **more)


@dataclass(frozen=True)
class Command:
    """A command line, and its environment."""

    words: list[str]
    environment: dict[str, str]
