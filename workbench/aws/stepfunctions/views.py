"""Executions as the API tells them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.aws.protocol import AwsError
from workbench.aws.stepfunctions import requests
from workbench.aws.stepfunctions.executions import Answer, Executions
from workbench.aws.stepfunctions.history import now
from workbench.aws.stepfunctions.machines import Machines
from workbench.aws.stepfunctions.redrive import REDRIVABLE, refusal
from workbench.aws.stepfunctions.store import Record

STATUSES = "RUNNING SUCCEEDED FAILED TIMED_OUT ABORTED PENDING_REDRIVE".split()
DATA = ("input", "output", "inputDetails", "outputDetails", "parameters")


class Views:
    """Answers what only reads."""

    def __init__(self, executions: Executions, machines: Machines) -> None:
        self._executions = executions
        self._machines = machines
        self.operations: dict[str, Answer] = {
            "DescribeExecution": self._describe,
            "ListExecutions": self._list,
            "GetExecutionHistory": self._history,
            "DescribeStateMachineForExecution": self._machine,
            "ListMapRuns": self._list_map_runs,
            "DescribeMapRun": self._describe_map_run,
        }

    def _describe(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._executions.find(request)
        events = len(self._executions.events(record)) if record.status in REDRIVABLE else 0
        reason = refusal(record, events, now())
        described = {
            **_item(record),
            "redriveStatus": "NOT_REDRIVABLE" if reason else "REDRIVABLE",
            "redriveStatusReason": reason,
            "input": record.input,
            "inputDetails": {"included": True},
            "output": record.output,
            "outputDetails": {"included": True} if record.output is not None else None,
            "traceHeader": record.trace_header,
            "error": record.error,
            "cause": record.cause,
        }
        return {key: value for key, value in described.items() if value is not None}

    def _list(self, request: dict[str, Any]) -> dict[str, Any]:
        machine = self._machines.find(requests.arn(request, "stateMachineArn", "stateMachine"))
        wanted = request.get("statusFilter")
        if wanted not in (None, *STATUSES):
            raise AwsError(
                "ValidationException",
                f"1 validation error detected: Value '{wanted}' at 'statusFilter' failed to "
                f"satisfy constraint: Member must satisfy enum value set: {', '.join(STATUSES)}",
            )
        found = [
            record
            for record in self._executions.records()
            if record.machine_arn == machine.arn and wanted in (None, record.status)
        ]
        found.sort(key=lambda record: record.started, reverse=True)
        shown, more = requests.page(found, request)
        return {"executions": [_item(record) for record in shown], **more}

    def _history(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._executions.find(request)
        events = self._executions.events(record)
        if request.get("reverseOrder"):
            events.reverse()
        shown, more = requests.page(events, request)
        if request.get("includeExecutionData") is False:
            shown = [_without_data(event) for event in shown]
        return {"events": shown, **more}

    def _machine(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._executions.find(request)
        described = {
            "stateMachineArn": record.machine_arn,
            "name": record.machine_name,
            "definition": record.definition,
            "roleArn": record.role_arn,
            "updateDate": record.updated,
            "loggingConfiguration": record.logging,
            "revisionId": record.revision_id,
        }
        return {key: value for key, value in described.items() if value is not None}

    def _list_map_runs(self, request: dict[str, Any]) -> dict[str, Any]:
        record = self._executions.find(request)
        shown, more = requests.page(self._executions.map_runs(record), request)
        keys = ("executionArn", "mapRunArn", "startDate", "stopDate")
        items = [{key: run[key] for key in keys if key in run} for run in shown]
        return {
            "mapRuns": [{**item, "stateMachineArn": record.machine_arn} for item in items],
            **more,
        }

    def _describe_map_run(self, request: dict[str, Any]) -> dict[str, Any]:
        arn = requests.text(request, "mapRunArn")
        for record in self._executions.records():
            for run in self._executions.map_runs(record):
                if run["mapRunArn"] == arn:
                    return run
        raise AwsError("ResourceNotFound", f"Resource not found: '{arn}'")


def _without_data(event: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in member.items() if key not in DATA}
        if isinstance(member, dict)
        else member
        for name, member in event.items()
    }


def _item(record: Record) -> dict[str, Any]:
    described = {
        "executionArn": record.arn,
        "stateMachineArn": record.machine_arn,
        "name": record.name,
        "status": record.status,
        "startDate": record.started,
        "stopDate": record.stopped,
        "redriveCount": record.redrives,
        "redriveDate": record.redriven,
    }
    return {key: value for key, value in described.items() if value is not None}
