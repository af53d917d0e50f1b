"""The session's own local AWS as if no run had been: what it takes a minute to warm stays warm."""

from __future__ import annotations

from etl_lib.identifiers import redshift
from etl_lib.ledger import SCHEMAS
from etl_lib.warehouse import Warehouse
from workbench.pipeline import BOOKMARKS
from workbench.stack import Stack


def emptied(stack: Stack) -> Stack:
    """Without its warehouse and bookmarks; files of earlier runs stay, and nobody lists them."""
    with stack.active():
        warehouse = Warehouse("rental-apartments", "dev", "")
        for schema in SCHEMAS:
            warehouse.rows(f"DROP SCHEMA IF EXISTS {redshift(schema)} CASCADE")
    dynamodb = stack.endpoint.client("dynamodb")
    pages = dynamodb.get_paginator("scan").paginate(TableName=BOOKMARKS)
    for item in [item for page in pages for item in page["Items"]]:
        dynamodb.delete_item(TableName=BOOKMARKS, Key={"table": item["table"]})
    return stack
