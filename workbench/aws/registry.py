"""The services of this process that are our own, by name, once they have started."""

from __future__ import annotations

from workbench.aws.protocol import Service

services: dict[str, Service] = {}
