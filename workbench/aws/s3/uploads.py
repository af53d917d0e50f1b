"""Operations on multipart uploads."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from werkzeug.wrappers import Response

from workbench.aws import replies
from workbench.aws.protocol import AwsError, Context
from workbench.aws.s3 import body, copying, multipart, names, xml
from workbench.aws.s3.attributes import Attributes
from workbench.aws.s3.request import S3Request
from workbench.aws.s3.store import Store


class MultipartUploads:
    """Answers requests for uploads and their parts."""

    def __init__(self, context: Context, store: Store) -> None:
        self._context = context
        self._store = store
        self._uploads = multipart.Uploads(store.uploads)
        self._locks = [threading.Lock() for _ in range(64)]

    def create_upload(self, request: S3Request) -> Response:
        self._store.bucket(request.bucket)
        names.check_key(request.key)
        upload = self._uploads.create(
            request.bucket, request.key, request.kept_headers(), time.time()
        )
        return xml.reply("InitiateMultipartUploadResult", _names(upload))

    def upload_part(self, request: S3Request) -> Response:
        upload = self._upload(request)
        with self._store.incoming() as file:
            received = body.receive(request.http, file)
            self._uploads.add(upload, request.number("partNumber", 0), file, received.md5)
        return replies.empty(200, {"ETag": f'"{received.md5}"', **received.checksums})

    def upload_part_copy(self, request: S3Request) -> Response:
        upload = self._upload(request)
        with self._store.open(*copying.source(request)) as source, self._store.incoming() as file:
            copying.check(request, source)
            md5 = copying.write(
                file, copying.blocks(source, request.header("x-amz-copy-source-range"))
            )
            self._uploads.add(upload, request.number("partNumber", 0), file, md5)
        return xml.copied("CopyPartResult", md5)

    def complete_upload(self, request: S3Request) -> Response:
        wanted = _wanted(request.document())
        with self._ending(request) as upload:
            parts = self._uploads.chosen(upload, wanted)
            etag = multipart.etag(parts)
            self._join(request, parts, Attributes(upload.headers, etag), etag)
            self._uploads.remove(upload)
        location = f"{self._context.url}/{quote(request.bucket)}/{quote(request.key)}"
        return xml.reply(
            "CompleteMultipartUploadResult",
            {
                "Location": location,
                "Bucket": request.bucket,
                "Key": request.key,
                "ETag": f'"{etag}"',
            },
        )

    def abort_upload(self, request: S3Request) -> Response:
        with self._ending(request) as upload:
            self._uploads.remove(upload)
        return replies.empty(204)

    def list_parts(self, request: S3Request) -> Response:
        upload = self._upload(request)
        after, limit = request.number("part-number-marker", 0), request.number("max-parts", 1000)
        parts = [part for part in self._uploads.parts(upload) if part.number > after]
        told = parts[:limit]
        entries = [
            {
                "PartNumber": part.number,
                "LastModified": xml.time(part.path.stat().st_mtime),
                "ETag": f'"{part.md5}"',
                "Size": part.path.stat().st_size,
            }
            for part in told
        ]
        return xml.reply(
            "ListPartsResult",
            {
                **_names(upload),
                "PartNumberMarker": after,
                "NextPartNumberMarker": told[-1].number if told else 0,
                "MaxParts": limit,
                "IsTruncated": len(parts) > limit,
                "StorageClass": "STANDARD",
                "Part": entries,
            },
        )

    def list_uploads(self, request: S3Request) -> Response:
        self._store.bucket(request.bucket)
        encode = xml.encoder(request.query.get("encoding-type"))
        prefix = request.query.get("prefix", "")
        entries = [
            {
                "Key": encode(upload.key),
                "UploadId": upload.upload_id,
                "StorageClass": "STANDARD",
                "Initiated": xml.time(upload.initiated),
            }
            for upload in self._uploads.all(request.bucket)
            if upload.key.startswith(prefix)
        ]
        return xml.reply(
            "ListMultipartUploadsResult",
            {
                "Bucket": request.bucket,
                "Prefix": encode(prefix),
                "EncodingType": request.query.get("encoding-type"),
                "IsTruncated": False,
                "Upload": entries,
            },
        )

    def _join(
        self, request: S3Request, parts: Sequence[multipart.Part], attributes: Attributes, etag: str
    ) -> None:
        with self._store.incoming() as file:
            for part in parts:
                with open(part.path, "rb") as source:
                    shutil.copyfileobj(source, file, body.BLOCK)
            conditions = request.conditions()
            self._store.commit(request.bucket, request.key, file, etag, attributes, conditions)

    @contextmanager
    def _ending(self, request: S3Request) -> Iterator[multipart.Upload]:
        """The upload, for whoever ends it: of one that completes it and one that aborts it, the
        second finds none."""
        with self._locks[hash(request.query["uploadId"]) % len(self._locks)]:
            yield self._upload(request)

    def _upload(self, request: S3Request) -> multipart.Upload:
        self._store.bucket(request.bucket)
        return self._uploads.find(request.bucket, request.key, request.query["uploadId"])


def _names(upload: multipart.Upload) -> dict[str, Any]:
    return {"Bucket": upload.bucket, "Key": upload.key, "UploadId": upload.upload_id}


def _wanted(document: bytes) -> list[tuple[int, str]]:
    parts = xml.parse(document).findall("{*}Part")
    try:
        return [
            (int(part.findtext("{*}PartNumber", "")), part.findtext("{*}ETag", "").strip('" '))
            for part in parts
        ]
    except ValueError:
        raise AwsError("MalformedXML", "A PartNumber is not a number.") from None
