"""JSON files that are whole or not there, readable by their owner only."""

from __future__ import annotations

import json
import os
from pathlib import Path


def write(path: Path, content: object) -> None:
    """Replace a file at once: a kill leaves the old one or the new one."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(content, file)
    new.replace(path)
