"""Which AWS a command works with: the local one, or with ``--profile`` that of an account; and what
there: what a command has put in place, or with ``--stage`` what ``workbook deploy`` has."""

from __future__ import annotations

import functools
import inspect
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated, Any, TypeVar

import typer
from botocore.exceptions import BotoCoreError, ClientError

from etl_lib.errors import BadInput, EtlError
from workbench import stack as stacks
from workbench.account import Account
from workbench.clients import Aws
from workbench.home import Home
from workbench.stack import Stack
from workbench.target import Target

NAME = "rental-apartments"  # first part of a stack's name
ProfileOption = Annotated[
    str, typer.Option(help="Work with the AWS account of this profile, instead of the local AWS.")
]
RegionOption = Annotated[
    str, typer.Option(help="Region of that account; else AWS_REGION's or the profile's.")
]


class Stage(StrEnum):
    """Those that stepfunctions/template.yaml knows."""

    dev = "dev"
    prod = "prod"


StageOption = Annotated[
    Stage | None,
    typer.Option(
        help="Which deployment; with --profile, dev if not given. Without --profile: that on the "
        "local AWS."
    ),
]
OPTIONS = {
    "profile": (ProfileOption, ""),
    "region": (RegionOption, ""),
    "stage": (StageOption, None),
}

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Where:
    """What ``--profile``, ``--region`` and ``--stage`` say."""

    profile: str = ""
    region: str = ""
    stage: str = ""

    @property
    def of_stack(self) -> bool:
        """Whether it is what `workbook deploy` has made, be it on the local AWS."""
        return bool(self.profile or self.stage)

    @property
    def account(self) -> Account:
        return Account(self.profile, self.region)

    @property
    def stack_name(self) -> str:
        return f"{NAME}-{self.deployment}"

    @property
    def deployment(self) -> str:
        return self.stage or "dev"

    def stack(self, say: Callable[[str], None], running: bool = False) -> Stack:
        """The local AWS, started; or the account's stack. With ``running``, the local AWS is taken
        as it runs, touched by nothing."""
        if self.profile:
            return self._deployed(self.account, "Make it with: workbook deploy")
        home = Home.find()
        made = (stacks.running(home) if running else None) or stacks.up(home, say)
        if not self.stage:
            return made
        return self._deployed(made.endpoint, "Make it with: workbook deploy --target local")

    def _deployed(self, aws: Aws, make: str) -> Stack:
        """What `workbook deploy` has made there. Raises BadInput if it has not."""
        target = deployed(aws, self.stack_name)
        if target is None:
            place = f"account {self.account.number}" if self.profile else "the local AWS"
            raise BadInput(
                f"{place}, {aws.region}: there is no stack {self.stack_name}. {make}{self.options}"
            )
        return Stack(self.home().create(), aws, None, replace(target, options=self.options[1:]))

    @property
    def options(self) -> str:
        """Each with a blank before it, as a command is given them."""
        named = {"profile": self.profile, "stage": self.deployment, "region": self.region}
        return "".join(f" --{name} {shlex.quote(value)}" for name, value in named.items() if value)

    def home(self) -> Home:
        """Where runs leave their reports: those of each deployment apart."""
        home = Home.find()
        if self.profile:
            name = f"{self.account.number}-{self.account.region}-{self.deployment}"
            return Home(home.root / "accounts" / name)
        return Home(home.root / "stages" / self.stage) if self.stage else home

    def refuse(self, **options: str) -> None:
        """Raises BadInput for options that name something of the laptop's."""
        given = [name for name, value in options.items() if value]
        if self.of_stack and given:
            by = "--profile" if self.profile else "--stage"
            raise BadInput(
                f"--{given[0]} makes no sense with {by}: the source is what the stack's "
                "secret names. To change it: workbook deploy --source"
            )


HERE = Where()


def deployed(aws: Aws, stack_name: str) -> Target | None:
    """The names that a stack's outputs tell; None if there is no such stack."""
    try:
        found = aws.client("cloudformation").describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    except BotoCoreError as error:
        raise EtlError(f"{error}. Nothing was changed") from None
    outputs = {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", ())}
    if "Bucket" not in outputs:  # it was never made, or not to the end
        return None
    return Target.deployed(stack_name, outputs)


def somewhere(command: Command) -> Command:
    """Give a command that takes ``where`` the three options instead."""

    @functools.wraps(command)
    def asked(*args: Any, **given: Any) -> Any:
        where = Where(**{name: str(given.pop(name) or "") for name in OPTIONS})
        if where.region and not where.profile:
            raise BadInput("--region is for --profile: the local AWS has one")
        return command(*args, where=where, **given)

    signature = inspect.signature(command, eval_str=True)
    own = [each for each in signature.parameters.values() if each.name != "where"]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=kind)
        for name, (kind, default) in OPTIONS.items()
    ]
    asked.__signature__ = signature.replace(parameters=[*own, *more])  # type: ignore[attr-defined]
    asked.__annotations__ = {each.name: each.annotation for each in (*own, *more)}
    return asked  # type: ignore[return-value]
