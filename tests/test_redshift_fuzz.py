"""Broken statements: each ends with an error of Redshift's kind, and changes nothing."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.redshift.corpus import MORE, PAGES, SETUP
from tests.test_redshift_data import rows, run
from workbench import endpoint as local_aws

WORDS = (
    "SELECT FROM WHERE AND OR NOT NULL ( ) , ; . * = < > + - / % || :: :p ' '' \" `  $$ [ ] { } "
    "INSERT INTO VALUES UPDATE SET DELETE MERGE USING WHEN MATCHED THEN CREATE TABLE DROP ALTER "
    "TRUNCATE COPY UNLOAD VIEW SCHEMA WITH AS UNION ALL JOIN ON GROUP BY ORDER LIMIT CASE END "
    "corpus_t corpus_u id n s 1 0 -1 1e400 'x' DATE INTERVAL CAST PRAGMA ATTACH READ_CSV "
    "'/etc/passwd' é \0 \n -- /* */ LATERAL QUALIFY OVER PARTITION ARRAY[1] LAMBDA"
).split(" ")
STATE = (
    "SELECT COUNT(*) AS columns, (SELECT COUNT(*) FROM corpus_t), (SELECT SUM(n) FROM corpus_t), "
    "(SELECT COUNT(*) FROM corpus_u), (SELECT SUM(n) FROM corpus_u) FROM svv_columns"
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("fuzz") / "aws"
    client = local_aws.start(folder).client("redshift-data")
    for statement in (*SETUP, *MORE):
        assert run(client, statement)["Status"] == "FINISHED", statement
    yield client
    local_aws.stop(folder)


@pytest.mark.parametrize("count", [400, pytest.param(10_000, marks=pytest.mark.drill)])
def test_broken_statements_fail_and_change_nothing(data: Any, count: int) -> None:
    ended = {"FINISHED": 0, "FAILED": 0, "refused": 0}
    before = rows(data, STATE)
    for number in range(count):
        sql = _broken(random.Random(number))
        try:
            told = run(data, sql)
        except ClientError as error:  # refused by the API itself: empty, too long, two statements
            told = {"Status": "refused", "Error": f"ERROR: {error}"}
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] < 500, sql
        ended[told["Status"]] += 1
        after = rows(data, STATE)
        if told["Status"] != "FINISHED":
            assert told["Error"].startswith("ERROR: "), (sql, told["Error"])
            assert "Traceback" not in told["Error"], sql
            assert after == before, sql
        before = after
    print(ended)
    assert ended["FAILED"] > count / 2


def _broken(chance: random.Random) -> str:
    """A statement of the corpus, or words, with some of its tokens lost, doubled or moved."""
    if chance.random() < 0.2:
        return " ".join(chance.choices(WORDS, k=chance.randint(1, 25)))
    tokens = _statement(chance).split(" ")
    for _ in range(chance.randint(1, 3)):
        place = chance.randrange(len(tokens) + 1)
        match chance.randrange(5):
            case 0:
                del tokens[place : place + chance.randint(1, 3)]
            case 1:
                tokens[place:place] = chance.choices(WORDS, k=chance.randint(1, 2))
            case 2:
                tokens[place:place] = tokens[: chance.randint(1, 4)]
            case 3:
                chance.shuffle(tokens)
            case 4:
                tokens[place:] = _statement(chance).split(" ")[place:]
    text = " ".join(tokens)
    if chance.random() < 0.2 and text:
        place = chance.randrange(len(text))
        text = text[:place] + chance.choice("()'\";\\é\0`:") + text[place + 1 :]
    return text


def _statement(chance: random.Random) -> str:
    page = chance.choice(PAGES)
    listed = [
        *(each[0] if isinstance(each, tuple) else each for each in page.accepted),
        *(sql for sql, _ in page.refused if len(sql) < 2_000),
    ]
    text = chance.choice(listed) if listed else "SELECT 1"
    return text.replace("{n}", f"n_{uuid.UUID(int=chance.getrandbits(128)).hex[:10]}")
