"""One set of pins: pyproject.toml, requirements.lock, environment.yml and this very Python."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from importlib.metadata import entry_points, version
from pathlib import Path

import yaml

from workbench.home import REPOSITORY

PROJECT = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
DIRECT = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
LOCK = (REPOSITORY / "requirements.lock").read_text()


def normal(name: str) -> str:
    """Package names are equal whatever their case and dashes."""
    return re.sub(r"[-_.]+", "-", name.partition("[")[0]).lower()


def pins(lines: list[str]) -> dict[str, str]:
    found = [line.split()[0].split("==") for line in lines]
    return {normal(name): version_ for name, version_ in found}


LOCKED = pins([line for line in LOCK.splitlines() if re.match(r"[\w.\[\]-]+==", line)])


def test_every_direct_dependency_is_pinned_and_locked_to_that_version() -> None:
    assert pins(DIRECT).items() <= LOCKED.items()


def test_the_lock_has_a_hash_for_every_package_and_names_no_index() -> None:
    blocks = re.split(r"\n(?=\S)", LOCK.strip())
    assert len(blocks) == len(LOCKED)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in LOCK


def test_this_environment_is_the_locked_one() -> None:
    assert {name: version(name) for name in LOCKED} == LOCKED


def test_environment_yml_is_the_same_python_java_and_lock() -> None:
    environment = yaml.safe_load((REPOSITORY / "environment.yml").read_text())
    wanted = PROJECT["requires-python"].removeprefix("==").removesuffix(".*")
    assert environment["name"] == PROJECT["name"]
    assert environment["dependencies"] == [
        f"python={wanted}",
        "openjdk=17",
        "pip",
        {"pip": ["-r requirements.lock"]},
    ]
    assert (REPOSITORY / ".python-version").read_text().strip() == wanted


def test_the_commands_and_the_papermill_engine_are_there() -> None:
    (engine,) = entry_points(group="papermill.engine", name="glue")
    (script,) = entry_points(group="console_scripts", name="workbook")
    assert (engine.value, script.value) == ("workbench.engine:GlueEngine", "workbench.cli:main")


def test_ci_calls_make_test_and_nothing_cleverer() -> None:
    script = REPOSITORY / ".ci/run"
    assert os.access(script, os.X_OK)
    assert script.read_text() == "#!/bin/sh\nexec make test\n"


def test_make_without_python_3_11_says_so_in_one_line(tmp_path: Path) -> None:
    ran = subprocess.run(
        ["make", "--silent", "setup", f"VENV={tmp_path}/venv", "SHELL=/bin/sh"],
        cwd=REPOSITORY,
        env={"PATH": "/nowhere", "PYTHON": "/nowhere/python"},
        executable="/usr/bin/make",
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: no Python 3.11 here: install it")
