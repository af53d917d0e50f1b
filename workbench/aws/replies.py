"""Answers in the wire formats of AWS: JSON, the query protocol's XML, and S3's XML."""

from __future__ import annotations

import json
import secrets
from typing import Any
from xml.sax.saxutils import escape

from werkzeug.wrappers import Request, Response

from workbench.aws.protocol import AwsError

# The same refusal has another name in each family of services.
S3_CODES = {
    "UnrecognizedClientException": "InvalidAccessKeyId",
    "MissingAuthenticationTokenException": "AccessDenied",
    "AccessDeniedException": "AccessDenied",
    "NotImplementedException": "NotImplemented",
    "InternalFailure": "InternalError",
}
QUERY_CODES = {
    "UnrecognizedClientException": "InvalidClientTokenId",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "AccessDeniedException": "AccessDenied",
}


def json_reply(body: Any, status: int = 200) -> Response:
    response = Response(json.dumps(body), status, content_type="application/x-amz-json-1.1")
    response.headers["x-amzn-RequestId"] = request_id()
    return response


def xml_reply(body: str, status: int = 200) -> Response:
    text = '<?xml version="1.0" encoding="UTF-8"?>\n' + body
    response = Response(text, status, content_type="application/xml")
    response.headers["x-amz-request-id"] = request_id()
    return response


def empty(status: int, headers: dict[str, str] | None = None) -> Response:
    """S3's answer without a document."""
    response = Response(b"", status, headers)
    del response.headers["Content-Type"]
    response.headers["x-amz-request-id"] = request_id()
    return response


def error_reply(error: AwsError, request: Request, service: str | None) -> Response:
    """``error`` in the format that the request's kind of client reads."""
    if "X-Amz-Target" in request.headers:
        return _json_error(error)
    if request.mimetype == "application/x-www-form-urlencoded":
        return _query_error(error)
    if service in (None, "s3"):
        return _s3_error(error, request)
    return _json_error(error)


def _json_error(error: AwsError) -> Response:
    response = json_reply({"__type": error.code, "message": error.message}, error.status)
    response.headers["x-amzn-ErrorType"] = error.code
    return response


def _query_error(error: AwsError) -> Response:
    code = QUERY_CODES.get(error.code, error.code)
    return xml_reply(
        f"<ErrorResponse><Error><Type>Sender</Type><Code>{escape(code)}</Code>"
        f"<Message>{escape(error.message)}</Message></Error></ErrorResponse>",
        error.status,
    )


def _s3_error(error: AwsError, request: Request) -> Response:
    code = S3_CODES.get(error.code, error.code)
    status = 501 if code == "NotImplemented" else error.status
    resource = request.environ["RAW_URI"].partition("?")[0]  # percent-encoded: any key is XML
    return xml_reply(
        f"<Error><Code>{escape(code)}</Code><Message>{escape(error.message)}</Message>"
        f"<Resource>{escape(resource)}</Resource></Error>",
        status,
    )


def request_id() -> str:
    return secrets.token_hex(8).upper()
