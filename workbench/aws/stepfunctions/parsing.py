"""Definitions, parsed by the library."""

from __future__ import annotations

import functools
import json
from typing import Any

from localstack.services.stepfunctions.asl.component.common.path import result_path
from localstack.services.stepfunctions.asl.parse import preprocessor
from localstack.services.stepfunctions.asl.parse.asl_parser import AmazonStateLanguageParser
from localstack.services.stepfunctions.asl.utils import json_path

from workbench.aws.stepfunctions.embed import replace


def adapt() -> None:
    replace(preprocessor, "from_string_literal", _text)
    replace(preprocessor.Preprocessor, "_inner_string_of", staticmethod(_text))
    # jsonpath-ng builds its parser anew for every path: 9 ms, for every state.
    for module in (json_path, result_path):
        replace(module, "parse", functools.lru_cache(maxsize=1000)(module.parse))


@functools.lru_cache(maxsize=32)
def parse(definition: str) -> Any:
    """The program of a definition: it has no state of its own, so runs share it."""
    return AmazonStateLanguageParser.parse(json.dumps(_readable(json.loads(definition))))[0]


def _readable(value: Any) -> Any:
    """The library's grammar wants a decimal point in this number."""
    if isinstance(value, list):
        return [_readable(member) for member in value]
    if not isinstance(value, dict):
        return value
    value = {key: _readable(member) for key, member in value.items()}
    if isinstance(value.get("ToleratedFailurePercentage"), int):
        value["ToleratedFailurePercentage"] = float(value["ToleratedFailurePercentage"])
    return value


def _text(parser_rule_context: Any) -> str | None:
    """A JSON string, unescaped as JSON says; the library leaves it, or does it as Python says."""
    text = str(parser_rule_context.getText())
    if text == "null":
        return None
    return str(json.loads(text)) if text.startswith('"') else text
