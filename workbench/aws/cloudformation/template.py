"""A template: read from YAML or JSON, and refused by name where it is not one."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from workbench.aws.cloudformation.problem import invalid, malformed

SECTIONS = frozenset(
    "AWSTemplateFormatVersion Description Metadata Parameters Mappings Conditions Resources "
    "Outputs".split()
)
ATTRIBUTES = frozenset(
    "Type Properties DependsOn Condition DeletionPolicy UpdateReplacePolicy Metadata".split()
)
POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
LONGEST = 51_200  # bytes of a TemplateBody; by TemplateURL it may be 1 MB


# libyaml is ten times as fast, where it is there.
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(_Base):  # type: ignore[misc]
    """Dates stay text, and so do all other values that YAML 1.1 alone would read as something."""

    yaml_implicit_resolvers = {
        first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
        for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _short_form(loader: Any, suffix: str, node: Any) -> Any:
    """``!Sub`` and its like, with what is nested in them."""
    if isinstance(node, yaml.MappingNode):
        return {f"Fn::{suffix}": loader.construct_mapping(node, deep=True)}
    if isinstance(node, yaml.SequenceNode):
        return {f"Fn::{suffix}": loader.construct_sequence(node, deep=True)}
    value = node.value.split(".", 1) if suffix == "GetAtt" else node.value
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_form)


@dataclass(frozen=True)
class Template:
    """``text`` as it was given; the sections as dicts."""

    text: str = field(repr=False)
    parameters: dict[str, Any]
    mappings: dict[str, Any]
    conditions: dict[str, Any]
    resources: dict[str, Any]
    outputs: dict[str, Any]
    description: str


@functools.lru_cache(maxsize=32)
def load(text: str) -> Template:
    """Raises AwsError unless ``text`` is a template whose parts are where they belong."""
    try:
        found = json.loads(text) if text.lstrip().startswith("{") else _Loader(text).get_data()
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        raise malformed(f"neither YAML nor JSON: {error}") from None
    if not isinstance(found, dict):
        raise malformed("unsupported structure.")
    unknown = sorted(map(str, found.keys() - SECTIONS))
    if unknown:
        raise invalid(f"not supported by the local AWS: the template's section {unknown[0]}")
    sections = {
        name: _mapping(found, name)
        for name in SECTIONS - {"AWSTemplateFormatVersion"}
        if name != "Description"
    }
    if not sections["Resources"]:
        raise malformed("At least one Resources member must be defined.")
    for name, resource in sections["Resources"].items():
        _check(name, resource)
    return Template(
        text=text,
        parameters=sections["Parameters"],
        mappings=sections["Mappings"],
        conditions=sections["Conditions"],
        resources=sections["Resources"],
        outputs=sections["Outputs"],
        description=str(found.get("Description", "")),
    )


def _mapping(found: Mapping[str, Any], name: str) -> dict[str, Any]:
    section = found.get(name) or {}
    if not isinstance(section, dict):
        raise malformed(f"{name} must be an object.")
    for key, value in section.items():
        if name not in ("Metadata", "Conditions") and not isinstance(value, dict):
            raise malformed(f"Every {name} member must be an object: {key} is not.")
    return section


def _check(name: str, resource: Mapping[str, Any]) -> None:
    if not (isinstance(name, str) and name.isalnum() and name.isascii()):
        raise malformed(f"Resource name {name} is non alphanumeric.")
    if not isinstance(resource.get("Type"), str):
        raise malformed(f"Every Resources object must contain a Type member: {name}")
    unknown = sorted(resource.keys() - ATTRIBUTES)
    if unknown:
        raise malformed(f"Invalid template resource property '{unknown[0]}' of {name}")
    if not isinstance(resource.get("Properties", {}), dict):
        raise malformed(f"Properties of {name} must be an object.")
    for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
        if resource.get(policy, "Delete") not in POLICIES:
            raise malformed(f"Unrecognized {policy} {resource[policy]} for resource {name}")
        if resource.get(policy) == "Snapshot":
            raise invalid(f"not supported by the local AWS: {policy} Snapshot of {name}")
