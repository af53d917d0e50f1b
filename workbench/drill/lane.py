"""A lane: a home, a local AWS and a database of its own, where cases are played in turn."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import Any

from etl_lib.run import Run, open_run
from etl_lib.source import Source
from workbench import endpoint, jobs, stack
from workbench.deployment import PREFIX, Deployment, definitions
from workbench.drill.source import DrillSource
from workbench.home import Home
from workbench.mysql.server import Server
from workbench.pipeline import BOOKMARKS, BUCKET
from workbench.preparation import STAGES

CONTRACT = Path(__file__).parent / "contract" / "tables.toml"
AT_ONCE = 5  # runs of one job: the late one of a case, and the one that heals
UPDATED = ("Role", "Command", "DefaultArguments", "Timeout")


class Lane:
    """Start it with ``open``, which also loads the source for the first time."""

    def __init__(self, home: Home, server: Server, name: str, contract: Path = CONTRACT) -> None:
        self.home = home
        self.contract = contract
        self.name = name
        self.source = DrillSource(server, f"drill_{name}")
        self._server = server
        self._runs = 0
        self._active = ExitStack()

    @cached_property
    def stack(self) -> stack.Stack:
        self.home.create()
        self.home.aws.mkdir(mode=0o700, exist_ok=True)
        self.plant()  # before it starts: without the file a local AWS has no faults
        made = stack.attach(self.home, self._server, lambda text: None)
        Deployment(made.endpoint).apply(lambda text: None)
        return made

    def open(self) -> None:
        self.source.create()
        self.begin()
        self.run(self.new_run())

    def begin(self) -> None:
        """Start it; nothing is loaded yet."""
        self._active.enter_context(self.stack.active())
        self._let_jobs_overlap()

    def revive(self) -> None:
        """Start the local AWS again after an outage; the new one knows of no fault."""
        self.plant()
        endpoint.start(self.home.aws)

    def leave(self) -> None:
        """This process uses it no longer. It runs on, for the next lane of its home."""
        self._active.close()

    def close(self) -> None:
        self.leave()
        endpoint.stop(self.home.aws)

    def new_run(self) -> str:
        self._runs += 1
        return f"{self.name}-{self._runs:05}"

    # -- faults

    def plant(self, *rules: dict[str, Any], **rate: float) -> None:
        """Replace the faults; what was told of the last ones is forgotten."""
        path = self.home.aws / "faults.json"
        (self.home.aws / "faults.jsonl").unlink(missing_ok=True)
        new = path.with_suffix(".new")
        new.write_text(json.dumps({"rules": rules, "rate": rate}))
        new.replace(path)

    def free(self, run_id: str) -> None:
        """Let the requests of this run that are held go on."""
        (self.home.aws / "faults.free").write_text(run_id)

    def told(self, what: str) -> list[dict[str, Any]]:
        """What was ``passed`` or ``fired`` since the faults were planted."""
        path = self.home.aws / "faults.jsonl"
        lines = path.read_text().splitlines() if path.exists() else []
        return [found[what] for found in map(json.loads, lines) if what in found]

    # -- runs

    def run(self, run_id: str, stages: tuple[str, ...] = STAGES, **more: str) -> None:
        """Run the stages to their end, with ``more`` arguments. Raises RunFailed with what a job
        said."""
        for stage in stages:
            given = {**self.arguments(run_id, stage), **more}
            jobs.run(self.stack.endpoint, stage, given, poll=0.05)

    def run_until_held(self, run_id: str, stage: str) -> str:
        """Run up to a stage whose request is held; its job run."""
        self.run(run_id, STAGES[: STAGES.index(stage)])
        glue = self.stack.endpoint.client("glue")
        started = jobs.start(glue, stage, self.arguments(run_id, stage))
        while not self.told("fired"):
            if jobs.state(glue, stage, started)["JobRunState"] in jobs.OVER:
                break
            time.sleep(0.02)
        return started

    def arguments(self, run_id: str, stage: str) -> dict[str, str]:
        given = {"run_id": run_id, "contract": self.contract_url}
        if "--source_secret" in definitions()[stage]["DefaultArguments"]:
            given["source_secret"] = self.secret
        return given

    @cached_property
    def contract_url(self) -> str:
        return self.stack.pipeline.publish(self.contract)

    @cached_property
    def secret(self) -> str:
        value = self._server.secret(self.source.database)
        return self.stack.pipeline.put_secret(f"drill/{self.name}", value)

    def opened(self, run_id: str) -> tuple[Run, Source]:
        """The run and its source, in this process, which uses this lane's AWS while it is open."""
        names = ("rental-apartments", "dev", "")
        run = open_run(run_id, BUCKET, self.contract_url, "", *names, bookmark_table=BOOKMARKS)
        return run, Source.from_secret(self.secret)

    def _let_jobs_overlap(self) -> None:
        """04 to 06 run once at a time otherwise: the late run of a case would be refused."""
        glue = self.stack.endpoint.client("glue")
        for stage in STAGES:
            job = glue.get_job(JobName=PREFIX + stage)["Job"]
            kept = (*UPDATED, "GlueVersion", "WorkerType", "NumberOfWorkers", "MaxCapacity")
            update = {name: job[name] for name in kept if name in job}
            if job["Command"]["Name"] == "glueetl":
                update.pop("MaxCapacity", None)
            update["ExecutionProperty"] = {"MaxConcurrentRuns": AT_ONCE}
            glue.update_job(JobName=PREFIX + stage, JobUpdate=update)
