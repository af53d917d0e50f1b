"""Bookmarks: how far each table has come. One DynamoDB item a table, written conditionally.

The warehouse's ledger is the truth; a bookmark is its mirror, and is repaired from it. Glue's own
job bookmarks are no use here: interactive sessions do not have them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

import boto3

from etl_lib.errors import Fenced


@dataclass(frozen=True)
class Bookmark:
    """``plan`` is the open run's plan: stored before any work, adopted by every retry."""

    table: str
    version: int = 0
    high: str | None = None
    digest: str | None = None
    keys_digest: str | None = None
    planned_at: str | None = None
    columns: str | None = None  # JSON: the columns of the last run
    source: str | None = None  # the database that it marks
    cursor: str | None = None  # the column whose values it holds
    manifest: str | None = None  # of the last run that moved rows
    run_id: str | None = None  # the last run
    open_run: str | None = None
    plan: str | None = None  # JSON


@dataclass(frozen=True)
class BookmarkStore:
    """The items of one pipeline in a DynamoDB table whose partition key is ``table`` (string)."""

    dynamodb_table: str
    pipeline: str

    @property
    def _table(self) -> Any:
        return boto3.resource("dynamodb").Table(self.dynamodb_table)

    def get(self, table: str) -> Bookmark:
        """The bookmark, or a new one at the beginning. Reads consistently; writes nothing."""
        key = self._key(table)
        item = self._table.get_item(Key={"table": key}, ConsistentRead=True).get("Item")
        if not item:
            return Bookmark(table)
        return Bookmark(**{**item, "table": table, "version": int(item["version"])})

    def open(self, bookmark: Bookmark, run_id: str, plan: Mapping[str, Any]) -> Bookmark:
        """Store ``plan`` as that of the open run, if nobody else changed the bookmark.

        The version it gets is the run's sequence number: a later run always has a larger one.
        """
        opened = Bookmark(
            **{
                **_values(bookmark),
                "version": bookmark.version + 1,
                "open_run": run_id,
                "plan": json.dumps(plan, sort_keys=True),
            }
        )
        self._put(opened, expected_version=bookmark.version)
        return opened

    def advance(self, bookmark: Bookmark, changes: Mapping[str, Any]) -> Bookmark:
        """Close the open run and move on, if it is still the open one."""
        advanced = Bookmark(
            **{
                **_values(bookmark),
                **changes,
                "version": bookmark.version + 1,
                "run_id": bookmark.open_run,
                "open_run": None,
                "plan": None,
            }
        )
        self._put(advanced, expected_version=bookmark.version)
        return advanced

    def move(self, bookmark: Bookmark, changes: Mapping[str, Any], who: str) -> Bookmark:
        """Change a bookmark by hand; what it was is kept as ``undo/<pipeline>/<table>/<version>``.

        Raises Fenced if anybody has changed it since it was read.
        """
        moved = Bookmark(
            **{**_values(bookmark), **changes, "version": bookmark.version + 1, "plan": None}
        )
        self._table.put_item(
            Item={
                "table": f"undo/{self._key(bookmark.table)}/{bookmark.version}",
                "bookmark": json.dumps(_values(bookmark), sort_keys=True),
                "who": who,
                "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            }
        )
        self._put(moved, expected_version=bookmark.version)
        return moved

    def _put(self, bookmark: Bookmark, expected_version: int) -> None:
        table = self._table
        item = {key: value for key, value in _values(bookmark).items() if value is not None}
        item["table"] = self._key(bookmark.table)
        condition = "attribute_not_exists(version)" if not expected_version else "version = :v"
        values = {"ExpressionAttributeValues": {":v": expected_version}} if expected_version else {}
        try:
            table.put_item(Item=item, ConditionExpression=condition, **values)
        except table.meta.client.exceptions.ConditionalCheckFailedException:
            raise Fenced(
                f"table {bookmark.table}: another run has moved its bookmark since this one read "
                "it. Nothing was written by this step; see which runs are active, then run again."
            ) from None

    def _key(self, table: str) -> str:
        return f"{self.pipeline}/{table}"


def _values(bookmark: Bookmark) -> dict[str, Any]:
    return dict(vars(bookmark))
