"""The form of a definition: which fields its states have."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import jsonpath_ng.ext

from workbench.aws.stepfunctions import jsonata, transitions
from workbench.aws.stepfunctions.problem import Problem, schema

COMMON = "Type Comment QueryLanguage Next End InputPath OutputPath Output Assign".split()
EXECUTING = "ResultPath ResultSelector Retry Catch".split()
FIELDS: dict[str, frozenset[str]] = {
    "Pass": frozenset([*COMMON, "Result", "ResultPath", "Parameters"]),
    "Task": frozenset(
        [*COMMON, *EXECUTING]
        + "Resource Parameters Arguments Credentials TimeoutSeconds TimeoutSecondsPath "
        "HeartbeatSeconds HeartbeatSecondsPath".split()
    ),
    "Choice": frozenset([*COMMON, "Choices", "Default"]) - {"Next", "End"},
    "Wait": frozenset([*COMMON, "Seconds", "SecondsPath", "Timestamp", "TimestampPath"]),
    "Succeed": frozenset(COMMON) - {"Next", "End", "Assign"},
    "Fail": frozenset("Type Comment QueryLanguage Error ErrorPath Cause CausePath".split()),
    "Parallel": frozenset([*COMMON, *EXECUTING, "Branches", "Parameters", "Arguments"]),
    "Map": frozenset(
        [*COMMON, *EXECUTING]
        + "ItemProcessor Iterator Items ItemsPath ItemSelector Parameters MaxConcurrency "
        "MaxConcurrencyPath ItemReader ResultWriter Label ToleratedFailureCount "
        "ToleratedFailureCountPath ToleratedFailurePercentage "
        "ToleratedFailurePercentagePath".split()
    ),
}
MACHINE = frozenset("StartAt States Comment Version TimeoutSeconds QueryLanguage".split())
INNER = frozenset("StartAt States Comment QueryLanguage".split())
JSONATA_ONLY = frozenset({"Arguments", "Output", "Items"})
JSONPATH_ONLY = frozenset(
    "InputPath OutputPath Parameters ResultPath ResultSelector ItemsPath SecondsPath "
    "TimestampPath TimeoutSecondsPath HeartbeatSecondsPath MaxConcurrencyPath ErrorPath "
    "CausePath ToleratedFailureCountPath ToleratedFailurePercentagePath".split()
)
# At most one field of each group; a Wait state has exactly one.
WAITS = ("Seconds", "SecondsPath", "Timestamp", "TimestampPath")
EITHER = (
    WAITS,
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
    ("ItemProcessor", "Iterator"),
    ("Items", "ItemsPath"),
)
TERMINAL = ("Choice", "Succeed", "Fail")
NAME = re.compile(r"[A-Za-z_]\w{0,79}")
LONGEST_NAME = 80


def problems(machine: Mapping[str, Any]) -> Iterator[Problem]:
    """Everything in the form of ``machine`` that AWS would not take."""
    language = machine.get("QueryLanguage", "JSONPath")
    yield from _flow(machine, "", MACHINE, language, set())


def _flow(
    flow: Mapping[str, Any], at: str, fields: frozenset[str], language: str, names: set[str]
) -> Iterator[Problem]:
    """A machine, a Map's processor or a branch: states with a start."""
    for field in flow.keys() - fields:
        yield schema(f"Field '{field}' is not supported", f"{at}/{field}")
    states = flow.get("States")
    if not isinstance(states, dict) or not states:
        yield schema("States must be an object with at least one state", f"{at}/States")
        return
    for name, state in states.items():
        place = f"{at}/States/{name}"
        if len(name) > LONGEST_NAME:
            yield schema(f"The name has more than {LONGEST_NAME} characters", place)
        if name in names:
            yield Problem("DUPLICATE_STATE_NAME", f"Duplicate State name: {name}", place)
        names.add(name)
        if not isinstance(state, dict) or state.get("Type") not in FIELDS:
            yield schema(f"Type must be one of {', '.join(FIELDS)}", f"{place}/Type")
            continue
        own = state.get("QueryLanguage", language)
        if (language, own) == ("JSONata", "JSONPath"):
            yield schema("A JSONata machine has no JSONPath states", f"{place}/QueryLanguage")
        yield from _state(state, place, own)
        yield from _inner(state, place, own, names)
    yield from transitions.problems(flow, states, at)


def _inner(state: Mapping[str, Any], at: str, language: str, names: set[str]) -> Iterator[Problem]:
    branches = state.get("Branches", []) if state["Type"] == "Parallel" else []
    flows = [(f"Branches[{index}]", branch) for index, branch in enumerate(branches)]
    flows += [(field, state[field]) for field in ("ItemProcessor", "Iterator") if field in state]
    if state["Type"] in ("Map", "Parallel") and not flows:
        wanted = "an ItemProcessor" if state["Type"] == "Map" else "Branches"
        yield schema(f"A {state['Type']} state has {wanted}", at)
    for field, flow in flows:
        if not isinstance(flow, dict):
            yield schema("Must be an object with StartAt and States", f"{at}/{field}")
            continue
        own = INNER | {"ProcessorConfig"} if field == "ItemProcessor" else INNER
        yield from _flow(flow, f"{at}/{field}", own, flow.get("QueryLanguage", language), names)


# -- one state


def _state(state: Mapping[str, Any], at: str, language: str) -> Iterator[Problem]:
    kind = state["Type"]
    for field in state.keys() - FIELDS[kind]:
        yield schema(f"Field '{field}' is not supported by {kind} states", f"{at}/{field}")
    foreign = JSONPATH_ONLY if language == "JSONata" else JSONATA_ONLY
    for field in sorted(state.keys() & foreign):
        yield schema(f"Field '{field}' is not supported in {language} states", f"{at}/{field}")
    if kind not in TERMINAL and ("Next" in state) == (state.get("End") is True):
        yield schema("A state has either a Next or an End that is true", at)
    if kind == "Choice" and not state.get("Choices"):
        yield schema("Choices must have at least one rule", f"{at}/Choices")
    for group in EITHER:
        if len(state.keys() & set(group)) > 1:
            yield schema(f"A state has only one of {', '.join(group)}", at)
    if kind == "Wait" and not state.keys() & set(WAITS):
        yield schema(f"A Wait state has one of {', '.join(WAITS)}", at)
    for field in ("TimeoutSeconds", "HeartbeatSeconds"):
        if isinstance(state.get(field), int) and state[field] < 1:
            yield schema(f"{field} must be positive", f"{at}/{field}")
    for field in ("Retry", "Catch"):
        yield from _errors(state.get(field, []), f"{at}/{field}")
    for name in state["Assign"] if isinstance(state.get("Assign"), dict) else ():
        if not NAME.fullmatch(name.removesuffix(".$")) or name == "states":
            yield schema(f"'{name}' cannot be the name of a variable", f"{at}/Assign/{name}")
    own = {k: v for k, v in state.items() if k not in ("ItemProcessor", "Iterator", "Branches")}
    check = _jsonata if language == "JSONata" else _jsonpath
    for place, value in _texts(own, at):
        yield from check(place, value)


def _errors(rules: Any, at: str) -> Iterator[Problem]:
    """Retriers or Catchers."""
    for index, rule in enumerate(rules if isinstance(rules, list) else ()):
        wanted = rule.get("ErrorEquals") if isinstance(rule, dict) else None
        if not isinstance(wanted, list) or not wanted:
            yield schema("ErrorEquals must be a list of error names", f"{at}[{index}]")
            continue
        if "States.ALL" in wanted and (len(wanted) > 1 or index < len(rules) - 1):
            yield schema("States.ALL must appear alone and last", f"{at}[{index}]/ErrorEquals")
        if rule.get("MaxDelaySeconds", 1e9) <= rule.get("IntervalSeconds", 1):
            yield schema(
                "MaxDelaySeconds must be greater than IntervalSeconds",
                f"{at}[{index}]/MaxDelaySeconds",
            )


def _texts(value: Any, at: str) -> Iterator[tuple[str, str]]:
    """Every text within ``value``, with its place."""
    if isinstance(value, str):
        yield at, value
    elif isinstance(value, dict):
        for key, member in value.items():
            yield from _texts(member, f"{at}/{key}")
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _texts(member, f"{at}[{index}]")


def _jsonata(at: str, text: str) -> Iterator[Problem]:
    opened, closed = text.startswith("{%"), text.endswith("%}")
    if opened != closed:
        yield schema("A JSONata expression begins with {% and ends with %}", at)
    elif opened:
        try:
            jsonata.parse(text[2:-2].strip())
        except jsonata.JsonataError as error:
            yield schema(f"The JSONata expression is not valid: {error}", at)


def _jsonpath(at: str, text: str) -> Iterator[Problem]:
    field = at.rpartition("/")[2]
    if not (field.endswith(".$") or field in JSONPATH_ONLY and field.endswith("Path")):
        return
    if text.startswith("States."):
        return
    if not text.startswith("$"):
        yield schema("The value is neither a path, which begins with $, nor a States function", at)
        return
    path = re.sub(r"^\$\$?[A-Za-z_]*", "$", text)
    try:
        jsonpath_ng.ext.parse(path)
    except Exception as error:  # its lexer and its parser raise plain Exceptions
        yield schema(f"'{text}' is not a JSONPath: {error}", at)
