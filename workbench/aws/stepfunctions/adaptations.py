"""Everything that is changed in the library; each module tells why."""

from __future__ import annotations

import functools

from workbench.aws.stepfunctions import (
    errors,
    expressions,
    maps,
    parsing,
    results,
    sync,
    tasks,
    waits,
)

MODULES = (parsing, errors, expressions, results, waits, tasks, sync, maps)


@functools.cache
def apply() -> None:
    """Change the library, once in a process."""
    for module in MODULES:
        module.adapt()
