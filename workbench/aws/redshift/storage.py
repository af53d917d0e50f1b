"""The attributes of a CREATE TABLE that say how rows are stored: checked, then left out."""

from __future__ import annotations

from collections.abc import Iterator

import sqlglot
from sqlglot import exp

from workbench.aws.redshift.refusals import SqlError, not_here, refused

PAGE = "r_CREATE_TABLE_NEW.html"
# https://docs.aws.amazon.com/redshift/latest/dg/c_Compression_encodings.html
ENCODINGS = frozenset(
    "AUTO AZ64 BYTEDICT DELTA DELTA32K LZO MOSTLY8 MOSTLY16 MOSTLY32 RAW RUNLENGTH TEXT255 "
    "TEXT32K ZSTD".split()
)
STYLES = ("AUTO", "EVEN", "KEY", "ALL")
PROPERTIES = (
    exp.TemporaryProperty, exp.DistKeyProperty, exp.SortKeyProperty, exp.DistStyleProperty,
    exp.BackupProperty, exp.LikeProperty,
)  # fmt: skip
CONSTRAINTS = (
    exp.NotNullColumnConstraint, exp.DefaultColumnConstraint, exp.PrimaryKeyColumnConstraint,
    exp.UniqueColumnConstraint, exp.EncodeColumnConstraint, exp.CollateColumnConstraint,
    exp.GeneratedAsIdentityColumnConstraint, exp.Reference,
)  # fmt: skip


def check_words(sql: str) -> None:
    """Encodings and styles by their names, and a key at most once."""
    quoted = (sqlglot.TokenType.STRING, sqlglot.TokenType.IDENTIFIER)
    tokens = sqlglot.tokenize(sql, read="redshift")
    words = ["" if each.token_type in quoted else each.text.upper() for each in tokens]
    followed = list(zip(words, [*words[1:], ""], strict=True))
    for (word, after), before in zip(followed, ["", *words], strict=False):
        if word == "ENCODE" and before in ("(", ","):  # a reserved word as a name
            raise SqlError('syntax error at or near "encode"')
        if word == "ENCODE" and after not in ENCODINGS:
            raise SqlError(f"invalid encoding type {after.lower()}")
        if word == "DISTSTYLE" and after not in STYLES:
            raise SqlError(f"invalid DISTSTYLE {after.lower()}")
        if word == "BACKUP" and after not in ("YES", "NO"):
            raise SqlError('syntax error at or near "BACKUP"')
    _keys(followed)


def _keys(followed: list[tuple[str, str]]) -> None:
    distributed = [after for word, after in followed if word == "DISTKEY"]
    sorted_ = [after in ("(", "AUTO") for word, after in followed if word == "SORTKEY"]
    if len(distributed) > 1:
        raise SqlError("a table has at most one DISTKEY")
    if sum(sorted_) + (not all(sorted_)) > 1:
        raise SqlError("a table has at most one SORTKEY")
    style = next((after for word, after in followed if word == "DISTSTYLE"), "")
    if distributed and style not in ("", "KEY"):
        raise SqlError(f"DISTSTYLE {style} and a DISTKEY exclude each other")
    if style == "KEY" and not distributed:
        raise SqlError("DISTSTYLE KEY needs a DISTKEY")


def check(create: exp.Create) -> None:
    """What stands behind the columns of a CREATE TABLE, and the columns that it names."""
    properties = create.args.get("properties")
    for each in properties.expressions if properties else ():
        if isinstance(each, exp.ExternalProperty):
            raise not_here("CREATE EXTERNAL TABLE")
        if not isinstance(each, PROPERTIES):
            raise refused(f"{_words(each)} in CREATE TABLE", PAGE)
    columns = _columns(create)
    named = [*_named(properties), *_keyed(create)]
    for name in named if columns else ():
        if name not in columns:
            raise SqlError(f'column "{name}" named in key does not exist')
    primary = [*create.find_all(exp.PrimaryKeyColumnConstraint), *create.find_all(exp.PrimaryKey)]
    if len(primary) > 1:
        table = create.find(exp.Table)
        name = table.name if table is not None else ""
        raise SqlError(f'multiple primary keys for table "{name}" are not allowed')


def check_column(definition: exp.ColumnDef) -> None:
    for each in definition.args.get("constraints") or []:
        kind = each.args.get("kind") if isinstance(each, exp.ColumnConstraint) else None
        if kind is not None and not isinstance(kind, CONSTRAINTS):
            raise refused(f"{_words(kind)} in CREATE TABLE", PAGE)


def _words(node: exp.Expression) -> str:
    """What was written; sqlglot writes nothing for what Redshift has not, as COMMENT."""
    return node.sql("redshift")[:60] or node.sql("mysql")[:60] or node.key.upper()


def _columns(create: exp.Create) -> set[str]:
    """The names of the columns; none if they are those of another table."""
    if isinstance(create.this, exp.Schema):
        return {each.name.lower() for each in create.this.find_all(exp.ColumnDef)}
    query = create.args.get("expression")
    selected = query.selects if isinstance(query, exp.Query) else []
    if any(each.is_star for each in selected):
        return set()
    return {each.alias_or_name.lower() for each in selected}


def _named(properties: exp.Properties | None) -> Iterator[str]:
    """The columns of DISTKEY and SORTKEY."""
    for each in properties.expressions if properties else ():
        if isinstance(each, (exp.DistKeyProperty, exp.SortKeyProperty)):
            listed = each.this if isinstance(each.this, list) else [each.this]
            yield from (column.name.lower() for column in listed if column is not None)


def _keyed(create: exp.Create) -> Iterator[str]:
    """The columns of keys that stand behind the columns."""
    for key in create.find_all(exp.PrimaryKey, exp.ForeignKey):
        yield from (each.name.lower() for each in key.expressions)
    for unique in create.find_all(exp.UniqueColumnConstraint):
        if isinstance(unique.this, exp.Schema):
            yield from (each.name.lower() for each in unique.this.expressions)
