"""Makes localstack-core importable as a plain library. Import this before anything of it.

localstack-core is the core of a server of its own. What of it is not wanted here is replaced
before it is imported: the bridge to Java's JSONata and the installer of its libraries (jsonata.py
evaluates expressions), and the clients of that server (clients.py reaches ours).
"""

from __future__ import annotations

import logging
import os
import sys
from types import ModuleType
from typing import Any
from unittest.mock import patch

from workbench.aws.stepfunctions.clients import Clients

ASL = "localstack.services.stepfunctions.asl"
TASKS = f"{ASL}.component.state.state_execution.state_task.service"

# It reads settings from the home directory and would report usage over the network.
SETTINGS = {"CONFIG_DIR": os.devnull, "DISABLE_EVENTS": "1"}

# Every failed state is an error in its log. Here the execution's history tells them.
logging.getLogger("localstack").setLevel(logging.CRITICAL)

_clients: Clients | None = None


def use(clients: Clients) -> None:
    """All state machines of this process talk through ``clients``."""
    global _clients
    _clients = clients


def client(service: str, **ignored: Any) -> Any:
    """One of ``use``'s clients; there is one region, and no role is assumed."""
    assert _clients is not None, "use() comes first"
    return _clients.get(service)


def replace(owner: Any, name: str, new: Any) -> None:
    """Put ``new`` in the place of a thing of the library, which must be there."""
    if not hasattr(owner, name):
        raise AttributeError(f"localstack-core has changed: no {name} in {owner}")
    setattr(owner, name, new)


class _Connect:
    """What the library calls for a client of one service: ``connect_to(...).logs``."""

    def __call__(self, **ignored: Any) -> _Connect:
        return self

    def __getattr__(self, service: str) -> Any:
        return client(service)


class _Forgetful(list[Any]):
    """The library keeps each thread that it starts for its own shutdown: for ever."""

    def append(self, item: object) -> None:
        pass


def _stub(name: str, **attributes: object) -> None:
    module = ModuleType(name)
    module.__dict__.update(attributes)
    sys.modules[name] = module


_stub("jpype")
_stub("jpype.imports")
_stub("localstack.services.stepfunctions.packages", jpype_jsonata_package=None)
_stub(f"{ASL}.utils.boto_client", boto_client_for=client)
# Imports a second's worth of moto for one constant; AWS Batch is not here.
_stub(f"{TASKS}.state_task_service_batch", StateTaskServiceBatch=None)

with patch.dict(os.environ, SETTINGS):  # not for the processes that this one starts
    import localstack.aws.connect
    import localstack.utils.threads

replace(localstack.aws.connect, "connect_to", _Connect())
replace(localstack.utils.threads, "TMP_THREADS", _Forgetful())
