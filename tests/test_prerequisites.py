"""Java 17 and MariaDB are found where they are, and a missing one is told in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from workbench import debian, prerequisites
from workbench.home import REPOSITORY


def program(path: Path, says: str = "") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def java(home: Path, version: str) -> Path:
    program(home / "bin/java")
    (home / "release").write_text(f'JAVA_VERSION="{version}"\n')
    return home


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine on which nothing is installed."""
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setattr(prerequisites, "TOOLS", tmp_path / ".tools")
    monkeypatch.setattr(prerequisites, "_SYSTEM", ())
    monkeypatch.setattr(prerequisites, "_JVM", tmp_path / "jvm")
    return tmp_path


def test_the_java_found_is_17() -> None:
    said = subprocess.run(
        [prerequisites.java_home() / "bin/java", "-version"], capture_output=True, text=True
    )
    assert 'version "17.' in said.stderr


def test_the_mariadb_found_runs() -> None:
    found = prerequisites.mariadb()
    for name in (found.server, found.client):
        said = subprocess.run(
            [name, "--version"], capture_output=True, text=True, env=found.environment()
        )
        assert "MariaDB" in said.stdout


def test_another_java_in_java_home_does_not_hide_17(
    bare: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("JAVA_HOME", str(java(bare / "other", "11.0.2")))
    wanted = java(bare / "jvm/java-17", "17.0.9")
    assert prerequisites.java_home() == wanted


def test_java_on_path_may_be_a_link(bare: Path) -> None:
    home = java(bare / "opt/java", "17.0.9")
    (bare / "bin").mkdir()
    (bare / "bin/java").symlink_to(home / "bin/java")
    assert prerequisites.java_home() == home


def test_an_unpacked_mariadb_is_told_where_its_files_are(bare: Path) -> None:
    root = bare / ".tools/mariadb/usr"
    for name in ("sbin/mariadbd", "bin/mariadb-install-db", "bin/mariadb"):
        program(root / name)
    (root / "lib/x86_64-linux-gnu").mkdir(parents=True)
    (root / "share/mysql/english").mkdir(parents=True)
    (root / "share/mysql/english/errmsg.sys").touch()
    found = prerequisites.mariadb()
    assert f"--lc-messages-dir={root}/share/mysql" in found.options()
    libraries = found.environment()["LD_LIBRARY_PATH"].split(":")
    assert libraries[0] == f"{root}/lib/x86_64-linux-gnu"


@pytest.mark.parametrize(
    ("name", "title"), [("java", "no Java 17"), ("mariadb", "no MariaDB server")]
)
def test_what_cannot_be_had_is_told_in_one_line(
    bare: Path,
    name: str,
    title: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def refuse(*ignored: object) -> None:
        raise debian.PackageError("no network")

    monkeypatch.setattr(debian, "install", refuse)
    monkeypatch.setattr(debian, "unpack", refuse)
    monkeypatch.setattr(prerequisites, "unpack_java", lambda folder: refuse())
    assert prerequisites.main([name]) == 2
    errors = capsys.readouterr().err
    assert errors.startswith(f"error: {title}: install it (Debian, Ubuntu: apt install")
    assert errors.count("\n") == 1


def test_without_chromium_setup_goes_on(bare: Path, capsys: pytest.CaptureFixture[str]) -> None:
    prerequisites.PREREQUISITES["chromium"].find()
    assert prerequisites.chromium() is None


def test_links_of_an_unpacked_package_stay_inside(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/jvm.cfg").write_text("-server")
    (tmp_path / "usr").mkdir()
    (tmp_path / "usr/jvm.cfg").symlink_to("/etc/jvm.cfg")
    (tmp_path / "usr/null").symlink_to("/dev/null")
    debian._relink(tmp_path)
    assert os.readlink(tmp_path / "usr/jvm.cfg") == "../etc/jvm.cfg"
    assert os.readlink(tmp_path / "usr/null") == "/dev/null"


def test_set_up_needs_only_the_standard_library() -> None:
    code = "import sys; sys.argv = ['-']; import workbench.prerequisites, workbench.packages"
    subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, '.'); {code}"],
        cwd=REPOSITORY,
        check=True,
    )
