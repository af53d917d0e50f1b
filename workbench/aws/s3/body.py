"""Object bytes on their way in: chunk framing removed, checksums compared."""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Any

from werkzeug.wrappers import Request

from workbench.aws.protocol import AwsError, not_supported

BLOCK = 1024 * 1024
MAX_OBJECT = 5 * 1024**3
CHECKSUMS = ("crc32", "sha1", "sha256")


class _Crc32:
    def __init__(self) -> None:
        self._value = 0

    def update(self, data: bytes) -> None:
        self._value = zlib.crc32(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(4, "big")


DIGESTS: dict[str, Callable[[], Any]] = {
    "md5": hashlib.md5,
    "crc32": _Crc32,
    "sha1": hashlib.sha1,
    "sha256": hashlib.sha256,
}


@dataclass(frozen=True)
class Received:
    """What was written: its size, MD5 and the checksums to confirm to the client."""

    size: int
    md5: str
    checksums: dict[str, str]


def receive(request: Request, file: IO[bytes]) -> Received:
    """Write a request's body to ``file``. Raises AwsError when it is not what was announced."""
    if not {"Content-Length", "Transfer-Encoding"} & set(request.headers.keys()):
        raise AwsError("MissingContentLength", "A body needs a Content-Length.", 411)
    expected = _expected(request)
    trailers: dict[str, str] = {}
    names = {name for name, _ in expected} | {"md5"} | set(_trailer_names(request))
    digests = {name: DIGESTS[name]() for name in names}
    size = 0
    for block in _blocks(request, trailers):
        size += len(block)
        if size > MAX_OBJECT:
            raise AwsError("EntityTooLarge", "One request may carry 5 GiB; use a multipart upload.")
        for digest in digests.values():
            digest.update(block)
        file.write(block)
    expected += [(n, trailers.get(f"x-amz-checksum-{n}", "")) for n in _trailer_names(request)]
    _compare(request, expected, {name: digest.digest() for name, digest in digests.items()}, size)
    checksums = {n: _base64(d.digest()) for n, d in digests.items() if n in CHECKSUMS}
    return Received(size, digests["md5"].hexdigest(), _confirmed(request, checksums))


def _expected(request: Request) -> list[tuple[str, str]]:
    """(digest, Base64) pairs that the headers announce."""
    expected = []
    if "Content-MD5" in request.headers:
        expected.append(("md5", request.headers["Content-MD5"]))
    for header, value in request.headers.items():
        name = header.lower().removeprefix("x-amz-checksum-")
        if name != header.lower() and name not in ("algorithm", "mode", "type"):
            expected.append((_known(name), value))
    signed = request.headers.get("X-Amz-Content-SHA256", "")
    if re.fullmatch(r"[0-9a-f]{64}", signed):
        expected.append(("sha256", _base64(bytes.fromhex(signed))))
    return expected


def _trailer_names(request: Request) -> list[str]:
    announced = request.headers.get("X-Amz-Trailer", "").lower().split(",")
    return [_known(n.strip().removeprefix("x-amz-checksum-")) for n in announced if n.strip()]


def _known(name: str) -> str:
    if name not in CHECKSUMS:
        raise not_supported("s3", f"checksum {name}")
    return name


def _compare(
    request: Request, expected: list[tuple[str, str]], found: dict[str, bytes], size: int
) -> None:
    announced = request.headers.get("X-Amz-Decoded-Content-Length", str(size))
    if announced != str(size):
        raise AwsError("IncompleteBody", f"{announced} bytes were announced, {size} arrived.")
    for name, value in expected:
        if value != _base64(found[name]):
            raise AwsError("BadDigest", f"The {name} that was announced is not that of the body.")


def _confirmed(request: Request, checksums: dict[str, str]) -> dict[str, str]:
    """Only what the client itself sent as a checksum; the signature's SHA-256 is none."""
    return {
        f"x-amz-checksum-{name}": value
        for name, value in checksums.items()
        if f"x-amz-checksum-{name}" in request.headers or name in _trailer_names(request)
    }


def _base64(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _blocks(request: Request, trailers: dict[str, str]) -> Iterator[bytes]:
    stream = request.stream
    framed = request.headers.get("X-Amz-Content-SHA256", "").startswith("STREAMING-")
    if framed or "aws-chunked" in request.headers.get("Content-Encoding", ""):
        yield from _chunks(stream, trailers)
        return
    while block := stream.read(BLOCK):
        yield block


def _chunks(stream: IO[bytes], trailers: dict[str, str]) -> Iterator[bytes]:
    """The data of an aws-chunked body; the lines after it go into ``trailers``."""
    while left := _chunk_size(stream):
        while left:
            block = stream.read(min(left, BLOCK))
            if not block:
                raise AwsError("IncompleteBody", "The body ended within a chunk.")
            left -= len(block)
            yield block
        if stream.readline(3) != b"\r\n":
            raise AwsError("InvalidChunkSizeError", "A chunk is longer than it says.")
    while line := stream.readline(1024).strip():
        name, _, value = line.decode("latin-1").partition(":")
        trailers[name.strip().lower()] = value.strip()


def _chunk_size(stream: IO[bytes]) -> int:
    line = stream.readline(1024).partition(b";")[0].strip()
    if not re.fullmatch(rb"[0-9a-fA-F]{1,12}", line):
        raise AwsError("IncompleteBody", "The body is not aws-chunked, or ended early.")
    return int(line, 16)
