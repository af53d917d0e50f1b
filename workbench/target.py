"""What a pipeline's things are called: on the local AWS, or as a deployed stack says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from etl_lib.warehouse import Warehouse


@dataclass(frozen=True)
class Target:
    """The names of one pipeline's things."""

    bucket: str
    bookmarks: str  # DynamoDB table
    prefix: str  # of the jobs' names
    machine: str  # ARN
    workgroup: str
    database: str
    secret: str  # of the source
    schedule: str
    session_role: str = ""  # of a stack's interactive sessions
    stack: str = ""  # CloudFormation's, if one made them
    options: str = ""  # what a command is given to work with it

    @classmethod
    def deployed(cls, stack: str, outputs: Mapping[str, str]) -> Target:
        """As a stack of stepfunctions/template.yaml tells them."""
        return cls(
            bucket=outputs["Bucket"],
            bookmarks=outputs["BookmarkTable"],
            prefix=outputs["JobPrefix"],
            machine=outputs["StateMachineArn"],
            workgroup=outputs["WorkgroupName"],
            database=outputs["Database"],
            secret=outputs["SourceSecretArn"],
            schedule=outputs["ScheduleName"],
            session_role=outputs.get("SessionRoleArn", ""),
            stack=stack,
        )

    def execution(self, run_id: str) -> str:
        """The ARN of the execution that is a run."""
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{run_id}"

    def warehouse(self) -> Warehouse:
        """For statements; COPY's role is the jobs' business."""
        return Warehouse(self.workgroup, self.database, "")


OF_STACK = ("--profile", "--stage")  # how ``options`` begin
SOURCE = "rental-apartments/source"
LOCAL = Target(
    bucket="rental-apartments-etl",
    bookmarks="rental-apartments-bookmarks",
    prefix="rental-apartments-",
    machine="arn:aws:states:us-east-1:123456789012:stateMachine:rental-apartments-etl",
    workgroup="rental-apartments",
    database="dev",
    secret=SOURCE,
    schedule="rental-apartments-etl",
)
