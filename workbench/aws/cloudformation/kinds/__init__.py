"""The resource types of the local AWS: each made, changed and deleted by its service's own API."""

from __future__ import annotations

from collections.abc import Mapping

from workbench.aws.cloudformation.kinds import access, declared, jobs, messages, states, storage
from workbench.aws.cloudformation.kinds.kind import Kind

KINDS: Mapping[str, Kind] = {
    **storage.KINDS,
    **jobs.KINDS,
    **states.KINDS,
    **access.KINDS,
    **messages.KINDS,
    **declared.KINDS,
}
