"""S3's XML documents, in and out."""

from __future__ import annotations

import datetime
import time as clock
from typing import Any
from urllib.parse import quote
from xml.etree.ElementTree import Element, ParseError, SubElement, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring
from werkzeug.wrappers import Response

from workbench.aws import replies
from workbench.aws.protocol import AwsError

NAMESPACE = "http://s3.amazonaws.com/doc/2006-03-01/"


def reply(name: str, content: dict[str, Any]) -> Response:
    """A document: a dict is an element, a list repeats its element, None leaves it out."""
    root = Element(name, xmlns=NAMESPACE)
    _fill(root, content)
    return replies.xml_reply(tostring(root, encoding="unicode"))


def parse(body: bytes) -> Element:
    """Raises MalformedXML, also for a document with entities."""
    try:
        root: Element = fromstring(body)
        return root
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise AwsError("MalformedXML", f"The body is not well-formed XML: {error}") from None


def copied(name: str, etag: str) -> Response:
    """What CopyObject and UploadPartCopy answer."""
    return reply(name, {"LastModified": time(clock.time()), "ETag": f'"{etag}"'})


def time(seconds: float) -> str:
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000Z")


def encoder(encoding: str | None) -> Any:
    """How keys are written: as they are, or percent-encoded where the client asks for it."""
    if encoding not in (None, "url"):
        raise AwsError("InvalidArgument", f"Invalid encoding type: {encoding}")
    return quote if encoding else str


def _fill(element: Element, content: dict[str, Any]) -> None:
    for name, value in content.items():
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                _fill(SubElement(element, name), one)
            elif one is not None:
                SubElement(element, name).text = _text(one)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
