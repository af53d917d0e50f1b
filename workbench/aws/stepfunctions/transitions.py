"""Where the transitions of a definition lead."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from workbench.aws.stepfunctions.problem import Problem, target


def problems(flow: Mapping[str, Any], states: Mapping[str, Any], at: str) -> Iterator[Problem]:
    """States that are missing, and states that nothing leads to."""
    start = flow.get("StartAt")
    if start not in states:
        yield target(f"Missing 'StartAt' target: {start}", f"{at}/StartAt")
        return
    reached, waiting = {start}, [str(start)]
    while waiting:
        name = waiting.pop()
        for field, goal in _goals(states[name]):
            if goal not in states:
                yield target(f"Missing 'Next' target: {goal}", f"{at}/States/{name}/{field}")
            elif goal not in reached:
                reached.add(goal)
                waiting.append(goal)
    for name in states.keys() - reached:
        yield target(f'State "{name}" is not reachable.', f"{at}/States/{name}")


def _goals(state: Any) -> Iterator[tuple[str, Any]]:
    """Where a state leads: the field that says so, and the name."""
    if not isinstance(state, dict):
        return
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Choices", "Catch"):
        rules = state.get(field)
        for index, rule in enumerate(rules if isinstance(rules, list) else ()):
            if isinstance(rule, dict):
                yield f"{field}[{index}]/Next", rule.get("Next")
