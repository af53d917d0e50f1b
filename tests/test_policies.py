"""Each role may do what its stage does, and nothing else: proven with a real evaluator of policies.

What a stage does is captured from runs of the state machine on the local AWS; what AWS itself does
in the role's name is taken from its pages (tests/security/derived.py).
"""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from etl_lib.errors import StatementFailed
from etl_lib.warehouse import Warehouse
from workbench.drill.lane import Lane
from workbench.export.template import TEMPLATE
from workbench.home import Home
from workbench.mysql.server import Server

from .emptied import emptied
from .security import attacks, calls, derived, evaluator, grants
from .security.cloudformation import ACCOUNT, OTHER, REGION, Stack
from .security.evaluator import Call

NETWORK = {
    "SourceSubnetId": "subnet-0a1b2c3d",
    "SourceSecurityGroupId": "sg-0a1b2c3d",
    "SourceAvailabilityZone": f"{REGION}a",
}
EXISTING = {
    "SourceSecretArn": f"arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:aurora-AbCdEf",
    "SourceSecretKeyArn": f"arn:aws:kms:{REGION}:{ACCOUNT}:key/auroras",
    "WorkgroupName": "shared",
    "WorkgroupArn": f"arn:aws:redshift-serverless:{REGION}:{ACCOUNT}:workgroup/shared-id",
}
PROD, DEV = {"Stage": "prod"}, {"Stage": "dev"}
STACKS = {
    "dev": DEV,
    "dev in a VPC": DEV | NETWORK,
    "prod": PROD,
    "prod with what exists": PROD | EXISTING | NETWORK,
}
READING = (
    "s3:GetObject",
    "dynamodb:GetItem",
    "redshift-data:ExecuteStatement",
    "logs:PutLogEvents",  # its own
)
Policies = Mapping[str, Sequence[Mapping[str, Any]]]


@pytest.fixture(scope="module")
def requests(
    lanes: Home, mysql_server: Server, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[list[dict[str, Any]]]:
    evaluator.installed()
    contract = calls.contract(tmp_path_factory.mktemp("policies") / "contract")
    lane = Lane(lanes, mysql_server, "policies", contract)
    emptied(lane.stack)
    lane.source.create()
    lane.begin()
    yield calls.captured(lane)
    lane.leave()


@functools.cache
def stack(name: str) -> Stack:
    return Stack({"Pipeline": calls.PIPELINE, **STACKS[name]})


def made(requests: Sequence[dict[str, Any]], name: str) -> list[Call]:
    """All calls of all roles in that stack."""
    found = calls.calls(list(requests), stack(name)) + derived.derived(requests, stack(name))
    return found + derived.analysts(found, stack(name))


def decided(
    name: str, asked: Sequence[Call], roles: Policies | None = None, until: str = ""
) -> list[str]:
    here = stack(name)
    return evaluator.evaluate(
        roles or {role: here.policies(role) for role in here.roles},
        asked,
        {role: here.arn(role) for role in here.roles},
        resource_policies(here),
        until=until,
    ).decisions


def resource_policies(here: Stack) -> dict[str, Any]:
    found = {}
    for name, field in (
        ("BucketPolicy", "PolicyDocument"),
        ("LogBucketPolicy", "PolicyDocument"),
        ("MissedStartsPolicy", "PolicyDocument"),
        ("TopicPolicy", "PolicyDocument"),
    ):
        found[here.arn(name.removesuffix("Policy"))] = here.resources[name]["Properties"][field]
    key = here.resources["Key"]["Properties"]["KeyPolicy"]
    # Other keys let IAM decide, too, as AWS makes them: what keeps us away must be our policies.
    delegating = {"Version": "2012-10-17", "Statement": key["Statement"][:1]}
    others = (EXISTING["SourceSecretKeyArn"], attacks.STRANGE_KEY)
    return found | {here.arn("Key"): key, **dict.fromkeys(others, delegating)}


def test_there_is_a_role_for_each_stage_and_four_more() -> None:
    assert set(stack("dev").roles) == {
        *calls.JOBS.values(),
        "CopyRole",
        "MachineRole",
        "ScheduleRole",
        "AnalystRole",
    }


@pytest.mark.parametrize("name", STACKS)
def test_every_call_that_a_stage_makes_is_allowed(
    requests: list[dict[str, Any]], name: str
) -> None:
    asked = made(requests, name)
    refused = [
        f"{decision}: {call}"
        for call, decision in zip(asked, decided(name, asked), strict=True)
        if decision != "Allowed"
    ]
    assert refused == []
    assert {call.role for call in asked} == set(stack(name).roles)
    assert len(asked) > 250


@pytest.mark.parametrize("name", ["dev in a VPC", "prod with what exists"])
def test_no_role_may_do_anything_else(name: str) -> None:
    """A matrix of attacks by roles. Those who may are part of it."""
    here = stack(name)
    cells = [(attack, role) for attack in attacks.attacks(here) for role in here.roles]
    asked = [Call(role, attack.action, attack.resource, attack.context) for attack, role in cells]
    wrong = [
        f"{decision}: {role} {attack}"
        for (attack, role), decision in zip(cells, decided(name, asked), strict=True)
        if (decision == "Allowed") != may(attack, role, here) or decision.startswith("error")
    ]
    assert wrong == []
    assert len(cells) > 2_500


def may(attack: attacks.Attack, role: str, here: Stack) -> bool:
    """An analyst of prod may only read, and not the source."""
    if role == "AnalystRole" and here.values["Stage"] == "prod":
        return role in attack.may and attack.action in READING
    return role in attack.may


@pytest.mark.parametrize(
    "name",
    # Of prod, test_every_call_that_a_stage_makes_is_allowed and test_no_role_may_do_anything_else.
    ["dev in a VPC", pytest.param("prod", marks=pytest.mark.drill)],
)
def test_nothing_of_a_policy_is_superfluous(requests: list[dict[str, Any]], name: str) -> None:
    """Without any action, resource or statement of it a call is refused."""
    asked = made(requests, name)
    roles: dict[str, Sequence[Mapping[str, Any]]] = {}
    cells: list[Call] = []
    for role in stack(name).roles:
        for label, policies, actions in narrower(stack(name).policies(role)):
            roles[f"{role}#{label}"] = policies
            mine = {
                (each.action, each.resource, str(each.context)): each
                for each in asked
                if each.role == role and each.action in actions
            }
            cells += [
                Call(f"{role}#{label}", each.action, each.resource, each.context)
                for each in mine.values()
            ]
    broken = {
        cell.role
        for cell, decision in zip(cells, decided(name, cells, roles, "!Allowed"), strict=True)
        if decision not in ("Allowed", "skipped")
    }
    assert "\n".join(sorted(set(roles) - broken)) == ""
    assert len(roles) > 100


def narrower(policies: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any, list[str]]]:
    """(what is left out, the policies without it, the actions that are concerned)."""
    for p, policy in enumerate(policies):
        for s, statement in enumerate(policy["Statement"]):
            actions = listed(statement["Action"])
            for field in ("Action", "Resource"):
                values = listed(statement[field])
                for value in values:
                    changed = copy.deepcopy(list(policies))
                    label = f"{statement['Sid']} {field} {value}"
                    if len(values) == 1:
                        del changed[p]["Statement"][s]
                        changed[p]["Statement"] or changed.pop(p)
                    else:
                        changed[p]["Statement"][s][field] = [v for v in values if v != value]
                    concerned = [value] if field == "Action" else actions
                    yield label, changed, concerned


def test_nothing_of_a_policy_can_be_wider_unseen() -> None:
    """Without any condition, with any resource or action for all, an attack succeeds."""
    name = "dev in a VPC"
    here = stack(name)
    every = attacks.attacks(here)
    roles: dict[str, Sequence[Mapping[str, Any]]] = {}
    cells: list[Call] = []
    for role in here.roles:
        for label, policies, service in wider(here.policies(role)):
            roles[f"{role}#{label}"] = policies
            cells += [
                Call(f"{role}#{label}", each.action, each.resource, each.context)
                for each in every
                if role not in each.may and each.action.startswith(f"{service}:")
            ]
    open_ = {
        cell.role
        for cell, decision in zip(cells, decided(name, cells, roles, "Allowed"), strict=True)
        if decision == "Allowed"
    }
    assert "\n".join(sorted(set(roles) - open_)) == ""
    assert len(roles) > 100


def wider(policies: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, Any, str]]:
    for p, policy in enumerate(policies):
        for s, statement in enumerate(policy["Statement"]):
            services = {action.partition(":")[0] for action in listed(statement["Action"])}
            changes: list[tuple[str, str, Any]] = [
                (f"all of {service}", "Action", f"{service}:*") for service in services
            ]
            if statement["Resource"] != "*":
                changes.append(("all resources", "Resource", "*"))
            for operator in statement.get("Condition", {}):
                kept = {k: v for k, v in statement["Condition"].items() if k != operator}
                changes.append((f"without {operator}", "Condition", kept))
            for label, field, value in changes:
                changed = copy.deepcopy(list(policies))
                changed[p]["Statement"][s][field] = value
                for service in services if field != "Action" else [value[:-2]]:
                    yield f"{statement['Sid']} {label} ({service})", changed, service


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def test_a_star_stands_only_where_aws_knows_no_resource() -> None:
    """By AWS's own list of actions; and beside it the template says why, and the page."""
    here = stack("dev in a VPC")
    stars = {
        action: role
        for role in here.roles
        for policy in here.policies(role)
        for statement in policy["Statement"]
        if "*" in listed(statement["Resource"])
        for action in listed(statement["Action"])
    }
    kinds = evaluator.evaluate({}, [], {}, {}, actions=list(stars)).actions
    assert {name: kind for name, kind in kinds.items() if kind} == {}
    assert len(stars) > 15
    lines = TEMPLATE.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.strip() in ('Resource: "*"', "Resource: '*'"):
            start = max(n for n in range(number) if lines[n].strip().startswith("- Sid:"))
            comment = []
            while lines[start - 1].strip().startswith("#"):
                start -= 1
                comment.append(lines[start])
            assert any('"*"' in each for each in comment), (number + 1, line)
            assert any("https://docs.aws.amazon.com/" in each for each in comment), number + 1
    assert not any('Action: "*"' in line for line in lines)


@pytest.mark.parametrize(
    ("role", "service", "context", "allowed"),
    [
        ("ExtractRole", "glue.amazonaws.com", {}, True),
        ("ExtractRole", "lambda.amazonaws.com", {}, False),
        ("ExtractRole", "glue.amazonaws.com", {"aws:SourceAccount": OTHER}, False),
        ("MachineRole", "states.amazonaws.com", {}, True),
        ("MachineRole", "states.amazonaws.com", {"aws:SourceAccount": OTHER}, False),
        ("MachineRole", "glue.amazonaws.com", {}, False),
        ("ScheduleRole", "scheduler.amazonaws.com", {}, True),
        ("ScheduleRole", "scheduler.amazonaws.com", {"aws:SourceAccount": OTHER}, False),
    ],
)
def test_only_its_service_of_this_account_assumes_a_role(
    role: str, service: str, context: dict[str, str], allowed: bool
) -> None:
    here = stack("dev")
    sources = {
        "ExtractRole": f"arn:aws:glue:{REGION}:{ACCOUNT}:job/x",
        "MachineRole": here.outputs["StateMachineArn"],
        "ScheduleRole": f"arn:aws:scheduler:{REGION}:{ACCOUNT}:schedule-group/default",
    }
    given = {"aws:SourceAccount": ACCOUNT, "aws:SourceArn": sources[role], **context}
    assert assumed(here, role, service, given) == allowed


@pytest.mark.parametrize(
    ("user", "allowed"),
    [
        (f"arn:aws:redshift:{REGION}:{ACCOUNT}:dbuser:rental-apartments-dev/IAMR:x", True),
        (f"arn:aws:redshift:{REGION}:{ACCOUNT}:dbuser:other/IAMR:x", False),
        (f"arn:aws:redshift:{REGION}:{OTHER}:dbuser:rental-apartments-dev/IAMR:x", False),
        (None, False),
    ],
)
def test_only_our_workgroup_assumes_the_role_of_copy(user: str | None, allowed: bool) -> None:
    given = {"sts:ExternalId": user} if user else {}
    assert assumed(stack("dev"), "CopyRole", "redshift.amazonaws.com", given) == allowed


def assumed(here: Stack, role: str, service: str, context: Mapping[str, str]) -> bool:
    trust = here.resources[role]["Properties"]["AssumeRolePolicyDocument"]
    arn = here.arn(role)
    answer = evaluator.evaluate(
        {role: []}, [Call(role, "sts:AssumeRole", arn, context)], {role: service}, {arn: trust}
    )
    assert not answer.decisions[0].startswith("error"), answer
    return answer.decisions == ["Allowed"]


def test_every_statement_that_a_stage_runs_is_granted_and_no_more(
    requests: list[dict[str, Any]],
) -> None:
    """By warehouse.sql: beside reading, which all may, and what a stage owns because it made it."""
    given, needs = grants.granted(), grants.needed(requests)
    assert set(given) == {*grants.USERS.values(), "analyst"}
    refused = [
        f"{user} lacks {privilege}: {text[:200]}"
        for user, wanted in needs.items()
        for privilege, text in wanted.items()
        if privilege not in given[user]
    ]
    assert refused == []
    superfluous = [
        f"{user} has {privilege}"
        for user, privileges in given.items()
        for privilege in privileges - set(needs.get(user, {}))
        if privilege[0] not in ("SELECT", "USAGE")
    ]
    assert superfluous == []
    assert {what for what, _ in given["analyst"]} == {"SELECT", "USAGE"}
    assert given["transform"] == given["bookmark"] == given["analyst"]


# Users and roles are not enforced by the local Redshift; these it refuses by name.
REFUSED = (
    r"CREATE (USER|ROLE) ",
    r"GRANT ROLE ",
    r"GRANT [A-Z, ]+ FOR TABLES IN SCHEMA ",
    r"(GRANT|REVOKE) ASSUMEROLE ",
)


def test_the_grants_run_on_the_local_redshift_as_far_as_it_has_them(
    requests: list[dict[str, Any]],  # with it this process uses that local AWS
) -> None:
    warehouse = Warehouse("rental-apartments", "dev", "")
    names = {"Database": "dev", "RolePrefix": "x-dev-", "CopyRoleArn": "arn:aws:iam::1:role/copy"}
    ran, said = [], []
    for statement in grants.script(names):
        try:
            warehouse.rows(statement)
            ran.append(statement)
        except StatementFailed as error:
            assert "is not supported by the local Redshift" in str(error), error
            said.append(statement)
    assert all(any(re.match(each, text) for each in REFUSED) for text in said), said
    assert not any(re.match(each, text) for each in REFUSED for text in ran)
    assert len(ran) >= 15
