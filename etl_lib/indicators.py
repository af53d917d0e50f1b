"""Indicators: the periods that a load has touched are noted with it, and computed anew after it."""

from __future__ import annotations

from etl_lib import ledger, staging
from etl_lib.contract import Contract, Indicator, Table
from etl_lib.identifiers import folded, literal, redshift
from etl_lib.run import Run
from etl_lib.settings import ALL
from etl_lib.staging import Staging
from etl_lib.warehouse import Warehouse, statements_of

BEGINNING, END = "0001-01-01", "9999-12-31"


def refresh(run: Run) -> list[str]:
    """Recompute the periods of the indicators that loads have touched; returns the indicators.

    What to refresh stands in a table, written with the load: a crash in between loses nothing.
    """
    touched = pending(run.warehouse, run.contract)
    if touched:
        statements = [each for one in touched for each in _refresh(run, one)]
        owner = literal(run.contract.name)
        run.warehouse.transaction(
            f"{run.run_id}: refresh indicators"[:500],
            [
                "LOCK etl.touched",
                *statements,
                f"DELETE FROM etl.touched WHERE pipeline = {owner}",
            ],
        )
    return [each.name for each in touched]


def pending(warehouse: Warehouse, contract: Contract) -> list[Indicator]:
    """The indicators of the contract that loads have touched, and that were not computed since."""
    found = warehouse.rows(
        "SELECT DISTINCT indicator FROM etl.touched WHERE pipeline = :pipeline",
        {"pipeline": contract.name},
    )
    names = {row["indicator"] for row in found}
    return [each for each in contract.indicators if each.name in names]


def stale(warehouse: Warehouse, contract: Contract) -> list[str]:
    """The names of the ``pending`` ones, also of a warehouse that no run has come to yet."""
    there = "touched" in ledger.tables(warehouse)
    return [each.name for each in pending(warehouse, contract)] if there else []


def query(run: Run, indicator: Indicator) -> str:
    """The SELECT that makes an indicator: its file's last statement."""
    return statements_of(run.sql(f"redshift/presentation/{indicator.name}.sql"))[-1]


def note(run: Run, table: Table, names: Staging) -> list[str]:
    """Note the periods of each indicator that the old or the new version of a row falls in."""
    keys = staging.key_names(table)
    curated = staging.curated_table(table)
    changed = " OR ".join(
        f"EXISTS (SELECT 1 FROM {name} AS s WHERE {staging.same(keys, 's', 'c')})"
        for name in (names.rows, names.gone)
    )
    statements = []
    for indicator in run.contract.indicators:
        if table.name not in indicator.touched_by:
            continue
        first, last = _span(indicator.touched_by[table.name])
        spans = (
            f"SELECT {first} AS a, {last} AS b FROM {curated} AS c WHERE {changed} "
            f"UNION SELECT {first} AS a, {last} AS b FROM {names.good} AS c"
        )
        statements.append(
            f"INSERT INTO etl.touched SELECT DISTINCT {literal(run.contract.name)}, "
            f"{literal(indicator.name)}, CAST(a AS DATE), CAST(b AS DATE) "
            f"FROM ({spans}) AS t WHERE a IS NOT NULL AND b IS NOT NULL"
        )
    return statements


def _span(span: tuple[str, ...]) -> tuple[str, str]:
    if span == (ALL,):
        return f"DATE '{BEGINNING}'", f"DATE '{END}'"
    return f"({span[0]})", f"({span[1]})"  # one expression each, whatever they are


def _refresh(run: Run, indicator: Indicator) -> list[str]:
    """Delete and compute again the touched periods of one indicator."""
    target = redshift("presentation", folded(indicator.name))
    period = redshift(indicator.period)
    touched = (
        "EXISTS (SELECT 1 FROM etl.touched AS t "
        f"WHERE t.pipeline = {literal(run.contract.name)} "
        f"AND t.indicator = {literal(indicator.name)} "
        "AND {period} BETWEEN t.first_period AND t.last_period)"
    )
    return [
        f"DELETE FROM {target} WHERE {touched.format(period=f'{target}.{period}')}",
        f"INSERT INTO {target} SELECT * FROM ({query(run, indicator)}) AS q "
        f"WHERE {touched.format(period=f'q.{period}')}",
    ]
