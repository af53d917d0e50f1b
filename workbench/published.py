"""The contract that a run began with, as it was published: the file may be another by now."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from botocore.exceptions import ClientError

from etl_lib import contract as contracts
from etl_lib import zone as zones
from etl_lib.contract import Contract
from etl_lib.errors import BadInput
from workbench import pipeline
from workbench.stack import Stack


def parsed(stack: Stack, url: object) -> Contract | None:
    """The contract at ``url``; None if that is none, or cannot be read."""
    if not isinstance(url, str):
        return None
    with stack.active(), suppress(BadInput, ClientError):
        return contracts.parse(zones.read_text(url), url)
    return None


def file(stack: Stack, run_id: str, url: object) -> Path:
    """A file with the contract at ``url``: the sample's own, or a copy in the run's folder."""
    bucket = stack.target.bucket
    prefix = f"s3://{bucket}/"
    if not isinstance(url, str) or not url.startswith(prefix):
        return pipeline.CONTRACT
    s3, key = stack.endpoint.client("s3"), url.removeprefix(prefix)
    pages = s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=f"{key.rpartition('/')[0]}/"
    )
    keys = [each["Key"] for page in pages for each in page.get("Contents", ())]
    if key not in keys:
        return pipeline.CONTRACT
    text = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
    if text == pipeline.CONTRACT.read_bytes():
        return pipeline.CONTRACT
    folder = stack.home.runs / run_id / "contract"
    for each in keys:
        path = folder / each.removeprefix(key.rpartition("/")[0]).lstrip("/")
        if folder in path.resolve().parents:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(s3.get_object(Bucket=bucket, Key=each)["Body"].read())
    return folder / key.rpartition("/")[2]
