"""What the console looks at: the local AWS of one home, through boto3."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from etl_lib.zone import Zone
from workbench import endpoint
from workbench.endpoint import Endpoint
from workbench.home import Home


class NotRunning(Exception):
    """The local AWS has never been started in this home."""


@dataclass(frozen=True)
class Local:
    """Reads the address each time: a local AWS that was started again has another one."""

    home: Home

    @property
    def endpoint(self) -> Endpoint:
        found = endpoint.load(self.home.aws)
        if found is None:
            raise NotRunning("The local AWS has never been started here.")
        return found

    def client(self, service: str) -> Any:
        return _client(self.endpoint, service)

    def zone(self, bucket: str) -> Zone:
        """A pipeline's bucket, whatever AWS the environment points at."""
        zone = Zone(bucket)
        vars(zone)["_client"] = self.client("s3")
        return zone


@lru_cache(maxsize=32)
def _client(endpoint: Endpoint, service: str) -> Any:
    return endpoint.client(service)
