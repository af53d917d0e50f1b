"""An S3 request taken apart: bucket, key, subresource, headers."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from werkzeug.wrappers import Request

from workbench.aws.protocol import AwsError, not_supported
from workbench.aws.s3.store import Conditions

# Kept with an object and given back with it.
KEPT_HEADERS = (
    "Content-Type",
    "Cache-Control",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Language",
    "Expires",
)
# What the local S3 understands of x-amz-*; any other header asks for something that it cannot do.
KNOWN = {
    "x-amz-" + name
    for name in (
        "content-sha256 date user-agent security-token decoded-content-length trailer "
        "sdk-checksum-algorithm checksum-algorithm checksum-mode checksum-type copy-source "
        "copy-source-range copy-source-if-match metadata-directive mp-object-size "
        "expected-bucket-owner source-expected-bucket-owner".split()
    )
}
KNOWN_PREFIXES = ("x-amz-meta-", "x-amz-checksum-")
HARMLESS = {
    "x-amz-acl": "private",
    "x-amz-storage-class": "STANDARD",
    "x-amz-object-ownership": "BucketOwnerEnforced",
    "x-amz-bucket-object-lock-enabled": "false",
}
MAX_DOCUMENT = 4 * 1024 * 1024


@dataclass(frozen=True)
class S3Request:
    """What the operations read."""

    http: Request
    bucket: str
    key: str
    query: dict[str, str]

    @classmethod
    def read(cls, http: Request, account: str) -> S3Request:
        """Raises AwsError for a path that is no key, or a header that asks for the unsupported."""
        bucket, _, key = _path(http).partition("/")
        _check_headers(http, account)
        return cls(http, bucket, key, dict(http.args))

    def header(self, name: str) -> str | None:
        return self.http.headers.get(name)

    def document(self) -> bytes:
        """A body that is XML, not an object."""
        body = self.http.stream.read(MAX_DOCUMENT + 1)
        if len(body) > MAX_DOCUMENT:
            raise AwsError("MaxMessageLengthExceeded", f"The XML exceeds {MAX_DOCUMENT} bytes.")
        return bytes(body)

    def number(self, name: str, default: int) -> int:
        value = self.query.get(name, str(default))
        if not (value.isascii() and value.isdigit() and len(value) < 10):
            raise AwsError("InvalidArgument", f"{name} must be a number, not {value!r}")
        return int(value)

    def conditions(self) -> Conditions:
        return Conditions(self.header("If-Match"), self.header("If-None-Match"))

    def kept_headers(self) -> dict[str, str]:
        """Content headers and user metadata, to be stored with the object."""
        kept = {name: self.http.headers[name] for name in KEPT_HEADERS if name in self.http.headers}
        encodings = [e.strip() for e in kept.pop("Content-Encoding", "").split(",")]
        encodings = [encoding for encoding in encodings if encoding not in ("", "aws-chunked")]
        if encodings:
            kept["Content-Encoding"] = ",".join(encodings)
        # WSGI drops names with an underscore; user metadata may have them.
        raw = self.http.environ["workbench.headers"]
        return kept | {n.lower(): v for n, v in raw.items() if n.lower().startswith("x-amz-meta-")}


def _path(http: Request) -> str:
    """Bucket and key from the path as it was sent: WSGI's own decoding loses %2F and errors."""
    raw = http.environ["RAW_URI"].partition("?")[0].removeprefix(http.host_url.rstrip("/"))
    try:
        return unquote_to_bytes(raw.encode("latin-1")).decode().removeprefix("/")
    except UnicodeError:
        raise AwsError("InvalidURI", "The path is not percent-encoded UTF-8.") from None


def _check_headers(http: Request, account: str) -> None:
    for header, value in http.headers.items():
        name = header.lower()
        if not name.startswith("x-amz-") or name in KNOWN or name.startswith(KNOWN_PREFIXES):
            continue
        if HARMLESS.get(name) != value:
            raise not_supported("s3", f"header {name}")
    for name in ("x-amz-expected-bucket-owner", "x-amz-source-expected-bucket-owner"):
        if http.headers.get(name, account) != account:
            raise AwsError("AccessDenied", f"The buckets here belong to account {account}.", 403)
