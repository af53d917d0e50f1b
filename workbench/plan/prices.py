"""The one table of what AWS charges: public list prices of us-east-1, without free tiers.

``found`` says how a figure came here: ``page``, AWS's own page was read, in a copy without a date;
``quoted``, a published document quotes AWS's page or price list, on the day that is given, if it
gives one (the undated are from test results of a cost estimator, which asks the price list);
``unverified``, neither was found, and it is the price as it is generally known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

REGION = "us-east-1"
COLLECTED = "2026-11-25"
HOURS = 730  # of a month, as AWS counts
GB = 1e9


@dataclass(frozen=True)
class Price:
    """``dollars`` for one ``unit``; ``page`` is where AWS says so."""

    dollars: float
    unit: str
    page: str
    found: str = "unverified"
    seen: str = "undated"

    @property
    def mark(self) -> str:
        """What a reader should know beside the figure."""
        return "unverified" if self.found == "unverified" else self.seen


GLUE = "https://aws.amazon.com/glue/pricing/"
REDSHIFT = "https://aws.amazon.com/redshift/pricing/"
S3 = "https://aws.amazon.com/s3/pricing/"
STATES = "https://aws.amazon.com/step-functions/pricing/"
DYNAMODB = "https://aws.amazon.com/dynamodb/pricing/on-demand/"
SECRETS = "https://aws.amazon.com/secrets-manager/pricing/"
CLOUDWATCH = "https://aws.amazon.com/cloudwatch/pricing/"
KMS = "https://aws.amazon.com/kms/pricing/"
DMS = "https://aws.amazon.com/dms/pricing/"
AURORA = "https://aws.amazon.com/rds/aurora/pricing/"

PRICES: Mapping[str, Price] = {
    # By the second, at least a minute a job run; Spark and Python shell.
    "glue": Price(0.44, "DPU-hour", GLUE, "quoted", "2026-09-25"),
    "glue 6": Price(0.308, "DPU-hour", GLUE, "quoted", "2026-10"),
    # By the second while queries run, at least a minute each time.
    "redshift": Price(0.375, "RPU-hour", REDSHIFT, "quoted", "2026-09-25"),
    "redshift storage": Price(0.024, "GB-month", REDSHIFT, "quoted", "2026-09-25"),
    "s3 put": Price(0.005 / 1e3, "request", S3, "quoted", "2026-09-25"),
    "s3 get": Price(0.0004 / 1e3, "request", S3, "quoted", "2026-09-25"),
    "s3 storage": Price(0.023, "GB-month", S3, "quoted", "2026-09-25"),
    "states": Price(0.025 / 1e3, "transition", STATES, "page"),
    "dynamodb write": Price(0.625 / 1e6, "write unit", DYNAMODB, "quoted", "2026-09-13"),
    "dynamodb read": Price(0.125 / 1e6, "read unit", DYNAMODB, "quoted", "2026-09-13"),
    "kms key": Price(1.00, "key-month", KMS),
    "alarm": Price(0.10, "alarm-month", CLOUDWATCH),
    "secret": Price(0.40, "secret-month", SECRETS, "quoted"),
    "secret call": Price(0.05 / 1e4, "request", SECRETS, "quoted"),
    "logs": Price(0.50, "GB", CLOUDWATCH, "quoted"),
    "dms t3.medium": Price(0.0745, "hour", DMS, "quoted", "2026-06"),
    # Half of what a quotation has for two zones.
    "dms storage": Price(0.115, "GB-month", DMS),
    # AWS says so of other sources' integrations; its page about Aurora's was not at hand.
    "zero-etl": Price(0.0, "integration", AURORA),
    "aurora io": Price(0.20 / 1e6, "request", AURORA, "quoted"),
    "aurora storage": Price(0.10, "GB-month", AURORA, "quoted"),
    "snapshot export": Price(0.010, "GB", AURORA, "quoted"),
}
