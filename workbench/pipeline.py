"""What the pipeline needs before it can run: bucket, bookmark table, secret, library, contract."""

from __future__ import annotations

import difflib
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from etl_lib import contract as contracts
from etl_lib.contract import Contract
from etl_lib.errors import ContractError
from etl_lib.warehouse import statements_of
from workbench import uploads
from workbench.clients import Aws
from workbench.home import REPOSITORY
from workbench.target import LOCAL, Target

BUCKET, BOOKMARKS = LOCAL.bucket, LOCAL.bookmarks
LIBRARY = "artifacts/etl_lib.zip"
CONTRACT = REPOSITORY / "etl_lib" / "tables.toml"
EPOCH = (1980, 1, 1, 0, 0, 0)  # a fixed time makes the same files the same zip


@dataclass(frozen=True)
class Pipeline:
    """The pipeline's things on one endpoint."""

    endpoint: Aws
    target: Target = LOCAL

    def create(self) -> None:
        """Make what is missing: the bucket and the bookmark table."""
        s3, dynamodb = self.endpoint.client("s3"), self.endpoint.client("dynamodb")
        bucket, table = self.target.bucket, self.target.bookmarks
        if bucket not in {each["Name"] for each in s3.list_buckets()["Buckets"]}:
            s3.create_bucket(Bucket=bucket)
        if table not in dynamodb.list_tables()["TableNames"]:
            dynamodb.create_table(
                TableName=table,
                KeySchema=[{"AttributeName": "table", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "table", "AttributeType": "S"}],
                BillingMode="PAY_PER_REQUEST",
            )

    def put_secret(self, name: str, value: Mapping[str, Any]) -> str:
        """Store a source secret, new or changed; returns its name."""
        client = self.endpoint.client("secretsmanager")
        text = json.dumps(dict(value), sort_keys=True)
        try:
            if client.get_secret_value(SecretId=name)["SecretString"] != text:
                client.put_secret_value(SecretId=name, SecretString=text)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            client.create_secret(Name=name, SecretString=text)
        return name

    def publish(self, path: Path) -> str:
        """Upload etl_lib and a contract with its SQL; returns the contract's s3:// address.

        The address holds a hash of the content, so that a run keeps what it started with; the same
        files also stand at contract/current/, for notebooks opened by hand.
        """
        s3, bucket = self.endpoint.client("s3"), self.target.bucket
        uploads.put(s3, bucket, {LIBRARY: library()})
        address, files = published(path)
        for prefix in (address, "contract/current"):
            uploads.put(s3, bucket, {f"{prefix}/{name}": body for name, body in files.items()})
        return f"s3://{bucket}/{address}/tables.toml"


def published(path: Path) -> tuple[str, dict[str, bytes]]:
    """(folder, its files) of a contract with its SQL; the folder's name is by what is in it."""
    files = dict(_contract_files(path))
    files["tables.json"] = _names(read_contract(path))
    digest = hashlib.sha256()
    for name, body in sorted(files.items()):
        digest.update(name.encode() + b"\0" + body + b"\0")
    return f"contract/{digest.hexdigest()[:16]}", files


def read_contract(path: Path) -> Contract:
    """The contract at ``path``, checked with the SQL files it names. Raises ContractError."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ContractError(str(path), "contract", error.strerror or str(error)) from None
    except UnicodeDecodeError as error:
        raise ContractError(str(path), "not UTF-8", str(error)) from None
    contract = contracts.parse(text, str(path))
    folder = _sql_folder(path)
    why = "" if folder == path.parent / "sql" else ": there is no folder sql beside the contract"
    indicators = [f"redshift/presentation/{each.name}.sql" for each in contract.indicators]
    for name in (*contract.setup, *contract.checks, *indicators):
        if not (folder / name).is_file():
            told = f"no such file under {folder}{why}{_near(folder, name)}"
            raise ContractError(str(path), name, told)
        try:
            script = (folder / name).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise ContractError(str(path), name, f"not UTF-8: {error}") from None
        if not statements_of(script):
            raise ContractError(str(path), name, f"no statement in that file under {folder}")
    return contract


def _near(folder: Path, name: str) -> str:
    """A file beside it whose name is like it."""
    beside = sorted(each.name for each in (folder / name).parent.glob("*.sql"))
    close = difflib.get_close_matches(Path(name).name, beside, n=1)
    return f". Did you mean {Path(close[0]).stem!r}?" if close else ""


def indicator_queries(path: Path) -> dict[str, str]:
    """The SELECT that makes each indicator of a contract."""
    folder = _sql_folder(path) / "redshift" / "presentation"
    return {
        each.name: statements_of((folder / f"{each.name}.sql").read_text(encoding="utf-8"))[-1]
        for each in read_contract(path).indicators
    }


def library() -> bytes:
    """etl_lib as a zip for --extra-py-files: the same bytes for the same sources."""
    buffer = io.BytesIO()
    folder = REPOSITORY / "etl_lib"
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.py")):
            name = file.relative_to(REPOSITORY).as_posix()
            archive.writestr(zipfile.ZipInfo(name, EPOCH), file.read_bytes())
    return buffer.getvalue()


def _contract_files(path: Path) -> Iterator[tuple[str, bytes]]:
    yield "tables.toml", path.read_bytes()
    folder = _sql_folder(path)
    for file in sorted(folder.rglob("*.sql")):
        yield f"sql/{file.relative_to(folder).as_posix()}", file.read_bytes()


def _names(contract: Contract) -> bytes:
    """The pipeline's name and its tables, for a state machine, which cannot read TOML."""
    found = [{"tables": wave} for wave in waves(contract)]
    return json.dumps({"name": contract.name, "waves": found}).encode()


def waves(contract: Contract) -> list[list[str]]:
    """What may be moved side by side: a table that others refer to comes before them."""
    refers = {
        name: {rule.reference.table for rule in table.rules if rule.reference} - {name}
        for name, table in contract.tables.items()
    }
    order = TopologicalSorter(refers)
    order.prepare()
    found = []
    while order.is_active():
        ready = sorted(order.get_ready(), key=list(contract.tables).index)
        order.done(*ready)
        found.append(ready)
    return found


def _sql_folder(path: Path) -> Path:
    """The SQL beside a contract; a contract without any uses none of ours."""
    beside = path.parent / "sql"
    return beside if beside.is_dir() else REPOSITORY / "sql"
