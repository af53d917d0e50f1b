"""What Task states may call: the AWS services of this endpoint, as Step Functions names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.aws.protocol import not_supported
from workbench.aws.stepfunctions import embed
from workbench.aws.stepfunctions.clients import SERVICES
from workbench.aws.stepfunctions.problem import Problem, schema

PREFIX = "arn:aws:states:::"
TOKEN = "waitForTaskToken"
# Optimized integrations: service -> action -> patterns.
OPTIMIZED: dict[str, dict[str, tuple[str, ...]]] = {
    "dynamodb": {action: ("",) for action in ("getItem", "putItem", "deleteItem", "updateItem")},
    "glue": {"startJobRun": ("", "sync")},
    "sns": {"publish": ("", TOKEN)},
    "states": {"startExecution": ("", "sync", "sync:2", TOKEN)},
}


def problems(machine: Mapping[str, Any]) -> Iterator[Problem]:
    """Calls that do not exist. Raises AwsError for one that AWS has and this endpoint has not."""
    for place, task in _tasks(machine, ""):
        yield from _task(task, place)


def _tasks(flow: Any, at: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    states = flow.get("States") if isinstance(flow, dict) else None
    for name, state in (states if isinstance(states, dict) else {}).items():
        place = f"{at}/States/{name}"
        if not isinstance(state, dict):
            continue
        if state.get("Type") == "Task":
            yield place, state
        branches = state.get("Branches")
        for index, branch in enumerate(branches if isinstance(branches, list) else ()):
            yield from _tasks(branch, f"{place}/Branches[{index}]")
        for field in ("ItemProcessor", "Iterator"):
            yield from _tasks(state.get(field), f"{place}/{field}")


def _task(task: Mapping[str, Any], at: str) -> Iterator[Problem]:
    resource = task.get("Resource")
    if not isinstance(resource, str) or not resource.startswith("arn:aws:"):
        yield schema("Resource must be an ARN", f"{at}/Resource")
        return
    if not resource.startswith(PREFIX):
        raise not_supported("stepfunctions", f"a Task with the Resource {resource}")
    name, _, pattern = resource.removeprefix(PREFIX).partition(".")
    service, _, action = name.partition(":")
    if service == "aws-sdk":
        service, _, action = action.partition(":")
        patterns: tuple[str, ...] | None = ("", TOKEN)
    elif service in OPTIMIZED:
        patterns = OPTIMIZED[service].get(action)
    else:
        raise not_supported("stepfunctions", f"the integration {resource}")
    if service not in SERVICES:
        raise not_supported("stepfunctions", f"the integration {resource}")
    operation = _operation(service, action)
    if patterns is None or pattern not in patterns or operation is None:
        yield schema(
            f"The resource provided {resource} is not recognized. The value is not a valid "
            "resource ARN, or the resource is not available in this region.",
            f"{at}/Resource",
        )
        return
    for field in ("Parameters", "Arguments"):
        yield from _parameters(task.get(field), operation, f"{at}/{field}")


def _operation(service: str, action: str) -> Any:
    """botocore's model of an action, which begins in lower case; None if there is none."""
    model = embed.client(SERVICES[service]).meta.service_model
    names = {name[:1].lower() + name[1:]: name for name in model.operation_names}
    return model.operation_model(names[action]) if action in names else None


def _parameters(given: Any, operation: Any, at: str) -> Iterator[Problem]:
    """Names of parameters are the service's own, in PascalCase."""
    if not isinstance(given, dict):
        return
    shape = operation.input_shape
    known = {name[:1].upper() + name[1:]: name for name in (shape.members if shape else ())}
    names = {name.removesuffix(".$") for name in given}
    for name in sorted(names - known.keys()):
        yield schema(f"The field '{name}' is not supported by Step Functions", f"{at}/{name}")
    for name in sorted(known.keys() - names):
        if known[name] in shape.required_members and not _filled(shape.members[known[name]]):
            yield schema(f"The field '{name}' is required but was missing", at)


def _filled(shape: Any) -> bool:
    """Whether the SDK fills a parameter by itself."""
    return bool(shape.metadata.get("idempotencyToken"))
