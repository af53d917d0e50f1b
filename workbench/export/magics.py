"""Session magics: what each says about a job, and which say nothing that a job could use.

The names are those of the kernel, aws-glue-sessions 1.0.9.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from workbench.export.notebook import Cell, Notebook

GLUE_VERSION = "5.1"
WORKER_TYPES = "G.1X G.2X G.4X G.8X G.12X G.16X R.1X R.2X R.4X R.8X".split()

# Magics that are arguments of a job, and those that are its fields.
ARGUMENTS = {
    "additional_python_modules": "--additional-python-modules",
    "extra_py_files": "--extra-py-files",
    "extra_jars": "--extra-jars",
    "spark_conf": "--conf",
}
FIELDS = ("glue_version", "worker_type", "number_of_workers", "connections", "security_config")
# Right in a session, and nothing to a job: it ends with its script, its Timeout is in the metadata,
# and that it is ETL is what its type says.
SESSION_ONLY = ("idle_timeout", "timeout", "etl")
KNOWN = (*ARGUMENTS, *FIELDS, *SESSION_ONLY)

PLACE = ("profile", "region", "endpoint", "iam_role", "session_id_prefix")
TALK = ("status", "list_sessions", "stop_session", "session_id", "reconnect", "help")
CLIENT = "cd env load ls matplotlib pip pwd run time timeit who whos".split()
RESERVED = ("--JOB_NAME", "--debug", "--mode")  # Glue's own, never to be set
MATPLOT = "matplot"
PINNED = re.compile(r"^[A-Za-z0-9._-]+(\[[a-z,]+\])?==[0-9][^,]*$|^s3://.+\.whl$")


def settings(notebook: Notebook) -> dict[str, str]:
    """Magic, or ``--argument`` of a ``%%configure``, -> its value. The last one wins."""
    found: dict[str, str] = {}
    for cell in notebook.tagged("session"):
        if cell.cell_magic:
            found |= {name: str(value) for name, value in configured(cell).items()}
        else:
            found |= {name: _value(name, rest) for _, name, rest in cell.magics}
    return found


def configured(cell: Cell) -> dict[str, object]:
    """What a ``%%configure`` cell holds, read as the kernel reads it. Raises ValueError."""
    _, text = cell.cell_magic or ("", "")
    try:
        found = ast.literal_eval(text.strip())
    except (ValueError, SyntaxError):
        raise ValueError('expected {"name": value, …}, with text or numbers as values') from None
    if not isinstance(found, dict):
        raise ValueError('expected {"name": value, …}')
    return {str(name): value for name, value in found.items()}


def problems(cell: Cell, elsewhere: bool = True) -> Iterator[str]:
    """What is wrong with the magics of a cell; ``elsewhere``: there is a cell for the session's."""
    if cell.cell_magic:
        yield from _cell_magic(cell, cell.cell_magic[0])
        return
    for prefix, name, rest in cell.magics:
        if prefix == "!":
            yield f"{prefix}{name}: a shell command runs on the laptop, not in Glue: remove it"
        elif prefix == "%%":
            yield f"%%{name}: a cell magic must be the first line of its cell"
        elif name == MATPLOT:
            if "explore" not in cell.tags:
                yield f'%{name} {rest}: a plot is for readers: tag the cell "explore"'
        else:
            yield from _line_magic(cell, name, rest, elsewhere)


def _line_magic(cell: Cell, name: str, rest: str, elsewhere: bool) -> Iterator[str]:
    if name in CLIENT:
        yield f"%{name}: runs on the laptop, not in Glue: remove it"
    elif name in TALK:
        yield f"%{name}: talks to the session, and a job has none: remove it"
    elif name in PLACE:
        yield f"%{name}: where to run is set in the AWS configuration, not in a notebook: remove it"
    elif name not in KNOWN:
        yield f"%{name}: no session magic that a job has a setting for"
    elif "session" not in cell.tags and elsewhere:
        yield f'%{name}: belongs into the cell tagged "session"'
    else:
        yield from _setting(f"%{name}", name, _value(name, rest))


def _cell_magic(cell: Cell, name: str) -> Iterator[str]:
    if name == "tags":
        yield "%%tags: a job's tags are set where it is deployed: remove it"
        return
    if name != "configure":
        yield f"%%{name}: works in a session only: write it in Python"
        return
    if "session" not in cell.tags:
        yield '%%configure: tag its cell "session"'
    try:
        found = configured(cell)
    except ValueError as error:
        yield f"%%configure: {error}"
        return
    for each, value in found.items():
        if each in RESERVED:
            yield f"%%configure: {each} is reserved by Glue: remove it"
        elif each in KNOWN:
            yield from _setting(f"%%configure {each}", each, str(value))
        elif not each.startswith("--"):
            yield f"%%configure: {each!r} is nothing that a job has a setting for"


def _setting(shown: str, name: str, value: str) -> Iterator[str]:
    if name == "glue_version" and value != GLUE_VERSION:
        yield f"{shown} {value}: the project is pinned to {GLUE_VERSION}"
    if name == "number_of_workers" and not (value.isdigit() and int(value) >= 2):
        yield f"{shown} {value}: a Spark job has two or more"
    if name == "worker_type" and value not in WORKER_TYPES:
        yield f"{shown} {value}: use one of {', '.join(WORKER_TYPES)}"
    if name in ("additional_python_modules", "extra_py_files", "connections") and not value:
        yield f"{shown}: is empty: remove it"
    if name == "additional_python_modules":
        for each in value.split(","):
            if value and not PINNED.match(each):
                yield f"{shown} {each}: pin it: name==version"


def _value(name: str, rest: str) -> str:
    """As the kernel takes it: quotes may stand around it, blanks after the commas of a list."""
    value = rest.strip().strip("\"'")
    return value if name == "spark_conf" else ",".join(part.strip() for part in value.split(","))
