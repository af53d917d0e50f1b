"""The CloudFormation API: checks each request, and carries change sets out in the background."""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from workbench.aws.cloudformation import (
    changes,
    execution,
    parameters,
    proposal,
    template,
    views,
)
from workbench.aws.cloudformation.execution import Execution
from workbench.aws.cloudformation.kinds.kind import Clients
from workbench.aws.cloudformation.problem import invalid
from workbench.aws.cloudformation.resources import Closing, takes
from workbench.aws.cloudformation.stack import ChangeSet, Stack
from workbench.aws.cloudformation.store import Store
from workbench.aws.cloudformation.template import Template
from workbench.aws.protocol import AwsError, Context, not_supported

log = logging.getLogger(__name__)

NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
UNCHANGED = (
    "The submitted information didn't contain changes. Submit different information to create a "
    "change set."
)
STOPPED = "The local AWS was stopped meanwhile."
CREATE_FIELDS = frozenset(
    "StackName TemplateBody TemplateURL UsePreviousTemplate Parameters Capabilities Tags "
    "ChangeSetName ClientToken Description ChangeSetType IncludeNestedStacks OnStackFailure "
    "ImportExistingResources".split()
)
Answer = dict[str, Any]


class CloudFormationService:
    """All stacks of one local AWS. What a restart finds half made is taken back."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._store = Store(context.state / "cloudformation")
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._operations: dict[str, Callable[[dict[str, Any]], Answer]] = {
            "CreateChangeSet": self._create_change_set,
            "DescribeChangeSet": self._describe_change_set,
            "ListChangeSets": self._list_change_sets,
            "ExecuteChangeSet": self._execute,
            "DeleteChangeSet": self._delete_change_set,
            "DescribeStacks": self._describe_stacks,
            "ListStacks": self._list_stacks,
            "DescribeStackEvents": self._events,
            "DescribeStackResources": self._resources,
            "DescribeStackResource": self._resource,
            "ListStackResources": self._list_resources,
            "GetTemplate": self._template,
            "ValidateTemplate": self._validate,
            "DeleteStack": self._delete,
        }
        for stack in list(self._store.stacks.values()):
            if stack.busy:
                self._resume(stack)

    def handle(self, operation: str, request: dict[str, Any], context: Context) -> dict[str, Any]:
        """Answer one operation. Raises AwsError."""
        if operation not in self._operations:
            raise not_supported("cloudformation", operation)
        with self._lock:
            return self._operations[operation](request)

    def close(self) -> None:
        """A stack on its way stops where it is; the next start takes it back."""
        self._closed.set()

    # -- change sets

    def _create_change_set(self, request: dict[str, Any]) -> Answer:
        for name in sorted(request.keys() - CREATE_FIELDS):
            raise not_supported("cloudformation", f"CreateChangeSet with {name}")
        if request.get("OnStackFailure", "ROLLBACK") != "ROLLBACK":
            raise not_supported("cloudformation", f"OnStackFailure {request['OnStackFailure']}")
        kind = request.get("ChangeSetType", "UPDATE")
        stack = self._stack_for(request, kind)
        made = self._change_set(stack, request, kind)
        stack.change_sets[made.name] = made
        if stack.id not in self._store.stacks:
            stack.tell("REVIEW_IN_PROGRESS", "User Initiated")
        self._store.save(stack)
        return {"Id": made.id, "StackId": stack.id}

    def _stack_for(self, request: Mapping[str, Any], kind: str) -> Stack:
        """The stack that a change set is made for; a new one is not kept yet. Raises AwsError."""
        name, change = request["StackName"], request["ChangeSetName"]
        if not NAME.fullmatch(change):
            raise invalid(f"ChangeSetName {change!r} does not match {NAME.pattern}")
        found = self._store.get(name)
        if kind == "CREATE":
            if found and found.status != "REVIEW_IN_PROGRESS":
                raise invalid(
                    f"Stack [{name}] already exists and cannot be created again with the "
                    "changeSet [{}].".format(change)
                )
            if found is None and not NAME.fullmatch(name):
                raise invalid(f"StackName {name!r} does not match {NAME.pattern}")
            found = found or Stack(name, self._arn(f"stack/{name}"), time.time())
        elif kind != "UPDATE":
            raise not_supported("cloudformation", f"change sets of type {kind}")
        elif found is None:
            raise invalid(f"Stack [{name}] does not exist")
        elif found.busy or found.status not in (
            "CREATE_COMPLETE",
            "UPDATE_COMPLETE",
            "UPDATE_ROLLBACK_COMPLETE",
        ):
            raise invalid(f"Stack:{found.id} is in {found.status} state and can not be updated.")
        if change in found.change_sets:
            raise AwsError("AlreadyExistsException", f"ChangeSet {change} already exists")
        return found

    def _change_set(self, stack: Stack, request: dict[str, Any], kind: str) -> ChangeSet:
        parsed = self._given(request, stack)
        kept = stack.parameters if kind == "UPDATE" else {}
        values = parameters.values(parsed.parameters, request.get("Parameters") or (), kept)
        resolver = proposal.resolver(parsed, values, stack, self._context)
        proposal.check(parsed, resolver)
        proposal.agreed(parsed, request.get("Capabilities") or ())
        tags = request.get("Tags") or stack.tags
        imports = bool(request.get("ImportExistingResources"))
        clients = Clients(self._context)
        made = ChangeSet(
            name=request["ChangeSetName"],
            id=self._arn(f"changeSet/{request['ChangeSetName']}"),
            kind=kind,
            template=parsed.text,
            parameters=values,
            tags=tags,
            capabilities=request.get("Capabilities") or [],
            created=time.time(),
            changes=changes.changes(stack, resolver, lambda *one: imports and takes(clients, *one)),
            imports=imports,
            description=request.get("Description") or "",
        )
        same = parsed.outputs == (template.load(stack.template).outputs if stack.template else {})
        if not made.changes and same and tags == stack.tags:
            made.status, made.execution, made.reason = "FAILED", "UNAVAILABLE", UNCHANGED
        return made

    def _given(self, request: Mapping[str, Any], stack: Stack | None) -> Template:
        """The template of a request. Raises AwsError."""
        if request.get("UsePreviousTemplate") and stack and stack.template:
            return template.load(stack.template)
        body, url = request.get("TemplateBody"), request.get("TemplateURL")
        if bool(body) == bool(url):
            raise invalid("Either Template URL or Template Body must be specified.")
        if body and len(body.encode()) > template.LONGEST:
            raise invalid(
                f"1 validation error detected: Value at 'templateBody' failed to satisfy "
                f"constraint: Member must have length less than or equal to {template.LONGEST}"
            )
        return template.load(body or self._fetched(str(url)))

    def _fetched(self, url: str) -> str:
        """From S3, by a URL of either style; of this endpoint or, as it is written, of AWS."""
        parts = urlsplit(url)
        host, path = parts.hostname or "", unquote(parts.path).lstrip("/")
        virtual = re.match(r"(.+)\.s3[.-]", host)
        bucket, _, key = (virtual[1], "", path) if virtual else path.partition("/")
        try:
            found = Clients(self._context)["s3"].get_object(Bucket=bucket, Key=key)
        except ClientError as error:
            raise invalid(f"S3 error: {error}: {url}") from None
        text: bytes = found["Body"].read()
        return text.decode()

    def _find_change_set(self, request: Mapping[str, Any]) -> tuple[Stack, ChangeSet]:
        name, stack = request["ChangeSetName"], request.get("StackName")
        among = [self._store.find(stack)] if stack else list(self._store.stacks.values())
        for each in among:
            for change_set in each.change_sets.values():
                if name == change_set.id or (stack and name == change_set.name):
                    return each, change_set
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", 404)

    def _describe_change_set(self, request: dict[str, Any]) -> Answer:
        return views.change_set(*self._find_change_set(request))

    def _list_change_sets(self, request: dict[str, Any]) -> Answer:
        stack = self._store.find(request["StackName"])
        shown = [views.change_set_summary(stack, each) for each in stack.change_sets.values()]
        return {"Summaries": shown}

    def _delete_change_set(self, request: dict[str, Any]) -> Answer:
        stack, change_set = self._find_change_set(request)
        if change_set.execution == "EXECUTE_IN_PROGRESS":
            raise AwsError("InvalidChangeSetStatus", f"ChangeSet {change_set.name} is executed")
        del stack.change_sets[change_set.name]
        self._store.save(stack)
        return {}

    def _execute(self, request: dict[str, Any]) -> Answer:
        stack, change_set = self._find_change_set(request)
        if change_set.execution != "AVAILABLE" or stack.busy:
            raise AwsError(
                "InvalidChangeSetStatus",
                f"ChangeSet [{change_set.id}] cannot be executed in its current status of "
                f"[{change_set.status}], with the stack {stack.status}",
            )
        execution.begin(stack, change_set)
        stack.change_sets = {}  # all of them were made for the stack as it was
        self._store.save(stack)
        self._start(stack, lambda run: run.apply(change_set))
        return {}

    # -- stacks

    def _describe_stacks(self, request: dict[str, Any]) -> Answer:
        name = request.get("StackName")
        if name:
            return {"Stacks": [views.stack(self._store.find(name))]}
        present = [s for s in self._store.stacks.values() if s.status != "DELETE_COMPLETE"]
        return {"Stacks": [views.stack(each) for each in present]}

    def _list_stacks(self, request: dict[str, Any]) -> Answer:
        wanted = request.get("StackStatusFilter")
        found = [s for s in self._store.stacks.values() if not wanted or s.status in wanted]
        return {"StackSummaries": [views.stack_summary(each) for each in found]}

    def _events(self, request: dict[str, Any]) -> Answer:
        return {"StackEvents": self._store.find(request["StackName"]).events[::-1]}

    def _resources(self, request: dict[str, Any]) -> Answer:
        if not request.get("StackName"):
            raise not_supported("cloudformation", "DescribeStackResources by PhysicalResourceId")
        stack, name = self._store.find(request["StackName"]), request.get("LogicalResourceId")
        among = list(stack.resources.values())
        shown = [views.resource(stack, each) for each in among if name in (None, each.logical)]
        return {"StackResources": shown}

    def _resource(self, request: dict[str, Any]) -> Answer:
        stack, name = self._store.find(request["StackName"]), request["LogicalResourceId"]
        if name not in stack.resources:
            raise invalid(f"Resource {name} does not exist for stack {stack.name}")
        return {"StackResourceDetail": views.resource(stack, stack.resources[name])}

    def _list_resources(self, request: dict[str, Any]) -> Answer:
        stack = self._store.find(request["StackName"])
        shown = [views.resource_summary(each) for each in list(stack.resources.values())]
        return {"StackResourceSummaries": shown}

    def _template(self, request: dict[str, Any]) -> Answer:
        if request.get("ChangeSetName"):
            return {"TemplateBody": self._find_change_set(request)[1].template}
        return {"TemplateBody": self._store.find(request["StackName"]).template}

    def _validate(self, request: dict[str, Any]) -> Answer:
        found = self._given(request, None)
        proposal.types(found)
        return views.validated(found)

    def _delete(self, request: dict[str, Any]) -> Answer:
        for name in sorted(request.keys() - {"StackName", "RetainResources", "ClientRequestToken"}):
            raise not_supported("cloudformation", f"DeleteStack with {name}")
        stack = self._store.get(request["StackName"])
        if stack is None:
            return {}  # as AWS
        if stack.busy:
            raise invalid(f"Stack [{stack.name}] is {stack.status} and cannot be deleted now.")
        if not stack.template:
            self._store.forget(stack)
            return {}
        retained = request.get("RetainResources") or []
        if retained and stack.status != "DELETE_FAILED":
            raise invalid(
                f"Invalid operation on stack [{stack.id}]. RetainResources is only for stacks in "
                "the DELETE_FAILED state"
            )
        stack.tell("DELETE_IN_PROGRESS", "User Initiated")
        self._store.save(stack)
        self._start(stack, lambda run: run.delete(retained))
        return {}

    # -- in the background

    def _resume(self, stack: Stack) -> None:
        if stack.status == "DELETE_IN_PROGRESS":
            self._start(stack, lambda run: run.delete())
        elif stack.status == "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS":
            self._start(stack, lambda run: run.clean_up())
        else:
            self._start(stack, lambda run: run.roll_back(STOPPED))

    def _start(self, stack: Stack, what: Callable[[Execution], None]) -> None:
        def run() -> None:
            try:
                what(Execution(self._context, self._store, stack, self._closed))
            except Closing:
                log.info("stack %s is left at %s", stack.name, stack.status)
            except Exception as error:
                log.exception("stack %s", stack.name)
                stack.tell("UPDATE_ROLLBACK_FAILED", f"InternalFailure: {error}")
                self._store.save(stack)

        threading.Thread(target=run, name=f"stack {stack.name}", daemon=True).start()

    def _arn(self, resource: str) -> str:
        context = self._context
        return (
            f"arn:aws:cloudformation:{context.region}:{context.account}:{resource}/{uuid.uuid4()}"
        )
