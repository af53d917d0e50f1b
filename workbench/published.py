"""The contract that a run began with, as it was published: the file may be another by now."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from etl_lib import contract as contracts
from etl_lib import zone as zones
from etl_lib.contract import Contract
from etl_lib.errors import BadInput
from workbench import pipeline
from workbench.stack import Stack


def address(stack: Stack, given: Mapping[str, Any]) -> object:
    """Where an execution finds its contract, by its input; the machine's own default without."""
    return given.get("contract", f"s3://{stack.target.bucket}/contract/current/tables.toml")


def parsed(stack: Stack, url: object) -> Contract | None:
    """The contract at ``url``; None if that is none, or cannot be read."""
    if not isinstance(url, str):
        return None
    with stack.active(), suppress(BadInput, ClientError, ParamValidationError, ValueError):
        return contracts.parse(zones.read_text(url), url)
    return None


def file(stack: Stack, run_id: str, url: object) -> Path:
    """A file with the contract at ``url``: the sample's own, or a copy in the run's folder."""
    prefix = f"s3://{stack.target.bucket}/"
    if not isinstance(url, str) or not url.startswith(prefix):
        return pipeline.CONTRACT
    s3, key = stack.endpoint.client("s3"), url.removeprefix(prefix)
    within = key.removesuffix(key.rpartition("/")[2])
    try:
        text = _read(s3, stack, key)
    except (ClientError, ParamValidationError):  # it is gone, or was none
        return pipeline.CONTRACT
    if text == pipeline.CONTRACT.read_bytes():
        return pipeline.CONTRACT
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=stack.target.bucket, Prefix=f"{within}sql/"
    )
    beside = [each["Key"] for page in pages for each in page.get("Contents", ())]
    folder = stack.home.runs / run_id / "contract"
    for each in [key, *(name for name in beside if not name.endswith("/"))]:
        path = folder / each.removeprefix(within)
        if folder in path.resolve().parents:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if each == key else _read(s3, stack, each))
    return folder / key.removeprefix(within)


def _read(s3: Any, stack: Stack, key: str) -> bytes:
    found: bytes = s3.get_object(Bucket=stack.target.bucket, Key=key)["Body"].read()
    return found
