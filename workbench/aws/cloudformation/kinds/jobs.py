"""Glue jobs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from workbench.aws.cloudformation.kinds.kind import Clients, Given, Kind, Made, fitted
from workbench.aws.glue import definitions

# Kept with the job; what else it may have, the local Glue would refuse.
EMULATED = definitions.FIELDS - {"Tags", "ExecutionClass"} | {"Tags"}


def _job(clients: Clients, given: Given) -> Made:
    kept = {key: value for key, value in given.properties.items() if key in EMULATED - {"Tags"}}
    if given.physical:
        wanted = fitted("glue", "UpdateJob", {"JobUpdate": kept})
        clients["glue"].update_job(JobName=given.physical, **wanted)
    else:
        clients["glue"].create_job(**fitted("glue", "CreateJob", {**kept, "Name": given.name}))
    return Made(given.physical or given.name)


def _delete_job(clients: Clients, name: str, _: Mapping[str, Any]) -> None:
    clients["glue"].delete_job(JobName=name)


KINDS = {"AWS::Glue::Job": Kind(_job, _job, _delete_job, EMULATED, "Name", 255)}
