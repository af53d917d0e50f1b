"""Where a workbook keeps its state on this machine."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Home:
    """The state directory: ``WORKBOOK_HOME``, or ``.workbook`` beside the notebooks."""

    root: Path

    @classmethod
    def find(cls) -> Home:
        return cls(Path(os.environ.get("WORKBOOK_HOME") or REPOSITORY / ".workbook").resolve())

    def create(self) -> Home:
        """Make the directory, readable by its owner only: it holds keys and data."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        return self

    @property
    def aws(self) -> Path:
        return self.root / "aws"

    @property
    def mysql(self) -> Path:
        return self.root / "mysql"

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def jupyter(self) -> Path:
        return self.root / "jupyter"
