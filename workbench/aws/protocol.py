"""What a service of the local AWS is given and must answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


class AwsError(Exception):
    """An error as AWS reports it: a code, a message and an HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status


def not_supported(service: str, operation: str) -> AwsError:
    """The refusal of what nobody here executes; an invented answer would be worse."""
    return AwsError(
        "NotImplementedException", f"not supported by the local AWS yet: {service}:{operation}"
    )


@dataclass(frozen=True)
class Context:
    """What every service knows about the local AWS that it is a part of."""

    state: Path
    url: str
    region: str
    account: str
    access_key: str
    secret_key: str = field(repr=False)


class Service(Protocol):
    """One AWS service that speaks JSON 1.1 and really executes."""

    def handle(self, operation: str, request: dict[str, Any], context: Context) -> dict[str, Any]:
        """Answer one operation; datetimes as epoch seconds. Raises AwsError. May block."""
        ...

    def close(self) -> None:
        """Orderly shutdown: end children, flush files."""
        ...
