"""The lease of a pipeline: one run at a time, or a clear error.

It only saves work. What keeps rows safe when two run all the same is the fence in the warehouse and
the conditional bookmark.

The lease is the DynamoDB item ``lease/<name>`` beside the bookmarks. An execution of the state
machine holds it for as long as it runs. Any other holder's ``expires``, in seconds since 1970, and
is renewed by a thread of the holder: one that was killed blocks the next for that long at most.
"""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from etl_lib import aws
from etl_lib.bookmarks import BookmarkStore
from etl_lib.errors import LeaseHeld, LeaseLost

SECONDS = 20  # that a lease lasts without a renewal
BEAT = 5.0  # seconds between two renewals
POLL = 0.5
RUNNING = ("RUNNING", "PENDING_REDRIVE")

Tell = Callable[[str], None]


def _mute(text: str) -> None:
    pass


class Lease:
    """A lease that is held. ``check`` it before a step that another run should not see twice."""

    def __init__(self, dynamodb_table: str, name: str, run_id: str, seconds: int = SECONDS) -> None:
        self.name, self.run_id, self.seconds = name, run_id, seconds
        self._table = dynamodb_table
        self._owner = uuid.uuid4().hex
        self._expires = 0
        self._lost = False
        # A dead endpoint must not hold the end of a run up.
        config = Config(retries={"mode": "standard", "total_max_attempts": 2}, read_timeout=10)
        self._client: Any = aws.dynamodb(config)

    def take(self, tell: Tell = _mute) -> None:
        """Take the lease; wait for a holder that may be dead. Raises LeaseHeld if one lives.

        ``tell`` is told of a wait, in words.
        """
        while not self._put("attribute_not_exists(run_id)", {}):
            item = self._read()
            if item and self._outlived(item, tell):
                kept = {name: item[name] for name in ("execution", "expires") if name in item}
                same = [f"{name} = :{name}" for name in kept]
                values = {f":{name}": value for name, value in kept.items()}
                if self._put(
                    " AND ".join(["run_id = :run", *same]), {":run": item["run_id"], **values}
                ):
                    return

    def renew(self) -> None:
        """Hold it for ``seconds`` more. Raises LeaseLost if it is no longer ours."""
        expires = int(time.time()) + self.seconds
        try:
            self._client.update_item(
                TableName=self._table,
                Key={"table": self._key},
                UpdateExpression="SET expires = :expires",
                ConditionExpression="#owner = :me",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":expires": expires, ":me": self._owner},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            self._lost = True
            self.check()
        self._expires = expires

    def check(self) -> None:
        """Raises LeaseLost if another may have taken it."""
        if self._lost or time.time() > self._expires:
            raise LeaseLost(
                f"run {self.run_id} could not renew its lease on {self.name} in time, and another "
                "run may have begun. What it had finished is safe: type `workbook run`, which "
                "takes the same windows up."
            )

    def release(self) -> None:
        """Give it back, if it is still ours."""
        with suppress(self._client.exceptions.ConditionalCheckFailedException):
            self._client.delete_item(
                TableName=self._table,
                Key={"table": self._key},
                ConditionExpression="#owner = :me",
                ExpressionAttributeNames={"#owner": "owner"},
                ExpressionAttributeValues={":me": self._owner},
            )

    @property
    def _key(self) -> str:
        return f"lease/{self.name}"

    def _put(self, condition: str, values: Mapping[str, Any]) -> bool:
        expires = int(time.time()) + self.seconds
        item = {
            "table": self._key,
            "run_id": self.run_id,
            "owner": self._owner,
            "expires": expires,
        }
        given = {"ExpressionAttributeValues": dict(values)} if values else {}
        try:
            self._client.put_item(
                TableName=self._table, Item=item, ConditionExpression=condition, **given
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            # A reply that was lost is asked for again: then what stands there is ours.
            if self._read().get("owner") != self._owner:
                return False
        self._expires = expires
        return True

    def _read(self) -> dict[str, Any]:
        found: dict[str, Any] = self._client.get_item(
            TableName=self._table, Key={"table": self._key}, ConsistentRead=True
        ).get("Item", {})
        return found

    def _outlived(self, item: Mapping[str, Any], tell: Tell) -> bool:
        """Whether the holder is gone for sure; raises LeaseHeld if it lives."""
        if "expires" not in item:
            if is_running(item["execution"]):
                raise LeaseHeld(item["run_id"], self.name, f"execution {item['execution']}")
            return True
        left = int(item["expires"]) - int(time.time())
        if left >= 0:
            tell(f"waiting up to {left + 1} s: run {item['run_id']} holds {self.name}, if it lives")
        while time.time() <= item["expires"]:
            time.sleep(POLL)
            now = self._read()
            if now.get("owner") != item["owner"]:
                return False  # released, or taken: look again
            if now["expires"] != item["expires"]:
                until = datetime.fromtimestamp(int(now["expires"]), timezone.utc)
                raise LeaseHeld(item["run_id"], self.name, f"renewed until {until:%H:%M:%S} UTC")
        return True


@contextmanager
def held(
    dynamodb_table: str,
    name: str,
    run_id: str,
    tell: Tell = _mute,
    seconds: int = SECONDS,
    beat: float = BEAT,
) -> Iterator[Lease]:
    """Hold the lease ``name`` for a while, renewed by a thread. Raises LeaseHeld."""
    lease = Lease(dynamodb_table, name, run_id, seconds)
    lease.take(tell)
    done = threading.Event()

    def renew() -> None:
        while not done.wait(beat):
            try:
                lease.renew()
            except LeaseLost:
                return  # whoever checks is told
            except (BotoCoreError, ClientError):
                continue  # until it expires there is time to try again

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield lease
    finally:
        done.set()
        thread.join(seconds)
        with suppress(BotoCoreError):  # an endpoint that is gone: the lease expires by itself
            lease.release()


def beside(pipeline: str, table: str) -> str:
    """The name of the lease of what goes on beside the pipeline's runs, on one table."""
    return f"{pipeline}/{table}"


def holder(bookmarks: BookmarkStore, name: str) -> str | None:
    """The run that holds the lease ``name`` right now, by its clock; not an execution."""
    key = {"table": f"lease/{name}"}
    item = (
        aws.dynamodb()
        .get_item(TableName=bookmarks.dynamodb_table, Key=key, ConsistentRead=True)
        .get("Item", {})
    )
    return str(item["run_id"]) if item.get("expires", 0) > time.time() else None


def is_running(execution: str) -> bool:
    """Whether an execution of the state machine still runs, or may be made to."""
    client = aws.client("stepfunctions")
    try:
        status = client.describe_execution(executionArn=execution)["status"]
    except client.exceptions.ExecutionDoesNotExist:
        return False
    return status in RUNNING
