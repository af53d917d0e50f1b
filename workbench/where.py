"""Which AWS a command works with: the local one, or with ``--profile`` that of an account."""

from __future__ import annotations

import functools
import inspect
import shlex
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Annotated, Any, TypeVar

import typer
from botocore.exceptions import BotoCoreError, ClientError

from etl_lib.errors import BadInput, EtlError
from workbench import stack as stacks
from workbench.account import Account
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
StageOption = Annotated[str, typer.Option(help="Which deployment: dev or prod.")]
OPTIONS = {
    "profile": (ProfileOption, ""),
    "region": (RegionOption, ""),
    "stage": (StageOption, "dev"),
}

Command = TypeVar("Command", bound=Callable[..., Any])


@dataclass(frozen=True)
class Where:
    """What ``--profile``, ``--region`` and ``--stage`` say."""

    profile: str = ""
    region: str = ""
    stage: str = "dev"

    @property
    def account(self) -> Account:
        return Account(self.profile, self.region)

    @property
    def stack_name(self) -> str:
        return f"{NAME}-{self.stage}"

    def stack(self, say: Callable[[str], None], running: bool = False) -> Stack:
        """The local AWS, started; or the account's stack. With ``running``, the local AWS is taken
        as it runs, touched by nothing."""
        if self.profile:
            return self.deployed()
        home = Home.find()
        return (stacks.running(home) if running else None) or stacks.up(home, say)

    def deployed(self) -> Stack:
        """What `workbook deploy` has made in the account. Raises BadInput if it has not."""
        account = self.account
        target = deployed(account, self.stack_name)
        if target is None:
            raise BadInput(
                f"account {account.number}, {account.region}: there is no stack {self.stack_name}. "
                f"Make it with: workbook deploy --profile {self.profile} --stage {self.stage}"
            )
        options = f"--profile {shlex.quote(self.profile)} --stage {self.stage}"
        if self.region:
            options += f" --region {self.region}"
        return Stack(self.home().create(), account, None, replace(target, options=options))

    def home(self) -> Home:
        """Where runs leave their reports: those of each deployment apart."""
        home = Home.find()
        if not self.profile:
            return home
        account = self.account
        return Home(home.root / "accounts" / f"{account.number}-{account.region}-{self.stage}")

    def refuse(self, **options: str) -> None:
        """Raises BadInput for options that name something of the laptop's."""
        given = [name for name, value in options.items() if value]
        if self.profile and given:
            raise BadInput(
                f"--{given[0]} makes no sense with --profile: the source is what the stack's "
                "secret names. To change it: workbook deploy --source"
            )


HERE = Where()


def deployed(aws: Any, stack_name: str) -> Target | None:
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
        where = Where(**{name: given.pop(name) for name in OPTIONS})
        if (where.region or where.stage != "dev") and not where.profile:
            raise BadInput("--region and --stage are for --profile: the local AWS has one of each")
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
