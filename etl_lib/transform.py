"""Stage 03: what Spark does. Coerce and validate each batch by contract; set bad rows aside."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from typing import TYPE_CHECKING, Any

from etl_lib import staging, uniqueness
from etl_lib.contract import Table
from etl_lib.errors import ContractError, CountMismatch, QuarantineLimit, RunFailed
from etl_lib.rules import Rule
from etl_lib.run import REPAIR, Plan, Run

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

STAGE = "03_transform"
ROWS_PER_FILE = 500_000
RULE = "_rule"
WHOLE = "yyyy-MM-dd HH:mm:ss.SSSSSS"  # Spark's own JSON has milliseconds
MICROSECONDS = {"timestampFormat": WHOLE, "timestampNTZFormat": WHOLE}
FEW = 5
COPIES = 8  # side by side; S3 does the work


def curate(run: Run, spark: SparkSession) -> list[Mapping[str, Any]]:
    """Turn each table's raw batch into curated and quarantined files.

    Returns per table how many rows are good and how many are quarantined, and by which rule.
    Raises QuarantineLimit over the contract's limit: then nothing of this run is loaded.
    """
    # What Redshift's COPY reads: microseconds, and decimals as the types say.
    spark.conf.set("spark.sql.parquet.outputTimestampType", "TIMESTAMP_MICROS")
    spark.conf.set("spark.sql.session.timeZone", "UTC")
    # Our files have no legacy calendar: a date before 1582 is what it says.
    for side in ("Read", "Write"):
        spark.conf.set(f"spark.sql.parquet.datetimeRebaseModeIn{side}", "CORRECTED")
    plans = run.plans()
    busy = [table for table in run.tables if plans[table.name].window.rows]
    return run.each(STAGE, lambda table: _curate(run, spark, table, plans[table.name]), busy)


def _curate(run: Run, spark: SparkSession, table: Table, plan: Plan) -> dict[str, Any]:
    key = run.curated_key(table.name, "manifest.json")
    manifest = run.zone.get_json(key)
    if manifest is None:
        manifest = run.zone.put_json_once(key, _transform(run, spark, table, plan))
    meta = manifest["meta"]
    limit = table.quarantine_limit
    few = FEW if limit else 0  # one bad row of ten is no sign of a broken source
    told = plan.window.mode != REPAIR  # of single keys, all may be bad: they were before
    if told and meta["bad"] > max(few, limit * (meta["good"] + meta["bad"])):
        raise QuarantineLimit(
            f"table {table.name}: {meta['bad']:,} of {meta['good'] + meta['bad']:,} rows break its "
            f"rules ({_by_rule(meta['rules'])}); quarantine_limit = {limit:.0%}. Nothing was "
            f"loaded, and no bookmark moved. The rows stand under "
            f"{run.zone.url(run.curated_key(table.name, ''))}. Mend the source or the rule; or "
            "raise quarantine_limit in the contract, if they are to be set aside."
        )
    return {"good": meta["good"], "quarantined": meta["bad"], "rules": meta["rules"]}


def _transform(run: Run, spark: SparkSession, table: Table, plan: Plan) -> dict[str, Any]:
    from pyspark.sql import functions as F

    key = run.raw_key(table.name, "manifest.json")
    manifest = run.zone.get_json(key)
    if manifest is None:
        raise RunFailed(f"table {table.name}: no manifest: run 01_extract to its end first")
    rows = manifest["meta"]["record_count"]
    raw = _raw(run, spark, table.name, key)
    if raw is None or not rows:
        # Every row of the window was changed, or deleted, between its plan and its reading.
        return _curated([], {"good": 0, "bad": 0, "rules": {}}, [])
    frame = raw.withColumn(RULE, _broken_rule(run, spark, table, raw))
    frame = _with_references(run, spark, table, frame)
    frame = uniqueness.judge(run, spark, table, plan, frame)
    folder = f"attempt={uuid.uuid4().hex[:12]}"
    if not table.columns and frame.where(F.col(RULE).isNotNull()).isEmpty():
        good = _copied(run, table, manifest["entries"], f"{folder}/good")
        return _curated(good, {"good": rows, "bad": 0, "rules": {}, "as_raw": True}, [])
    columns = staging.curated_columns(table, plan.columns)
    good = _write(run, table, _good(table, frame, columns), rows, f"{folder}/good")
    kept = _written(spark, good).count() if good else 0
    bad: list[dict[str, Any]] = []
    rules: dict[str, int] = {}
    if kept < rows:  # read and judged once more: as a rule they are few
        bad = _write(run, table, _bad(table, frame, plan.columns), rows - kept, f"{folder}/bad")
        found = _written(spark, bad).groupBy(RULE).count().collect() if bad else []
        rules = {each[RULE]: each["count"] for each in found}
    _refuse_other_verdict(table, rows, kept, sum(rules.values()))
    told = {"good": kept, "bad": sum(rules.values()), "rules": rules}
    return _curated(good if kept else [], told, bad)


def _written(spark: SparkSession, entries: Sequence[Mapping[str, Any]]) -> DataFrame:
    """What stands in the files of these entries. How many rows it is, their footers tell."""
    return spark.read.parquet(*(entry["url"] for entry in entries))


def _refuse_other_verdict(table: Table, rows: int, good: int, bad: int) -> None:
    """The good and the bad rows are two readings of the same files, judged by the same rules."""
    if good + bad != rows:
        raise RunFailed(
            f"table {table.name}: of {rows:,} rows, {good:,} were good and {bad:,} were bad, which "
            "is not all of them: a condition depends on the moment. Nothing was loaded. Type "
            "`workbook run`; if it happens again, mend the condition."
        )


def _curated(
    good: list[dict[str, Any]], counts: Mapping[str, Any], bad: list[dict[str, Any]]
) -> dict[str, Any]:
    """A manifest that COPY reads as it is; the bad rows' stands under its ``meta``."""
    set_aside = {"entries": bad, "meta": {"record_count": counts["bad"]}}
    meta = {**counts, "record_count": counts["good"], "quarantine": set_aside}
    return {"entries": good, "meta": meta}


def _raw(run: Run, spark: SparkSession, table: str, key: str) -> DataFrame | None:
    """The rows that a manifest lists; None if it lists none or is not there."""
    manifest = run.zone.get_json(key)
    if manifest is None or not manifest["entries"]:
        return None
    frame = spark.read.parquet(*(entry["url"] for entry in manifest["entries"]))
    expected = manifest["meta"]["record_count"]
    found = frame.count()
    if found != expected:
        raise CountMismatch(table, f"reading {key}", expected, found)
    return frame


def _broken_rule(run: Run, spark: SparkSession, table: Table, raw: DataFrame) -> Column:
    """The name of the first rule that a row breaks, or NULL. NULL conditions count as broken."""
    from pyspark.sql import functions as F

    # A column may be coerced before it is judged: rules see the curated values.
    curated = {name: column.expression for name, column in table.columns.items()}
    _refuse_unknown_columns(run, table, raw, curated)
    chosen = F.lit(None).cast("string")
    for rule in reversed([rule for rule in table.rules if rule.reference is None]):
        chosen = F.when(~F.coalesce(F.expr(rule.expect), F.lit(False)), rule.name).otherwise(chosen)
    return chosen


def _refuse_unknown_columns(
    run: Run, table: Table, raw: DataFrame, curated: Mapping[str, str]
) -> None:
    """Try every expression of the contract on the schema, before any row is read."""
    from pyspark.errors import PySparkException
    from pyspark.sql import functions as F

    tried = {f"columns.{name}": expression for name, expression in curated.items()}
    tried.update({f"rules.{rule.name}": rule.expect for rule in table.rules})
    for at, expression in tried.items():
        try:
            raw.limit(0).select(F.expr(expression))
        except PySparkException as error:
            reason = _first(error)
            field = f"tables.{table.name}.{at}"
            raise ContractError(run.contract_url, field, reason) from None
    for rule in (rule for rule in table.rules if rule.pattern):
        try:  # by itself: it must not end the group that it stands in
            raw.sparkSession.range(1).select(F.expr(f"'' rlike {rule.pattern}")).collect()
        except PySparkException as error:
            field = f"tables.{table.name}.rules.{rule.name}"
            problem = f"{rule.pattern} is no regular expression of Java's: {_first(error)}"
            raise ContractError(run.contract_url, field, problem) from None


def _first(error: Exception) -> str:
    return str(error).strip().partition(";")[0].splitlines()[0]


def _with_references(run: Run, spark: SparkSession, table: Table, frame: DataFrame) -> DataFrame:
    """Mark the rows whose reference is not found, among those that need one."""
    from pyspark.sql import functions as F

    for rule in table.rules:
        if rule.reference is None:
            continue
        other = _reference(run, spark, rule)
        pairs = rule.reference.on.items()
        if other is None:
            found = frame.withColumn("_found", F.lit(False))
        else:
            known = other.select(
                *(other[there].alias(f"_{there}") for there in rule.reference.on.values())
            )
            known = known.distinct().withColumn("_found", F.lit(True))
            on = [F.expr(here) == known[f"_{there}"] for here, there in pairs]
            joined = frame.join(F.broadcast(known), reduce(lambda a, b: a & b, on), "left")
            found = joined.drop(*(f"_{there}" for there in rule.reference.on.values()))
        # `expect` says which rows need no reference, e.g. "currency = 'USD'".
        free = F.coalesce(F.expr(rule.expect), F.lit(False))
        known_or_free = F.coalesce(F.col("_found"), F.lit(False)) | free
        broken = F.when(F.col(RULE).isNull() & ~known_or_free, rule.name).otherwise(F.col(RULE))
        frame = found.withColumn(RULE, broken).drop("_found")
    return frame


def _reference(run: Run, spark: SparkSession, rule: Rule) -> DataFrame | None:
    """The whole of a table that is loaded in full: this run's batch, if that is whole, or the
    last one."""
    assert rule.reference is not None
    name = rule.reference.table
    current = run.raw_key(name, "manifest.json")
    manifest = run.zone.get_json(current)
    whole = manifest is not None and manifest["meta"]["window"]["mode"] == "full"
    frame = _raw(run, spark, name, current) if whole else None
    if frame is None:
        last = run.bookmarks.get(name).manifest
        frame = _raw(run, spark, name, last) if last else None
    return frame


def _good(table: Table, frame: DataFrame, columns: staging.Columns) -> DataFrame:
    from pyspark.sql import functions as F

    selected = [
        F.expr(
            table.columns[each["name"]].expression
            if each["name"] in table.columns
            else f"`{each['name']}`"
        )
        .cast(_spark_type(each["type"]))
        .alias(each["name"])
        for each in columns
    ]
    return frame.where(F.col(RULE).isNull()).select(*selected)


def _bad(table: Table, frame: DataFrame, columns: staging.Columns) -> DataFrame:
    """Bad rows as their keys, the rule, and the raw row as JSON."""
    from pyspark.sql import functions as F

    keys = staging.key_names(table)
    row = F.to_json(F.struct(*(F.col(f"`{each['name']}`") for each in columns)), MICROSECONDS)
    # VARCHAR(65535) counts bytes; the row itself stands in full in the raw zone.
    row = F.when(F.octet_length(row) <= 65535, row).otherwise(F.substring(row, 1, 16383))
    selected = [F.col(f"`{key}`") for key in keys]
    return frame.where(F.col(RULE).isNotNull()).select(*selected, RULE, row.alias("_row"))


def _write(
    run: Run, table: Table, frame: DataFrame, rows: int, folder: str
) -> list[dict[str, Any]]:
    """Write Parquet files into a folder that only this attempt knows; returns manifest entries."""
    if not rows:
        return []
    key = run.curated_key(table.name, folder)
    frame.coalesce(max(1, rows // ROWS_PER_FILE)).write.parquet(run.zone.url(key))
    return [
        {"url": run.zone.url(name), "mandatory": True, "meta": {"content_length": size}}
        for name, size in run.zone.list(f"{key}/")
        if name.endswith(".parquet")
    ]


def _copied(
    run: Run, table: Table, entries: Sequence[Mapping[str, Any]], folder: str
) -> list[dict[str, Any]]:
    """The raw files as curated ones: S3 copies them, where a contract changes no column and no row
    is bad. To read them and to write the same again takes five times as long as to judge them."""
    targets = [
        run.curated_key(table.name, f"{folder}/part-{number:05}.parquet")
        for number in range(len(entries))
    ]
    with ThreadPoolExecutor(COPIES) as pool:
        list(pool.map(run.zone.copy, [entry["url"] for entry in entries], targets))
    return [{**entry, "url": run.zone.url(key)} for entry, key in zip(entries, targets)]


def _spark_type(redshift: str) -> str:
    simple = {
        "DOUBLE PRECISION": "double",
        "TIMESTAMP": "timestamp_ntz",
        "INTEGER": "int",
    }
    if redshift.startswith(("VARCHAR", "CHAR")):
        return "string"
    if redshift.startswith("VARBYTE"):
        return "binary"
    return simple.get(redshift, redshift.lower())


def _by_rule(rules: Mapping[str, int]) -> str:
    return ", ".join(f"{name}: {count:,}" for name, count in sorted(rules.items()))
