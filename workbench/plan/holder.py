"""Who holds a pipeline's lease: looked at, not waited for."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

from etl_lib import aws
from etl_lib.lease import is_running
from etl_lib.run import Run


def holder(run: Run) -> str | None:
    """The run that holds the lease, in words; None if a run started now would get it."""
    item: dict[str, Any] = (
        aws.dynamodb()
        .get_item(
            TableName=run.bookmarks.dynamodb_table,
            Key={"table": f"lease/{run.contract.name}"},
            ConsistentRead=True,
        )
        .get("Item", {})
    )
    if "expires" in item and item["expires"] >= time.time():
        until = datetime.fromtimestamp(int(item["expires"]), UTC)
        return f"run {item['run_id']}, until {until:%H:%M:%S} UTC if it does not renew it"
    if "execution" in item and is_running(item["execution"]):
        return f"run {item['run_id']}, execution {item['execution']}"
    return None
