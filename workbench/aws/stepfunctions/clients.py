"""The clients through which state machines reach AWS services: this very local AWS."""

from __future__ import annotations

import threading
from typing import Any

import boto3
from botocore.config import Config

from workbench.aws.protocol import Context

# As Step Functions names SDKs (in aws-sdk:<name>) -> as boto3 does. Only what is answered here.
SERVICES = {
    "cloudwatchlogs": "logs",
    "dynamodb": "dynamodb",
    "glue": "glue",
    "iam": "iam",
    "redshiftdata": "redshift-data",
    "s3": "s3",
    "scheduler": "scheduler",
    "secretsmanager": "secretsmanager",
    "sfn": "stepfunctions",
    "sns": "sns",
    "states": "stepfunctions",
    "sts": "sts",
}
CONFIG = Config(
    # The service judges a request, as on AWS; a retry is the state machine's business.
    parameter_validation=False,
    retries={"total_max_attempts": 1},
    max_pool_connections=100,
    read_timeout=900,
    proxies={},
    s3={"addressing_style": "path"},
    inject_host_prefix=False,
    user_agent_appid="states",  # who asks, for the log of requests
)


class Clients:
    """One client per service, made when it is first asked for."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._session = boto3.Session(
            aws_access_key_id=context.access_key,
            aws_secret_access_key=context.secret_key,
            region_name=context.region,
        )
        self._made: dict[str, Any] = {}
        self._lock = threading.Lock()  # a session is not safe to share while it makes a client

    def get(self, service: str) -> Any:
        with self._lock:
            if service not in self._made:
                self._made[service] = self._session.client(
                    service, endpoint_url=self._context.url, config=CONFIG
                )
            return self._made[service]
