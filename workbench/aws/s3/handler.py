"""The S3 operations that the local AWS has; every other one is refused by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from werkzeug.wrappers import Request, Response

from workbench.aws.protocol import Context, not_supported
from workbench.aws.s3.buckets import Buckets
from workbench.aws.s3.objects import OVERRIDES, Objects
from workbench.aws.s3.request import S3Request
from workbench.aws.s3.store import Store
from workbench.aws.s3.uploads import MultipartUploads

# Of presigned URLs, and the name of the operation that some SDKs add.
ALWAYS = {"x-id"} | {
    f"X-Amz-{name}"
    for name in (
        "Algorithm Credential Date Expires SignedHeaders Signature Security-Token "
        "Content-Sha256 Checksum-Mode"
    ).split()
}


@dataclass(frozen=True)
class Operation:
    """One operation: what a request must look like, and may contain, to be it."""

    method: str
    level: str  # service, bucket or object
    handle: Callable[[S3Request], Response]
    required: frozenset[str] = frozenset()
    allowed: frozenset[str] = frozenset()
    copies: bool = False

    def fits(self, method: str, level: str, query: Iterable[str], copies: bool) -> bool:
        present = set(query) - ALWAYS
        return (
            (self.method, self.level, self.copies) == (method, level, copies)
            and self.required <= present
            and present <= self.required | self.allowed
        )


class S3:
    """Answers S3 requests, path style."""

    def __init__(self, context: Context) -> None:
        store = Store(context.state)
        self._context = context
        self._operations = _operations(
            Buckets(context, store), Objects(store), MultipartUploads(context, store)
        )

    def answer(self, http: Request) -> Response:
        request = S3Request.read(http, self._context.account)
        level = "object" if request.key else "bucket" if request.bucket else "service"
        copies = "x-amz-copy-source" in http.headers
        for operation in self._operations:
            if operation.fits(http.method, level, request.query, copies):
                return operation.handle(request)
        unknown = "&".join(sorted(set(request.query) - ALWAYS))
        raise not_supported("s3", f"{http.method} {level}" + (f" ?{unknown}" if unknown else ""))


LIST = frozenset({"prefix", "delimiter", "max-keys", "encoding-type"})
GET = frozenset(OVERRIDES)
UPLOAD = frozenset({"uploadId"})
PART = frozenset({"uploadId", "partNumber"})


def _operations(
    buckets: Buckets, objects: Objects, uploads: MultipartUploads
) -> tuple[Operation, ...]:
    return (
        Operation("GET", "service", buckets.list_buckets),
        Operation("PUT", "bucket", buckets.create_bucket),
        Operation("HEAD", "bucket", buckets.head_bucket),
        Operation("DELETE", "bucket", buckets.delete_bucket),
        Operation("GET", "bucket", buckets.get_location, frozenset({"location"})),
        Operation("GET", "bucket", buckets.get_versioning, frozenset({"versioning"})),
        Operation(
            "GET",
            "bucket",
            buckets.list_objects_v2,
            frozenset({"list-type"}),
            LIST | {"start-after", "continuation-token", "fetch-owner"},
        ),
        Operation(
            "GET",
            "bucket",
            buckets.list_versions,
            frozenset({"versions"}),
            LIST | {"key-marker", "version-id-marker"},
        ),
        Operation("GET", "bucket", buckets.list_objects, allowed=LIST | {"marker"}),
        Operation(
            "GET",
            "bucket",
            uploads.list_uploads,
            frozenset({"uploads"}),
            frozenset({"prefix", "encoding-type"}),
        ),
        Operation("POST", "bucket", objects.delete_objects, frozenset({"delete"})),
        Operation("PUT", "object", objects.put_object),
        Operation("PUT", "object", objects.copy_object, copies=True),
        Operation("GET", "object", objects.get_object, allowed=GET),
        Operation("HEAD", "object", objects.get_object, allowed=GET),
        Operation("DELETE", "object", objects.delete_object),
        Operation("POST", "object", uploads.create_upload, frozenset({"uploads"})),
        Operation("PUT", "object", uploads.upload_part, PART),
        Operation("PUT", "object", uploads.upload_part_copy, PART, copies=True),
        Operation("POST", "object", uploads.complete_upload, UPLOAD),
        Operation("DELETE", "object", uploads.abort_upload, UPLOAD),
        Operation(
            "GET",
            "object",
            uploads.list_parts,
            UPLOAD,
            frozenset({"max-parts", "part-number-marker"}),
        ),
    )
