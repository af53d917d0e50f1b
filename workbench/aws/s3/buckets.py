"""Operations on buckets, and the lists of what is in them."""

from __future__ import annotations

import base64
import binascii
from typing import Any

from werkzeug.wrappers import Response

from workbench.aws import replies
from workbench.aws.protocol import AwsError, Context
from workbench.aws.s3 import listing, xml
from workbench.aws.s3.request import S3Request
from workbench.aws.s3.store import Store


class Buckets:
    """Answers requests for the service and for buckets."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store

    def list_buckets(self, request: S3Request) -> Response:
        buckets = [
            {"Name": folder.name, "CreationDate": xml.time(folder.stat().st_mtime)}
            for folder in self._store.buckets()
        ]
        owner = {"ID": self._context.account, "DisplayName": "local"}
        return xml.reply("ListAllMyBucketsResult", {"Owner": owner, "Buckets": {"Bucket": buckets}})

    def create_bucket(self, request: S3Request) -> Response:
        document = request.document()
        region = xml.parse(document).findtext("{*}LocationConstraint") if document else None
        if region not in (None, self._context.region):
            raise AwsError(
                "IllegalLocationConstraintException",
                f"The local AWS has one region, {self._context.region}, not {region}.",
            )
        self._store.create_bucket(request.bucket)
        return replies.empty(200, {"Location": f"/{request.bucket}"})

    def head_bucket(self, request: S3Request) -> Response:
        self._store.bucket(request.bucket)
        return replies.empty(200, {"x-amz-bucket-region": self._context.region})

    def delete_bucket(self, request: S3Request) -> Response:
        self._store.delete_bucket(request.bucket)
        return replies.empty(204)

    def get_location(self, request: S3Request) -> Response:
        self._store.bucket(request.bucket)
        return xml.reply("LocationConstraint", {})  # empty means us-east-1

    def get_versioning(self, request: S3Request) -> Response:
        self._store.bucket(request.bucket)
        return xml.reply("VersioningConfiguration", {})  # empty means never enabled

    def list_objects(self, request: S3Request) -> Response:
        marker = request.query.get("marker", "")
        page, fields = self._list(request, marker)
        encode = xml.encoder(request.query.get("encoding-type"))
        following = encode(page.last) if page.truncated and "delimiter" in request.query else None
        return xml.reply(
            "ListBucketResult", {"Marker": encode(marker), "NextMarker": following, **fields}
        )

    def list_objects_v2(self, request: S3Request) -> Response:
        if request.query["list-type"] != "2":
            raise AwsError("InvalidArgument", f"list-type must be 2: {request.query['list-type']}")
        token = request.query.get("continuation-token")
        start = request.query.get("start-after", "")
        page, fields = self._list(request, start if token is None else _decoded(token))
        encode = xml.encoder(request.query.get("encoding-type"))
        own = {
            "KeyCount": len(page.keys) + len(page.prefixes),
            "ContinuationToken": token,
            "NextContinuationToken": _encoded(page.last) if page.truncated else None,
            "StartAfter": encode(start) if start else None,
        }
        return xml.reply("ListBucketResult", own | fields)

    def list_versions(self, request: S3Request) -> Response:
        """Of a bucket that never had versioning, each object is a version of its own: null."""
        marker = request.query.get("key-marker", "")
        page, fields = self._list(request, marker)
        encode = xml.encoder(request.query.get("encoding-type"))
        versions = [
            {**entry, "VersionId": "null", "IsLatest": True} for entry in fields.pop("Contents")
        ]
        own = {
            "KeyMarker": encode(marker),
            "NextKeyMarker": encode(page.last) if page.truncated else None,
            "Version": versions,
        }
        return xml.reply("ListVersionsResult", own | fields)

    def _list(self, request: S3Request, after: str) -> tuple[listing.Page, dict[str, Any]]:
        encode = xml.encoder(request.query.get("encoding-type"))
        query = listing.Query(
            prefix=request.query.get("prefix", ""),
            delimiter=request.query.get("delimiter", ""),
            after=after,
            limit=min(request.number("max-keys", 1000), 1000),
        )
        page = self._store.page(request.bucket, query)
        contents = [self._entry(request.bucket, key, encode) for key in page.keys]
        return page, {
            "Name": request.bucket,
            "Prefix": encode(query.prefix),
            "Delimiter": encode(query.delimiter) if query.delimiter else None,
            "MaxKeys": query.limit,
            "EncodingType": request.query.get("encoding-type"),
            "IsTruncated": page.truncated,
            "Contents": [entry for entry in contents if entry],
            "CommonPrefixes": [{"Prefix": encode(prefix)} for prefix in page.prefixes],
        }

    def _entry(self, bucket: str, key: str, encode: Any) -> dict[str, Any] | None:
        try:
            with self._store.open(bucket, key) as stored:
                return {
                    "Key": encode(key),
                    "LastModified": xml.time(stored.status.st_mtime),
                    "ETag": f'"{stored.etag}"',
                    "Size": stored.status.st_size,
                    "StorageClass": "STANDARD",
                }
        except AwsError as error:
            if error.code != "NoSuchKey":
                raise
            return None  # deleted since the folder was read


def _encoded(last: str) -> str:
    return base64.urlsafe_b64encode(last.encode()).decode()


def _decoded(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, UnicodeError, ValueError):
        raise AwsError("InvalidArgument", "The continuation token is not one of ours.") from None
