"""Debian and Ubuntu packages: installed as root, or unpacked into a folder without root.

Standard library only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

_STATUS = Path("/var/lib/dpkg/status")


class PackageError(Exception):
    """apt could not do it; the message is apt's own."""


def available() -> bool:
    """Whether this machine has apt."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


def install(patterns: Sequence[str]) -> None:
    """Install the packages that ``patterns`` match, as root. Removes and upgrades nothing."""
    _apt("update")
    options = ("--yes", "--no-install-recommends", "--no-remove", "--no-upgrade")
    _apt("install", *options, *(_newest(pattern) for pattern in patterns))


def unpack(patterns: Sequence[str], root: Path, status: Path = _STATUS) -> None:
    """Unpack packages, and what they need that is not installed, below ``root``. Needs no root.

    Nothing is configured and no script of a package runs. ``status`` is dpkg's list of what is
    installed. ``root`` appears only when all of it is there.
    """
    work = root.with_name(root.name + ".new")
    shutil.rmtree(work, ignore_errors=True)
    configuration = _private_apt(work / "apt", status)
    _apt("update", configuration=configuration)
    names = [_newest(pattern, configuration) for pattern in patterns]
    options = ("--yes", "--no-install-recommends", "--download-only")
    _apt("install", *options, *names, configuration=configuration)
    for package in sorted((work / "apt/cache/archives").glob("*.deb")):
        _run(["dpkg-deb", "--extract", str(package), str(work / "root")])
    _relink(work / "root")
    shutil.rmtree(root, ignore_errors=True)
    (work / "root").rename(root)
    shutil.rmtree(work)


def libraries(root: Path) -> tuple[Path, ...]:
    """The folders of shared libraries of what was unpacked into ``root``."""
    return tuple(sorted({*root.glob("usr/lib/*-linux-gnu*"), *root.glob("lib/*-linux-gnu*")}))


def _private_apt(folder: Path, status: Path) -> Path:
    """An apt configuration that keeps all its state in ``folder`` and locks nothing."""
    for part in ("state/lists/partial", "cache/archives/partial"):
        (folder / part).mkdir(parents=True)
    configuration = folder / "apt.conf"
    configuration.write_text(
        f'Dir::State "{folder}/state";\nDir::State::status "{status}";\n'
        f'Dir::Cache "{folder}/cache";\nDir::Log "{folder}";\n'
        'Debug::NoLocking "true";\nAPT::Sandbox::User "";\n'
        # What a container image does to the machine's own cache after each command.
        "#clear APT::Update::Post-Invoke;\n#clear APT::Update::Post-Invoke-Success;\n"
        "#clear DPkg::Post-Invoke;\n"
    )
    return configuration


def _newest(pattern: str, configuration: Path | None = None) -> str:
    """The package that ``pattern`` matches: some releases have the version in its name."""
    command = ["apt-cache", "search", "--names-only", f"^{pattern}$"]
    found = [line.split()[0] for line in _run(command, configuration).splitlines() if line]
    if not found:
        raise PackageError(f"this release has no package {pattern}")
    return max(found, key=lambda name: [int(part) for part in re.findall(r"\d+", name)])


def _apt(*arguments: str, configuration: Path | None = None) -> None:
    _run(["apt-get", "--quiet", "-o", "DPkg::Lock::Timeout=120", *arguments], configuration)


def _run(command: Sequence[str], configuration: Path | None = None) -> str:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}
    if configuration:
        environment["APT_CONFIG"] = str(configuration)
    ran = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.startswith(("E:", "dpkg"))]
        raise PackageError(" ".join(said) or f"{command[0]} ended with exit code {ran.returncode}")
    return ran.stdout


def _relink(root: Path) -> None:
    """Make links to /absolute/paths point below ``root``, where that path was unpacked too."""
    for link in root.rglob("*"):
        if link.is_symlink() and os.path.isabs(target := os.readlink(link)):
            moved = root / target.lstrip("/")
            if moved.exists():
                link.unlink()
                link.symlink_to(os.path.relpath(moved, link.parent))
