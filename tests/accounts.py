"""An AWS account for tests: requests are made for AWS's own hosts, and carried to the local AWS.

Nothing of the command is replaced but the last step, at which botocore gives a signed request to
the network.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import pytest
from botocore.httpsession import URLLib3Session

from workbench.endpoint import Endpoint

SCOPE = re.compile(r"Credential=([^/]+)/\d{8}/([^/]+)/([^/]+)/aws4_request")
BUCKET = re.compile(r"(.+)\.s3(?:\.us-east-1)?\.amazonaws\.com")  # of us-east-1 either will do


@dataclass(frozen=True)
class Sent:
    """One request as it was signed: for which host, service and region."""

    host: str
    key: str
    region: str
    service: str
    operation: str


@dataclass
class Account:
    """``environment`` has the profile ``work``; ``sent`` what was asked of AWS."""

    environment: dict[str, str]
    sent: list[Sent] = field(default_factory=list)

    def check(self) -> set[str]:
        """Each request went to the host of the service and region that it was signed for; the
        services."""
        assert self.sent
        for each in self.sent:
            assert each.region == "us-east-1"
            own = f"{each.service}.us-east-1.amazonaws.com"
            assert each.host == own or (each.service == "s3" and BUCKET.fullmatch(each.host)), each
        return {each.service for each in self.sent}


@contextmanager
def account(endpoint: Endpoint, folder: Path) -> Iterator[Account]:
    """The local AWS behind the names of a real one."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config").write_text("[profile work]\nregion = us-east-1\n")
    (folder / "credentials").write_text(
        f"[work]\naws_access_key_id = {endpoint.access_key}\n"
        f"aws_secret_access_key = {endpoint.secret_key}\n"
    )
    made = Account(
        {
            "AWS_CONFIG_FILE": str(folder / "config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "credentials"),
        }
    )
    real = URLLib3Session.send

    def send(self: Any, request: Any) -> Any:
        parts = urlsplit(request.url)
        assert parts.scheme == "https", request.url
        made.sent.append(_sent(parts.netloc, request))
        bucket = BUCKET.fullmatch(parts.netloc)
        path = f"/{bucket[1]}{parts.path}" if bucket else parts.path
        request.url = urlunsplit(urlsplit(endpoint.url)[:2] + (path, parts.query, ""))
        return real(self, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(URLLib3Session, "send", send)
        yield made


def _sent(host: str, request: Any) -> Sent:
    authorization = request.headers["Authorization"]
    if isinstance(authorization, bytes):
        authorization = authorization.decode()
    found = SCOPE.search(authorization)
    assert found
    target = request.headers.get("X-Amz-Target", b"")
    target = target.decode() if isinstance(target, bytes) else target
    body = request.body if isinstance(request.body, bytes) else str(request.body or "").encode()
    action = re.search(rb"Action=(\w+)", body) if not target else None
    operation = target.partition(".")[2] or (action[1].decode() if action else request.method)
    return Sent(host, found[1], found[2], found[3], operation)
