"""``workbook deploy`` and ``workbook destroy``."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from etl_lib.errors import BadInput, RunFailed
from workbench import pipeline, source_option
from workbench.aws.cloudformation.kinds import declared
from workbench.clients import Aws
from workbench.deploy import after, cost, preview, removal, screen, values
from workbench.deploy.artefacts import BUCKET_TEMPLATE, Artefact, artefacts, upload
from workbench.deploy.formation import Formation
from workbench.home import Home
from workbench.messages import say
from workbench.options import ContractOption, SourceOption
from workbench.source_commands import seed_if_empty
from workbench.stack import DATABASE, Stack
from workbench.target import Target
from workbench.where import NAME, ProfileOption, RegionOption, Stage, Where, deployed

ARTIFACTS = f"{NAME}-artifacts"  # the stack with the bucket of artefacts
WAREHOUSE_STAYS = "the local warehouse stays, with its tables: one serves all of a local AWS"

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


class Destination(StrEnum):
    """Where else than in an account."""

    local = "local"


TargetOption = Annotated[
    Destination | None, typer.Option(help="local: rehearse it on the local AWS.")
]
StageOption = Annotated[Stage, typer.Option(help="Which deployment of the account.")]
YesOption = Annotated[bool, typer.Option("--yes", help="Do not ask.")]


@dataclass(frozen=True)
class Place:
    """The AWS that is deployed to, and the names there. ``local`` is the laptop's stack."""

    aws: Aws
    home: Home
    stage: str
    local: Stack | None

    @property
    def stack(self) -> Formation:
        return Formation(self.aws, f"{NAME}-{self.stage}")

    @property
    def account(self) -> str:
        return str(self.aws.client("sts").get_caller_identity()["Account"])

    @property
    def artifacts(self) -> str:
        return f"{ARTIFACTS}-{self.account}-{self.aws.region}"

    def made(self, target: Target) -> Stack:
        """What was deployed, for all that follows."""
        if self.local:
            return replace(self.local, target=target)
        return Stack(self.home.create(), self.aws, None, target)


def deploy(
    profile: ProfileOption = "",
    region: RegionOption = "",
    stage: StageOption = Stage.dev,
    target: TargetOption = None,
    contract: ContractOption = pipeline.CONTRACT,
    source: SourceOption = "",
    settings: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A parameter of template.yaml; it stays until reset."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what it would do; change nothing.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Put the pipeline into an AWS account, or bring it up to date: one CloudFormation stack.

    It shows what would change and what it costs, asks, and follows it to the end. What fails is
    taken back.
    """
    from workbench.deploy import checks  # CloudFormation, and YAML: other commands start without

    _one_place(profile, target)
    _answerable("It asks before it changes the stack.", yes or dry_run)
    name = checks.repository(contract)
    given = values.settings(settings or ())
    secret = checks.source(source_option.parse(source)) if source else None
    place = _place(profile, region, stage, target, running=dry_run)
    wanted = artefacts()
    found = values.known(stage, name, place.artifacts, wanted, given)
    kept = place.stack.parameters() if place.stack.usable() else {}
    checks.resources(found, kept, place.stack.name, place.account, place.aws.region)
    checks.states(place.aws)
    out.print(f"account {place.account}, {place.aws.region}, stack {place.stack.name}")
    if dry_run:
        _preview(place, found)
        cost.show(contract, place.home.runs, {**kept, **found}, out)
        out.print("nothing was changed")
        return
    for formation in (Formation(place.aws, ARTIFACTS), place.stack):
        _confirm_beginning(formation, yes)
    _upload(place, wanted)
    changed = _change(place, wanted, found, kept, contract, yes)
    _finish(place, contract, secret, changed)


def destroy(
    profile: ProfileOption = "",
    region: RegionOption = "",
    stage: StageOption = Stage.dev,
    target: TargetOption = None,
    data: Annotated[
        bool, typer.Option("--data", help="And bucket, bookmarks, warehouse and key: all data.")
    ] = False,
    yes: YesOption = False,
) -> None:
    """Take the pipeline out of an account. Data stay, unless --data is given, too."""
    place = _place(profile, region, stage, target, running=True)
    if place.stack.described() is None:
        raise BadInput(f"there is no stack {place.stack.name} in {place.account}")
    kept = removal.kept(place.stack)
    if place.local:  # what was only declared is not there
        kept = [each for each in kept if each["ResourceType"] not in declared.KINDS]
    for each in kept:
        how = removal.how(each["ResourceType"])
        verb = f"[red]will be deleted{how}[/]" if data else "stays"
        kind = each["ResourceType"].removeprefix("AWS::")
        out.print(f"{kind:<28} {each.get('PhysicalResourceId', '')} {verb}", soft_wrap=True)
    if place.local and data:
        out.print(WAREHOUSE_STAYS, soft_wrap=True)
    if data:
        removal.protected(place.aws, kept)
    _ask(f"Destroy stack {place.stack.name} of {place.account}?", yes)
    place.stack.delete(lambda event: screen.event(event, err))
    failed = removal.remove(place.aws, kept, say) if data else []
    if failed:
        told = "\n".join(f"  {line}" for line in failed)
        raise RunFailed(f"the stack is gone, but not all data:\n{told}\nDelete that by hand")
    left = "" if data else "; its data stay, and the next deploy takes them up again"
    out.print(f"stack {place.stack.name} is gone{left}")


def _place(
    profile: str, region: str, stage: str, target: Destination | None, running: bool
) -> Place:
    """Raises BadInput unless it is clear where to."""
    _one_place(profile, target)
    if target and region:
        raise BadInput("--region is for --profile: the local AWS has one")
    if target:
        made = Where().stack(say, running)
        return Place(made.endpoint, made.home, str(stage), made)
    where = Where(profile, region, stage)
    return Place(where.account, where.home(), str(stage), None)


def _one_place(profile: str, target: Destination | None) -> None:
    if bool(profile) == bool(target):
        raise BadInput("give one of: --profile NAME, --target local")


def _preview(place: Place, found: Mapping[str, str]) -> None:
    if not Formation(place.aws, ARTIFACTS).usable():
        out.print(f"would make the stack {ARTIFACTS}: the bucket {place.artifacts}")
    changes = preview.changes(place.stack, found)
    if changes:
        title = "What differs from what is deployed"
        screen.changes(changes, out, title if place.stack.usable() else "What would be made")
    else:
        out.print("nothing differs from what is deployed")


def _confirm_beginning(formation: Formation, yes: bool) -> None:
    """What an earlier, failed beginning has left is in the way."""
    found = formation.described()
    if found and found["StackStatus"] in ("ROLLBACK_COMPLETE", "DELETE_FAILED"):
        _ask(f"Stack {formation.name} is {found['StackStatus']}: remove its remains?", yes)
        formation.delete(lambda event: screen.event(event, err))


def _upload(place: Place, wanted: list[Artefact]) -> None:
    """The bucket, if there is none yet, and what it lacks: content by its hash, so no deployed
    thing changes by it."""
    bucket = Formation(place.aws, ARTIFACTS)
    body = {"TemplateBody": BUCKET_TEMPLATE.read_text(encoding="utf-8")}
    change = bucket.propose(body, [])
    if change is not None:
        say(f"bucket {place.artifacts}")
        bucket.carry_out(change, lambda event: None)
    for key in upload(place.aws.client("s3"), place.artifacts, wanted):
        say(f"uploaded {key}")


def _change(
    place: Place,
    wanted: list[Artefact],
    found: Mapping[str, str],
    kept: Mapping[str, str],
    contract: Path,
    yes: bool,
) -> bool:
    """Propose, show, ask, carry out; False if there was nothing to change."""
    template = next(each.key for each in wanted if not each.parameter)
    host = f"{place.artifacts}.s3.{place.aws.region}.amazonaws.com"
    url = {"TemplateURL": f"https://{host}/{template}"}
    place.aws.client("cloudformation").validate_template(**url)
    change = place.stack.propose(url, values.given(found, kept))
    if change is None:
        out.print(f"stack {place.stack.name} is up to date")
        return False
    screen.changes(change["Changes"], out, "What would change")
    cost.show(contract, place.home.runs, {**kept, **found}, out)
    try:
        _ask("Carry it out?", yes)
    except BaseException:
        place.stack.withdraw(change)
        raise
    place.stack.carry_out(change, lambda event: screen.event(event, err))
    out.print(f"stack {place.stack.name} stands")
    return True


def _finish(place: Place, contract: Path, secret: dict[str, Any] | None, changed: bool) -> None:
    found = deployed(place.aws, place.stack.name)
    assert found is not None, "a stack that stands has outputs"
    made = place.made(found)
    if secret is None and place.local:
        seed_if_empty(place.local.server)
        secret = place.local.server.secret(DATABASE)
    after.publish(made, contract, secret, say)
    if changed:
        after.rights(made, place.stack.outputs(), say)
    after.bookmarks(made, contract, say)
    if not after.smoke(made, contract, secret, out):
        raise RunFailed(
            "it is deployed, but its first run would stop, as the plan says. Mend that, and look "
            "again with: workbook plan --profile …"
        )


def _ask(question: str, yes: bool) -> None:
    _answerable(question, yes)
    if not (yes or typer.confirm(question)):
        raise BadInput("the answer was no: the stack was not changed")


def _answerable(question: str, yes: bool) -> None:
    """Raises BadInput if nobody can say yes."""
    if not (yes or sys.stdin.isatty()):
        raise BadInput(f"{question} Nobody is there to answer. Nothing was changed: give --yes")
