"""The functions that Redshift has: those that run here, and those that nobody here executes.

sqlglot reads the functions of all dialects, and DuckDB has many of them: a query with IFNULL or
ARG_MAX must not pass here when Redshift would refuse it.
"""

from __future__ import annotations

from sqlglot.dialects.redshift import Redshift
from sqlglot.parsers.redshift import RedshiftParser

NAME = "redshift_name"  # of a node's meta: the function as it was written
SUPER_KINDS = (
    "array", "object", "scalar", "boolean", "varchar", "char", "smallint", "integer", "bigint",
    "decimal", "float",
)  # fmt: skip
OF_SUPER = frozenset(
    "is_valid_json is_valid_json_array can_json_parse json_array_length json_typeof json_size "
    "json_extract_array_element_text json_serialize get_array_length object".split()
).union(f"is_{kind}" for kind in SUPER_KINDS)
HERE = OF_SUPER.union(
    # numbers
    "abs acos asin atan atan2 cbrt ceil ceiling cos cot degrees dexp dlog1 dlog10 exp floor ln log "
    "mod pi pow power radians random round sign sin sqrt tan to_hex to_number trunc".split(),
    # texts and bytes
    "ascii btrim char_length character_length charindex chr concat initcap left len length lower "
    "lpad ltrim octet_length position regexp_count regexp_instr regexp_replace regexp_substr "
    "repeat replace replicate reverse right rpad rtrim split_part strpos strtol substr substring "
    "textlen to_char translate trim upper func_sha1 md5 sha sha1 sha2 from_hex".split(),
    # dates and times
    "add_months convert_timezone current_date date date_add date_diff date_part date_part_year "
    "date_trunc dateadd datediff extract getdate last_day months_between next_day now sysdate "
    "timestamp timezone to_date to_timestamp".split(),
    # conditions and casts
    "cast coalesce convert decode greatest least nullif nvl nvl2 try_cast".split(),
    # aggregates and windows
    "any_value avg bit_and bit_or bool_and bool_or count listagg max median min percentile_cont "
    "percentile_disc stddev stddev_pop stddev_samp sum var_pop var_samp variance grouping "
    "grouping_id cume_dist dense_rank first_value lag last_value lead nth_value ntile percent_rank "
    "rank row_number".split(),
    # documents
    "array json_extract_path_text json_parse".split(),
    # the session
    "current_database current_schema pg_last_copy_count pg_last_copy_id pg_last_unload_count "
    "version".split(),
)
NOT_HERE = frozenset(
    "array_concat array_contains array_distinct array_except array_flatten array_intersection "
    "array_position array_positions array_sort array_to_string array_union arrays_overlap "
    "bpcharcmp bttext_pattern_cmp change_query_priority change_session_priority "
    "change_user_priority checksum collate crc32 current_aws_account current_namespace "
    "current_schemas current_session_arn current_setting current_user_id date_cmp "
    "date_cmp_timestamp date_cmp_timestamptz decimal_precision decimal_scale default_iam_role "
    "difference explain_model farmfingerprint64 fnv_hash from_varbyte getbit getdatabaseencoding "
    "has_assumerole_privilege has_database_privilege has_schema_privilege has_table_privilege hll "
    "hll_add hll_cardinality hll_combine hll_combine_agg hll_create_sketch interval_cmp "
    "json_serialize_to_varbyte last_user_query_id lower_attribute_names murmur3_32_hash "
    "object_transform octetindex pg_backend_pid pg_cancel_backend pg_get_cols "
    "pg_get_grantee_by_iam_role pg_get_iam_role_by_user pg_get_late_binding_view_cols "
    "pg_get_session_roles pg_last_query_id pg_last_unload_id pg_terminate_backend quote_ident "
    "quote_literal ratio_to_report reboot_cluster role_is_member_of set_config size slice_num "
    "soundex split_to_array subarray text_to_int_alt text_to_numeric_alt timeofday timestamp_cmp "
    "timestamp_cmp_date timestamp_cmp_timestamptz timestamptz_cmp timestamptz_cmp_date "
    "timestamptz_cmp_timestamp to_varbyte upper_attribute_names user_is_member_of".split()
)
# Spatial ones, by their first letters.
SPATIAL = ("st_", "h3_", "addbbox", "dropbbox", "geometrytype", "supportsbbox")


class NamedParser(RedshiftParser):
    """Without what it reads of other dialects, which would hide what was written."""

    # Their formats are read by formats.py: sqlglot lets pass what it does not know.
    FUNCTIONS = {
        name: parser
        for name, parser in RedshiftParser.FUNCTIONS.items()
        if name not in ("TO_CHAR", "TO_DATE", "TO_TIMESTAMP")
    }
    FUNCTION_PARSERS = {
        name: parser
        for name, parser in RedshiftParser.FUNCTION_PARSERS.items()
        if name.lower() in HERE
    }
    NO_PAREN_FUNCTION_PARSERS = {
        name: parser
        for name, parser in RedshiftParser.NO_PAREN_FUNCTION_PARSERS.items()
        if name != "IF"
    }


# Types of other dialects, which sqlglot would read as Redshift's of the same meaning.
NO_TYPES = frozenset(
    "BYTE CLOB DOUBLE FIXED INT1 INT16 INT32 INT64 LONG LONGVARCHAR NUMBER NVARCHAR2 SHORT STR "
    "STRING VARCHAR2".split()
)


class NamedTokenizer(Redshift.Tokenizer):
    KEYWORDS = {
        word: kind for word, kind in Redshift.Tokenizer.KEYWORDS.items() if word not in NO_TYPES
    }


class Named(Redshift):
    """Redshift for sqlglot; a function's node keeps the name that was written."""

    Tokenizer = NamedTokenizer
    ORIGINAL_NAME_META_KEY = NAME
    Parser = NamedParser
