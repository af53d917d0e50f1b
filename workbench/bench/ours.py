"""Our side: `workbook run` on a local AWS of the bench's own, and where its time goes."""

from __future__ import annotations

import json
import re
import shutil
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from workbench import endpoint, execution, history
from workbench.bench import usage
from workbench.bench.digest import Digest, query
from workbench.bench.usage import CommandFailed, Usage
from workbench.daemon import Daemon
from workbench.endpoint import Endpoint
from workbench.home import REPOSITORY, Home

CONTRACTS = Path(__file__).parent / "contract"
ORDERS, WARM = CONTRACTS / "tables.toml", CONTRACTS / "warm.toml"
WORKGROUP = {"WorkgroupName": "rental-apartments", "Database": "dev"}
RAW = '"raw".orders'
# What a statement of the load changes, and by its name: is it of curated, or of raw?
TARGET = re.compile(
    r"(?:MERGE INTO|INSERT INTO|DELETE FROM|UPDATE|CREATE TABLE|DROP TABLE IF EXISTS)\s+(\S+)"
)
BEYOND_RAW = ("curated", "quarantine", "presentation", "__good", "__bad", "touched")


@dataclass
class Ours:
    """A home whose MariaDB runs and stays; its local AWS is made anew by ``fresh``."""

    home: Home
    runs: int = field(default=0)

    def fresh(self) -> Usage:
        """An empty warehouse, and nothing that is warm; what it costs to start it all."""
        self.close()
        return self._workbook("up", name="up")

    def close(self) -> None:
        """Stop the local AWS, and remove all that it keeps."""
        endpoint.stop(self.home.aws)
        for folder in (self.home.aws, self.home.runs):
            shutil.rmtree(folder, ignore_errors=True)

    def run(self, database: str, contract: Path = ORDERS) -> tuple[Usage, str]:
        """Move what changed; what it costs, and the run's name. Raises CommandFailed."""
        self.runs += 1
        name = f"bench-{self.runs:04}"
        words = ["run", "--contract", str(contract), "--database", database, "--run-id", name]
        used = self._workbook(*words, name=name)
        return replace(used, extracting=used.until(self._extracted(name))), name

    def parts(self, run_id: str) -> dict[str, float]:
        """Where the run's wall time went, in seconds."""
        summary = json.loads((self.home.runs / run_id / "summary.json").read_text())
        stages = {each["stage"]: float(each["seconds"]) for each in summary["stages"]}
        raw, beyond = self._load(run_id)
        return {
            **stages,
            "execution": float(summary["seconds"]),
            "load raw": raw,
            "load curated": beyond,
            # 02 does not start where nothing is new.
            "movement": stages["01_extract"] + stages.get("02_raw_ingest", 0.0) + raw,
        }

    def digest(self) -> Digest:
        """Of raw, by the Redshift Data API."""
        data = self._endpoint.client("redshift-data")
        sql = f"{query('redshift', RAW)} WHERE _deleted_at IS NULL"
        identity = data.execute_statement(Sql=sql, **WORKGROUP)["Id"]
        while (found := data.describe_statement(Id=identity))["Status"] not in ("FINISHED",):
            if found["Status"] in ("FAILED", "ABORTED"):
                raise CommandFailed(found["Error"])
        page = data.get_statement_result(Id=identity)
        names = [column["name"] for column in page["ColumnMetadata"]]
        values = [next(iter(cell.values())) for cell in page["Records"][0]]
        return Digest.of(dict(zip(names, values, strict=True)))

    def _extracted(self, run_id: str) -> float:
        """When the last 01_extract of the run ended, in seconds since the epoch."""
        arn = execution.execution_arn(run_id)
        events = execution.events(self._endpoint.client("stepfunctions"), arn)
        ends = [each.exited for each in history.visits(events) if each.state == "01_extract"]
        return max(end.timestamp() for end in ends if end)

    def _load(self, run_id: str) -> tuple[float, float]:
        """Seconds of the load's statements for raw, and of those beyond it; to each, half of the
        commit, which writes about as much of the one as of the other."""
        data = self._endpoint.client("redshift-data")
        listed = data.list_statements(StatementName=f"{run_id}: load ")["Statements"]
        described = [data.describe_statement(Id=each["Id"]) for each in listed]
        subs = [sub for each in described for sub in each["SubStatements"]]
        raw, beyond = split(subs)
        whole = sum(each["Duration"] for each in described) / 1e9
        commit = max(0.0, whole - raw - beyond)
        return raw + commit / 2, beyond + commit / 2

    @property
    def _endpoint(self) -> Endpoint:
        found = endpoint.load(self.home.aws)
        assert found is not None
        return found

    def _workbook(self, *words: str, name: str) -> Usage:
        """Run the command as a user does; the local AWS's processes are counted with it."""
        server, source = Daemon("aws", self.home.aws).pid(), Daemon("mysql", self.home.mysql).pid()
        return usage.measure(
            [sys.executable, "-m", "workbench.cli", *words],
            usage.plain(WORKBOOK_HOME=str(self.home.root), PYTHONPATH=str(REPOSITORY)),
            self.home.root / "said" / name,
            beside=[server] if server else [],
            apart=[source] if source else [],
        )


def split(subs: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    """Seconds of the statements that raw needs, and of those for what lies beyond it."""
    raw, beyond = 0.0, 0.0
    for sub, above in zip(subs, _beyond(subs), strict=True):
        if above:
            beyond += sub["Duration"] / 1e9
        else:
            raw += sub["Duration"] / 1e9
    return raw, beyond


def _beyond(subs: Sequence[Mapping[str, Any]]) -> Iterator[bool]:
    for sub in subs:
        found = TARGET.search(sub["QueryString"])
        yield bool(found and any(part in found[1] for part in BEYOND_RAW))
