# ruff: noqa: E501 (a statement stands on one line)
"""SELECT in all its clauses."""

from __future__ import annotations

from tests.redshift.page import Page

QUERIES = (
    Page(
        "r_SELECT_synopsis.html",
        accepted=(
            ("SELECT COUNT(*) FROM corpus_t", [[3]]),
            ("SELECT TOP 1 id FROM corpus_t ORDER BY id", [[1]]),
            ("SELECT id FROM corpus_t ORDER BY id LIMIT 1 OFFSET 1", [[2]]),
            ("SELECT DISTINCT 1 FROM corpus_t", [[1]]),
            ("WITH w AS (SELECT 1 AS a) SELECT a FROM w", [[1]]),
            ("SELECT id FROM corpus_t WHERE id = 1 UNION ALL SELECT 5 ORDER BY 1", [[1], [5]]),
            ("SELECT 1 INTERSECT SELECT 1", [[1]]),
            ("SELECT 1 EXCEPT SELECT 2", [[1]]),
            ("SELECT 1 MINUS SELECT 2", [[1]]),
            (
                "SELECT t.id FROM corpus_t t LEFT JOIN corpus_u u ON u.id = t.id WHERE u.id IS NULL "
                "ORDER BY 1",
                [[2], [3]],
            ),
            ("SELECT id FROM corpus_t JOIN corpus_u USING (id)", [[1]]),
            (
                "SELECT id FROM corpus_t WHERE EXISTS (SELECT 1 FROM corpus_u WHERE corpus_u.id = "
                "corpus_t.id)",
                [[1]],
            ),
            ("SELECT s, COUNT(*) FROM corpus_t GROUP BY s HAVING COUNT(*) > 1", []),
            ("SELECT 7 / 2, -7 / 2, 7 % 2", [[3, -3, 1]]),
            (
                "SELECT 1 WHERE 'abc' LIKE 'a%' AND 'ABC' ILIKE 'a%' AND 'abc' SIMILAR TO 'a(b|c)+'",
                [[1]],
            ),
            ("SELECT 1 WHERE 'abc' ~ '^a'", [[1]]),
            ("SELECT 'a' || 'b' || NULL", [[None]]),
            ("SELECT 'a' || COALESCE(NULL, 'b') || (',' || COALESCE('c', '~'))", [["ab,c"]]),
            ("SELECT 'a' || COALESCE('b', NULL) || ('c' || COALESCE(NULL, NULL))", [[None]]),
            (
                "SELECT ('a' || ',') || (COALESCE(s, '~') || s) FROM (SELECT NULL::VARCHAR s) t",
                [[None]],
            ),
            ("SELECT LEN('x' || ('a ' || COALESCE(NULL, '  ')) || '')", [[5]]),
        ),
        refused=(
            ("SELECT * FROM nowhere", "does not exist"),
            ("SELECT nothing FROM corpus_t", "does not exist"),
            ("SELECT id, COUNT(*) FROM corpus_t", "ERROR"),
            ("SELECT 1 / 0", "Divide by zero"),
            ("SELECT (SELECT id FROM corpus_t)", "ERROR"),
            ("SELECT id FROM corpus_t WHERE COUNT(*) > 1", "ERROR"),
            ("SELECT 1 FROM corpus_t, corpus_u WHERE id = 1", "ambiguous"),
            ("SELEC 1", "syntax error"),
            ("SELECT FROM corpus_t WHERE", "syntax error"),
            ("SELECT 1; SELECT 2", "ERROR"),
            ("SELECT 'unterminated", "ERROR"),
            ("SELECT 1 UNION SELECT 1, 2", "ERROR"),
            ("FROM corpus_t SELECT id", "ERROR"),
            ("SELECT * EXCEPT (id) FROM corpus_t", "ERROR"),
            ("SELECT unknown_function(1)", "does not exist"),
            ("SELECT DISTINCT ON (n) id FROM corpus_t", "DISTINCT ON"),
            ("SELECT * FROM (DESCRIBE corpus_t)", "syntax error"),
            ("SELECT id, FROM corpus_t", "syntax error"),
            ("SELECT id FROM corpus_t WHERE id IN (1, 2,)", "syntax error"),
            ("SELECT s.upper() FROM corpus_t", 'schema "s" does not exist'),
            ("SELECT SUM(id ORDER BY id) FROM corpus_t", "ORDER BY or HAVING"),
        ),
        unsupported=(("SELECT pg_catalog.upper('a')", "pg_catalog"),),
    ),
    Page(
        "r_ORDER_BY_clause.html",
        accepted=(
            ("SELECT id FROM corpus_t ORDER BY id LIMIT 2 OFFSET 1", [[2], [3]]),
            ("SELECT id FROM corpus_t ORDER BY n NULLS FIRST LIMIT 1", [[3]]),
        ),
        refused=(
            ("SELECT id FROM corpus_t LIMIT 10%", "percentage"),
            ("SELECT id FROM corpus_t LIMIT 10 PERCENT", "percentage"),
            ("SELECT id FROM corpus_t ORDER BY id LIMIT 1, 2", "OFFSET"),
            ("SELECT id FROM corpus_t ORDER BY id FETCH FIRST 1 ROW ONLY", "FETCH FIRST"),
            ("SELECT id FROM corpus_t ORDER BY id LIMIT 1 WITH TIES", "WITH TIES"),
        ),
    ),
    Page(
        "r_UNION.html",
        refused=(
            ("SELECT 1 AS a UNION ALL BY NAME SELECT 2 AS a", "BY NAME"),
            ("SELECT 1 EXCEPT ALL SELECT 1", "EXCEPT ALL"),
            ("SELECT 1 INTERSECT ALL SELECT 1", "INTERSECT ALL"),
            ("SELECT 1 MINUS ALL SELECT 1", "ALL"),
        ),
    ),
    Page(
        "r_FROM_clause30.html",
        accepted=(("SELECT COUNT(*) FROM corpus_t NATURAL JOIN (SELECT 1 AS id) AS v", [[1]]),),
        refused=(
            ("SELECT * FROM corpus_t SEMI JOIN corpus_u USING (id)", "SEMI JOIN"),
            ("SELECT * FROM corpus_t LEFT ANTI JOIN corpus_u USING (id)", "ANTI JOIN"),
            ("SELECT * FROM corpus_t t JOIN corpus_u u ON u.id", "type boolean"),
        ),
    ),
    Page(
        "r_WITH_clause.html",
        accepted=(
            (
                "WITH RECURSIVE w(a) AS (SELECT 1 UNION ALL SELECT a + 1 FROM w WHERE a < 3) "
                "SELECT MAX(a) FROM w",
                [[3]],
            ),
        ),
        refused=(
            (
                "WITH RECURSIVE w AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM w WHERE a < 3) "
                "SELECT a FROM w",
                "list of columns",
            ),
            (
                "WITH RECURSIVE w(a) AS (SELECT 1 UNION SELECT a + 1 FROM w WHERE a < 3) "
                "SELECT a FROM w",
                "UNION ALL",
            ),
        ),
    ),
    Page(
        "r_WHERE_clause.html",
        accepted=(
            ("SELECT id FROM (SELECT id, n > 10 AS f FROM corpus_t) AS t WHERE f", [[2]]),
            ("SELECT COUNT(*) FROM corpus_t WHERE NULL OR (TRUE AND NOT FALSE)", [[3]]),
        ),
        refused=tuple(
            (f"SELECT id FROM corpus_t WHERE {condition}", "type boolean")
            for condition in ("n", "s", "1", "NOT n", "TRUE AND 1", "n + 1", "id = 1 OR n")
        )
        + (("SELECT CASE WHEN n THEN 1 END FROM corpus_t", "type boolean"),),
    ),
    Page(
        "r_comparison_condition.html",
        accepted=(("SELECT 1 <> 2, 1 != 2", [[True, True]]),),
        refused=(
            ("SELECT 1 == 1", "=="),
            ("SELECT 1 <=> 1", "<=>"),
            ("SELECT 'a' GLOB 'a*'", "GLOB"),
            ("SELECT 'a' REGEXP 'a'", "REGEXP"),
        ),
    ),
    Page(
        "r_range_condition.html",
        refused=(("SELECT id FROM corpus_t WHERE id BETWEEN SYMMETRIC 2 AND 1", "SYMMETRIC"),),
    ),
    Page(
        "r_SELECT_INTO.html",
        accepted=(
            "SELECT 1 AS a INTO {n}",
            "SELECT * INTO TEMP TABLE {n} FROM corpus_t WHERE id > 1",
            "WITH w AS (SELECT 1 AS a) SELECT a INTO {n} FROM w UNION ALL SELECT 2",
        ),
        refused=(("SELECT id INTO corpus_u FROM corpus_t", "already exists"),),
    ),
    Page(
        "r_VERSION.html",
        accepted=(("SELECT 1 WHERE VERSION() LIKE '%Redshift 1.0%'", [[1]]),),
        refused=(("SELECT VERSION() FROM corpus_t", "leader-node"),),
    ),
    Page(
        "r_SVV_ALL_TABLES.html",
        accepted=tuple(
            (f"SELECT COUNT(*) FROM {view} WHERE {column} = '{named}'", [[count]])
            for view, column, named, count in (
                ("svv_all_tables", "table_name", "corpus_t", 1),
                ("svv_redshift_tables", "table_name", "corpus_t", 1),
                ("svv_all_columns", "table_name", "corpus_t", 5),
                ("svv_redshift_columns", "table_name", "corpus_t", 5),
                ("svv_all_schemas", "schema_name", "public", 1),
                ("svv_redshift_schemas", "schema_name", "public", 1),
                ("pg_tables", "tablename", "corpus_t", 1),
                ("pg_catalog.pg_tables", "tablename", "corpus_t", 1),
            )
        ),
        unsupported=(
            ("SELECT * FROM sys_query_history", "sys_query_history"),
            ("SELECT * FROM stl_query", "stl_query"),
        ),
    ),
    Page(
        "r_QUALIFY_clause.html",
        accepted=(
            ("SELECT id FROM corpus_t QUALIFY ROW_NUMBER() OVER (ORDER BY id DESC) = 1", [[3]]),
        ),
    ),
    Page(
        "c_Window_functions.html",
        accepted=(
            ("SELECT ROW_NUMBER() OVER (ORDER BY id) FROM corpus_t", [[1], [2], [3]]),
            ("SELECT DENSE_RANK() OVER (ORDER BY 1) FROM corpus_u LIMIT 1", [[1]]),
            ("SELECT LAG(id) OVER (ORDER BY id) FROM corpus_t", [[None], [1], [2]]),
            (
                "SELECT SUM(id) OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM corpus_t",
                [[1], [3], [6]],
            ),
            (
                "SELECT FIRST_VALUE(id) OVER (ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND "
                "UNBOUNDED FOLLOWING) FROM corpus_t LIMIT 1",
                [[1]],
            ),
            ("SELECT NTILE(3) OVER (ORDER BY id) FROM corpus_t", [[1], [2], [3]]),
        ),
        refused=(
            ("SELECT id FROM corpus_t WHERE ROW_NUMBER() OVER (ORDER BY id) = 1", "ERROR"),
            ("SELECT SUM(id) OVER (ORDER BY id RANGE UNBOUNDED PRECEDING) FROM corpus_t", "RANGE"),
            (
                "SELECT SUM(id) OVER (ORDER BY id RANGE BETWEEN 1 PRECEDING AND CURRENT ROW) "
                "FROM corpus_t",
                "RANGE",
            ),
            ("SELECT SUM(id) OVER (ORDER BY id GROUPS 1 PRECEDING) FROM corpus_t", "GROUPS"),
            (
                "SELECT SUM(id) OVER (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW "
                "EXCLUDE CURRENT ROW) FROM corpus_t",
                "EXCLUDE",
            ),
            ("SELECT SUM(id) OVER (ORDER BY id ROWS -1 PRECEDING) FROM corpus_t", "ERROR"),
            ("SELECT SUM(id) OVER w FROM corpus_t WINDOW w AS (PARTITION BY n)", "WINDOW"),
            ("SELECT COUNT(DISTINCT n) OVER () FROM corpus_t", "DISTINCT in a window"),
        ),
    ),
    *(
        Page(
            page,
            accepted=(
                f"SELECT {call} OVER (ORDER BY id ROWS UNBOUNDED PRECEDING) FROM corpus_t",
                f"SELECT {call} OVER (PARTITION BY s) FROM corpus_t",
            ),
            refused=((f"SELECT {call} OVER (PARTITION BY s ORDER BY id) FROM corpus_t", "frame"),),
        )
        for page, call in (
            ("r_WF_AVG.html", "AVG(n)"),
            ("r_WF_COUNT.html", "COUNT(*)"),
            ("r_WF_first_value.html", "FIRST_VALUE(n)"),
            ("r_WF_last_value.html", "LAST_VALUE(n) IGNORE NULLS"),
            ("r_WF_MAX.html", "MAX(n)"),
            ("r_WF_MIN.html", "MIN(n)"),
            ("r_WF_NTH.html", "NTH_VALUE(n, 2)"),
            ("r_WF_STDDEV.html", "STDDEV_POP(n)"),
            ("r_WF_SUM.html", "SUM(x)"),
            ("r_WF_VARIANCE.html", "VARIANCE(n)"),
        )
    ),
    *(
        Page(
            f"r_WF_{name}.html",
            accepted=(f"SELECT {name}(n, 2) IGNORE NULLS OVER (ORDER BY id) FROM corpus_t",),
            refused=(
                (f"SELECT {name}(n, 1, 0) OVER (ORDER BY id) FROM corpus_t", "Default parameter"),
                (f"SELECT {name}(n) OVER (PARTITION BY s) FROM corpus_t", "ORDER BY"),
            ),
        )
        for name in ("LAG", "LEAD")
    ),
    Page(
        "r_WF_LISTAGG.html",
        accepted=(
            (
                "SELECT LISTAGG(n, ';') WITHIN GROUP (ORDER BY n) OVER (PARTITION BY 1) FROM corpus_t "
                "LIMIT 1",
                [["10;20"]],
            ),
        ),
    ),
    Page(
        "c_unsupported-postgresql-features.html",
        refused=(
            ("CREATE INDEX {n} ON corpus_t (id)", "INDEX"),
            ("CREATE UNIQUE INDEX {n} ON corpus_t (id)", "INDEX"),
            ("DROP INDEX {n}", "INDEX"),
            ("CREATE SEQUENCE {n}", "SEQUENCE"),
            ("SELECT nextval('s')", "ERROR"),
            ("CREATE TRIGGER {n} AFTER INSERT ON corpus_t EXECUTE PROCEDURE f()", "ERROR"),
            ("CREATE DOMAIN {n} AS INTEGER", "ERROR"),
            ("CREATE TYPE {n} AS ENUM ('a')", "ERROR"),
            ("CREATE RULE {n} AS ON INSERT TO corpus_t DO NOTHING", "ERROR"),
            ("CREATE EXTENSION pg_trgm", "ERROR"),
            ("CREATE TABLESPACE {n} LOCATION '/tmp'", "ERROR"),
            ("SELECT * FROM (VALUES (1), (2)) AS v", "VALUES"),
            ("VALUES (1), (2)", "ERROR"),
            ("SELECT * FROM generate_series(1, 3)", "generate_series"),
            ("SELECT * FROM corpus_t, LATERAL (SELECT 1) AS l", "LATERAL"),
            ("SELECT ARRAY[1, 2][1]", "ERROR"),
            ("SELECT ARRAY_AGG(id) FROM corpus_t", "ARRAY_AGG"),
            ('SELECT id FROM corpus_t ORDER BY s COLLATE "C"', "COLLATE"),
            ("SELECT * FROM corpus_t TABLESAMPLE BERNOULLI (10)", "TABLESAMPLE"),
            ("SELECT * FROM corpus_t FOR UPDATE", "ERROR"),
            ("CREATE TABLE {n} (oid INTEGER)", "system column"),
            ("CREATE TABLE {n} (xmin INTEGER)", "system column"),
            ("CREATE TABLE {n} (ctid INTEGER)", "system column"),
            ("LISTEN x", "ERROR"),
            ("NOTIFY x", "ERROR"),
            ("REINDEX TABLE corpus_t", "ERROR"),
            ("CLUSTER corpus_t", "ERROR"),
            ("COPY corpus_t TO STDOUT", "ERROR"),
            ("COPY corpus_t FROM STDIN", "ERROR"),
            ("DO $$ BEGIN END $$", "ERROR"),
            ("SELECT STRING_AGG(s, ',') FROM corpus_t", "ERROR"),
            ("SELECT * FROM json_each('{{}}')", "ERROR"),
            ("SELECT '{{}}'::json", "ERROR"),
            ("SELECT '{{}}'::json->'a'", "ERROR"),
            ("SELECT gen_random_uuid()", "ERROR"),
            ("SELECT COUNT(*) FILTER (WHERE id = 1) FROM corpus_t", "ERROR"),
            ("SELECT unnest(ARRAY[1])", "ERROR"),
            ("SELECT regexp_matches('a', 'a')", "ERROR"),
            ("SELECT format('%s', 1)", "ERROR"),
            ("SELECT make_date(2024, 1, 1)", "ERROR"),
        ),
    ),
)
