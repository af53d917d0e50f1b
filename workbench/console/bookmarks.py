"""The items of the bookmark table: bookmarks, leases, and what was changed by hand."""

from __future__ import annotations

import time
from typing import Any

from boto3.dynamodb.types import TypeDeserializer
from flask import Blueprint, render_template

from workbench.console import machines
from workbench.console.local import Local

LEASE, UNDO = "lease/", "undo/"


def pages(local: Local) -> Blueprint:
    """/bookmarks: where each table stands, and who holds the lease."""
    made = Blueprint("bookmarks", __name__, url_prefix="/bookmarks")

    @made.get("/")
    def index() -> str:
        found = [
            (machine, target.bookmarks, kinds(items(local, target.bookmarks)))
            for machine, target in machines.targets(local).items()
        ]
        held = any(own["leases"] for _, _, own in found)
        return render_template("bookmarks.html", pipelines=found, poll=1 if held else 5)

    return made


def kinds(found: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """Leases, bookmarks and changes by hand, each in its order."""
    by_hand = [_change(each) for each in found if each["table"].startswith(UNDO)]
    marks = [_mark(each) for each in found if not each["table"].startswith((LEASE, UNDO))]
    return {
        "leases": [_lease(each) for each in found if each["table"].startswith(LEASE)],
        "bookmarks": sorted(marks, key=lambda each: (each["pipeline"], each["name"])),
        "changes": sorted(by_hand, key=lambda each: str(each["at"]), reverse=True),
    }


def items(local: Local, table: str) -> list[dict[str, Any]]:
    """All of them, in Python's types."""
    read = TypeDeserializer().deserialize
    scanned = local.client("dynamodb").get_paginator("scan").paginate(TableName=table)
    return [
        {name: read(value) for name, value in item.items()}
        for page in scanned
        for item in page["Items"]
    ]


def _mark(item: dict[str, Any]) -> dict[str, Any]:
    pipeline, _, name = item["table"].rpartition("/")
    return {**item, "pipeline": pipeline, "name": name, "stands": _stands(item)}


def _stands(item: dict[str, Any]) -> str:
    if item.get("high"):
        return str(item["high"])
    return "loaded in full" if item.get("digest") else "the beginning"


def _change(item: dict[str, Any]) -> dict[str, Any]:
    key, _, version = item["table"].removeprefix(UNDO).rpartition("/")
    return {**item, "name": key.rpartition("/")[2], "version": version}


def _lease(item: dict[str, Any]) -> dict[str, Any]:
    expires = item.get("expires")
    left = int(expires) - int(time.time()) if expires is not None else None
    return {**item, "pipeline": item["table"].removeprefix(LEASE), "left": left}
