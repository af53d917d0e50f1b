"""An AWS account, as a profile names it: the same clients as the local AWS, on AWS's own hosts."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, ProfileNotFound

from etl_lib.errors import BadInput, EtlError

# Of another AWS: what `eval "$(workbook env)"` has set must not lead a profile astray.
ASTRAY = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL")
_MAKING = threading.RLock()  # boto3 makes one client at a time, and that may make another


@dataclass(frozen=True)
class Account:
    """A profile and a region, as the AWS CLI reads them; both files, SSO and roles work as there.

    Where the profile itself names an ``endpoint_url`` it is heeded; the environment's is not.
    """

    profile: str
    wanted: str = ""  # region; else the environment's or the profile's

    def client(self, service: str) -> Any:
        from etl_lib import aws

        return aws.whole(self.session.client(service, config=_configuration()))

    @property
    def region(self) -> str:
        found = self.session.region_name
        if not found:
            raise BadInput(
                f"--profile {self.profile}: no region. Give --region, set AWS_REGION, or write "
                "`region = …` into the profile"
            )
        return str(found)

    @cached_property
    def number(self) -> str:
        """The account's number: also the first call, which tells whether the keys are good."""
        try:
            return str(self.client("sts").get_caller_identity()["Account"])
        except (BotoCoreError, ClientError) as error:
            raise EtlError(
                f"--profile {self.profile}: {error}. Nothing was changed. Sign in again, or check "
                "the profile with: aws sts get-caller-identity"
            ) from None

    @cached_property
    def session(self) -> Any:
        import boto3

        region = self.wanted or os.environ.get("AWS_REGION")
        try:
            with _only():
                return boto3.session.Session(
                    botocore_session=_session(), profile_name=self.profile, region_name=region
                )
        except ProfileNotFound as error:
            raise BadInput(
                f"{error}: look into ~/.aws/config, or type `aws configure --profile "
                f'{self.profile}`. After `eval "$(workbook env)"` use another shell'
            ) from None

    def environment(self) -> dict[str, str]:
        """For this process while it is the account's, without what leads ``ASTRAY``."""
        kept = {name: value for name, value in os.environ.items() if not _astray(name)}
        own = {"AWS_PROFILE": self.profile, "AWS_REGION": self.region}
        return {**kept, **own, "AWS_DEFAULT_REGION": self.region}


def _configuration() -> Any:
    from botocore.config import Config

    return Config(
        connect_timeout=10, read_timeout=60, retries={"mode": "standard", "total_max_attempts": 5}
    )


def _astray(name: str) -> bool:
    return name in ASTRAY or name.startswith("AWS_ENDPOINT_URL_")


def _session() -> Any:
    """One that is not led astray, be it for a client of ours, or one that asks for a role's keys
    or a sign-on's whenever they are needed."""
    import botocore.session

    made = botocore.session.Session()
    create = made.create_client

    def kept(*args: Any, **given: Any) -> Any:
        with _only():
            return create(*args, **given)

    made.create_client = kept
    return made


@contextmanager
def _only() -> Iterator[None]:
    """botocore reads the environment while it makes a client."""
    with _MAKING:
        hidden = {name: os.environ.pop(name) for name in list(os.environ) if _astray(name)}
        try:
            yield
        finally:
            os.environ.update(hidden)
