"""What README and docs/ say is so: commands, paths, links, queries, numbers of things."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise

import pytest
from typer.main import get_command

from etl_lib import contract
from workbench import pipeline, reference
from workbench.cli import app
from workbench.home import REPOSITORY
from workbench.preparation import STAGES

README = (REPOSITORY / "README.md").read_text()
PAGES = {
    path: path.read_text()
    for path in (REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").glob("*.md")))
}
TEXT = "\n".join(PAGES.values())
COMMANDS = get_command(app).commands  # type: ignore[attr-defined]


def fenced(word: str) -> list[str]:
    """Lines of code blocks that begin with ``word``."""
    blocks = re.findall(r"```\w*\n(.*?)```", TEXT, re.DOTALL)
    return [line for block in blocks for line in block.splitlines() if line.startswith(word)]


def inline(word: str) -> list[str]:
    return re.findall(rf"`({word} [^`]+)`", TEXT)


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


@pytest.mark.parametrize("line", sorted(set(fenced("make "))))
def test_every_make_target_exists(line: str) -> None:
    makefile = (REPOSITORY / "Makefile").read_text()
    assert re.search(rf"^{line.split()[1]}:", makefile, re.MULTILINE)


@pytest.mark.parametrize("path", re.findall(r"^([a-z_]+/[a-z_/]*) ", README, re.MULTILINE))
def test_every_path_of_the_map_exists(path: str) -> None:
    assert (REPOSITORY / path).is_dir()


def _links() -> list[tuple[str, str]]:
    pages = PAGES.items()
    return sorted(
        {
            (str(path.relative_to(REPOSITORY)), target)
            for path, text in pages
            for target in _of(text)
        }
    )


def _of(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s:]+)\)", re.sub(r"```.*?```|`[^`]*`", "", text, flags=re.DOTALL))


@pytest.mark.parametrize(("page", "link"), _links())
def test_every_link_leads_somewhere(page: str, link: str) -> None:
    target, _, anchor = link.partition("#")
    there = (REPOSITORY / page).parent / target
    assert there.exists()
    headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE) if anchor else [""]
    assert anchor in [
        re.sub(r"[^a-z0-9 -]", "", each.lower()).replace(" ", "-") for each in headings
    ]


def test_the_readme_is_short_and_nothing_of_docs_is_hidden_from_it() -> None:
    assert README.count("\n") < 150
    reachable, waiting = set(), [REPOSITORY / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in reachable and page.suffix == ".md":
            reachable.add(page)
            waiting += [
                (page.parent / link.partition("#")[0]).resolve() for link in _of(page.read_text())
            ]
    assert set((REPOSITORY / "docs").rglob("*.md")) <= reachable


def test_the_reference_is_what_the_code_says() -> None:
    assert reference.stale() == []


@pytest.mark.parametrize("name", sorted(set(re.findall(r"presentation\.(\w+)", README))))
def test_every_indicator_it_names_is_in_the_contract(name: str) -> None:
    parsed = contract.parse(pipeline.CONTRACT.read_text(), str(pipeline.CONTRACT))
    assert name in [indicator.name for indicator in parsed.indicators]


def test_its_counts_are_right() -> None:
    parsed = contract.parse(pipeline.CONTRACT.read_text(), str(pipeline.CONTRACT))
    assert len(STAGES) == 6 and "Six Jupyter notebooks" in README
    assert len(parsed.indicators) == 7 and "seven indicators" in README
    for stage in STAGES:
        assert stage in README
