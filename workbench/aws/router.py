"""One port for all services: who answers which request."""

from __future__ import annotations

import io
import json
import logging
import re
import threading
from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import parse_qs, parse_qsl

from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Request, Response

from workbench.aws import attribute_values, operations, registry, replies, shapes
from workbench.aws.glue import interrupts
from workbench.aws.guard import Guard, Scope
from workbench.aws.moto_services import MotoServices
from workbench.aws.protocol import AwsError, Context, Service, not_supported
from workbench.aws.s3.handler import S3
from workbench.aws.scheduler import rest

log = logging.getLogger(__name__)

# DynamoDB's BatchWriteItem may have 16 MB; every other JSON request is smaller.
MAX_BODY = 16 * 1024 * 1024
FORM = "application/x-www-form-urlencoded"
SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")

Reply = TypeVar("Reply")


class Router:
    """The WSGI application of the local AWS."""

    def __init__(self, context: Context, guard: Guard) -> None:
        self._context = context
        self._guard = guard
        self._moto = MotoServices(context.state, context.region, context.access_key)
        self._s3 = S3(context)
        self._lock = threading.Lock()
        if (context.state / "scheduler").exists():
            self._service("scheduler")  # schedules fire without being asked

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        if environ.get("wsgi.input_terminated"):
            environ["wsgi.input"] = _Chunks(environ["wsgi.input"])
        request = Request(environ)
        request.max_form_memory_size = MAX_BODY
        service = None
        try:
            scope = self._guard.check(request)
            service = scope.service
            response = self._answer(request, scope)
        except AwsError as error:
            response = replies.error_reply(error, request, service)
        except HTTPException as error:  # a body that ended early, a range beyond the end
            failure = AwsError("InvalidRequest", str(error.description), error.code or 400)
            response = replies.error_reply(failure, request, service)
        except Exception as error:
            log.exception("%s %s failed", request.method, request.path)
            failure = AwsError("InternalFailure", f"{type(error).__name__}: {error}", 500)
            response = replies.error_reply(failure, request, service)
        return response(environ, start_response)

    def close(self) -> None:
        """Orderly shutdown of every service that was started."""
        with self._lock:
            # Those that call others come first: what they see must not be our shutdown.
            for name in sorted(registry.services, key=CLOSING.index):
                registry.services[name].close()
        self._moto.close()

    def _answer(self, request: Request, scope: Scope) -> Response:
        length = request.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise AwsError("InvalidRequest", f"Content-Length {length!r} is not a number")
        target = request.headers.get("X-Amz-Target")
        if target is not None:
            return self._json(request, target, scope)
        if scope.service == "s3":
            return self._s3.answer(request)
        if scope.service == "scheduler":
            operation, parsed = rest.read(request, _text(_body(request)))
            shapes.check("scheduler", operation, parsed)
            shapes.limits("scheduler", operation, parsed)
            answer = self._service("scheduler").handle(operation, parsed, self._context)
            return replies.json_reply(answer)
        if request.mimetype == FORM:
            return self._query(request, scope)
        raise not_supported(scope.service, f"{request.method} {request.path}")

    def _json(self, request: Request, target: str, scope: Scope) -> Response:
        prefix, _, operation = target.partition(".")
        service = operations.TARGETS.get(prefix, scope.service)
        own = operation in operations.OWN.get(service, ())
        if prefix not in operations.TARGETS or not (own or operations.by_moto(service, operation)):
            raise not_supported(service, operation)
        if request.path != "/" or request.method != "POST":
            raise AwsError("UnknownOperationException", f"{target} is asked for by POST to /", 404)
        if not request.mimetype.startswith("application/x-amz-json-"):
            raise AwsError(
                "UnknownOperationException",
                f"Content-Type {request.mimetype!r} is not application/x-amz-json-1.0 or 1.1",
                404,
            )
        text, parsed = _json_object(_body(request))
        shapes.check(service, operation, parsed)
        if own:
            answer = self._service(service).handle(operation, parsed, self._context)
            if service == "glue":
                interrupts.reply(operation, request.headers.get("User-Agent", ""))
            return replies.json_reply(answer)
        shapes.limits(service, operation, parsed)
        if service == "dynamodb":
            attribute_values.check(parsed)
        return self._moto.call(service, operation, request.mimetype, text)

    def _query(self, request: Request, scope: Scope) -> Response:
        text = _text(_body(request))
        operation = parse_qs(text).get("Action", ["(no Action)"])[0]
        own = operation in operations.OWN.get(scope.service, ())
        json_only = scope.service in operations.TARGETS.values()
        if json_only or not (own or operations.by_moto(scope.service, operation)):
            raise not_supported(scope.service, operation)
        if request.path != "/" or request.method != "POST":
            raise AwsError("UnknownOperationException", "Actions are asked for by POST to /", 404)
        shapes.form(scope.service, operation, dict(parse_qsl(text, keep_blank_values=True)))
        if own:
            from workbench.aws.cloudformation import wire

            parsed = wire.read(scope.service, operation, text)
            shapes.check(scope.service, operation, parsed)
            answer = self._service(scope.service).handle(operation, parsed, self._context)
            return wire.reply(scope.service, operation, answer)
        return self._moto.call(scope.service, operation, FORM, text)

    def _service(self, name: str) -> Service:
        """Our own services start at their first request: their libraries are slow to import."""
        with self._lock:
            if name not in registry.services:
                registry.services[name] = FACTORIES[name](self._context)
            return registry.services[name]


def _cloudformation(context: Context) -> Service:
    from workbench.aws.cloudformation.service import CloudFormationService

    service: Service = CloudFormationService(context)
    return service


def _glue(context: Context) -> Service:
    from workbench.aws.glue.service import GlueService

    service: Service = GlueService(context)
    return service


def _redshift(context: Context) -> Service:
    from workbench.aws.redshift.service import RedshiftDataService

    service: Service = RedshiftDataService(context)
    return service


def _scheduler(context: Context) -> Service:
    from workbench.aws.scheduler.service import SchedulerService

    service: Service = SchedulerService(context)
    return service


def _stepfunctions(context: Context) -> Service:
    from workbench.aws.stepfunctions.service import StepFunctionsService

    service: Service = StepFunctionsService(context)
    return service


CLOSING = ["cloudformation", "scheduler", "stepfunctions", "glue", "redshift-data"]
FACTORIES: dict[str, Callable[[Context], Service]] = {
    "cloudformation": _cloudformation,
    "glue": _glue,
    "redshift-data": _redshift,
    "scheduler": _scheduler,
    "stepfunctions": _stepfunctions,
}


class _Chunks(io.RawIOBase):
    """A chunked body, whose faults are the client's: the server's library calls them OSError."""

    def __init__(self, body: Any) -> None:
        self._body = body

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            return int(self._body.readinto(buffer))
        except OSError as error:
            raise AwsError("IncompleteBody", f"The chunked body: {error}") from None


def _body(request: Request) -> bytes:
    """The whole body, unless it is larger than any valid request."""
    body = request.stream.read(MAX_BODY + 1) if _fits(request) else b""
    if len(body) > MAX_BODY or not _fits(request):
        raise AwsError("RequestEntityTooLargeException", f"The body exceeds {MAX_BODY} bytes.", 413)
    return body


def _fits(request: Request) -> bool:
    return (request.content_length or 0) <= MAX_BODY


def _text(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise AwsError("SerializationException", f"The body is not UTF-8: {error}") from None


def _json_object(body: bytes) -> tuple[str, dict[str, Any]]:
    text = _text(body) or "{}"
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise AwsError("SerializationException", f"The body is not JSON: {error}") from None
    if not isinstance(parsed, dict):
        raise AwsError("SerializationException", "The body is JSON, but not an object.")
    if SURROGATE.search(text):  # half a character can be no text of any service
        try:
            json.dumps(parsed, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise AwsError("SerializationException", f"The body is not Unicode: {error}") from None
    return text, parsed
