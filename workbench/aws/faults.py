"""Faults on purpose, for drills: what a job run asks for is refused, lost, held, or its death.

Only a local AWS whose state directory holds ``faults.json`` when it starts has them. The file may
be replaced at any time:

    {"rules": [{"run", "stage", "effect", "number", "when", "kind", "statement"}],
     "rate": {"reset": 0.01, "throttle": 0.01, "seed": 1}}

``run`` is the pipeline's run, ``effect`` as ``effects`` names it, ``number`` which of that name in
a job run. A rule fires once. Kinds: ``kill`` the calling process, ``error`` (refuse; with
``statement``, let that one of a transaction fail), ``lost`` (close the connection without a reply),
``delay`` (until ``faults.free`` holds the run's name), ``outage`` (this process gets SIGKILL). What
was passed and what was done stands in ``faults.jsonl``.
"""

from __future__ import annotations

import io
import json
import os
import random
import re
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from werkzeug.test import run_wsgi_app
from werkzeug.wrappers import Request, Response

from workbench.aws import registry, replies
from workbench.aws.effects import Effect, effect_of
from workbench.aws.glue.runs import JobRun
from workbench.aws.protocol import AwsError

PATIENCE = 120.0  # seconds that a delayed request is held at most
FAILING = "SELECT CAST('a fault of the drill' AS INTEGER)"
REFUSED = AwsError("AccessDeniedException", "a fault of the drill", 403)
THROTTLED = {"s3": AwsError("SlowDown", "Reduce your request rate.", 503)}
THROTTLE = AwsError("ThrottlingException", "Rate exceeded")

Rule = dict[str, Any]


class Faults:
    """A WSGI application in front of another."""

    def __init__(self, application: Any, state: Path) -> None:
        self._application = application
        self._state = state
        self._lock = threading.Lock()
        self._seen: Counter[tuple[str, str]] = Counter()
        self._stamp: tuple[int, int] = (0, 0)
        self._rules: dict[str, Any] = {}
        self._random = random.Random(0)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        run = _caller(environ)
        if run is None:
            answer: Iterable[bytes] = self._application(environ, start_response)
            return answer
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        effect = effect_of(environ, body, _pipeline_run(run))
        rule = self._rule(run, effect) if effect else None
        response = self._answer(environ, body, run, rule)
        return response(environ, start_response)

    def _answer(
        self, environ: dict[str, Any], body: bytes, run: JobRun, rule: Rule | None
    ) -> Response:
        if rule is None:
            return self._by_rate(environ, body)
        self._tell(fired=rule)
        if rule.get("statement") is not None:
            return self._pass(environ, _failing(environ, body, rule["statement"]))
        after = rule["when"] == "after"
        response = self._pass(environ, body) if after else None
        if rule["kind"] == "kill":
            assert run.pid is not None
            registry.services["glue"].kill(run.pid)  # type: ignore[attr-defined]
            _hang_up(environ)
        if rule["kind"] == "outage":
            os.kill(os.getpid(), signal.SIGKILL)
        if rule["kind"] == "lost":
            _hang_up(environ)
        if rule["kind"] == "error":
            return replies.error_reply(REFUSED, Request(environ), _service(environ))
        if rule["kind"] == "delay":
            self._hold(rule["run"])
        return response or self._pass(environ, body)

    def _by_rate(self, environ: dict[str, Any], body: bytes) -> Response:
        rate = self._current().get("rate", {})
        with self._lock:
            drawn, early = self._random.random(), self._random.random() < 0.5
        if drawn < rate.get("reset", 0):
            self._tell(fired={"kind": "reset", "early": early})
            if not early:
                self._pass(environ, body)
            _hang_up(environ)
        if drawn < rate.get("reset", 0) + rate.get("throttle", 0):
            self._tell(fired={"kind": "throttle"})
            error = THROTTLED.get(_service(environ), THROTTLE)
            return replies.error_reply(error, Request(environ), _service(environ))
        return self._pass(environ, body)

    def _pass(self, environ: dict[str, Any], body: bytes) -> Response:
        given = {**environ, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
        parts, status, headers = run_wsgi_app(self._application, given, buffered=True)
        return Response(parts, status, headers)

    def _rule(self, run: JobRun, effect: Effect) -> Rule | None:
        """The rule for this point, if there is one. Notes that the point was passed."""
        with self._lock:
            self._seen[run.id, effect.name] += 1
            number = self._seen[run.id, effect.name]
        point = {
            "run": _pipeline_run(run),
            "stage": run.record["JobName"],
            "effect": effect.name,
            "number": number,
        }
        self._tell(passed={**point, "statements": effect.statements})
        current = self._current()
        with self._lock:  # each fires once: the same run may come again
            for rule in current.get("rules", ()):
                if all(rule.get(name) == value for name, value in point.items()):
                    current["rules"].remove(rule)
                    return dict(rule)
        return None

    def _current(self) -> dict[str, Any]:
        with self._lock:
            status = (self._state / "faults.json").stat()
            stamp = (status.st_mtime_ns, status.st_ino)
            if stamp != self._stamp:
                self._stamp = stamp
                self._rules = json.loads((self._state / "faults.json").read_text())
                self._random = random.Random(self._rules.get("rate", {}).get("seed", 0))
            return self._rules

    def _hold(self, run: str) -> None:
        end = time.monotonic() + PATIENCE
        free = self._state / "faults.free"
        while time.monotonic() < end:
            if free.exists() and free.read_text() == run:
                return
            time.sleep(0.02)

    def _tell(self, **what: Any) -> None:
        with self._lock, open(self._state / "faults.jsonl", "a") as log:
            log.write(json.dumps(what) + "\n")


def _caller(environ: dict[str, Any]) -> JobRun | None:
    """The job run that asks: it says so in its User-Agent."""
    found = re.search(r"app/(jr_[0-9a-f]+)", environ.get("HTTP_USER_AGENT", ""))
    glue: Any = registry.services.get("glue")
    return glue.caller(found[1]) if found and glue else None


def _pipeline_run(run: JobRun) -> str:
    return str(run.record["Arguments"].get("--run_id", ""))


def _service(environ: dict[str, Any]) -> str:
    found = re.search(r"Credential=[^/]+/\d+/[^/]+/([^/]+)/", environ.get("HTTP_AUTHORIZATION", ""))
    return found[1] if found else ""


def _failing(environ: dict[str, Any], body: bytes, number: int) -> bytes:
    """The transaction with one statement more, which fails, before its ``number``-th."""
    request = json.loads(body)
    request["Sqls"].insert(number, FAILING)
    return json.dumps(request).encode()


def _hang_up(environ: dict[str, Any]) -> None:
    environ["werkzeug.socket"].shutdown(socket.SHUT_RDWR)
    raise ConnectionResetError("a fault of the drill")
