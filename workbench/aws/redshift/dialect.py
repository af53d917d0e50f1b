"""Redshift's SQL as DuckDB's: parsed, checked, rewritten where the two mean different things."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from workbench.aws.redshift.refusals import SqlError, check, not_here, refused

# sqlglot warns about each property that DuckDB has not; they are dropped on purpose.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

CREATE_TABLE = re.compile(r"\s*CREATE\s+(?:(?:LOCAL\s+)?TEMP(?:ORARY)?\s+)?TABLE\b", re.I)
TABLE_NAME = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+)){0,2})'
LOCK = re.compile(rf"\s*LOCK\s+(?:TABLE\s+)?{TABLE_NAME}\s*(?:,\s*{TABLE_NAME}\s*)*;?\s*", re.I)
HARMLESS = re.compile(r"\s*(VACUUM|GRANT|REVOKE|ANALYZE|ANALYSE|COMMENT)\b", re.I)
COPY = re.compile(r"\s*COPY\b", re.I)
SYSTEM = {"svv_tables": "rs_svv_tables", "svv_columns": "rs_svv_columns"}
TEMPORARY = (exp.TemporaryProperty,)


@dataclass(frozen=True)
class Translated:
    """What to do: ``kind`` is query, write, truncate, lock, copy or nothing."""

    kind: str
    sql: str = ""
    tables: tuple[str, ...] = ()


def translate(sql: str, database: str, parameters: Mapping[str, str] | None = None) -> Translated:
    """One Redshift statement for DuckDB. Raises SqlError if Redshift would not run it."""
    if LOCK.fullmatch(sql):
        names = re.findall(TABLE_NAME, re.sub(r"^\s*LOCK\s+(TABLE\s+)?", "", sql, flags=re.I))
        return Translated("lock", tables=tuple(name.replace('"', "").lower() for name in names))
    if HARMLESS.match(sql):
        return Translated("nothing")
    if COPY.match(sql):
        return Translated("copy", sql)
    tree = parse(sql)
    _bind(tree, parameters or {})
    check(tree)
    if isinstance(tree, exp.TruncateTable):
        _normalise(tree, database)
        return Translated("truncate", tree.sql("duckdb"))
    tree = _rewritten(tree, database)
    kind = "query" if isinstance(tree, exp.Query) else "write"
    try:
        return Translated(kind, tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE))
    except SqlglotError as error:
        raise not_here(str(error)) from None


def parse(sql: str) -> exp.Expression:
    """The only statement of ``sql``; SqlError if it cannot be parsed as Redshift's SQL."""
    try:
        if CREATE_TABLE.match(sql):
            sql = _without_storage(sql)
        if re.search(r"\bREMOVE\s+DUPLICATES\s*;?\s*$", sql, re.I):
            raise not_here("MERGE … REMOVE DUPLICATES")
        _refuse_from_first(sql)
        trees = [tree for tree in sqlglot.parse(sql, read="redshift") if tree is not None]
    except ParseError as error:
        raise SqlError(f'syntax error at or near "{error.errors[0].get("highlight")}"') from None
    except (TokenError, RecursionError) as error:
        raise SqlError(f"syntax error: {type(error).__name__}") from None
    if len(trees) != 1:
        raise SqlError("syntax error: one statement is expected")
    tree = trees[0]
    if not isinstance(tree, exp.Expression):
        raise SqlError("syntax error")
    if isinstance(tree, (exp.Alias, exp.Column)):  # two words that are no statement
        raise SqlError(f'syntax error at or near "{sql.split()[0]}"')
    return tree


def _refuse_from_first(sql: str) -> None:
    """DuckDB's FROM without SELECT, which sqlglot reads in every dialect."""
    before = sqlglot.TokenType.L_PAREN
    for token in sqlglot.tokenize(sql, read="redshift"):
        if token.token_type == sqlglot.TokenType.FROM and before == sqlglot.TokenType.L_PAREN:
            raise SqlError('syntax error at or near "FROM"')
        before = token.token_type


def placeholders(sql: str) -> set[str]:
    """The names of the ``:name`` parameters in ``sql``; none if it cannot be parsed."""
    if LOCK.fullmatch(sql) or HARMLESS.match(sql) or COPY.match(sql):
        return set()
    try:
        return {each.name for each in parse(sql).find_all(exp.Placeholder)}
    except SqlError:
        return set()


def statements_in(sql: str) -> int:
    """How many statements ``sql`` holds; text that cannot be tokenised counts as one."""
    try:
        tokens = sqlglot.tokenize(sql, read="redshift")
    except TokenError:
        return 1
    ends = [
        index
        for index, token in enumerate(tokens)
        if token.text == ";" and token.token_type == sqlglot.TokenType.SEMICOLON
    ]
    return 1 + sum(index < len(tokens) - 1 for index in ends) if tokens else 0


def _bind(tree: exp.Expression, parameters: Mapping[str, str]) -> None:
    """Put values where the placeholders stand: literals of the tree, so never read as SQL."""
    for node in list(tree.find_all(exp.Placeholder)):
        if node.name not in parameters:
            raise SqlError(f"parameter :{node.name} has no value")
        node.replace(exp.Literal.string(parameters[node.name]))


def _without_storage(sql: str) -> str:
    """A CREATE TABLE without the column attributes that sqlglot cannot read."""
    tokens = sqlglot.tokenize(sql, read="redshift")
    drop: list[tuple[int, int]] = []
    for index, token in enumerate(tokens):
        word = token.text.upper()
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.token_type in (sqlglot.TokenType.STRING, sqlglot.TokenType.IDENTIFIER):
            continue
        if word == "ENCODE" and following is not None:
            drop.append((token.start, following.end))
        elif word == "SORTKEY" and following is not None and following.text.upper() == "AUTO":
            drop.append((token.start, following.end))
        elif word in ("DISTKEY", "SORTKEY") and (following is None or following.text in ",)"):
            drop.append((token.start, token.end))
        elif word in ("DISTKEY", "SORTKEY") and following is not None and following.text != "(":
            drop.append((token.start, token.end))
    for start, end in reversed(drop):
        sql = sql[:start] + sql[end + 1 :]
    return re.sub(r"\bVARCHAR\s*\(\s*MAX\s*\)", "VARCHAR(65535)", sql, flags=re.I)


def _rewritten(tree: exp.Expression, database: str) -> exp.Expression:
    if isinstance(tree, exp.Create):
        _create(tree)
    _normalise(tree, database)
    for kind, rewrite in REWRITES:
        for node in reversed(list(tree.find_all(kind))):
            new = rewrite(node)
            if new is not node:
                if node is tree:
                    tree = new
                node.replace(new)
    return tree


def _normalise(tree: exp.Expression, database: str) -> None:
    """Names in lower case, of this database; system views are ours."""
    for node in tree.find_all(exp.Identifier):
        node.set("this", node.name.lower())
    for table in tree.find_all(exp.Table):
        if table.catalog:
            if table.catalog != database:
                raise not_here(f"the database {table.catalog}")
            table.set("catalog", None)
        if table.name in SYSTEM and table.db in ("", "pg_catalog"):
            table.set(
                "alias",
                table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name)),
            )
            table.set("this", exp.to_identifier(SYSTEM[table.name]))
            table.set("db", exp.to_identifier("main"))


def _create(tree: exp.Create) -> None:
    properties = tree.args.get("properties")
    kept = (
        [each for each in properties.expressions if isinstance(each, TEMPORARY)]
        if properties
        else []
    )
    tree.set("properties", exp.Properties(expressions=kept) if kept else None)
    tree.set("no_schema_binding", None)
    if isinstance(tree.this, exp.Schema):
        definitions = [_column(each) for each in tree.this.expressions if not _is_key(each)]
        tree.this.set("expressions", definitions)


def _is_key(definition: exp.Expression) -> bool:
    """Keys are information for Redshift's planner; nothing enforces them."""
    inner = definition.expressions if isinstance(definition, exp.Constraint) else [definition]
    return any(
        isinstance(each, (exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint))
        for each in inner
    )


def _column(definition: exp.Expression) -> exp.Expression:
    """A column with its VARCHAR length as a CHECK in bytes, and without keys."""
    if not isinstance(definition, exp.ColumnDef):
        raise refused(f"{definition.sql('redshift')} in CREATE TABLE", "r_CREATE_TABLE_NEW.html")
    keys = (
        exp.PrimaryKeyColumnConstraint,
        exp.UniqueColumnConstraint,
        exp.Reference,
        exp.EncodeColumnConstraint,
    )
    kept = [
        each
        for each in definition.args.get("constraints") or []
        if not isinstance(each.args.get("kind"), keys) and not isinstance(each, exp.Reference)
    ]
    kind = definition.args.get("kind")
    if isinstance(kind, exp.DataType) and kind.is_type(
        "varchar", "text", "char", "nchar", "nvarchar", "bpchar"
    ):
        length = (
            kind.expressions[0].name
            if kind.expressions
            else ("1" if kind.is_type("char", "nchar") else "256")
        )
        column = exp.column(exp.to_identifier(definition.name.lower(), quoted=True))
        limit = exp.LTE(
            this=exp.Anonymous(this="strlen", expressions=[column]),
            expression=exp.Literal.number(length),
        )
        kept.append(exp.ColumnConstraint(kind=exp.CheckColumnConstraint(this=limit)))
        definition.set("kind", exp.DataType.build("text"))
    definition.set("constraints", kept)
    return definition


def _div(node: exp.Div) -> exp.Expression:
    """DuckDB divides by zero without a word (NULL or infinity); Redshift fails."""
    divisor = node.expression
    if isinstance(divisor, exp.Nullif):  # NULL in place of zero: nothing to guard
        return node
    if isinstance(divisor, exp.Literal) and divisor.name.strip("0."):
        return node
    zero = exp.EQ(this=exp.paren(divisor.copy()), expression=exp.Literal.number(0))
    fails = exp.Anonymous(this="error", expressions=[exp.Literal.string("Divide by zero")])
    guarded = exp.Case(ifs=[exp.If(this=zero, true=fails)], default=divisor.copy())
    return exp.Div(this=node.this.copy(), expression=guarded)


def _avg(node: exp.Avg) -> exp.Expression:
    """AVG of integers is an integer in Redshift."""
    over = node.parent if isinstance(node.parent, exp.Window) else None
    parts: list[exp.Expression] = []
    for part in (exp.Sum(this=node.this.copy()), exp.Count(this=node.this.copy())):
        if over is not None:
            window = over.copy()
            window.set("this", part)
            parts.append(window)
        else:
            parts.append(part)
    sum_, count = parts
    divisor = exp.Nullif(this=count, expression=exp.Literal.number(0))
    return exp.paren(exp.Div(this=sum_, expression=divisor))


def _window(node: exp.Window) -> exp.Expression:
    return _avg(node.this) if isinstance(node.this, exp.Avg) else node


def _plain_avg(node: exp.Avg) -> exp.Expression:
    return node if isinstance(node.parent, exp.Window) else _avg(node)


def _trunc(node: exp.Expression) -> exp.Expression:
    """DATE_TRUNC returns a timestamp in Redshift, of a date too."""
    return exp.cast(node.copy(), "timestamp")


def _now(node: exp.Expression) -> exp.Expression:
    return _macro("rs_now")


def _strtol(node: exp.Expression) -> exp.Expression:
    base = node.args.get("expression")
    if base is None or base.name != "16":
        raise not_here("STRTOL of a base other than 16")
    hexadecimal = exp.DPipe(this=exp.Literal.string("0x"), expression=node.this.copy())
    return exp.cast(exp.paren(hexadecimal), "bigint")


def _macro(name: str, *arguments: exp.Expression) -> exp.Expression:
    call = exp.Anonymous(this=name, expressions=list(arguments))
    return exp.Dot(this=exp.to_identifier("main"), expression=call)


REWRITES: tuple[tuple[type[exp.Expression], Callable[[Any], exp.Expression]], ...] = (
    (exp.Window, _window),
    (exp.Avg, _plain_avg),
    (exp.Div, _div),
    (exp.TimestampTrunc, _trunc),
    (exp.DateTrunc, _trunc),
    (exp.CurrentTimestamp, _now),
    (exp.FromBase, _strtol),
)
