"""Bookmarks: how far each table has come. One DynamoDB item a table, written conditionally.

The warehouse's ledger is the truth; a bookmark is its mirror, and is repaired from it. Glue's own
job bookmarks are no use here: interactive sessions do not have them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cached_property
from typing import Any

from etl_lib import aws
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
    dropped: str | None = None  # JSON: the columns that a mask left in the source then
    source: str | None = None  # the database that it marks
    cursor: str | None = None  # the column whose values it holds
    manifest: str | None = None  # of the last run that moved rows
    besides: int = 0  # loads that were not in turn, when the last run was planned
    run_id: str | None = None  # the last run
    open_run: str | None = None
    plan: str | None = None  # JSON


@dataclass(frozen=True)
class BookmarkStore:
    """The items of one pipeline in a DynamoDB table whose partition key is ``table`` (string)."""

    dynamodb_table: str
    pipeline: str

    @cached_property
    def _client(self) -> Any:
        """Made once, and safe in threads."""
        return aws.dynamodb()

    def get(self, table: str) -> Bookmark:
        """The bookmark, or a new one at the beginning. Reads consistently; writes nothing."""
        key = self._key(table)
        item = self._client.get_item(
            TableName=self.dynamodb_table, Key={"table": key}, ConsistentRead=True
        ).get("Item")
        if not item:
            return Bookmark(table)
        numbers = {name: int(item.get(name, 0)) for name in ("version", "besides")}
        return Bookmark(**{**item, **numbers, "table": table})

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
        moved = advanced(bookmark, changes)
        self._put(moved, expected_version=bookmark.version)
        return moved

    def move(
        self, bookmark: Bookmark, changes: Mapping[str, Any], who: str, why: str, least: int = 0
    ) -> Bookmark:
        """Change a bookmark by hand, and keep what it was, in one transaction.

        Its version becomes ``least`` at least. Raises Fenced if it was changed since it was read.
        """
        version = max(bookmark.version + 1, least)
        moved = Bookmark(**{**_values(bookmark), **changes, "version": version})
        record = {
            "table": self._undo_key(bookmark.table, version),
            "was": json.dumps(_values(bookmark), sort_keys=True),
            "who": who,
            "why": why,
            "at": datetime.now(timezone.utc).isoformat(sep=" ", timespec="seconds"),
        }
        undo = {"TableName": self.dynamodb_table, "Item": record}
        try:
            self._client.transact_write_items(
                TransactItems=[
                    {"Put": self._conditional(moved, bookmark.version)},
                    {"Put": undo},
                ]
            )
        except self._client.exceptions.TransactionCanceledException:
            raise _moved_meanwhile(bookmark) from None
        return moved

    def by_hand(self, table: str) -> list[dict[str, Any]]:
        """What was changed by hand, the newest first: ``version`` it became, ``was`` (a Bookmark),
        ``who``, ``why``, ``at``."""
        prefix = self._undo_key(table, "")
        pages = self._client.get_paginator("scan").paginate(
            TableName=self.dynamodb_table,
            ConsistentRead=True,
            FilterExpression="begins_with(#key, :prefix)",
            ExpressionAttributeNames={"#key": "table"},
            ExpressionAttributeValues={":prefix": prefix},
        )
        found = [
            {
                **item,
                "table": table,
                "version": int(item["table"][len(prefix) :]),
                "was": Bookmark(**json.loads(item["was"])),
            }
            for page in pages
            for item in page["Items"]
        ]
        return sorted(found, key=lambda each: -int(each["version"]))

    def _put(self, bookmark: Bookmark, expected_version: int) -> None:
        try:
            self._client.put_item(**self._conditional(bookmark, expected_version))
        except self._client.exceptions.ConditionalCheckFailedException:
            # A reply that was lost is asked for again: then what stands there is ours.
            if self.get(bookmark.table) != bookmark:
                raise _moved_meanwhile(bookmark) from None

    def _conditional(self, bookmark: Bookmark, expected_version: int) -> dict[str, Any]:
        """A put of ``bookmark`` that takes effect only over the version it was made from."""
        item = {key: value for key, value in _values(bookmark).items() if value is not None}
        item["table"] = self._key(bookmark.table)
        if not expected_version:
            return {
                "TableName": self.dynamodb_table,
                "Item": item,
                "ConditionExpression": "attribute_not_exists(version)",
            }
        return {
            "TableName": self.dynamodb_table,
            "Item": item,
            "ConditionExpression": "version = :v",
            "ExpressionAttributeValues": {":v": expected_version},
        }

    def _key(self, table: str) -> str:
        return f"{self.pipeline}/{table}"

    def _undo_key(self, table: str, version: object) -> str:
        return f"undo/{self._key(table)}/{version}"


def advanced(bookmark: Bookmark, changes: Mapping[str, Any]) -> Bookmark:
    """The bookmark as it is once its open run is closed. Writes nothing."""
    return Bookmark(
        **{
            **_values(bookmark),
            **changes,
            "version": bookmark.version + 1,
            "run_id": bookmark.open_run,
            "open_run": None,
            "plan": None,
        }
    )


def _moved_meanwhile(bookmark: Bookmark) -> Fenced:
    return Fenced(
        f"table {bookmark.table}: another run has moved its bookmark since this one read "
        "it. Nothing was written by this step. Which run it was: workbook bookmarks show. Then "
        "type `workbook run`."
    )


def _values(bookmark: Bookmark) -> dict[str, Any]:
    return dict(vars(bookmark))
