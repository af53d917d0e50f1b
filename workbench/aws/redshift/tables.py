"""CREATE TABLE for DuckDB: lengths as checks in bytes; keys and storage are left out."""

from __future__ import annotations

import re

import sqlglot
from sqlglot import exp

from workbench.aws.redshift import storage
from workbench.aws.redshift.expressions import ceiling
from workbench.aws.redshift.refusals import SqlError, not_here, refused

TEMPORARY = (exp.TemporaryProperty,)
RAW = "USING COMPRESSION uncompressed"  # ENCODE RAW; other encodings are DuckDB's own choice

Type = exp.DataType.Type


def without_storage(sql: str) -> str:
    """A CREATE TABLE without the column attributes that sqlglot cannot read."""
    tokens = sqlglot.tokenize(sql, read="redshift")
    drop: list[tuple[int, int]] = []
    for index, token in enumerate(tokens):
        word = token.text.upper()
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        if token.token_type in (sqlglot.TokenType.STRING, sqlglot.TokenType.IDENTIFIER):
            continue
        if word == "ENCODE" and following is not None and following.text.upper() != "RAW":
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


def create(tree: exp.Create) -> None:
    if tree.args.get("kind") == "TABLE":
        storage.check(tree)
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
        keys = [each for key in tree.this.find_all(exp.PrimaryKey) for each in key.expressions]
        named = {each.name.lower() for each in keys}
        definitions = [column(each) for each in tree.this.expressions if not _is_key(each)]
        for each in definitions:
            if each.name.lower() in named:
                _not_null(each)
        tree.this.set("expressions", definitions)


def _is_key(definition: exp.Expression) -> bool:
    """Keys are information for Redshift's planner; all it enforces is NOT NULL of a primary one."""
    inner = definition.expressions if isinstance(definition, exp.Constraint) else [definition]
    return any(
        isinstance(each, (exp.PrimaryKey, exp.ForeignKey, exp.UniqueColumnConstraint))
        for each in inner
    )


def column(definition: exp.Expression) -> exp.Expression:
    """A column with its VARCHAR length as a CHECK in bytes, and without keys; not compressed where
    it is ENCODE RAW: half of the time of a load."""
    if not isinstance(definition, exp.ColumnDef):
        raise refused(f"{definition.sql('redshift')} in CREATE TABLE", "r_CREATE_TABLE_NEW.html")
    keys = (
        exp.PrimaryKeyColumnConstraint,
        exp.UniqueColumnConstraint,
        exp.Reference,
        exp.EncodeColumnConstraint,
        exp.CollateColumnConstraint,
    )
    storage.check_column(definition)
    _collation(definition)
    if definition.find(exp.PrimaryKeyColumnConstraint):
        _not_null(definition)
    kept = [
        each
        for each in definition.args.get("constraints") or []
        if not isinstance(each.args.get("kind"), keys) and not isinstance(each, exp.Reference)
    ]
    if definition.find(exp.EncodeColumnConstraint):
        kept.insert(0, exp.ColumnConstraint(kind=exp.var(RAW)))
    kind = definition.args.get("kind")
    if isinstance(kind, exp.DataType):
        kept.extend(exp.ColumnConstraint(kind=each) for each in _lengths(definition, kind))
    definition.set("constraints", kept)
    return definition


def _not_null(definition: exp.Expression) -> None:
    if not definition.find(exp.NotNullColumnConstraint):
        kind = exp.NotNullColumnConstraint()
        definition.append("constraints", exp.ColumnConstraint(kind=kind))


def _collation(definition: exp.ColumnDef) -> None:
    """CASE_SENSITIVE is what texts are anyway."""
    collation = definition.find(exp.CollateColumnConstraint)
    name = collation.this.name.upper() if collation is not None else "CS"
    if name not in ("CASE_SENSITIVE", "CS"):
        raise not_here(f"A column with COLLATE {name}")


def _lengths(definition: exp.ColumnDef, kind: exp.DataType) -> list[exp.CheckColumnConstraint]:
    """The length of a text or binary column, in bytes; CHAR holds single bytes only.

    A DECIMAL of 19 digits ends with 64 bits.
    """
    if most := ceiling(kind):
        held = exp.Anonymous(this="abs", expressions=[exp.column(definition.this.copy())])
        over = exp.paren(exp.GT(this=held, expression=most))
        return [exp.CheckColumnConstraint(this=exp.Not(this=over))]
    character = kind.is_type(Type.CHAR, Type.NCHAR, Type.BPCHAR)
    if not character and not kind.is_type(Type.VARCHAR, Type.TEXT, Type.NVARCHAR, Type.VARBINARY):
        return []
    default = "1" if kind.is_type(Type.CHAR, Type.NCHAR) else "256"
    given = kind.expressions[0].name if kind.expressions else ""
    default = "64000" if kind.is_type(Type.VARBINARY) else default
    column = exp.column(exp.to_identifier(definition.name.lower(), quoted=True))
    count = "octet_length" if kind.is_type(Type.VARBINARY) else "strlen"
    length = exp.Anonymous(this=count, expressions=[column])
    limit = given if given.isdigit() else ("65535" if given else default)
    checks: list[exp.Expression] = [
        exp.LTE(this=length, expression=exp.Literal.number(limit)),
    ]
    if character:
        single = exp.Anonymous(this="length", expressions=[column.copy()])
        checks.append(exp.EQ(this=length.copy(), expression=single))
    definition.set(
        "kind", exp.DataType.build("blob" if kind.is_type(Type.VARBINARY) else "text", "duckdb")
    )
    return [exp.CheckColumnConstraint(this=each) for each in checks]


def only_like(create: exp.Create, like: exp.LikeProperty) -> exp.Create:
    if len(create.this.expressions) != 1 or create.args.get("exists"):
        raise not_here("LIKE beside columns or IF NOT EXISTS")
    if not isinstance(like.this, exp.Table):
        raise SqlError('syntax error at or near "LIKE"')
    return create


def selected_into(tree: exp.Expression) -> exp.Expression:
    """SELECT … INTO as the CREATE TABLE … AS that it is."""
    first: exp.Expr = tree
    while isinstance(first, exp.SetOperation):
        first = first.this
    into = first.args.get("into") if isinstance(first, exp.Select) else None
    if into is None or into.args.get("unlogged"):
        return tree
    first.set("into", None)
    properties = [exp.TemporaryProperty()] if into.args.get("temporary") else []
    return exp.Create(
        this=into.this, kind="TABLE", expression=tree,
        properties=exp.Properties(expressions=properties) if properties else None,
    )  # fmt: skip
