"""etl_lib as a wheel, for ``--extra-py-files``: the same bytes for the same sources."""

from __future__ import annotations

import base64
import hashlib
import io
import tomllib
import zipfile

from workbench.home import REPOSITORY

EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time makes the same files the same wheel
TAG = "py3-none-any"
UNIX, READABLE = 3, 0o100644  # the same on every machine


def build() -> tuple[str, bytes]:
    """(file name, content) of the wheel. Format: PEP 427.

    It names no dependencies: a Glue job has its own, or is given them by name and version in
    ``--additional-python-modules``; ``--extra-py-files`` would not install any.
    """
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    info = f"etl_lib-{version}.dist-info"
    files = {
        path.relative_to(REPOSITORY).as_posix(): path.read_bytes()
        for path in sorted((REPOSITORY / "etl_lib").rglob("*.py"))
    }
    files[f"{info}/METADATA"] = (
        f"Metadata-Version: 2.1\nName: etl_lib\nVersion: {version}\nRequires-Python: >=3.9\n"
    ).encode()
    files[f"{info}/WHEEL"] = (
        f"Wheel-Version: 1.0\nGenerator: workbook\nRoot-Is-Purelib: true\nTag: {TAG}\n"
    ).encode()
    record = [f"{name},sha256={_digest(body)},{len(body)}" for name, body in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files.items():
            member = zipfile.ZipInfo(name, EPOCH)
            member.create_system, member.external_attr = UNIX, READABLE << 16
            archive.writestr(member, body, zipfile.ZIP_DEFLATED, compresslevel=9)
    return f"etl_lib-{version}-{TAG}.whl", buffer.getvalue()


def _digest(body: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(body).digest()).rstrip(b"=").decode()
