"""Who asked for what: a line for each request, as CloudTrail keeps them, if somebody wants it.

While ``requests.jsonl`` exists in the state directory, each request adds a line to it: ``caller``
(the job's name, ``states`` for a state machine, else empty), ``service``, ``operation``,
``resource`` (for S3 bucket and key), ``status``, and what of the request names things. Never a
secret's value; but SQL texts may hold values of rows, so it is for tests and never on by itself.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote

from workbench.aws import registry

NAMES = (
    "executionArn JobName RunId JobRunIds SecretId Sql Sqls stateMachineArn TableName TopicArn "
    "WorkgroupName"
).split()
WRITES = {"PUT": "PutObject", "DELETE": "DeleteObject", "HEAD": "HeadObject", "GET": "GetObject"}


class Requests:
    """A WSGI application in front of another."""

    def __init__(self, application: Any, state: Path) -> None:
        self._application = application
        self._path = state / "requests.jsonl"
        self._lock = threading.Lock()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if not self._path.exists():
            answer: Iterable[bytes] = self._application(environ, start_response)
            return answer
        line = {"caller": _caller(environ), **_asked(environ)}

        def started(status: str, *rest: Any) -> Any:
            self._tell({**line, "status": int(status[:3])})
            return start_response(status, *rest)

        found: Iterable[bytes] = self._application(environ, started)
        return found

    def _tell(self, line: dict[str, Any]) -> None:
        with self._lock, open(self._path, "a") as log:
            log.write(json.dumps(line) + "\n")


def _caller(environ: dict[str, Any]) -> str:
    """Who asks says so in its User-Agent."""
    found = re.search(r"app/(jr_[0-9a-f]+|states)", environ.get("HTTP_USER_AGENT", ""))
    glue: Any = registry.services.get("glue")
    if found is None or found[1] == "states":
        return found[1] if found else ""
    run = glue.caller(found[1]) if glue else None
    return str(run.record["JobName"]) if run else ""


def _asked(environ: dict[str, Any]) -> dict[str, Any]:
    scope = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    service = scope[1] if scope else ""
    if service == "s3":
        return {"service": service, **_s3(environ)}
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    environ["wsgi.input"] = io.BytesIO(body)
    target = str(environ.get("HTTP_X_AMZ_TARGET", "")).partition(".")[2]
    try:
        given = json.loads(body) if target else _form(body)
    except ValueError:  # the router says what is wrong with it
        given = {}
    if not isinstance(given, dict):
        given = {}
    named = {name: given[name] for name in NAMES if name in given}
    return {
        "service": service,
        "operation": target or str(given.get("Action", "")),
        "resource": _item(given),
        **named,
    }


def _s3(environ: dict[str, Any]) -> dict[str, str]:
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    method, path = environ["REQUEST_METHOD"], unquote(environ["PATH_INFO"]).lstrip("/")
    operation = WRITES.get(method, method)
    source = environ.get("HTTP_X_AMZ_COPY_SOURCE", "")
    if method == "PUT" and source:
        operation = "CopyObject"
    if "uploadId" in query:
        parts = {"PUT": "UploadPart", "POST": "CompleteMultipartUpload"}
        operation = parts.get(method, "AbortMultipartUpload")
    elif method == "POST":
        operation = "CreateMultipartUpload" if "uploads" in query else "DeleteObjects"
    elif "/" not in path.rstrip("/"):
        operation = "ListObjectsV2" if "list-type" in query else f"{method} bucket"
    return {"operation": operation, "resource": path} | ({"source": source} if source else {})


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode("utf-8", "replace")).items()}


def _item(given: dict[str, Any]) -> str:
    """The key of what a DynamoDB request names."""
    item = given.get("Key") or given.get("Item")
    key = item.get("table") if isinstance(item, dict) else None
    return str(key.get("S", "")) if isinstance(key, dict) else ""
