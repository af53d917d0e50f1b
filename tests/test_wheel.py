"""What ships to Glue is small, reproducible, and runs on what the jobs there have."""

from __future__ import annotations

import ast
import importlib.metadata as metadata
import io
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from workbench.export.exporter import JOBS
from workbench.export.wheel import build
from workbench.home import REPOSITORY

DEFINITIONS = json.loads((JOBS / "jobs.json").read_text())
SHELL = sorted(
    stem
    for stem, job in DEFINITIONS.items()
    if not stem.startswith("_") and job["Command"]["Name"] == "pythonshell"
)
LIBRARY = sorted((REPOSITORY / "etl_lib").glob("*.py"))

# https://docs.aws.amazon.com/glue/latest/dg/aws-glue-programming-python-libraries.html
GLUE = (
    "boto3 botocore s3transfer jmespath python-dateutil six urllib3 pyspark py4j numpy pyarrow "
    "AWSGlueDataplanePython"
).split()
PROGRAM = """
import importlib, pkgutil, sys
sys.path[:0] = sys.argv[1:]
import etl_lib
modules = [each.name for each in pkgutil.iter_modules(etl_lib.__path__)]
for name in modules:
    importlib.import_module(f"etl_lib.{name}")
print(len(modules))
"""
WORK = """
from pathlib import Path
import awsglue.utils, connectorx, pyspark.sql
from etl_lib import contract, types
text = Path(CONTRACT).read_text()
print(",".join(contract.parse(text, "c").tables), types.arrow_type("DECIMAL(18,4)"))
for name in ("pandas", "matplotlib", "moto", "workbench"):
    try:
        importlib.import_module(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} is here, and should not be")
"""


def test_the_library_is_small_and_the_same_bytes_for_the_same_sources() -> None:
    name, body = build()
    assert (
        build() == (name, body) and len(body) < 130_000
    )  # 55 modules; a tripwire for what does not belong there
    archive = zipfile.ZipFile(io.BytesIO(body))
    modules = {path.relative_to(REPOSITORY).as_posix() for path in LIBRARY}
    others = set(archive.namelist()) - modules
    assert modules <= set(archive.namelist())
    info = name.removesuffix("-py3-none-any.whl") + ".dist-info"
    assert {each.partition("/")[0] for each in others} == {info}
    assert {each.date_time for each in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_pip_installs_the_wheel(tmp_path: Path) -> None:
    name, body = build()
    (tmp_path / name).write_bytes(body)
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps"),
            *("--disable-pip-version-check", "--target", tmp_path / "site", tmp_path / name),
        ],
        check=True,
    )
    installed = {path.name: path.read_bytes() for path in (tmp_path / "site/etl_lib").glob("*.py")}
    assert installed == {path.name: path.read_bytes() for path in LIBRARY}


def test_it_works_with_nothing_but_what_a_glue_job_has(tmp_path: Path) -> None:
    """No site-packages: only the wheel, Glue's own modules and those that the job asks for."""
    asked = DEFINITIONS["01_extract"]["DefaultArguments"]["--additional-python-modules"]
    link([*GLUE, *(each.partition("==")[0] for each in asked.split(","))], tmp_path / "glue")
    contract = f"CONTRACT = {str(REPOSITORY / 'etl_lib/tables.toml')!r}"
    done = python(sys.executable, PROGRAM + contract + WORK, wheel(tmp_path), tmp_path / "glue")
    assert done.returncode == 0, done.stderr
    count, line = done.stdout.splitlines()
    assert int(count) == len(LIBRARY) - 1  # __init__ is no module of its own
    assert "apartments" in line and line.endswith("decimal128(18, 4)")


def test_a_python_shell_is_given_all_that_the_library_imports() -> None:
    """Whichever libraries it has by itself. Those of Spark stages are imported in functions."""
    imported = {name for path in LIBRARY for name in at_the_top(ast.parse(path.read_text()))}
    missing = imported - set(sys.stdlib_module_names) - {"etl_lib"}
    provided = {"boto3": {"boto3", "botocore"}, "PyMySQL": {"pymysql"}, "tomli": {"tomli"}}
    assert {"boto3", "pymysql", "tomli"} <= missing
    for stem in SHELL:
        asked = DEFINITIONS[stem]["DefaultArguments"]["--additional-python-modules"].split(",")
        assert missing <= set().union(*(provided[each.partition("==")[0]] for each in asked))


@pytest.mark.parametrize(
    "path", [*LIBRARY, *(JOBS / f"{stem}.py" for stem in SHELL)], ids=lambda path: path.name
)
def test_what_a_python_shell_runs_is_python_3_9(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=(3, 9))
    assert not list(newer(tree))
    if any(annotation(node) for node in ast.walk(tree)):
        assert "from __future__ import annotations" in path.read_text()


def test_newer_python_is_seen() -> None:
    for text in (
        "zip(a, b, strict=True)",
        "isinstance(a, int | None)",
        "from datetime import UTC",
        "import datetime\ndatetime.UTC",
        "from itertools import pairwise",
        "@dataclass(slots=True)\nclass A: pass",
        "(1).bit_count()",
        "A = str | None",
    ):
        assert list(newer(ast.parse(text))), text
    with pytest.raises(SyntaxError):
        ast.parse("match a:\n    case 1: pass", feature_version=(3, 9))


def test_a_real_python_3_9_imports_it(tmp_path: Path) -> None:
    """Where there is one. Of the modules of others only the names are there: it is ours we ask."""
    found = shutil.which("python3.9")
    if not found or subprocess.run([found, "--version"], capture_output=True).returncode:
        pytest.skip("no Python 3.9 on this machine: checked by its syntax only")
    stubs = tmp_path / "stubs"
    for name, text in {
        "boto3": "",
        "botocore": "",
        "botocore/exceptions": "class ClientError(Exception): ...",
        "pymysql": "",
        "pymysql/cursors": "class DictCursor: ...",
        "tomli": "",
    }.items():
        (stubs / name).mkdir(parents=True)
        (stubs / name / "__init__.py").write_text(text)
    done = python(found, PROGRAM, wheel(tmp_path), stubs)
    assert done.stdout.strip() == str(len(LIBRARY) - 1), done.stderr
    compiled = {**os.environ, "PYTHONPYCACHEPREFIX": str(tmp_path)}
    scripts = [JOBS / f"{stem}.py" for stem in SHELL]
    subprocess.run([found, "-m", "py_compile", *scripts], check=True, env=compiled)


LATER_NAMES = set(  # not tomllib: contract.py asks for tomli where that is missing
    "UTC StrEnum pairwise batched Self TaskGroup ExceptionGroup TypeAlias ParamSpec assert_never "
    "NoneType UnionType aclosing chdir file_digest bit_count add_note hardlink_to".split()
)
LATER_ARGUMENTS = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}, "field": {"kw_only"}}
TYPES = {"int", "str", "float", "bool", "bytes", "list", "dict", "set", "tuple", "type"}


def newer(tree: ast.AST) -> list[str]:
    """What runs in newer versions of Python only, annotations aside."""
    found = []
    for node in ast.walk(without_annotations(tree)):
        name = node.name if isinstance(node, ast.alias) else getattr(node, "attr", "")
        found += [name] if name in LATER_NAMES else []
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            later = LATER_ARGUMENTS.get(node.func.id, set())
            found += [str(each.arg) for each in node.keywords if each.arg in later]
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            sides = {ast.unparse(node.left), ast.unparse(node.right)}
            found += [ast.unparse(node)] if sides & {*TYPES, "None"} else []
    return found


def without_annotations(tree: ast.AST) -> ast.AST:
    for node in ast.walk(tree):
        for name in ("annotation", "returns"):
            if getattr(node, name, None) is not None:
                setattr(node, name, ast.Constant(None))
    return tree


def annotation(node: ast.AST) -> bool:
    return bool(getattr(node, "annotation", None) or getattr(node, "returns", None))


def at_the_top(tree: ast.Module) -> set[str]:
    """Packages that are imported when the module is, but for its type checks."""
    tried = [node for node in tree.body if isinstance(node, ast.Try)]
    found = [*tree.body, *(each for node in tried for each in node.handlers[0].body)]
    modules = [node.module or "" for node in found if isinstance(node, ast.ImportFrom)]
    modules += [each.name for node in found if isinstance(node, ast.Import) for each in node.names]
    return {name.partition(".")[0] for name in modules}


def link(distributions: list[str], folder: Path) -> None:
    """A directory with the top-level packages of these distributions, and nothing else."""
    folder.mkdir()
    for name in distributions:
        for file in metadata.files(name) or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (folder / top).exists():
                (folder / top).symlink_to(str(metadata.distribution(name).locate_file(top)))


def wheel(folder: Path) -> Path:
    name, body = build()
    (folder / name).write_bytes(body)
    return folder / name


def python(executable: str, program: str, *path: Path) -> subprocess.CompletedProcess[str]:
    """Isolated: no site-packages, no environment, no current directory."""
    command = [executable, "-I", "-S", "-c", program, *map(str, path)]
    return subprocess.run(command, capture_output=True, text=True)
