"""What COPY and UNLOAD ask for: names, and clauses that each stand at most once."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from workbench.aws.redshift.refusals import SqlError, not_here, relation

NAME = r'(?:"(?:[^"]|"")+"|[A-Za-z_]\w*)'
WORD = re.compile(r"\s*([A-Za-z_]\w*)")
# The arguments of clauses, as patterns of what follows the keyword.
FLAG = r"()"
TEXT = r"(?:\s+AS\b)?\s*'((?:[^']|'')*)'"
TEXT_OR_NONE = rf"(?:{TEXT})?"
NUMBER = r"(?:\s+AS\b)?\s+(\d+)\b"
SWITCH = r"(?:\s+(ON|OFF|TRUE|FALSE)\b)?"
ROLE = r"(?:\s*'((?:[^']|'')*)'|\s+DEFAULT\b)"
# FORMAT [AS] goes before a format, which is a clause of its own.
FORMAT = r"(?:\s+AS\b)?()(?=\s+\w)"
ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "\\": "\\"}


def clauses(
    text: str, grammar: Mapping[str, str], unknown: Callable[[str], SqlError]
) -> dict[str, str]:
    """The argument of each clause in ``text``, by its keyword. SqlError for any other text."""
    found: dict[str, str] = {}
    at = 0
    while text[at:].strip():
        match = WORD.match(text, at)
        word = match[1].upper() if match else text[at:].split()[0]
        if match is None or word not in grammar:
            raise unknown(word)
        argument = re.compile(grammar[word], re.I).match(text, match.end())
        if argument is None:
            raise SqlError(f'syntax error at or near "{word}"')
        if word in found:
            raise SqlError(f"conflicting or redundant options: {word}")
        groups = [group for group in argument.groups() if group is not None]
        found[word] = groups[0].replace("''", "'") if groups else ""
        at = argument.end()
    return found


def character(text: str, what: str) -> str:
    """The one ASCII character that an argument means."""
    value = unescaped(text)
    if len(value) > 1:
        raise not_here(f"{what} of several characters")
    if len(value) != 1 or not value.isascii() or value in "\r\n":
        raise SqlError(f"{what} must be a single ASCII character other than a line's end")
    return value


def unescaped(text: str) -> str:
    r"""An argument with ``\t`` and octal ``\ddd`` read; ``\N`` stays, as it is COPY's own NULL."""

    def read(match: re.Match[str]) -> str:
        code = match[1]
        return chr(int(code, 8)) if code[0].isdigit() else ESCAPES[code]

    return re.sub(r"\\([0-3]?[0-7]{1,2}|[tnr\\])", read, text)


def table_path(text: str) -> tuple[str, str]:
    """Schema and table. SqlError for one that is nobody's to name."""
    names = [unquoted(name) for name in re.findall(NAME, text)]
    path = (names[0], names[1]) if len(names) == 2 else ("public", names[0])
    relation(*path)
    return path


def identifiers(text: str) -> tuple[str, ...]:
    return tuple(unquoted(name) for name in re.findall(NAME, text))


def unquoted(name: str) -> str:
    inner = name[1:-1].replace('""', '"') if name.startswith('"') else name
    return inner.lower()
