"""No web page and no program without the key gets anything from the local AWS."""

from __future__ import annotations

import http.client
import itertools
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import ClientError

from workbench.endpoint import Endpoint

Headers = dict[str, str]
KEYED = "keyed"


def status(endpoint: Endpoint, method: str, path: str, headers: Headers, body: bytes = b"") -> int:
    """Status of a request as it is; no answer may invite another origin."""
    address = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        answer.read()
        names = {name.lower() for name, _ in answer.getheaders()}
        assert not any(name.startswith("access-control-") for name in names)
        return answer.status
    finally:
        connection.close()


def keyed(endpoint: Endpoint, service: str = "s3", key: str | None = None) -> Headers:
    credential = f"{key or endpoint.access_key}/20000101/us-east-1/{service}/aws4_request"
    return {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, Signature=0"}


FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.1",
    "localhost",
    "localhost:1",
    "0.0.0.0:{port}",
    "[::1]:{port}",
    "bucket.localhost:{port}",
    "127.0.0.1:{port}@evil.example",
    "127.0.0.1:{port},evil.example",
    "",
]
FOREIGN_ORIGINS = [
    "http://evil.example",
    "null",
    "",
    "http://127.0.0.1:1",
    "https://127.0.0.1:{port}",
    "http://127.0.0.1:{port}.evil.example",
    "file://",
]
REQUESTS = [
    ("GET", "/", {}),
    ("OPTIONS", "/bucket/key", {"Access-Control-Request-Method": "PUT"}),
    ("PUT", "/guarded", {}),
    ("POST", "/", {"X-Amz-Target": "AWSGlue.ListSessions"}),
    ("POST", "/moto-api/reset", {}),
]


@pytest.mark.parametrize(
    ("host", "request_"),
    list(itertools.product(FOREIGN_HOSTS, REQUESTS)),
    ids=lambda v: str(v)[:40],
)
def test_a_foreign_host_is_refused(
    endpoint: Endpoint, host: str, request_: tuple[str, str, Headers]
) -> None:
    method, path, headers = request_
    named = {"Host": host.format(port=urlsplit(endpoint.url).port)}
    assert status(endpoint, method, path, keyed(endpoint) | headers | named) == 403


@pytest.mark.parametrize(
    ("origin", "request_"),
    list(itertools.product(FOREIGN_ORIGINS, REQUESTS)),
    ids=lambda v: str(v)[:40],
)
def test_a_foreign_origin_is_refused(
    endpoint: Endpoint, origin: str, request_: tuple[str, str, Headers]
) -> None:
    method, path, headers = request_
    named = {"Origin": origin.format(port=urlsplit(endpoint.url).port)}
    assert status(endpoint, method, path, keyed(endpoint) | headers | named) == 403


@pytest.mark.parametrize("request_", REQUESTS, ids=str)
@pytest.mark.parametrize("key", [None, "", "AKIAIOSFODNN7EXAMPLE", "local", "é"])
def test_a_request_without_our_key_is_refused(
    endpoint: Endpoint, key: str | None, request_: tuple[str, str, Headers]
) -> None:
    method, path, headers = request_
    credential = {} if key is None else keyed(endpoint, key=key or " ")
    assert status(endpoint, method, path, credential | headers) == 403


def test_a_request_of_localhost_is_as_good(endpoint: Endpoint) -> None:
    named = {"Host": f"localhost:{urlsplit(endpoint.url).port}"}
    assert status(endpoint, "GET", "/", keyed(endpoint) | named) == 200


def test_a_plain_form_of_a_web_page_is_refused(endpoint: Endpoint) -> None:
    """What a page may post without asking: no header of its own choice, a simple content type."""
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data"):
        headers = {"Content-Type": kind}
        body = b"Action=CreateRole&RoleName=x"
        assert status(endpoint, "POST", "/", headers, body) == 403
        assert status(endpoint, "POST", "/moto-api/reset", headers, body) == 403


@pytest.mark.parametrize("service", ["s3", "dynamodb", "iam", "moto_api", "glue"])
@pytest.mark.parametrize(
    "path", ["/moto-api/reset", "/moto-api/", "/moto-api/seed?a=1", "//moto-api/reset"]
)
def test_motos_own_api_cannot_be_reached_even_with_the_key(
    endpoint: Endpoint, service: str, path: str
) -> None:
    endpoint.client("dynamodb").create_table(
        TableName="kept",
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    targets = [{}, {"X-Amz-Target": "DynamoDB_20120810.ListTables"}]
    kinds = ["application/x-amz-json-1.0", "application/x-www-form-urlencoded"]
    try:
        for target, kind in itertools.product(targets, kinds):
            headers = keyed(endpoint, service) | target | {"Content-Type": kind}
            assert status(endpoint, "POST", path, headers, b"Action=GetRole") >= 400
        assert "kept" in endpoint.client("dynamodb").list_tables()["TableNames"]
    finally:
        endpoint.client("dynamodb").delete_table(TableName="kept")


def test_a_wrong_key_is_refused_as_aws_does(endpoint: Endpoint) -> None:
    stranger = Endpoint(endpoint.url, "us-east-1", "AKIAIOSFODNN7EXAMPLE", "x", endpoint.state)
    codes = {
        "dynamodb": ("list_tables", "UnrecognizedClientException"),
        "glue": ("list_sessions", "UnrecognizedClientException"),
        "sts": ("get_caller_identity", "InvalidClientTokenId"),
        "s3": ("list_buckets", "InvalidAccessKeyId"),
    }
    for service, (operation, code) in codes.items():
        with pytest.raises(ClientError) as refusal:
            getattr(stranger.client(service), operation)()
        assert refusal.value.response["Error"]["Code"] == code
        assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_presigned_url_works_and_only_with_our_key(endpoint: Endpoint) -> None:
    s3 = endpoint.client("s3")
    s3.create_bucket(Bucket="presigned")
    s3.put_object(Bucket="presigned", Key="k", Body=b"x")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "presigned", "Key": "k"})
    path = url.removeprefix(endpoint.url)
    assert status(endpoint, "GET", path, {}) == 200
    assert status(endpoint, "GET", path.replace(endpoint.access_key, "AKIA"), {}) == 403
