"""What a run costs on AWS, line by line, by the rows and bytes it is expected to move."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from etl_lib.errors import BadInput
from etl_lib.parts import PART_ROWS
from workbench.deployment import FOLDER
from workbench.plan.durations import Rate
from workbench.plan.machine import Flow
from workbench.plan.prices import GB, HOURS, PRICES, Price
from workbench.plan.windows import Forecast

DPUS = {"G.025X": 0.25, "G.1X": 1.0, "G.2X": 2.0, "G.4X": 4.0, "G.8X": 8.0}  # of a worker
MINUTE = 60.0  # the least that Glue bills of a job run, and Redshift Serverless of a busy time
NEVER_ASK = ("03_transform",)  # the jobs that do not ask the warehouse
# Counted in runs of the sample's five tables on the local AWS, with and without news, and of one
# table: 95, 52 and 24 requests that write or list, 215, 117 and 33 that read.
PUTS, PUTS_A_TABLE, PUTS_FOR_NEWS = 17, 7, 9
GETS, GETS_A_TABLE, GETS_FOR_NEWS = 12, 21, 20
WRITES_A_TABLE, READS_A_TABLE = 2, 2
ITEM_WRITE, ITEM_READ = 5, 2  # units for a bookmark with a plan in it: 1 KB and 4 KB each
LOGS = {"glueetl": 1e6, "pythonshell": 2e4}  # bytes of a job run; a guess

Jobs = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Basis:
    """All that the cost is made of."""

    tables: Sequence[Forecast]
    flow: Flow
    rates: Mapping[str, Rate]
    jobs: Jobs
    rpus: int = 8
    hours: float = 1.0  # from one run to the next

    @property
    def runs(self) -> float:
        """In a month."""
        return HOURS / self.hours

    @property
    def rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def bytes(self) -> int:
        return sum(table.bytes for table in self.tables)

    @property
    def size(self) -> int:
        return sum(table.size for table in self.tables)

    def billed(self, stage: str) -> list[float]:
        """The seconds of each job run of ``stage`` that Glue bills."""
        own = self.flow.each.get(stage)
        rows = [self.rows]
        if own is not None:
            rows = [table.rows for table in self.tables if table.table in own]
        return [max(MINUTE, self.rates[stage].of(count)) for count in rows]


@dataclass(frozen=True)
class Line:
    """``run`` is the quantity of one run, ``month`` that of a month of such runs."""

    what: str
    price: Price
    run: float
    month: float

    @property
    def run_dollars(self) -> float:
        return self.run * self.price.dollars

    @property
    def month_dollars(self) -> float:
        return self.month * self.price.dollars

    def as_dict(self) -> dict[str, Any]:
        return {
            "what": self.what,
            "run": {"quantity": self.run, "dollars": round(self.run_dollars, 6)},
            "month": {"quantity": self.month, "dollars": round(self.month_dollars, 4)},
            "price": vars(self.price),
        }


def settings() -> Jobs:
    """The jobs as they are deployed."""
    jobs: dict[str, Any] = json.loads((FOLDER / "jobs" / "jobs.json").read_text(encoding="utf-8"))
    return {stem: job for stem, job in jobs.items() if not stem.startswith("_")}


def hours(text: str) -> float:
    """``1 hour``, ``15 minutes`` or ``1 day`` as hours, also as EventBridge writes it."""
    found = re.fullmatch(r"(?:rate\()?\s*([1-9]\d*) (minute|hour|day)s?\s*\)?", text.strip())
    if not found:
        raise BadInput(f"--every: {text!r} is not a time such as '1 hour', '15 minutes' or '1 day'")
    return int(found[1]) * {"minute": 1 / 60, "hour": 1.0, "day": 24.0}[found[2]]


def lines(basis: Basis) -> list[Line]:
    """A run of ours."""
    return [*_compute(basis), *_kept(basis), *_requests(basis)]


def total(found: Sequence[Line]) -> tuple[float, float]:
    """Dollars of a run, dollars of a month."""
    return sum(line.run_dollars for line in found), sum(line.month_dollars for line in found)


def dpus(job: Mapping[str, Any]) -> float:
    if "MaxCapacity" in job:
        return float(job["MaxCapacity"])
    return DPUS[job["WorkerType"]] * int(job["NumberOfWorkers"])


def redshift_seconds(basis: Basis) -> float:
    """How long Redshift is busy: as long as the job runs that ask it, of those that run side by
    side the longest. More than it will be, since they wait for other things, too."""
    flow = basis.flow
    times = {**flow.rounds, **dict.fromkeys(flow.once, 1)}
    return sum(
        count * max(basis.billed(stage)) for stage, count in times.items() if stage not in NEVER_ASK
    )


def _compute(basis: Basis) -> Iterator[Line]:
    for kind, what in (("glueetl", "Glue, Spark"), ("pythonshell", "Glue, Python shell")):
        for price, used in _dpu_hours(basis, kind).items():
            yield _times(what, price, used, basis)
    rpu_hours = basis.rpus * redshift_seconds(basis) / 3600
    yield _times("Redshift Serverless", "redshift", rpu_hours, basis)


def _dpu_hours(basis: Basis, kind: str) -> dict[str, float]:
    """Price -> DPU-hours of the jobs of this kind."""
    found: dict[str, float] = {}
    for stage in (*basis.flow.each, *basis.flow.once):
        job = basis.jobs[stage]
        if job["Command"]["Name"] == kind:
            newer = float(job.get("GlueVersion", "0")) >= 6
            price = "glue 6" if newer else "glue"
            used = dpus(job) * sum(basis.billed(stage)) / 3600
            found[price] = found.get(price, 0.0) + used
    return found


def _kept(basis: Basis) -> Iterator[Line]:
    """Raw and curated files of a month's runs; each table twice in the warehouse; one secret."""
    files = 2 * basis.bytes / GB
    yield Line("S3, files kept", PRICES["s3 storage"], 0.0, files * basis.runs)
    tables = 2 * basis.size / GB
    yield Line("Redshift, tables kept", PRICES["redshift storage"], 0.0, tables)
    yield Line("Secrets Manager", PRICES["secret"], 0.0, 1.0)


def _requests(basis: Basis) -> Iterator[Line]:
    flow = basis.flow
    parts = 2 * sum(table.rows // PART_ROWS for table in basis.tables)
    puts = PUTS + PUTS_A_TABLE * flow.tables + PUTS_FOR_NEWS * flow.busy + parts
    gets = GETS + GETS_A_TABLE * flow.tables + GETS_FOR_NEWS * flow.busy + 3 * parts
    writes = ITEM_WRITE * WRITES_A_TABLE * flow.tables + flow.items
    reads = ITEM_READ * READS_A_TABLE * flow.tables
    logs = sum(
        LOGS[basis.jobs[stage]["Command"]["Name"]] * len(basis.billed(stage))
        for stage in (*flow.each, *flow.once)
    )
    yield _times("S3, PUT and LIST", "s3 put", puts, basis)
    yield _times("S3, GET", "s3 get", gets, basis)
    yield _times("Step Functions", "states", flow.transitions, basis)
    yield _times("DynamoDB, writes", "dynamodb write", writes, basis)
    yield _times("DynamoDB, reads", "dynamodb read", reads, basis)
    yield _times("Secrets Manager, reads", "secret call", flow.tables + 1, basis)
    yield _times("CloudWatch Logs", "logs", logs / GB, basis)


def _times(what: str, price: str, quantity: float, basis: Basis) -> Line:
    return Line(what, PRICES[price], quantity, quantity * basis.runs)
