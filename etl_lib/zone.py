"""The S3 zones. Documents are JSON; what must not change once written is put if absent."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from etl_lib import aws
from etl_lib.errors import BadInput

# A file of so many bytes goes in one request. boto3 begins to cut at 8 MB: more requests, each of
# which costs, and a copy of all bytes in a store that puts the pieces together.
WHOLE = TransferConfig(multipart_threshold=64 * 1024**2)


@dataclass(frozen=True)
class Zone:
    """One bucket."""

    bucket: str

    @cached_property
    def _client(self) -> Any:
        return aws.client("s3")

    def url(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"

    def upload(self, path: Path, key: str) -> None:
        self._client.upload_file(str(path), self.bucket, key, Config=WHOLE)

    def copy(self, url: str, key: str) -> None:
        """Copy an object of this bucket; its bytes do not leave S3."""
        source = {"Bucket": self.bucket, "Key": url[len(self.url("")) :]}
        self._client.copy(source, self.bucket, key, Config=WHOLE)

    def put_json(self, key: str, document: Any) -> None:
        self._client.put_object(Bucket=self.bucket, Key=key, Body=_encoded(document))

    def put_json_once(self, key: str, document: Any) -> dict[str, Any]:
        """Write ``document`` unless ``key`` exists; returns what stands there now.

        The first attempt of a stage wins and every later one adopts its result.
        """
        try:
            self._client.put_object(
                Bucket=self.bucket, Key=key, Body=_encoded(document), IfNoneMatch="*"
            )
        except ClientError as error:
            if error.response["Error"]["Code"] not in ("PreconditionFailed", "412"):
                raise
        found = self.get_json(key)
        assert found is not None
        return found

    def get_json(self, key: str) -> dict[str, Any] | None:
        """The document at ``key``, or None."""
        try:
            body = self._client.get_object(Bucket=self.bucket, Key=key)["Body"]
        except ClientError as error:
            if error.response["Error"]["Code"] in ("NoSuchKey", "404"):
                return None
            raise
        document: dict[str, Any] = json.loads(body.read())
        return document

    def list(self, prefix: str) -> Iterator[tuple[str, int]]:
        """(key, bytes) of every object below ``prefix``, which must end with ``/``."""
        assert prefix.endswith("/"), "a prefix without / would also match longer names"
        pages = self._client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=prefix):
            for item in page.get("Contents", ()):
                yield item["Key"], item["Size"]


def read_text(url: str) -> str:
    """The text at an ``s3://bucket/key`` URL; BadInput if it is not there."""
    parts = urlparse(url)
    if parts.scheme != "s3" or not parts.netloc or not parts.path.strip("/"):
        raise BadInput(f"{url!r} is not an s3://bucket/key address")
    client = aws.client("s3")
    try:
        body = client.get_object(Bucket=parts.netloc, Key=parts.path.lstrip("/"))["Body"]
    except ClientError as error:
        raise BadInput(f"cannot read {url}: {error.response['Error']['Message']}") from None
    text: str = body.read().decode("utf-8")
    return text


def _encoded(document: Any) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True, default=str).encode()
