"""The parameters of a deployment: what we know, what was asked for, and what stays as it was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from etl_lib.errors import BadInput
from workbench.aws.cloudformation import template
from workbench.deploy.artefacts import TEMPLATE, Artefact


def known(
    stage: str, name: str, bucket: str, artefacts: Iterable[Artefact], settings: Mapping[str, str]
) -> dict[str, str]:
    keys = {each.parameter: each.key for each in artefacts if each.parameter}
    own = {"Stage": stage, "Pipeline": name, "ArtifactBucket": bucket, **keys}
    taken = sorted(own.keys() & settings.keys())
    if taken:
        raise BadInput(f"--set {taken[0]}: `workbook deploy` fills that in itself")
    return {**own, **settings}


def given(values: Mapping[str, str], before: Iterable[str]) -> list[dict[str, Any]]:
    """For a change set: what is not given stays as it was, or is the template's default."""
    declared = template.load(TEMPLATE.read_text(encoding="utf-8")).parameters
    found: list[dict[str, Any]] = [
        {"ParameterKey": name, "ParameterValue": each} for name, each in values.items()
    ]
    return found + [
        {"ParameterKey": name, "UsePreviousValue": True}
        for name in before
        if name in declared and name not in values
    ]


def settings(pairs: Iterable[str]) -> dict[str, str]:
    """``KEY=VALUE`` of ``--set``."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise BadInput(f"--set {pair!r} is not KEY=VALUE, as in --set SparkWorkers=4")
        found[name] = value
    return found
