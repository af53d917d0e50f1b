"""The warehouse, through the Redshift Data API: no driver, no open port, no password."""

from __future__ import annotations

import hashlib
import random
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from etl_lib import aws
from etl_lib.errors import StatementFailed

Row = dict[str, Any]
DONE = ("FINISHED", "FAILED", "ABORTED")
POLL = (0.005, 1.0)  # seconds between two looks at a statement, at least and at most
SHARE = 0.1  # and this share of the time that it has taken so far: what is noticed late is lost
# https://docs.aws.amazon.com/redshift/latest/dg/c_serial_isolation.html
CONFLICT = "1023"
ATTEMPTS = 8
SLOWEST_RETRY = 5.0  # seconds
COMMENTS = re.compile(r"^(?:\s*(?:--[^\n]*|/\*.*?\*/))+\n?", re.M | re.S)


@dataclass(frozen=True)
class Warehouse:
    """A Redshift Serverless workgroup and database."""

    workgroup: str
    database: str
    copy_role: str  # IAM role that COPY reads S3 with

    @cached_property
    def _client(self) -> Any:
        return aws.client("redshift-data")

    def rows(self, sql: str, parameters: Mapping[str, Any] | None = None) -> list[Row]:
        """Run one statement and return its rows as dicts. ``parameters`` are bound as ``:name``."""
        client = self._client
        bound = [{"name": key, "value": str(value)} for key, value in (parameters or {}).items()]
        started = client.execute_statement(
            WorkgroupName=self.workgroup,
            Database=self.database,
            Sql=sql,
            **({"Parameters": bound} if bound else {}),
        )
        described = _wait(client, started["Id"], sql)
        return _result(client, started["Id"]) if described.get("HasResultSet") else []

    def scalar(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The first column of the first row."""
        return next(iter(self.rows(sql, parameters)[0].values()))

    def transaction(self, name: str, statements: Sequence[str], token: str = "") -> None:
        """Run ``statements`` as one transaction: all of them or none.

        ``token`` makes a repeated call return the first call's outcome (Redshift keeps it 8 h).
        One that conflicts with another session's (error 1023) is rolled back and tried again.
        Raises StatementFailed with the statement that failed.
        """
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return self._transaction(name, statements, token and f"{token}/{attempt}")
            except StatementFailed as error:
                if CONFLICT not in error.reason or attempt == ATTEMPTS:
                    raise
                time.sleep(random.uniform(0, min(SLOWEST_RETRY, 0.05 * 2**attempt)))

    def _transaction(self, name: str, statements: Sequence[str], token: str) -> None:
        client = self._client
        if len(statements) == 1:  # the batch call is for several
            self.rows(statements[0])
            return
        started = client.batch_execute_statement(
            WorkgroupName=self.workgroup,
            Database=self.database,
            Sqls=list(statements),
            StatementName=name,
            **({"ClientToken": hashlib.sha256(token.encode()).hexdigest()} if token else {}),
        )
        _wait(client, started["Id"], "; ".join(statements), name)


def _wait(client: Any, statement_id: str, sql: str, name: str = "warehouse") -> Row:
    """Poll until the statement has ended. Short waits first: most statements are short."""
    begun, (least, most) = time.monotonic(), POLL
    while True:
        described: Row = client.describe_statement(Id=statement_id)
        if described["Status"] in DONE:
            break
        time.sleep(min(max(least, SHARE * (time.monotonic() - begun)), most))
    if described["Status"] != "FINISHED":
        failed = [s for s in described.get("SubStatements", ()) if s["Status"] == "FAILED"]
        culprit = failed[0].get("QueryString", sql) if failed else sql
        reason = (failed[0].get("Error") if failed else None) or described.get("Error")
        raise StatementFailed(name, reason or f"status {described['Status']}", culprit)
    return described


def _result(client: Any, statement_id: str) -> list[Row]:
    rows: list[Row] = []
    for page in client.get_paginator("get_statement_result").paginate(Id=statement_id):
        names = _apart([column["name"] for column in page["ColumnMetadata"]])
        for record in page["Records"]:
            rows.append(dict(zip(names, map(_value, record))))
    return rows


def _apart(names: Sequence[str]) -> list[str]:
    """Columns of one name get numbers, as ``count`` and ``count_2``: none is left out."""
    found: list[str] = []
    for name in names:
        number, told = 1, name
        while told in found:
            number += 1
            told = f"{name}_{number}"
        found.append(told)
    return found


def _value(cell: Mapping[str, Any]) -> Any:
    return None if cell.get("isNull") else next(iter(cell.values()))


def statements_of(script: str) -> list[str]:
    """The statements of a SQL file: each ends with a semicolon at the end of a line. Comments that
    begin a line are left out, and the mark that some editors begin a file with."""
    lines = "\n".join(script.lstrip("\ufeff").splitlines())
    parts = [part.strip().rstrip("; \n") for part in COMMENTS.sub("", lines).split(";\n")]
    return [part for part in parts if part]
