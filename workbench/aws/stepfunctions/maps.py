"""Map states: redriven ones run what failed; distributed ones count what they tolerate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from localstack.services.stepfunctions.asl.component.common.error_name.failure_event import (
    FailureEventException,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration import (  # noqa: E501
    distributed_iteration_component,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.inline_iteration_component import (  # noqa: E501
    InlineIterationComponent,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.itemprocessor.distributed_item_processor_worker import (  # noqa: E501
    DistributedItemProcessorWorker,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_map.iteration.job import (  # noqa: E501
    JobClosed,
    JobPool,
)
from localstack.services.stepfunctions.asl.eval.program_state import ProgramEnded

from workbench.aws.stepfunctions import errors
from workbench.aws.stepfunctions.embed import replace
from workbench.aws.stepfunctions.history import History

Component = distributed_iteration_component.DistributedIterationComponent

# How many iterations run at once at most: AWS's limit, and one that a laptop can bear.
INLINE = 40
DISTRIBUTED = 100


def adapt() -> None:
    replace(InlineIterationComponent, "_eval_body", _inline)
    replace(Component, "_map_run", _map_run)
    replace(DistributedItemProcessorWorker, "_eval_job", _eval_job)


class Resumed(JobPool):
    """The iterations of an inline Map, some of which an earlier run has ``done``."""

    def __init__(self, program: Any, items: list[Any], done: dict[int, Any]) -> None:
        super().__init__(job_program=program, job_inputs=items)
        self._open_jobs[:] = [job for job in self._open_jobs if job.job_index not in done]
        self._closed_jobs.update(JobClosed(index, output) for index, output in done.items())


def _inline(self: Any, env: Any) -> None:
    given = env.stack.pop()
    items = given.input_items
    history = env.event_manager  # the library's own in TestState and in a distributed Map
    done = history.take_done(given.state_name) if isinstance(history, History) else {}
    pool = Resumed(self._get_iteration_program(), items, done)
    for _ in range(min(given.max_concurrency or INLINE, INLINE, len(items) - len(done))):
        self._launch_worker(env=env, eval_input=given, job_pool=pool)
    pool.await_jobs()
    error = pool.get_worker_exception()
    if error is not None:
        raise error
    env.stack.append([job.job_output for job in pool.get_closed_jobs()])


@dataclass(frozen=True)
class Failed:
    """The outcome of a child workflow that failed; the library would call it null."""


class Pool(JobPool):
    """The child workflows of one map run; too many failures end it."""

    def __init__(self, program: Any, items: list[Any], given: Any, env: Any) -> None:
        super().__init__(job_program=program, job_inputs=items)
        self._given = given
        self._env = env
        self._failures = 0

    def close_job(self, job: Any) -> None:
        with self._mutex:
            self._failures += isinstance(job.job_output, Failed)
            exceeded = exceeds(
                self._failures,
                self._jobs_number,
                self._given.tolerated_failure_count,
                self._given.tolerated_failure_percentage,
            )
            if exceeded and self._worker_exception is None:
                self._worker_exception = errors.failure(
                    self._env,
                    "States.ExceedToleratedFailureThreshold",
                    "The specified tolerated failure threshold was exceeded",
                )
                self._notify_on_termination()
        super().close_job(job)


def exceeds(failures: int, items: int, count: int, percentage: float) -> bool:
    """Whether more failed than is tolerated. 0 is the default of both; either may be set alone."""
    over_count = failures > count
    over_percentage = failures > items * percentage / 100
    if count and percentage:
        return over_count or over_percentage
    return over_percentage if percentage else over_count


def _map_run(self: Any, env: Any, eval_input: Any) -> None:
    items = env.stack.pop()
    pool = Pool(self._get_iteration_program(), items, eval_input, env)
    wanted = eval_input.map_run_record.max_concurrency
    for _ in range(min(wanted or DISTRIBUTED, DISTRIBUTED, len(items))):
        self._launch_worker(env=env, eval_input=eval_input, job_pool=pool)
    pool.await_jobs()
    error = pool.get_worker_exception()
    if error is not None:
        raise error
    outputs = [job.job_output for job in pool.get_closed_jobs()]
    env.stack.append([output for output in outputs if not isinstance(output, Failed)])


def _eval_job(self: Any, env: Any, job: Any) -> None:
    """Run one child workflow."""
    counters = (self._map_run_record.item_counter, self._map_run_record.execution_counter)
    for counter in counters:
        counter.total.count()
        counter.running.count()
    job.job_output = Failed()
    try:
        env.states.context_object.context_object_data["Map"] = {
            "Item": {"Index": job.job_index, "Value": job.job_input}
        }
        env.states.reset(job.job_input)
        env.stack.append(env.states.get_input())
        self._eval_input(env_frame=env)
        job.job_program.eval(env)
        if isinstance(env.program_state(), ProgramEnded):
            job.job_output = env.states.get_input()
    except FailureEventException:
        pass  # of the ItemSelector: the child has failed before it began
    for counter in counters:
        counter.running.offset(-1)
        (counter.failed if isinstance(job.job_output, Failed) else counter.succeeded).count()
