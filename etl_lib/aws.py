"""boto3 clients that do not take half a reply for a whole one.

botocore does not compare a reply with its Content-Length, and reads a document that was cut off
as an empty one: a GetItem without an item, a listing without objects. A connection that ends
early must not look like that.
"""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ConnectionClosedError


def client(service: str, config: Config | None = None) -> Any:
    """A client of ``service``; its calls raise ConnectionClosedError for a reply cut off."""
    return whole(boto3.client(service, config=config))


def dynamodb(config: Config | None = None) -> Any:
    """The same for DynamoDB, as a resource's client: it speaks Python's types."""
    return whole(boto3.resource("dynamodb", config=config).meta.client)


def whole(client: Any) -> Any:
    """``client``, which takes whole replies only from now on."""
    client.meta.events.register("after-call", _check)
    return client


def _check(http_response: Any, model: Any, **_: Any) -> None:
    headers = http_response.headers
    if "Content-Length" in headers:
        # A stream checks itself when it is read; the reply to HEAD has no body at all.
        streamed = model.has_streaming_output or model.http["method"] == "HEAD"
        complete = streamed or headers["Content-Length"] == str(len(http_response.content))
    else:  # the head itself was cut off, unless something else tells where the body ends
        complete = http_response.status_code in (204, 304) or "Transfer-Encoding" in headers
    if not complete:
        raise ConnectionClosedError(endpoint_url=http_response.url)
