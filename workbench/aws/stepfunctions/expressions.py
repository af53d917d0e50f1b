"""Expressions in states: JSONata evaluated here, and variables as both languages see them."""

from __future__ import annotations

import json
import re
from typing import Any

from localstack.services.stepfunctions.asl.component.common.assign.assign_decl import AssignDecl
from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.common.query_language import QueryLanguageMode
from localstack.services.stepfunctions.asl.component.common.string.string_expression import (
    StringIntrinsicFunction,
    StringJSONata,
    StringVariableSample,
)
from localstack.services.stepfunctions.asl.component.state.state import CommonStateField
from localstack.services.stepfunctions.asl.component.state.state_choice.comparison.comparison import (  # noqa: E501
    ConditionStringJSONata,
)
from localstack.services.stepfunctions.asl.eval.variable_store import NoSuchVariable, VariableStore
from localstack.services.stepfunctions.asl.utils.json_path import (
    NoSuchJsonPathError,
    extract_json,
)

from workbench.aws.stepfunctions import errors, jsonata
from workbench.aws.stepfunctions.embed import replace

VARIABLE = re.compile(r"\$([A-Za-z_]\w*)(.*)", re.DOTALL)


def adapt() -> None:
    replace(StringJSONata, "_eval_body", _jsonata)
    replace(StringVariableSample, "_eval_body", _variable)
    replace(StringIntrinsicFunction, "_eval_body", _intrinsic)
    replace(ConditionStringJSONata, "_eval_body", _condition)
    replace(VariableStore, "get_assigned_variables", _assigned)
    replace(AssignDecl, "_eval_body", _assign)
    global _exited
    _exited = CommonStateField._get_state_exited_event_details
    replace(CommonStateField, "_get_state_exited_event_details", _exit)


def _jsonata(self: Any, env: Any) -> None:
    env.stack.append(_evaluate(self.expression, env))


def _evaluate(expression: str, env: Any) -> Any:
    store = env.variable_store
    bindings = {**store._outer_scope, **store._inner_scope, "states": _states(env)}
    try:
        return jsonata.evaluate(expression, bindings)
    except jsonata.UndefinedError:
        cause = f"The JSONata expression '{expression}' returned nothing (undefined)."
    except jsonata.JsonataError as error:
        cause = f"The JSONata expression '{expression}' threw an error during evaluation. {error}"
    raise errors.evaluation_failure(env, cause)


def _condition(self: Any, env: Any) -> None:
    self.string_jsonata.eval(env=env)
    if not isinstance(env.stack[-1], bool):
        expression = self.string_jsonata.expression
        cause = f"The JSONata expression '{expression}' returned no boolean, which a Condition is."
        raise errors.evaluation_failure(env, cause)


def _intrinsic(self: Any, env: Any) -> None:
    try:
        self.function.eval(env=env)
    except (FailureEventException, NoSuchJsonPathError):
        raise
    except Exception as error:
        cause = f"{self.intrinsic_function_derivation}: {error}"
        raise errors.failure(env, "States.IntrinsicFailure", cause) from None


def _states(env: Any) -> dict[str, Any]:
    """$states: what the state has so far; the library holds None for what there is not."""
    data = env.states._states_data
    absent = [key for key in ("result", "errorOutput") if data.get(key) is None]
    return {key: value for key, value in data.items() if key not in absent}


def _variable(self: Any, env: Any) -> None:
    """``$name`` or ``$name.path``: by JSONPath in a JSONPath state."""
    if self.query_language_mode == QueryLanguageMode.JSONata:
        env.stack.append(_evaluate(self.expression, env))
        return
    found = VARIABLE.fullmatch(self.expression)
    try:
        value = env.variable_store.get(found[1] if found else self.expression)
    except NoSuchVariable:
        cause = f"The variable '{self.expression}' has not been assigned a value."
        raise errors.failure(env, "States.Runtime", cause) from None
    rest = found[2] if found else ""
    env.stack.append(extract_json(f"${rest}", value) if rest else value)


def _assigned(self: Any) -> dict[str, str]:
    """Every new value as JSON, for the history; the library forgets to escape strings."""
    return {
        name: json.dumps(self.get(name), separators=(",", ":"))
        for name in sorted(self._declaration_tracing)
    }


# A state's Output does not see what its Assign assigns: new values wait for the state's exit.


def _assign(self: Any, env: Any) -> None:
    values: dict[str, Any] = {}
    for binding in self.declaration_bindings:
        binding.eval(env=env)
        values.update(env.stack.pop())
    env.variable_store.waiting = values


_exited: Any = None


def _exit(self: Any, env: Any) -> Any:
    for name, value in getattr(env.variable_store, "waiting", {}).items():
        env.variable_store.set(name, value)
    env.variable_store.waiting = {}
    return _exited(self, env)
