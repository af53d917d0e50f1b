"""What a stage shows: small tables for people. Nothing here moves data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Number
from typing import TYPE_CHECKING, Any

from etl_lib.run import Plan, Run

if TYPE_CHECKING:
    import pandas as pd


def frame(rows: Sequence[Mapping[str, Any]], index: str = "") -> pd.DataFrame:
    """``rows`` as a table, nested values as text, ``index`` as its first column. What there is none
    of is a dash, but in columns of numbers, which plots read."""
    import pandas as pd

    pd.set_option("display.width", 160)
    pd.set_option("display.max_columns", 30)
    pd.set_option("display.max_rows", 60)
    pd.set_option("display.max_colwidth", None)  # nothing is cut
    counted = {key for row in rows for key, value in row.items() if isinstance(value, Number)}
    flat = [{key: _text(value, key in counted) for key, value in row.items()} for row in rows]
    table = pd.DataFrame(flat)
    return table.set_index(index) if index and len(table) else table


def bookmarks(run: Run) -> pd.DataFrame:
    """Where each table was left by the last run that finished."""
    found = [run.bookmarks.get(table.name) for table in run.tables]
    return frame(
        [
            {
                "table": each.table,
                "bookmark": each.high or "—",
                "last run": each.run_id or "—",
                "unfinished run": each.open_run or "—",
            }
            for each in found
        ],
        "table",
    )


def windows(plans: Mapping[str, Plan]) -> None:
    """Print what a run is going to move, and why each window ends where it ends."""
    rows = [
        {
            "table": name,
            "mode": plan.window.mode,
            "from": plan.window.low or "the beginning",
            "to": plan.window.high or "the end",
            "tier": plan.window.tier,
            "rows": plan.window.rows,
            "keys compared": plan.sweep,
        }
        for name, plan in plans.items()
    ]
    print(frame(rows, "table"), "", sep="\n")
    reasons: dict[str, list[str]] = {}
    for name, plan in plans.items():
        reasons.setdefault(plan.window.why, []).append(name)
    for why, names in reasons.items():
        print(f"{', '.join(names)}: {why}")


def expectations(plans: Mapping[str, Plan]) -> pd.DataFrame:
    """What the contract expects of the tables as a whole, and what was found."""
    rows = [{"table": name, **check} for name, plan in plans.items() for check in plan.checks]
    return frame(rows or [{"table": "—", "check": "the contract expects nothing"}], "table")


def types(plans: Mapping[str, Plan], table: str) -> pd.DataFrame:
    """The columns of a table with their types on both sides."""
    rows = [
        {"column": each["name"], "MySQL": each["source_type"], "Redshift": each["type"]}
        for each in plans[table].columns
    ]
    return frame(rows, "column")


def _text(value: Any, counted: bool) -> Any:
    if value is None and not counted:
        return "—"
    if isinstance(value, dict):
        return ", ".join(f"{key}: {count:,}" for key, count in value.items()) or "—"
    return value


def arrived(plans: Mapping[str, Plan], moved: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Rows that the windows promised against rows that the manifests list."""
    rows = []
    for each in moved:
        expected = plans[each["table"]].window.rows
        short = max(0, expected - each["rows"])
        rows.append(
            {
                "table": each["table"],
                "expected": expected,
                "moved": each["rows"],
                "short by": short,
            }
        )
    return frame(rows, "table")


def copied(
    extracted: Mapping[str, Mapping[str, Any]], staged: Sequence[Mapping[str, Any]]
) -> pd.DataFrame:
    """Rows that the manifests list against rows found in staging."""
    rows = [
        {
            "table": each["table"],
            "in the manifest": extracted[each["table"]]["rows"],
            "in staging": each["rows"],
        }
        for each in staged
    ]
    return frame(rows, "table")


def rules(run: Run) -> pd.DataFrame:
    """What the contract calls a good row."""
    rows = [
        {
            "table": table.name,
            "rule": rule.name,
            "condition": f"unique: {', '.join(rule.unique)}" if rule.unique else rule.expect,
            "or found in": rule.reference.table if rule.reference else "—",
        }
        for table in run.tables
        for rule in table.rules
    ]
    return frame(rows, "table")


def broken(curated: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """How many rows broke which rule."""
    rows = [
        {"table": each["table"], "rule": rule, "rows": count}
        for each in curated
        for rule, count in each["rules"].items()
    ]
    return frame(sorted(rows, key=lambda row: -row["rows"]), "table")


def ledger(rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Ledger rows, without the columns that say the same in each."""
    said = ("pipeline", "run_id", "loaded_at")
    return frame(
        [{key: value for key, value in row.items() if key not in said} for row in rows],
        "table_name",
    )


def indicators(frames: Mapping[str, pd.DataFrame], titles: Mapping[str, str]) -> None:
    """Print the last periods of each indicator under its title."""
    for name, table in frames.items():
        print(titles[name], table.tail(4).to_string(index=False), "", sep="\n")
