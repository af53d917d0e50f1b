"""Every error of the pipeline.

::

    EtlError
    ├── BadInput              mend the input; nothing was written if no run had begun (exit code 2)
    │   ├── ContractError     the table contract is wrong
    │   └── SourceError       the source is not what the contract says, or cannot be reached
    │       ├── OutOfBand     it has, or would move, more or fewer rows than the contract expects
    │       └── Stale         its newest row is older than the contract expects
    └── RunFailed             a run stopped half way; running again is safe (exit code 1)
        ├── StatementFailed   the warehouse refused a statement
        ├── CountMismatch     rows got lost or doubled between two places
        ├── QuarantineLimit   too many bad rows to load the rest in good faith
        ├── SchemaDrift       the source's columns changed since the last run
        ├── WarehouseBehind   the warehouse lacks a run that a bookmark has passed
        ├── LeaseHeld         another run of the pipeline is going on; nothing was touched
        ├── LeaseLost         this run's lease is somebody else's by now
        └── Fenced            another run has overtaken this one
"""

from __future__ import annotations


class EtlError(Exception):
    """Base of all errors of this library: ``except EtlError`` catches what a run can raise."""


class BadInput(EtlError):
    """What was given cannot be used. Found before a run begins, nothing was written."""


class ContractError(BadInput):
    """A table contract is wrong: which file, which table, which field, and why."""

    def __init__(self, where: str, field: str, problem: str) -> None:
        super().__init__(f"{where}: {field}: {problem}")
        self.where, self.field, self.problem = where, field, problem


class SourceError(BadInput):
    """The source database is not what the contract says, or cannot be reached."""


class OutOfBand(SourceError):
    """A count of rows lies outside of what the contract expects."""

    def __init__(self, table: str, check: str, found: int, allowed: str) -> None:
        what = "rows would be moved" if check == "rows.batch" else "rows in the source"
        super().__init__(
            f"table {table}: {found:,} {what}; {check} allows {allowed}. Nothing was moved. "
            f"Mend the source; or, if so many are right, change {check} in the contract."
        )
        self.table, self.check, self.found, self.allowed = table, check, found, allowed


class Stale(SourceError):
    """The newest row of a table is too old."""

    def __init__(self, table: str, newest: str, allowed: str) -> None:
        super().__init__(
            f'table {table}: its newest row is {newest}; freshness.error_after = "{allowed}". '
            "Nothing was moved. Mend what writes the source; or change error_after in the contract."
        )
        self.table, self.newest, self.allowed = table, newest, allowed


class RunFailed(EtlError):
    """A run stopped. What it had finished is safe; running again goes on from there."""


class StatementFailed(RunFailed):
    """The warehouse refused a statement."""

    def __init__(self, name: str, reason: str, sql: str) -> None:
        super().__init__(f"{name}: {reason}\nin statement: {_shorten(sql)}")
        self.name, self.reason, self.sql = name, reason, sql


class CountMismatch(RunFailed):
    """Two counts that must be equal are not."""

    def __init__(self, table: str, what: str, expected: int, found: int) -> None:
        super().__init__(
            f"table {table}: {what}: expected {expected:,} rows, found {found:,}. "
            "Nothing was loaded from this batch; run again."
        )
        self.table, self.expected, self.found = table, expected, found


class QuarantineLimit(RunFailed):
    """More rows broke the contract's rules than its quarantine_limit allows."""


class SchemaDrift(RunFailed):
    """The columns of a source table differ from those of the last run."""


class WarehouseBehind(RunFailed):
    """The warehouse lacks a run that a bookmark has passed: it was restored, or emptied."""

    def __init__(self, table: str, run_id: str) -> None:
        super().__init__(
            f"table {table}: the warehouse does not have run {run_id}, which its bookmark has "
            "passed: it was restored from an older state, or emptied. Nothing was written. The "
            "files of that run are still in S3: type `workbook replay` to see what to load again."
        )
        self.table, self.run_id = table, run_id


class LeaseHeld(RunFailed):
    """Another run of the pipeline is going on. Nothing was touched."""

    def __init__(self, run_id: str, name: str, holder: str) -> None:
        super().__init__(
            f"Run {run_id} of {name} is still running ({holder}). Nothing was touched. "
            "Wait for it, or stop it, and start again."
        )
        self.run_id, self.name = run_id, name


class LeaseLost(RunFailed):
    """This run could not renew its lease, and another may have begun."""


class Fenced(RunFailed):
    """A newer run has already loaded this table; this one must not."""


def _shorten(sql: str, limit: int = 400) -> str:
    flat = " ".join(sql.split())
    return flat if len(flat) <= limit else flat[:limit] + " …"
