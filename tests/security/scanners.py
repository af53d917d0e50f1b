"""Scanners, in environments of their own: what they need clashes with our pins.

``scanners.txt`` pins them by hash; ``.tools/lock/bin/uv pip compile --generate-hashes`` makes it
from ``scanners.in`` with the options that the Makefile's ``lock`` has. detect-secrets has another
one, ``secrets.txt``: checkov brings a fork of it that is installed into the same folder, and
whichever comes last would scan.
"""

from __future__ import annotations

import fnmatch
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from workbench.export.template import TEMPLATE
from workbench.home import REPOSITORY
from workbench.prerequisites import TOOLS

HERE = Path(__file__).parent
SECRETS = "detect-secrets"
EXCEPTIONS = HERE / "exceptions.toml"
FOLDER = TOOLS / "security"
UV = "uv==0.13.9"  # installs in 5 s what pip takes 50 s for
CODE = ("etl_lib", "workbench", "stepfunctions/jobs")
# Hashes of packages, pictures, and figures of a benchmark.
NO_TEXT = ("requirements.lock", "tests/security/*.txt", "*.png", "*package-lock.json")


@dataclass(frozen=True)
class Finding:
    """``where``: a file, or a resource of the template."""

    scanner: str
    rule: str
    where: str
    text: str

    def __str__(self) -> str:
        return f"{self.scanner} {self.rule} {self.where}: {self.text}"


@dataclass(frozen=True)
class Excepted:
    scanner: str
    rule: str
    where: str  # one pattern
    reason: str

    def matches(self, finding: Finding) -> bool:
        same = (self.scanner, self.rule) == (finding.scanner, finding.rule)
        return same and fnmatch.fnmatch(finding.where, self.where)


def installed() -> None:
    """Install what is not there; skips the test, by name, where it cannot be had."""
    for name in ("scanners", "secrets"):
        folder, pins = FOLDER / name, (HERE / f"{name}.txt").read_text()
        kept = folder / "pins.txt"  # written last
        if not kept.exists() or kept.read_text() != pins:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                _install(folder, HERE / f"{name}.txt")
            except RuntimeError as error:
                pytest.skip(f"{name}: they cannot be installed here: {error}")
            kept.write_text(pins)


def _install(folder: Path, pins: Path) -> None:
    python = str(folder / "bin/python")
    _run([sys.executable, "-m", "venv", str(folder)])
    pip = [python, "-m", "pip", "--disable-pip-version-check"]
    _run([*pip, "install", "--quiet", "--no-compile", UV])
    uv = [str(folder / "bin/uv"), "pip", "install", "--quiet", "--python", python]
    _run([*uv, "--require-hashes", "-r", str(pins)])


def _run(command: Sequence[str]) -> None:
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        raise RuntimeError(f"{command[0]}: {ran.stderr[-500:]}")


def scan() -> dict[str, Any]:
    """Scanner -> what it says, side by side."""
    tracked = _tracked()
    commands: dict[str, list[str]] = {
        "checkov": [
            *("-f", str(TEMPLATE), "--framework", "cloudformation", "-o", "json"),
            *("--compact", "--quiet", "--skip-download"),
        ],
        SECRETS: ["scan", "--no-verify", "--all-files", *tracked],
        "bandit": ["-q", "-f", "json", "-r", *CODE],
        "cfn-lint": ["-f", "json", str(TEMPLATE)],
        "pip-audit": [
            *("-r", "requirements.lock", "--no-deps", "--disable-pip", "--require-hashes"),
            *("-f", "json", "--progress-spinner", "off", "--timeout", "5"),
        ],
    }
    with ThreadPoolExecutor(3) as pool:
        found = {name: pool.submit(_output, name, given) for name, given in commands.items()}
        return {name: each.result() for name, each in found.items()}


def _output(name: str, arguments: Sequence[str]) -> Any:
    folder = FOLDER / ("secrets" if name == SECRETS else "scanners")
    command = [str(folder / "bin" / name), *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY)
    try:
        return json.loads(ran.stdout)
    except ValueError:
        return {"failed": ran.stderr[-1000:]}


def _tracked() -> list[str]:
    """The files of the repository; without git, those of its folders."""
    git = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    ran = subprocess.run(git, cwd=REPOSITORY, capture_output=True, text=True)
    names = ran.stdout.splitlines()
    assert len(names) > 100, ran.stderr
    return [
        name
        for name in names
        if not any(fnmatch.fnmatch(name, pattern) for pattern in NO_TEXT)
        and (REPOSITORY / name).is_file()
    ]


def checkov(said: Any) -> Iterator[Finding]:
    assert said["summary"]["parsing_errors"] == 0 and said["summary"]["passed"] > 100, said
    for each in said["results"]["failed_checks"]:
        where = each["resource"].rpartition(".")[2]
        yield Finding("checkov", each["check_id"], where, each["check_name"])


def detect_secrets(said: Any) -> Iterator[Finding]:
    assert len(said["plugins_used"]) > 20
    for name, found in said["results"].items():
        for each in found:
            yield Finding("detect-secrets", each["type"], name, f"line {each['line_number']}")


def bandit(said: Any) -> Iterator[Finding]:
    assert said["errors"] == [] and said["metrics"]["_totals"]["loc"] > 10_000
    for each in said["results"]:
        text = f"line {each['line_number']}: {each['issue_text']}"
        yield Finding("bandit", each["test_id"], each["filename"], text)


def cfn_lint(said: Any) -> Iterator[Finding]:
    assert isinstance(said, list), said
    for each in said:
        path = [str(part) for part in each["Location"]["Path"] or ()]
        yield Finding("cfn-lint", each["Rule"]["Id"], "/".join(path[:2]), each["Message"])


READERS: dict[str, Callable[[Any], Iterable[Finding]]] = {
    "checkov": checkov,
    "detect-secrets": detect_secrets,
    "bandit": bandit,
    "cfn-lint": cfn_lint,
}


def findings(said: Mapping[str, Any]) -> list[Finding]:
    return [finding for name, read in READERS.items() for finding in read(said[name])]


def exceptions() -> list[Excepted]:
    return [
        Excepted(each["scanner"], each["rule"], where, each["reason"])
        for each in tomllib.loads(EXCEPTIONS.read_text())["exception"]
        for where in each["where"]
    ]
