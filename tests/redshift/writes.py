# ruff: noqa: E501 (a statement stands on one line)
"""INSERT, UPDATE, DELETE, MERGE, transactions: what changes rows."""

from __future__ import annotations

from tests.redshift.page import Page

MERGE = "MERGE INTO corpus_t USING corpus_u {0} WHEN MATCHED THEN {1} WHEN NOT MATCHED THEN {2}"
ON = "ON corpus_t.id = corpus_u.id"
SET = "UPDATE SET n = corpus_u.n"
PUT = "INSERT (id, n) VALUES (corpus_u.id, corpus_u.n)"

WRITES = (
    Page(
        "r_MERGE.html",
        accepted=(
            MERGE.format(ON, SET, PUT),
            MERGE.format(ON, "DELETE", PUT),
            MERGE.format(ON, SET, "INSERT (id) VALUES (corpus_u.id)"),
            MERGE.format(
                "AS s ON corpus_t.id = s.id",
                "UPDATE SET n = s.n, s = 'x'",
                "INSERT (id, n) VALUES (s.id, s.n)",
            ),
            MERGE.format(
                "AS s ON corpus_t.id = s.id AND corpus_t.n = s.n",
                "UPDATE SET s = 'x'",
                "INSERT (id, n) VALUES (s.id, s.n)",
            ),
            "MERGE INTO corpus_u USING corpus_v ON corpus_u.id = corpus_v.id REMOVE DUPLICATES",
            "MERGE INTO public.corpus_u USING corpus_v s ON corpus_u.id = s.id REMOVE DUPLICATES;",
        ),
        refused=(
            (f"MERGE INTO corpus_t USING corpus_u {ON} WHEN MATCHED THEN {SET}", "r_MERGE"),
            (f"MERGE INTO corpus_t USING corpus_u {ON} WHEN NOT MATCHED THEN {PUT}", "r_MERGE"),
            (
                MERGE.format(ON, SET, PUT).replace(
                    "MATCHED THEN U", "MATCHED AND corpus_u.n > 1 THEN U"
                ),
                "r_MERGE",
            ),
            (MERGE.format(ON, SET, PUT).replace("INTO corpus_t", "INTO corpus_t AS a"), "r_MERGE"),
            (MERGE.format("ON corpus_t.id > corpus_u.id", SET, PUT), "r_MERGE"),
            (MERGE.format("ON corpus_t.id = corpus_u.id OR corpus_t.n = 1", SET, PUT), "r_MERGE"),
            (MERGE.format("ON corpus_t.id IN (corpus_u.id)", SET, PUT), "r_MERGE"),
            (MERGE.format(ON, "UPDATE SET corpus_t.n = corpus_u.n", PUT), "r_MERGE"),
            (MERGE.format(ON, "DO NOTHING", PUT), "ERROR"),
            (MERGE.format(ON, "UPDATE SET *", PUT), "r_MERGE"),
            (MERGE.format(ON, "UPDATE", PUT), "syntax error"),
            (MERGE.format(ON, SET, "INSERT *"), "r_MERGE"),
            (MERGE.format(ON, SET, "INSERT"), "r_MERGE"),
            ("WITH w AS (SELECT 1 AS id) " + MERGE.format(ON, SET, PUT), "ERROR"),
            (MERGE.format(ON, SET, PUT).replace("USING corpus_u", "USING corpus_t"), "ERROR"),
            (MERGE.format(ON, SET, PUT) + " WHEN NOT MATCHED BY SOURCE THEN DELETE", "r_MERGE"),
            (MERGE.format(ON, SET, PUT) + " WHEN MATCHED THEN DELETE", "r_MERGE"),
            (MERGE.format(ON, SET, PUT) + " RETURNING id", "ERROR"),
            (MERGE.format(ON, SET, PUT) + " REMOVE DUPLICATES", "r_MERGE"),
            (f"MERGE INTO corpus_t USING corpus_u {ON} REMOVE DUPLICATES", "numbers of columns"),
            (
                "MERGE INTO corpus_v USING corpus_w ON corpus_v.id = corpus_w.id REMOVE DUPLICATES",
                "r_MERGE",
            ),
            ("MERGE INTO corpus_v USING corpus_u ON corpus_v.id > 1 REMOVE DUPLICATES", "r_MERGE"),
            (f"MERGE INTO corpus_t USING corpus_u {ON}", "syntax error"),
            (MERGE.format(ON, SET, "INSERT (nothing) VALUES (1)"), "does not exist"),
            (
                "MERGE INTO nowhere USING corpus_u ON nowhere.id = corpus_u.id WHEN MATCHED THEN DELETE "
                "WHEN NOT MATCHED THEN INSERT VALUES (1)",
                "does not exist",
            ),
            (MERGE.format(ON, SET, PUT).replace("corpus_u", "corpus_twice"), "multiple matches"),
        ),
    ),
    Page(
        "r_INSERT_30.html",
        accepted=(
            "INSERT INTO corpus_u VALUES (7, 7)",
            "INSERT INTO corpus_u (n, id) VALUES (7, 8), (NULL, 9)",
            "INSERT INTO corpus_u SELECT id, n FROM corpus_t",
            "INSERT INTO corpus_u (id) VALUES (DEFAULT)",
            "INSERT INTO corpus_u DEFAULT VALUES",
            "INSERT INTO corpus_u (SELECT 1, 2)",
        ),
        refused=(
            ("INSERT INTO corpus_u VALUES (1, 2) ON CONFLICT DO NOTHING", "ON CONFLICT"),
            (
                "INSERT INTO corpus_u VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET n = 1",
                "ON CONFLICT",
            ),
            ("INSERT INTO corpus_u VALUES (1, 2) RETURNING id", "RETURNING"),
            ("INSERT INTO corpus_u VALUES (1, 2, 3)", "ERROR"),
            ("INSERT INTO corpus_t (n) VALUES (1)", "Cannot insert a NULL value"),
            ("INSERT INTO corpus_u (nothing) VALUES (1)", "does not exist"),
            ("INSERT INTO nowhere VALUES (1)", "does not exist"),
            ("INSERT OVERWRITE corpus_u VALUES (1, 2)", "ERROR"),
            ("INSERT OR REPLACE INTO corpus_u VALUES (1, 2)", "ERROR"),
            ("REPLACE INTO corpus_u VALUES (1, 2)", "ERROR"),
            ("UPSERT INTO corpus_u VALUES (1, 2)", "ERROR"),
        ),
    ),
    Page(
        "r_UPDATE.html",
        accepted=(
            "UPDATE corpus_u SET n = n + 1",
            "UPDATE corpus_u SET n = corpus_t.n FROM corpus_t WHERE corpus_u.id = corpus_t.id",
            "UPDATE corpus_u SET n = DEFAULT WHERE id = 1",
            "UPDATE corpus_u SET n = (SELECT MAX(n) FROM corpus_t) WHERE id IN (SELECT id FROM corpus_t)",
        ),
        refused=(
            ("UPDATE corpus_u SET nothing = 1", "does not exist"),
            ("UPDATE corpus_u SET n = 1 RETURNING n", "RETURNING"),
            ("UPDATE corpus_t SET id = NULL", "Cannot insert a NULL value"),
            ("UPDATE corpus_t SET s = 'abcdef'", "value too long"),
            ("UPDATE corpus_u SET n = 1 LIMIT 1", "ERROR"),
            ("UPDATE corpus_u SET (id, n) = (1, 2)", "SET (a, b)"),
            ("UPDATE corpus_u SET n = 1 WHERE n", "type boolean"),
        ),
    ),
    Page(
        "r_DELETE.html",
        accepted=(
            "DELETE FROM corpus_d WHERE id = 1",
            "DELETE FROM corpus_d USING corpus_u WHERE corpus_d.id = corpus_u.id",
            "DELETE corpus_d WHERE id = 2",
            "DELETE FROM corpus_d",
        ),
        refused=(
            ("DELETE FROM nowhere", "does not exist"),
            ("DELETE FROM corpus_d RETURNING id", "RETURNING"),
            ("DELETE FROM corpus_d LIMIT 1", "ERROR"),
        ),
    ),
    Page(
        "r_TRUNCATE.html",
        accepted=("TRUNCATE corpus_d", "TRUNCATE TABLE corpus_d"),
        refused=(
            ("TRUNCATE nowhere", "does not exist"),
            ("TRUNCATE corpus_d, corpus_u", "ERROR"),
            ("TRUNCATE corpus_d CASCADE", "ERROR"),
            ("TRUNCATE corpus_d RESTART IDENTITY", "ERROR"),
        ),
    ),
    Page(
        "r_VACUUM_command.html",
        accepted=("VACUUM corpus_t", "VACUUM FULL corpus_t", "VACUUM"),
        refused=(
            ("VACUUM nowhere", 'relation "nowhere" does not exist'),
            ("VACUUM FULL nowhere.corpus_t", 'schema "nowhere" does not exist'),
        ),
    ),
    Page(
        "r_ANALYZE.html",
        accepted=(
            "ANALYZE corpus_t",
            'ANALYZE public.corpus_t (id, "n")',
            "ANALYZE",
            "ANALYZE corpus_t PREDICATE COLUMNS",
        ),
        refused=(
            ("ANALYZE nowhere", 'relation "nowhere" does not exist'),
            ("ANALYZE corpus_t (id, nothing)", 'column "nothing" of relation'),
        ),
    ),
    Page(
        "r_COMMENT.html",
        accepted=(
            "COMMENT ON TABLE corpus_t IS 'x'",
            "COMMENT ON COLUMN public.corpus_t.id IS 'x'",
            "COMMENT ON SCHEMA public IS 'x'",
        ),
        refused=(
            ("COMMENT ON TABLE nowhere IS 'x'", 'relation "nowhere" does not exist'),
            ("COMMENT ON COLUMN corpus_t.nothing IS 'x'", 'column "nothing" of relation'),
            ("COMMENT ON SCHEMA nowhere IS 'x'", 'schema "nowhere" does not exist'),
        ),
    ),
    Page(
        "r_GRANT.html",
        accepted=(
            "GRANT SELECT, INSERT ON TABLE public.corpus_t TO PUBLIC",
            "GRANT ALL PRIVILEGES ON corpus_t TO GROUP readers",
            "GRANT USAGE ON SCHEMA public TO PUBLIC",
        ),
        refused=(
            ("GRANT SELECT ON nowhere TO PUBLIC", 'relation "nowhere" does not exist'),
            ("GRANT USAGE ON SCHEMA nowhere TO PUBLIC", 'schema "nowhere" does not exist'),
            ("GRANT LOOK ON corpus_t TO PUBLIC", "unrecognized privilege"),
        ),
    ),
    Page(
        "r_REVOKE.html",
        accepted=("REVOKE SELECT ON corpus_t FROM PUBLIC",),
        refused=(("REVOKE SELECT ON nowhere FROM PUBLIC", "does not exist"),),
    ),
    Page(
        "r_LOCK.html",
        accepted=("LOCK corpus_t", "LOCK TABLE corpus_t, corpus_u"),
        refused=(("LOCK TABLE nowhere", "does not exist"),),
    ),
)
