"""Rules of uniqueness: of rows with the same values, the one that had them first stays.

What is curated keeps its place, whoever comes later (so do doubles from before the rule, unless
they come in one batch); among new rows the oldest by cursor stays, then the one with the smallest
key. So it does not matter how rows fall into batches, and no loaded row leaves because of another
one. Only rows that break no other rule, are not marked as deleted and have a value in each of the
columns take part: a NULL is equal to nothing.

The batch is compared with itself by Spark. The warehouse is asked once, for the keys of staged rows
whose values raw holds already: a join of the batch, as MERGE makes one. Between that question and
the load a run beside this one may bring the same value: stage 06 looks again (``doubles``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from etl_lib import checksum, soft, staging
from etl_lib.contract import Table
from etl_lib.errors import QuarantineLimit
from etl_lib.identifiers import folded, literal, redshift
from etl_lib.rules import Rule
from etl_lib.run import REPAIR, Plan, Run
from etl_lib.staging import Staging

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

RULE = "_rule"
STAYS, TAKEN = "stays", "taken"
MOST_KEYS = 100_000  # that the warehouse names


def judge(run: Run, spark: SparkSession, table: Table, plan: Plan, frame: DataFrame) -> DataFrame:
    """Mark the rows of a batch whose values another row has."""
    from pyspark.sql import Window
    from pyspark.sql import functions as F

    for rule in (rule for rule in table.rules if rule.unique):
        columns = [F.col(f"`{folded(name)}`") for name in rule.unique]
        keys = [F.col(f"`{name}`") for name in staging.key_names(table)]
        takes_part = F.col(RULE).isNull() & ~_marked(table, plan)
        for column in columns:
            takes_part &= column.isNotNull()
        frame = _with_place(run, spark, table, plan, rule, frame)
        # Rows that do not take part are each alone: together they would be one huge group.
        apart = F.when(takes_part, F.lit(0)).otherwise(F.xxhash64(*keys))
        age = [F.col(f"`{folded(table.cursor)}`")] if table.cursor else []
        order = [F.coalesce(F.col("_place") == STAYS, F.lit(False)).desc(), *age, *keys]
        first = F.row_number().over(Window.partitionBy(*columns, apart).orderBy(*order)) == 1
        holds = first & F.coalesce(F.col("_place") != TAKEN, F.lit(True))
        broken = F.when(takes_part & ~holds, rule.name).otherwise(F.col(RULE))
        frame = frame.withColumn(RULE, broken).drop("_place")
    return frame


def doubles(run: Run, table: Table, rule: Rule) -> list[dict[str, Any]]:
    """The values of this run's rows that more than one curated row has."""
    columns = [folded(name) for name in rule.unique]
    equal = _equal(rule, _types(run.plans()[table.name]), "s", "r")
    return _twice(run, table, columns, equal, _live(table))


def doubled_keys(run: Run, table: Table) -> list[dict[str, Any]]:
    """The keys of this run's rows that raw has more than once. Redshift takes a key as a hint:
    https://docs.aws.amazon.com/redshift/latest/dg/t_Defining_constraints.html
    """
    keys = staging.key_names(table)
    found = _twice(run, table, keys, staging.same(keys, "s", "r"), "TRUE")
    return [{"_table": table.name, **row} for row in found]


def _twice(
    run: Run, table: Table, columns: Sequence[str], equal: str, where: str
) -> list[dict[str, Any]]:
    """Values of this run's rows in raw that more than one row of raw has: a join of the batch."""
    raw = staging.raw_table(table)
    own = f"SELECT 1 FROM {raw} AS s WHERE s._run_id = {literal(run.run_id)} AND {equal}"
    listed = ", ".join(f"r.{redshift(name)}" for name in columns)
    return run.warehouse.rows(
        f"SELECT {listed}, COUNT(*) AS _rows FROM {raw} AS r WHERE {where} AND EXISTS ({own}) "
        f"GROUP BY {listed} HAVING COUNT(*) > 1 ORDER BY {listed} LIMIT {MOST_KEYS}"
    )


def _with_place(
    run: Run, spark: SparkSession, table: Table, plan: Plan, rule: Rule, frame: DataFrame
) -> DataFrame:
    """Add ``_place``: the row has its values in the warehouse already, or another row has."""
    from pyspark.sql import functions as F

    places = _places(run, table, plan, rule)
    if not places:
        return frame.withColumn("_place", F.lit(None).cast("string"))
    names = [f"_key{number}" for number in range(len(table.keys))]
    schema = ", ".join(f"{name} string" for name in ("_place", *names))
    known = spark.createDataFrame([tuple(map(str, row.values())) for row in places], schema)
    on = F.lit(True)
    for name, key in zip(names, staging.key_columns(table, plan.columns)):
        on &= known[name] == _key_text(frame, key)
    return frame.join(F.broadcast(known), on, "left").drop(*names)


def _places(run: Run, table: Table, plan: Plan, rule: Rule) -> list[dict[str, Any]]:
    """(place, key) of staged rows whose values raw has. A full load replaces all that raw has."""
    names = Staging.of(run, table)
    loaded = json.loads(run.bookmarks.get(table.name).columns or "[]")
    known = {each["name"] for each in loaded}
    if plan.window.mode == "full" or not {folded(name) for name in rule.unique} <= known:
        return []  # a column that this run adds has no values yet
    keys, equal = staging.key_names(table), _equal(rule, _types(plan), "s", "r")
    own = staging.same(keys, "s", "r")
    # A row that holds its values already is never taken: so each key has one place at most.
    holds = (
        f"EXISTS (SELECT 1 FROM {staging.raw_table(table)} AS h WHERE {_live(table, 'h')} "
        f"AND {staging.same(keys, 'h', 's')} AND {_equal(rule, _types(plan), 'h', 's')})"
    )
    twin = f"{_equal(rule, _types(plan), 'd', 's')} AND NOT ({staging.same(keys, 'd', 's')})"
    listed = ", ".join(
        f"{checksum.redshift_key(each['name'], each['type'], 's')} AS k{number}"
        for number, each in enumerate(staging.key_columns(table, plan.columns))
    )
    found = run.warehouse.rows(
        " UNION ".join(
            f"SELECT {literal(place)} AS place, {listed} FROM {names.rows} AS s "
            f"JOIN {staging.raw_table(table)} AS r ON {equal} WHERE {_live(table)} AND {where}"
            for place, where in (
                (TAKEN, f"NOT {holds} AND NOT ({own}) AND {_not_replaced(plan, keys, names)}"),
                (STAYS, f"{own} AND EXISTS (SELECT 1 FROM {names.rows} AS d WHERE {twin})"),
            )
        )
        + f" LIMIT {MOST_KEYS + 1}"
    )
    if len(found) > MOST_KEYS:
        raise QuarantineLimit(
            f"table {table.name}: more than {MOST_KEYS:,} rows break {rule.name}. Nothing was "
            "loaded, and no bookmark moved. Mend the source or the rule."
        )
    return found


def _live(table: Table, raw: str = "r") -> str:
    """Rows of raw that are curated."""
    same = staging.same(staging.key_names(table), "q", raw)
    quarantined = f"SELECT 1 FROM {staging.quarantine_table(table)} AS q WHERE {same}"
    return f"{raw}._deleted_at IS NULL AND NOT EXISTS ({quarantined})"


def _not_replaced(plan: Plan, keys: Sequence[str], names: Staging) -> str:
    """Rows of raw that this run neither loads anew nor finds deleted."""
    anew = f"NOT EXISTS (SELECT 1 FROM {names.rows} AS o WHERE {staging.same(keys, 'o', 'r')})"
    if not plan.lists_keys:
        return anew
    listed = f"EXISTS (SELECT 1 FROM {names.keys} AS k WHERE {staging.same(keys, 'k', 'r')})"
    return f"{anew} AND {'NOT ' if plan.window.mode == REPAIR else ''}{listed}"


def _equal(rule: Rule, types: Mapping[str, str], left: str, right: str) -> str:
    """Redshift ignores trailing blanks, so texts get a full stop behind."""
    sides = []
    for name in map(folded, rule.unique):
        mark = " || '.'" if types[name].startswith("VARCHAR") else ""
        sides.append(f"{left}.{redshift(name)}{mark} = {right}.{redshift(name)}{mark}")
    return " AND ".join(sides)


def _types(plan: Plan) -> dict[str, str]:
    return {each["name"]: each["type"] for each in plan.columns}


def _marked(table: Table, plan: Plan) -> Column:
    from pyspark.sql import functions as F

    return F.expr(soft.in_spark(table, plan.columns))


def _key_text(frame: DataFrame, key: Mapping[str, str]) -> Column:
    """As ``checksum.redshift_key`` has it."""
    from pyspark.sql import functions as F

    column = frame[f"`{key['name']}`"]
    if checksum.is_moment(key["type"]):
        return F.expr(f"string(unix_micros(timestamp(`{key['name']}`)))")
    if key["type"] == "BOOLEAN":
        return column.cast("int").cast("string")
    if key["type"].startswith("VARBYTE"):
        return F.md5(F.lower(F.hex(column)))
    return column.cast("string")
