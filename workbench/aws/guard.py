"""Who may talk to the local AWS: this machine's own programs, with this local AWS's key.

The port is open to every web page in the user's browser. A page can post to it, and by DNS
rebinding even read from it, so Host and Origin are checked before anything else looks at a request.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

from werkzeug.wrappers import Request

from workbench.aws.protocol import AwsError

CREDENTIAL = re.compile(r"AWS4-HMAC-SHA256\s+(?:.*,\s*)?Credential=([^,\s]+)")


@dataclass(frozen=True)
class Scope:
    """The credential scope of a signed request: whose key, and for which service."""

    access_key: str
    region: str
    service: str


@dataclass(frozen=True)
class Guard:
    """Checks every request before it is routed."""

    port: int
    access_key: str

    def check(self, request: Request) -> Scope:
        """The scope of an admissible request. Raises AwsError (403) for any other."""
        self._check_host(request.headers.get("Host", ""))
        self._check_origin(request.headers.get("Origin"))
        scope = _scope(request)
        if scope is None:
            raise AwsError(
                "MissingAuthenticationTokenException",
                "Requests need an AWS Signature Version 4; `workbook env` prints the keys.",
                403,
            )
        if not hmac.compare_digest(scope.access_key.encode(), self.access_key.encode()):
            raise AwsError(
                "UnrecognizedClientException",
                "The access key is not the one of this local AWS; `workbook env` prints it.",
                403,
            )
        return scope

    def _check_host(self, host: str) -> None:
        if host not in (f"127.0.0.1:{self.port}", f"localhost:{self.port}"):
            raise AwsError(
                "AccessDeniedException",
                f"Host {host!r} is not 127.0.0.1:{self.port}: refused against DNS rebinding.",
                403,
            )

    def _check_origin(self, origin: str | None) -> None:
        own = (f"http://127.0.0.1:{self.port}", f"http://localhost:{self.port}")
        if origin is not None and origin not in own:
            raise AwsError(
                "AccessDeniedException",
                f"Origin {origin!r}: web pages may not use the local AWS.",
                403,
            )


def _scope(request: Request) -> Scope | None:
    found = CREDENTIAL.match(request.headers.get("Authorization", ""))
    credential = found[1] if found else request.args.get("X-Amz-Credential", "")
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        return None
    return Scope(access_key=parts[0], region=parts[2], service=parts[3].lower())
