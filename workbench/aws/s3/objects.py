"""Operations on objects."""

from __future__ import annotations

import datetime
from typing import IO

from werkzeug.exceptions import RequestedRangeNotSatisfiable
from werkzeug.http import parse_date
from werkzeug.wrappers import Response
from werkzeug.wsgi import FileWrapper

from workbench.aws import replies
from workbench.aws.protocol import AwsError
from workbench.aws.s3 import body, copying, names, xml
from workbench.aws.s3.attributes import DEFAULT_TYPE, Attributes
from workbench.aws.s3.request import KEPT_HEADERS, S3Request
from workbench.aws.s3.store import Conditions, Store, StoredObject, failed

OVERRIDES = {f"response-{name.lower()}": name for name in KEPT_HEADERS}


class Objects:
    """Answers requests for objects, one by one or many to delete."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def put_object(self, request: S3Request) -> Response:
        self._store.bucket(request.bucket)
        names.check_key(request.key)
        with self._store.incoming() as file:
            received = body.receive(request.http, file)
            attributes = Attributes(request.kept_headers())
            etag = self._commit(request, file, received.md5, attributes)
        return replies.empty(200, {"ETag": f'"{etag}"', **received.checksums})

    def copy_object(self, request: S3Request) -> Response:
        bucket, key = copying.source(request)
        replaced = request.header("x-amz-metadata-directive") == "REPLACE"
        if (bucket, key) == (request.bucket, request.key) and not replaced:
            raise AwsError("InvalidRequest", "Copying an object to itself changes nothing.")
        with self._store.open(bucket, key) as source, self._store.incoming() as file:
            copying.check(request, source)
            md5 = copying.whole(file, source)
            headers = request.kept_headers() if replaced else source.attributes.headers
            etag = self._commit(request, file, md5, Attributes(headers))
        return xml.copied("CopyObjectResult", etag)

    def get_object(self, request: S3Request) -> Response:
        stored = self._store.open_for_reply(request.bucket, request.key)
        response = Response(FileWrapper(stored.file, body.BLOCK), direct_passthrough=True)
        try:
            _describe(response, stored, request)
            response.make_conditional(
                request.http, accept_ranges=True, complete_length=stored.status.st_size
            )
            del response.headers["Date"]  # the server writes it
            _check_read(request, response, stored)
        except RequestedRangeNotSatisfiable:
            response.close()
            raise AwsError(
                "InvalidRange", f"The object has {stored.status.st_size} bytes.", 416
            ) from None
        except BaseException:
            response.close()
            raise
        return response

    def delete_object(self, request: S3Request) -> Response:
        self._store.delete(request.bucket, request.key, request.conditions())
        return replies.empty(204)

    def delete_objects(self, request: S3Request) -> Response:
        self._store.bucket(request.bucket)
        document = xml.parse(request.document())
        quiet = document.findtext("{*}Quiet", "false") == "true"
        keys = [entry.findtext("{*}Key", "") for entry in document.findall("{*}Object")]
        if document.tag.rpartition("}")[2] != "Delete" or not all(keys):
            raise AwsError("MalformedXML", "<Delete> has <Object>s, and each of them a <Key>")
        if not 1 <= len(keys) <= 1000:
            raise AwsError("MalformedXML", f"1 to 1000 keys go at once, not {len(keys)}")
        deleted, errors = [], []
        for key in keys:
            try:
                self._store.delete(request.bucket, key, Conditions())
                deleted.append({"Key": key})
            except AwsError as error:
                errors.append({"Key": key, "Code": error.code, "Message": error.message})
        return xml.reply("DeleteResult", {"Deleted": [] if quiet else deleted, "Error": errors})

    def _commit(self, request: S3Request, file: IO[bytes], md5: str, attributes: Attributes) -> str:
        return self._store.commit(
            request.bucket, request.key, file, md5, attributes, request.conditions()
        )


def _describe(response: Response, stored: StoredObject, request: S3Request) -> None:
    response.headers["Content-Type"] = DEFAULT_TYPE  # unless it has another
    for name, value in stored.attributes.headers.items():
        response.headers[name] = value
    for parameter, name in OVERRIDES.items():
        if parameter in request.query:
            response.headers[name] = request.query[parameter]
    response.headers["x-amz-request-id"] = replies.request_id()
    response.set_etag(stored.etag)
    response.last_modified = datetime.datetime.fromtimestamp(
        int(stored.status.st_mtime), datetime.UTC
    )
    response.content_length = stored.status.st_size


def _check_read(request: S3Request, response: Response, stored: StoredObject) -> None:
    """Refuse what did not match; werkzeug has judged all but If-Unmodified-Since."""
    if response.status_code == 412:
        raise failed("If-Match")
    limit = parse_date(request.header("If-Unmodified-Since"))
    if limit and not request.header("If-Match") and stored.status.st_mtime >= limit.timestamp() + 1:
        raise failed("If-Unmodified-Since")
