# ruff: noqa: E501 (a statement stands on one line)
"""Functions: what each returns."""

from __future__ import annotations

from typing import Any

from tests.redshift.page import Page


def _expression(page: str, *pairs: tuple[str, Any]) -> Page:
    return Page(page, accepted=tuple((f"SELECT {sql}", [[value]]) for sql, value in pairs))


FUNCTIONS = (
    _expression(
        "r_DATEADD_function.html",
        ("DATEADD(day, 1, DATE '2024-02-28')", "2024-02-29 00:00:00"),
        ("DATEADD(month, 1, DATE '2024-01-31')", "2024-02-29 00:00:00"),
        ("DATEADD(year, 1, DATE '2024-02-29')", "2025-02-28 00:00:00"),
        ("DATEADD(hour, -1, TIMESTAMP '2024-01-01 00:00:00')", "2023-12-31 23:00:00"),
    ),
    _expression(
        "r_DATEDIFF_function.html",
        ("DATEDIFF(day, DATE '2024-02-28', DATE '2024-03-01')", 2),
        ("DATEDIFF(month, DATE '2024-01-31', DATE '2024-02-01')", 1),
        ("DATEDIFF(year, DATE '2023-12-31', DATE '2024-01-01')", 1),
        ("DATEDIFF(qtr, DATE '2024-03-31', DATE '2024-04-01')", 1),
        ("DATEDIFF(hour, TIMESTAMP '2024-01-01 00:59:59', TIMESTAMP '2024-01-01 01:00:00')", 1),
        ("DATEDIFF(day, TIMESTAMP '2024-01-01 23:59:59', TIMESTAMP '2024-01-02 00:00:00')", 1),
    ),
    _expression(
        "r_DATE_TRUNC.html",
        ("DATE_TRUNC('week', DATE '2025-01-01')", "2024-12-30 00:00:00"),
        ("DATE_TRUNC('quarter', DATE '2024-05-05')", "2024-04-01 00:00:00"),
        ("DATE_TRUNC('hour', TIMESTAMP '2024-01-01 10:59:59')", "2024-01-01 10:00:00"),
    ),
    _expression(
        "r_DATE_PART_function.html",
        ("DATE_PART(year, DATE '2024-05-06')", 2024),
        ("DATE_PART(dow, DATE '2024-05-05')", 0),
        ("EXTRACT(month FROM DATE '2024-05-06')", 5),
        ("DATE_PART(week, DATE '2024-12-30')", 1),
    ),
    _expression("r_DATE_PART_YEAR.html", ("DATE_PART_YEAR(DATE '2024-05-06')", 2024)),
    _expression(
        "r_TIMEZONE.html",
        ("TIMEZONE('UTC', TIMESTAMP '2024-01-01 00:00:00')", "2024-01-01 00:00:00+00"),
    ),
    _expression("r_DEXP.html", ("DEXP(0)", 1.0)),
    _expression("r_DLOG1.html", ("DLOG1(1)", 0.0)),
    _expression("r_DLOG10.html", ("DLOG10(100)", 2.0)),
    _expression("r_REPLICATE.html", ("REPLICATE('ab', 2)", "abab")),
    _expression("r_SESSION_USER.html", ("SESSION_USER = CURRENT_USER", True)),
    Page("r_COLLATE.html", unsupported=(("SELECT COLLATE('a', 'case_insensitive')", "COLLATE"),)),
    Page(
        "c_SQL_functions.html",
        refused=tuple(
            (
                f"SELECT {call} FROM corpus_t",
                f"function {call.partition('(')[0].lower()}() does not",
            )
            for call in (
                "ARG_MAX(id, n)",
                "CONCAT_WS(',', s, s)",
                "COUNT_IF(n > 1)",
                "IF(n > 1, 1, 2)",
                "IFNULL(n, 1)",
                "IIF(n > 1, 1, 2)",
                "JSON_OBJECT('a', 1)",
                "LEVENSHTEIN(s, s)",
                "MODE(n)",
                "QUANTILE(n, 0.5)",
                "SAFE_DIVIDE(n, 2)",
                "STARTS_WITH(s, 'a')",
                "TO_BASE64(s)",
                "TYPEOF(n)",
            )
        ),
        unsupported=tuple(
            (f"SELECT {call} FROM corpus_t", call.partition("(")[0])
            for call in (
                "CHECKSUM(n)",
                "CRC32(s)",
                "CURRENT_USER_ID",
                "FARMFINGERPRINT64(s)",
                "FNV_HASH(s)",
                "HLL(s)",
                "QUOTE_LITERAL(s)",
                "RATIO_TO_REPORT(n) OVER ()",
                "SOUNDEX(s)",
                "SPLIT_TO_ARRAY(s, ',')",
                "ST_POINT(n, n)",
                "TO_VARBYTE(s, 'hex')",
            )
        ),
    ),
    _expression("r_LAST_DAY.html", ("LAST_DAY(DATE '2024-02-10')", "2024-02-29")),
    _expression(
        "r_ADD_MONTHS.html",
        ("ADD_MONTHS(DATE '2024-01-31', 1)", "2024-02-29 00:00:00"),
        ("ADD_MONTHS(DATE '2024-02-29', 1)", "2024-03-31 00:00:00"),
        ("ADD_MONTHS(TIMESTAMP '2023-02-28 10:00:00', 1)", "2023-03-31 10:00:00"),
        ("ADD_MONTHS(DATE '2024-02-28', -1)", "2024-01-28 00:00:00"),
    ),
    _expression(
        "r_MONTHS_BETWEEN_function.html",
        ("CAST(MONTHS_BETWEEN(DATE '2024-03-31', DATE '2024-02-29') AS INTEGER)", 1),
    ),
    _expression(
        "r_TO_CHAR.html",
        ("TO_CHAR(DATE '2024-05-06', 'YYYY-MM-DD')", "2024-05-06"),
        ("TO_CHAR(TIMESTAMP '2024-05-06 07:08:09', 'HH24:MI:SS')", "07:08:09"),
        (
            "TO_CHAR(TIMESTAMP '2009-12-31 23:15:59', 'MONTH-DY-DD-YYYY HH12:MIPM')",
            "DECEMBER -THU-31-2009 11:15PM",
        ),
        ("TO_CHAR(TIMESTAMP '2009-12-31 23:15:59', 'DDD')", "365"),
        ("TO_CHAR(TIMESTAMP '2022-05-16 23:15:59', 'ID')", "1"),
        ("TO_CHAR(NULL::TIMESTAMP, 'Day Q')", None),
    ),
    Page(
        "r_FORMAT_strings.html",
        accepted=tuple(
            (f"SELECT TO_CHAR(TIMESTAMP '2024-05-06 17:08:09.123456', '{text}')", [[value]])
            for text, value in (
                ("HH:MI am", "05:08 pm"),
                ("hh24:mi:ss.ms US", "17:08:09.123 123456"),
                ("Day|Dy|dy|Month|mon", "Monday   |Mon|mon|May      |may"),
                ('Q WW W D IW "in" YY YYY Y', "2 19 1 2 19 in 24 024 4"),
                ("YYYY%%", "2024%%"),
            )
        ),
        unsupported=tuple(
            (f"SELECT TO_CHAR(TIMESTAMP '2024-05-06 17:08:09', '{text}')", f"The pattern {told}")
            for text, told in (
                ("DDth", "th"),
                ("FMMonth", "FM"),
                ("RM", "RM"),
                ("Y,YYY", "Y,YYY"),
                ("SSSS", "SSSS"),
                ("YYYY-MM-DDTHH24", "TH"),
                ("J", "J"),
                ("foo", "foo"),
            )
        )
        + (
            ("SELECT TO_CHAR(125.8, '999D99')", "TO_CHAR of a number"),
            ("SELECT TO_DATE('2024-1', 'YYYY-Q')", "The pattern Q"),
        ),
    ),
    _expression(
        "r_TO_DATE_function.html",
        ("TO_DATE('06/05/2024', 'DD/MM/YYYY')", "2024-05-06"),
        ("TO_DATE('02 Oct 2001', 'DD Mon YYYY')", "2001-10-02"),
    ),
    _expression(
        "r_TO_TIMESTAMP.html",
        (
            "TO_TIMESTAMP('2011-12-18 11:38:15 PM', 'YYYY-MM-DD HH12:MI:SS AM')",
            "2011-12-18 23:38:15+00",
        ),
    ),
    Page(
        "pattern-matching-conditions-similar-to.html",
        accepted=tuple(
            (f"SELECT {text}", [[value]])
            for text, value in (
                ("'abc' SIMILAR TO 'a%'", True),
                ("'abc' SIMILAR TO 'a_c'", True),
                ("'abc' SIMILAR TO 'a.c'", False),
                ("'abc' SIMILAR TO 'b'", False),
                ("'abc' SIMILAR TO '%(b|d)%'", True),
                ("'abc' NOT SIMILAR TO '(b|c)%'", True),
                ("'a%b' SIMILAR TO 'a^%b' ESCAPE '^'", True),
                ("'axb' SIMILAR TO 'a^%b' ESCAPE '^'", False),
                ("'ab12' SIMILAR TO '[a-c]+[0-9]{2}'", True),
            )
        ),
        unsupported=(("SELECT s SIMILAR TO s FROM corpus_t", "SIMILAR TO"),),
    ),
    _expression("r_NVL_function.html", ("NVL(NULL, 2)", 2), ("COALESCE(NULL, NULL, 3)", 3)),
    _expression("r_NVL2.html", ("NVL2(NULL, 'x', 'y')", "y"), ("NVL2(1, 'x', 'y')", "x")),
    _expression("r_NULLIF_function.html", ("NULLIF(1, 1)", None), ("NULLIF(1, 2)", 1)),
    _expression(
        "r_DECODE_expression.html",
        ("DECODE(2, 1, 'a', 2, 'b', 'c')", "b"),
        ("DECODE(NULL, NULL, 'none', 'some')", "none"),
    ),
    _expression("r_GREATEST_LEAST.html", ("GREATEST(1, 3, 2)", 3), ("LEAST(1, NULL, 2)", 1)),
    _expression("r_CASE_function.html", ("CASE 1 WHEN 1 THEN 'a' ELSE 'b' END", "a")),
    _expression(
        "r_LISTAGG.html",
        ("(SELECT LISTAGG(s, ',') WITHIN GROUP (ORDER BY s) FROM corpus_t)", "a,b"),
        ("(SELECT LISTAGG(DISTINCT s, '|') WITHIN GROUP (ORDER BY s) FROM corpus_t)", "a|b"),
        ("(SELECT LISTAGG(s) WITHIN GROUP (ORDER BY s) FROM corpus_t)", "ab"),
        ("(SELECT LISTAGG(DISTINCT s) WITHIN GROUP (ORDER BY s DESC) FROM corpus_t)", "ba"),
    ),
    _expression("r_MEDIAN.html", ("(SELECT MEDIAN(n) FROM corpus_t)", 15.0)),
    _expression(
        "r_AVG.html",
        ("(SELECT AVG(n) FROM corpus_t)", 15),
        ("(SELECT AVG(id) FROM corpus_t WHERE id < 3)", 1),
    ),
    Page(
        "r_COUNT.html",
        accepted=(
            ("SELECT COUNT(n) FROM corpus_t", [[2]]),
            ("SELECT COUNT(DISTINCT 1) FROM corpus_t", [[1]]),
        ),
        refused=(
            ("SELECT COUNT(DISTINCT id, n) FROM corpus_t", "exactly one argument"),
            ("SELECT COUNT() FROM corpus_t", "exactly one argument"),
        ),
    ),
    _expression("r_SUM.html", ("(SELECT SUM(x) FROM corpus_t)", "3.75")),
    _expression("r_BOOL_AND.html", ("(SELECT BOOL_AND(id > 0) FROM corpus_t)", True)),
    _expression("r_LEN.html", ("LEN('äb')", 2), ("LENGTH('äb')", 2), ("CHAR_LENGTH('äb')", 2)),
    Page(
        "r_SUBSTRING.html",
        accepted=(
            ("SELECT SUBSTRING('caterpillar', 6, 4), SUBSTRING('ab', 0, 2)", [["pill", "a"]]),
            ("SELECT SUBSTRING('caterpillar', -2, 4), SUBSTR('abc', -1)", [["c", "abc"]]),
            ("SELECT LEFT('abc', 2), RIGHT('abc', 2)", [["ab", "bc"]]),
        ),
        refused=(("SELECT SUBSTRING('ab', 1, -1)", "negative substring length"),),
    ),
    _expression("r_REPLACE.html", ("REPLACE('abcabc', 'b', 'x')", "axcaxc")),
    Page(
        "REGEXP_REPLACE.html",
        accepted=(
            (
                "SELECT REGEXP_REPLACE('a1b2', '[0-9]', '#'), REGEXP_REPLACE('a1b2', '[0-9]')",
                [["a#b#", "ab"]],
            ),
            (
                "SELECT REGEXP_REPLACE('the fox', 'FOX', 'quick brown fox', 1, 'i')",
                [["the quick brown fox"]],
            ),
        ),
        refused=(
            ("SELECT REGEXP_REPLACE('aBc', 'b', 'x', 'i')", "invalid input syntax for integer"),
        ),
        unsupported=(
            ("SELECT REGEXP_REPLACE('abc', 'b', 'x', 2)", "another position"),
            ("SELECT REGEXP_REPLACE('abc', 'b', 'x', 1, 'p')", "parameters"),
        ),
    ),
    _expression("REGEXP_SUBSTR.html", ("REGEXP_SUBSTR('ab12', '[0-9]+')", "12")),
    _expression("REGEXP_COUNT.html", ("REGEXP_COUNT('a1b2', '[0-9]')", 2)),
    Page(
        "SPLIT_PART.html",
        accepted=(("SELECT SPLIT_PART('a,b,c', ',', 2)", [["b"]]),),
        refused=tuple(
            (f"SELECT SPLIT_PART('a,b,c', ',', {field})", "field position must be greater")
            for field in (0, -1)
        ),
    ),
    _expression("r_STRPOS.html", ("STRPOS('abc', 'c')", 3), ("CHARINDEX('c', 'abc')", 3)),
    _expression("r_LPAD.html", ("LPAD('7', 3, '0')", "007"), ("RPAD('7', 3, '0')", "700")),
    _expression(
        "r_BTRIM.html", ("BTRIM('  a ')", "a"), ("TRIM('  a ')", "a"), ("LTRIM(' a')", "a")
    ),
    _expression(
        "r_UPPER.html", ("UPPER('é')", "É"), ("LOWER('A')", "a"), ("INITCAP('ab cd')", "Ab Cd")
    ),
    _expression("r_REVERSE.html", ("REVERSE('abc')", "cba")),
    _expression("r_REPEAT.html", ("REPEAT('ab', 2)", "abab")),
    Page(
        "r_CONCAT.html",
        accepted=(("SELECT CONCAT('a', 'b'), CONCAT('a', NULL)", [["ab", None]]),),
        refused=(("SELECT CONCAT('a', 'b', 'c')", "two arguments"),),
    ),
    _expression("r_MD5.html", ("MD5('a')", "0cc175b9c0f1b6a831c399e269772661")),
    _expression("FUNC_SHA1.html", ("FUNC_SHA1('a')", "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")),
    _expression("r_STRTOL.html", ("STRTOL('ff', 16)", 255)),
    _expression(
        "r_ROUND.html", ("ROUND(2.567, 2)", "2.57"), ("CEIL(1.2)", "2"), ("FLOOR(1.8)", "1")
    ),
    _expression("r_ABS.html", ("ABS(-3)", 3), ("SIGN(-3)", -1), ("MOD(7, 3)", 1)),
    _expression("r_POWER.html", ("POWER(2, 3)", 8.0)),
    Page(
        "r_SQRT.html",
        accepted=(("SELECT SQRT(9)", [[3.0]]),),
        refused=(("SELECT SQRT(-1)", "square root of a negative number"),),
    ),
    Page(
        "r_LN.html",
        accepted=(("SELECT LN(1), LOG(100)", [[0.0, 2.0]]),),
        refused=(
            ("SELECT LN(0)", "logarithm of zero"),
            ("SELECT LOG(-1)", "logarithm of a negative number"),
            ("SELECT DLOG10(0)", "logarithm of zero"),
        ),
    ),
    _expression(
        "JSON_EXTRACT_PATH_TEXT.html",
        ("JSON_EXTRACT_PATH_TEXT('{\"a\": {\"b\": 1}}', 'a', 'b')", "1"),
        ("JSON_EXTRACT_PATH_TEXT('{}', 'a')", None),
        ("JSON_EXTRACT_PATH_TEXT('no json', 'a', TRUE)", None),
        ("JSON_EXTRACT_PATH_TEXT('[null]', 0)", None),
    ),
    _expression(
        "JSON_EXTRACT_ARRAY_ELEMENT_TEXT.html",
        ("JSON_EXTRACT_ARRAY_ELEMENT_TEXT('[111, 112, 113]', 2)", "113"),
    ),
    _expression("JSON_ARRAY_LENGTH.html", ("JSON_ARRAY_LENGTH('[11, {\"f1\": [25]}, 14]')", 3)),
    _expression(
        "IS_VALID_JSON.html",
        ("IS_VALID_JSON('{\"a\": 1}')", True),
        ("IS_VALID_JSON('{a')", False),
        ("IS_VALID_JSON('[1, 2, 3]')", False),
    ),
    _expression("IS_VALID_JSON_ARRAY.html", ("IS_VALID_JSON_ARRAY('[1,2,]')", False)),
    Page(
        "JSON_PARSE.html",
        accepted=(
            ("SELECT JSON_PARSE('[10001, 10002, \"abc\"]')", [['[10001,10002,"abc"]']]),
            ("SELECT JSON_TYPEOF(JSON_PARSE('[10001]'))", [["array"]]),
            "CREATE TABLE {n} AS SELECT JSON_PARSE('[[1.1, 1.2], [2.1]]') AS a",
        ),
        refused=(
            ("SELECT JSON_PARSE('[')", "JSON parsing error"),
            ('SELECT JSON_PARSE(\'{"a": 1, "a": 1}\')', "twice"),
        ),
        unsupported=(("SELECT JSON_PARSE('1e5')", "exponent"),),
    ),
    Page(
        "query-super.html",
        accepted=(
            ("SELECT a[0].b FROM (SELECT JSON_PARSE('[{\"b\": 1}]') AS a) AS t", [["1"]]),
            ("SELECT e FROM (SELECT ARRAY(1, 2) AS a) AS t, t.a AS e WHERE e > 1", [["2"]]),
            ("SELECT i, e FROM (SELECT ARRAY('x') AS a) AS t, t.a AS e AT i", [[0, '"x"']]),
            ("SELECT a.b::INTEGER FROM (SELECT OBJECT('b', 'Good') AS a) AS t", [[None]]),
        ),
        unsupported=(
            ("SELECT e FROM (SELECT OBJECT('b', 1) AS a) AS t, t.a AS e", "no array"),
            ("SELECT a.b || 'x' FROM (SELECT OBJECT('b', 1) AS a) AS t", "without a cast"),
        ),
    ),
    Page(
        "limitations-super.html",
        accepted=(("SELECT 5::SUPER::BOOL, 5.0::SUPER::BOOL", [[True, None]]),),
        refused=(("SELECT CAST('2019-09-09'::DATE AS SUPER)", "cannot cast type date to super"),),
    ),
    Page(
        "r_SUPER_type.html",
        accepted=("CREATE TABLE {n} (id INTEGER, a SUPER, b SUPER ENCODE zstd)",),
    ),
    Page(
        "c_Array_Functions.html",
        accepted=(
            ("SELECT ARRAY(1, 50, NULL, 100)", [["[1,50,null,100]"]]),
            ("SELECT GET_ARRAY_LENGTH(ARRAY(1, 2, 3))", [[3]]),
        ),
        unsupported=(("SELECT SUBARRAY(ARRAY('a'), 0, 1)", "SUBARRAY"),),
    ),
    _expression(
        "r_CONVERT_function.html",
        ("CAST('2008-02-18 02:36:48' AS DATETIME)", "2008-02-18 02:36:48"),
    ),
    _expression(
        "CONVERT_TIMEZONE.html",
        (
            "CONVERT_TIMEZONE('UTC', 'Europe/Berlin', TIMESTAMP '2024-07-01 00:00:00')",
            "2024-07-01 02:00:00",
        ),
    ),
    _expression("r_CURRENT_DATABASE.html", ("CURRENT_DATABASE()", "dev")),
)
