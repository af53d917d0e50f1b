"""PartiQL: navigation into SUPER, unnesting in FROM, dynamic typing; what is left is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlglot import exp

from workbench.aws.redshift.functions import SUPER_KINDS as KINDS
from workbench.aws.redshift.plan import name_of
from workbench.aws.redshift.refusals import SqlError, not_here, refused

Type = exp.DataType.Type
Supers = Mapping[str, set[str]]
OURS = "super"  # of a node's meta: its value is SUPER
# Functions of one SUPER, and those of a text that holds JSON.
MACROS = ("json_typeof", "json_serialize", "json_size", "get_array_length")
TEXTS = ("is_valid_json", "is_valid_json_array", "can_json_parse", "json_array_length",
         "json_extract_array_element_text")  # fmt: skip
CASTS = {
    Type.SMALLINT: "integer", Type.INT: "integer", Type.BIGINT: "integer", Type.BOOLEAN: "boolean",
    Type.DECIMAL: "number", Type.FLOAT: "number", Type.DOUBLE: "number", Type.DATE: "moment",
    Type.TIMESTAMP: "moment", Type.TIMESTAMPTZ: "moment", Type.TIME: "moment",
    Type.VARCHAR: "text", Type.TEXT: "text", Type.NVARCHAR: "text",
}  # fmt: skip
ORDER = (exp.LT, exp.LTE, exp.GT, exp.GTE)
MUTE = (exp.DPipe, exp.Concat, exp.GroupConcat, exp.Like, exp.ILike, exp.In, exp.Between)


class Rewriting:
    """One statement's; ``supers`` are the SUPER columns of the warehouse, by table."""

    def __init__(self, tree: exp.Expression, supers: Supers) -> None:
        self._tree = tree
        self._supers = supers
        self._relations: dict[str, str] = {}  # alias: table, or "" of a subquery
        self._values: set[str] = set()  # aliases of what is unnested
        within = {each.alias for each in tree.find_all(exp.CTE)}
        for each in tree.find_all(exp.Table, exp.Subquery):
            known = isinstance(each, exp.Table) and (each.db or each.name not in within)
            table = name_of(each) if known and isinstance(each, exp.Table) else ""
            self._relations[each.alias_or_name] = table
        self._columns = {
            column for table in self._relations.values() for column in supers.get(table, ())
        }

    def run(self) -> None:
        for select in list(self._tree.find_all(exp.Select)):
            self._from(select)
        for node in list(self._tree.find_all(exp.Column, exp.Bracket, exp.Dot)):
            self._navigation(node)
        for function in reversed(list(self._tree.find_all(exp.Func))):
            self._function(function)
        for cast in reversed(list(self._tree.find_all(exp.Cast))):
            self._cast(cast)
        for compared in list(self._tree.find_all(exp.EQ, exp.NEQ, *ORDER)):
            self._comparison(compared)
        for node in self._tree.find_all(*MUTE):
            if any(self._is_super(each) for each in node.iter_expressions()):
                name = "||" if isinstance(node, exp.DPipe) else node.key.upper()
                raise not_here(f"{name} of SUPER without a cast")
        for default in self._tree.find_all(exp.DefaultColumnConstraint):
            if default.find(exp.Dot):
                raise not_here("A DEFAULT of SUPER")

    def _is_super(self, node: Any) -> bool:
        node = node.unnest() if isinstance(node, exp.Expr) else node
        if not isinstance(node, exp.Column):
            return isinstance(node, exp.Expr) and bool(node.meta.get(OURS))
        if not node.table:
            return node.name in self._values or node.name in self._columns
        return node.name in self._supers.get(self._relations.get(node.table, ""), ())

    # FROM

    def _from(self, select: exp.Select) -> None:
        source = select.args.get("from_")
        if source is not None and self._unnested(source.this):
            source.set("this", self._lateral(*self._unnested(source.this)).this)
        for join in select.args.get("joins") or []:
            if not (parts := self._unnested(join.this)):
                continue
            if join.side or join.args.get("on") or join.args.get("using"):
                raise not_here("An outer or conditional join of an unnested SUPER")
            join.set("this", self._lateral(*parts))

    def _unnested(self, item: exp.Expr) -> tuple[exp.Expr, str, str, bool] | tuple[()]:
        """What is iterated, the alias of its values and of their index, and if it is an object."""
        if isinstance(item, exp.Pivot) and item.args.get("unpivot") and item.this:
            inner = self._unnested(item.this)
            return (*inner[:3], True) if inner else ()
        if isinstance(item, exp.AtIndex):
            return (item.this.this, item.this.alias.lower(), item.expression.name.lower(), False)
        if isinstance(item, exp.Alias):
            return (item.this, item.alias.lower(), "", False)
        if isinstance(item, exp.Unnest):
            alias = item.args.get("alias")
            if alias is None or alias.this or len(item.expressions) != 1:
                raise refused("unnest")
            return (item.expressions[0], alias.columns[0].name, "", False)
        if not isinstance(item, exp.Table) or not isinstance(item.this, exp.Identifier):
            return ()
        return self._table(item)

    def _table(self, item: exp.Table) -> tuple[exp.Expr, str, str, bool] | tuple[()]:
        """``t.items i`` is a table of the schema t, unless t is a table with SUPER items."""
        if not item.db:
            found = item.name in self._values and item.alias
            return (exp.column(item.this.copy()), item.alias, "", False) if found else ()
        first = item.catalog or item.db
        table = self._relations.get(first)
        column = item.db if item.catalog else item.name
        known = column in self._supers.get(table or "", ())
        if not (known or table == "" or first in self._values):
            return ()
        parts = {part: item.args[part].copy() for part in ("db", "catalog") if item.args.get(part)}
        names = (parts.get("db"), parts.get("catalog"))
        value = exp.Column(this=item.this.copy(), table=names[0], db=names[1])
        return (value, item.alias or item.name, "", False)

    def _lateral(self, value: exp.Expr, alias: str, index: str, members: bool) -> exp.Lateral:
        text = exp.Dot(this=exp.paren(value.copy()), expression=exp.to_identifier("super"))
        text.meta["ours"] = True
        name = "rs_py_values" if members else "rs_py_elements"
        each = _call("unnest", _call(name, text))
        listed: list[exp.Expr] = [exp.alias_(_super("rs_super", each), alias, quoted=True)]
        if index:
            ours = text.copy()
            ours.meta["ours"] = True
            keys = _call("rs_py_attributes", ours)
            if not members:
                keys = _call("range", _call("rs_py_length", ours))
            listed.append(exp.alias_(_call("unnest", keys), index, quoted=True))
        self._values.add(alias)
        self._relations.pop(alias, None)
        select = exp.Subquery(this=exp.Select(expressions=listed))
        called = exp.TableAlias(this=exp.to_identifier(f"rs_{alias}", quoted=True))
        return exp.Lateral(this=select, alias=called)

    # Navigation

    def _navigation(self, node: exp.Expr) -> None:
        before = node.parent if isinstance(node.parent, (exp.Bracket, exp.Dot)) else None
        inner = before is not None and node.arg_key == "this" and not before.meta.get("ours")
        if node.meta.get("ours") or inner:
            return  # the whole path is rewritten at its end
        base, path = self._path(node)
        if not path:
            return
        if isinstance(self._tree, exp.Merge):
            raise SqlError("Partial reference of SUPER column is not supported in MERGE statement.")
        if isinstance(node.parent, exp.EQ) and isinstance(node.parent.parent, exp.Update):
            if node.arg_key == "this" and node.parent.arg_key == "expressions":
                raise refused("A partial update of SUPER", "limitations-super.html")
        steps = exp.Literal.string(json.dumps(path, ensure_ascii=False))
        _put(node, _super("rs_nav", base.copy(), steps), str(path[-1]))

    def _path(self, node: exp.Expr) -> tuple[exp.Expr, list[str | int]]:
        """A path's beginning, which is a column or any value, and its steps."""
        if isinstance(node, exp.Bracket):
            base, path = self._path(node.this)
            return base, [*path, *(_index(each) for each in node.expressions)]
        if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Identifier):
            base, path = self._path(node.this)
            return base, [*path, node.expression.name]
        if not isinstance(node, exp.Column) or isinstance(node.this, exp.Star):
            return node, []
        parts = [part for part in node.parts if isinstance(part, exp.Identifier)]
        names = [part.name for part in parts]
        first = 1 if len(parts) == 1 or self._is_value(names) else 2
        if len(names) > 2 and f"{names[0]}.{names[1]}" in self._relations.values():
            first = 3 if not self._is_value(names) else 1
        column = exp.Column(
            **dict(zip(("this", "table", "db"), reversed(parts[:first]), strict=False))
        )
        return (column if first < len(parts) else node), [*names[first:]]

    def _is_value(self, names: list[str]) -> bool:
        """Whether a path begins with a column or an unnested value and not with a table."""
        schema = any(table.startswith(f"{names[0]}.") for table in self._relations.values())
        return names[0] not in self._relations and not schema

    # Values

    def _function(self, node: exp.Func) -> None:
        name = node.name.lower() if isinstance(node, exp.Anonymous) else node.key
        given = [each.copy() for each in node.expressions]
        new: exp.Expr | None = None
        if isinstance(node, exp.ParseJSON):
            new = _super("rs_json_parse", node.this.copy())
        elif isinstance(node, exp.IsArray):
            new = _macro("rs_is", node.this.copy(), exp.Literal.string("array"))
        elif isinstance(node, exp.Array):
            new = _array(node)
        elif isinstance(node, exp.JSONExtractScalar):
            new = _path_text(node)
        elif name == "object":
            new = _object(given)
        elif name in MACROS:
            new = _macro(f"rs_{name}", *given)
        elif name.startswith("is_") and name[3:] in KINDS:
            new = _macro("rs_is", *given, exp.Literal.string(name[3:]))
        elif name in TEXTS:
            new = _of_text(name, given)
        if new is not None:
            _put(node, new, name)

    def _cast(self, cast: exp.Cast) -> None:
        kind, value = cast.to, cast.this
        if kind.this == Type.SUPER:
            new = value if self._is_super(value) else _super("rs_to_super", value.copy())
            cast.replace(new.copy())
        elif self._is_super(value):
            if kind.this not in CASTS:
                raise not_here(f"A cast of SUPER to {kind.this.value}")
            text = _macro("rs_scalar", value.copy(), exp.Literal.string(CASTS[kind.this]))
            made = exp.Cast if CASTS[kind.this] == "text" else exp.TryCast
            cast.replace(made(this=text, to=kind.copy()))

    def _comparison(self, node: exp.Expr) -> None:
        update = isinstance(node.parent, exp.Update) and node.arg_key == "expressions"
        if update or not (self._is_super(node.this) or self._is_super(node.expression)):
            return
        texts = [_text_of(each.copy()) for each in (node.this, node.expression)]
        if isinstance(node, (exp.EQ, exp.NEQ)):
            same = _call("rs_py_equal", *texts)
            node.replace(exp.Not(this=same) if isinstance(node, exp.NEQ) else same)
            return
        placed = _call("rs_py_order", *texts)
        node.replace(type(node)(this=placed, expression=exp.Literal.number(0)))


def _index(node: exp.Expr) -> str | int:
    if isinstance(node, exp.Literal):
        return node.name if node.is_string else int(node.name)
    raise not_here("An index into SUPER that is no constant")


def _array(node: exp.Array) -> exp.Expr:
    if node.args.get("bracket_notation"):
        raise refused("An array")
    texts = [_text_of(each.copy()) for each in node.expressions]
    if not texts:
        return _super("rs_super", exp.Literal.string("[]"))
    return _super("rs_array", _call("list_value", *texts))


def _object(given: list[exp.Expr]) -> exp.Expr:
    if len(given) % 2:
        raise SqlError("OBJECT needs a value for each attribute")
    if not given:
        return _super("rs_super", exp.Literal.string("{}"))
    texts = map(_text_of, given[1::2])
    return _super("rs_object", _call("list_value", *given[::2]), _call("list_value", *texts))


def _path_text(node: exp.JSONExtractScalar) -> exp.Expr:
    path = node.expression
    names = [path, *node.expressions]
    if isinstance(path, exp.JSONPath):
        names = [exp.Literal.string(str(each.this)) for each in path.expressions[1:]]
    lax = names.pop() if len(names) > 1 and isinstance(names[-1], exp.Boolean) else exp.false()
    if len(names) > 5:
        raise refused("A path of more than five steps", "JSON_EXTRACT_PATH_TEXT.html")
    return _call("rs_py_path", node.this.copy(), _call("list_value", *names), lax.copy())


def _of_text(name: str, given: list[exp.Expr]) -> exp.Expr:
    """Functions of a text that holds JSON."""
    if name == "can_json_parse":
        return _call("rs_py_can_parse", *given)
    if name.startswith("is_valid_json"):
        return _call("rs_py_is_json", *given, exp.Literal.string("[" if "array" in name else "{"))
    if name == "json_array_length":
        return _call("rs_py_array_size", *given, *([] if len(given) > 1 else [exp.false()]))
    index = [exp.cast(each, "varchar", dialect="duckdb") for each in given[1:2]]
    return _call("rs_py_path", given[0], _call("list_value", *index), *(given[2:] or [exp.false()]))


def _text_of(value: exp.Expr) -> exp.Expr:
    return _macro("rs_text_of", value)


def _put(node: exp.Expr, new: exp.Expr, name: str) -> None:
    """In the place of a node; a column of a result keeps the name that Redshift gives it."""
    listed = isinstance(node.parent, exp.Select) and node.arg_key == "expressions"
    node.replace(exp.alias_(new, name, quoted=True) if listed else new)


def _call(name: str, *arguments: exp.Expr) -> exp.Expr:
    return exp.Anonymous(this=name, expressions=list(arguments))


def _macro(name: str, *arguments: exp.Expr) -> exp.Expr:
    dot = exp.Dot(this=exp.to_identifier("main"), expression=_call(name, *arguments))
    dot.meta["ours"] = True
    return dot


def _super(name: str, *arguments: exp.Expr) -> exp.Expr:
    call = _macro(name, *arguments)
    call.meta[OURS] = True
    return call
