"""One CloudFormation stack: what it is, a change of it proposed, and carried out."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from etl_lib.errors import BadInput, RunFailed
from workbench.clients import Aws

Event = dict[str, Any]
SLOWEST_POLL = 3.0  # seconds
READY = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")
REMAINS = ("ROLLBACK_COMPLETE", "REVIEW_IN_PROGRESS", "DELETE_FAILED")


@dataclass(frozen=True)
class Formation:
    """The stack ``name`` of one AWS, whether it is there or not."""

    aws: Aws
    name: str

    def described(self) -> dict[str, Any] | None:
        """As DescribeStacks tells; None if there is none."""
        try:
            found = self._client.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return dict(found[0])

    def outputs(self) -> dict[str, str]:
        found = (self.described() or {}).get("Outputs", ())
        return {each["OutputKey"]: each["OutputValue"] for each in found}

    def parameters(self) -> dict[str, str]:
        found = (self.described() or {}).get("Parameters", ())
        return {each["ParameterKey"]: each["ParameterValue"] for each in found}

    def template(self) -> str:
        found = self._client.get_template(StackName=self.name)["TemplateBody"]
        return str(found)

    def resources(self) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=self.name)
        return [each for page in pages for each in page["StackResourceSummaries"]]

    def usable(self) -> str | None:
        """Its status, if something is there that can be changed. Raises BadInput if it is busy."""
        found = self.described()
        if found is None or found["StackStatus"] in READY:
            return None if found is None else str(found["StackStatus"])
        status = str(found["StackStatus"])
        if status in REMAINS:
            return None
        raise BadInput(
            f"stack {self.name} is {status}: {found.get('StackStatusReason', 'busy')}. Nothing was "
            "changed. Wait until it has ended, or mend it in the CloudFormation console"
        )

    def propose(
        self, template: Mapping[str, Any], parameters: list[dict[str, Any]], imports: bool = True
    ) -> dict[str, Any] | None:
        """The change set, described; None if nothing would change.

        What a stack of this name has left, and was to be kept, is taken over by name.
        """
        kind = "UPDATE" if self.usable() else "CREATE"
        name = f"workbook-{time.time_ns()}"
        made = self._client.create_change_set(
            StackName=self.name,
            ChangeSetName=name,
            ChangeSetType=kind,
            Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            ImportExistingResources=imports,
            **template,
        )
        found = self._proposed(made["Id"])
        if found["Status"] == "FAILED":
            self.withdraw(found)
            reason = str(found.get("StatusReason", ""))
            if "didn't contain changes" in reason or "No updates" in reason:
                return None
            raise BadInput(f"stack {self.name}: {reason}. Nothing was changed")
        return found

    def _proposed(self, change_set: str) -> dict[str, Any]:
        """The change set once it is made, with all of its changes."""
        pause = 0.05
        while True:
            found = self._client.describe_change_set(ChangeSetName=change_set)
            if not found["Status"].endswith(("PENDING", "IN_PROGRESS")):
                break
            time.sleep(pause)
            pause = min(2 * pause, SLOWEST_POLL)
        changes, token = list(found.get("Changes", ())), found.get("NextToken")
        while token:
            page = self._client.describe_change_set(ChangeSetName=change_set, NextToken=token)
            changes += page["Changes"]
            token = page.get("NextToken")
        return {**found, "Changes": changes}

    def withdraw(self, change_set: Mapping[str, Any]) -> None:
        """Leave no trace of it; not of a stack either that was only looked at."""
        self._client.delete_change_set(ChangeSetName=change_set["ChangeSetId"])
        found = self.described()
        if found and found["StackStatus"] == "REVIEW_IN_PROGRESS":
            self._client.delete_stack(StackName=self.name)

    def carry_out(self, change_set: Mapping[str, Any], tell: Callable[[Event], None]) -> None:
        """Execute it, and follow it. Raises RunFailed with what failed, and why."""
        stack = change_set["StackId"]
        seen = {each["EventId"] for each in self._events(stack)}
        self._client.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
        status, events = self._follow(stack, seen, tell)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise RunFailed(_failure(self.name, status, events))

    def delete(self, tell: Callable[[Event], None]) -> None:
        """Raises RunFailed if something of it cannot be deleted."""
        found = self.described()
        if found is None:
            return
        stack = found["StackId"]
        seen = {each["EventId"] for each in self._events(stack)}
        self._client.delete_stack(StackName=stack)
        if found["StackStatus"] == "REVIEW_IN_PROGRESS":
            return
        status, events = self._follow(stack, seen, tell)
        if status != "DELETE_COMPLETE":
            raise RunFailed(_failure(self.name, status, events))

    def _follow(
        self, stack: str, seen: set[str], tell: Callable[[Event], None]
    ) -> tuple[str, list[Event]]:
        """Tell every new event until the stack has come to rest; its status and those events."""
        pause, told = 0.05, list[Event]()
        while True:
            found = self._client.describe_stacks(StackName=stack)["Stacks"][0]
            new = [each for each in self._events(stack) if each["EventId"] not in seen]
            for event in new:
                seen.add(event["EventId"])
                told.append(event)
                tell(event)
            if not found["StackStatus"].endswith("IN_PROGRESS"):
                return str(found["StackStatus"]), told
            time.sleep(pause)
            pause = min(1.5 * pause, SLOWEST_POLL)

    def _events(self, stack: str) -> list[Event]:
        """Oldest first."""
        pages = self._client.get_paginator("describe_stack_events").paginate(StackName=stack)
        return [each for page in pages for each in page["StackEvents"]][::-1]

    @property
    def _client(self) -> Any:
        return self.aws.client("cloudformation")


def _failure(name: str, status: str, events: list[Event]) -> str:
    failed = [*_reasons(events)]
    told = "\n".join(f"  {line}" for line in failed) or "  CloudFormation gave no reason"
    if status.endswith("ROLLBACK_COMPLETE"):
        after = "All is as it was before. Mend it, and deploy again"
    elif status == "DELETE_FAILED":
        after = "The rest is gone. Empty or free what is named, and type the command again"
    else:
        after = (
            "It could not be taken back either: see the stack's events in the console, and let "
            "CloudFormation continue the rollback there"
        )
    return f"stack {name}: {status}\n{told}\n{after}."


def _reasons(events: list[Event]) -> Iterator[str]:
    for event in events:
        reason = event.get("ResourceStatusReason", "")
        if event["ResourceStatus"].endswith("_FAILED") and "cancelled" not in reason:
            if event["ResourceType"] != "AWS::CloudFormation::Stack":
                yield f"{event['LogicalResourceId']} ({event['ResourceType']}): {reason}"
