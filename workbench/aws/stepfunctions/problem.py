"""What can be wrong with a definition, in AWS's terms."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong; ``location`` is a JSON pointer."""

    code: str
    message: str
    location: str

    def __str__(self) -> str:
        return f"{self.code}: {self.message} at {self.location}"


def schema(message: str, location: str) -> Problem:
    return Problem("SCHEMA_VALIDATION_FAILED", message, location)


def target(message: str, location: str) -> Problem:
    return Problem("MISSING_TRANSITION_TARGET", message, location)
