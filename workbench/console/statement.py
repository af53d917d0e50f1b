"""One statement by the Redshift Data API, for a page: some of its rows, within some time."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

WORKGROUP = {"WorkgroupName": "rental-apartments", "Database": "dev"}
DONE = ("FINISHED", "FAILED", "ABORTED")
ROWS = 200
PATIENCE = 30.0  # seconds
NUMBERS = ("int2", "int4", "int8", "float4", "float8", "numeric")


@dataclass(frozen=True)
class Answer:
    """What came back. ``error`` is Redshift's own, as it is."""

    columns: Sequence[tuple[str, bool]] = ()  # name, whether it holds numbers
    rows: Sequence[Sequence[Any]] = ()
    total: int = 0
    seconds: float = 0.0
    error: str = ""


def ask(client: Any, sql: str, most: int = ROWS, patience: float = PATIENCE) -> Answer:
    """Run it; what takes longer than ``patience`` is cancelled."""
    begun = time.monotonic()
    try:
        started = client.execute_statement(Sql=sql, **WORKGROUP)["Id"]
    except client.exceptions.ValidationException as error:
        return Answer(error=error.response["Error"]["Message"])
    described = _wait(client, started, begun + patience)
    seconds = time.monotonic() - begun
    if described["Status"] not in DONE:
        client.cancel_statement(Id=started)
        return Answer(error=f"It took longer than {patience:.0f} s, and was cancelled.")
    if described["Status"] != "FINISHED":
        return Answer(error=described.get("Error") or f"status {described['Status']}")
    page = client.get_statement_result(Id=started)
    columns = [(each["name"], each.get("typeName") in NUMBERS) for each in page["ColumnMetadata"]]
    rows = [[_value(cell) for cell in row] for row in page["Records"][:most]]
    return Answer(columns, rows, described["ResultRows"], seconds)


def _wait(client: Any, started: str, deadline: float) -> dict[str, Any]:
    pause = 0.005
    while True:
        described: dict[str, Any] = client.describe_statement(Id=started)
        if described["Status"] in DONE or time.monotonic() > deadline:
            return described
        time.sleep(pause)
        pause = min(2 * pause, 0.5)


def _value(cell: Mapping[str, Any]) -> Any:
    return None if cell.get("isNull") else next(iter(cell.values()))
