"""Statements are accepted and refused as AWS's documentation says: tests/redshift/."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.redshift.corpus import FILES, MORE, PAGES, SETUP
from tests.redshift.page import Page
from tests.test_redshift_data import rows, run
from workbench import endpoint as local_aws


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("corpus") / "aws"
    endpoint = local_aws.start(folder)
    endpoint.client("s3").create_bucket(Bucket="corpus-files")
    for key, body in FILES.items():
        endpoint.client("s3").put_object(Bucket="corpus-files", Key=key, Body=body)
    client = endpoint.client("redshift-data")
    for statement in (*SETUP, *MORE):
        assert run(client, statement)["Status"] == "FINISHED", statement
    yield client
    local_aws.stop(folder)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name.removesuffix(".html"))
def test_statements_end_as_their_page_says(data: Any, page: Page) -> None:
    wrong = []
    for each in page.accepted:
        sql, expected = each if isinstance(each, tuple) else (each, None)
        wrong += _accepted(data, _named(sql), expected)
    for sql, message in page.refused:
        wrong += _refused(data, _named(sql), message)
    for sql, message in page.unsupported:
        wrong += _unsupported(data, _named(sql), message)
    for sql, ours in page.differs:
        wrong += _accepted(data, sql, ours)
    assert wrong == []


def test_the_corpus_is_large_enough() -> None:
    accepted = sum(len(page.accepted) for page in PAGES)
    refused = sum(len(page.refused) for page in PAGES)
    assert accepted + refused >= 300
    assert refused >= 100
    assert all(page.name.endswith(".html") for page in PAGES)


def _named(sql: str) -> str:
    return sql.replace("{n}", f"n_{uuid.uuid4().hex[:10]}").replace("{{}}", "{}")


def _accepted(data: Any, sql: str, expected: Any) -> list[str]:
    described = run(data, sql)
    if described["Status"] != "FINISHED":
        return [f"{sql}: {described.get('Error')}"]
    if expected is None:
        return []
    found = rows(data, sql)
    return [] if found == expected else [f"{sql}: {found}, not {expected}"]


def _refused(data: Any, sql: str, message: str) -> list[str]:
    try:
        described = run(data, sql)
    except ClientError as error:  # by the Data API itself
        described = {"Status": "FAILED", "Error": f"ERROR: {error}"}
    told = described.get("Error", "")
    if described["Status"] != "FAILED" or not told.startswith("ERROR:"):
        return [f"{sql[:200]}: {described['Status']}"]
    return [] if message in told else [f"{sql[:200]}: {told}, not {message}"]


def _unsupported(data: Any, sql: str, message: str) -> list[str]:
    told = run(data, sql).get("Error", "it ran")
    here = "is not supported by the local Redshift"
    return [] if here in told and message in told else [f"{sql}: {told}"]
