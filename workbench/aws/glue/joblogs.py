"""What job runs print, in CloudWatch Logs: ``<group>/output`` and ``<group>/error``."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from workbench.aws.protocol import Context

BATCH = 5_000  # lines in one PutLogEvents
STREAMS = {"stdout": "output", "stderr": "error"}


class JobLogs:
    """Ships whole lines, in their order, each once."""

    def __init__(self, context: Context) -> None:
        self._client: Any = boto3.client(
            "logs",
            endpoint_url=context.url,
            region_name=context.region,
            aws_access_key_id=context.access_key,
            aws_secret_access_key=context.secret_key,
        )
        self._lock = threading.Lock()
        self._sent: dict[Path, int] = {}

    def ship(self, record: dict[str, Any], folder: Path, to_the_end: bool = False) -> None:
        """Send what the run has printed since the last time; ``to_the_end``: a last line that does
        not end, too."""
        with self._lock:
            for name, suffix in STREAMS.items():
                try:
                    group = f"{record['LogGroupName']}/{suffix}"
                    self._ship(folder / name, group, record["Id"], to_the_end)
                except (BotoCoreError, ClientError):
                    return  # the server is closing; the run's own end is what counts

    def _ship(self, path: Path, group: str, stream: str, to_the_end: bool) -> None:
        try:
            data = path.read_bytes()[self._sent.get(path, 0) :]
        except FileNotFoundError:
            return
        whole = data if to_the_end else data[: data.rfind(b"\n") + 1]
        if not whole:
            return
        if path not in self._sent:
            self._make(group, stream)
        now = int(time.time() * 1000)
        lines = whole.decode("utf-8", "replace").splitlines()
        for begin in range(0, len(lines), BATCH):
            events = [
                {"timestamp": now, "message": line or " "} for line in lines[begin : begin + BATCH]
            ]
            self._client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
        self._sent[path] = self._sent.get(path, 0) + len(whole)

    def _make(self, group: str, stream: str) -> None:
        for make, names in (
            (self._client.create_log_group, {"logGroupName": group}),
            (self._client.create_log_stream, {"logGroupName": group, "logStreamName": stream}),
        ):
            try:
                make(**names)
            except ClientError as error:
                if error.response["Error"]["Code"] != "ResourceAlreadyExistsException":
                    raise
