"""Multipart uploads: a folder per upload, a file per part, until they become one object."""

from __future__ import annotations

import hashlib
import json
import re
import secrets
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from workbench.aws.protocol import AwsError

MIN_PART = 5 * 1024 * 1024
MAX_NUMBER = 10_000
UPLOAD_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Upload:
    """What was said when it was created."""

    upload_id: str
    bucket: str
    key: str
    headers: dict[str, str]
    initiated: float


@dataclass(frozen=True)
class Part:
    """One part: its file's name holds number and MD5."""

    number: int
    md5: str
    path: Path


class Uploads:
    """All uploads that were neither completed nor aborted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def create(self, bucket: str, key: str, headers: dict[str, str], now: float) -> Upload:
        upload = Upload(secrets.token_hex(16), bucket, key, headers, now)
        new = self._folder / f"{upload.upload_id}.new"
        new.mkdir()
        (new / "upload.json").write_text(json.dumps(asdict(upload)))
        new.replace(self._folder / upload.upload_id)
        return upload

    def find(self, bucket: str, key: str, upload_id: str) -> Upload:
        """Raises NoSuchUpload, also when the upload is for another key."""
        upload = self._read(upload_id) if UPLOAD_ID.fullmatch(upload_id) else None
        if upload is None or (upload.bucket, upload.key) != (bucket, key):
            raise no_such_upload()
        return upload

    def all(self, bucket: str) -> list[Upload]:
        found = (self._read(entry.name) for entry in self._folder.iterdir() if not entry.suffix)
        mine = [upload for upload in found if upload is not None and upload.bucket == bucket]
        return sorted(mine, key=lambda upload: (upload.key, upload.initiated))

    def add(self, upload: Upload, number: int, file: IO[bytes], md5: str) -> None:
        """The incoming ``file`` becomes a part; an earlier one of this number goes."""
        if not 1 <= number <= MAX_NUMBER:
            raise AwsError("InvalidArgument", f"Part numbers go from 1 to {MAX_NUMBER}.")
        file.flush()
        earlier = [part.path for part in self.parts(upload) if part.number == number]
        path = self._folder / upload.upload_id / f"{number:05d}.{md5}"
        try:
            Path(file.name).replace(path)
        except FileNotFoundError:
            raise no_such_upload() from None
        for other in earlier:
            if other != path:
                other.unlink(missing_ok=True)

    def parts(self, upload: Upload) -> list[Part]:
        names = sorted((self._folder / upload.upload_id).glob("[0-9]*.*"))
        return [Part(int(path.stem), path.suffix[1:], path) for path in names]

    def chosen(self, upload: Upload, wanted: Sequence[tuple[int, str]]) -> list[Part]:
        """The parts that a completion names. Raises InvalidPart, InvalidPartOrder, …"""
        if not wanted:
            raise AwsError("MalformedXML", "A completion names at least one part.")
        if [number for number, _ in wanted] != sorted({number for number, _ in wanted}):
            raise AwsError("InvalidPartOrder", "The parts are not in ascending order.")
        present = {(part.number, part.md5): part for part in self.parts(upload)}
        missing = [number for number, md5 in wanted if (number, md5) not in present]
        if missing:
            raise AwsError("InvalidPart", f"Part {missing[0]} is not there, or has another ETag.")
        parts = [present[one] for one in wanted]
        small = [part.number for part in parts[:-1] if part.path.stat().st_size < MIN_PART]
        if small:
            raise AwsError("EntityTooSmall", f"Part {small[0]} has less than {MIN_PART} bytes.")
        return parts

    def remove(self, upload: Upload) -> None:
        gone = self._folder / f"{upload.upload_id}.gone"
        try:
            (self._folder / upload.upload_id).replace(gone)
        except FileNotFoundError:
            raise no_such_upload() from None
        shutil.rmtree(gone)

    def _read(self, upload_id: str) -> Upload | None:
        try:
            return Upload(**json.loads((self._folder / upload_id / "upload.json").read_text()))
        except FileNotFoundError:
            return None


def no_such_upload() -> AwsError:
    return AwsError("NoSuchUpload", "The upload does not exist, or was completed or aborted.", 404)


def etag(parts: Sequence[Part]) -> str:
    """AWS's ETag of a multipart object: the MD5 of the MD5s, and how many there were."""
    joined = hashlib.md5(b"".join(bytes.fromhex(part.md5) for part in parts), usedforsecurity=False)
    return f"{joined.hexdigest()}-{len(parts)}"
