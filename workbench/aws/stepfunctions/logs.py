"""The history of executions in CloudWatch Logs, for machines that are told to log."""

from __future__ import annotations

from typing import Any

from localstack.aws.api.stepfunctions import InvalidLoggingConfiguration
from localstack.services.stepfunctions.asl.eval.event.logging import (
    CloudWatchLoggingConfiguration,
    CloudWatchLoggingSession,
)

from workbench.aws.protocol import AwsError
from workbench.aws.stepfunctions.store import Record


def checked(given: dict[str, Any] | None) -> dict[str, Any]:
    """A logging configuration with its defaults. Raises AwsError if its log group is not there."""
    configuration: Any = {"level": "OFF", "includeExecutionData": False, **(given or {})}
    if configuration["level"] == "OFF":
        return dict(configuration)
    found = CloudWatchLoggingConfiguration.from_logging_configuration("", configuration)
    if found is None:
        raise _invalid("Must specify exactly one Log Destination.")
    try:
        found.validate()
    except InvalidLoggingConfiguration:
        raise _invalid("Log Destination not found.") from None
    return dict(configuration)


def session(record: Record) -> CloudWatchLoggingSession | None:
    """What the history of ``record`` is told to besides its file."""
    logging: Any = record.logging
    found = CloudWatchLoggingConfiguration.from_logging_configuration(record.machine_arn, logging)
    return CloudWatchLoggingSession(record.arn, found) if found else None


def _invalid(message: str) -> AwsError:
    return AwsError("InvalidLoggingConfiguration", f"Invalid Logging Configuration: {message}")
