"""Redshift's SQL as DuckDB's: parsed, checked, rewritten where the two mean different things."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, SqlglotError, TokenError

from workbench.aws.redshift import (
    alter,
    existence,
    foreign,
    identity,
    merge,
    partiql,
    storage,
    tables,
    windows,
)
from workbench.aws.redshift.command import table_path
from workbench.aws.redshift.expressions import REWRITES
from workbench.aws.redshift.functions import NO_TYPES, Named
from workbench.aws.redshift.partiql import Supers
from workbench.aws.redshift.plan import Translated, duckdb_sql, targets
from workbench.aws.redshift.refusals import SYSTEM_TABLES, SqlError, check, not_here

# sqlglot warns about each property that DuckDB has not; they are dropped on purpose.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

LOCAL = re.compile(r"^(\s*CREATE\s+)LOCAL\s+", re.I)
CREATE_TABLE = re.compile(r"\s*CREATE\s+(?:(?:LOCAL\s+)?TEMP(?:ORARY)?\s+)?TABLE\b", re.I)
TABLE_NAME = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+)){0,2})'
LOCK = re.compile(rf"\s*LOCK\s+(?:TABLE\s+)?{TABLE_NAME}\s*(?:,\s*{TABLE_NAME}\s*)*;?\s*", re.I)
COPY = re.compile(r"\s*COPY\b", re.I)
COPY_INTO = re.compile(r'\s*COPY\s+(?:("[^"]+"|\w+)\.)?("[^"]+"|\w+)', re.I)
MERGE = re.compile(r"\s*MERGE\b", re.I)
UNLOAD = re.compile(r"\s*UNLOAD\b", re.I)
COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.S)
# Nothing to do here: no storage to sort, no statistics to keep.
VACUUM = re.compile(
    rf"VACUUM(?:\s+(?:FULL|SORT\s+ONLY|DELETE\s+ONLY|REINDEX|RECLUSTER))?(?:\s+{TABLE_NAME})?"
    r"(?:\s+TO\s+\d+\s+PERCENT)?(?:\s+BOOST)?\s*;?\s*",
    re.I,
)
ANALYZE = re.compile(
    rf"ANALY[ZS]E(?:\s+VERBOSE)?(?:\s+{TABLE_NAME}(?:\s*\(([\w\s,\"]*)\))?)?"
    r"(?:\s+(?:PREDICATE|ALL)\s+COLUMNS)?\s*;?\s*",
    re.I,
)
STORAGE = re.compile(
    rf"ALTER\s+TABLE\s+{TABLE_NAME}\s+(?:ALTER\s+(?:DISTKEY|DISTSTYLE|(?:COMPOUND\s+)?SORTKEY|ENCODE)"
    r"|APPEND)\b",
    re.I,
)
PARAMETER = re.compile(r"(?<!:):\s*\w")
DELETE = re.compile(r"^(\s*DELETE)\s+(?!FROM\b)", re.I)
NONE: Supers = {}


def translate(
    sql: str, database: str, parameters: Mapping[str, str] | None = None, supers: Supers = NONE
) -> Translated:
    """One Redshift statement for DuckDB. Raises SqlError if Redshift would not run it.

    ``supers``: the SUPER columns that there are, by table.
    """
    sql = _bare(sql)
    if LOCK.fullmatch(sql):
        names = re.findall(TABLE_NAME, re.sub(r"^\s*LOCK\s+(TABLE\s+)?", "", sql, flags=re.I))
        for name in names:
            table_path(name)
        return Translated("lock", tables=tuple(name.replace('"', "").lower() for name in names))
    if vacuum := VACUUM.fullmatch(sql):
        return Translated("nothing", alone="VACUUM", named=existence.of_text(vacuum[1]))
    if analyze := ANALYZE.fullmatch(sql):
        return Translated("nothing", named=existence.of_text(*analyze.groups()))
    if COPY.match(sql):
        return Translated("copy", sql, _loaded(sql))
    if UNLOAD.match(sql):
        return Translated("unload", sql, database=database)
    tree = parse(sql)
    if isinstance(tree, (exp.Grant, exp.Revoke, exp.Comment)):
        return Translated("nothing", named=existence.of_tree(tree))
    _bind(tree, parameters or {})
    tree = tables.selected_into(tree)
    semistructured = check(tree)
    foreign.check(tree)
    windows.check(tree)
    if isinstance(tree, exp.Merge):
        merge.check(tree)
    if isinstance(tree, (exp.Create, exp.Alter)):
        identity.check(tree)
    if isinstance(tree, exp.Create):
        tables.create(tree)
    _normalise(tree, database)
    if semistructured or supers:
        partiql.Rewriting(tree, supers).run()
    return replace(_planned(_rewritten(tree)), semistructured=semistructured)


def _planned(tree: exp.Expression) -> Translated:
    if isinstance(tree, exp.Create) and (like := tree.find(exp.LikeProperty)):
        return Translated("like", tree=tables.only_like(tree, like))
    if isinstance(tree, exp.Alter):
        return alter.altered(tree)
    if merge.is_simplified(tree):
        return Translated("merge", tables=targets(tree), tree=tree)
    if isinstance(tree, exp.Create) and tree.find(exp.GeneratedAsIdentityColumnConstraint):
        return Translated("identity", tables=targets(tree), tree=tree)
    return Translated(_kind(tree), duckdb_sql(tree), targets(tree), tree)


def _loaded(sql: str) -> tuple[str, ...]:
    match = COPY_INTO.match(sql)
    schema, table = match.groups() if match else ("", "")
    names = ((part or "public").replace('"', "").lower() for part in (schema, table))
    return (".".join(names),) if match else ()


def _kind(tree: exp.Expression) -> str:
    if isinstance(tree, exp.TruncateTable):
        return "truncate"
    return "query" if isinstance(tree, exp.Query) else "write"


def _bare(sql: str) -> str:
    """The statement without the comments in front of it."""
    match = COMMENTS.match(sql)
    return sql[match.end() :] if match else sql


# A first word that begins no statement: Redshift complains of it, and not of what comes after it.
FIRST = re.compile(
    r"\s*(?!(?:SELECT|WITH|VALUES|TABLE|INSERT|UPDATE|DELETE|MERGE|TRUNCATE|COPY|UNLOAD|CREATE|DROP|"
    r"ALTER|COMMENT|GRANT|REVOKE|BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SET|RESET|SHOW|EXPLAIN|LOCK|"
    r"VACUUM|ANALY[SZ]E|CALL|DECLARE|FETCH|CLOSE|PREPARE|EXECUTE|DEALLOCATE|CANCEL|REFRESH|USE)\b)"
    r"([A-Za-z_]\w*)",
    re.IGNORECASE,
)


def parse(sql: str) -> exp.Expression:
    """The only statement of ``sql``; SqlError if it cannot be parsed as Redshift's SQL."""
    try:
        if CREATE_TABLE.match(sql):
            storage.check_words(sql)
            sql = LOCAL.sub(r"\1", tables.without_storage(sql))
        sql = DELETE.sub(r"\1 FROM ", sql)  # FROM may be left out, which sqlglot does not know
        if simplified := bool(MERGE.match(sql) and merge.SIMPLIFIED.search(sql)):
            sql = merge.readable(sql)
        if match := STORAGE.match(sql):
            raise not_here(f"{match.group()} …")
        foreign.check_tokens(sql)
        trees = [tree for tree in _trees(sql) if tree is not None]
    except ParseError as error:
        first = FIRST.match(sql)
        word = first[1] if first else str(error.errors[0].get("highlight"))
        if word.upper() in NO_TYPES:
            raise SqlError(f'type "{word.lower()}" does not exist') from None
        raise SqlError(f'syntax error at or near "{word}"') from None
    except (TokenError, RecursionError) as error:
        raise SqlError(f"syntax error: {type(error).__name__}") from None
    if len(trees) != 1:
        raise SqlError("syntax error: one statement is expected")
    tree = trees[0]
    if not isinstance(tree, exp.Expression):
        raise SqlError("syntax error")
    if isinstance(tree, (exp.Alias, exp.Column)):  # two words that are no statement
        raise SqlError(f'syntax error at or near "{sql.split()[0]}"')
    if isinstance(tree, exp.Merge):
        if simplified:
            merge.simplify(tree)
        for insert in tree.find_all(exp.Insert):
            merge.read_values(insert)
    if isinstance(tree, exp.Create) and isinstance(tree.args.get("expression"), exp.Subquery):
        if not re.search(r"\bAS\s*\(", sql, re.I):  # or it is a column with a reserved name
            raise SqlError('syntax error at or near "("')
    statement: exp.Expression = tree
    return statement


def _trees(sql: str) -> list[Any]:
    """What sqlglot reads. Some garbage makes its parser fail with errors that are not its own."""
    try:
        return list(sqlglot.parse(sql, read=Named))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, SqlglotError):
            raise
        raise SqlError(f"syntax error: {type(error).__name__}") from None


def placeholders(sql: str) -> set[str]:
    """The names of the ``:name`` parameters in ``sql``; none if it cannot be parsed."""
    sql = _bare(sql)
    if not PARAMETER.search(sql) or any(each.fullmatch(sql) for each in (LOCK, VACUUM, ANALYZE)):
        return set()  # not parsed: most statements have no parameter
    if COPY.match(sql) or UNLOAD.match(sql):
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


def _rewritten(tree: exp.Expression) -> exp.Expression:
    there = _kinds(tree)  # to walk the tree for each kind that is not there would take the longest
    for kind, rewrite in REWRITES:
        if not any(issubclass(each, kind) for each in there):
            continue
        for node in reversed(list(tree.find_all(kind))):
            new = rewrite(node)
            if new is not node:
                if node is tree:
                    tree = new
                node.replace(new)
        there = _kinds(tree)
    return tree


def _kinds(tree: exp.Expression) -> set[type[exp.Expr]]:
    return {type(node) for node in tree.walk()}


def _normalise(tree: exp.Expression, database: str) -> None:
    """Names in lower case, of this database; system views are ours."""
    for node in tree.find_all(exp.Identifier):
        node.set("this", node.name.lower())
    named = list(tree.find_all(exp.Table))
    for table in named:
        if table.catalog == database:
            table.set("catalog", None)
        elif table.catalog and not any(table.catalog == each.alias for each in named):
            raise not_here(f"the database {table.catalog}")
        schema = "" if table.db == "pg_catalog" else table.db
        ours = SYSTEM_TABLES.get(f"{schema}.{table.name}" if schema else table.name)
        if ours:
            alias = exp.TableAlias(this=exp.to_identifier(table.name))
            table.set("alias", table.args.get("alias") or alias)
            table.set("this", exp.to_identifier(ours))
            table.set("db", exp.to_identifier("main"))
    for current in list(tree.find_all(exp.CurrentDatabase)):
        current.replace(exp.Literal.string(database))
