"""What CloudFormation refuses, in its own words where they are known."""

from __future__ import annotations

from workbench.aws.protocol import AwsError


def invalid(message: str) -> AwsError:
    """A template, parameter or request that is refused before anything is changed."""
    return AwsError("ValidationError", message)


def malformed(message: str) -> AwsError:
    return invalid(f"Template format error: {message}")


class Failed(Exception):
    """A resource could not be made, changed or deleted. The message is its StatusReason."""
