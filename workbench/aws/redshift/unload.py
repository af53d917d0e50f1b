"""UNLOAD: the result of a query as files in S3, under the names that Redshift gives them.

Files are written aside and put in their places when all of them are complete: an UNLOAD that
fails leaves nothing, and one that succeeds is not undone with its transaction.
"""

from __future__ import annotations

import json
import re
import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from workbench.aws.protocol import AwsError
from workbench.aws.redshift import command, dialect, objects
from workbench.aws.redshift.load.options import COMPRESSIONS, REGION
from workbench.aws.redshift.partiql import Supers
from workbench.aws.redshift.refusals import GUIDE, SqlError, not_here
from workbench.aws.redshift.unload_files import Files, Written
from workbench.aws.redshift.unload_rows import Column, Plan
from workbench.aws.s3 import names
from workbench.aws.s3.store import place, prune

COMMAND = re.compile(
    r"\s*UNLOAD\s*\(\s*'(?P<query>(?:[^']|'')*)'\s*\)\s*TO\s*'(?P<url>(?:[^']|'')*)'"
    r"(?P<options>.*?);?\s*",
    re.I | re.S,
)
FLAGS = "CSV PARQUET JSON INCLUDE HEADER ADDQUOTES ESCAPE ALLOWOVERWRITE CLEANPATH".split()
GRAMMAR = {
    **dict.fromkeys((*FLAGS, *COMPRESSIONS), command.FLAG),
    **dict.fromkeys(("DELIMITER", "NULL", "CREDENTIALS", "REGION"), command.TEXT),
    "PARTITION": r'\s+BY\s*\(((?:"(?:[^"]|"")+"|[^()"])*)\)',
    "MANIFEST": r"(?:\s+(VERBOSE)\b)?",
    "PARALLEL": command.SWITCH,
    "MAXFILESIZE": r"(?:\s+AS\b)?\s+(\d+(?:\.\d+)?(?:\s*[MG]B)?)\b",
    "IAM_ROLE": command.ROLE,
    "WITH": r"()(?=\s+CREDENTIALS\b)",
    "FORMAT": command.FORMAT,
}
NOT_HERE = frozenset(
    "FIXEDWIDTH ENCRYPTED KMS_KEY_ID MASTER_SYMMETRIC_KEY ROWGROUPSIZE EXTENSION ACCESS_KEY_ID "
    "SECRET_ACCESS_KEY SESSION_TOKEN".split()
)
NEVER_WITH = {
    "PARQUET": "DELIMITER ADDQUOTES ESCAPE NULL HEADER GZIP BZIP2 ZSTD".split(),
    "JSON": "DELIMITER HEADER ADDQUOTES ESCAPE NULL".split(),
}
MB = 1024 * 1024
LARGEST = int(6.2 * 1024 * MB)
NOT_EMPTY = (
    "Specified unload destination on S3 is not empty. Consider using a different bucket / prefix, "
    "manually removing the target files in S3, or using the ALLOWOVERWRITE option."
)
BATCH = 8192


def run(
    cursor: duckdb.DuckDBPyConnection, state: Path, sql: str, database: str, supers: Supers
) -> int:
    """Write what an UNLOAD selects; returns the rows. ``supers``: the SUPER columns there are."""
    match = COMMAND.fullmatch(sql)
    if match is None:
        raise SqlError('syntax error at or near "UNLOAD"')
    given = command.clauses(match["options"], GRAMMAR, _unknown)
    _check(given)
    query = _query(match["query"].replace("''", "'"), database, supers)
    bucket, prefix = objects.split(match["url"].replace("''", "'"))
    prefix += "/" if "PARTITION" in given and not prefix.endswith("/") else ""
    _check_target(state, bucket, prefix, given)
    aside = state / "unload" / uuid.uuid4().hex
    aside.mkdir(parents=True)
    try:
        files = _written(cursor, query, given, prefix, aside)
        _publish(state, bucket, prefix, given, files)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    cursor.execute(f"SET VARIABLE rs_unloaded = {files.rows}")
    return files.rows


def _unknown(word: str) -> SqlError:
    if word in NOT_HERE:
        return not_here(f"The option {word} of UNLOAD")
    return SqlError(f'syntax error at or near "{word}"')


def _check(given: Mapping[str, str]) -> None:
    """SqlError for options that do not go together."""
    if "IAM_ROLE" not in given and "CREDENTIALS" not in given:
        raise SqlError("UNLOAD needs IAM_ROLE or CREDENTIALS")
    for group in (("CSV", "PARQUET", "JSON"), COMPRESSIONS, ("CLEANPATH", "ALLOWOVERWRITE")):
        if len([each for each in group if each in given]) > 1:
            raise SqlError(f"conflicting or redundant options: one of {', '.join(group)}")
    for form, others in NEVER_WITH.items():
        if wrong := [each for each in others if form in given and each in given]:
            page = f"{GUIDE}/r_UNLOAD.html"
            raise SqlError(f"UNLOAD {form} is not compatible with {', '.join(wrong)}. See {page}")
    if "CSV" in given and ("ESCAPE" in given or "ADDQUOTES" in given):
        raise not_here("UNLOAD of CSV with ESCAPE or ADDQUOTES")
    if "INCLUDE" in given and "PARTITION" not in given:
        raise SqlError('syntax error at or near "INCLUDE"')
    if given.get("REGION", REGION) != REGION:
        raise not_here(f"UNLOAD to the region {given['REGION']}")


def _query(sql: str, database: str, supers: Supers) -> str:
    """The query for DuckDB."""
    translated = dialect.translate(sql, database, supers=supers)
    if translated.kind != "query":
        raise SqlError("UNLOAD needs a SELECT")
    if dialect.parse(sql).args.get("limit") is not None:
        raise SqlError("Limit clause is not supported in the outermost SELECT of an UNLOAD")
    return translated.sql


def _check_target(state: Path, bucket: str, prefix: str, given: Mapping[str, str]) -> None:
    taken = objects.keys(state, bucket, prefix)
    _path(state, bucket, f"{prefix}0000_part_00")
    if taken and "ALLOWOVERWRITE" not in given and "CLEANPATH" not in given:
        raise SqlError(NOT_EMPTY)


def _path(state: Path, bucket: str, key: str) -> Path:
    """The file of an object to be written. SqlError for a key that would lead elsewhere."""
    try:
        return names.path_of(objects.folder(state, bucket), key)
    except AwsError as error:
        raise SqlError(f"S3ServiceException: {error.message}") from None


def _written(
    cursor: duckdb.DuckDBPyConnection,
    query: str,
    given: Mapping[str, str],
    prefix: str,
    aside: Path,
) -> Files:
    result = cursor.sql(query)  # read as it comes, where execute() would hold all of it
    pairs = zip(result.columns, result.types, strict=True)
    columns = [Column(str(name).lower(), str(kind)) for name, kind in pairs]
    form = next((each for each in ("CSV", "PARQUET", "JSON") if each in given), "TEXT")
    plan = Plan(
        form,
        columns,
        partition=command.identifiers(given.get("PARTITION", "")),
        include="INCLUDE" in given,
        delimiter=command.character(
            given.get("DELIMITER", "," if form == "CSV" else "|"), "DELIMITER"
        ),
        null=command.unescaped(given.get("NULL", "")),
        header="HEADER" in given,
        quotes="ADDQUOTES" in given,
        escape="ESCAPE" in given,
        compression=next((each for each in COMPRESSIONS if each in given), ""),
        largest=_size(given.get("MAXFILESIZE")),
        serial=given.get("PARALLEL", "ON").upper() in ("OFF", "FALSE"),
    )
    files = Files(plan, prefix, aside)
    try:
        for batch in result.to_arrow_reader(BATCH):
            files.write(batch)
    except (OSError, pa.ArrowException) as error:  # DuckDB's, by way of Arrow
        raise duckdb.Error(str(error)) from None
    except (ValueError, OverflowError):
        raise not_here("UNLOAD of a date outside the years 1 to 9999") from None
    finally:
        files.close()
    return files


def _size(text: str | None) -> int:
    if text is None:
        return LARGEST
    number, unit = re.fullmatch(r"([\d.]+)\s*(\w*)", text).groups()  # type: ignore[union-attr]
    size = int(float(number) * MB * (1024 if unit.upper() == "GB" else 1))
    if not 5 * MB <= size <= LARGEST:
        raise SqlError("MAXFILESIZE must be between 5 MB and 6.2 GB")
    return size


def _publish(state: Path, bucket: str, prefix: str, given: Mapping[str, str], files: Files) -> None:
    """Put the files in their places; the manifest is the last."""
    places = {each: _path(state, bucket, each.key) for each in files.written}
    folder = objects.folder(state, bucket)
    if "CLEANPATH" in given:
        _clean(state, bucket, _cleaned(prefix, given, files.written))
    try:
        for each, path in places.items():
            place(each.path, path, folder, exclusive=False)
        if "MANIFEST" in given:
            manifest = files.aside / "manifest"
            verbose = bool(given["MANIFEST"])
            manifest.write_text(json.dumps(_manifest(bucket, files, verbose), indent=2))
            place(manifest, _path(state, bucket, f"{prefix}manifest"), folder, exclusive=False)
    except AwsError as error:
        raise SqlError(f"S3ServiceException: {error.message}") from None


def _cleaned(prefix: str, given: Mapping[str, str], files: Iterable[Written]) -> set[str]:
    """The prefixes to be emptied: of partitions, only those that get new files."""
    if "PARTITION" not in given:
        return {prefix}
    return {each.key.rpartition("/")[0] + "/" for each in files}


def _clean(state: Path, bucket: str, prefixes: Iterable[str]) -> None:
    folder = objects.folder(state, bucket)
    for prefix in prefixes:
        for key in objects.keys(state, bucket, prefix):
            path = _path(state, bucket, key)
            path.unlink(missing_ok=True)
            prune(path.parent, folder)


def _manifest(bucket: str, files: Files, verbose: bool) -> dict[str, Any]:
    entries: list[dict[str, Any]] = []
    for each in files.written:
        entry: dict[str, Any] = {"url": f"s3://{bucket}/{each.key}"}
        if verbose:
            entry["meta"] = {"content_length": each.size, "record_count": each.rows}
        elif files.plan.form == "PARQUET":  # COPY of columnar files asks for it
            entry["meta"] = {"content_length": each.size}
        entries.append(entry)
    if not verbose:
        return {"entries": entries}
    return {
        "entries": entries,
        "schema": {"elements": [each.described() for each in files.plan.kept]},
        "meta": {
            "content_length": sum(each.size for each in files.written),
            "record_count": sum(each.rows for each in files.written),
        },
        "author": {"name": "Amazon Redshift", "version": "1.0.0"},
    }
