"""S3 while others write: what is answered is what has become."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from workbench.endpoint import Endpoint

BUCKET = "races"
LARGE = 32 * 1024**2


@pytest.fixture(scope="module")
def s3(endpoint: Endpoint) -> Any:
    client = endpoint.client("s3")
    client.create_bucket(Bucket=BUCKET)
    return client


@contextmanager
def overwritten(path: Path) -> Iterator[None]:
    """By a program that writes over the file's last bytes, in place, again and again."""
    ended = threading.Event()

    def write() -> None:
        with open(path, "r+b", buffering=0) as file:
            while not ended.wait(0.002):
                file.seek(-16, os.SEEK_END)
                file.write(os.urandom(16))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        ended.set()
        writer.join()


def test_a_copy_of_what_is_overwritten_meanwhile_has_the_etag_of_its_bytes(
    s3: Any, endpoint: Endpoint
) -> None:
    s3.put_object(Bucket=BUCKET, Key="from", Body=os.urandom(LARGE))
    with overwritten(endpoint.state / "s3" / BUCKET / "from"):
        for number in range(6):
            key = f"to/{number}"
            copied = s3.copy_object(Bucket=BUCKET, Key=key, CopySource=f"{BUCKET}/from")
            got = s3.get_object(Bucket=BUCKET, Key=key)
            etag = f'"{hashlib.md5(got["Body"].read()).hexdigest()}"'
            assert (copied["CopyObjectResult"]["ETag"], got["ETag"]) == (etag, etag), number


def test_an_upload_is_either_completed_or_aborted(s3: Any) -> None:
    """Whoever comes second is told NoSuchUpload, and the object is there or not as was told."""
    body, won = os.urandom(LARGE), []
    for number in range(12):
        names = {"Bucket": BUCKET, "Key": f"parts/{number}"}
        upload = names | {"UploadId": s3.create_multipart_upload(**names)["UploadId"]}
        etag = s3.upload_part(**upload, PartNumber=1, Body=body)["ETag"]
        parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
        with ThreadPoolExecutor() as pool:
            completed = pool.submit(said, s3.complete_multipart_upload, **upload, **{
                "MultipartUpload": parts})  # fmt: skip
            time.sleep(0.004 * number)
            aborted = pool.submit(said, s3.abort_multipart_upload, **upload)
        there = said(s3.head_object, **names) == "done"
        expected = ("done", "NoSuchUpload") if there else ("NoSuchUpload", "done")
        assert (completed.result(), aborted.result()) == expected, number
        won.append(there)
    assert True in won


def said(call: Any, **request: Any) -> str:
    try:
        call(**request)
        return "done"
    except ClientError as error:
        return str(error.response["Error"]["Code"])
