"""SQL in a contract: one expression over the row at hand, and nothing that reaches further.

A contract is data, and is written by others than those who run it. So no statement can be ended
or commented out in what it says, no other table read, no variable of the machine filled in
(``${env:…}`` is one to Spark), and no function called that is a door to Java or to the server. What
remains is judged by Spark or Redshift, as the one expression that it stands for.

Words are told from texts as both read them: Spark's quotes are ``'``, ``"`` and, of names, the
backtick; a backslash takes the meaning of what follows, but in ``r'…'``. Redshift's own rules for a
backslash have changed with time: none may stand in what it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

TOKEN = re.compile(
    r"""(?P<raw>[rR](?:'[^']*'|"[^"]*"))
      | (?P<text>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
      | (?P<name>`(?:[^`]|``)*`)
      | (?P<word>[^\W\d][\w$]*)
      | (?P<number>\d\w*)
      | (?P<comment>--|/\*|\*/|\#)
      | (?P<open>[(\[])
      | (?P<close>[)\]])
      | (?P<end>;)
      | (?P<variable>\$)
      | (?P<space>\s+)
      | (?P<sign>[-+*/%<>=!|&^~.,:?@{}\\])
    """,
    re.VERBOSE | re.DOTALL,
)
# What begins a query in an expression.
QUERIES = ("select", "table", "values", "with", "union", "into")
# https://spark.apache.org/docs/3.5.6/api/sql/: classes of Java, names made of texts.
DOORS = ("reflect", "try_reflect", "java_method", "identifier", "set_config", "dblink")
PAIRS = {"(": ")", "[": "]"}


def problem(text: str, redshift: bool = False) -> str:
    """Why ``text`` is no expression that a contract may hold; empty if it is one."""
    if not text.strip():
        return "may not be empty"
    if redshift and ("\\" in text or "`" in text):
        return "has a backslash or a backtick, which Redshift does not know as a quote"
    if "${" in text:
        return "has ${, which would be filled in from the machine that it runs on"
    return next(_problems(text), "")


def _problems(text: str) -> Iterator[str]:
    depth: list[str] = []
    place, before = 0, "("
    while place < len(text):
        found = TOKEN.match(text, place)
        if found is None:
            yield f"has {text[place]!r}, or a quote without its other end"
            return
        kind, token = str(found.lastgroup), found.group()
        place = found.end()
        if kind == "end":
            yield "has a ; and is to be one expression"
        if kind == "comment":
            yield f"has a comment: {token}"
        if kind == "variable":
            yield "has a $ outside of quotes, which may be a quote itself"
        if kind == "word" and token.lower() == "from" and before in "([,":
            yield "has FROM where a query begins"
        if kind in ("word", "name", "text"):
            yield from _named(kind, token.strip("`'\"").lower(), text[place:].lstrip()[:1])
        if kind == "open":
            depth.append(PAIRS[token])
        if kind == "close" and (not depth or depth.pop() != token):
            yield f"has a {token} that nothing opened"
        before = before if kind == "space" else token
    if depth:
        yield f"lacks a {depth[-1]}"


def _named(kind: str, name: str, after: str) -> Iterator[str]:
    if kind == "word" and name in QUERIES:
        yield f"has {name.upper()}: no query may stand in it. A column of that name is in quotes"
    if after == "(" and (name in DOORS or name.startswith("pg_")):
        yield f"calls {name}, which reaches beyond the row"
