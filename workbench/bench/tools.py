"""The peers' programs: each in a virtual environment of its own, at pinned versions."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

from etl_lib.errors import EtlError
from workbench import debian
from workbench.prerequisites import TOOLS

FOLDER = TOOLS / "bench"
PINS = Path(__file__).parent / "pins"
ADBC = "2.0.0"
DRIVER = "libmariadb-java"
LIBRARIES = ("/usr/lib/x86_64-linux-gnu", "/usr/lib64", "/usr/lib")
JAR = "usr/share/java/mariadb-java-client.jar"


class NotInstalled(EtlError):
    """A peer that cannot be had here; the message says why."""


def environment(name: str) -> Path:
    """The folder of the environment with what ``pins/<name>.txt`` lists; made if it is missing.

    Raises NotInstalled.
    """
    pins, folder = PINS / f"{name}.txt", FOLDER / name
    kept = folder / "pins.txt"  # written last: an interrupted installation is begun again
    if kept.exists() and kept.read_text() == pins.read_text():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _run([sys.executable, "-m", "venv", str(folder)])
        pip = [str(folder / "bin/python"), "-m", "pip", "--disable-pip-version-check", "--no-input"]
        _run([*pip, "install", "--quiet", "--no-deps", "-r", str(pins)])
        compiled(folder / "lib")
    except OSError as error:
        raise NotInstalled(str(error)) from None
    kept.write_text(pins.read_text())
    return folder


def pinned(name: str) -> dict[str, str]:
    """The versions that ``pins/<name>.txt`` lists, by package."""
    lines = (PINS / f"{name}.txt").read_text().split()
    return {package: version for package, _, version in (line.partition("==") for line in lines)}


def adbc(environment: Path) -> Path:
    """A folder where ADBC finds the DuckDB of ``environment``, and need not download one."""
    library = next(environment.glob("lib/python*/site-packages/_duckdb*.so"))
    folder = environment / "adbc"
    folder.mkdir(exist_ok=True)
    (folder / "duckdb.toml").write_text(
        f"manifest_version = 1\nname = 'DuckDB'\nversion = '{ADBC}'\n[ADBC]\nversion = 'v1.1.0'\n"
        f"[Driver]\nentrypoint = 'duckdb_adbc_init'\n[Driver.shared]\nlinux_amd64 = '{library}'\n"
    )
    return folder


def python_library() -> Path:
    """The shared library of this Python. Raises NotInstalled if it was built without one."""
    name = str(sysconfig.get_config_var("INSTSONAME"))
    folders = [sysconfig.get_config_var("LIBDIR"), *LIBRARIES]
    for path in (Path(str(folder)) / name for folder in folders):
        if ".so" in name and path.exists():
            return path
    raise NotInstalled("this Python has no shared library, which DuckDB's ADBC driver needs")


def offer_extensions(packages: Path, home: Path) -> None:
    """Put DuckDB's extensions of a wheel where a DuckDB with this home looks for them."""
    for file in packages.glob("duckdb_extension_*/extensions/v*/*.duckdb_extension"):
        folder = home / ".duckdb/extensions" / file.parent.name / "linux_amd64"
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, folder / file.name)


def mariadb_driver() -> Path:
    """The JDBC driver of Debian's, unpacked without root. Raises NotInstalled."""
    for root in (Path("/"), FOLDER / "jdbc"):
        if (root / JAR).exists():
            return root / JAR
    if not debian.available():
        raise NotInstalled(f"no apt here for {DRIVER}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    try:
        debian.unpack([DRIVER], FOLDER / "jdbc")
    except (debian.PackageError, OSError) as error:
        raise NotInstalled(f"{DRIVER}: {error}") from None
    return FOLDER / "jdbc" / JAR


def compiled(*folders: Path) -> None:
    """Compile what Python is in there, so that no first run pays for it. Needs no time if it is."""
    python = [sys.executable, "-m", "compileall", "-q", "-j0", *map(str, folders)]
    subprocess.run(python, capture_output=True)  # a file that is no Python of ours: not our care


def _run(command: list[str]) -> None:
    ran = subprocess.run(command, capture_output=True, text=True)
    if ran.returncode:
        said = [line for line in ran.stderr.splitlines() if line.startswith("ERROR")]
        raise NotInstalled(" ".join(said) or f"{command[0]} ended with {ran.returncode}")
