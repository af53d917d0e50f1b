"""What AWS runs on a schedule: scripts and jobs, state machine and topic, put on one endpoint."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from string import Template
from typing import Any

from botocore.exceptions import ClientError

from workbench import uploads
from workbench.clients import Aws
from workbench.endpoint import ROLE
from workbench.export.wheel import build
from workbench.home import REPOSITORY
from workbench.pipeline import BOOKMARKS, BUCKET
from workbench.target import LOCAL

FOLDER = REPOSITORY / "stepfunctions"
MACHINE = LOCAL.machine.rpartition(":")[2]
PREFIX = LOCAL.prefix
TOPIC = "rental-apartments-failures"
STATES_ROLE = "arn:aws:iam::123456789012:role/StatesLocal"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Deployment:
    """The pipeline's jobs and state machine on one endpoint. Every method may be repeated."""

    endpoint: Aws

    def apply(self, say: Say) -> str:
        """Make what is missing, update what changed; returns the state machine's ARN."""
        name, body = build()
        jobs, s3 = definitions(), self.endpoint.client("s3")
        uploads.put(s3, BUCKET, {f"artifacts/{name}": body})
        uploads.put(
            s3,
            BUCKET,
            {f"jobs/{stem}.py": (FOLDER / "jobs" / f"{stem}.py").read_bytes() for stem in jobs},
        )
        for stem, job in jobs.items():
            if self._put_job(stem, job, f"s3://{BUCKET}/artifacts/{name}"):
                say(f"deployed Glue job {PREFIX}{stem}")
        topic = self.endpoint.client("sns").create_topic(Name=TOPIC)["TopicArn"]
        return self._put_machine(definition(topic), say)

    def _put_job(self, stem: str, job: Mapping[str, Any], library: str) -> bool:
        """Create or update one job; False if it was the same already."""
        glue, name = self.endpoint.client("glue"), PREFIX + stem
        wanted = {
            **job,
            "Role": ROLE,
            "Command": {**job["Command"], "ScriptLocation": f"s3://{BUCKET}/jobs/{stem}.py"},
            "DefaultArguments": {**job["DefaultArguments"], "--extra-py-files": library},
        }
        try:
            found = glue.get_job(JobName=name)["Job"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "EntityNotFoundException":
                raise
            glue.create_job(Name=name, **wanted)
            return True
        if {key: found.get(key) for key in wanted} == wanted:
            return False
        glue.update_job(JobName=name, JobUpdate=wanted)
        return True

    def _put_machine(self, text: str, say: Say) -> str:
        client = self.endpoint.client("stepfunctions")
        arn = LOCAL.machine
        try:
            found = client.describe_state_machine(stateMachineArn=arn)
        except ClientError as error:
            if error.response["Error"]["Code"] != "StateMachineDoesNotExist":
                raise
            made = client.create_state_machine(name=MACHINE, definition=text, roleArn=STATES_ROLE)
            say(f"deployed state machine {MACHINE}")
            return str(made["stateMachineArn"])
        if json.loads(found["definition"]) != json.loads(text):
            client.update_state_machine(stateMachineArn=arn, definition=text)
            say(f"updated state machine {MACHINE}")
        return arn


def definitions() -> dict[str, dict[str, Any]]:
    """Notebook stem -> its job's settings, as the exporter wrote them."""
    found: dict[str, Any] = json.loads((FOLDER / "jobs" / "jobs.json").read_text())
    return {stem: job for stem, job in found.items() if not stem.startswith("_")}


def definition(topic: str) -> str:
    """The state machine's definition, its ``${Names}`` filled in."""
    names = {
        "Bucket": BUCKET,
        "BookmarkTable": BOOKMARKS,
        "JobPrefix": PREFIX,
        "TopicArn": topic,
    }
    return _Names((FOLDER / "pipeline.asl.json").read_text(encoding="utf-8")).substitute(names)


class _Names(Template):
    """``${Name}`` only, as CloudFormation's DefinitionSubstitutions: JSONata is full of dollars."""

    pattern = r"""
        \$(?:
            (?P<escaped>(?!)) |
            (?P<named>(?!)) |
            \{(?P<braced>[A-Za-z]+)\} |
            (?P<invalid>(?!))
        )"""  # type: ignore[assignment]
