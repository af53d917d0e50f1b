"""Functions of texts that DuckDB reads otherwise than Redshift."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from sqlglot import exp

from workbench.aws.redshift.macros import macro
from workbench.aws.redshift.refusals import SqlError, not_here

JOINED = "concat"  # DuckDB's; Redshift's own was read as exp.Concat

Rewrites = tuple[tuple[type[exp.Expression], Callable[[Any], exp.Expression]], ...]


def _concat(node: exp.Concat) -> exp.Expression:
    """Two texts, NULL if one is; DuckDB takes any number and leaves NULL out."""
    if len(node.expressions) != 2:
        raise SqlError("function concat() takes exactly two arguments")
    first, second = (exp.paren(each.copy()) for each in node.expressions)
    return exp.paren(exp.DPipe(this=first, expression=second))


def _joined(node: exp.DPipe) -> exp.Expression:
    """A chain of texts of which none can be NULL, in one go: DuckDB copies what is there already
    for each || anew. Its concat() leaves NULL out, where || has NULL as its result."""
    pieces = [piece for side in (node.this, node.expression) for piece in _pieces(side)]
    if not all(map(_never_null, pieces)):
        return node
    return exp.Anonymous(this=JOINED, expressions=[piece.copy() for piece in pieces])


def _pieces(side: exp.Expression) -> list[exp.Expression]:
    inner = side.unnest()
    return inner.expressions if _is_joined(inner) else [side]


def _is_joined(node: exp.Expr) -> bool:
    return isinstance(node, exp.Anonymous) and node.this == JOINED


def _never_null(piece: exp.Expression) -> bool:
    if isinstance(piece, exp.Coalesce):
        return bool(piece.expressions) and _never_null(piece.expressions[-1])
    return isinstance(piece, exp.Literal) and bool(piece.is_string)


def _similar(node: exp.SimilarTo) -> exp.Expression:
    """SIMILAR TO: the whole text, % and _ as in LIKE; DuckDB reads a regular expression."""
    escape, whole = "\\", node.parent if isinstance(node.parent, exp.Escape) else None
    if whole is not None:
        escape = whole.expression.name
    pattern = node.expression
    if not isinstance(pattern, exp.Literal) or len(escape) > 1:
        raise not_here("SIMILAR TO with a pattern that is no literal")
    arguments = [node.this.copy(), exp.Literal.string(_regular(pattern.name, escape))]
    found = exp.Anonymous(this="regexp_full_match", expressions=arguments)
    if whole is None:
        return found
    whole.replace(found)
    return node


def _regular(pattern: str, escape: str) -> str:
    """An SQL pattern as a regular expression; brackets are the same in both."""
    found, place = "(?s)", 0
    while place < len(pattern):
        character = pattern[place]
        bracket = re.compile(r"\[\^?\]?(?:\[:\w+:\]|[^\]])*\]").match(pattern, place)
        if character == escape and place + 1 < len(pattern):
            place += 1
            found += re.escape(pattern[place])
        elif bracket:
            found += bracket[0].replace("\\", r"\\")
            place = bracket.end() - 1
        elif character in "%_":
            found += ".*" if character == "%" else "."
        else:
            found += character if character in "|*+?{},()0123456789" else re.escape(character)
        place += 1
    return found


def _listagg(node: exp.GroupConcat) -> exp.Expression:
    """LISTAGG(DISTINCT x, ','), whose separator sqlglot takes for a second expression.

    Without one nothing stands between the values, where DuckDB puts a comma.
    """
    distinct = node.this
    if isinstance(distinct, exp.Distinct) and len(distinct.expressions) == 2:
        value, separator = distinct.expressions
        node.set("this", exp.Distinct(expressions=[value]))
        node.set("separator", separator)
    if node.args.get("separator") is None:
        node.set("separator", exp.Literal.string(""))
    return node


def _regexp_replace(node: exp.RegexpReplace) -> exp.Expression:
    """Redshift replaces every match, DuckDB the first."""
    position, flags = node.args.get("position"), node.args.get("modifiers")
    if position is None and flags is not None:  # sqlglot reads PostgreSQL's four arguments
        raise SqlError(f'invalid input syntax for integer: "{flags.name}"')
    if position is not None and (position.name != "1" or position.args.get("is_string")):
        raise not_here("REGEXP_REPLACE from another position than 1")
    if flags is not None and flags.name not in ("", "c", "i"):
        raise not_here("REGEXP_REPLACE with parameters other than 'c' and 'i'")
    if node.args.get("replacement") is None:
        node.set("replacement", exp.Literal.string(""))
    node.set("position", None)
    node.set("modifiers", exp.Literal.string("gi" if flags and flags.name == "i" else "g"))
    return node


def _substring(node: exp.Substring) -> exp.Expression:
    """A start before the text takes nothing from its end; a negative length is an error."""
    start, length = node.args["start"], node.args.get("length")
    if _positive(start) and (length is None or _natural(length)):
        return node
    arguments = [node.this.copy(), start.copy()]
    if length is None:
        return macro("rs_from", *arguments)
    return macro("rs_substring", *arguments, length.copy())


def _split_part(node: exp.SplitPart) -> exp.Expression:
    """DuckDB counts negative fields from the end."""
    if _positive(node.args["part_index"]):
        return node
    arguments = (node.this, node.args["delimiter"], node.args["part_index"])
    return macro("rs_split_part", *(each.copy() for each in arguments))


def _natural(node: exp.Expr) -> bool:
    return isinstance(node, exp.Literal) and node.name.isdigit()


def _positive(node: exp.Expr) -> bool:
    return _natural(node) and int(node.name) > 0


def _hex(node: exp.LowerHex) -> exp.Expression:
    """TO_HEX of a part of a VARBYTE."""
    part = node.this
    if not isinstance(part, exp.Substring) or part.args.get("length") is None:
        return node
    return macro("rs_hex_part", part.this.copy(), part.args["start"], part.args["length"])


REWRITES: Rewrites = (
    (exp.LowerHex, _hex),
    (exp.Concat, _concat),
    (exp.DPipe, _joined),
    (exp.SimilarTo, _similar),
    (exp.GroupConcat, _listagg),
    (exp.RegexpReplace, _regexp_replace),
    (exp.Substring, _substring),
    (exp.SplitPart, _split_part),
)
