"""What the commands need of an AWS, be it the local one or an account."""

from __future__ import annotations

from typing import Any, Protocol


class Aws(Protocol):
    """boto3 clients, and the variables that lead any other SDK to the same place."""

    @property
    def region(self) -> str: ...

    def client(self, service: str) -> Any: ...

    def environment(self) -> dict[str, str]: ...
