"""The query protocol: forms to requests, answers to XML, both by the service's own model."""

from __future__ import annotations

import functools
from typing import Any
from urllib.parse import parse_qsl

from moto.core.parse import QueryParser
from moto.core.serialize import QuerySerializer, SerializationContext
from moto.core.utils import get_service_model
from werkzeug.wrappers import Response

from workbench.aws import replies


def read(service: str, operation: str, form: str) -> dict[str, Any]:
    """The request that a form holds."""
    values = dict(parse_qsl(form, keep_blank_values=True))
    asked: Any = {"values": values}  # all that this parser looks at
    parsed: dict[str, Any] = QueryParser(_model(service, operation)).parse(asked)
    return parsed


def reply(service: str, operation: str, answer: dict[str, Any]) -> Response:
    context = SerializationContext(replies.request_id())
    made = QuerySerializer(_model(service, operation), context).serialize(answer)
    return Response(made["body"], made["status_code"], content_type="text/xml")


@functools.cache
def _model(service: str, operation: str) -> Any:
    return get_service_model(service).operation_model(operation)
