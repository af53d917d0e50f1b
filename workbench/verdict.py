"""What a run comes to: one sentence for whoever was waiting for it, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from workbench import pipeline
from workbench.history import Visit
from workbench.preparation import STAGES
from workbench.summary import behind, failed, layered, outdated, warned
from workbench.target import OF_STACK

Run = Mapping[str, Any]  # a summary.json
OVERTAKEN = "Fenced: "  # by a newer run: nothing can make this one go on
BEGAN_NOTHING = ("BadInput", "LeaseHeld")
# By what the contract or the rows are: a redrive has the same contract and the same files again.
THE_SAME_AGAIN = ("SchemaDrift: ", "QuarantineLimit: ")
ANEW = "Type `{}` once that is mended: a redrive would meet the same again."


@dataclass(frozen=True)
class Command:
    """What to type, and what it does."""

    line: str
    does: str


def sentence(run: Run, place: str = "") -> str:
    """What moved, how long it took, what was refused; of a failed run where, and what is loaded."""
    took = _time(run["seconds"])
    if run["status"] != "SUCCEEDED":
        where = f"failed in {place}" if place else "failed before its first stage"
        return f"The run {where}, after {took}: {_loaded_before(run)}."
    moved = _moved(run)
    if not moved:
        if any(table.get("adopted") for table in run["tables"].values()):
            return (
                f"Nothing was left to move in the windows of a run that had failed: {took}. What "
                f"has changed since is the next run's.{_caught_up(run.get('stale', ()))}"
            )
        return (
            f"Nothing had changed: {_tables(len(run['tables']))} compared in {took}, "
            f"no row was moved, none was refused.{_caught_up(run.get('stale', ()))}"
        )
    deleted = f", {run['rows_deleted']:,} deleted," if run["rows_deleted"] else ""
    return f"{moved}{deleted} in {took}; {_refused(run['rows_quarantined'])}."


def failed_place(run: Run, visits: Sequence[Visit] = ()) -> str:
    """The stage that failed, and of which table; else the state that did; empty if none began."""
    if run.get("failed_in") and not visits:
        return str(run["failed_in"])
    head = (run["error"] or "").partition(": ")[0]  # job rental-apartments-01_extract FAILED
    broken = [visit for visit in visits if visit.error]
    told = [each for each in broken if each.state in head]
    for visit in told + [each for each in broken if each.state in STAGES] + broken:
        return f"{visit.state} of {visit.table}" if visit.table else visit.state
    ended = sorted(run["stages"], key=lambda each: each["status"] != "FAILED")  # then the stopped
    stages = [each["stage"] for each in ended if each["status"] != "SUCCEEDED"]
    return next((each for each in stages if each in head), stages[0] if stages else "")


def warnings(run: Run) -> list[str]:
    """What somebody should look at, although the run went on."""
    told = [
        line
        for name, table in run["tables"].items()
        for line in (*behind(name, table), *layered(name, table), *warned(name, table))
    ]
    return told + failed(run["checks"]) + outdated(run.get("still_stale", ()))


def commands(run: Run, before: Run | None = None) -> list[Command]:
    """What to type next. ``before`` is the run before this one."""
    name, found = run["run_id"], []
    if run["status"] != "SUCCEEDED":
        found.append(_again(run))
    else:
        found.append(Command(run_again(run), "moves what has changed since."))
        if _moved(run):
            does = (
                "loads the files of this run again, into a warehouse that was restored from an "
                "older state. The source is not touched."
            )
            found.append(Command(f"workbook replay {name}{own_contract(run)}", does))
    if run["rows_quarantined"]:
        shows = "shows the rows that were refused, and what they broke."
        found.append(Command(f"workbook quarantine list{own_contract(run)}", shows))
    if before:
        line = f"workbook runs diff {before['run_id']} {name}"
        found.append(
            Command(line, "says what this run did otherwise than the last that succeeded.")
        )
    return found


def _again(run: Run) -> Command:
    if (run["error"] or "").startswith(BEGAN_NOTHING):
        return Command(
            run_again(run), "begins anew once the cause is mended: this run moved nothing."
        )
    if any(kind in (run["error"] or "") for kind in THE_SAME_AGAIN):
        return Command(run_again(run), "begins anew once the cause is mended: nothing was loaded.")
    if OVERTAKEN in (run["error"] or ""):
        return Command(run_again(run), "moves what is new: a newer run has overtaken this one.")
    if run["via"] == "notebooks":
        return Command(run_again(run), "takes up the same windows. Mend the cause first.")
    does = (
        "goes on where it stopped: what is done is not done again. Mend the cause first; if that "
        f"is the contract or its SQL, `{run_again(run)}` takes the mended one."
    )
    there = run.get("asked") or ""
    there = f" {there}" if there.startswith(OF_STACK) else ""
    return Command(f"workbook redrive {run['run_id']}{there}", does)


def run_again(run: Run) -> str:
    """What to type for another run of the same tables."""
    via = " --via notebooks" if run["via"] == "notebooks" else ""
    asked = f" {run['asked']}" if run.get("asked") else ""
    return f"workbook run{via}{own_contract(run)}{asked}"


def own_contract(run: Run) -> str:
    """The option that names the contract, unless it is the sample's."""
    own = Path(run["contract"]) == pipeline.CONTRACT
    return "" if own else f" --contract {shlex.quote(run['contract'])}"


def _loaded_before(run: Run) -> str:
    if not run.get("counted", run["tables"]) and run["stages"]:
        return "what was loaded before that is safe, and was not counted"
    moved = _moved(run)
    stay = "stays" if run["rows_loaded"] == 1 else "they stay"
    return f"{moved} before that, and {stay}" if moved else "nothing was loaded"


def _moved(run: Run) -> str:
    """ "12 rows of 2 tables were loaded", or nothing."""
    moved = [each for each in run["tables"].values() if each["loaded"] or each["deleted"]]
    if not moved:
        return ""
    rows, tables = run["rows_loaded"], len(moved)
    of = f"of {tables} tables" if tables > 1 else "of one table"
    return f"{rows:,} rows {of} were loaded" if rows != 1 else f"One row {of} was loaded"


def _caught_up(names: Sequence[str]) -> str:
    if not names:
        return ""
    many = f"{len(names)} indicators were" if len(names) > 1 else "One indicator was"
    return f" {many} computed anew, for rows that an earlier run had loaded."


def _refused(rows: int) -> str:
    if not rows:
        return "none was refused"
    return f"{rows:,} {'were' if rows > 1 else 'was'} refused and set aside in quarantine"


def _tables(count: int) -> str:
    return f"{count} tables were" if count != 1 else "one table was"


def _time(seconds: float) -> str:
    if seconds < 60:
        return f"{seconds:.1f} seconds"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s"
