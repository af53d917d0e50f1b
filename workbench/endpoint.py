"""A handle on the local AWS: start it, stop it, talk to it."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from workbench.daemon import Daemon, DaemonError
from workbench.home import REPOSITORY

ROLE = "arn:aws:iam::123456789012:role/GlueLocal"
PATIENCE = 60.0  # seconds for a busy server to answer
_MAKING = threading.Lock()  # boto3 makes one client at a time


@dataclass(frozen=True)
class Endpoint:
    """Where the local AWS listens and the keys it accepts."""

    url: str
    region: str
    access_key: str
    secret_key: str = field(repr=False)
    state: Path

    def environment(self) -> dict[str, str]:
        """The variables that point any AWS SDK, CLI or Glue kernel here."""
        return {
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            "AWS_CONFIG_FILE": str(self.state / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(self.state / "aws-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": _no_proxy(),
        }

    def client(self, service: str) -> Any:
        """A boto3 client of the local AWS, whatever the environment says about another one.

        A dead server is reported within about 5 s (three attempts, refused at once).
        """
        from etl_lib import aws  # boto3: most commands start without it

        with _MAKING:
            made = self._session.client(
                service, endpoint_url=self.url, config=_configuration(service)
            )
        return aws.whole(made)

    @cached_property
    def _session(self) -> Any:
        """Made once: it keeps the services' models, which take a tenth of a second to read."""
        import boto3
        import botocore.session

        session = botocore.session.Session(
            session_vars={
                "profile": (None, None, None, None),
                "config_file": (None, None, os.devnull, None),
            }
        )
        return boto3.session.Session(
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name=self.region,
            botocore_session=session,
        )


def _configuration(service: str) -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=2,
        read_timeout=60,
        retries={"mode": "standard", "total_max_attempts": 3},
        proxies={},
        signature_version="s3v4" if service == "s3" else None,
        s3={"addressing_style": "path"},
        inject_host_prefix=False,  # TestState would go to sync-127.0.0.1
    )


def start(state: Path) -> Endpoint:
    """Start the local AWS that keeps its state in ``state``, unless it runs; wait until it answers.

    Raises DaemonError with the end of its log if it does not come up.
    """
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _one_at_a_time(state):
        if not _up(state):
            _daemon(state).start(
                [sys.executable, "-m", "workbench.aws", "--state", str(state)],
                ready=lambda: _serves(state) and _answers(state),
                environment=_server_environment(),
            )
        endpoint = load(state)
        assert endpoint is not None, "a server that answers has written endpoint.json"
        _write_configuration(endpoint)
        return endpoint


def stop(state: Path) -> bool:
    """Stop it in order. False if it did not run."""
    return _daemon(state).stop()


def load(state: Path) -> Endpoint | None:
    """The endpoint as it was last started; None if it never was."""
    try:
        kept = json.loads((state / "endpoint.json").read_text())
    except FileNotFoundError:
        return None
    return Endpoint(
        url=kept["url"],
        region=kept["region"],
        access_key=kept["access_key"],
        secret_key=kept["secret_key"],
        state=state,
    )


def running(state: Path) -> bool:
    return _daemon(state).pid() is not None


def _up(state: Path) -> bool:
    """Whether it runs and answers. What was killed a moment ago can still be seen: its end is
    waited for. Raises DaemonError if one neither answers nor ends."""
    deadline = time.monotonic() + PATIENCE
    while running(state):
        if _answers(state):
            return True
        if time.monotonic() > deadline:
            raise DaemonError(
                f"the local AWS of {state} runs, but has not answered for {PATIENCE:.0f} s: "
                "`workbook down` stops it"
            )
        time.sleep(0.02)
    return False


def _serves(state: Path) -> bool:
    """Whether the process that was started has the state, and not one whose pid file was lost."""
    try:
        holder = int((state / "server.lock").read_text() or 0)
    except FileNotFoundError:
        return False
    return holder == _daemon(state).pid()


def _daemon(state: Path) -> Daemon:
    return Daemon("aws", state)


def _answers(state: Path) -> bool:
    """True if what listens there accepts our key: another program on the port does not."""
    endpoint = load(state)
    if endpoint is None:
        return False
    address = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=2)
    scope = f"{endpoint.access_key}/20000101/{endpoint.region}/s3/aws4_request"
    try:
        connection.request("GET", "/", headers={"Authorization": _authorization(scope)})
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _authorization(scope: str) -> str:
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"


def _server_environment() -> dict[str, str]:
    """Ours without any AWS setting: the server must never talk to a real account."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = [str(REPOSITORY), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path), "PYTHONUNBUFFERED": "1"}


def _write_configuration(endpoint: Endpoint) -> None:
    """The two AWS files; the Glue kernel needs a profile to heed an endpoint of our own."""
    _write_private(
        endpoint.state / "aws-config",
        f"[default]\nregion = {endpoint.region}\nendpoint_url = {endpoint.url}\n"
        f"glue_profile = default\nglue_role_arn = {ROLE}\n"
        # As over TLS: a checksum guards a body; its signature would cost as much as to send it.
        "s3 =\n    payload_signing_enabled = false\n",
    )
    _write_private(
        endpoint.state / "aws-credentials",
        f"[default]\naws_access_key_id = {endpoint.access_key}\n"
        f"aws_secret_access_key = {endpoint.secret_key}\n",
    )


def _write_private(path: Path, text: str) -> None:
    """Replace ``path`` at once with a file that only its owner can read."""
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    new.replace(path)


def _no_proxy() -> str:
    """What bypasses a proxy already, and the local AWS."""
    present = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    names = [name.strip() for name in present.split(",") if name.strip()]
    return ",".join([*names, *({"127.0.0.1", "localhost"} - set(names))])


@contextmanager
def _one_at_a_time(state: Path) -> Iterator[None]:
    """Two commands that start the same local AWS wait for each other."""
    with open(state / "start.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
