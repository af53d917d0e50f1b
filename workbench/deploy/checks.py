"""What can be known to be wrong before anything is uploaded."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from etl_lib.errors import BadInput
from etl_lib.source import Source
from workbench import pipeline
from workbench.aws.cloudformation import proposal, template
from workbench.aws.cloudformation.stack import Stack as Wanted
from workbench.aws.protocol import AwsError, Context
from workbench.clients import Aws
from workbench.deploy.artefacts import DEFINITION, TEMPLATE
from workbench.deployment import definition


def repository(contract: Path) -> str:
    """Raises BadInput for what is stale or not valid in itself; returns the pipeline's name."""
    from workbench.export import (
        exporter,  # nbformat takes seconds that other commands need not wait
    )

    stale = exporter.stale()
    if stale:
        raise BadInput(
            f"stale: {', '.join(stale)}. Nothing was changed. Type `workbook export`, look at what "
            "it writes, and deploy that"
        )
    return pipeline.read_contract(contract).name


def source(secret: dict[str, Any]) -> dict[str, Any]:
    """The source's secret, if its TLS can be what it asks for. Raises BadInput."""
    if not str(secret.get("ssl_ca", "")).startswith("s3://"):  # that the account has
        _ = Source.of(secret).tls
    return secret


def resources(
    values: Mapping[str, str], kept: Mapping[str, str], name: str, account: str, region: str
) -> None:
    """The template, with these parameters and those that the stack has, as the local
    CloudFormation checks it: types, properties, references, circles. Raises BadInput."""
    context = Context(Path(), "", region, account, "", "")
    try:
        parsed = template.load(TEMPLATE.read_text(encoding="utf-8"))
        unknown = sorted(values.keys() - parsed.parameters.keys())
        if unknown:
            raise BadInput(
                f"--set {unknown[0]}: the template has no such parameter. It has "
                f"{', '.join(parsed.parameters)}"
            )
        given = [
            {"ParameterKey": key, "ParameterValue": each}
            for key, each in {**kept, **values}.items()
            if key in parsed.parameters  # a newer template may have lost one
        ]
        found = template_values(parsed, given)
        proposal.check(parsed, proposal.resolver(parsed, found, Wanted(name, "", 0.0), context))
    except AwsError as error:
        raise BadInput(f"{TEMPLATE.name}: {error.message}. Nothing was changed") from None


def template_values(parsed: template.Template, given: list[dict[str, str]]) -> dict[str, str]:
    from workbench.aws.cloudformation import parameters

    return parameters.values(parsed.parameters, given, {})


def states(aws: Aws) -> None:
    """The state machine's definition, as Step Functions itself judges it. Raises BadInput."""
    filled = definition("arn:aws:sns:us-east-1:123456789012:failures")
    found: dict[str, Any] = aws.client("stepfunctions").validate_state_machine_definition(
        definition=filled, type="STANDARD"
    )
    wrong = [each for each in found["diagnostics"] if each["severity"] == "ERROR"]
    if found["result"] != "OK" or wrong:
        told = "; ".join(f"{each.get('location', '')} {each['message']}" for each in wrong)
        raise BadInput(f"{DEFINITION.name}: {told}. Nothing was changed")
