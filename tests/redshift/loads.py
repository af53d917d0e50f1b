# ruff: noqa: E501 (a statement stands on one line)
"""COPY and UNLOAD, and the views that tell of them."""

from __future__ import annotations

from collections.abc import Sequence

from tests.redshift.page import Page

Outcomes = Sequence[tuple[str, str]]
_UNLOAD = "UNLOAD ('SELECT 1 AS a') TO 's3://corpus-files/u' IAM_ROLE DEFAULT "


def _copies(
    page: str, accepted: Sequence[str] = (), refused: Outcomes = (), unsupported: Outcomes = ()
) -> Page:
    """COPY of the delimited file ``rows`` with the options of a page."""
    sql = "COPY corpus_l FROM 's3://corpus-files/rows' IAM_ROLE DEFAULT "
    return Page(
        page,
        accepted=tuple(sql + option for option in accepted),
        refused=tuple((sql + option, told) for option, told in refused),
        unsupported=tuple((sql + option, told) for option, told in unsupported),
    )


LOADS = (
    Page(
        "copy-usage_notes-copy-from-columnar.html",
        refused=tuple(
            (f"COPY corpus_t FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT AS PARQUET {option}", "ERROR")
            for option in (
                "MAXERROR 10",
                "GZIP",
                "NULL AS 'x'",
                "TRUNCATECOLUMNS",
                "EMPTYASNULL",
                "IGNOREHEADER 1",
                "ACCEPTANYDATE",
                "DATEFORMAT 'auto'",
                "TIMEFORMAT 'auto'",
                "DELIMITER ','",
                "REGION 'us-east-1'",
                "COMPUPDATE ON",
                "ENCRYPTED",
                "NOLOAD",
                "BLANKSASNULL",
                "FIXEDWIDTH",
                "CSV",
            )
        )
        + (
            ("COPY corpus_t FROM 's3://b/k' FORMAT AS PARQUET", "IAM_ROLE"),
            (
                "COPY corpus_t FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT PARQUET FORMAT PARQUET",
                "ERROR",
            ),
            ("COPY nowhere FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT PARQUET", "does not exist"),
            (
                "COPY corpus_t (nothing) FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT PARQUET",
                "not exist",
            ),
            ("COPY corpus_t FROM 'http://b/k' IAM_ROLE DEFAULT FORMAT PARQUET", "ERROR"),
            ("COPY corpus_t FROM '/etc/passwd' IAM_ROLE DEFAULT FORMAT PARQUET", "ERROR"),
            ("COPY corpus_t FROM 's3://b/../x' IAM_ROLE DEFAULT FORMAT PARQUET", "ERROR"),
            ("COPY corpus_t", "syntax error"),
        ),
    ),
    Page(
        "r_COPY.html",
        accepted=tuple(
            f"COPY corpus_l FROM 's3://corpus-files/rows' {option}"
            for option in (
                "IAM_ROLE DEFAULT",
                "IAM_ROLE 'arn:aws:iam::123456789012:role/x' DELIMITER '|'",
                "iam_role default csv quote as '%' delimiter '|';",
                "IAM_ROLE DEFAULT FORMAT AS CSV DELIMITER AS '|' IGNOREHEADER 1",
                "CREDENTIALS 'aws_iam_role=arn:aws:iam::123456789012:role/x' ESCAPE",
                "IAM_ROLE DEFAULT REGION 'us-east-1' REMOVEQUOTES EMPTYASNULL BLANKSASNULL",
            )
        )
        + ("COPY public.corpus_l (id, s) FROM 's3://corpus-files/rows' IAM_ROLE DEFAULT",),
        refused=(
            ("COPY corpus_l FROM 's3://corpus-files/rows'", "IAM_ROLE or CREDENTIALS"),
            ("COPY corpus_l FROM 's3://corpus-files/rows' IAM_ROLE", "syntax error"),
            ("COPY corpus_l FROM 's3://corpus-files/none' IAM_ROLE DEFAULT", "does not exist"),
            ("COPY corpus_l FROM 's3://no-such-bucket/x' IAM_ROLE DEFAULT", "does not exist"),
            ("COPY nowhere FROM 's3://corpus-files/rows' IAM_ROLE DEFAULT", "does not exist"),
            ("COPY corpus_l (x) FROM 's3://corpus-files/rows' IAM_ROLE DEFAULT", "does not exist"),
            ("COPY corpus_d FROM 's3://corpus-files/rows' IAM_ROLE DEFAULT", "stl_load_errors"),
            ("COPY corpus_l TO 's3://corpus-files/rows' IAM_ROLE DEFAULT", "syntax error"),
        ),
        unsupported=(
            ("COPY corpus_l FROM 'dynamodb://Movies' IAM_ROLE DEFAULT READRATIO 50", "READRATIO"),
            ("COPY corpus_l FROM 'emr://j-1/x' IAM_ROLE DEFAULT", "emr://"),
            ("COPY corpus_l FROM 's3://b/k' IAM_ROLE DEFAULT JOB CREATE x AUTO ON", "JOB"),
        ),
    ),
    _copies(
        "copy-parameters-data-format.html",
        accepted=("CSV DELIMITER '|' QUOTE '%'", "DELIMITER '|'", r"DELIMITER AS '\174'"),
        refused=(
            ("CSV ESCAPE", "not compatible"),
            ("CSV REMOVEQUOTES", "not compatible"),
            ("JSON 'auto' DELIMITER ','", "not compatible"),
            ("JSON 'auto' FILLRECORD", "not compatible"),
            ("QUOTE '%'", "QUOTE"),
            ("CSV JSON 'auto'", "conflicting"),
            ("DELIMITER 'é'", "single ASCII"),
            ("JSON 'auto'", "stl_load_errors"),
            ("JSON 'noshred'", "single column"),
        ),
        unsupported=(
            ("DELIMITER '|~|'", "several characters"),
            ("FIXEDWIDTH 'id:3'", "FIXEDWIDTH"),
            ("FORMAT AS AVRO 'auto'", "AVRO"),
            ("FORMAT AS ORC", "ORC"),
            ("SHAPEFILE", "SHAPEFILE"),
        ),
    ),
    _copies(
        "copy-parameters-data-conversion.html",
        accepted=(
            "ACCEPTANYDATE DATEFORMAT 'auto'",
            "ACCEPTINVCHARS",
            "ACCEPTINVCHARS AS '^'",
            "DATEFORMAT AS 'MM/DD/YYYY' TIMEFORMAT 'epochsecs'",
            "ENCODING UTF8 FILLRECORD IGNOREBLANKLINES IGNOREHEADER AS 1 NULL AS 'x'",
            "ROUNDEC TRIMBLANKS TRUNCATECOLUMNS",
        ),
        refused=(("IGNOREHEADER", "syntax error"), (r"NULL AS '\n'", "newline")),
        unsupported=(("ENCODING UTF16LE", "UTF16LE"), ("EXPLICIT_IDS", "EXPLICIT_IDS")),
    ),
    _copies(
        "copy-parameters-data-load.html",
        accepted=(
            "COMPROWS 1000 COMPUPDATE PRESET",
            "COMPUPDATE OFF MAXERROR 10 STATUPDATE ON",
            "NOLOAD MAXERROR AS 0",
        ),
        refused=(
            ("MAXERROR 100001", "MAXERROR"),
            ("MAXERROR x", "syntax error"),
            ("COMPUPDATE OFF COMPUPDATE ON", "redundant"),
        ),
        unsupported=(("IGNOREALLERRORS", "IGNOREALLERRORS"),),
    ),
    _copies(
        "copy-parameters-file-compression.html",
        refused=(("GZIP", "cannot be read"), ("BZIP2", "cannot be read"), ("ZSTD", "cannot be")),
        unsupported=(("LZOP", "LZOP"),),
    ),
    _copies(
        "copy-parameters-data-source-s3.html",
        refused=(("MANIFEST", "correct json format"),),
        unsupported=(
            ("ENCRYPTED MASTER_SYMMETRIC_KEY 'x'", "ENCRYPTED"),
            ("REGION 'eu-west-1'", "eu-west-1"),
        ),
    ),
    Page(
        "copy_json.html",
        accepted=tuple(
            f"COPY {table} FROM 's3://corpus-files/{key}' IAM_ROLE DEFAULT {option}"
            for table, key, option in (
                ("corpus_s", "documents", "FORMAT JSON 'auto'"),
                ("corpus_document", "documents", "FORMAT JSON 'noshred'"),
                ("corpus_s", "rows", "MAXERROR 10"),
            )
        ),
        unsupported=(
            (
                "COPY corpus_s FROM 's3://b/k' IAM_ROLE DEFAULT FORMAT PARQUET SERIALIZETOJSON",
                "SERIALIZETOJSON",
            ),
        ),
    ),
    Page(
        "unload-super-csv.html",
        accepted=(
            "UNLOAD ('SELECT * FROM corpus_s') TO 's3://corpus-files/{n}/' IAM_ROLE DEFAULT "
            "DELIMITER AS '|' GZIP ALLOWOVERWRITE",
            "UNLOAD ('SELECT id, s.a.b[0] FROM corpus_s s') TO 's3://corpus-files/{n}/' "
            "IAM_ROLE DEFAULT CSV",
        ),
    ),
    Page(
        "r_UNLOAD.html",
        accepted=tuple(
            f"UNLOAD ('SELECT id, s FROM corpus_t') TO 's3://corpus-files/{{n}}/' "
            f"IAM_ROLE DEFAULT {option}"
            for option in (
                "",
                "HEADER DELIMITER AS ',' ADDQUOTES ESCAPE NULL AS 'none' PARALLEL OFF;",
                "FORMAT AS CSV GZIP",
                "FORMAT PARQUET MAXFILESIZE AS 6 MB",
                "JSON MANIFEST VERBOSE",
                "CSV PARTITION BY (s) CLEANPATH",
                "ALLOWOVERWRITE PARALLEL TRUE MANIFEST BZIP2",
            )
        ),
        refused=(
            *(
                (_UNLOAD + option, told)
                for option, told in (
                    ("PARQUET GZIP", "not compatible"),
                    ("PARQUET HEADER", "not compatible"),
                    ("JSON DELIMITER ','", "not compatible"),
                    ("CLEANPATH ALLOWOVERWRITE", "conflicting"),
                    ("MAXFILESIZE 1 MB", "MAXFILESIZE"),
                    ("PARTITION BY (a)", "PARTITION BY"),
                    ("INCLUDE", "syntax error"),
                    ("VERBOSE", "syntax error"),
                )
            ),
            ("UNLOAD ('SELECT 1') TO 's3://corpus-files/u'", "IAM_ROLE or CREDENTIALS"),
            (_UNLOAD.replace("/u'", "/rows'"), "is not empty"),
            (_UNLOAD.replace("AS a", "LIMIT 1"), "Limit clause"),
            (_UNLOAD.replace("SELECT 1 AS a", "DELETE FROM corpus_d"), "SELECT"),
            ("UNLOAD (SELECT 1) TO 's3://corpus-files/u' IAM_ROLE DEFAULT", "syntax error"),
            ("UNLOAD corpus_t", "syntax error"),
        ),
        unsupported=tuple(
            (_UNLOAD + option, told)
            for option, told in (
                ("FIXEDWIDTH AS 'a:3'", "FIXEDWIDTH"),
                ("ENCRYPTED AUTO", "ENCRYPTED"),
                ("ROWGROUPSIZE 32 MB", "ROWGROUPSIZE"),
                ("EXTENSION 'csv'", "EXTENSION"),
            )
        ),
    ),
    Page(
        "r_STL_LOAD_ERRORS.html",
        accepted=(
            "SELECT userid, slice, tbl, starttime, session, query, filename, line_number, colname, "
            "type, col_length, position, raw_line, raw_field_value, err_code, err_reason "
            "FROM stl_load_errors",
            "SELECT line_number, TRIM(err_reason) FROM stl_load_errors "
            "WHERE query = pg_last_copy_id()",
        ),
        refused=(("DELETE FROM stl_load_errors", "ERROR"),),
    ),
    Page(
        "SYS_LOAD_ERROR_DETAIL.html",
        accepted=(
            "SELECT user_id, query_id, transaction_id, session_id, database_name, table_id, "
            "start_time, file_name, line_number, column_name, column_type, column_length, position, "
            "error_code, error_message FROM sys_load_error_detail",
        ),
    ),
    Page(
        "SYS_LOAD_HISTORY.html",
        accepted=(
            "SELECT user_id, query_id, transaction_id, session_id, database_name, status, "
            "table_name, start_time, end_time, duration, data_source, file_format, loaded_rows, "
            "loaded_bytes, source_file_count, source_file_bytes, file_count_scanned, "
            "file_bytes_scanned, error_count, copy_job_id FROM sys_load_history",
        ),
    ),
    Page(
        "r_STL_LOADERROR_DETAIL.html",
        unsupported=(("SELECT * FROM stl_loaderror_detail", "stl_loaderror_detail"),),
    ),
)
