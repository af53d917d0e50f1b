"""What a session's or a job run's process is given: libraries, files from S3, an environment."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import stat
import sys
import zipfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from packaging.requirements import InvalidRequirement, Requirement

from workbench.aws.glue import classes
from workbench.aws.protocol import Context

# An editable install puts the repository on every process's path; a session, as on Glue, has
# only what --extra-py-files brings. Spark's Python workers read this file, too.
SITE = """\
import os, sys
package = os.path.join("workbench", "__init__.py")
sys.path[:] = [path for path in sys.path if not os.path.exists(os.path.join(path, package))]
"""


MOST_UNZIPPED = 1024**3  # bytes: what unzips to more is no library


class ProcessFailed(Exception):
    """The process cannot start; the message becomes its session's or run's ErrorMessage."""


def environment(context: Context, path: list[str], scratch: Path, conf: Path) -> dict[str, str]:
    """Ours without any AWS, Python or Spark setting, pointed at this local AWS."""
    dropped = re.compile(r"AWS_|PYTHON|SPARK_|PYSPARK_|HADOOP_")
    kept = {name: value for name, value in os.environ.items() if not dropped.match(name)}
    bypass = [kept.get("NO_PROXY") or kept.get("no_proxy") or "", "127.0.0.1", "localhost"]
    return {
        **kept,
        **classes.environment(conf),
        "NO_PROXY": ",".join(filter(None, bypass)),
        "AWS_ENDPOINT_URL": context.url,
        "AWS_ACCESS_KEY_ID": context.access_key,
        "AWS_SECRET_ACCESS_KEY": context.secret_key,
        "AWS_REGION": context.region,
        "AWS_DEFAULT_REGION": context.region,
        "PYTHONPATH": os.pathsep.join(path),
        "PYTHONUNBUFFERED": "1",
        "PYSPARK_PYTHON": sys.executable,
        "PYSPARK_DRIVER_PYTHON": sys.executable,
        "SPARK_LOCAL_DIRS": str(scratch),
        "SPARK_LOCAL_IP": "127.0.0.1",
        "MPLBACKEND": "Agg",
        "TMPDIR": str(scratch),
        "TZ": "UTC",
    }


def python_path(context: Context, arguments: Mapping[str, str], libraries: Path) -> list[str]:
    """Fetch ``--extra-py-files`` into ``libraries``; what to put on PYTHONPATH.

    Raises ProcessFailed.
    """
    libraries.mkdir(exist_ok=True)
    (libraries / "sitecustomize.py").write_text(SITE)
    path = [str(libraries)]
    for uri in split(arguments.get("--extra-py-files", "")):
        path += _python_file(context, uri, libraries)
    return path


def copy(context: Context, uri: str, folder: Path, argument: str) -> Path:
    """Copy an object into ``folder``. Raises ProcessFailed."""
    match = re.fullmatch(r"s3[an]?://([a-z0-9.\-]+)/(.+)", uri)
    if match is None or {"", ".", ".."} & set(uri.split("://")[1].split("/")):
        raise ProcessFailed(f"{argument}: {uri} is not s3://bucket/key")
    source = context.state.resolve() / "s3" / match[1] / match[2]
    if not source.is_file():
        raise ProcessFailed(f"{argument}: {uri} does not exist")
    target = folder / source.name
    if target.exists():
        raise ProcessFailed(f"{argument}: {source.name} is named twice")
    shutil.copyfile(source, target)
    return target


def split(argument: str) -> list[str]:
    return [part.strip() for part in argument.split(",") if part.strip()]


def check_modules(argument: str) -> None:
    """Each of ``--additional-python-modules`` must be installed here already. Raises
    ProcessFailed."""
    for wanted in split(argument):
        try:
            requirement = Requirement(wanted)
            version = importlib.metadata.version(requirement.name)
        except InvalidRequirement:
            raise ProcessFailed(
                f"--additional-python-modules: {wanted} is not a name with a version"
            ) from None
        except importlib.metadata.PackageNotFoundError:
            raise ProcessFailed(
                f"--additional-python-modules: {wanted} is not installed here; install it into "
                "the environment of the local AWS"
            ) from None
        if not requirement.specifier.contains(version, prereleases=True):
            raise ProcessFailed(
                f"--additional-python-modules: {wanted} is asked for, {version} is installed"
            )


def _python_file(context: Context, uri: str, libraries: Path) -> list[str]:
    """What ``uri`` adds to sys.path. Raises ProcessFailed."""
    file = copy(context, uri, libraries, "--extra-py-files")
    if file.suffix == ".py":
        return []  # its folder is on the path already
    if file.suffix not in (".zip", ".whl", ".egg"):
        raise ProcessFailed(f"--extra-py-files: {uri} is no .py, .zip, .whl or .egg file")
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError):
        raise ProcessFailed(f"--extra-py-files: {uri} is not a zip file") from None
    for member in members:
        _check_member(uri, member)
    if sum(member.file_size for member in members) > MOST_UNZIPPED:
        raise ProcessFailed(f"--extra-py-files: {uri} has more than {MOST_UNZIPPED} bytes unzipped")
    return [str(file)]


def _check_member(uri: str, member: zipfile.ZipInfo) -> None:
    """A member whose name or kind would lead out of the zip. Raises ProcessFailed."""
    path = PurePosixPath(member.filename.replace("\\", "/"))
    drive = re.match(r"[A-Za-z]:", member.filename)
    link = stat.S_ISLNK(member.external_attr >> 16)
    if path.is_absolute() or ".." in path.parts or drive or link:
        raise ProcessFailed(f"--extra-py-files: {uri} has the unsafe member {member.filename!r}")
