"""A local AWS with one of each thing, and the proof that none of them was changed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest

from tests.malformed.sending import BUCKET, DEFINITION, ROLE, TABLE, command, schedule, sql
from workbench import endpoint as local_aws
from workbench.endpoint import Endpoint


@pytest.fixture(scope="module")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Endpoint]:
    """A local AWS with one of each, none of which may change."""
    endpoint = local_aws.start(tmp_path_factory.mktemp("malformed"))
    client = endpoint.client
    client("s3").create_bucket(Bucket=BUCKET)
    client("s3").put_object(Bucket=BUCKET, Key="kept", Body=b"kept")
    client("s3").put_object(Bucket=BUCKET, Key="script.py", Body=b"print('ran')")
    client("dynamodb").create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    client("dynamodb").put_item(TableName=TABLE, Item={"k": {"S": "1"}, "n": {"N": "1"}})
    client("secretsmanager").create_secret(Name=TABLE, SecretString="kept")
    client("logs").create_log_group(logGroupName=TABLE)
    client("stepfunctions").create_state_machine(name=TABLE, definition=DEFINITION, roleArn=ROLE)
    client("glue").create_job(Name=TABLE, Role=ROLE, Command=command())
    client("scheduler").create_schedule(Name=TABLE, **schedule())
    sql(endpoint, f"CREATE TABLE {TABLE} (id BIGINT NOT NULL, name VARCHAR(5))")
    sql(endpoint, f"INSERT INTO {TABLE} VALUES (1, 'one')")
    yield endpoint
    local_aws.stop(endpoint.state)


def written(endpoint: Endpoint) -> dict[str, str]:
    """All that a client could have written, as hashes; and what the services tell of it."""
    state = endpoint.state
    files = [state / "journal.jsonl"]
    for folder in ("s3", "scheduler", "glue/jobs", "stepfunctions"):
        files += [path for path in (state / folder).rglob("*") if path.is_file()]
    found = {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    outside = [path for path in state.parent.rglob("*escape*")]
    client = endpoint.client
    tables = client("redshift-data").list_tables(WorkgroupName="local", Database="dev")["Tables"]
    return found | {
        "outside": str(outside),
        "items": str(client("dynamodb").scan(TableName=TABLE)["Items"]),
        "tables": str(client("dynamodb").list_tables()["TableNames"]),
        "warehouse": str(tables),
    }


@pytest.fixture
def unharmed(aws: Endpoint) -> Iterator[Endpoint]:
    """Before and after: the same things are there, the same process answers."""
    pid = (aws.state / "aws.pid").read_text()
    before = written(aws)
    yield aws
    assert written(aws) == before
    assert (aws.state / "aws.pid").read_text() == pid
