"""What a deployment would change, by comparison with what is deployed: for ``--dry-run``, which
must not make a change set either, since that is a write."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.aws.cloudformation import template
from workbench.aws.cloudformation.functions import VARIABLE
from workbench.deploy.artefacts import TEMPLATE
from workbench.deploy.formation import Formation

Change = dict[str, Any]


def changes(formation: Formation, values: Mapping[str, str]) -> list[Change]:
    """As a change set has them, without what only CloudFormation knows: replacements, and
    resources that come or go by a condition."""
    new = template.load(TEMPLATE.read_text(encoding="utf-8"))
    if not formation.usable():
        return [_change("Add", name, each["Type"]) for name, each in new.resources.items()]
    old, before = template.load(formation.template()), formation.parameters()
    changed = {name for name, each in values.items() if before.get(name) != each}
    changed |= {name for name in new.parameters.keys() - before.keys() if name not in values}
    return [*_compared(old.resources, new.resources, changed)]


def _compared(
    old: Mapping[str, Any], new: Mapping[str, Any], changed: set[str]
) -> Iterator[Change]:
    for name, each in new.items():
        if name not in old:
            yield _change("Add", name, each["Type"])
            continue
        because = [] if each == old[name] else ["template"]
        because += sorted(changed & set(mentioned(each)))
        if because:
            yield _change("Modify", name, each["Type"], because)
    for name in old.keys() - new.keys():
        yield _change("Remove", name, old[name]["Type"])


def mentioned(raw: Any) -> Iterator[str]:
    """The names that ``Ref``, ``Fn::Sub`` and ``Fn::If`` within ``raw`` ask for."""
    if isinstance(raw, list):
        for each in raw:
            yield from mentioned(each)
    elif isinstance(raw, dict):
        for key, each in raw.items():
            if key == "Ref" and isinstance(each, str):
                yield each
            if key == "Fn::Sub":
                text = each[0] if isinstance(each, list) else each
                yield from (found[2].strip() for found in VARIABLE.finditer(text))
            yield from mentioned(each)


def _change(action: str, name: str, kind: str, because: list[str] | None = None) -> Change:
    details = [{"Target": {"Attribute": "Properties", "Name": each}} for each in because or ()]
    change = {"Action": action, "LogicalResourceId": name, "ResourceType": kind, "Details": details}
    return {"Type": "Resource", "ResourceChange": change}
