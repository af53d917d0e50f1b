"""What a deployment uploads: each under a key made of its content, so that nothing is overwritten
and only what changed is changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from workbench.deployment import FOLDER, definitions
from workbench.export.wheel import build

TEMPLATE = FOLDER / "template.yaml"
BUCKET_TEMPLATE = FOLDER / "artifacts.yaml"
DEFINITION = FOLDER / "pipeline.asl.json"


@dataclass(frozen=True)
class Artefact:
    """``parameter`` is that of the template which is told the key; the template itself has none."""

    parameter: str
    key: str
    body: bytes = field(repr=False)


def artefacts() -> list[Artefact]:
    """Library, definition and scripts as they are in the repository, and the template."""
    name, body = build()
    found = [
        _named("LibraryKey", "artifacts", name, body),
        _named("DefinitionKey", "definitions", DEFINITION.name, DEFINITION.read_bytes()),
    ]
    for stem in definitions():
        words = "".join(word.title() for word in stem.split("_")[1:])
        script = (FOLDER / "jobs" / f"{stem}.py").read_bytes()
        found.append(_named(f"{words}Script", "scripts", f"{stem}.py", script))
    return [*found, _named("", "templates", TEMPLATE.name, TEMPLATE.read_bytes())]


def upload(s3: Any, bucket: str, wanted: Iterable[Artefact]) -> list[str]:
    """Those that are not there yet; returns their keys."""
    listed = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    present = {each["Key"] for page in listed for each in page.get("Contents", ())}
    new = [each for each in wanted if each.key not in present]
    for each in new:
        s3.put_object(Bucket=bucket, Key=each.key, Body=each.body)
    return [each.key for each in new]


def _named(parameter: str, folder: str, name: str, body: bytes) -> Artefact:
    digest = hashlib.sha256(body).hexdigest()[:16]
    return Artefact(parameter, f"{folder}/{digest}/{name}", body)
