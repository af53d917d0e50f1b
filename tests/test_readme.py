"""What the README says is so: its commands, its paths, its queries, its numbers of things."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise

import pytest
from typer.main import get_command

from etl_lib import contract
from workbench import pipeline
from workbench.cli import app
from workbench.home import REPOSITORY
from workbench.preparation import STAGES

README = (REPOSITORY / "README.md").read_text()
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


def fenced(word: str) -> list[str]:
    """Lines of code blocks that begin with ``word``."""
    blocks = re.findall(r"```\w*\n(.*?)```", README, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith(word)]


def inline(word: str) -> list[str]:
    return re.findall(rf"`({word} [^`]+)`", README)


@pytest.mark.parametrize("line", [*fenced("workbook "), *inline("workbook")])
def test_every_command_and_option_exists(line: str) -> None:
    words = shlex.split(line.partition("  #")[0])[1:]
    command = COMMANDS[words[0]]
    command = getattr(command, "commands", {}).get(words[1], command) if words[1:] else command
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known
    for option, value in pairwise(words):
        assert not (option == "--via" and value not in ("notebooks", "states"))


def test_every_command_is_told_of() -> None:
    told = {line.split()[1] for line in [*fenced("workbook "), *inline("workbook")]}
    lists = re.findall(r"^\| (`workbook .*?) \|", README, re.MULTILINE)
    for row in lists:
        told |= {word.removeprefix("workbook ").split()[0] for word in re.findall("`(.*?)`", row)}
    assert set(COMMANDS) <= told


@pytest.mark.parametrize("line", fenced("make "))
def test_every_make_target_exists(line: str) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("path", re.findall(r"^([a-z_]+/[a-z_/]*) ", README, re.MULTILINE))
def test_every_path_of_the_map_exists(path: str) -> None:
    assert (REPOSITORY / path).is_dir()


@pytest.mark.parametrize("target", re.findall(r"\]\(([^)#:]+)\)", README))
def test_every_link_leads_somewhere(target: str) -> None:
    assert (REPOSITORY / target).exists()


@pytest.mark.parametrize("name", re.findall(r"presentation\.(\w+)", README))
def test_every_indicator_it_names_is_in_the_contract(name: str) -> None:
    parsed = contract.parse(pipeline.CONTRACT.read_text(), str(pipeline.CONTRACT))
    assert name in [indicator.name for indicator in parsed.indicators]


def test_its_counts_are_right() -> None:
    parsed = contract.parse(pipeline.CONTRACT.read_text(), str(pipeline.CONTRACT))
    assert len(STAGES) == 6 and "Six Jupyter notebooks" in README
    assert len(parsed.indicators) == 7 and "seven indicators" in README
    for stage in STAGES:
        assert stage in README
