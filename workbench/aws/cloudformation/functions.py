"""The functions of a template: what a value is, once the resources that it asks exist."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from workbench.aws.cloudformation import parameters
from workbench.aws.cloudformation.problem import invalid, malformed
from workbench.aws.cloudformation.template import Template

NO_VALUE = object()  # AWS::NoValue: as if it was not written
VARIABLE = re.compile(r"\$\{(!?)([^}!]+)\}")


class NotYet(Exception):
    """A value of a resource that does not exist yet."""

    def __init__(self, logical: str) -> None:
        super().__init__(logical)
        self.logical = logical


@dataclass(frozen=True)
class Known:
    """What ``Ref`` and ``Fn::GetAtt`` of a resource give."""

    ref: str
    attributes: Mapping[str, Any]


@dataclass
class Resolver:
    """Values of one template with one set of parameters; ``known`` grows as resources are made."""

    template: Template
    values: Mapping[str, str]
    pseudo: Mapping[str, Any]
    known: dict[str, Known] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._conditions: dict[str, bool] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Base64": lambda text: base64.b64encode(str(self.value(text)).encode()).decode(),
            "Fn::If": self._if,
            "Fn::Equals": lambda pair: _text(self.value(pair[0])) == _text(self.value(pair[1])),
            "Fn::And": lambda each: all([self._truth(one) for one in each]),
            "Fn::Or": lambda each: any([self._truth(one) for one in each]),
            "Fn::Not": lambda each: not self._truth(each[0]),
        }

    def value(self, raw: Any) -> Any:
        """``raw`` without functions. Raises NotYet, and AwsError for what is wrong with it."""
        if isinstance(raw, list):
            found = [self.value(each) for each in raw]
            return [each for each in found if each is not NO_VALUE]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            ((name, argument),) = raw.items()
            if name == "Ref":
                return self._ref(argument)
            if name in self._functions:
                return self._functions[name](argument)
            if isinstance(name, str) and name.startswith("Fn::"):
                raise invalid(f"not supported by the local AWS: the function {name}")
        pairs = {name: self.value(each) for name, each in raw.items()}
        return {name: each for name, each in pairs.items() if each is not NO_VALUE}

    def condition(self, name: str | None) -> bool:
        """Whether a condition holds; what has none is always there."""
        if name is None:
            return True
        if name not in self.template.conditions:
            raise malformed(f"Unresolved condition dependency {name}")
        if name not in self._conditions:
            self._conditions[name] = self._truth(self.template.conditions[name])
        return self._conditions[name]

    def exists(self, logical: str) -> bool:
        """Whether the resource is a part of the stack, given the conditions."""
        return self.condition(self.template.resources[logical].get("Condition"))

    def _truth(self, raw: Any) -> bool:
        if isinstance(raw, dict) and raw.keys() == {"Condition"}:
            return self.condition(raw["Condition"])
        found = self.value(raw)
        if not isinstance(found, bool):
            raise malformed(f"Conditions can only be boolean operations: {raw}")
        return found

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return NO_VALUE
        if name in self.pseudo:
            return self.pseudo[name]
        if name in self.template.parameters:
            return parameters.typed(self.template.parameters[name], self.values[name])
        return self._resource(name).ref

    def _resource(self, logical: str) -> Known:
        if logical not in self.template.resources or not self.exists(logical):
            raise malformed(f"Unresolved resource dependencies [{logical}]")
        if logical not in self.known:
            raise NotYet(logical)
        return self.known[logical]

    def _get_att(self, argument: Any) -> Any:
        parts = argument.split(".") if isinstance(argument, str) else argument
        logical, name = parts[0], ".".join(str(self.value(part)) for part in parts[1:])
        found = self._resource(logical).attributes
        if name not in found:
            kind = self.template.resources[logical]["Type"]
            raise invalid(f"not supported by the local AWS: {name} of {logical}, {kind}")
        return found[name]

    def _sub(self, argument: Any) -> str:
        text, own = argument if isinstance(argument, list) else (argument, {})

        def replaced(found: re.Match[str]) -> str:
            if found[1]:
                return f"${{{found[2]}}}"
            name = found[2].strip()
            if name in own:
                return _text(self.value(own[name]))
            dotted = "." in name
            return _text(self._get_att(name) if dotted else self._ref(name))

        return VARIABLE.sub(replaced, text)

    def _join(self, argument: Any) -> str:
        return str(argument[0]).join(_text(each) for each in self.value(argument[1]))

    def _select(self, argument: Any) -> Any:
        index, found = int(self.value(argument[0])), self.value(argument[1])
        if not 0 <= index < len(found):
            raise invalid(f"Template error: Fn::Select cannot select nonexistent value at {index}")
        return found[index]

    def _split(self, argument: Any) -> list[str]:
        return str(self.value(argument[1])).split(argument[0])

    def _find_in_map(self, argument: Any) -> Any:
        names = [str(self.value(each)) for each in argument]
        found: Any = self.template.mappings
        for name in names:
            if not isinstance(found, dict) or name not in found:
                raise invalid(f"Template error: Unable to get mapping for {'::'.join(names)}")
            found = found[name]
        return found

    def _if(self, argument: Any) -> Any:
        name, then, otherwise = argument
        return self.value(then if self.condition(name) else otherwise)


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
