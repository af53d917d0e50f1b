"""The unmodified Glue kernel: where Jupyter finds it, and the environment it starts in."""

from __future__ import annotations

import json
import shutil
import sys
from importlib.resources import as_file, files
from pathlib import Path

from workbench.aws.glue import interrupts
from workbench.clients import Aws

NAME = "glue_pyspark"
PACKAGE = "aws_glue_interactive_sessions_kernel"


def install(jupyter: Path) -> Path:
    """Put the kernelspec of aws-glue-sessions below ``jupyter``; returns its folder.

    The kernel itself stays as it is. Only its first word changes, this Python instead of whichever
    is first on PATH; it says who it is, so that an interrupted cell ends (aws/glue/interrupts); and
    IPython completes the session's names, too (completion.py).
    """
    target = jupyter / "kernels" / NAME
    with as_file(files(PACKAGE) / NAME) as source:
        spec = json.loads((source / "kernel.json").read_text())
        spec["argv"] = [sys.executable, *spec["argv"][1:], "--ext=workbench.completion"]
        spec["env"] = {"AWS_SDK_UA_APP_ID": interrupts.KERNEL}
        target.mkdir(parents=True, exist_ok=True)
        for logo in source.glob("logo-*.png"):
            shutil.copy(logo, target)
    (target / "kernel.json").write_text(json.dumps(spec, indent=1) + "\n")
    return target


def environment(endpoint: Aws, jupyter: Path) -> dict[str, str]:
    """Variables for a Jupyter server or papermill that shall run notebooks against ``endpoint``."""
    return {**endpoint.environment(), "JUPYTER_PATH": str(jupyter)}


def models() -> Path:
    """The folder with the kernel's own model of the Glue API, which knows more of a statement's
    output than the public one."""
    with as_file(files(PACKAGE) / NAME) as folder:
        return folder
