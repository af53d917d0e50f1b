"""Tasks that run a job (.sync): they wait for its end, and stop it when they are stopped."""

from __future__ import annotations

import json
from typing import Any, Protocol

from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.resource import (  # noqa: E501
    ResourceCondition,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_glue import (  # noqa: E501
    StateTaskServiceGlue,
)
from localstack.services.stepfunctions.asl.component.state.state_execution.state_task.service.state_task_service_sfn import (  # noqa: E501
    StateTaskServiceSfn,
)

from workbench.aws import registry
from workbench.aws.stepfunctions import embed, errors, history, results

# How long a stopped task goes unnoticed; the end of a job is noticed at once.
LOOK = 0.05


class Job(Protocol):
    """Something that a task has started and that ends by itself."""

    def wait(self, seconds: float) -> bool:
        """Whether it was over within ``seconds``."""
        ...

    def stop(self) -> None: ...

    def result(self) -> tuple[bool, dict[str, Any]]:
        """Whether it succeeded, and what its service says of it."""
        ...


def adapt() -> None:
    embed.replace(StateTaskServiceGlue, "_eval_integration_pattern", _glue)
    global _with_token
    _with_token = StateTaskServiceSfn._eval_integration_pattern
    embed.replace(StateTaskServiceSfn, "_eval_integration_pattern", _nested)


class JobRun:
    """A run of a Glue job."""

    def __init__(self, name: str, run_id: str) -> None:
        self._name = name
        self._id = run_id
        self._client = embed.client("glue")

    def wait(self, seconds: float) -> bool:
        service: Any = registry.services["glue"]
        return service.wait_for_run(self._name, self._id, seconds) is not None

    def stop(self) -> None:
        self._client.batch_stop_job_run(JobName=self._name, JobRunIds=[self._id])

    def result(self) -> tuple[bool, dict[str, Any]]:
        found = self._client.get_job_run(JobName=self._name, RunId=self._id)["JobRun"]
        return found["JobRunState"] == "SUCCEEDED", _named("glue", "GetJobRun", found, "JobRun")


class Nested:
    """An execution of another state machine."""

    def __init__(self, arn: str, parsed: bool) -> None:
        self._arn = arn
        self._parsed = parsed  # .sync:2 gives input and output as JSON, .sync as text
        self._client = embed.client("stepfunctions")

    def wait(self, seconds: float) -> bool:
        service: Any = registry.services["stepfunctions"]
        return bool(service.wait_for_execution(self._arn, seconds))

    def stop(self) -> None:
        self._client.stop_execution(executionArn=self._arn)

    def result(self) -> tuple[bool, dict[str, Any]]:
        found = self._client.describe_execution(executionArn=self._arn)
        found.pop("ResponseMetadata")
        named = _named("stepfunctions", "DescribeExecution", found)
        for field in ("Input", "Output"):
            if self._parsed and field in named:
                named[field] = json.loads(named[field])
        return found["status"] == "SUCCEEDED", named


def _named(service: str, operation: str, found: Any, member: str | None = None) -> dict[str, Any]:
    shape = embed.client(service).meta.service_model.operation_model(operation).output_shape
    shape = shape.members[member] if member else shape
    named: dict[str, Any] = results.shown(found, shape, milliseconds=True)
    return named


def _glue(self: Any, env: Any, **ignored: Any) -> None:
    started = env.stack.pop()
    _finish(self, env, JobRun(started["JobName"], started["JobRunId"]))


def _nested(self: Any, env: Any, **given: Any) -> None:
    if self.resource.condition == ResourceCondition.WaitForTaskToken:
        _with_token(self, env=env, **given)
        return
    arn = env.stack.pop()["ExecutionArn"]
    _finish(self, env, Nested(arn, self.resource.condition == ResourceCondition.Sync2))


_with_token: Any = None


def _finish(self: Any, env: Any, job: Job) -> None:
    """Leave the result of ``job`` on the stack, or fail as it did."""
    with history.busy(env.event_manager):
        while env.is_running():
            if job.wait(LOOK):
                break
        else:
            job.stop()
            return
    succeeded, result = job.result()
    if not succeeded:
        raise errors.failure(
            env,
            "States.TaskFailed",
            json.dumps(result, separators=(",", ":")),
            resource=self._get_sfn_resource(),
            resourceType=self._get_sfn_resource_type(),
        )
    env.stack.append(result)
