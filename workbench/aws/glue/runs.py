"""Job runs: each a real process, from STARTING to its end; all of them kept on disk."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import threading
import time
import uuid
from pathlib import Path
from typing import Any

from workbench.aws import files
from workbench.aws.glue import definitions, process
from workbench.aws.glue.definitions import SPARK
from workbench.aws.glue.joblogs import JobLogs
from workbench.aws.glue.jvms import Jvms
from workbench.aws.glue.processes import Processes
from workbench.aws.glue.spark import parse_conf
from workbench.aws.protocol import AwsError, Context

FINAL = frozenset({"SUCCEEDED", "FAILED", "STOPPED", "TIMEOUT", "ERROR"})
LATE = "It ran for longer than its Timeout."
LOST = "The local AWS stopped while this run was running."
# Glue itself consumes these; a script never sees them.
CONSUMED = (
    "--additional-python-modules",
    "--conf",
    "--custom-logGroup-prefix",
    "--enable-continuous-cloudwatch-log",
    "--enable-glue-datacatalog",
    "--enable-job-insights",
    "--enable-metrics",
    "--enable-spark-ui",
    "--extra-jars",
    "--extra-py-files",
    "--job-bookmark-option",
    "--job-language",
    "--spark-event-logs-path",
)
REFUSED = ("--extra-jars", "--extra-files", "--user-jars-first")


class JobRun:
    """One run. Its record is what GetJobRun answers."""

    def __init__(self, record: dict[str, Any], folder: Path) -> None:
        self.record = record
        self.folder = folder
        self.pid: int | None = None
        self.began = time.monotonic()
        self.wanted = ""  # STOPPED or TIMEOUT, once its end was asked for

    @property
    def id(self) -> str:
        return str(self.record["Id"])

    @property
    def name(self) -> str:
        """What its requests call themselves: AWS lets an application's id have 50 characters."""
        return self.id[:35]

    @property
    def final(self) -> bool:
        return self.record["JobRunState"] in FINAL


class Runs:
    """The runs of all jobs. ``minute`` is how many seconds a timeout's minute lasts."""

    def __init__(self, context: Context, minute: float) -> None:
        self._context = context
        self._minute = minute
        self._root = context.state.resolve() / "glue"
        self._changed = threading.Condition(threading.RLock())
        self._runs: dict[str, JobRun] = {}
        self._names: dict[str, JobRun] = {}  # of those that this server has started
        self._jvms: Jvms | None = None
        self._logs = JobLogs(context)
        self._processes = Processes(context, self._heard)
        with self._changed:
            self._load()

    # -- requests

    def start(self, job: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
        """StartJobRun. Raises ConcurrentRunsExceededException."""
        given = definitions.arguments(request.get("Arguments"), "Arguments")
        minutes = request.get("Timeout") or job["Timeout"]
        definitions.whole(minutes, "Timeout", definitions.MOST_MINUTES)
        if request.get("JobRunId"):
            raise definitions.invalid("JobRunId: retrying a run is not supported by the local AWS")
        with self._changed:
            live = sum(
                run.record["JobName"] == job["Name"] and not run.final
                for run in self._runs.values()
            )
            most = job["ExecutionProperty"]["MaxConcurrentRuns"]
            if live >= most:
                raise AwsError(
                    "ConcurrentRunsExceededException",
                    f"Concurrent runs exceeded for {job['Name']}: MaxConcurrentRuns is {most}",
                )
            run = self._new(job, given, minutes)
        threading.Thread(target=self._begin, args=(run, job), daemon=True).start()
        return {"JobRunId": run.id}

    def describe(self, job: str, run_id: str) -> dict[str, Any]:
        """Raises EntityNotFoundException."""
        with self._changed:
            run = self._runs.get(run_id)
            if run is None or run.record["JobName"] != job:
                raise AwsError("EntityNotFoundException", f"Job {job} has no run {run_id}")
            return dict(run.record)

    def of(self, job: str) -> list[dict[str, Any]]:
        """The runs of a job, the newest first."""
        with self._changed:
            found = [run.record for run in self._runs.values() if run.record["JobName"] == job]
        return sorted(map(dict, found), key=lambda record: -record["StartedOn"])

    def stop(self, job: str, run_id: str) -> None:
        """Kill it. Raises EntityNotFoundException, InvalidInputException if it has ended."""
        with self._changed:
            self.describe(job, run_id)
            run = self._runs[run_id]
            if run.final:
                raise definitions.invalid(f"run {run_id} is {run.record['JobRunState']} already")
            self._end_it(run, "STOPPED")

    def called(self, name: str) -> JobRun | None:
        with self._changed:
            return self._names.get(name)

    def wait(self, job: str, run_id: str, seconds: float) -> dict[str, Any] | None:
        """The record as soon as the run is over; None if it is not within ``seconds``."""
        self.describe(job, run_id)
        with self._changed:
            run = self._runs[run_id]
            over = self._changed.wait_for(lambda: run.final, seconds)
            return dict(run.record) if over else None

    @property
    def live(self) -> bool:
        """Whether any has not ended."""
        with self._changed:
            return not all(run.final for run in self._runs.values())

    def tick(self) -> None:
        """Once in a while: timeouts, logs, idle JVMs."""
        with self._changed:
            live = [run for run in self._runs.values() if not run.final]
            for run in live:
                lived = (time.monotonic() - run.began) / self._minute
                if lived >= run.record["Timeout"] and not run.wanted:
                    self._end_it(run, "TIMEOUT")
        for run in live:
            self._logs.ship(run.record, run.folder)
        if self._jvms:
            self._jvms.expire()

    def close(self) -> None:
        """End every run: none outlives the server."""
        with self._changed:
            live = [run for run in self._runs.values() if not run.final]
            for run in live:
                self._end_it(run, "STOPPED")
            self._changed.wait_for(lambda: all(run.final for run in live), 5)
        self._processes.close()
        if self._jvms:
            self._jvms.close()

    # -- the life of a run

    def _new(self, job: dict[str, Any], given: dict[str, str], minutes: int) -> JobRun:
        kept = ("GlueVersion", "WorkerType", "NumberOfWorkers", "MaxCapacity")
        now = time.time()
        kind = "jobs" if job["Command"]["Name"] == SPARK else "python-jobs"
        record = {
            "Id": f"jr_{uuid.uuid4().hex}{uuid.uuid4().hex}",
            "Attempt": 0,
            "JobName": job["Name"],
            "JobRunState": "STARTING",
            "Arguments": given,
            "Timeout": minutes,
            "StartedOn": now,
            "LastModifiedOn": now,
            "ExecutionTime": 0,
            "LogGroupName": f"/aws-glue/{kind}",
            **{name: job[name] for name in kept if name in job},
        }
        run = JobRun(record, self._root / "work" / str(record["Id"]))
        self._runs[run.id] = self._names[run.name] = run
        self._keep(run)
        return run

    def _begin(self, run: JobRun, job: dict[str, Any]) -> None:
        try:
            request = self._prepared(run, job)
            with self._changed:
                if run.wanted:
                    self._finish(run, run.wanted, "")
                    return
                self._processes.start(request)
        except (process.ProcessFailed, AwsError) as error:
            self._finish(run, "FAILED", getattr(error, "message", str(error)))
        except Exception as error:
            self._finish(run, "FAILED", f"{type(error).__name__}: {error}")

    def _prepared(self, run: JobRun, job: dict[str, Any]) -> dict[str, Any]:
        """Files and environment of the process. Raises ProcessFailed, AwsError."""
        merged = {
            **job["DefaultArguments"],
            **run.record["Arguments"],
            **job["NonOverridableArguments"],
        }
        for name in REFUSED:
            if name in merged:
                raise process.ProcessFailed(f"{name}: not supported by jobs of the local AWS")
        is_spark = job["Command"]["Name"] == SPARK
        if is_spark:  # a Python shell has other versions, for its Python 3.9
            process.check_modules(merged.get("--additional-python-modules", ""))
        scratch = run.folder / "tmp"
        scratch.mkdir(parents=True, mode=0o700)
        path = process.python_path(self._context, merged, run.folder / "python")
        location = job["Command"]["ScriptLocation"]
        script = process.copy(self._context, location, run.folder, "Command.ScriptLocation")
        environment = process.environment(self._context, path, scratch, run.folder)
        environment["AWS_SDK_UA_APP_ID"] = run.name  # who asks, for the log of requests
        if is_spark:
            conf = merged.get("--conf", "")
            self._spark().expect(run.id, parse_conf(conf) if conf.strip() else {})
            self._spark().warm(run.id)
        return {
            "run": run.id,
            "argv": [str(script), *_argv(run, job, merged)],
            "path": path,
            "folder": str(run.folder),
            "environment": environment,
            "stdout": str(run.folder / "stdout"),
            "stderr": str(run.folder / "stderr"),
            "error": str(run.folder / "error.json"),
            "left": str(run.folder / "left"),
            "jvms": self._spark().address if is_spark else "",
        }

    def _spark(self) -> Jvms:
        with self._changed:
            if self._jvms is None:
                self._jvms = Jvms(self._context)
            return self._jvms

    def _heard(self, message: dict[str, Any]) -> None:
        """The launcher tells that a process began or ended, or has itself ended."""
        with self._changed:
            if "ended" in message:
                for run in [run for run in self._runs.values() if run.pid and not run.final]:
                    self._over(run, None)
                return
            run = self._runs[message["run"]]
            if "pid" in message:
                run.pid = message["pid"]
                if run.wanted:
                    self._processes.kill(message["pid"])
                self._set(run, "RUNNING")
            else:
                self._end(run, message["status"])

    def _end(self, run: JobRun, status: int) -> None:
        """Whatever goes wrong here is this run's failure, and no other's."""
        try:
            self._over(run, status)
        except Exception as error:
            self._finish(run, "FAILED", f"{type(error).__name__}: {error}")

    def _end_it(self, run: JobRun, state: str) -> None:
        run.wanted = run.wanted or state
        if state == "STOPPED" and not run.final:
            self._set(run, "STOPPING")
        if run.pid:
            self._processes.kill(run.pid)

    def _over(self, run: JobRun, status: int | None) -> None:
        clean = status is not None and (run.folder / "left").exists() and not run.wanted
        if self._jvms and run.record["LogGroupName"] == "/aws-glue/jobs":
            self._jvms.release(run.id, clean)
        if run.pid:
            self._processes.kill(run.pid)  # what the script has left behind
            self._processes.kill_strays(run.folder)
        if run.wanted:
            self._finish(run, run.wanted, LATE if run.wanted == "TIMEOUT" else "")
        elif status == 0:
            self._finish(run, "SUCCEEDED", "")
        else:
            self._finish(run, "FAILED", _explained(run, status))

    def _finish(self, run: JobRun, state: str, message: str) -> None:
        self._logs.ship(run.record, run.folder, to_the_end=True)
        with self._changed:
            if run.final:
                return
            if message:
                run.record["ErrorMessage"] = message[:2048]
            now = time.time()
            run.record |= {
                "CompletedOn": now,
                "ExecutionTime": round(now - run.record["StartedOn"]),
            }
            self._set(run, state)
        shutil.rmtree(run.folder, ignore_errors=True)

    def _set(self, run: JobRun, state: str) -> None:
        if run.record["JobRunState"] == "STOPPING" and state == "RUNNING":
            return
        run.record |= {"JobRunState": state, "LastModifiedOn": time.time()}
        self._keep(run)
        self._changed.notify_all()

    # -- on disk

    def _keep(self, run: JobRun) -> None:
        folder = self._root / "runs"
        folder.mkdir(parents=True, exist_ok=True)
        files.write(folder / f"{run.id}.json", run.record)

    def _load(self) -> None:
        """What an earlier server knew; what it was still running has failed."""
        for path in (self._root / "runs").glob("jr_*.json"):
            record = json.loads(path.read_text())
            run = JobRun(record, self._root / "work" / record["Id"])
            self._runs[run.id] = run
            if not run.final:
                record["ErrorMessage"] = LOST
                record["CompletedOn"] = record["LastModifiedOn"]
                self._set(run, "FAILED")
        shutil.rmtree(self._root / "work", ignore_errors=True)


def _argv(run: JobRun, job: dict[str, Any], merged: dict[str, str]) -> list[str]:
    """As Glue passes them: names and values apart."""
    own = {"--JOB_NAME": job["Name"], "--JOB_RUN_ID": run.id, "--JOB_ID": "j_local"}
    given = {name: value for name, value in merged.items() if name not in CONSUMED}
    return [part for pair in {**own, **given}.items() for part in pair]


def _explained(run: JobRun, status: int | None) -> str:
    """What the script raised; or how its process ended, with the end of its log."""
    if status is None:
        return "the process that starts job runs has died; start the run again"
    try:
        error = json.loads((run.folder / "error.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        error = None
    if isinstance(error, dict) and error.get("name", "SystemExit") != "SystemExit":
        return f"{error['name']}: {error.get('message', '')}"
    end = (
        f"killed by signal {os.WTERMSIG(status)} ({_signal(os.WTERMSIG(status))})"
        if os.WIFSIGNALED(status)
        else f"exit code {os.WEXITSTATUS(status)}"
    )
    log = _last_lines(run.folder / "stderr") or _last_lines(run.folder / "stdout")
    return f"{end}: {log}" if log else end


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:  # most real-time signals have no name
        return signal.strsignal(number) or "unknown"


def _last_lines(path: Path, lines: int = 5) -> str:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return ""
    return re.sub(r"\n+", "\n", "\n".join(text.strip().splitlines()[-lines:]))
