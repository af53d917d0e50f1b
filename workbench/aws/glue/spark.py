"""How Spark runs in a session: local, small, with s3:// on the buckets' folders."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import quote

from workbench.aws.protocol import AwsError

# Hadoop's viewfs maps each s3://<bucket>/ onto a folder, so no AWS jars are needed. A raw local
# file system as its target writes no .crc files beside the objects.
S3 = {
    f"spark.hadoop.fs.{scheme}.impl": "org.apache.hadoop.fs.viewfs.ViewFileSystemOverloadScheme"
    for scheme in ("s3", "s3a", "s3n")
} | {"spark.hadoop.fs.rawlocal.impl": "org.apache.hadoop.fs.RawLocalFileSystem"}
FIXED = S3 | {
    "spark.master": "local[2]",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
}
DEFAULTS = {
    "spark.app.name": "glue-session",
    "spark.driver.memory": "1g",
    "spark.driver.extraJavaOptions": "-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Xshare:auto",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS",
    "spark.ui.showConsoleProgress": "false",
}
# They would fetch from a package repository, which no session does.
REFUSED = ("spark.jars.packages", "spark.jars.repositories", "spark.jars.ivySettings")


def parse_conf(argument: str) -> dict[str, str]:
    """``k=v --conf k2=v2``, as Glue's ``--conf`` has it. Raises InvalidInputException."""
    settings: dict[str, str] = {}
    for setting in re.split(r"\s+--conf\s+", argument.strip().removeprefix("--conf ").strip()):
        name, equals, value = setting.partition("=")
        name, value = name.strip(), value.strip()
        if not equals or not re.fullmatch(r"[\w.\-]+", name) or re.search(r"[\r\n]", value):
            raise AwsError(
                "InvalidInputException",
                f"--conf: {setting!r} is not name=value; write several as k=v --conf k2=v2",
            )
        if name in REFUSED or FIXED.get(name, value) != value:
            raise AwsError(
                "InvalidInputException", f"--conf: {name} cannot be set on the local AWS"
            )
        settings[name] = value
    return settings


def write_configuration(folder: Path, scratch: Path, settings: dict[str, str]) -> None:
    """The defaults of every SparkSession that the session makes, however it is built."""
    folder.mkdir()
    merged = DEFAULTS | {"spark.sql.warehouse.dir": str(scratch / "spark-warehouse")}
    merged |= settings | FIXED
    lines = [f"{name}={_property(value)}\n" for name, value in merged.items()]
    (folder / "spark-defaults.conf").write_text("".join(lines))
    (folder / "log4j2.properties").write_text(
        "rootLogger.level = warn\nrootLogger.appenderRef.stderr.ref = console\n"
        "appender.console.type = Console\nappender.console.name = console\n"
        "appender.console.target = SYSTEM_ERR\nappender.console.layout.type = PatternLayout\n"
        "appender.console.layout.pattern = %d{yy/MM/dd HH:mm:ss} %p %c{1}: %m%n%ex\n"
    )


def _property(value: str) -> str:
    """Escaped for a Java properties file."""
    return value.replace("\\", "\\\\")


def mounts(store: Path) -> dict[str, str]:
    """The Hadoop settings by which each bucket that is there now is s3://<bucket>/."""
    return {
        f"fs.viewfs.mounttable.{bucket.name}.linkFallback": f"rawlocal://{quote(str(bucket))}"
        for bucket in sorted(store.glob("*"))
        if bucket.is_dir()
    }
