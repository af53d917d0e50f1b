"""What a request changes, in words that are the same in every run: the name of a failpoint."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, unquote

from etl_lib.identifiers import run_suffix

READS = ("Get", "Describe", "List", "Head", "Query", "Scan", "BatchGet")
LONGEST = 70
# What differs from attempt to attempt.
OWN = (
    (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<uuid>"),
    (r"attempt=[0-9a-f]+", "attempt=<id>"),
)


@dataclass(frozen=True)
class Effect:
    """``statements`` are those of a warehouse transaction, each shortened."""

    name: str
    statements: tuple[str, ...] = ()


def effect_of(environ: Mapping[str, Any], body: bytes, run_id: str) -> Effect | None:
    """The effect of a request that the pipeline's run ``run_id`` makes; None if it only reads."""
    service = _service(environ)
    if service == "s3":
        operation = _s3_operation(environ)
        key = unquote(environ["PATH_INFO"]).lstrip("/").partition("/")[2]
        return None if operation is None else Effect(_plain(f"s3:{operation} {key}", run_id))
    operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")[2]
    if not operation or operation.startswith(READS):
        return None
    request = json.loads(body or b"{}")
    if service == "redshift-data":
        return _warehouse(operation, request, run_id)
    return Effect(_plain(f"{service}:{operation} {_item(request)}".strip(), run_id))


def _service(environ: Mapping[str, Any]) -> str:
    found = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return found[1] if found else ""


def _s3_operation(environ: Mapping[str, Any]) -> str | None:
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    method = environ["REQUEST_METHOD"]
    if method == "PUT":
        copied = "HTTP_X_AMZ_COPY_SOURCE" in environ
        return "UploadPart" if "partNumber" in query else "CopyObject" if copied else "PutObject"
    if method == "POST":
        if "uploads" in query:
            return "CreateMultipartUpload"
        return "CompleteMultipartUpload" if "uploadId" in query else "DeleteObjects"
    return "DeleteObject" if method == "DELETE" else None


def _warehouse(operation: str, request: Mapping[str, Any], run_id: str) -> Effect | None:
    if operation == "BatchExecuteStatement":
        texts = tuple(_plain(text, run_id) for text in request["Sqls"])
        name = _plain(request.get("StatementName", ""), run_id).replace("<run>: ", "")
        return Effect(f"redshift-data:{operation} {name}", texts)
    text = str(request.get("Sql", operation))
    if text.lstrip().upper().startswith("SELECT"):
        return None
    return Effect(f"redshift-data:{operation} {_plain(text, run_id)}")


def _item(request: Mapping[str, Any]) -> str:
    """The key of what a DynamoDB request writes."""
    item = request.get("Key") or request.get("Item") or {}
    return str(item.get("table", {}).get("S", ""))


def _plain(text: str, run_id: str) -> str:
    text = text.replace(run_id, "<run>").replace(run_suffix(run_id), "<run>")
    for pattern, name in OWN:
        text = re.sub(pattern, name, text)
    text = " ".join(text.replace('"', "").split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
