"""The services that moto plays, kept over restarts by a journal of what changed them."""

from __future__ import annotations

import contextlib
import datetime
import json
import logging
import os
import secrets
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

from werkzeug.datastructures import Headers
from werkzeug.test import EnvironBuilder, run_wsgi_app
from werkzeug.wrappers import Response

from workbench.aws import compaction, operations
from workbench.aws.journal import Call, Journal, JournalError
from workbench.aws.protocol import AwsError

log = logging.getLogger(__name__)

JSON = "application/x-amz-json-1.1"
COMPACT_AFTER = 1000


class MotoServices:
    """DynamoDB, Secrets Manager, Logs, IAM roles, STS: in memory, and in ``journal.jsonl``."""

    def __init__(self, state: Path, region: str, access_key: str) -> None:
        os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # moto reads it when it is imported
        self._region = region
        self._access_key = access_key
        self._apps: dict[str, Any] = {}
        # One request at a time: moto's conditional writes are not atomic by themselves, and the
        # order of the journal must be the order of the changes.
        self._lock = threading.Lock()
        self._journal = Journal(state / "journal.jsonl")
        self._room = COMPACT_AFTER  # changes until the journal is compacted again
        self._restore()

    def call(self, service: str, operation: str, content_type: str, body: str) -> Response:
        """moto's answer; a change that succeeded is in the journal before it is told."""
        call = Call(service, operation, content_type, body, secrets.randbits(64), time.time())
        write = operations.writes(service, operation)
        with self._lock:
            if write:
                self._journal.check()
            response = self._attempt(call)
            if write and response.status_code == 200:
                self._journal.append(call)
                self._room -= 1
                if not self._room:
                    self._compact()
        return response

    def _attempt(self, call: Call) -> Response:
        """Raises AwsError (400) where moto stumbles: another attempt would stumble, too."""
        try:
            return self._execute(call)
        except Exception as error:
            log.exception("moto's %s:%s failed", call.service, call.operation)
            raise AwsError(
                "ValidationException",
                f"{call.service}:{call.operation} could not be carried out with what was given: "
                f"{type(error).__name__}: {error}",
            ) from None

    def close(self) -> None:
        """Wait for the last call, and let no other one begin."""
        self._lock.acquire()
        self._journal.close()

    def _restore(self) -> None:
        calls = self._journal.read()
        if not calls:
            return
        for number, call in enumerate(calls, start=1):
            response = self._execute(call)
            if response.status_code != 200:
                raise JournalError(
                    f"journal line {number} ({call.service}:{call.operation}) was answered 200 "
                    f"once, and {response.status_code} now: {response.get_data(True)}"
                )
        self._compact()

    def _compact(self) -> None:
        """Keep the next start short, also after a long life with many changes."""
        calls = compaction.compact(self._journal.read(), self._items())
        self._journal.rewrite(calls)
        self._room = max(COMPACT_AFTER, len(calls))

    def _execute(self, call: Call) -> Response:
        from moto.moto_api._internal import mock_random

        app = self._apps.get(call.service) or self._apps.setdefault(
            call.service, _application(call.service)
        )
        mock_random.seed(call.seed)
        with _clock_at(call.time):
            chunks, status, headers = run_wsgi_app(app, self._environ(call), buffered=True)
        reply = Response(b"".join(chunks), status, headers)
        if call.service in operations.TARGETS.values():
            reply.content_type = call.content_type
        return reply

    def _environ(self, call: Call) -> Any:
        scope = f"{self._access_key}/20000101/{self._region}/{call.service}/aws4_request"
        headers = {
            "Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0"
        }
        prefixes = {service: prefix for prefix, service in operations.TARGETS.items()}
        if call.service in prefixes:
            headers["X-Amz-Target"] = f"{prefixes[call.service]}.{call.operation}"
        return EnvironBuilder(
            method="POST",
            base_url=f"https://{call.service}.{self._region}.amazonaws.com/",
            headers=Headers(headers),
            content_type=call.content_type,
            data=call.body.encode(),
        ).get_environ()

    def _items(self) -> Iterator[Call]:
        """Every DynamoDB item as the PutItem that makes it again."""
        now = time.time()

        def ask(operation: str, request: dict[str, Any]) -> Any:
            call = Call("dynamodb", operation, JSON, json.dumps(request), 0, now)
            return json.loads(self._execute(call).get_data())

        for table in _pages(ask, "ListTables", {}, "TableNames", "TableName"):
            scan = {"TableName": table, "ConsistentRead": True}
            for item in _pages(ask, "Scan", scan, "Items", "Key"):
                body = json.dumps({"TableName": table, "Item": item})
                yield Call("dynamodb", "PutItem", JSON, body, 0, now)


def _pages(
    ask: Any, operation: str, request: dict[str, Any], field: str, position: str
) -> Iterator[Any]:
    while True:
        page = ask(operation, request)
        yield from page[field]
        last = page.get(f"LastEvaluated{position}")
        if not last:
            return
        request = {**request, f"ExclusiveStart{position}": last}


def _application(service: str) -> Any:
    from moto.moto_server.werkzeug_app import create_backend_app

    return create_backend_app(service)  # type: ignore[arg-type]


@contextlib.contextmanager
def _clock_at(moment: float) -> Iterator[None]:
    """moto's clocks stand at ``moment``: what is replayed has the dates it had at first."""
    import moto.core.utils
    import moto.secretsmanager.models

    class Frozen(datetime.datetime):
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> Frozen:
            return cls.fromtimestamp(moment, tz)

    shim = ModuleType("datetime")
    shim.__dict__.update(vars(datetime), datetime=Frozen)
    clock = ModuleType("time")
    clock.__dict__.update(vars(time), time=lambda: moment)
    with (
        patch.object(moto.core.utils, "datetime", shim),
        patch.object(moto.secretsmanager.models, "time", clock),
    ):
        yield
