"""A real evaluator of IAM policies, with conditions: @cloud-copilot/iam-simulate, in Node.

Python has none: moto's knows no conditions. It is AGPL, used by tests only, and not shipped.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from workbench.prerequisites import TOOLS

from .cloudformation import ACCOUNT

SOURCE = Path(__file__).parent / "evaluator"
FOLDER = TOOLS / "security" / "evaluator"
PINS = ("package.json", "package-lock.json")


@dataclass(frozen=True)
class Call:
    """A request to AWS: who, what, on which resource, in which circumstances."""

    role: str
    action: str
    resource: str
    context: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        return f"{self.role} {self.action} {self.resource}"


@dataclass(frozen=True)
class Answer:
    decisions: list[str]
    actions: dict[str, list[str]]  # action -> the types of resources that it can be bound to


def installed() -> Path:
    """The folder of the evaluator; skips the test, by name, where there is none."""
    if shutil.which("npm") is None:
        pytest.skip("policy proof: no Node here (npm) to evaluate policies with")
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = FOLDER / "installed"  # written last
    wanted = "".join((SOURCE / name).read_text() for name in PINS)
    shutil.copy(SOURCE / "evaluate.mjs", FOLDER)
    if not kept.exists() or kept.read_text() != wanted:
        for name in PINS:
            shutil.copy(SOURCE / name, FOLDER)
        command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        ran = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True)
        if ran.returncode:
            pytest.skip(f"policy proof: npm cannot install the evaluator: {ran.stderr[-300:]}")
        kept.write_text(wanted)
    return FOLDER


def evaluate(
    roles: Mapping[str, Sequence[Mapping[str, Any]]],
    calls: Sequence[Call],
    principals: Mapping[str, str],
    resources: Mapping[str, Mapping[str, Any]],
    actions: Sequence[str] = (),
    until: str = "",
) -> Answer:
    """What IAM decides of each call. ``resources`` are policies of resources, by ARN; ``until`` as
    evaluate.mjs tells."""
    asked = {
        "account": ACCOUNT,
        "roles": roles,
        "resources": resources,
        "actions": list(actions),
        "until": until,
        "calls": [
            {
                "role": call.role,
                "principal": principals[call.role.partition("#")[0]],
                "action": call.action,
                "resource": call.resource,
                "context": call.context,
                "policy": _policy_of(call.resource, resources),
            }
            for call in calls
        ],
    }
    ran = subprocess.run(
        ["node", str(installed() / "evaluate.mjs")],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    return Answer(**json.loads(ran.stdout))


def _policy_of(resource: str, policies: Mapping[str, Any]) -> str | None:
    """The ARN whose policy the resource has: an object has its bucket's."""
    return next(
        (arn for arn in policies if resource == arn or resource.startswith(arn + "/")), None
    )
