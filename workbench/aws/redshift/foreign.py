"""What sqlglot reads of other dialects and DuckDB would run; Redshift has it not."""

from __future__ import annotations

import sqlglot
from sqlglot import Token, exp

from workbench.aws.redshift.refusals import SqlError, not_here, refused

Kind = sqlglot.TokenType
TYPED = (Kind.DATE, Kind.TIMESTAMP, Kind.TIME)
# sqlglot reads these words as Redshift's of the same meaning.
WORDS = {"BYTEA", "BLOB", "STRING_AGG"}
# Operators whose sign or word is lost once they are parsed.
OPERATORS = {"==", "<=>", "GLOB", "RLIKE", "REGEXP"}
NAMING = (Kind.DOT, Kind.ALIAS, Kind.FROM, Kind.JOIN)  # a name follows
ENDS = (Kind.R_PAREN, Kind.FROM, Kind.WHERE)
STAR = ("except_", "except", "replace", "rename")


def check_tokens(sql: str) -> None:
    """Words of other dialects, and DuckDB's FROM without SELECT, which sqlglot reads in all."""
    tokens = sqlglot.tokenize(sql, read="redshift")
    for index, token in enumerate(tokens):
        before = tokens[index - 1] if index else None
        _token(token, before, tokens[index - 2] if index > 1 else None)


def _token(token: Token, before: Token | None, first: Token | None) -> None:
    kind, text = token.token_type, token.text.upper()
    word = kind not in (Kind.STRING, Kind.IDENTIFIER)
    last = before.token_type if before is not None else Kind.L_PAREN
    beyond = first.token_type if first is not None else None
    if word and text in WORDS:
        raise refused(text, "c_unsupported-postgresql-features.html")
    if word and text in OPERATORS and kind != Kind.VAR and last not in NAMING:
        raise refused(f"The operator {text}", "r_comparison_condition.html")
    if kind == Kind.FROM and last == Kind.L_PAREN:
        raise SqlError('syntax error at or near "FROM"')
    if kind == Kind.DCOLON and last == Kind.STRING and beyond in TYPED:  # the text is cast first
        raise not_here("DATE '…'::type (put the literal in parentheses)")
    if last == Kind.COMMA and kind in ENDS:
        raise SqlError(f'syntax error at or near "{token.text}"')
    if kind == Kind.COMMA and last == Kind.NUMBER and beyond == Kind.LIMIT:
        raise SqlError('syntax error at or near ",": LIMIT … OFFSET … is meant')


def check(tree: exp.Expression) -> None:
    """SqlError for a clause that Redshift has not."""
    for node in tree.walk():
        _clause(node)
        _join(node)
        _call(node)


def _clause(node: exp.Expr) -> None:
    if isinstance(node, exp.Insert) and (node.args.get("alternative") or node.args.get("by_name")):
        raise refused("INSERT OR … and INSERT BY NAME", "r_INSERT_30.html")
    if isinstance(node, exp.Collate):  # the operator: Redshift has a function of that name
        raise refused("COLLATE")
    if isinstance(node, exp.Star) and any(node.args.get(name) for name in STAR):
        raise refused("* EXCEPT, * REPLACE and * RENAME", "r_SELECT_list.html")
    if isinstance(node, exp.Distinct) and node.args.get("on"):
        raise refused("DISTINCT ON", "r_SELECT_list.html")
    if isinstance(node, exp.Fetch):
        raise refused("FETCH FIRST (use LIMIT)", "r_ORDER_BY_clause.html")
    if isinstance(node, exp.LimitOptions) and (node.args.get("percent") or node.args["with_ties"]):
        raise refused("LIMIT of a percentage or WITH TIES", "r_ORDER_BY_clause.html")
    if isinstance(node, exp.Subquery) and not isinstance(node.this, (exp.Query, exp.Table)):
        raise SqlError(f'syntax error at or near "{node.this.key.upper()}"')
    if isinstance(node, exp.Update) and any(_several(each) for each in node.expressions):
        raise refused("UPDATE … SET (a, b) = …", "r_UPDATE.html")
    if isinstance(node, exp.Between) and node.args.get("symmetric"):
        raise refused("BETWEEN SYMMETRIC", "r_range_condition.html")
    if isinstance(node, exp.With) and node.args.get("recursive"):
        for each in node.expressions:
            _recursive(each)


def _several(assignment: exp.Expr) -> bool:
    return isinstance(assignment, exp.EQ) and isinstance(assignment.this, exp.Tuple)


def _recursive(cte: exp.CTE) -> None:
    """A query that reads itself names its columns, and is joined by UNION ALL."""
    if not any(each.name.lower() == cte.alias.lower() for each in cte.this.find_all(exp.Table)):
        return
    if not cte.args["alias"].args.get("columns"):
        raise refused("WITH RECURSIVE without a list of columns", "r_WITH_clause.html")
    if not isinstance(cte.this, exp.Union) or cte.this.args.get("distinct"):
        raise refused("WITH RECURSIVE without UNION ALL", "r_WITH_clause.html")


def _join(node: exp.Expr) -> None:
    if isinstance(node, exp.Join) and node.args.get("method") not in (None, "", "NATURAL"):
        raise refused(f"{node.args['method']} JOIN", "r_FROM_clause30.html")
    if isinstance(node, exp.Join) and str(node.args.get("kind") or "").upper() in ("SEMI", "ANTI"):
        raise refused(f"{node.args['kind']} JOIN", "r_FROM_clause30.html")
    if not isinstance(node, exp.SetOperation):
        return
    if node.args.get("by_name"):
        raise refused(f"{node.key.upper()} BY NAME", "r_UNION.html")
    if not isinstance(node, exp.Union) and not node.args.get("distinct"):
        raise refused(f"{node.key.upper()} ALL", "r_UNION.html")


def _call(node: exp.Expr) -> None:
    if isinstance(node, exp.Dot) and isinstance(node.expression, exp.Func):
        if node.this.name.lower() == "pg_catalog":
            raise not_here("A function of the schema pg_catalog by its full name")
        raise SqlError(f'schema "{node.this.name}" does not exist')
    if isinstance(node, exp.Count):
        many = isinstance(node.this, exp.Distinct) and len(node.this.expressions) != 1
        if many or node.this is None:
            raise SqlError("function count() takes exactly one argument. See r_COUNT.html")
    if isinstance(node, exp.AggFunc) and isinstance(node.this, (exp.Order, exp.HavingMax)):
        if not isinstance(node, exp.GroupConcat):
            raise refused("ORDER BY or HAVING in an aggregate function")
    unit = node.args.get("unit") if isinstance(node, (exp.DateDiff, exp.TsOrDsDiff)) else None
    if unit is not None and unit.name.upper() in ("WEEK", "W", "WEEKS"):
        # DuckDB counts whole weeks, Redshift their boundaries; AWS does not say at which day.
        raise not_here("DATEDIFF of weeks (use days between DATE_TRUNC('week', …), divided by 7)")
