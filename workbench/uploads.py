"""Files that are to stand in a bucket: those that stand there already are not sent again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from typing import Any


def put(s3: Any, bucket: str, files: Mapping[str, bytes]) -> None:
    """Upload each of ``files``, by its key, unless the bucket has it as it is.

    An ETag that is no MD5, as of an object that KMS encrypts, is like no file: it is sent again.
    """
    there: dict[str, str] = {}
    for page in s3.get_paginator("list_objects_v2").paginate(
        Bucket=bucket, Prefix=os.path.commonprefix(list(files))
    ):
        there |= {each["Key"]: each["ETag"] for each in page.get("Contents", ())}
    for key, body in files.items():
        if there.get(key) != f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"':
            s3.put_object(Bucket=bucket, Key=key, Body=body)
