"""Spark's classes in a file that every JVM maps: it has read and checked them once for all.

Of what a JVM computes until its first query has run, one half is to read ten thousand classes out
of 270 jars and to verify them. Java keeps what came of it in an archive (class data sharing), and
uses one only beside the very same jars and the same Java.

``python -m workbench.aws.glue.classes`` makes it, once. Without it all works, and starts later.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from workbench import prerequisites
from workbench.aws.glue import spark

FOLDER = prerequisites.TOOLS / "classes"
SECONDS = 500.0  # to make it, on a machine that does other things besides; a test may take 600
# What runs of a pipeline do, in small: the classes that this needs are those that they need.
WORK = """\
import sys
from pyspark.sql import SparkSession, functions as F
from pyspark.sql.window import Window

session = SparkSession.builder.getOrCreate()
folder = sys.argv[1]
rows = session.range(100).select(
    "id", F.expr("CAST(id AS DECIMAL(9,2)) AS price"), F.expr("CAST(id AS STRING) AS name"),
    F.current_timestamp().alias("at"),
)
rows.write.parquet(f"{folder}/rows")
read = session.read.parquet(f"{folder}/rows")
newest = F.row_number().over(Window.partitionBy("name").orderBy(F.col("at").desc()))
judged = read.withColumn("number", newest).where("number = 1 AND name rlike '^[0-9]+$'")
judged = judged.withColumn("rule", F.when(F.expr("price > 7"), "cheap").otherwise(F.lit(None)))
known = judged.join(F.broadcast(read.select("id").where("id < 9")), "id", "left_semi")
known.withColumn("row", F.to_json(F.struct(*known.columns))).write.parquet(f"{folder}/known")
judged.groupBy("rule").count().collect()
session.createDataFrame([(1, "a")], "id INT, name STRING").toPandas()
session.sparkContext.parallelize([1, 2], 1).map(str).collect()
gateway = session.sparkContext._gateway
session.stop()
gateway.shutdown()
gateway.proc.stdin.close()
sys.exit(gateway.proc.wait())
"""


@cache
def spark_home() -> Path:
    """Where PySpark is, with its jars."""
    found = find_spec("pyspark")
    assert found is not None and found.origin is not None, "it is pinned in requirements.lock"
    return Path(found.origin).parent


def archive() -> Path:
    """The archive of this Java and these jars, whether it was made or not."""
    java = prerequisites.java_home()
    jars = spark_home() / "jars"
    # A JVM looks at the time of each jar; that of the folder tells of an installation anew.
    about = (java, (java / "release").read_text(), jars, jars.stat().st_mtime_ns)
    return FOLDER / f"{hashlib.sha256(repr(about).encode()).hexdigest()[:16]}.jsa"


def options() -> str:
    """What a JVM must be told to use it; nothing if there is none."""
    made = archive()
    return f"-XX:SharedArchiveFile={quoted(made)}" if made.exists() else ""


def quoted(path: Path) -> str:
    """As Spark's launcher reads options of Java."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'


def make() -> None:
    """Make it unless it is there. Raises OSError, CalledProcessError, TimeoutExpired."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with _one_at_a_time():
        made = archive()
        if made.exists():
            return
        print("Spark: keeping its classes as a JVM needs them, once", flush=True)
        _clear()
        with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
            new = Path(folder) / "new.jsa"
            _work(Path(folder), f"-XX:ArchiveClassesAtExit={quoted(new)}")
            with open(new, "rb") as whole:
                os.fsync(whole.fileno())  # a JVM dies of an archive that was cut short
            new.rename(made)


def _clear() -> None:
    """Archives of another Java or of other jars; and what was left by one that was killed."""
    for old in FOLDER.glob("*.jsa"):
        old.unlink()
    for left in FOLDER.glob("*/"):
        shutil.rmtree(left)


def _work(folder: Path, option: str) -> None:
    conf, scratch = folder / "conf", folder / "tmp"
    scratch.mkdir()
    spark.write_configuration(conf, scratch, {})
    with open(folder / "log", "wb") as log:
        subprocess.run(
            [sys.executable, "-P", "-c", WORK, str(folder)],
            env={**os.environ, **environment(conf, option)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            timeout=SECONDS,
            check=True,
        )


def environment(conf: Path, option: str | None = None) -> dict[str, str]:
    """What makes PySpark start its JVM with the configuration in ``conf``, and with the archive.

    SPARK_CONF_DIR would put that folder in front of the jars: then no archive is of the same path.
    """
    log4j = f"-Dlog4j2.configurationFile={quoted(conf / 'log4j2.properties')}"
    properties = shlex.quote(str(conf / "spark-defaults.conf"))
    return {
        "JAVA_HOME": str(prerequisites.java_home()),
        "SPARK_HOME": str(spark_home()),  # else two processes of Python look for it
        "SPARK_SUBMIT_OPTS": f"{log4j} {options() if option is None else option}".strip(),
        "PYSPARK_SUBMIT_ARGS": f"--properties-file {properties} pyspark-shell",
    }


@contextmanager
def _one_at_a_time() -> Iterator[None]:
    with open(FOLDER / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Nothing depends on it: what went wrong is told, and no more."""
    try:
        make()
    except (OSError, subprocess.SubprocessError) as error:
        print(f"Spark will start without the archive of its classes: {error}", file=sys.stderr)


if __name__ == "__main__":
    main()
