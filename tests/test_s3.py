"""S3 over plain folders: what boto3 puts is a file, what a program writes is an object."""

from __future__ import annotations

import base64
import hashlib
import http.client
import os
import threading
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.endpoint import Endpoint


@pytest.fixture(scope="module")
def s3(endpoint: Endpoint) -> Any:
    client = endpoint.client("s3")
    client.create_bucket(Bucket="bucket")
    return client


@pytest.fixture
def folder(endpoint: Endpoint, s3: Any) -> Path:
    """The bucket as Spark sees it."""
    return endpoint.state / "s3" / "bucket"


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def raw(
    endpoint: Endpoint, method: str, path: str, headers: dict[str, str], body: bytes
) -> tuple[int, bytes]:
    """A request as another SDK would frame it."""
    credential = f"{endpoint.access_key}/20000101/us-east-1/s3/aws4_request"
    signed = {"Authorization": f"AWS4-HMAC-SHA256 Credential={credential}, Signature=0"}
    address = urlsplit(endpoint.url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
    try:
        connection.request(method, path, body, signed | headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def test_an_object_comes_back_with_all_that_was_said_of_it(s3: Any, folder: Path) -> None:
    put = s3.put_object(
        Bucket="bucket",
        Key="dir/ü +%&.txt",
        Body=b"content",
        ContentType="text/plain",
        CacheControl="no-cache",
        Metadata={"run_id": "7", "plain": "x"},
    )
    got = s3.get_object(Bucket="bucket", Key="dir/ü +%&.txt")
    assert got["Body"].read() == b"content" == (folder / "dir/ü +%&.txt").read_bytes()
    assert got["ETag"] == put["ETag"] == f'"{hashlib.md5(b"content").hexdigest()}"'
    assert (got["ContentType"], got["CacheControl"]) == ("text/plain", "no-cache")
    assert got["Metadata"] == {"run_id": "7", "plain": "x"}
    assert put["ChecksumCRC32"]


def test_a_file_written_by_a_program_is_an_object_at_once(s3: Any, folder: Path) -> None:
    s3.put_object(Bucket="bucket", Key="shared/part", Body=b"old", Metadata={"a": "b"})
    (folder / "shared/part").write_bytes(b"new")
    got = s3.get_object(Bucket="bucket", Key="shared/part")
    assert (got["Body"].read(), got["Metadata"]) == (b"new", {})
    assert got["ETag"] == f'"{hashlib.md5(b"new").hexdigest()}"'
    (folder / "shared/part").rename(folder / "shared/moved")
    listed = s3.list_objects_v2(Bucket="bucket", Prefix="shared/")["Contents"]
    assert [(one["Key"], one["Size"]) for one in listed] == [("shared/moved", 3)]


def test_a_deleted_object_leaves_no_folder_behind(s3: Any, folder: Path) -> None:
    s3.put_object(Bucket="bucket", Key="deep/er/est", Body=b"")
    s3.delete_object(Bucket="bucket", Key="deep/er/est")
    s3.delete_object(Bucket="bucket", Key="deep/er/est")
    assert not (folder / "deep").exists() and folder.exists()


def test_ranges_and_conditions_of_reads(s3: Any) -> None:
    etag = s3.put_object(Bucket="bucket", Key="range", Body=b"0123456789")["ETag"]

    def get(**more: Any) -> Any:
        return s3.get_object(Bucket="bucket", Key="range", **more)

    assert get(Range="bytes=2-4")["Body"].read() == b"234"
    assert get(Range="bytes=-3")["ContentRange"] == "bytes 7-9/10"
    assert get(IfMatch=etag, Range="bytes=8-")["Body"].read() == b"89"
    for more, expected in [
        ({"Range": "bytes=10-"}, "InvalidRange"),
        ({"IfMatch": '"other"'}, "PreconditionFailed"),
        ({"IfNoneMatch": etag}, "304"),
        ({"IfUnmodifiedSince": "Mon, 01 Jan 2001 00:00:00 GMT"}, "PreconditionFailed"),
        ({"IfModifiedSince": "Mon, 01 Jan 2100 00:00:00 GMT"}, "304"),
    ]:
        with pytest.raises(ClientError) as refusal:
            get(**more)
        assert code(refusal) == expected


def test_one_of_sixteen_puts_if_absent_wins(s3: Any) -> None:
    outcomes: list[tuple[str, int]] = []

    def put(worker: int) -> None:
        try:
            s3.put_object(Bucket="bucket", Key="once", Body=f"{worker}".encode(), IfNoneMatch="*")
            outcomes.append(("won", worker))
        except ClientError as error:
            outcomes.append((error.response["Error"]["Code"], worker))

    workers = [threading.Thread(target=put, args=(worker,)) for worker in range(16)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    winners = [worker for outcome, worker in outcomes if outcome == "won"]
    assert sorted(outcome for outcome, _ in outcomes) == ["PreconditionFailed"] * 15 + ["won"]
    assert s3.get_object(Bucket="bucket", Key="once")["Body"].read() == f"{winners[0]}".encode()


def test_a_put_if_match_changes_only_what_was_read(s3: Any) -> None:
    first = s3.put_object(Bucket="bucket", Key="cas", Body=b"1")["ETag"]
    s3.put_object(Bucket="bucket", Key="cas", Body=b"2", IfMatch=first)
    with pytest.raises(ClientError) as refusal:
        s3.put_object(Bucket="bucket", Key="cas", Body=b"3", IfMatch=first)
    assert code(refusal) == "PreconditionFailed"
    with pytest.raises(ClientError) as refusal:
        s3.put_object(Bucket="bucket", Key="never", Body=b"3", IfMatch=first)
    assert code(refusal) == "NoSuchKey"
    assert s3.get_object(Bucket="bucket", Key="cas")["Body"].read() == b"2"


def test_a_body_that_is_not_what_was_announced_changes_nothing(s3: Any, endpoint: Endpoint) -> None:
    s3.put_object(Bucket="bucket", Key="sum", Body=b"good")
    wrong = base64.b64encode(b"\0" * 4).decode()
    for headers in (
        {"Content-MD5": base64.b64encode(b"\0" * 16).decode()},
        {"x-amz-checksum-crc32": wrong},
        {"x-amz-checksum-sha256": wrong},
        {"x-amz-content-sha256": "0" * 64},
        {"x-amz-decoded-content-length": "3"},
    ):
        status, answer = raw(endpoint, "PUT", "/bucket/sum", headers, b"evil")
        assert status == 400 and (b"BadDigest" in answer or b"IncompleteBody" in answer)
    assert s3.get_object(Bucket="bucket", Key="sum")["Body"].read() == b"good"
    assert not list((endpoint.state / "s3-side" / "incoming").iterdir())


def test_a_body_of_unknown_length_is_refused(endpoint: Endpoint, s3: Any) -> None:
    for length in ("abc", "-5", "1e3", "٣"):
        headers = {"Content-Length": length.encode().decode("latin-1")}
        assert raw(endpoint, "PUT", "/bucket/unknown", headers, b"x")[0] == 400
    assert s3.list_objects_v2(Bucket="bucket", Prefix="unknown")["KeyCount"] == 0


@pytest.mark.parametrize("signed", [True, False])
def test_aws_chunked_bodies_with_a_trailing_checksum(
    s3: Any, endpoint: Endpoint, signed: bool
) -> None:
    content = os.urandom(200_000)
    mark = b";chunk-signature=" + b"0" * 64 if signed else b""
    chunks = [content[at : at + 65_536] for at in range(0, len(content), 65_536)] + [b""]
    body = b"".join(b"%x%s\r\n%s" % (len(c), mark, c + b"\r\n" * bool(c)) for c in chunks)
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" if signed else "STREAMING-UNSIGNED-PAYLOAD"
    headers = {
        "Content-Encoding": "aws-chunked",
        "x-amz-content-sha256": f"{kind}-TRAILER",
        "x-amz-decoded-content-length": str(len(content)),
        "x-amz-trailer": "x-amz-checksum-crc32",
    }
    checksum = base64.b64encode(zlib.crc32(content).to_bytes(4, "big"))
    good = body + b"x-amz-checksum-crc32:" + checksum + b"\r\n\r\n"
    assert raw(endpoint, "PUT", "/bucket/chunked", headers, good)[0] == 200
    got = s3.get_object(Bucket="bucket", Key="chunked")
    assert got["Body"].read() == content and "ContentEncoding" not in got
    for bad in (good.replace(checksum, b"AAAAAA=="), body, good[:70_000], b"zz\r\n"):
        assert raw(endpoint, "PUT", "/bucket/chunked", headers, bad)[0] == 400
    assert s3.get_object(Bucket="bucket", Key="chunked")["Body"].read() == content


def test_twenty_megabytes_go_and_come_in_parts(s3: Any, tmp_path: Path) -> None:
    content = os.urandom(20 * 1024**2)
    (tmp_path / "out").write_bytes(content)
    parts = TransferConfig(multipart_threshold=5 * 1024**2, multipart_chunksize=5 * 1024**2)
    s3.upload_file(str(tmp_path / "out"), "bucket", "big", Config=parts)
    s3.download_file("bucket", "big", str(tmp_path / "back"), Config=parts)
    assert (tmp_path / "back").read_bytes() == content
    assert s3.head_object(Bucket="bucket", Key="big")["ETag"].endswith('-4"')
    s3.copy({"Bucket": "bucket", "Key": "big"}, "bucket", "big2", Config=parts)
    assert s3.get_object(Bucket="bucket", Key="big2")["Body"].read() == content
    assert "Uploads" not in s3.list_multipart_uploads(Bucket="bucket")
    for source in ("big", "big3"):  # in one piece: of one that came in parts, and of its copy
        named = {"CopySource": f"bucket/{source}", "Bucket": "bucket", "Key": source + "3"}
        etag = s3.copy_object(**named)["CopyObjectResult"]["ETag"]
        assert etag == f'"{hashlib.md5(content).hexdigest()}"'
        found = s3.get_object(Bucket="bucket", Key=source + "3")
        assert (found["Body"].read(), found["ETag"]) == (content, etag)


def test_an_upload_is_no_object_until_it_is_complete(s3: Any) -> None:
    names = {"Bucket": "bucket", "Key": "parts"}
    upload = s3.create_multipart_upload(**names, Metadata={"a": "b"})["UploadId"]
    names["UploadId"] = upload
    s3.upload_part(**names, PartNumber=2, Body=b"old")
    second = s3.upload_part(**names, PartNumber=2, Body=b"new")["ETag"]
    small = s3.upload_part(**names, PartNumber=1, Body=b"small")["ETag"]
    listed = s3.list_parts(**names)["Parts"]
    assert [(part["PartNumber"], part["ETag"]) for part in listed] == [(1, small), (2, second)]
    assert s3.list_multipart_uploads(Bucket="bucket")["Uploads"][0]["UploadId"] == upload

    def complete(*parts: tuple[int, str]) -> Any:
        chosen = [{"PartNumber": number, "ETag": etag} for number, etag in parts]
        return s3.complete_multipart_upload(**names, MultipartUpload={"Parts": chosen})

    for chosen, expected in [
        ([(1, small), (2, second)], "EntityTooSmall"),
        ([(2, second), (1, small)], "InvalidPartOrder"),
        ([(2, small)], "InvalidPart"),
        ([(3, second)], "InvalidPart"),
    ]:
        with pytest.raises(ClientError) as refusal:
            complete(*chosen)
        assert code(refusal) == expected
    with pytest.raises(ClientError):
        s3.head_object(Bucket="bucket", Key="parts")
    complete((2, second))
    got = s3.get_object(Bucket="bucket", Key="parts")
    assert (got["Body"].read(), got["Metadata"]) == (b"new", {"a": "b"})
    with pytest.raises(ClientError) as refusal:
        s3.abort_multipart_upload(**names)
    assert code(refusal) == "NoSuchUpload"


def test_buckets_live_and_die(s3: Any, endpoint: Endpoint) -> None:
    s3.create_bucket(Bucket="short-lived")
    s3.create_bucket(Bucket="short-lived")
    assert "short-lived" in [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    assert s3.get_bucket_location(Bucket="short-lived")["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket="short-lived")
    (endpoint.state / "s3/short-lived/left/by/spark").mkdir(parents=True)
    s3.put_object(Bucket="short-lived", Key="k", Body=b"")
    with pytest.raises(ClientError) as refusal:
        s3.delete_bucket(Bucket="short-lived")
    assert code(refusal) == "BucketNotEmpty"
    s3.delete_object(Bucket="short-lived", Key="k")
    s3.delete_bucket(Bucket="short-lived")
    for ask in (s3.head_bucket, s3.list_objects_v2, s3.delete_bucket, s3.list_multipart_uploads):
        with pytest.raises(ClientError) as refusal:
            ask(Bucket="short-lived")
        assert code(refusal) in ("NoSuchBucket", "404")


def test_many_keys_are_deleted_at_once(s3: Any) -> None:
    for name in ("x/1", "x/2"):
        s3.put_object(Bucket="bucket", Key=name, Body=b"")
    keys = [{"Key": key} for key in ("x/1", "x/2", "x/absent", "../x")]
    answer = s3.delete_objects(Bucket="bucket", Delete={"Objects": keys})
    assert [one["Key"] for one in answer["Deleted"]] == ["x/1", "x/2", "x/absent"]
    assert [(one["Key"], one["Code"]) for one in answer["Errors"]] == [("../x", "InvalidArgument")]


def test_a_key_that_is_a_prefix_of_others_is_refused_by_name(s3: Any) -> None:
    s3.put_object(Bucket="bucket", Key="both/child", Body=b"")
    for key in ("both", "both/child/grandchild"):
        with pytest.raises(ClientError) as refusal:
            s3.put_object(Bucket="bucket", Key=key, Body=b"")
        assert "cannot be an object and at the same time a prefix" in str(refusal.value)
    assert s3.list_objects_v2(Bucket="bucket", Prefix="both")["KeyCount"] == 1


TRAVERSALS = [
    "../escape",
    "a/../../escape",
    "a/..",
    "..",
    ".",
    "a/./b",
    "/etc/escape",
    "//escape",
    "a//b",
    "a/",
    "a\0b",
    "a\nb",
    "..%2fescape/../..",
    "x" * 256,
    "ü" * 513,
]


@pytest.mark.parametrize("key", TRAVERSALS, ids=lambda key: repr(key)[:20])
@pytest.mark.parametrize("encoded", [quote, lambda key: "".join(f"%{b:02x}" for b in key.encode())])
def test_a_key_never_leads_out_of_its_bucket(
    endpoint: Endpoint, s3: Any, key: str, encoded: Any
) -> None:
    before = sorted(path for path in endpoint.state.rglob("*escape*"))
    for method in ("PUT", "GET", "DELETE", "POST"):
        query = "?uploads" if method == "POST" else ""
        status, answer = raw(endpoint, method, f"/bucket/{encoded(key)}{query}", {}, b"x")
        assert status == 400 and (b"InvalidArgument" in answer or b"KeyTooLong" in answer), answer
    headers = {"x-amz-copy-source": "/bucket/" + encoded(key)}
    assert raw(endpoint, "PUT", "/bucket/copy", headers, b"")[0] == 400
    assert sorted(path for path in endpoint.state.rglob("*escape*")) == before


@pytest.mark.parametrize(
    "bucket", ["..", ".", "%2e%2e", "A-Upper", "ab", "a..b", "x/..", "1.2.3.4"]
)
def test_a_bucket_is_never_a_path(endpoint: Endpoint, bucket: str) -> None:
    assert raw(endpoint, "PUT", f"/{bucket}", {}, b"")[0] in (400, 404)
    assert raw(endpoint, "GET", f"/{bucket}/endpoint.json", {}, b"")[0] in (400, 404)


def test_a_symbolic_link_leads_nowhere(endpoint: Endpoint, s3: Any, folder: Path) -> None:
    (folder / "link").symlink_to(endpoint.state)
    (folder / "file").symlink_to(endpoint.state / "endpoint.json")
    try:
        for key in ("link/endpoint.json", "file"):
            assert raw(endpoint, "GET", f"/bucket/{key}", {}, b"")[0] == 400
        for prefix in ("link", "link/", "file"):
            assert s3.list_objects_v2(Bucket="bucket", Prefix=prefix)["KeyCount"] == 0
    finally:
        (folder / "link").unlink()
        (folder / "file").unlink()


def test_lists_look_only_into_the_bucket(s3: Any) -> None:
    for prefix in ("../", "/", "..", "a//", "./", "../s3-side/"):
        assert s3.list_objects_v2(Bucket="bucket", Prefix=prefix)["KeyCount"] == 0


segments = st.text(alphabet="ab-.~ü", min_size=1, max_size=2).filter(lambda s: s not in (".", ".."))
keys = st.lists(segments, min_size=1, max_size=3).map("/".join)


def _is_folder(key: str, others: set[str]) -> bool:
    return any(other.startswith(key + "/") for other in others)


def model(present: set[str], prefix: str, delimiter: str) -> list[str]:
    """What S3 documents: keys in UTF-8 order, those that share a prefix rolled up."""
    rolled = set()
    for key in present:
        if key.startswith(prefix):
            end = key.find(delimiter, len(prefix)) if delimiter else -1
            rolled.add(key if end < 0 else key[: end + len(delimiter)])
    return sorted(rolled, key=str.encode)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    wanted=st.sets(keys, max_size=12),
    prefix=st.one_of(st.just(""), keys, keys.map(lambda key: key + "/")),
    delimiter=st.sampled_from(["", "/", "-", "a"]),
    size=st.integers(1, 4),
)
def test_lists_agree_with_the_model_page_by_page(
    endpoint: Endpoint, s3: Any, wanted: set[str], prefix: str, delimiter: str, size: int
) -> None:
    present = {key for key in wanted if not _is_folder(key, wanted)}
    s3.create_bucket(Bucket="listed")
    folder = endpoint.state / "s3" / "listed"
    for key in present:
        (folder / key).parent.mkdir(parents=True, exist_ok=True)
        (folder / key).write_bytes(b"")
    try:
        for operation in ("list_objects_v2", "list_objects"):
            pages = s3.get_paginator(operation).paginate(
                Bucket="listed",
                Prefix=prefix,
                Delimiter=delimiter,
                PaginationConfig={"PageSize": size},
            )
            told = []
            for page in pages:
                items = [one["Key"] for one in page.get("Contents", [])]
                items += [one["Prefix"] for one in page.get("CommonPrefixes", [])]
                assert len(items) <= size
                told += sorted(items, key=str.encode)
            assert told == model(present, prefix, delimiter)
        if present:
            after = sorted(present, key=str.encode)[len(present) // 2]
            page = s3.list_objects_v2(Bucket="listed", StartAfter=after)
            expected = [key for key in sorted(present, key=str.encode) if key > after]
            assert [one["Key"] for one in page.get("Contents", [])] == expected
    finally:
        if present:
            s3.delete_objects(
                Bucket="listed", Delete={"Objects": [{"Key": key} for key in present]}
            )
        s3.delete_bucket(Bucket="listed")
