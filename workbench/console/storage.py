"""S3: buckets, prefixes, objects, and the beginning of an object."""

from __future__ import annotations

from typing import Any

from botocore.exceptions import ClientError
from flask import Blueprint, abort, render_template, request

from workbench.console import preview
from workbench.console.local import Local

PAGE = 200  # keys


def pages(local: Local) -> Blueprint:
    """/storage: buckets, what lies below a prefix, one object."""
    made = Blueprint("storage", __name__, url_prefix="/storage")

    @made.get("/")
    def index() -> str:
        s3, bucket = local.client("s3"), request.args.get("bucket", "")
        if not bucket:
            return render_template("buckets.html", buckets=s3.list_buckets()["Buckets"])
        prefix = request.args.get("prefix", "")
        found = _listed(s3, bucket, prefix, request.args.get("after", ""))
        return render_template(
            "storage.html",
            bucket=bucket,
            prefix=prefix,
            crumbs=crumbs(prefix),
            prefixes=[each["Prefix"] for each in found.get("CommonPrefixes", ())],
            objects=found.get("Contents", ()),
            next=found.get("NextContinuationToken"),
            after=request.args.get("after", ""),
        )

    @made.get("/object")
    def one() -> str:
        bucket, key = request.args.get("bucket", ""), request.args.get("key", "")
        s3 = local.client("s3")
        try:
            head = s3.head_object(Bucket=bucket, Key=key)
        except ClientError:
            abort(404, f"There is no object {key} in {bucket}.")
        folder = key.rpartition("/")[0]
        return render_template(
            "object.html",
            bucket=bucket,
            key=key,
            crumbs=crumbs(f"{folder}/" if folder else ""),
            head=head,
            preview=preview.of(s3, bucket, key, head["ContentLength"]),
        )

    return made


def crumbs(prefix: str) -> list[tuple[str, str]]:
    """(name, prefix) of every folder on the way to ``prefix``."""
    parts = prefix.split("/")[:-1]
    return [(part, "/".join(parts[: n + 1]) + "/") for n, part in enumerate(parts)]


def _listed(s3: Any, bucket: str, prefix: str, after: str) -> dict[str, Any]:
    asked = {"Bucket": bucket, "Prefix": prefix, "Delimiter": "/", "MaxKeys": PAGE}
    try:
        found: dict[str, Any] = s3.list_objects_v2(
            **asked, **({"ContinuationToken": after} if after else {})
        )
    except ClientError as error:
        abort(404, error.response["Error"]["Message"])
    return found
