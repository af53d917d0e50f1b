"""Expressions that DuckDB reads otherwise than Redshift: rewritten, one node at a time."""

from __future__ import annotations

from sqlglot import exp

from workbench.aws.redshift import formats, functions, sums, texts
from workbench.aws.redshift.macros import macro
from workbench.aws.redshift.refusals import SqlError, not_here
from workbench.aws.redshift.semistructured import STORAGE

USER = "awsuser"

Type = exp.DataType.Type
# Evidently no texts: nothing to check in a cast to an integer.
NUMBERS = (exp.Add, exp.Sub, exp.Mul, exp.Div, exp.Count, exp.Round, exp.Extract, exp.DateDiff)


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
    average = exp.paren(exp.Div(this=sum_, expression=divisor))
    average.meta[sums.AVERAGE] = True
    return average


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
        isinstance(inner, exp.Cast)
        and inner.to.is_type(Type.TIMESTAMP, Type.TIMESTAMPTZ, Type.DATE)
    )
    return macro("rs_day", inner.copy()) if moment else node


def _function(node: exp.Anonymous) -> exp.Expression:
    """Functions that DuckDB has under another name."""
    names = {
        "octet_length": "rs_bytes",
        "pg_last_copy_count": "rs_last_copy_count",
        "pg_last_copy_id": "rs_last_copy_id",
        "pg_last_unload_count": "rs_last_unload_count",
    }
    name = node.name.lower()
    if name == "to_char":
        return formats.to_char(node)
    if name in ("to_date", "to_timestamp"):
        return formats.moment_of(node)
    if name in ("dlog1", "dlog10"):
        node.set("expressions", [macro("rs_positive", *node.expressions)])
    renamed = {
        "func_sha1": "sha1",
        "from_hex": "unhex",
        "replicate": "repeat",
        "dexp": "exp",
        "dlog1": "ln",
        "dlog10": "log10",
        "date_part_year": "year",
    }
    if name in renamed:
        return exp.Anonymous(this=renamed[name], expressions=node.expressions)
    return macro(names[name], *node.expressions) if name in names else node


def _cast(node: exp.Cast) -> exp.Expression:
    """A cast to a text cuts what is too long, in bytes; one to an integer takes digits only."""
    kind = node.to
    if kind.is_type(Type.SMALLINT, Type.INT, Type.BIGINT):
        return _integer(node)
    if most := ceiling(kind):
        plain = exp.Cast(this=node.this.copy(), to=kind.copy())
        return macro("rs_ceiling", plain, most) if type(node) is exp.Cast else node
    single = kind.is_type(Type.CHAR, Type.NCHAR)
    if not single and not kind.is_type(Type.VARCHAR, Type.TEXT, Type.NVARCHAR, Type.BPCHAR):
        return node
    given = kind.expressions[0].name if kind.expressions else ("1" if single else "256")
    limit = given if given.isdigit() else "65535"
    return macro("rs_varchar", node.this.copy(), exp.Literal.number(limit))


def _integer(node: exp.Cast) -> exp.Expression:
    if not isinstance(node.this, NUMBERS):
        check = "rs_integer" if type(node) is exp.Cast else "rs_integer_or_null"
        node.set("this", macro(check, node.this.copy()))
    return node


def _boolean(holder: exp.Expression, name: str) -> exp.Expression:
    """A condition that is a number: DuckDB takes what is not zero for true."""
    value = holder.args.get(name)
    inner = value.unnest() if isinstance(value, exp.Expression) else None
    if isinstance(inner, exp.Literal) and not inner.is_string:
        raise SqlError("argument of a condition must be type boolean, not type integer")
    if isinstance(inner, (exp.Column, exp.Add, exp.Sub, exp.Mul, exp.Neg, exp.Count, exp.Sum)):
        holder.set(name, macro("rs_condition", inner.copy()))
    return holder


def _condition(node: exp.Expression) -> exp.Expression:
    return _boolean(node, "this")


def _both(node: exp.Expression) -> exp.Expression:
    return _boolean(_boolean(node, "this"), "expression")


def _case(node: exp.If) -> exp.Expression:
    simple = isinstance(node.parent, exp.Case) and node.parent.this is not None
    return node if simple else _boolean(node, "this")


def _joined(node: exp.Join) -> exp.Expression:
    return _boolean(node, "on")


def _logarithm(node: exp.Ln | exp.Log) -> exp.Expression:
    """DuckDB's logarithm of zero is infinity."""
    if node.args.get("expression") is not None:
        raise SqlError("function log(numeric, numeric) does not exist")
    node.set("this", macro("rs_positive", node.this.copy()))
    return node


def _root(node: exp.Sqrt) -> exp.Expression:
    node.set("this", macro("rs_not_negative", node.this.copy()))
    return node


def _add_months(node: exp.TsOrDsAdd) -> exp.Expression:
    """ADD_MONTHS keeps the last day of a month; DATEADD does not."""
    if str(node.meta.get(functions.NAME, "")).lower() != "add_months":
        return node
    moment = exp.cast(node.this.copy(), "timestamp")
    return macro("rs_add_months", moment, node.expression.copy())


def ceiling(kind: exp.DataType) -> exp.Expression | None:
    """The largest DECIMAL(19,…), which Redshift keeps in 64 bits: not all of 19 digits."""
    digits = [each.name for each in kind.expressions]
    if not kind.is_type(Type.DECIMAL) or digits[:1] != ["19"]:
        return None
    scale = int(digits[1]) if len(digits) > 1 else 0
    text = str(2**63 - 1)
    return exp.Literal.number(
        f"{text[: len(text) - scale]}.{text[len(text) - scale :]}".rstrip(".")
    )


def _data_type(node: exp.DataType) -> exp.Expression:
    """DECIMAL is DECIMAL(18,0), DATETIME a TIMESTAMP, FLOAT has digits, SUPER is a structure."""
    if node.is_type(Type.DATETIME):
        return exp.DataType.build("timestamp")
    if node.is_type(Type.SUPER):
        return exp.DataType.build(STORAGE, dialect="duckdb")
    if node.is_type(Type.DECIMAL) and not node.expressions:
        return exp.DataType.build("DECIMAL(18,0)")
    if node.is_type(Type.DOUBLE, Type.FLOAT) and node.expressions:
        return exp.DataType.build("float" if int(node.expressions[0].name) <= 24 else "double")
    return node


def _update(node: exp.Update) -> exp.Expression:
    """SET column = DEFAULT, which sqlglot takes for a column."""
    for each in node.expressions:
        value = each.expression if isinstance(each, exp.EQ) else None
        if isinstance(value, exp.Column) and value.name == "default" and not value.this.quoted:
            value.replace(exp.Var(this="DEFAULT"))
    return node


def _version(node: exp.CurrentVersion) -> exp.Expression:
    """A function of the leader node, which has no tables."""
    if node.root().find(exp.Table):
        raise SqlError("VERSION() is a leader-node function: not supported on Redshift tables")
    return exp.Literal.string("PostgreSQL 8.0.2, Redshift 1.0.0 (local)")


def _user(node: exp.Expression) -> exp.Expression:
    return exp.Literal.string(USER)


def _now(node: exp.Expression) -> exp.Expression:
    return macro("rs_now")


def _strtol(node: exp.Expression) -> exp.Expression:
    base = node.args.get("expression")
    if base is None or base.name != "16":
        raise not_here("STRTOL of a base other than 16")
    hexadecimal = exp.DPipe(this=exp.Literal.string("0x"), expression=node.this.copy())
    return exp.cast(exp.paren(hexadecimal), "bigint")


REWRITES: texts.Rewrites = (
    (exp.Window, _window),
    (exp.Avg, _plain_avg),
    (exp.Div, _div),
    (exp.TimestampTrunc, _trunc),
    (exp.DateTrunc, _trunc),
    (exp.Trunc, _trunc_of),
    (exp.CurrentTimestamp, _now),
    (exp.CurrentUser, _user),
    (exp.SessionUser, _user),
    (exp.CurrentVersion, _version),
    (exp.Anonymous, _function),
    *texts.REWRITES,
    *((kind, _condition) for kind in (exp.Where, exp.Having, exp.Qualify, exp.Not)),
    *((kind, _both) for kind in (exp.And, exp.Or)),
    (exp.If, _case),
    (exp.Join, _joined),
    *((kind, _logarithm) for kind in (exp.Ln, exp.Log)),
    (exp.Sqrt, _root),
    (exp.TsOrDsAdd, _add_months),
    (exp.DataType, _data_type),
    (exp.Cast, _cast),
    (exp.Update, _update),
    (exp.FromBase, _strtol),
)
