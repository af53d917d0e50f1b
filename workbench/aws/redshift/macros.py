"""Macros in DuckDB for what Redshift's functions do and DuckDB's do not."""

from __future__ import annotations

from sqlglot import exp

# What Redshift reads as an integer; DuckDB also takes 1.5, 0x1F and 1_000.
INTEGER = r"'\s*[+-]?[0-9]+\s*'"
WHOLE = f"typeof(x) <> 'VARCHAR' OR regexp_full_match(CAST(x AS VARCHAR), {INTEGER})"
# The whole characters of the first ``most`` bytes. No lambda: to plan one for each column that is
# cast takes a fifth of a second each.
CHARACTERS = "^(?:[0-7].|[CD].{3}|E.{5}|F.{7})*"
# Types whose text has fewer than 64 bytes, whatever the value. typeof is known when a statement is
# planned: where it holds, the text is made once, not measured first.
SHORT = (
    "typeof(x) IN ('BIGINT', 'INTEGER', 'SMALLINT', 'BOOLEAN', 'DOUBLE', 'FLOAT', 'DATE', "
    "'TIMESTAMP') OR starts_with(typeof(x), 'DECIMAL')"
)
CUT = f"decode(unhex(regexp_extract(left(hex(CAST(x AS VARCHAR)), 2 * most), '{CHARACTERS}')))"
MACROS = {
    "rs_now()": "CAST(now() AS TIMESTAMP)",
    "rs_day(x)": "CAST(date_trunc('day', x) AS DATE)",
    "rs_bytes(x)": "CASE WHEN typeof(x) = 'BLOB' THEN strlen(hex(x)) // 2 "
    "ELSE strlen(CAST(x AS VARCHAR)) END",
    "rs_varchar(x, most)": f"CASE WHEN most >= 64 AND ({SHORT}) THEN CAST(x AS VARCHAR) "
    "WHEN x IS NULL OR strlen(CAST(x AS VARCHAR)) <= most "
    "THEN CAST(x AS VARCHAR) "
    "WHEN typeof(x) <> 'VARCHAR' THEN error('Value too long for character type') "
    f"ELSE {CUT} END",
    "rs_ceiling(x, most)": "CASE WHEN abs(x) > most "
    "THEN error('Numeric data overflow (result precision)') ELSE x END",
    "rs_integer(x)": f"CASE WHEN x IS NULL OR {WHOLE} THEN x "
    "ELSE error('invalid input syntax for integer: \"' || CAST(x AS VARCHAR) || '\"') END",
    "rs_integer_or_null(x)": f"CASE WHEN {WHOLE} THEN x END",
    "rs_condition(x)": "CASE WHEN x IS NULL OR typeof(x) = 'BOOLEAN' THEN x "
    "ELSE error('argument of a condition must be type boolean, not ' || lower(typeof(x))) END",
    # SUBSTRING of a VARBYTE, which DuckDB has not, as its hexadecimal digits.
    "rs_hex_part(x, first, count)": "lower(substring(hex(x), 2 * first - 1, 2 * count))",
    "rs_from(x, first)": "substring(x, greatest(first, 1))",
    "rs_substring(x, first, count)": "CASE WHEN count < 0 "
    "THEN error('negative substring length not allowed') "
    "ELSE substring(x, greatest(first, 1), greatest(count + least(first, 1) - 1, 0)) END",
    "rs_split_part(x, delimiter, field)": "CASE WHEN field < 1 "
    "THEN error('field position must be greater than zero') "
    "ELSE split_part(x, delimiter, field) END",
    "rs_positive(x)": "CASE WHEN x = 0 THEN error('cannot take logarithm of zero') "
    "WHEN x < 0 THEN error('cannot take logarithm of a negative number') ELSE x END",
    "rs_not_negative(x)": "CASE WHEN x < 0 "
    "THEN error('cannot take square root of a negative number') ELSE x END",
    # The last day of a month stays one.
    "rs_add_months(x, months)": "CASE WHEN CAST(x AS DATE) = last_day(x) "
    "THEN last_day(x + to_months(CAST(months AS INTEGER))) + (x - date_trunc('day', x)) "
    "ELSE x + to_months(CAST(months AS INTEGER)) END",
    "rs_yyy(x)": "right(strftime(x, '%Y'), 3)",
    "rs_y(x)": "right(strftime(x, '%Y'), 1)",
    "rs_q(x)": "CAST(quarter(x) AS VARCHAR)",
    "rs_ww(x)": "lpad(CAST((dayofyear(x) + 6) // 7 AS VARCHAR), 2, '0')",
    "rs_w(x)": "CAST((day(x) + 6) // 7 AS VARCHAR)",
    "rs_d(x)": "CAST(dayofweek(x) + 1 AS VARCHAR)",
    "rs_last_copy_count()": "COALESCE(CAST(getvariable('rs_copied') AS BIGINT), 0)",
    "rs_last_copy_id()": "COALESCE(CAST(getvariable('rs_copy_id') AS BIGINT), -1)",
    "rs_last_unload_count()": "COALESCE(CAST(getvariable('rs_unloaded') AS BIGINT), 0)",
}
PREPARE = tuple(
    f"CREATE OR REPLACE MACRO main.{head} AS {body}" for head, body in MACROS.items()
)  # fmt: skip


def macro(name: str, *arguments: exp.Expression) -> exp.Expression:
    call = exp.Anonymous(this=name, expressions=list(arguments))
    return exp.Dot(this=exp.to_identifier("main"), expression=call)
