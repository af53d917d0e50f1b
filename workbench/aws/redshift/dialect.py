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

from workbench.aws.redshift.refusals import SYSTEM_TABLES, SqlError, check, not_here, refused

# sqlglot warns about each property that DuckDB has not; they are dropped on purpose.
logging.getLogger("sqlglot").setLevel(logging.ERROR)

CREATE_TABLE = re.compile(r"\s*CREATE\s+(?:(?:LOCAL\s+)?TEMP(?:ORARY)?\s+)?TABLE\b", re.I)
TABLE_NAME = r'((?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+)){0,2})'
LOCK = re.compile(rf"\s*LOCK\s+(?:TABLE\s+)?{TABLE_NAME}\s*(?:,\s*{TABLE_NAME}\s*)*;?\s*", re.I)
COPY = re.compile(r"\s*COPY\b", re.I)
COMMENTS = re.compile(r"(?:\s+|--[^\n]*(?:\n|$)|/\*.*?\*/)*", re.S)
# Nothing to do here: no storage to sort, no statistics to keep.
VACUUM = re.compile(
    rf"VACUUM(?:\s+(?:FULL|SORT\s+ONLY|DELETE\s+ONLY|REINDEX|RECLUSTER))?(?:\s+{TABLE_NAME})?"
    r"(?:\s+TO\s+\d+\s+PERCENT)?(?:\s+BOOST)?\s*;?\s*",
    re.I,
)
ANALYZE = re.compile(
    rf"ANALY[ZS]E(?:\s+VERBOSE)?(?:\s+{TABLE_NAME}(?:\s*\([\w\s,\"]*\))?)?"
    r"(?:\s+(?:PREDICATE|ALL)\s+COLUMNS)?\s*;?\s*",
    re.I,
)
STORAGE = re.compile(
    rf"ALTER\s+TABLE\s+{TABLE_NAME}\s+(?:ALTER\s+(?:DISTKEY|DISTSTYLE|(?:COMPOUND\s+)?SORTKEY|ENCODE)"
    r"|APPEND)\b",
    re.I,
)
DELETE = re.compile(r"^(\s*DELETE)\s+(?!FROM\b)", re.I)
# sqlglot reads these words as Redshift's of the same meaning.
FOREIGN = {"BYTEA", "BLOB", "STRING_AGG"}
TEMPORARY = (exp.TemporaryProperty,)
USER = "awsuser"


@dataclass(frozen=True)
class Translated:
    """What to do: ``kind`` is query, write, truncate, lock, copy, like, rebuild or nothing."""

    kind: str
    sql: str = ""
    tables: tuple[str, ...] = ()  # to be locked, or written
    tree: exp.Expression | None = None
    alone: str = ""  # what must not run inside a transaction block


def translate(sql: str, database: str, parameters: Mapping[str, str] | None = None) -> Translated:
    """One Redshift statement for DuckDB. Raises SqlError if Redshift would not run it."""
    sql = _bare(sql)
    if LOCK.fullmatch(sql):
        names = re.findall(TABLE_NAME, re.sub(r"^\s*LOCK\s+(TABLE\s+)?", "", sql, flags=re.I))
        return Translated("lock", tables=tuple(name.replace('"', "").lower() for name in names))
    if VACUUM.fullmatch(sql):
        return Translated("nothing", alone="VACUUM")
    if ANALYZE.fullmatch(sql):
        return Translated("nothing")
    if COPY.match(sql):
        return Translated("copy", sql)
    tree = parse(sql)
    if isinstance(tree, (exp.Grant, exp.Revoke, exp.Comment)):
        return Translated("nothing")
    _bind(tree, parameters or {})
    check(tree)
    tree = _rewritten(tree, database)
    if isinstance(tree, exp.Create) and (like := tree.find(exp.LikeProperty)):
        return Translated("like", tree=_only(tree, like))
    if isinstance(tree, exp.Alter):
        return _altered(tree)
    return Translated(_kind(tree), _duckdb(tree), _targets(tree))


def _kind(tree: exp.Expression) -> str:
    if isinstance(tree, exp.TruncateTable):
        return "truncate"
    return "query" if isinstance(tree, exp.Query) else "write"


def _duckdb(tree: exp.Expression) -> str:
    try:
        return tree.sql("duckdb", unsupported_level=sqlglot.ErrorLevel.IGNORE)
    except SqlglotError as error:
        raise not_here(str(error)) from None


def _targets(tree: exp.Expression) -> tuple[str, ...]:
    """The table that a statement writes."""
    if isinstance(tree, exp.Query):
        return ()
    first = tree.find(exp.Table)
    return (f"{first.db or 'public'}.{first.name}",) if first is not None else ()


def _only(create: exp.Create, like: exp.LikeProperty) -> exp.Create:
    if len(create.this.expressions) != 1 or create.args.get("exists"):
        raise not_here("LIKE beside columns or IF NOT EXISTS")
    if not isinstance(like.this, exp.Table):
        raise SqlError('syntax error at or near "LIKE"')
    return create


def _altered(tree: exp.Alter) -> Translated:
    """ALTER TABLE: one change a statement; keys are not kept; lengths need the table rebuilt."""
    page = "r_ALTER_TABLE.html"
    actions = tree.args["actions"]
    if not isinstance(tree.this, exp.Table):
        raise SqlError('syntax error at or near "ALTER"')
    if len(actions) != 1:
        raise refused("More than one change in ALTER TABLE", page)
    action, alone = actions[0], ""
    if isinstance(action, exp.AddConstraint):
        return Translated("nothing")
    if isinstance(action, exp.AlterColumn):
        kind = action.args.get("dtype")
        if kind is None or not kind.is_type("varchar", "text"):
            raise refused("ALTER COLUMN other than TYPE VARCHAR", page)
        action, alone = exp.ColumnDef(this=action.this, kind=kind), "ALTER TABLE ALTER COLUMN"
    if isinstance(action, exp.ColumnDef):
        column = _column(action)
        if alone or column.find(exp.CheckColumnConstraint):
            held = exp.Alter(this=tree.this, actions=[column])
            return Translated("rebuild", tables=_targets(tree), tree=held, alone=alone)
    return Translated("write", _duckdb(tree), _targets(tree))


def _bare(sql: str) -> str:
    """The statement without the comments in front of it."""
    match = COMMENTS.match(sql)
    return sql[match.end() :] if match else sql


def parse(sql: str) -> exp.Expression:
    """The only statement of ``sql``; SqlError if it cannot be parsed as Redshift's SQL."""
    try:
        if CREATE_TABLE.match(sql):
            sql = _without_storage(sql)
        sql = DELETE.sub(r"\1 FROM ", sql)  # FROM may be left out, which sqlglot does not know
        if re.search(r"\bREMOVE\s+DUPLICATES\s*;?\s*$", sql, re.I):
            raise not_here("MERGE … REMOVE DUPLICATES")
        if match := STORAGE.match(sql):
            raise not_here(f"{match.group()} …")
        _refuse_from_first(sql)
        trees = [tree for tree in _trees(sql) if tree is not None]
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
    for insert in tree.find_all(exp.Insert) if isinstance(tree, exp.Merge) else ():
        _read_values(insert)
    if isinstance(tree, exp.Create) and isinstance(tree.args.get("expression"), exp.Subquery):
        if not re.search(r"\bAS\s*\(", sql, re.I):  # or it is a column with a reserved name
            raise SqlError('syntax error at or near "("')
    statement: exp.Expression = tree
    return statement


def _trees(sql: str) -> list[Any]:
    """What sqlglot reads. Some garbage makes its parser fail with errors that are not its own."""
    try:
        return list(sqlglot.parse(sql, read="redshift"))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        if isinstance(error, SqlglotError):
            raise
        raise SqlError(f"syntax error: {type(error).__name__}") from None


def _read_values(insert: exp.Insert) -> None:
    """MERGE … INSERT VALUES (…) without columns, which sqlglot reads as a function's call."""
    columns = insert.this.expressions if isinstance(insert.this, exp.Tuple) else []
    if len(columns) == 1 and isinstance(columns[0], exp.Anonymous):
        insert.set("expression", exp.Tuple(expressions=columns[0].expressions))
        insert.set("this", None)


def _refuse_from_first(sql: str) -> None:
    """Words of other dialects, and DuckDB's FROM without SELECT, which sqlglot reads in all."""
    before = sqlglot.TokenType.L_PAREN
    quoted = (sqlglot.TokenType.STRING, sqlglot.TokenType.IDENTIFIER)
    for token in sqlglot.tokenize(sql, read="redshift"):
        if token.text.upper() in FOREIGN and token.token_type not in quoted:
            raise refused(token.text.upper(), "c_unsupported-postgresql-features.html")
        if token.token_type == sqlglot.TokenType.FROM and before == sqlglot.TokenType.L_PAREN:
            raise SqlError('syntax error at or near "FROM"')
        before = token.token_type


def placeholders(sql: str) -> set[str]:
    """The names of the ``:name`` parameters in ``sql``; none if it cannot be parsed."""
    sql = _bare(sql)
    if any(each.fullmatch(sql) for each in (LOCK, VACUUM, ANALYZE)) or COPY.match(sql):
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
        elif word == "INTERLEAVED":
            drop.append((token.start, token.end))
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
        schema = "" if table.db == "pg_catalog" else table.db
        ours = SYSTEM_TABLES.get(f"{schema}.{table.name}" if schema else table.name)
        if ours:
            alias = exp.TableAlias(this=exp.to_identifier(table.name))
            table.set("alias", table.args.get("alias") or alias)
            table.set("this", exp.to_identifier(ours))
            table.set("db", exp.to_identifier("main"))
    for current in list(tree.find_all(exp.CurrentDatabase)):
        current.replace(exp.Literal.string(database))


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
        if tree.find(exp.LikeProperty):
            return
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
    if isinstance(kind, exp.DataType):
        kept.extend(exp.ColumnConstraint(kind=each) for each in _lengths(definition, kind))
    definition.set("constraints", kept)
    return definition


def _lengths(definition: exp.ColumnDef, kind: exp.DataType) -> list[exp.CheckColumnConstraint]:
    """The length of a text or binary column, in bytes; CHAR holds single bytes only."""
    character = kind.is_type("char", "nchar", "bpchar")
    if not character and not kind.is_type("varchar", "text", "nvarchar", "varbinary"):
        return []
    default = "1" if kind.is_type("char", "nchar") else "256"
    given = kind.expressions[0].name if kind.expressions else ""
    default = "64000" if kind.is_type("varbinary") else default
    column = exp.column(exp.to_identifier(definition.name.lower(), quoted=True))
    count = "octet_length" if kind.is_type("varbinary") else "strlen"
    length = exp.Anonymous(this=count, expressions=[column])
    limit = given if given.isdigit() else ("65535" if given else default)
    checks: list[exp.Expression] = [
        exp.LTE(this=length, expression=exp.Literal.number(limit)),
    ]
    if character:
        single = exp.Anonymous(this="length", expressions=[column.copy()])
        checks.append(exp.EQ(this=length.copy(), expression=single))
    definition.set(
        "kind", exp.DataType.build("blob" if kind.is_type("varbinary") else "text", "duckdb")
    )
    return [exp.CheckColumnConstraint(this=each) for each in checks]


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


def _trunc_of(node: exp.Trunc) -> exp.Expression:
    """TRUNC of a timestamp is its date. Of a column we cannot tell, and DuckDB says so."""
    inner = node.this
    moment = isinstance(inner, (exp.CurrentTimestamp, exp.TsOrDsToTimestamp)) or (
        isinstance(inner, exp.Cast) and inner.to.is_type("timestamp", "timestamptz", "date")
    )
    return _macro("rs_day", inner.copy()) if moment else node


def _listagg(node: exp.GroupConcat) -> exp.Expression:
    """LISTAGG(DISTINCT x, ','), whose separator sqlglot takes for a second expression."""
    distinct = node.this
    if isinstance(distinct, exp.Distinct) and len(distinct.expressions) == 2:
        value, separator = distinct.expressions
        node.set("this", exp.Distinct(expressions=[value]))
        node.set("separator", separator)
    return node


def _function(node: exp.Anonymous) -> exp.Expression:
    """Functions that DuckDB has under another name."""
    names = {
        "octet_length": "rs_bytes",
        "pg_last_copy_count": "rs_last_copy_count",
    }
    name = node.name.lower()
    renamed = {"func_sha1": "sha1", "from_hex": "unhex", "is_valid_json": "json_valid"}
    if name in renamed:
        return exp.Anonymous(this=renamed[name], expressions=node.expressions)
    return _macro(names[name], *node.expressions) if name in names else node


def _cast(node: exp.Cast) -> exp.Expression:
    """A cast to a text cuts what is too long, in bytes; without a length that is 256."""
    kind = node.to
    if not kind.is_type("varchar", "text", "nvarchar"):
        return node
    given = kind.expressions[0].name if kind.expressions else "256"
    limit = given if given.isdigit() else "65535"
    return _macro("rs_varchar", node.this.copy(), exp.Literal.number(limit))


def _data_type(node: exp.DataType) -> exp.Expression:
    """DECIMAL is DECIMAL(18,0), and FLOAT takes its digits."""
    if node.is_type("decimal") and not node.expressions:
        return exp.DataType.build("DECIMAL(18,0)")
    if node.is_type("double", "float") and node.expressions:
        return exp.DataType.build("float" if int(node.expressions[0].name) <= 24 else "double")
    return node


def _regexp_replace(node: exp.RegexpReplace) -> exp.Expression:
    """Redshift replaces every match, DuckDB the first."""
    node.set("modifiers", exp.Literal.string("g"))
    return node


def _update(node: exp.Update) -> exp.Expression:
    """SET column = DEFAULT, which sqlglot takes for a column."""
    for each in node.expressions:
        value = each.expression if isinstance(each, exp.EQ) else None
        if isinstance(value, exp.Column) and value.name == "default" and not value.this.quoted:
            value.replace(exp.Var(this="DEFAULT"))
    return node


def _hex(node: exp.LowerHex) -> exp.Expression:
    """TO_HEX of a part of a VARBYTE."""
    part = node.this
    if not isinstance(part, exp.Substring) or part.args.get("length") is None:
        return node
    return _macro("rs_hex_part", part.this.copy(), part.args["start"], part.args["length"])


def _user(node: exp.Expression) -> exp.Expression:
    return exp.Literal.string(USER)


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
    (exp.Trunc, _trunc_of),
    (exp.CurrentTimestamp, _now),
    (exp.CurrentUser, _user),
    (exp.GroupConcat, _listagg),
    (exp.Anonymous, _function),
    (exp.LowerHex, _hex),
    (exp.DataType, _data_type),
    (exp.Cast, _cast),
    (exp.RegexpReplace, _regexp_replace),
    (exp.Update, _update),
    (exp.FromBase, _strtol),
)
