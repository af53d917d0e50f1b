"""``workbook run --via notebooks``: six stages by papermill, one Glue session, one report."""

from __future__ import annotations

import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import papermill
from botocore.exceptions import BotoCoreError, ClientError
from papermill.exceptions import PapermillExecutionError
from rich.console import Console
from rich.markup import escape

from etl_lib import lease
from etl_lib.errors import LeaseHeld, LeaseLost
from etl_lib.lease import Lease
from etl_lib.zone import Zone
from workbench import outcome, panels, past, pipeline, report, screen, verdict
from workbench.engine import GlueKernel
from workbench.home import REPOSITORY
from workbench.preparation import STAGES, Prepared
from workbench.stack import Stack
from workbench.summary import StageResult, Summary

READS_SOURCE = ("01_extract", "06_finalize")
AGAIN = "Type `{}` again: the same windows are taken up"


def run(stack: Stack, prepared: Prepared, console: Console) -> Summary:
    """Run all stages; returns the summary, whose status says how it ended.

    A stage that fails stops the run; what was done before it is safe and is taken up by the next.
    The run holds the pipeline's lease.
    """
    parameters = {
        "run_id": prepared.run_id,
        "contract": prepared.contract_url,
        "tables": ",".join(prepared.tables),
        "bucket": stack.target.bucket,
    }
    source = {"source_secret": prepared.source_secret}
    summary = prepared.summary("notebooks")
    clock = time.perf_counter()
    with stack.active(), past.alive(prepared.folder):
        summary.write(prepared.folder)  # RUNNING, should we not live to write its end
        try:
            with lease.held(
                stack.target.bookmarks,
                pipeline.read_contract(prepared.contract).name,
                prepared.run_id,
                lambda text: console.print(f"[dim]· {text}[/]", highlight=False),
            ) as held:
                _stages(summary, prepared.folder, parameters, source, console, held)
        except (LeaseHeld, LeaseLost) as error:
            summary.status, summary.error = "FAILED", f"{type(error).__name__}: {error}"
        try:
            outcome.gather(summary, stack, prepared.parsed)
        except BotoCoreError:  # the run has failed of that already
            gone = f"The local AWS is gone: start it with `workbook up`. {_again(summary)}"
            summary.error = f"{summary.error}. {gone}"
    summary.seconds = round(time.perf_counter() - clock, 3)
    summary.write(prepared.folder)
    notebooks = sorted(prepared.folder.glob("0*.ipynb"))
    shown = report.Shown(notebooks=notebooks, panels=panels.after(summary, stack))
    report.write(prepared.folder, summary.as_dict(), shown)
    return summary


def _stages(
    summary: Summary,
    folder: Path,
    parameters: Mapping[str, Any],
    source: Mapping[str, Any],
    console: Console,
    held: Lease,
) -> None:
    with _warned(console), GlueKernel() as kernel, _watched(summary.run_id, console) as look:
        for stage in STAGES:
            held.check()
            clock = time.perf_counter()
            given = {**parameters, **(source if stage in READS_SOURCE else {})}
            try:
                _execute(stage, folder, given, kernel)
                status = "SUCCEEDED"
            except PapermillExecutionError as error:
                status, summary.status = "FAILED", "FAILED"
                summary.error = f"{error.ename}: {error.evalue}"
            except (BotoCoreError, ClientError) as error:  # between two notebooks
                status, summary.status = "FAILED", "FAILED"
                summary.error = f"{type(error).__name__}: {error}"
            except RuntimeError as error:  # jupyter_client's, of a kernel that does not start
                status, summary.status = "FAILED", "FAILED"
                summary.error = f"KernelNotStarted: {error}"
            except KeyboardInterrupt:
                status, summary.status = "FAILED", "FAILED"
                summary.error = f"interrupted, and its session stopped. {_again(summary)}"
            seconds = round(time.perf_counter() - clock, 3)
            summary.stages.append(StageResult(stage, status, seconds))
            look()
            console.print(f"{stage:<15} {status:<9} {seconds:6.1f} s", highlight=False)
            if status == "FAILED":
                return
    summary.status = "SUCCEEDED"


def _again(summary: Summary) -> str:
    return AGAIN.format(verdict.run_again(summary.as_dict()))


@contextmanager
def _warned(console: Console) -> Iterator[None]:
    """Warnings in words, without the line of code that they come from."""

    def tell(message: Warning | str, *_: Any, **__: Any) -> None:
        console.print(f"[yellow]{escape(str(message))}[/]", soft_wrap=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = tell
        yield


def _execute(stage: str, folder: Path, parameters: Mapping[str, Any], kernel: GlueKernel) -> None:
    papermill.execute_notebook(
        REPOSITORY / "notebooks" / f"{stage}.ipynb",
        folder / f"{stage}.ipynb",
        parameters=dict(parameters),
        engine_name="glue",
        language="python",
        progress_bar=False,
        log_output=False,
        kernel=kernel,
    )


@contextmanager
def _watched(run_id: str, console: Console) -> Iterator[Callable[[], None]]:
    """Tell what each stage has done with each table, as soon as it is published.

    Yields a function that tells at once what is not told yet.
    """
    done, lock = threading.Event(), threading.Lock()
    zone, seen = Zone(pipeline.BUCKET), set[str]()

    def look() -> None:
        # An endpoint that is gone fails the stage, which says so.
        with lock, suppress(BotoCoreError):
            for key, _ in zone.list(f"runs/{run_id}/results/"):
                if key not in seen:
                    seen.add(key)
                    screen.tell(zone.get_json(key) or {}, key.split("/")[3], console)

    def watch() -> None:
        while not done.wait(0.3):
            look()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield look
    finally:
        done.set()
        watcher.join(5)
