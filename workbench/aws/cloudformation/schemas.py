"""What CloudFormation's registry says of a resource type: its properties, and what replaces it.

The schemas are those that cfn-lint brings along; it is not imported, which takes seconds.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from workbench.aws.cloudformation.problem import invalid

REGION = "us-east-1"


def exists(kind: str) -> bool:
    return kind in _digests()


def check(logical: str, kind: str, properties: Mapping[str, Any]) -> None:
    """Raises AwsError for a property that the type does not have, or lacks."""
    found = schema(kind)
    unknown = sorted(properties.keys() - found["properties"].keys())
    if unknown:
        raise invalid(f"Encountered unsupported property {', '.join(unknown)} of {logical}, {kind}")
    optional = _tops(found.get("readOnlyProperties")) | {"CatalogId"}  # filled in by AWS
    missing = sorted(set(found.get("required") or ()) - properties.keys() - optional)
    if missing:
        raise invalid(f"Property {', '.join(missing)} of {logical}, {kind}, cannot be empty")


def replaced_by(kind: str, changed: Mapping[str, Any]) -> set[str]:
    """Those of the changed properties that a resource cannot change without being made anew."""
    found = schema(kind)
    fixed = _tops(found.get("createOnlyProperties"))
    fixed |= _tops(found.get("conditionalCreateOnlyProperties"))
    return fixed & changed.keys()


@functools.cache
def schema(kind: str) -> dict[str, Any]:
    path = _root() / "resources" / f"{_digests()[kind]}.json"
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found


def _tops(pointers: list[str] | None) -> set[str]:
    """``/properties/A/B`` -> A, where A alone is meant."""
    return {parts[2] for each in pointers or () if len(parts := each.split("/")) == 3}


@functools.cache
def _digests() -> dict[str, str]:
    path = _root() / "providers" / f"{REGION}.json"
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))
    return found


@functools.cache
def _root() -> Path:
    spec = find_spec("cfnlint")
    assert spec and spec.submodule_search_locations, "moto[server] brings it along"
    return Path(next(iter(spec.submodule_search_locations))) / "data" / "schemas"
