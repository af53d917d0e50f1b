"""TO_CHAR, TO_DATE and TO_TIMESTAMP: Redshift's patterns as DuckDB's formats.

https://docs.aws.amazon.com/redshift/latest/dg/r_FORMAT_strings.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sqlglot import exp

from workbench.aws.redshift.macros import macro
from workbench.aws.redshift.refusals import not_here

# Patterns that are formats of strftime and strptime, in any case of letters.
PLAIN = {
    "YYYY": "%Y", "YY": "%y", "IYYY": "%G", "MM": "%m", "DDD": "%j", "DD": "%d", "IW": "%V",
    "ID": "%u", "HH24": "%H", "HH12": "%I", "HH": "%I", "MI": "%M", "SS": "%S", "MS": "%g",
    "US": "%f",
}  # fmt: skip
NAMES = {"MONTH": "%B", "MON": "%b", "DAY": "%A", "DY": "%a", "AM": "%p", "PM": "%p"}
# Patterns that are macros of a moment.
COMPUTED = {"YYY": "rs_yyy", "Y": "rs_y", "Q": "rs_q", "WW": "rs_ww", "W": "rs_w", "D": "rs_d"}
OF_NUMBERS = re.compile(r"[\sSLDGFMPRV.,90]*", re.I)
# A text in quotes, a run of what has no meaning, or letters that must be patterns.
PARTS = re.compile(r'"([^"]*)"|([^A-Za-z"]+)|([A-Za-z]+(?:24|12)?)')
# What is no pattern here, but begins like one.
LONGER = ("SSSSS", "SSSS", "IDDD", "IYY", "Y,YYY", "TH", "FM", "TZ", "OF", "AD", "BC", "CC")
KNOWN = re.compile("|".join(
    sorted((*PLAIN, *NAMES, *COMPUTED, *LONGER), key=len, reverse=True)), re.I)  # fmt: skip
READ = {**PLAIN, **NAMES}
NOT_READ = ("ID", "IW", "IYYY")


def to_char(call: exp.Anonymous) -> exp.Expression:
    """A moment as text: formats, and what needs a function, one behind the other."""
    moment, text = _arguments(call)
    if OF_NUMBERS.fullmatch(text) and re.search(r"[09]", text):
        raise not_here("TO_CHAR of a number")
    if "," in text and re.search("Y,YYY", text, re.I):
        raise not_here("The pattern Y,YYY in TO_CHAR")
    parts: list[exp.Expression] = []
    held = ""
    for pattern, literal in _patterns(text, "TO_CHAR"):
        plain = literal.replace("%", "%%") or PLAIN.get(pattern.upper(), "")
        if plain:
            held += plain
            continue
        if held:
            parts.append(_strftime(moment, held))
        held = ""
        parts.append(_written(moment, pattern))
    if held or not parts:
        parts.append(_strftime(moment, held))
    joined = parts[0]
    for part in parts[1:]:
        joined = exp.DPipe(this=joined, expression=part)
    return exp.paren(joined)


def moment_of(call: exp.Anonymous) -> exp.Expression:
    """TO_DATE and TO_TIMESTAMP."""
    name = call.name.upper()
    text, format_ = _arguments(call)
    read = ""
    for pattern, literal in _patterns(format_, name):
        if not literal and (pattern.upper() not in READ or pattern.upper() in NOT_READ):
            raise not_here(f"The pattern {pattern} in {name}")
        read += literal.replace("%", "%%") or READ[pattern.upper()]
    arguments = [text.copy(), exp.Literal.string(read)]
    kind = "date" if name == "TO_DATE" else "timestamptz"
    return exp.cast(exp.Anonymous(this="strptime", expressions=arguments), kind)


def _arguments(call: exp.Anonymous) -> tuple[exp.Expression, str]:
    name = call.name.upper()
    if len(call.expressions) != 2:
        raise not_here(f"{name} of other than two arguments")
    value, text = call.expressions
    if not isinstance(text, exp.Literal) or not text.is_string:
        raise not_here(f"{name} with a format that is no literal")
    return value, text.name


def _patterns(text: str, function: str) -> Iterator[tuple[str, str]]:
    """Each pattern, or each text that stands for itself."""
    place = 0
    while place < len(text):
        part = PARTS.match(text, place)
        if part is None:
            raise not_here(f'A single " in the format of {function}')
        place = part.end()
        if part[3] is None:
            yield "", part[1] if part[1] is not None else part[2]
            continue
        known = KNOWN.match(text, part.start(3))
        if known is None or known[0].upper() in LONGER:
            raise not_here(f"The pattern {known[0] if known else part[3]} in {function}")
        yield known[0], ""
        place = known.end()
        if ending := re.match("TH", text[place:], re.I):
            raise not_here(f"The pattern {ending[0]} in {function}")


def _written(moment: exp.Expression, pattern: str) -> exp.Expression:
    """The name of a month or a day, as the pattern is written; or a number."""
    upper = pattern.upper()
    if upper in COMPUTED:
        return macro(COMPUTED[upper], moment.copy())
    text = _strftime(moment, NAMES[upper])
    if upper in ("MONTH", "DAY"):
        text = exp.Anonymous(this="rpad", expressions=[
            text, exp.Literal.number(9), exp.Literal.string(" ")])  # fmt: skip
    if pattern[1:].islower() and pattern[0].isupper() and upper not in ("AM", "PM"):
        return text
    return exp.Anonymous(this="upper" if pattern[0].isupper() else "lower", expressions=[text])


def _strftime(moment: exp.Expression, text: str) -> exp.Anonymous:
    return exp.Anonymous(this="strftime", expressions=[moment.copy(), exp.Literal.string(text)])
